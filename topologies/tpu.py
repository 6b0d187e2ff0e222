"""TPU v4 and v5p: cubes of 4 x 4 x 4 chips, joined into a torus by optical circuit switches."""

from collections.abc import Sequence
from math import prod

import networkx as nx

from topologies.arguments import require_number
from topologies.grid import chip_grid, port_and_link, require_shape, router_name
from topologies.torus import ring_links
from topologies.wiring import Cabling, add_cables, optic

EDGE = 4
"""Chips along the edge of a cube."""

OPTICAL_SWITCHES = 3 * EDGE * EDGE
"""One for each place on a face, in each of three dimensions: both faces of every cube meet in it."""

OPTICAL_M = 100.0
"""Of fibre from a cube to another through an optical switch (assumed)."""

DIMENSIONS = 3


def tpu_v4(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    shape: Sequence[int] = (16, 16, 16),
    bandwidth_bytes_per_s: float | None = None,
    link_bandwidth_bytes_per_s: float | None = None,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a slice of a TPU v4 pod (Jouppi et al., ISCA 2023, arXiv 2304.01433): a 3D torus of whole cubes.

    A cube is 4 x 4 x 4 chips joined by copper. Its 96 links outward go to 48 optical circuit switches (OCS), one for
    each place on a face in each dimension, which join the cubes and close the rings: a pod of 64 cubes uses 128 ports
    of each. An OCS is set before the job and adds no hop: it is no vertex, the graph's optical_circuit_switches counts
    them and its optical_ports_used the ports of each. Twisted tori are not built.

    A vertex "switch" with router = True stands for the chip's own router, as in `torus`.

    endpoints: default all chips; fewer fill them in order. shape: multiples of 4, at most 4,096 chips.
    link_bandwidth_bytes_per_s: one direction of a link, default 50e9 (6 a chip). bandwidth_bytes_per_s: of the chip,
    default the sum of its links; given alone, links divide it. latency_s: of every link with the router it enters.
    Raises ValueError for a shape that is not whole cubes of a pod.

    >>> graph = tpu_v4()
    >>> graph.number_of_edges() - 4096, graph.graph["optical_circuit_switches"], graph.graph["optical_ports_used"]
    (12288, 48, 128)
    """
    link = 50e9 if (bandwidth_bytes_per_s, link_bandwidth_bytes_per_s) == (None, None) else link_bandwidth_bytes_per_s
    return _cubes("tpu-v4", 4096, shape, endpoints, nics_per_node, bandwidth_bytes_per_s, link, latency_s)


def tpu_v5p(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    shape: Sequence[int] = (16, 16, 24),
    bandwidth_bytes_per_s: float | None = None,
    link_bandwidth_bytes_per_s: float | None = None,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a slice of a TPU v5p pod (Google Cloud, TPU v5p): a 3D torus of whole cubes, as `tpu_v4`.

    A pod has 8,960 chips, its largest slice is 16 x 16 x 24. A chip has 1,200 GB/s both ways together, hence 6 links of
    100e9 one way. The number of OCS is not published: 48 as in v4, with more ports (assumed).

    endpoints: default all chips; fewer fill them in order. shape: multiples of 4, at most 8,960 chips.
    link_bandwidth_bytes_per_s: one direction of a link, default 100e9. bandwidth_bytes_per_s: of the chip,
    default the sum of its links; given alone, links divide it. latency_s: of every link with the router it enters.
    Raises ValueError for a shape that is not whole cubes of a pod.

    >>> graph = tpu_v5p(shape=[4, 4, 8])
    >>> sum(kind == "nic" for _, kind in graph.nodes(data="kind")), graph.number_of_edges() - 128
    (128, 384)
    """
    link = 100e9 if (bandwidth_bytes_per_s, link_bandwidth_bytes_per_s) == (None, None) else link_bandwidth_bytes_per_s
    return _cubes("tpu-v5p", 8960, shape, endpoints, nics_per_node, bandwidth_bytes_per_s, link, latency_s)


def _cubes(
    family: str,
    pod: int,
    shape: Sequence[int],
    endpoints: int | None,
    nics_per_node: int,
    bandwidth_bytes_per_s: float | None,
    link_bandwidth_bytes_per_s: float | None,
    latency_s: float,
) -> "nx.Graph[str]":
    sizes = require_shape(shape)
    if len(sizes) != DIMENSIONS or any(size % EDGE for size in sizes):
        raise ValueError(f"shape: got {list(sizes)}, expected {DIMENSIONS} multiples of {EDGE}: whole cubes")
    if prod(sizes) > pod:
        raise ValueError(f"shape: got {prod(sizes):,} chips, but a pod has {pod:,}")
    port, link = port_and_link(bandwidth_bytes_per_s, link_bandwidth_bytes_per_s, 2 * DIMENSIONS)
    graph = chip_grid(family, sizes, endpoints=endpoints, nics_per_node=nics_per_node, port_bytes_per_s=port)
    graph.graph.update(
        wrap=(True,) * DIMENSIONS,
        optical_circuit_switches=OPTICAL_SWITCHES,
        optical_ports_used=2 * prod(sizes) // EDGE**DIMENSIONS,
    )
    cable = Cabling(
        bandwidth_bytes_per_s=link,
        latency_s=require_number("latency_s", latency_s, zero=True),
        medium="copper",
        length_m=2.0,
    )
    within: list[tuple[str, str]] = []
    across: list[tuple[str, str]] = []
    for one, other, _ in ring_links(sizes, (True,) * DIMENSIONS):
        same = all(a // EDGE == b // EDGE for a, b in zip(one, other, strict=True))
        closing = any(a - b > 1 for a, b in zip(one, other, strict=True))
        (within if same and not closing else across).append((router_name(one), router_name(other)))
    add_cables(graph, within, 1, cable)
    add_cables(graph, across, 1, optic(cable, OPTICAL_M))
    return graph
