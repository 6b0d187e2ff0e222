"""A graph without its endpoints: arrays over switches and the links between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import networkx as nx

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Bandwidths = NDArray[np.float64]
Neighbours = Mapping[str, Mapping[str, Mapping[str, Any]]]

_CABLES = itemgetter("count", "bandwidth_bytes_per_s")

ON_CHIP = "on-chip"
"""Medium of what joins a chip to its own router: no cable, and no hop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """Arrays over switches, shape (S,), and over the links between them (L,): near, far, cables, capacity.

    hosts: endpoints of each switch, (S, 2): those a cable away, and those on the same chip.
    halves_bytes_per_s: bandwidth of the endpoints on each, (S, 2), first and second half of the endpoints.
    at: coordinates on a grid, (S, dimensions), of no dimension where the graph is none; shape: of that grid.
    """

    tiers: Indices
    routers: Flags
    hosts: Indices
    halves_bytes_per_s: Bandwidths
    near: Indices
    far: Indices
    cables: Indices
    capacity_bytes_per_s: Bandwidths
    at: Indices
    shape: tuple[int, ...]


def skeleton(graph: "nx.Graph[str]", endpoints: Sequence[str]) -> Skeleton:
    """Return the switches of a graph that honours the contract, and what joins them.

    >>> from topologies import fat_tree
    >>> bones = skeleton(fat_tree(k=4), [f"nic-{e:06d}" for e in range(16)])
    >>> bones.tiers.size, bones.near.size, bones.hosts.sum(axis=0).tolist()
    (20, 32, [16, 0])
    """
    switches = [(name, own) for name, own in graph.nodes(data=True) if own["kind"] == "switch"]
    ordinals = {name: ordinal for ordinal, (name, _) in enumerate(switches)}
    neighbours = dict(graph.adjacency())
    near, far, cables, capacity = _between(neighbours, ordinals)
    hosts, halves = _endpoints(neighbours, endpoints, ordinals)
    shape = tuple(graph.graph.get("shape", ()))
    at = [tuple(own.get("at", ())) for _, own in switches]
    gridded = bool(shape) and all(len(each) == len(shape) for each in at)
    return Skeleton(
        tiers=np.array([own["tier"] for _, own in switches], dtype=np.int64),
        routers=np.array([bool(own.get("router")) for _, own in switches], dtype=np.bool_),
        hosts=hosts,
        halves_bytes_per_s=halves,
        near=near,
        far=far,
        cables=cables,
        capacity_bytes_per_s=capacity,
        at=np.array(at if gridded else [()] * len(at), dtype=np.int64).reshape(len(at), -1 if at and gridded else 0),
        shape=shape if gridded else (),
    )


def _between(neighbours: Neighbours, ordinals: Mapping[str, int]) -> tuple[Indices, Indices, Indices, Bandwidths]:
    """Return near end, far end, cables and capacity of every link between switches, from the end that comes first."""
    others: list[int] = []
    links: list[tuple[int, float]] = []
    for name in ordinals:
        own = neighbours[name]
        others += [ordinals.get(other, -1) for other in own]
        links += map(_CABLES, own.values())
    near = np.repeat(np.arange(len(ordinals)), [len(neighbours[name]) for name in ordinals])
    far = np.array(others, dtype=np.int64)
    once = far > near
    cables, bandwidth = np.array(links, dtype=np.float64).reshape(-1, 2)[once].T
    return near[once], far[once], cables.astype(np.int64), cables * bandwidth


def _endpoints(
    neighbours: Neighbours, endpoints: Sequence[str], ordinals: Mapping[str, int]
) -> tuple[Indices, Bandwidths]:
    """Return endpoints by switch and by way to it, and their bandwidth by switch and by half of the endpoints."""
    rows = [
        (ordinals[switch], link["medium"] == ON_CHIP, link["bandwidth_bytes_per_s"])
        for nic in endpoints
        for switch, link in neighbours[nic].items()
        if switch in ordinals
    ]
    switch, on_chip, bandwidth = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    hosts = np.zeros((len(ordinals), 2), dtype=np.int64)
    halves = np.zeros((len(ordinals), 2))
    np.add.at(hosts, (switch.astype(np.int64), on_chip.astype(np.int64)), 1)
    second = (np.arange(len(rows)) >= len(rows) // 2).astype(np.int64)
    np.add.at(halves, (switch.astype(np.int64), second), bandwidth)
    return hosts, halves
