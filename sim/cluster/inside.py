"""Inside a node: GPUs, NVSwitches, PCIe switches, CPUs and NICs as vertices, and what the fastest way between is.

All nodes of a cluster are alike, so that one graph stands for them; a vertex of node 7 is called "node-7/gpu-2".
"""

from collections.abc import Iterable
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from sim.catalog.records import Accelerator, Node
from sim.cluster.fabric.arrays import FloatArray
from sim.cluster.records import Cluster

if TYPE_CHECKING:
    import networkx as nx


def node_graph(node: Node, chip: Accelerator) -> "nx.Graph[str]":
    """Return the inside of a node by the contract's attributes; bandwidths are those of one direction.

    Every GPU has a link to each of the node's NVSwitches (or, without any, to every other GPU of the node). GPUs and
    NICs share PCIe switches evenly, in their order, and switches CPUs; without PCIe switches they hang on the CPUs.
    Nothing is simulated to cross from CPU to CPU, so that no link joins them. Latencies are those of the node's
    record (`nic_latency_s`, `scale_up_latency_s`): none is repeated here.

    >>> from sim import catalog
    >>> inside = node_graph(catalog.node("dgx-h100"), catalog.accelerator("h100-sxm"))
    >>> sorted(inside["nic-5"]), sorted(inside["gpu-5"])
    (['pcie-2'], ['nvswitch-0', 'nvswitch-1', 'nvswitch-2', 'nvswitch-3', 'pcie-2'])
    """
    import networkx as nx

    graph: nx.Graph[str] = nx.Graph(family="node", name=node.name)
    gpus = _vertices(graph, "gpu", node.accelerators, 0)
    nics = _vertices(graph, "nic", node.nics, 0)
    bridges = _vertices(graph, "pcie", node.pcie_switches, 1)
    cpus = _vertices(graph, "cpu", node.cpus, 2)
    switches = _vertices(graph, "nvswitch", node.scale_up_switches, 1)
    port = chip.scale_up_bandwidth_bytes_per_s
    if switches:
        _join(graph, [(gpu, each) for gpu in gpus for each in switches], port / len(switches), "nvlink")
    elif node.scale_up_domain > 1 and len(gpus) > 1:
        _join(graph, combinations(gpus, 2), port / (len(gpus) - 1), "nvlink")
    to_gpu = node.pcie_bandwidth_bytes_per_s if bridges else node.host_to_device_bandwidth_bytes_per_s
    _join(graph, _shared(gpus, bridges or cpus), to_gpu, "pcie")
    _join(graph, _shared(nics, bridges or cpus), node.pcie_bandwidth_bytes_per_s, "pcie")
    _join(graph, _shared(bridges, cpus), node.pcie_bandwidth_bytes_per_s, "pcie")
    return graph


def _vertices(graph: "nx.Graph[str]", kind: str, count: int, tier: int) -> list[str]:
    names = [f"{kind}-{ordinal}" for ordinal in range(count)]
    graph.add_nodes_from(names, kind=kind, tier=tier)
    return names


def _shared(children: list[str], parents: list[str]) -> list[tuple[str, str]]:
    """Return each child with its parent: equal parts of the children, in their order."""
    return [(child, parents[i * len(parents) // len(children)]) for i, child in enumerate(children)]


def _join(graph: "nx.Graph[str]", pairs: Iterable[tuple[str, str]], bandwidth_bytes_per_s: float, medium: str) -> None:
    attributes = {"latency_s": 0.0, "count": 1, "medium": medium, "length_m": 0.5}
    graph.add_edges_from(pairs, bandwidth_bytes_per_s=bandwidth_bytes_per_s, **attributes)


def affinity(graph: "nx.Graph[str]", gpu: str, nic: str) -> str:
    """Return how a GPU reaches a NIC, as `nvidia-smi topo` says: PIX (one PCIe switch), PHB (one CPU), SYS (another).

    >>> from sim import catalog
    >>> inside = node_graph(catalog.node("dgx-h100"), catalog.accelerator("h100-sxm"))
    >>> [affinity(inside, "gpu-0", f"nic-{i}") for i in (0, 1, 2, 4)]
    ['PIX', 'PIX', 'PHB', 'SYS']
    """
    one, other = _above(graph, gpu), _above(graph, nic)
    if one[0] == other[0] and graph.nodes[one[0]]["kind"] == "pcie":
        return "PIX"
    return "PHB" if one[-1] == other[-1] else "SYS"


def _above(graph: "nx.Graph[str]", vertex: str) -> list[str]:
    """Return the PCIe switch, if there is one, and the CPU above a GPU or a NIC."""
    tier = graph.nodes[vertex]["tier"]
    above = [
        other for other, link in graph[vertex].items() if link["medium"] == "pcie" and graph.nodes[other]["tier"] > tier
    ]
    return [above[0], *_above(graph, above[0])] if above else []


def nic_rates(graph: "nx.Graph[str]", node: Node) -> FloatArray:
    """Return what every NIC of a node can send and receive, shape (nics,), in bytes/s, by the links on its way.

    The least of its own line rate, its PCIe link, and the PCIe links of the GPUs that it serves (GPU g uses NICs
    g x nics // gpus and on, as `placing.nics_of`; one with several divides its link among them).

    A port of 100 GB/s in a PCIe 5.0 slot is held to 63 GB/s:

    >>> from dataclasses import replace
    >>> from sim import catalog
    >>> node = replace(catalog.node("dgx-h100"), nic_bandwidth_bytes_per_s=100e9)
    >>> nic_rates(node_graph(node, catalog.accelerator("h100-sxm")), node).max().item()
    63000000000.0
    """
    ports = max(1, node.nics // node.accelerators)
    served = np.zeros(node.nics)
    for gpu in range(node.accelerators if node.nics else 0):
        first = gpu * node.nics // node.accelerators
        served[first : first + ports] += _up_bytes_per_s(graph, f"gpu-{gpu}") / ports
    own = np.array([_up_bytes_per_s(graph, f"nic-{nic}") for nic in range(node.nics)])
    rates: FloatArray = np.minimum(np.minimum(own, served), node.nic_bandwidth_bytes_per_s)
    return rates


def _up_bytes_per_s(graph: "nx.Graph[str]", vertex: str) -> float:
    """Return the bandwidth of a GPU's or a NIC's PCIe link; 0 where it is gone."""
    return float(sum(link["bandwidth_bytes_per_s"] for link in graph[vertex].values() if link["medium"] == "pcie"))


def whole_graph(cluster: Cluster) -> "nx.Graph[str]":
    """Return the fabric with the inside of every node: endpoints are the NICs of both.

    >>> from sim.cluster.build import build_cluster
    >>> from sim import catalog
    >>> chip = catalog.accelerator("h100-sxm")
    >>> whole = whole_graph(build_cluster("leaf-spine", {"radix": 8}, catalog.node("dgx-h100"), chip, 2))
    >>> sorted(whole["nic-000011"]), whole.nodes["nic-000011"]["node"]
    (['leaf-0-2', 'node-1/pcie-1'], 1)
    """
    import networkx as nx

    whole, inside = cluster.graph.copy(), node_graph(cluster.node, cluster.accelerator)
    for node in range(cluster.nodes):
        names = {vertex: f"node-{node}/{vertex}" for vertex in inside}
        first = node * cluster.node.nics
        names |= {f"nic-{nic}": cluster.endpoints[first + nic] for nic in range(cluster.node.nics)}
        own = nx.relabel_nodes(inside, names)
        whole.add_nodes_from((vertex, {**data, "node": node}) for vertex, data in own.nodes(data=True))
        whole.add_edges_from(own.edges(data=True))
    return whole
