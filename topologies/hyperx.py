"""HyperX: a full mesh along every dimension of a grid."""

from collections.abc import Iterator, Sequence
from math import prod

import networkx as nx

from topologies.arguments import require_count, require_endpoints, require_number
from topologies.grid import LINK_BYTES_PER_S, Place, chip_grid, places, port_and_link, require_shape, router_name
from topologies.hosts import add_terminals
from topologies.wiring import Cabling, add_cables, nic_cabling, optic

RACK_DIMENSIONS = 2
"""Within a rack: copper of 2 m between chips (UB-Mesh: boards, and boards of a rack)."""


def hyperx(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    shape: Sequence[int],
    p: int | None = None,
    bandwidth_bytes_per_s: float | None = None,
    link_bandwidth_bytes_per_s: float | None = None,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a HyperX (Ahn et al., SC 2009): every two places that differ in one coordinate only are joined.

    With N = prod S_i places: degree sum(S_i - 1), N sum(S_i - 1)/2 links, diameter d, bisection across a dimension
    N S_i/4 links for even S_i. One dimension is a full mesh; a UB-Mesh pod is shape 8, 8, 4, 4 (arXiv 2503.20377).

    p: endpoints of a place, whose switch is a box then. Default: a place is a chip, and a vertex "switch" with router =
    True stands for the chip's own router: it is no box, and its one endpoint hangs on it without a cable.

    endpoints: default all places; fewer fill them in order, the last coordinate first, and the others only forward.
    link_bandwidth_bytes_per_s: one direction of a link. bandwidth_bytes_per_s: of an endpoint. By default links of
    50e9, and a chip's port is the sum of its links (given alone, links divide it evenly); with p both are alike.
    latency_s: of every link with the switch it enters, one way. Links are 2 m of copper between chips along the first
    two dimensions, else 30 m of fibre (assumed).
    Raises ValueError for a shape that is none, and for more endpoints than fit.

    >>> hyperx(shape=[4, 4]).number_of_edges() - 16
    48
    >>> graph = hyperx(shape=[4, 4], p=3)
    >>> graph.degree("router-0-0"), "router" in graph.nodes["router-0-0"]
    (9, False)
    """
    sizes = require_shape(shape)
    if p is None:
        port, link = port_and_link(bandwidth_bytes_per_s, link_bandwidth_bytes_per_s, sum(sizes) - len(sizes))
        graph = chip_grid("hyperx", sizes, endpoints=endpoints, nics_per_node=nics_per_node, port_bytes_per_s=port)
    else:
        port = LINK_BYTES_PER_S if bandwidth_bytes_per_s is None else bandwidth_bytes_per_s
        link = port if link_bandwidth_bytes_per_s is None else link_bandwidth_bytes_per_s
        graph = _switched(sizes, p, endpoints, nics_per_node, nic_cabling(port, latency_s))
    cable = Cabling(
        bandwidth_bytes_per_s=require_number("link_bandwidth_bytes_per_s", link),
        latency_s=require_number("latency_s", latency_s, zero=True),
        medium="copper",
        length_m=2.0,
    )
    names = {place: router_name(place) for place in places(sizes)}
    for dimension in range(len(sizes)):
        near = p is None and dimension < RACK_DIMENSIONS
        pairs = ((names[a], names[b]) for a, b in mesh_links(sizes, dimension))
        add_cables(graph, pairs, 1, cable if near else optic(cable, 30.0))
    return graph


def mesh_links(shape: Sequence[int], dimension: int) -> Iterator[tuple[Place, Place]]:
    """Yield both ends of every link along a dimension.

    >>> list(mesh_links([3], 0))
    [((0,), (1,)), ((0,), (2,)), ((1,), (2,))]
    """
    for at in places(shape):
        for other in range(at[dimension] + 1, shape[dimension]):
            yield at, (*at[:dimension], other, *at[dimension + 1 :])


def _switched(
    shape: tuple[int, ...], p: int, endpoints: int | None, nics_per_node: int, nic: Cabling
) -> "nx.Graph[str]":
    fabric = f"a HyperX of {' x '.join(map(str, shape))} switches with {require_count('p', p)} endpoints"
    every = places(shape)
    graph: nx.Graph[str] = nx.Graph(family="hyperx", shape=shape)
    add_terminals(
        graph,
        [router_name(at) for at in every],
        endpoints=require_endpoints(endpoints, nics_per_node, p * prod(shape), fabric),
        per_switch=p,
        nics_per_node=nics_per_node,
        nic=nic,
        marks=({"at": at} for at in every),
    )
    return graph
