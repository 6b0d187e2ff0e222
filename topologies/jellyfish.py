"""Jellyfish: switches joined at random, each by the same number of cables."""

import networkx as nx

from topologies.arguments import require_count, require_endpoints, require_ports
from topologies.hosts import add_terminals
from topologies.wiring import add_cables, nic_cabling, optic

TRIES = 100


def jellyfish(
    *,
    endpoints: int | None = None,
    nics_per_node: int = 1,
    switches: int,
    ports: int,
    degree: int,
    seed: int = 0,
    bandwidth_bytes_per_s: float = 50e9,
    latency_s: float = 500e-9,
) -> "nx.Graph[str]":
    """Return a Jellyfish: a random regular graph of switches (Singla, Hong, Popa and Godfrey, NSDI 2012).

    N switches of k ports, r of which (degree) lead to other switches: N (k - r) endpoints, N r/2 cables between
    switches. seed: of the draw, by networkx' random_regular_graph (Steger and Wormald, 1999); should a draw fall
    apart, which for r >= 3 it almost never does, the next seed is taken.

    endpoints: NIC ports, default all; fewer fill switches in order. bandwidth_bytes_per_s: one direction of every
    cable. latency_s: of every cable with the switch it enters, one way. Cables between switches are 30 m of fibre.
    Raises ValueError for a degree without room for endpoints, an odd N r, and where no draw is connected.

    >>> graph = jellyfish(switches=20, ports=8, degree=5, seed=1)
    >>> len(graph) - 60, graph.number_of_edges() - 60
    (20, 50)
    """
    _check(switches, ports, degree)
    names = [f"switch-{ordinal}" for ordinal in range(switches)]
    nic = nic_cabling(bandwidth_bytes_per_s, latency_s)
    fabric = f"a Jellyfish of {switches:,} switches with {ports - degree} endpoints each"
    graph: nx.Graph[str] = nx.Graph(family="jellyfish")
    add_terminals(
        graph,
        names,
        endpoints=require_endpoints(endpoints, nics_per_node, switches * (ports - degree), fabric),
        per_switch=ports - degree,
        nics_per_node=nics_per_node,
        nic=nic,
    )
    drawn = _connected(switches, degree, require_count("seed", seed, 0))
    add_cables(graph, sorted((names[one], names[other]) for one, other in drawn.edges), 1, optic(nic, 30.0))
    return graph


def _check(switches: int, ports: int, degree: int) -> None:
    require_count("switches", switches, 2)
    require_ports("ports", ports)
    if require_count("degree", degree) >= ports:
        raise ValueError(f"degree: got {degree}, expected fewer than the {ports} ports: the others take endpoints")
    if degree >= switches:
        raise ValueError(f"degree: got {degree}, expected fewer than the {switches} switches")
    if switches * degree % 2:
        raise ValueError(f"switches x degree: got {switches} x {degree}, expected an even number of cable ends")


def _connected(switches: int, degree: int, seed: int) -> "nx.Graph[int]":
    for each in range(seed, seed + TRIES):
        drawn: nx.Graph[int] = nx.random_regular_graph(degree, switches, seed=each)
        if nx.is_connected(drawn):
            return drawn
    raise ValueError(f"degree: got {degree}, with which none of {TRIES} draws is connected; expected at least 3")
