"""Which drawing suits a fabric, and the whole picture of it."""

import numpy as np

from sim.cluster.build import nics_per_domain
from sim.cluster.fabric.arrays import fabric_arrays
from sim.cluster.health import damaged, port_factors
from sim.cluster.records import Cluster
from sim.cluster.structure.damage import WHOLE, Damage, damage_between
from sim.cluster.structure.dimensions import dimensions_of
from sim.report.drawing.frame import framed
from sim.report.drawing.grid import grid_picture
from sim.report.drawing.groups import groups_picture, is_grouped
from sim.report.drawing.layered import fits_layered, layered
from sim.report.drawing.ring import is_flat, ring_picture
from sim.report.drawing.subject import Subject
from sim.report.drawing.tiers import tiers_picture
from sim.report.svg import Sketch
from sim.report.text import Result


def subject_of(cluster: Cluster, facts: Result) -> Subject:
    """Return what of a cluster is drawn, with what its health has taken; facts: what `topology --json` says of it."""
    per, domain = _domain(cluster)
    return Subject(
        graph=cluster.graph,
        endpoints=cluster.endpoints,
        nics_per_domain=per,
        domain=domain,
        damage=_damage(cluster),
        bottleneck=facts["collective"]["bottleneck"],
        oversubscription=tuple(facts["oversubscription"]),
        weak=_weak(cluster, per // max(cluster.node.nics, 1)),
    )


def _domain(cluster: Cluster) -> tuple[int, str]:
    """Return how many consecutive endpoints belong together, and what they are; a bare graph may name its racks."""
    per, nics = nics_per_domain(cluster.node), max(cluster.node.nics, 1)
    if per > 1:
        return per, "node" if per <= nics else "domain"
    for name in ("rack", "node"):
        labels = [cluster.graph.nodes[nic].get(name) for nic in cluster.endpoints]
        per = labels.count(labels[0])
        if labels == [place // per for place in range(len(labels))]:
            return per, name
    return 1, "node"


def _damage(cluster: Cluster) -> Damage:
    if not cluster.health.faults:
        return WHOLE
    node = cluster.node
    whole = fabric_arrays(cluster.graph, cluster.endpoints, node.nic_bandwidth_bytes_per_s)
    planes = [cluster.graph.nodes[name].get("plane") for name in whole.switches]
    left = damaged(whole, cluster.health, max(node.nics, 1), max(1, node.nics // node.accelerators), planes)
    return damage_between(whole, left)


def _weak(cluster: Cluster, nodes_per_domain: int) -> frozenset[int]:
    """Return the domains that lack NVSwitches."""
    per, node = max(nodes_per_domain, 1), cluster.node
    kept = port_factors(cluster.health, cluster.nodes, per, max(node.scale_up_switches, 1))
    return frozenset(np.flatnonzero(kept < 1) // per)


def fabric_svg(name: str, subject: Subject, facts: Result) -> str:
    """Return the picture of a fabric as a file of SVG; facts: what `topology --json` says of it."""
    return framed(name, subject, facts, _body(subject))


def _body(subject: Subject) -> Sketch:
    axes = dimensions_of(subject.graph)
    if len(axes) > 1:
        return grid_picture(subject, axes)
    if is_grouped(subject):
        return groups_picture(subject)
    if is_flat(subject):
        return ring_picture(subject)
    return layered(subject) if fits_layered(subject) else tiers_picture(subject)
