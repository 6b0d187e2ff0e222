"""A cluster's graph as arrays: every cable in both directions, sorted by switch, and the link of every NIC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from sim.errors import TopologyError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

_TIER_NAMES = {1: "leaf", 2: "spine", 3: "core"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """Directed cables between switches, and the one link of every endpoint.

    A cable of the graph is two directed ones here, and an edge of count c is c cables: a hashed flow takes one.
    Cables are sorted by source, then target; those that leave switch v are start[v] : start[v + 1].
    reverse: the same cable in the other direction. link_class: index into classes ("leaf-spine", ...).
    leaf: switch of each endpoint, -1 where its link is gone. Shapes: switches (V,), cables (C,), endpoints (E,).
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


def fabric_arrays(graph: "nx.Graph[str]", endpoints: Sequence[str], nic_bandwidth_bytes_per_s: float) -> Fabric:
    """Return the arrays of a graph; vertices other than its switches and the endpoints are left out.

    An endpoint's capacity is the lesser of its link's and its NIC's. Raises TopologyError for an endpoint with
    more than one link or wired to another endpoint, and for an edge without the contract's attributes.

    >>> pair = nx.Graph()
    >>> pair.add_node("leaf", kind="switch", tier=1)
    >>> pair.add_edge("nic", "leaf", bandwidth_bytes_per_s=50e9, latency_s=5e-7, count=1)
    >>> fabric_arrays(pair, ["nic"], 25e9).nic_capacity_bytes_per_s.tolist()
    [25000000000.0]
    """
    switches = [(name, data) for name, data in graph.nodes(data=True) if data.get("kind") == "switch"]
    index = {name: position for position, (name, _) in enumerate(switches)}
    between, links = _links(graph, index, {name: position for position, name in enumerate(endpoints)})
    tier = np.array([_attribute(data, "tier", name) for name, data in switches], dtype=np.int64)
    nics = _nic_arrays(links, endpoints, nic_bandwidth_bytes_per_s)
    return _assemble(tuple(index), tuple(endpoints), tier, between, nics)


_Row = tuple[int, int, float, float, int]


def _links(
    graph: "nx.Graph[str]", switches: Mapping[str, int], endpoints: Mapping[str, int]
) -> tuple[list[_Row], list[_Row]]:
    """Return (switch, switch, ...) and (endpoint, switch, bandwidth, latency, count) rows."""
    between: list[_Row] = []
    links: list[_Row] = []
    for one, other, data in graph.edges(data=True):
        a, b = switches.get(one), switches.get(other)
        if a is not None and b is not None:
            between.append((a, b, *_edge(data, one, other)))
        elif one in endpoints and b is not None:
            links.append((endpoints[one], b, *_edge(data, one, other)))
        elif other in endpoints and a is not None:
            links.append((endpoints[other], a, *_edge(data, one, other)))
        elif one in endpoints and other in endpoints:
            raise TopologyError(f"edge {one} - {other}: got two endpoints, expected an endpoint and a switch")
    return between, links


def _edge(data: Mapping[str, object], one: str, other: str) -> tuple[float, float, int]:
    where = f"edge {one} - {other}"
    bandwidth, latency, count = (
        _attribute(data, key, where) for key in ("bandwidth_bytes_per_s", "latency_s", "count")
    )
    return bandwidth, latency, int(count)


def _attribute(data: Mapping[str, object], key: str, where: str) -> float:
    value = data.get(key)
    if not isinstance(value, int | float):
        raise TopologyError(f"{where}: {key} is {value!r}, expected a number")
    return value


def _nic_arrays(
    links: list[_Row], endpoints: Sequence[str], nic_bandwidth_bytes_per_s: float
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return leaf, capacity and latency of every endpoint."""
    leaf = np.full(len(endpoints), -1, dtype=np.int64)
    capacity, latency = np.zeros(len(endpoints)), np.zeros(len(endpoints))
    for endpoint, switch, bandwidth_bytes_per_s, latency_s, count in links:
        if leaf[endpoint] >= 0:
            raise TopologyError(
                f"endpoint {endpoints[endpoint]}: got two links, expected one (an endpoint is a NIC port)"
            )
        leaf[endpoint] = switch
        capacity[endpoint] = min(bandwidth_bytes_per_s * count, nic_bandwidth_bytes_per_s)
        latency[endpoint] = latency_s
    return leaf, capacity, latency


def _assemble(
    switches: tuple[str, ...],
    endpoints: tuple[str, ...],
    tier: IntArray,
    between: list[_Row],
    nics: tuple[IntArray, FloatArray, FloatArray],
) -> Fabric:
    table = np.array(between, dtype=np.float64).reshape(-1, 5)
    rows = np.repeat(table, table[:, 4].astype(np.int64), axis=0)
    one, other = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)
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
        capacity_bytes_per_s=np.tile(rows[:, 2], 2)[order],
        latency_s=np.tile(rows[:, 3], 2)[order],
        link_class=link_class,
        classes=classes,
        leaf=nics[0],
        nic_capacity_bytes_per_s=nics[1],
        nic_latency_s=nics[2],
    )


def _classes(tier: IntArray, source: IntArray, target: IntArray) -> tuple[IntArray, tuple[str, ...]]:
    low, high = np.minimum(tier[source], tier[target]), np.maximum(tier[source], tier[target])
    pairs, link_class = np.unique(np.stack([low, high], axis=1), axis=0, return_inverse=True)
    return link_class.reshape(-1), tuple(f"{_tier_name(int(a))}-{_tier_name(int(b))}" for a, b in pairs)


def _tier_name(tier: int) -> str:
    return _TIER_NAMES.get(tier, f"tier{tier}")


def total(index: IntArray, weight: FloatArray, size: int) -> FloatArray:
    """Return the sum of the weights that fall on each of 0 .. size - 1.

    >>> total(np.array([0, 2, 0]), np.array([1.0, 5.0, 2.0]), 3).tolist()
    [3.0, 0.0, 5.0]
    """
    return np.bincount(index, weight, size).astype(np.float64, copy=False)
