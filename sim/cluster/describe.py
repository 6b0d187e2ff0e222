"""What a topology is: counts, diameter and bisection of its graph."""

from collections import Counter
from dataclasses import dataclass
from typing import TypedDict

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from sim.cluster.contract import endpoints_of

TIERS = {1: "leaf", 2: "spine", 3: "core"}

Indices = NDArray[np.int64]
Bandwidths = NDArray[np.float64]


class Description(TypedDict):
    """Facts of a topology, as `topology --json` prints them; links count cables, bandwidths one direction."""

    family: str
    hosts: int
    gpus: int
    switches: int
    switches_by_tier: dict[str, int]
    links_total: int
    links_switch_switch: int
    oversubscription: list[float]
    diameter_hops: int
    bisection_bytes_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fabric:
    """The graph without its NICs: arrays over switches (near and far: over their links).

    halves_bytes_per_s: bandwidth of the NICs on each switch, (switches, 2), first and second half of the endpoints.
    """

    tiers: Indices
    hosts: Indices
    halves_bytes_per_s: Bandwidths
    near: Indices
    far: Indices
    cables: Indices
    capacity_bytes_per_s: Bandwidths


def describe(graph: "nx.Graph[str]", gpus: int | None = None) -> Description:
    """Return the facts of a graph that honours the contract; gpus defaults to one an endpoint.

    diameter_hops: links on the longest of all shortest paths between endpoints.
    bisection_bytes_per_s: the least capacity, one direction, whose removal parts the first half of the endpoints (in
    order) from the second: the textbook bisection for full trees, where any other halving cuts at least as much.
    oversubscription: per tier from the bottom, bandwidth below the tier beneath over the bandwidth that joins the two.

    >>> from topologies import fat_tree
    >>> facts = describe(fat_tree(k=4))
    >>> facts["hosts"], facts["switches_by_tier"], facts["links_total"], facts["links_switch_switch"]
    (16, {'leaf': 8, 'spine': 8, 'core': 4}, 48, 32)
    >>> facts["diameter_hops"], facts["bisection_bytes_per_s"] / 50e9
    (6, 8.0)
    """
    endpoints = endpoints_of(graph)
    fabric = _without_nics(graph, endpoints)
    tiers = Counter(fabric.tiers.tolist())
    between = int(fabric.cables.sum())
    return Description(
        family=str(graph.graph.get("family", "imported")),
        hosts=len(endpoints),
        gpus=len(endpoints) if gpus is None else gpus,
        switches=len(fabric.tiers),
        switches_by_tier={TIERS.get(tier, f"tier-{tier}"): tiers[tier] for tier in sorted(tiers)},
        links_total=between + len(endpoints),
        links_switch_switch=between,
        oversubscription=_oversubscription(fabric),
        diameter_hops=_diameter_hops(fabric),
        bisection_bytes_per_s=_bisection_bytes_per_s(fabric),
    )


def _without_nics(graph: "nx.Graph[str]", endpoints: tuple[str, ...]) -> _Fabric:
    nics = set(endpoints)
    ordinals = {vertex: ordinal for ordinal, vertex in enumerate(v for v in graph if v not in nics)}
    hosts = np.zeros(len(ordinals), dtype=np.int64)
    halves = np.zeros((len(ordinals), 2))
    for ordinal, nic in enumerate(endpoints):
        ((switch, link),) = graph.adj[nic].items()
        hosts[ordinals[switch]] += 1
        halves[ordinals[switch], int(ordinal >= len(endpoints) // 2)] += link["bandwidth_bytes_per_s"]
    links = [
        (ordinals[near], ordinals[far], link["count"], link["count"] * link["bandwidth_bytes_per_s"])
        for near, far, link in graph.edges(ordinals, data=True)
        if near in ordinals and far in ordinals
    ]
    near, far, cables, capacity = np.array(links, dtype=np.float64).reshape(-1, 4).T
    return _Fabric(
        tiers=np.array([graph.nodes[vertex]["tier"] for vertex in ordinals], dtype=np.int64),
        hosts=hosts,
        halves_bytes_per_s=halves,
        near=near.astype(np.int64),
        far=far.astype(np.int64),
        cables=cables.astype(np.int64),
        capacity_bytes_per_s=capacity,
    )


def _oversubscription(fabric: _Fabric) -> list[float]:
    below = float(fabric.halves_bytes_per_s.sum())
    ratios = [1.0]
    for tier in range(1, int(fabric.tiers.max(initial=0))):
        ends = np.sort(np.stack([fabric.tiers[fabric.near], fabric.tiers[fabric.far]]), axis=0)
        above = float(fabric.capacity_bytes_per_s[(ends[0] == tier) & (ends[1] == tier + 1)].sum())
        ratios.append(below / above)
        below = above
    return ratios


def _diameter_hops(fabric: _Fabric) -> int:
    """Return the longest shortest path between endpoints.

    Switches with the same neighbours are at the same distance from everything else and two links apart, so that one
    of each set stands for it.
    """
    if fabric.hosts.sum() < 2:
        return 0
    sets = _twins(fabric)
    size = int(sets.max()) + 1
    ends = sets[fabric.near], sets[fabric.far]
    links = csr_array((np.ones(len(ends[0])), ends), shape=(size, size))
    members = np.bincount(sets, weights=fabric.hosts > 0, minlength=size)
    sources = np.flatnonzero(members)
    hops = shortest_path(links, directed=False, unweighted=True, indices=sources)[:, sources].max()
    return 2 + max(int(hops), 2 if members.max() > 1 else 0)


def _twins(fabric: _Fabric) -> Indices:
    """Return the set of each switch: those with exactly the same neighbours share one."""
    neighbours: list[list[int]] = [[] for _ in fabric.tiers]
    for near, far in zip(fabric.near.tolist(), fabric.far.tolist(), strict=True):
        neighbours[near].append(far)
        neighbours[far].append(near)
    sets: dict[frozenset[int], int] = {}
    return np.array([sets.setdefault(frozenset(own), len(sets)) for own in neighbours], dtype=np.int64)


def _bisection_bytes_per_s(fabric: _Fabric) -> float:
    """Return the maximum flow from the first half of the endpoints to the second, on the quotient of the fabric.

    A linear programme keeps its optimum when variables are merged along an equitable partition (Grohe, Kersting,
    Mladenov and Selman, ESA 2014), so that the flow between cells of switches is exact.
    """
    cells = _equitable_cells(fabric)
    flows: nx.DiGraph[int] = nx.DiGraph()
    first, second = -1, -2
    flows.add_nodes_from([first, second])
    for cell, bandwidths in zip(cells.tolist(), fabric.halves_bytes_per_s.tolist(), strict=True):
        _add_capacity(flows, first, cell, bandwidths[0])
        _add_capacity(flows, cell, second, bandwidths[1])
    pairs, inverse = np.unique(np.stack([cells[fabric.near], cells[fabric.far]]), axis=1, return_inverse=True)
    capacities = np.bincount(inverse.ravel(), weights=fabric.capacity_bytes_per_s)
    for near, far, capacity in zip(*pairs.tolist(), capacities.tolist(), strict=True):
        _add_capacity(flows, near, far, capacity)
        _add_capacity(flows, far, near, capacity)
    return float(nx.maximum_flow_value(flows, first, second))


def _add_capacity(flows: "nx.DiGraph[int]", near: int, far: int, capacity_bytes_per_s: float) -> None:
    if capacity_bytes_per_s > 0 and near != far:
        known = flows.get_edge_data(near, far, {"capacity": 0.0})["capacity"]
        flows.add_edge(near, far, capacity=known + capacity_bytes_per_s)


def _equitable_cells(fabric: _Fabric) -> Indices:
    """Return the coarsest partition where switches of a cell have equally many links of each capacity to each cell."""
    near = np.concatenate([fabric.near, fabric.far])
    far = np.concatenate([fabric.far, fabric.near])
    capacity = np.unique(fabric.capacity_bytes_per_s, return_inverse=True)[1].astype(np.int64)
    capacity = np.concatenate([capacity, capacity])
    cells = np.unique(fabric.halves_bytes_per_s, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    while True:
        seen = _mixed(_mixed(cells[far]) + capacity.view(np.uint64))
        signature = np.zeros(len(cells), dtype=np.uint64)
        np.add.at(signature, near, seen)
        rows = np.stack([cells.view(np.uint64), signature], axis=1)
        refined = np.unique(rows, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
        if refined.max(initial=0) == cells.max(initial=0):
            return cells
        cells = refined


def _mixed(values: NDArray[np.int64] | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return 64 well-mixed bits of each (splitmix64, Steele et al. 2014): sums of them tell multisets apart."""
    bits = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
