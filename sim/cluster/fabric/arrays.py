"""A cluster's graph as arrays: every cable in both directions, sorted by switch, and the link of every NIC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from sim.cluster.contract import links
from sim.errors import TopologyError

if TYPE_CHECKING:
    import networkx as nx

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_TIER_NAMES = {1: "leaf", 2: "spine", 3: "core"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Routers by coordinates: at (V, D), each 0 .. shape - 1; router: the switch at every place, shape `shape`.

    wrap: whether each dimension closes to a ring; None where any two routers that differ in one coordinate are linked.
    """

    shape: tuple[int, ...]
    wrap: tuple[bool, ...] | None
    at: IntArray
    router: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """Directed cables between switches, and the one link of every endpoint.

    A cable of the graph is two directed ones here, and an edge of count c is c cables: a hashed flow takes one.
    Cables are sorted by source, then target; those that leave switch v are start[v] : start[v + 1].
    reverse: the same cable in the other direction. link_class: index into classes ("leaf-spine", ...).
    leaf: switch of each endpoint, -1 where its link is gone. lattice: coordinates of torus and HyperX, None elsewhere.
    Shapes: switches (V,), cables (C,), endpoints (E,).
    """

    switches: tuple[str, ...]
    endpoints: tuple[str, ...]
    tier: IntArray
    start: IntArray
    source: IntArray
    target: IntArray
    reverse: IntArray
    capacity_bytes_per_s: FloatArray
    latency_s: FloatArray
    link_class: IntArray
    classes: tuple[str, ...]
    leaf: IntArray
    nic_capacity_bytes_per_s: FloatArray
    nic_latency_s: FloatArray
    lattice: Lattice | None = None


def fabric_arrays(graph: "nx.Graph[str]", endpoints: Sequence[str], nic_bandwidth_bytes_per_s: float) -> Fabric:
    """Return the arrays of a graph; vertices other than its switches and the endpoints are left out.

    An endpoint's capacity is the lesser of its link's and its NIC's. Raises TopologyError for an endpoint with
    more than one link or wired to another endpoint, and for an edge without the contract's attributes.

    >>> import networkx as nx
    >>> pair = nx.Graph()
    >>> pair.add_node("leaf", kind="switch", tier=1)
    >>> pair.add_edge("nic", "leaf", bandwidth_bytes_per_s=50e9, latency_s=5e-7, count=1)
    >>> fabric_arrays(pair, ["nic"], 25e9).nic_capacity_bytes_per_s.tolist()
    [25000000000.0]
    """
    switches = [name for name, data in graph.nodes(data=True) if data.get("kind") == "switch"]
    tier = np.array([_number(graph.nodes[name], "tier", name) for name in switches], dtype=np.int64)
    ids = {name: position for position, name in enumerate((*switches, *endpoints))}
    edges = [link for link in links(graph) if link[0] in ids and link[1] in ids]
    ends = np.array([[ids[one] for one, _, _ in edges], [ids[other] for _, other, _ in edges]], dtype=np.int64).T
    numbers = np.array([_numbers(edges, key) for key in _ATTRIBUTES], dtype=np.float64).T
    between = (ends < len(switches)).all(axis=1)
    nics = _nic_arrays(ends[~between], numbers[~between], len(switches), endpoints, nic_bandwidth_bytes_per_s)
    fabric = _assemble(tuple(switches), tuple(endpoints), tier, ends[between], numbers[between], nics)
    return replace(fabric, lattice=_lattice(graph, switches))


_Edge = tuple[str, str, Mapping[str, object]]

_ATTRIBUTES = ("bandwidth_bytes_per_s", "latency_s", "count")


def _numbers(edges: Sequence[_Edge], key: str) -> list[float]:
    """Return an attribute of every edge."""
    values = [data.get(key) for _, _, data in edges]
    if set(map(type, values)) <= {int, float}:
        return cast(list[float], values)
    return [_number(data, key, f"edge {one} - {other}") for one, other, data in edges]


def _number(data: Mapping[str, object], key: str, where: str) -> float:
    value = data.get(key)
    if not isinstance(value, int | float):
        raise TopologyError(f"{where}: {key} is {value!r}, expected a number")
    return value


def _lattice(graph: "nx.Graph[str]", switches: Sequence[str]) -> Lattice | None:
    """Return the coordinates of all switches, None where the graph has no `shape` or a switch no place of its own."""
    shape, wrap = graph.graph.get("shape"), graph.graph.get("wrap")
    places = [graph.nodes[name].get("at") for name in switches]
    if not shape or any(place is None or len(place) != len(shape) for place in places):
        return None
    at = np.array(places, dtype=np.int64).reshape(len(switches), len(shape))
    router = np.full(shape, -1, dtype=np.int64)
    if np.any((at < 0) | (at >= np.array(shape))):
        raise TopologyError(f"graph: an attribute at lies outside the shape {tuple(shape)}")
    router[tuple(at.T)] = np.arange(len(switches))
    return Lattice(shape=tuple(shape), wrap=None if wrap is None else tuple(wrap), at=at, router=router)


def _nic_arrays(
    ends: IntArray, numbers: FloatArray, switches: int, endpoints: Sequence[str], nic_bandwidth_bytes_per_s: float
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return leaf, capacity and latency of every endpoint, from edges that have an endpoint on one side."""
    low, high = ends.min(axis=1, initial=2**62), ends.max(axis=1, initial=-1)
    for one, other in ends[low >= switches].tolist()[:1]:
        pair = f"{endpoints[one - switches]} - {endpoints[other - switches]}"
        raise TopologyError(f"edge {pair}: got two endpoints, expected an endpoint and a switch")
    endpoint = high - switches
    twice = np.flatnonzero(np.bincount(endpoint, minlength=len(endpoints)) > 1)
    for position in twice.tolist()[:1]:
        raise TopologyError(f"endpoint {endpoints[position]}: got two links, expected one (an endpoint is a NIC port)")
    leaf = np.full(len(endpoints), -1, dtype=np.int64)
    capacity, latency = np.zeros(len(endpoints)), np.zeros(len(endpoints))
    leaf[endpoint] = low
    capacity[endpoint] = np.minimum(numbers[:, 0] * numbers[:, 2], nic_bandwidth_bytes_per_s)
    latency[endpoint] = numbers[:, 1]
    return leaf, capacity, latency


def _assemble(
    switches: tuple[str, ...],
    endpoints: tuple[str, ...],
    tier: IntArray,
    ends: IntArray,
    numbers: FloatArray,
    nics: tuple[IntArray, FloatArray, FloatArray],
) -> Fabric:
    cables = numbers[:, 2].astype(np.int64)
    one, other = np.repeat(ends, cables, axis=0).T
    rows = np.repeat(numbers, cables, axis=0)
    source, target = np.concatenate([one, other]), np.concatenate([other, one])
    order = np.lexsort((target, source))
    position = np.empty_like(order)
    position[order] = np.arange(order.size)
    link_class, classes = _classes(tier, source[order], target[order])
    return Fabric(
        switches=switches,
        endpoints=endpoints,
        tier=tier,
        start=np.searchsorted(source[order], np.arange(len(switches) + 1)),
        source=source[order],
        target=target[order],
        reverse=position[(order + one.size) % max(order.size, 1)],
        capacity_bytes_per_s=np.tile(rows[:, 0], 2)[order],
        latency_s=np.tile(rows[:, 1], 2)[order],
        link_class=link_class,
        classes=classes,
        leaf=nics[0],
        nic_capacity_bytes_per_s=nics[1],
        nic_latency_s=nics[2],
    )


def _classes(tier: IntArray, source: IntArray, target: IntArray) -> tuple[IntArray, tuple[str, ...]]:
    low, high = np.minimum(tier[source], tier[target]), np.maximum(tier[source], tier[target])
    tiers = int(tier.max(initial=0)) + 1
    pairs, link_class = np.unique(low * tiers + high, return_inverse=True)
    return link_class, tuple(f"{_tier_name(pair // tiers)}-{_tier_name(pair % tiers)}" for pair in pairs.tolist())


def _tier_name(tier: int) -> str:
    return _TIER_NAMES.get(tier, f"tier{tier}")


def total(index: IntArray, weight: FloatArray, size: int) -> FloatArray:
    """Return the sum of the weights that fall on each of 0 .. size - 1.

    >>> total(np.array([0, 2, 0]), np.array([1.0, 5.0, 2.0]), 3).tolist()
    [3.0, 0.0, 5.0]
    """
    return np.bincount(index, weight, size).astype(np.float64, copy=False)


def distinct(values: IntArray) -> IntArray:
    """Return the distinct values, ascending; for integers sorting is several times faster than numpy.unique's hashing.

    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    ordered = np.sort(values)
    return ordered[np.diff(ordered, prepend=ordered[:1] - 1) > 0]


def stable_order(key: IntArray) -> IntArray:
    """Return the stable order of numbers >= 0; their places in the low bits make it a plain sort of words.

    >>> stable_order(np.array([3, 1, 3, 0])).tolist()
    [3, 1, 0, 2]
    """
    bits = key.size.bit_length()
    return np.sort((key << bits) + np.arange(key.size)) & ((1 << bits) - 1)


def components(one: IntArray, other: IntArray, size: int) -> IntArray:
    """Return which connected component each vertex belongs to, numbered from 0, given the ends of the edges.

    Every vertex takes the smallest number among its neighbours until nothing changes: as many rounds as the longest
    way to a component's smallest vertex, which is a few in a fabric of tiers.

    >>> components(np.array([0, 3]), np.array([1, 4]), 5).tolist()
    [0, 0, 1, 2, 2]
    """
    label = np.arange(size)
    while True:
        before = label.copy()
        np.minimum.at(label, one, label[other])
        np.minimum.at(label, other, label[one])
        label = label[label]
        if np.array_equal(label, before):
            return np.unique(label, return_inverse=True)[1].astype(np.int64)
