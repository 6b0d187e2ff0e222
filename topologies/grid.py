"""Routers on a grid, each of which is part of a chip: what torus and HyperX have in common."""

from collections.abc import Sequence
from itertools import product
from math import prod

import networkx as nx

from topologies.arguments import MOST_ENDPOINTS, require_count, require_endpoints, require_number
from topologies.hosts import add_terminals
from topologies.wiring import Cabling

LINK_BYTES_PER_S = 50e9
ON_CHIP_M = 0.01

Place = tuple[int, ...]


def require_shape(value: object) -> tuple[int, ...]:
    """Return the sizes of a grid's dimensions, from a list of integers or from one.

    >>> require_shape([4, 4, 4]), require_shape(8)
    ((4, 4, 4), (8,))
    >>> require_shape([4, 0])
    Traceback (most recent call last):
    ValueError: shape[1]: got 0, expected an integer >= 1
    """
    sizes = (value,) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(sizes, Sequence) or isinstance(sizes, str) or not sizes:
        raise ValueError(f"shape: got {value!r}, expected the size of every dimension, such as [4, 4, 4]")
    shape = tuple(require_count(f"shape[{dimension}]", size) for dimension, size in enumerate(sizes))
    if prod(shape) > MOST_ENDPOINTS:
        raise ValueError(f"shape: got {prod(shape):,} routers, expected at most {MOST_ENDPOINTS:,}")
    return shape


def places(shape: Sequence[int]) -> list[Place]:
    """Return every place of a grid in order, the last coordinate running fastest.

    >>> places([2, 2])
    [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    return list(product(*map(range, shape)))


def router_name(at: Sequence[int]) -> str:
    """Return the name of the router at a place.

    >>> router_name((3, 0, 12))
    'router-3-0-12'
    """
    return "router-" + "-".join(map(str, at))


def port_and_link(bandwidth: float | None, link_bandwidth: float | None, links: int) -> tuple[float, float]:
    """Return the bandwidth of a chip's own port and of one of its links; either decides the other, as links x link.

    >>> port_and_link(None, None, 6), port_and_link(600e9, None, 6), port_and_link(None, 25e9, 4)
    ((300000000000.0, 50000000000.0), (600000000000.0, 100000000000.0), (100000000000.0, 25000000000.0))
    """
    count = max(links, 1)
    port = None if bandwidth is None else require_number("bandwidth_bytes_per_s", bandwidth)
    link = None if link_bandwidth is None else require_number("link_bandwidth_bytes_per_s", link_bandwidth)
    if link is None:
        link = LINK_BYTES_PER_S if port is None else port / count
    return (count * link if port is None else port), link


def chip_grid(
    family: str, shape: tuple[int, ...], *, endpoints: int | None, nics_per_node: int, port_bytes_per_s: float
) -> "nx.Graph[str]":
    """Return a grid of chips that no link joins yet: an endpoint on its own router, for every place in order.

    With fewer endpoints, the routers beyond only forward. What joins a chip and its router takes no time.
    """
    fabric = f"a grid of {' x '.join(map(str, shape))} chips"
    count = require_endpoints(endpoints, nics_per_node, prod(shape), fabric)
    graph: nx.Graph[str] = nx.Graph(family=family, shape=shape)
    every = places(shape)
    add_terminals(
        graph,
        [router_name(at) for at in every],
        endpoints=count,
        per_switch=1,
        nics_per_node=nics_per_node,
        nic=Cabling(bandwidth_bytes_per_s=port_bytes_per_s, latency_s=0.0, medium="on-chip", length_m=ON_CHIP_M),
        marks=({"router": True, "at": at} for at in every),
    )
    return graph
