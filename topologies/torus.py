"""The torus: chips on a grid, each joined to the next in every dimension."""

from collections.abc import Iterator, Sequence

import networkx as nx

from topologies.arguments import require_number
from topologies.grid import Place, chip_grid, places, port_and_link, require_shape, router_name
from topologies.wiring import Cabling, add_cables, optic

CLOSING_M = 30.0
"""Of the cable from a ring's end back to its beginning (assumed)."""


def torus(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    shape: Sequence[int],
    wrap: bool | Sequence[bool] = True,
    bandwidth_bytes_per_s: float | None = None,
    link_bandwidth_bytes_per_s: float | None = None,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a torus or mesh of any dimensions, of sizes k_1 ... k_d by `shape` (Dally and Towles, 2004, chapter 5).

    A vertex "switch" with router = True stands for the chip's own router: it is no box, and its endpoint hangs on it
    without a cable. wrap: whether rings close, one for all dimensions or one each; a ring of two closes by its one
    link. With N = prod k_i chips and rings of more than two: d N links, diameter sum floor(k_i/2), bisection 2N/max(k)
    links for even k; without wrap N (k - 1)/k links along a dimension, and half the bisection.

    endpoints: default all places; fewer fill them in order, the last coordinate first, and the others only forward.
    link_bandwidth_bytes_per_s: one direction of a link, default 50e9. bandwidth_bytes_per_s: of the chip's own port,
    default the sum of its links; given alone, links divide it evenly: a NIC of many ports.
    latency_s: of every link with the router it enters, one way. Rings close over 30 m of fibre, 2 m of copper lie
    between neighbours (assumed).
    Raises ValueError for a shape that is none, and for more endpoints than places.

    >>> graph = torus(shape=[4, 4])
    >>> graph.number_of_edges() - 16, graph.nodes["router-3-1"]["at"], graph.graph["wrap"]
    (32, (3, 1), (True, True))
    >>> torus(shape=[4, 4], wrap=[True, False]).number_of_edges() - 16
    28
    """
    sizes = require_shape(shape)
    closed = require_wrap(wrap, len(sizes))
    port, link = port_and_link(bandwidth_bytes_per_s, link_bandwidth_bytes_per_s, most_links(sizes, closed))
    graph = chip_grid("torus", sizes, endpoints=endpoints, nics_per_node=nics_per_node, port_bytes_per_s=port)
    graph.graph["wrap"] = closed
    cable = Cabling(
        bandwidth_bytes_per_s=link,
        latency_s=require_number("latency_s", latency_s, zero=True),
        medium="copper",
        length_m=2.0,
    )
    names = {place: router_name(place) for place in places(sizes)}
    add_cables(graph, ((names[a], names[b]) for a, b, closing in ring_links(sizes, closed) if not closing), 1, cable)
    back = ((names[a], names[b]) for a, b, closing in ring_links(sizes, closed) if closing)
    add_cables(graph, back, 1, optic(cable, CLOSING_M))
    return graph


def ring_links(shape: Sequence[int], wrap: Sequence[bool]) -> Iterator[tuple[Place, Place, bool]]:
    """Yield both ends of every link, and whether it closes a ring.

    >>> list(ring_links([3], [True]))
    [((0,), (1,), False), ((1,), (2,), False), ((2,), (0,), True)]
    """
    for at in places(shape):
        for dimension, size in enumerate(shape):
            following = at[dimension] + 1
            closing = following == size
            if following < size or (wrap[dimension] and size > 2):
                yield at, (*at[:dimension], following % size, *at[dimension + 1 :]), closing


def most_links(shape: Sequence[int], wrap: Sequence[bool]) -> int:
    """Return the links of the chip that has the most.

    >>> most_links([4, 4, 2, 1], [True] * 4), most_links([3, 3], [False, False])
    (5, 4)
    """
    return sum(min(size - 1, 2) for size, _ in zip(shape, wrap, strict=True))


def require_wrap(value: object, dimensions: int) -> tuple[bool, ...]:
    """Return whether each dimension's rings close.

    >>> require_wrap(True, 2), require_wrap([True, False], 2)
    ((True, True), (True, False))
    """
    each = (value,) * dimensions if isinstance(value, bool) else value
    if not isinstance(each, Sequence) or len(each) != dimensions or not all(isinstance(one, bool) for one in each):
        raise ValueError(f"wrap: got {value!r}, expected true or false, or {dimensions} of them (one a dimension)")
    return tuple(each)
