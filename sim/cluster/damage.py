"""What faults inside nodes leave: of NICs, of scale-up ports, and which GPUs are lost."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np

from sim.cluster.fabric.arrays import FloatArray
from sim.cluster.health import Fault, is_inside
from sim.cluster.inside import nic_rates, node_graph
from sim.cluster.records import Cluster
from sim.errors import ScenarioError, unknown_name

_INSIDE = re.compile(r"node-(\d+)/(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What is left of every NIC, shape (E,), and scale-up port, shape (N,), as fractions; lost GPUs by number."""

    nics: FloatArray
    ports: FloatArray
    lost: Mapping[int, str]


def damage(cluster: Cluster) -> Damage:
    """Return what the faults inside a cluster's nodes leave; factors of several on one link multiply.

    A vertex passes its factor to all its links. A port keeps the mean of its links to the switches of its scale-up
    domain, which carry equal parts; those of other nodes' switches included. Raises ScenarioError for a node, vertex
    or link that is not there.
    """
    node, chip = cluster.node, cluster.accelerator
    whole = node_graph(node, chip)
    left = Damage(nics=np.ones(cluster.nodes * node.nics), ports=np.ones(cluster.gpus), lost={})
    own: dict[int, nx.Graph[str]] = {}
    lost: dict[int, str] = {}
    for fault in filter(is_inside, cluster.health.faults):
        number, hit = _hit(fault, whole, cluster)
        graph = own.setdefault(number, whole.copy())
        for one, other in hit:
            graph.edges[one, other]["bandwidth_bytes_per_s"] *= fault.factor
        if fault.what == "vertex" and fault.factor == 0 and "/gpu-" in fault.name:
            lost[number * node.accelerators + int(fault.name.rpartition("-")[2])] = fault.name
    healthy = nic_rates(whole, node)
    for number, graph in own.items():
        nics = slice(number * node.nics, (number + 1) * node.nics)
        left.nics[nics] = np.divide(nic_rates(graph, node), healthy, out=np.ones(node.nics), where=healthy > 0)
        kept = [gpu for gpu in range(node.accelerators) if number * node.accelerators + gpu not in lost]
        _hit_ports(left.ports, number, kept, whole, graph, cluster)
    return Damage(nics=left.nics, ports=left.ports, lost=lost)


def _hit_ports(
    ports: FloatArray,
    number: int,
    kept: Sequence[int],
    whole: "nx.Graph[str]",
    graph: "nx.Graph[str]",
    cluster: Cluster,
) -> None:
    """Take from the ports of a domain what the NVLinks of one of its nodes have lost; kept: the GPUs it still has."""
    node = cluster.node
    in_domain = max(1, node.scale_up_domain // node.accelerators)
    lacks = np.array([_lacks(whole, graph, gpu) for gpu in range(node.accelerators)])
    first = number // in_domain * in_domain * node.accelerators
    others = np.arange(first, min(first + in_domain * node.accelerators, ports.size))
    here = np.arange(number * node.accelerators, (number + 1) * node.accelerators)
    # What all GPUs of the node lack is the switches' loss, which the domain shares; the rest is a GPU's own.
    shared = lacks[kept].min() if kept else 0.0
    ports[others] -= shared / in_domain
    ports[here] -= (lacks - shared) / in_domain
    ports[others] = ports[others].clip(min=0.0)


def _lacks(whole: "nx.Graph[str]", graph: "nx.Graph[str]", gpu: int) -> float:
    """Return the fraction of a GPU's NVLink bandwidth that is gone."""
    before = _nvlink(whole, gpu)
    return 1 - _nvlink(graph, gpu) / before if before else 0.0


def _nvlink(graph: "nx.Graph[str]", gpu: int) -> float:
    own = graph[f"gpu-{gpu}"].values()
    return float(sum(link["bandwidth_bytes_per_s"] for link in own if link["medium"] == "nvlink"))


def _hit(fault: Fault, whole: "nx.Graph[str]", cluster: Cluster) -> tuple[int, Iterable[tuple[str, str]]]:
    """Return the node of a fault, and the links that it hits."""
    if fault.count is not None:
        raise ScenarioError(f"{fault.where}: got count {fault.count}, expected none: {fault.name} is one")
    if fault.what == "vertex":
        number, vertex = _vertex(fault, fault.name, whole, cluster)
        return number, list(whole.edges(vertex))
    near, dash, far = fault.name.partition(" - ")
    if not dash:
        raise ScenarioError(f"{fault.where}: got {fault.name!r}, expected a link by its ends, such as 'A - B'")
    (number, one), (same, other) = (_vertex(fault, each.strip(), whole, cluster) for each in (near, far))
    if number != same or not whole.has_edge(one, other):
        beside = ", ".join(f"node-{number}/{each}" for each in sorted(whole[one]))
        raise ScenarioError(f"{fault.where}: {fault.name}: there is no such link; {near} is linked to {beside}")
    return number, [(one, other)]


def _vertex(fault: Fault, name: str, whole: "nx.Graph[str]", cluster: Cluster) -> tuple[int, str]:
    found = _INSIDE.fullmatch(name)
    if found is None:
        raise ScenarioError(f"{fault.where}: got {name!r}, expected a vertex of a node, such as 'node-0/gpu-0'")
    number, vertex = int(found[1]), found[2]
    if number >= cluster.nodes:
        raise ScenarioError(f"{fault.where}: got node {number} in {name!r}, expected 0 to {cluster.nodes - 1}")
    if vertex not in whole:
        names = [f"node-{number}/{each}" for each in whole]
        raise unknown_name("vertex", name, names, fault.where)
    return number, vertex
