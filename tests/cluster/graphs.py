"""Small graphs, nodes and clusters for the network's tests, built by hand."""

import networkx as nx
import numpy as np

from sim.catalog.records import Accelerator, Node
from sim.cluster.examples import accelerator, node
from sim.cluster.records import Cluster

NIC_BYTES_PER_S = 50e9
LINK_S = 500e-9


def folded(
    *, leaves: int, down: int, spines: int, count: int = 1, pods: int = 1, cores_per_spine: int = 0, core_count: int = 1
) -> "nx.Graph[str]":
    """Return pods of leaves and spines; cores of plane j join spine j of every pod. Every link is 50 GB/s, 500 ns."""
    graph: nx.Graph[str] = nx.Graph()

    def cable(one: str, other: str, cables: int = 1) -> None:
        graph.add_edge(one, other, bandwidth_bytes_per_s=NIC_BYTES_PER_S, latency_s=LINK_S, count=cables)

    for pod in range(pods):
        for spine in range(spines):
            graph.add_node(f"spine-{pod}-{spine}", kind="switch", tier=2)
            for core in range(cores_per_spine):
                graph.add_node(f"core-{spine}-{core}", kind="switch", tier=3)
                cable(f"spine-{pod}-{spine}", f"core-{spine}-{core}", core_count)
        for leaf in range(leaves):
            name = f"leaf-{pod}-{leaf}"
            graph.add_node(name, kind="switch", tier=1)
            for spine in range(spines):
                cable(name, f"spine-{pod}-{spine}", count)
            for port in range(down):
                nic = f"nic-{(pod * leaves + leaf) * down + port:06d}"
                graph.add_node(nic, kind="nic", tier=0)
                cable(nic, name)
    return graph


def endpoints_of(graph: "nx.Graph[str]") -> tuple[str, ...]:
    return tuple(sorted(name for name, data in graph.nodes(data=True) if data["kind"] == "nic"))


def cluster(graph: "nx.Graph[str]", each: Node, chip: Accelerator | None = None) -> Cluster:
    endpoints = endpoints_of(graph)
    return Cluster(
        graph=graph,
        endpoints=endpoints,
        node=each,
        accelerator=chip or accelerator(),
        nodes=len(endpoints) // each.nics,
    )


def h100() -> Node:
    return node(gpus=8, nics=8, nic_latency_s=1.8e-6, scale_up_latency_s=0.6e-6)


def direct(wiring: "nx.Graph[int]", *, down: int = 1, count: int = 1, **facts: object) -> "nx.Graph[str]":
    """Return routers wired as given, each with `down` NICs; facts are the graph's. Every link is 50 GB/s, 500 ns."""
    graph: nx.Graph[str] = nx.Graph(**facts)
    cable = {"bandwidth_bytes_per_s": NIC_BYTES_PER_S, "latency_s": LINK_S}
    for router, data in wiring.nodes(data=True):
        graph.add_node(f"router-{router}", kind="switch", tier=1, **data)
        for port in range(down):
            nic = f"nic-{router * down + port:06d}"
            graph.add_node(nic, kind="nic", tier=0)
            graph.add_edge(nic, f"router-{router}", count=1, **cable)
    graph.add_edges_from([(f"router-{a}", f"router-{b}") for a, b in wiring.edges], count=count, **cable)
    return graph


def lattice(
    *shape: int, wrap: tuple[bool, ...] | None = None, down: int = 1, count: int = 1, full: bool = False
) -> "nx.Graph[str]":
    """Return a grid of routers: a torus where it wraps, a mesh where it does not, a HyperX where it is full."""
    places = list(np.ndindex(*shape))
    index = {place: router for router, place in enumerate(places)}
    wraps = wrap if wrap is not None else (True,) * len(shape)
    wiring: nx.Graph[int] = nx.Graph()
    wiring.add_nodes_from((index[place], {"at": place}) for place in places)
    for place in places:
        for axis, size in enumerate(shape):
            for step in range(1, size) if full else (1,):
                far = list(place)
                far[axis] += step
                if far[axis] < size or (wraps[axis] and not full and size > 2):
                    far[axis] %= size
                    wiring.add_edge(index[place], index[tuple(far)])
    facts = {"shape": shape} if full else {"shape": shape, "wrap": wraps}
    return direct(wiring, down=down, count=count, **facts)
