"""Slim Fly: the densest known graphs of diameter two (McKay, Miller and Siran), as a network."""

from dataclasses import dataclass
from math import ceil

import networkx as nx

from topologies.arguments import require_count, require_endpoints
from topologies.galois import Field, field, nearest_orders
from topologies.hosts import add_terminals
from topologies.wiring import add_cables, nic_cabling, optic

LARGEST_ORDER = 1 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SlimFlyPlan:
    """Dimensions of a Slim Fly; degree counts the cables of a router to others."""

    endpoints: int
    routers: int
    degree: int
    p: int

    @property
    def cables(self) -> int:
        """Cables between routers."""
        return self.routers * self.degree // 2


def slim_fly(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    q: int,
    p: int | None = None,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a Slim Fly (Besta and Hoefler, SC 2014), whose routers form an MMS graph over the field of q elements.

    q = 4w + d is a prime power, d being -1, 0 or 1: 2 q^2 routers of degree k = (3q - d)/2, q^2 k cables between them,
    two hops between any two. Routers are (0, x, y) and (1, m, c) with coordinates in the field; (0, x, y) meets
    (0, x, z) where y - z is in X, (1, m, c) meets (1, m, e) where c - e is in X', and (0, x, y) meets (1, m, c) where
    y = m x + c. X and X' are even and odd powers of a primitive element (Hafner, 2004).
    p: endpoints of a router, default ceil(k/2).

    endpoints: NIC ports, default all; fewer fill routers in order. bandwidth_bytes_per_s: one direction of every
    cable. latency_s: of every cable with the switch it enters, one way. Cables between routers are 30 m of fibre.
    Raises ValueError for a q that is no such prime power, with the nearest that are.

    >>> graph = slim_fly(q=5)
    >>> len(graph) - 200, graph.number_of_edges() - 200
    (50, 175)
    >>> slim_fly(q=28)
    Traceback (most recent call last):
    ValueError: q: got 28, expected a prime power other than 2; the nearest are 27 and 29
    """
    if require_count("q", q, 3) > LARGEST_ORDER:
        raise ValueError(f"q: got {q}, expected at most {LARGEST_ORDER:,}")
    numbers = field(q)
    if numbers is None:
        raise ValueError(f"q: got {q}, expected a prime power other than 2; the nearest are {nearest_orders(q)}")
    plan = slim_fly_plan(endpoints=endpoints, nics_per_node=nics_per_node, q=q, p=p)
    nic = nic_cabling(bandwidth_bytes_per_s, latency_s)
    names = [f"router-{side}-{one}-{other}" for side in range(2) for one in range(q) for other in range(q)]
    graph: nx.Graph[str] = nx.Graph(family="slim-fly")
    add_terminals(graph, names, endpoints=plan.endpoints, per_switch=plan.p, nics_per_node=nics_per_node, nic=nic)
    add_cables(graph, ((names[one], names[other]) for one, other in _pairs(numbers)), 1, optic(nic, 30.0))
    return graph


def slim_fly_plan(*, endpoints: int | None = None, nics_per_node: int = 1, q: int, p: int | None = None) -> SlimFlyPlan:
    """Return the dimensions of a Slim Fly without building it, for any q = 4w + d by the same formulas.

    28 is no prime power, but a published table counts with it (DeepSeek, arXiv 2505.09343, table 3):

    >>> plan = slim_fly_plan(q=28, p=21)
    >>> plan.routers, plan.degree, plan.cables, plan.endpoints
    (1568, 42, 32928, 32928)
    """
    remainder = require_count("q", q, 3) % 4
    if remainder == 2:
        raise ValueError(f"q: got {q}, expected 4w - 1, 4w or 4w + 1")
    degree = (3 * q - (-1 if remainder == 3 else remainder)) // 2
    each = ceil(degree / 2) if p is None else require_count("p", p)
    fabric = f"a Slim Fly of q = {q} with {each} endpoints a router"
    count = require_endpoints(endpoints, nics_per_node, 2 * q * q * each, fabric)
    return SlimFlyPlan(endpoints=count, routers=2 * q * q, degree=degree, p=each)


def generators(numbers: Field) -> tuple[frozenset[int], frozenset[int]]:
    """Return X and X' of an MMS graph; both hold the negative of each of their elements.

    >>> [sorted(each) for each in generators(field(5))]
    [[1, 4], [2, 3]]
    """
    q, powers = numbers.order, numbers.powers
    half = (q + 1) // 2 if q % 4 == 3 else q if q % 2 == 0 else q - 1
    even = [*range(0, half, 2), *range(half - 1, q - 1, 2)] if q % 4 == 3 else [*range(0, half, 2)]
    odd = [*range(1, half, 2), *range(half, q, 2)] if q % 4 == 3 else [*range(1, half, 2)]
    first, second = (frozenset(powers[each % (q - 1)] for each in exponents) for exponents in (even, odd))
    return first, second


def _pairs(numbers: Field) -> list[tuple[int, int]]:
    """Return the cables between routers, each once, by ordinals (side, first, second coordinate)."""
    q, (even, odd) = numbers.order, generators(numbers)
    pairs = []
    for side, connected in enumerate((even, odd)):
        differences = [(y, z) for y in range(q) for z in range(y + 1, q) if numbers.minus(y, z) in connected]
        pairs += [((side * q + x) * q + y, (side * q + x) * q + z) for x in range(q) for y, z in differences]
    for m in range(q):
        for x in range(q):
            product = numbers.times(m, x)
            pairs += [(x * q + numbers.plus(product, c), (q + m) * q + c) for c in range(q)]
    return pairs
