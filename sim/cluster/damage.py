"""What faults inside nodes leave: of NICs, of scale-up ports, and which GPUs are lost."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.cluster.fabric.arrays import FloatArray
from sim.cluster.health import Fault, is_inside
from sim.cluster.inside import nic_rates, node_graph
from sim.cluster.records import Cluster
from sim.errors import ScenarioError, unknown_name

if TYPE_CHECKING:
    import networkx as nx

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
    domain, which carry equal parts; those of other nodes' switches included. A PCIe switch takes its GPUs along, a CPU
    all of its node, which cannot run without its host. Raises ScenarioError for a node, vertex or link that is not
    there, and for one whose slow-down nothing would notice.
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
        if fault.what == "vertex" and fault.factor == 0:
            first = number * node.accelerators
            lost |= {first + gpu: fault.name for gpu in _taken_along(fault.name.rpartition("/")[2], whole)}
    healthy = nic_rates(whole, node)
    for number, graph in own.items():
        nics = slice(number * node.nics, (number + 1) * node.nics)
        left.nics[nics] = np.divide(nic_rates(graph, node), healthy, out=np.ones(node.nics), where=healthy > 0)
        kept = [gpu for gpu in range(node.accelerators) if number * node.accelerators + gpu not in lost]
        _hit_ports(left.ports, number, kept, whole, graph, cluster)
    return Damage(nics=left.nics, ports=left.ports, lost=lost)


def _taken_along(vertex: str, whole: "nx.Graph[str]") -> list[int]:
    """Return the GPUs of a node that are lost with one of its vertices."""
    kind = whole.nodes[vertex]["kind"]
    gpus = [each for each in whole if whole.nodes[each]["kind"] == "gpu"]
    taken = {"gpu": [vertex], "pcie": [each for each in whole[vertex] if each in gpus], "cpu": gpus}
    return [int(gpu.rpartition("-")[2]) for gpu in taken.get(kind, [])]


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
        links = list(whole.edges(vertex))
        if fault.factor > 0 and all(_is_idle(whole, *link) for link in links):
            raise _unnoticed(fault)
        return number, links
    near, dash, far = fault.name.partition(" - ")
    if not dash:
        raise ScenarioError(f"{fault.where}: got {fault.name!r}, expected a link by its ends, such as 'A - B'")
    (number, one), (same, other) = (_vertex(fault, each.strip(), whole, cluster) for each in (near, far))
    if number != same or not whole.has_edge(one, other):
        beside = ", ".join(f"node-{number}/{each}" for each in sorted(whole[one]))
        raise ScenarioError(f"{fault.where}: {fault.name}: there is no such link; {near} is linked to {beside}")
    if _is_idle(whole, one, other):
        raise _unnoticed(fault)
    return number, [(one, other)]


def _is_idle(whole: "nx.Graph[str]", one: str, other: str) -> bool:
    """Return whether nothing crosses a link: what joins PCIe switches to CPUs, as GPUs and NICs meet below them."""
    return {whole.nodes[each]["kind"] for each in (one, other)} == {"pcie", "cpu"}


def _unnoticed(fault: Fault) -> ScenarioError:
    return ScenarioError(
        f"{fault.where}: {fault.name}: nothing that is simulated crosses it; expected a link of a GPU or a NIC, or a "
        "lost CPU"
    )


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
