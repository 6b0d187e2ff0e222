"""The attribute contract: what a graph must carry to be a cluster's fabric.

Vertex: kind, tier (0 for NICs), router (true where a switch is part of a chip). Edge: bandwidth_bytes_per_s (one
direction of one cable), latency_s, count (parallel cables), medium, length_m. An endpoint is one NIC port, hence a
vertex of kind "nic" with one link. Media: "on-chip" is no cable, "wan" is a line that somebody else lays.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sim.errors import TopologyError, unknown_name

if TYPE_CHECKING:
    import networkx as nx

VERTEX_KINDS = ("gpu", "manager", "nic", "nvswitch", "storage", "switch")
MEDIA = ("copper", "nvlink", "on-chip", "optic", "pcie", "wan")
EDGE_ATTRIBUTES = ("bandwidth_bytes_per_s", "latency_s", "count", "medium", "length_m")
SHOWN = 10

_VALUES = itemgetter(*EDGE_ATTRIBUTES)


def check_graph(graph: "nx.Graph[str]", endpoints: int, nics_per_domain: int = 1) -> None:
    """Raise TopologyError, one line a fault, unless the graph honours the contract and has that many endpoints.

    Faults: a missing attribute, an unknown kind or medium, a bandwidth, count or length that is not positive, a
    negative latency, a link to itself, an endpoint without exactly one link, endpoints out of each other's reach,
    another number of endpoints. Faults that many vertices or links share are told once, with an example.
    nics_per_domain: endpoints e // nics_per_domain lie in one node or scale-up domain, and reach one another there:
    rails and planes need not meet in the graph.

    >>> import networkx as nx
    >>> graph = nx.Graph()
    >>> graph.add_node("nic-0", kind="nic", tier=0)
    >>> check_graph(graph, 1)
    Traceback (most recent call last):
    sim.errors.TopologyError: vertex nic-0: 0 links, expected 1: an endpoint is one NIC port
    """
    if graph.is_directed() or graph.is_multigraph():
        raise TopologyError(f"graph: got {type(graph).__name__}, expected an undirected Graph without parallel edges")
    faults = [*_vertex_faults(graph), *_edge_faults(graph)] or [*_endpoint_faults(graph, endpoints, nics_per_domain)]
    if faults:
        more = [f"and {len(faults) - SHOWN:,} more"] if len(faults) > SHOWN else []
        raise TopologyError("\n".join(faults[:SHOWN] + more))


def endpoints_of(graph: "nx.Graph[str]") -> tuple[str, ...]:
    """Return the endpoints in the graph's order: the vertices of kind "nic".

    >>> from topologies import leaf_spine
    >>> endpoints_of(leaf_spine(radix=4, endpoints=3))
    ('nic-000000', 'nic-000001', 'nic-000002')
    """
    return tuple(vertex for vertex, attributes in graph.nodes(data=True) if attributes.get("kind") == "nic")


def links(graph: "nx.Graph[str]") -> list[tuple[str, str, dict[str, Any]]]:
    """Return both ends and the attributes of every link, as `graph.edges(data=True)` yields them, in half the time.

    >>> import networkx as nx
    >>> links(nx.Graph([("a", "b", {"count": 1})]))
    [('a', 'b', {'count': 1})]
    """
    found: list[tuple[str, str, dict[str, Any]]] = []
    seen: set[str] = set()
    for vertex, neighbours in graph.adjacency():
        found += [(vertex, other, link) for other, link in neighbours.items() if other not in seen]
        seen.add(vertex)
    return found


def link_counts(graph: "nx.Graph[str]", *attributes: str) -> Counter[tuple[Any, ...]]:
    """Return how many links have the same values of two attributes at least; no link may join a vertex to itself.

    Every link is met from both its ends, which is faster than to tell which was met before.

    >>> import networkx as nx
    >>> link_counts(nx.Graph([("a", "b", {"count": 1, "medium": "optic"})]), "medium", "count")
    Counter({('optic', 1): 1})
    """
    every = chain.from_iterable(own.values() for _, own in graph.adjacency())
    twice = Counter(map(itemgetter(*attributes), every))
    return Counter({values: ends // 2 for values, ends in twice.items()})


def _vertex_faults(graph: "nx.Graph[str]") -> Iterator[str]:
    classes: dict[tuple[object, object], str] = {}
    for vertex, attributes in graph.nodes(data=True):
        classes.setdefault((attributes.get("kind"), attributes.get("tier")), vertex)
    for (kind, tier), example in classes.items():
        where = f"vertex {example}"
        if kind is None:
            yield f"{where}: attribute kind is missing"
        elif kind not in VERTEX_KINDS:
            yield str(unknown_name("kind", str(kind), VERTEX_KINDS, where))
        if tier is None:
            yield f"{where}: attribute tier is missing"
        elif not isinstance(tier, int) or tier < 0 or (kind == "nic" and tier != 0):
            yield f"{where}: tier is {tier!r}, expected {'0 for a NIC' if kind == 'nic' else 'an integer >= 0'}"


def _edge_faults(graph: "nx.Graph[str]") -> Iterator[str]:
    if _edges_are_sound(graph):
        return
    classes: dict[str, tuple[tuple[object, ...], str, str]] = {}
    for near, far, attributes in links(graph):
        if near == far:
            yield f"link {near} - {far}: a link to itself"
        values = tuple(map(attributes.get, EDGE_ATTRIBUTES))
        classes.setdefault(repr(values), (values, near, far))
    for values, near, far in classes.values():
        yield from _cabling_faults(f"link {near} - {far}", dict(zip(EDGE_ATTRIBUTES, values, strict=True)))


def _edges_are_sound(graph: "nx.Graph[str]") -> bool:
    """Return whether no link has a fault, without naming any: what a graph of a million links has time for."""
    neighbours = dict(graph.adjacency())
    every = chain.from_iterable(own.values() for own in neighbours.values())
    try:
        classes = set(map(_VALUES, every))
    except (KeyError, TypeError):
        return False
    faults = (_cabling_faults("", dict(zip(EDGE_ATTRIBUTES, values, strict=True))) for values in classes)
    return not any(map(any, faults)) and not any(vertex in own for vertex, own in neighbours.items())


def _cabling_faults(where: str, attributes: Mapping[str, object]) -> Iterator[str]:
    for name, value in attributes.items():
        if value is None:
            yield f"{where}: attribute {name} is missing"
        elif name == "medium":
            if value not in MEDIA:
                yield str(unknown_name("medium", str(value), MEDIA, where))
        elif name == "count":
            if not isinstance(value, int) or value < 1:
                yield f"{where}: count is {value!r}, expected an integer >= 1"
        elif not _is_quantity(value, zero=name == "latency_s"):
            yield f"{where}: {name} is {value!r}, expected a finite number {'>=' if name == 'latency_s' else '>'} 0"


def _is_quantity(value: object, zero: bool) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and (value > 0 or (zero and value == 0))


def _endpoint_faults(graph: "nx.Graph[str]", endpoints: int, nics_per_domain: int) -> Iterator[str]:
    nics = endpoints_of(graph)
    neighbours = dict(graph.adjacency())
    for nic in nics:
        own = neighbours[nic]
        if len(own) != 1 or next(iter(own.values()))["count"] != 1:
            cables = sum(link["count"] for link in own.values())
            yield f"vertex {nic}: {cables} links, expected 1: an endpoint is one NIC port"
    if len(nics) != endpoints:
        yield f"endpoints: the graph has {len(nics):,}, expected {endpoints:,}"
    lost = _lost(neighbours, nics, nics_per_domain) if nics else []
    if lost:
        yield f"endpoints: {len(lost):,} of {len(nics):,} cannot be reached from {nics[0]}, the first is {lost[0]}"


def _lost(neighbours: Mapping[str, Iterable[str]], nics: tuple[str, ...], nics_per_domain: int) -> list[str]:
    """Return the endpoints that neither the graph nor the domains on the way join to the first."""
    reached = _reached(neighbours, {nics[0]}, set())
    while len(reached) < len(neighbours):
        domains = {ordinal // nics_per_domain for ordinal, nic in enumerate(nics) if nic in reached}
        lost = [(ordinal, nic) for ordinal, nic in enumerate(nics) if nic not in reached]
        entered = {nic for ordinal, nic in lost if ordinal // nics_per_domain in domains}
        if not entered:
            return [nic for _, nic in lost]
        reached = _reached(neighbours, entered, reached)
    return []


def _reached(neighbours: Mapping[str, Iterable[str]], start: set[str], known: set[str]) -> set[str]:
    """Return the known vertices and every one that a path joins to the start (whole frontiers at once, for speed)."""
    reached, frontier = known | start, start
    while frontier:
        frontier = set[str]().union(*map(neighbours.__getitem__, frontier)) - reached
        reached |= frontier
    return reached
