"""The front end: a network beside the compute fabric, over which all nodes reach the store (a storage fabric, too)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.catalog.records import Cable, Switch
from sim.cluster.bom import bill_of_materials
from sim.cluster.build import call_topology, check_topology
from sim.cluster.contract import endpoints_of
from sim.cluster.fabric.arrays import Fabric, FloatArray, IntArray, fabric_arrays, total
from sim.cluster.fabric.fluid import fluid_loads
from sim.cluster.fabric.routing import Router
from sim.cluster.records import BomLine
from sim.errors import TopologyError

if TYPE_CHECKING:
    import networkx as nx

STORAGE_PLACEMENTS = ("packed", "spread")
"""Where the store's ports are plugged in: after the last node, or evenly among the nodes."""

NETWORK = "front-end"
"""Attribute `network` of every vertex, and what its name begins with, so that no vertex of the fabric has it."""

_WHERE = "cluster.front_end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a front end joins: `nics` ports of every node, and ports of the store, which may be faster or slower."""

    nics: int
    nic_bandwidth_bytes_per_s: float
    storage_ports: int
    storage_port_bandwidth_bytes_per_s: float
    storage_placement: str = "packed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    """A built front end: its graph, the nodes' ports (port e belongs to node e // ports.nics), and the store's.

    technology: of its switches, "ethernet" or "infiniband".
    """

    graph: "nx.Graph[str]"
    nics: tuple[str, ...]
    storage: tuple[str, ...]
    ports: Ports
    technology: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAccess:
    """What all nodes of a job together move to the store, or back; bottleneck: "nic", "storage" or a link class."""

    bytes_per_s: float
    bottleneck: str


def build_front_end(
    topology_kind: str,
    arguments: Mapping[str, object],
    ports: Ports,
    nodes: int,
    technology: str,
    allow_plugins: bool = False,
) -> FrontEnd:
    """Return nodes (job and spares) and a store wired by a topology, its graph checked against the contract.

    The function gets endpoints = nodes x NICs + ports of the store, nics_per_node and bandwidth_bytes_per_s, as for the
    compute fabric; the store takes places of nodes. Its ports become vertices of kind "storage", with their own
    bandwidth. Raises as build_cluster does; each error names cluster.front_end.topology.

    >>> ports = Ports(nics=1, nic_bandwidth_bytes_per_s=25e9, storage_ports=2, storage_port_bandwidth_bytes_per_s=50e9)
    >>> front_end = build_front_end("leaf-spine", {"radix": 8}, ports, nodes=6, technology="ethernet")
    >>> front_end.storage, front_end.nics[5], len(front_end.graph)
    (('storage-000000', 'storage-000001'), 'front-end-nic-000005', 11)
    """
    where, endpoints = f"{_WHERE}.topology", nodes * ports.nics + ports.storage_ports
    decided: dict[str, object] = {
        "endpoints": endpoints,
        "nics_per_node": ports.nics,
        "bandwidth_bytes_per_s": ports.nic_bandwidth_bytes_per_s,
    }
    for name in decided:
        if name in arguments:
            raise TopologyError(f"{where}.{name}: got {arguments[name]!r}, but it follows from {_WHERE} and nodes")
    wired = f"; {nodes:,} nodes x {ports.nics} NICs + {ports.storage_ports:,} ports of the store = {endpoints:,}"
    graph = call_topology(topology_kind, {**arguments, **decided}, allow_plugins, wired, where)
    check_topology(graph, endpoints, ports.nics, where)
    if any(own["kind"] == "storage" for _, own in graph.nodes(data=True)):
        raise TopologyError(f"{where}: {topology_kind}: got a graph with a store of its own, expected NICs only")
    named, nics, storage = _with_store(graph, ports, nodes)
    return FrontEnd(graph=named, nics=nics, storage=storage, ports=ports, technology=technology)


def _with_store(
    graph: "nx.Graph[str]", ports: Ports, nodes: int
) -> tuple["nx.Graph[str]", tuple[str, ...], tuple[str, ...]]:
    """Return the graph with endpoints of the store among those of nodes, all named anew, and both kinds of them."""
    places = np.array(endpoints_of(graph)).reshape(-1, ports.nics)
    taken = np.isin(np.arange(len(places)), store_places(len(places) - nodes, len(places), ports.storage_placement))
    own, store = places[~taken].ravel().tolist(), places[taken].ravel().tolist()
    nics = [f"{NETWORK}-nic-{ordinal:06d}" for ordinal in range(len(own))]
    storage = [f"storage-{ordinal:06d}" for ordinal in range(len(store))]
    names = {vertex: f"{NETWORK}-{vertex}" for vertex in graph}
    import networkx as nx

    named: nx.Graph[str] = nx.relabel_nodes(graph, names | dict(zip([*own, *store], [*nics, *storage], strict=True)))
    nx.set_node_attributes(named, dict.fromkeys(named, NETWORK), "network")
    for ordinal, nic in enumerate(nics):
        named.nodes[nic]["node"] = ordinal // ports.nics
    for port in storage:
        named.nodes[port].pop("node", None)
        named.nodes[port]["kind"] = "storage"
        (link,) = named[port].values()
        link["bandwidth_bytes_per_s"] = ports.storage_port_bandwidth_bytes_per_s
    return named, tuple(nics), tuple(storage)


def store_places(store: int, places: int, placement: str) -> IntArray:
    """Return which of the places in a topology the store takes: the last ones, or every so many.

    >>> store_places(2, 8, "packed").tolist(), store_places(2, 8, "spread").tolist()
    ([6, 7], [2, 6])
    """
    if placement == "packed":
        return np.arange(places - store, places)
    return (2 * np.arange(store) + 1) * places // (2 * store)


def joined(fabric: "nx.Graph[str]", front_end: FrontEnd) -> "nx.Graph[str]":
    """Return one graph of both networks, which no link joins: they meet in the nodes only."""
    import networkx as nx

    both: nx.Graph[str] = nx.union(fabric, front_end.graph)
    both.graph.update(fabric.graph)
    return both


def front_end_materials(
    front_end: FrontEnd, switches: Iterable[Switch], cables: Iterable[Cable]
) -> tuple[BomLine, ...]:
    """Return the switches and cables of a front end, which are network: its ports come with the nodes and the store.

    Raises TopologyError as bill_of_materials does, naming cluster.front_end.
    """
    try:
        return bill_of_materials(front_end.graph, technology=front_end.technology, switches=switches, cables=cables)
    except TopologyError as error:
        raise TopologyError(f"{_WHERE}: {error}") from error


def store_access(front_end: FrontEnd, nodes: int) -> StoreAccess:
    """Return the bandwidth with which the first `nodes` nodes, those of the job, together reach the store.

    Every node moves the same bytes, striped evenly over its own ports and over all ports of the store that each of
    these reaches, and packets split evenly over all shortest paths: a fluid. The checkpoint is done with its slowest
    streams; under max-min fairness these are all the streams over the busiest link, where they share nothing with
    faster ones, so that B = 1 / max over links of (bytes over the link per byte of the checkpoint / capacity). Cables
    carry both directions at once, over the same paths: reading back has the same bandwidth. Assumption: nothing else
    uses the front end meanwhile, and no stream collides with others by a hash.
    Raises TopologyError for a node none of whose ports reaches the store.
    """
    ports = front_end.ports
    fastest = max(ports.nic_bandwidth_bytes_per_s, ports.storage_port_bandwidth_bytes_per_s)
    fabric = fabric_arrays(front_end.graph, (*front_end.nics, *front_end.storage), fastest)
    router = Router(fabric)
    nic_weight, storage_weight = _weights(router.part, len(front_end.nics), nodes, ports.nics)
    capacity = np.split(fabric.nic_capacity_bytes_per_s, [len(front_end.nics)])
    cable_s = _cable_loads(router, nic_weight, storage_weight) / fabric.capacity_bytes_per_s
    seconds = {
        "nic": float((nic_weight / capacity[0]).max()),
        "storage": float((storage_weight / capacity[1]).max()),
    }
    slowest = max(seconds, key=lambda name: seconds[name])
    # A cable must exceed the ports by more than rounding to be what binds.
    if cable_s.max(initial=0.0) > seconds[slowest] * (1 + 1e-9):
        worst = int(cable_s.argmax())
        return StoreAccess(
            bytes_per_s=float(nodes / cable_s[worst]), bottleneck=fabric.classes[fabric.link_class[worst]]
        )
    return StoreAccess(bytes_per_s=nodes / seconds[slowest], bottleneck=slowest)


def _weights(part: IntArray, nics: int, nodes: int, nics_per_node: int) -> tuple[FloatArray, FloatArray]:
    """Return the bytes over every port of a node, and of the store, per byte that each node moves.

    part: which unconnected part (plane, rail) each endpoint is in, nodes' ports first.
    """
    store = np.bincount(part[nics:], minlength=int(part.max()) + 1)
    reaches = (store[part[:nics]] > 0).reshape(-1, nics_per_node)[:nodes]
    usable = reaches.sum(axis=1, keepdims=True)
    for lost in np.flatnonzero(usable == 0).tolist()[:1]:
        raise TopologyError(f"{_WHERE}: node {lost} has no port on a part of the network that holds ports of the store")
    nic_weight = np.zeros(nics)
    nic_weight[: nodes * nics_per_node] = (reaches / usable).ravel()
    arriving = total(part[:nics], nic_weight, store.size)
    return nic_weight, arriving[part[nics:]] / store[part[nics:]]


def _cable_loads(router: Router, nic_weight: FloatArray, storage_weight: FloatArray) -> FloatArray:
    """Return the load of every cable: each leaf of nodes sends to each leaf of the store what that takes of it."""
    fabric, nics = router.fabric, nic_weight.size
    out, sent = _by_leaf(fabric, fabric.leaf[:nics], nic_weight)
    into, taken = _by_leaf(fabric, fabric.leaf[nics:], storage_weight)
    part = np.full(len(fabric.switches), -1)
    part[fabric.leaf] = router.part
    source, target = np.nonzero(part[out][:, None] == part[into])
    arriving = total(part[into], taken, int(part.max()) + 1)
    weight = sent[source] * taken[target] / arriving[part[into[target]]]
    return fluid_loads(router, "adaptive", out[source], into[target], weight)[0]


def _by_leaf(fabric: Fabric, leaf: IntArray, weight: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the leaves over which anything goes, and how much."""
    amount = total(leaf, weight, len(fabric.switches))
    leaves = np.flatnonzero(amount)
    return leaves, amount[leaves]
