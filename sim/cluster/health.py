"""What of a network is lost or slow, and what that leaves of its capacities."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.cluster.fabric.arrays import Fabric, FloatArray, IntArray
from sim.errors import ScenarioError, TopologyError, unknown_name
from sim.streams import stream

SWITCH_CLASSES = {"leaf": 1, "spine": 2, "core": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing, or `count` of a class, at a fraction of its bandwidth: 0 is lost.

    what: "vertex" (a switch or an endpoint by name, or a part of a node such as "node-7/gpu-2"), "link" ("A - B", in a
    node too; count: of its cables, None all), "class" (leaf,
    spine, core, nic, or a link class such as leaf-spine; count drawn at random), "rail" or "plane" (its number), or
    "nvswitch" (the node whose scale-up domain lacks `count` of its switches). where: the key that says so.
    """

    what: str
    name: str
    factor: float = 0.0
    count: int | None = None
    where: str = "health"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Everything that is not as it was bought; seed: draws members of classes."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0


HEALTHY = Health()


def is_inside(fault: Fault) -> bool:
    """Return whether a fault names a vertex or a link of a node, not of the fabric.

    >>> is_inside(Fault(what="vertex", name="node-3/gpu-0")), is_inside(Fault(what="vertex", name="leaf-0-0"))
    (True, False)
    """
    return fault.what in ("vertex", "link") and fault.name.startswith("node-") and "/" in fault.name


def damaged(fabric: Fabric, health: Health, nics_per_node: int, ports: int, planes: Sequence[int | None]) -> Fabric:
    """Return a fabric without what is lost, and with less bandwidth where it is slow.

    ports: NICs of a GPU, which stand for planes where the graph's switches do not say (planes: of every switch, or
    None). A switch that is lost takes its cables and its NICs' links; factors of several faults multiply.
    Raises UnknownNameError for a vertex or class that is not there, ScenarioError for a link or number that is not.
    """
    cable, nic = np.ones(fabric.source.size), np.ones(len(fabric.endpoints))
    for ordinal, fault in enumerate(health.faults):
        cables, nics = _hit(fabric, fault, stream(health.seed, "health", ordinal), nics_per_node, ports, planes)
        cable[cables] *= fault.factor
        nic[nics] *= fault.factor
    return _scaled(fabric, cable, nic)


def port_factors(health: Health, nodes: int, nodes_per_domain: int, switches: int) -> FloatArray:
    """Return the fraction of scale-up bandwidth that every node keeps: each NVSwitch carries an equal part.

    >>> lost = Health(faults=(Fault(what="nvswitch", name="1", count=1),))
    >>> port_factors(lost, 3, 1, 4).tolist()
    [1.0, 0.75, 1.0]
    """
    factor = np.ones(nodes)
    for fault in (each for each in health.faults if each.what == "nvswitch"):
        node, count = _number(fault, nodes, "node"), fault.count or 1
        if count > switches:
            raise ScenarioError(f"{fault.where}: got {count} NVSwitches of node {node}, expected at most {switches}")
        first = node // nodes_per_domain * nodes_per_domain
        factor[first : first + nodes_per_domain] *= 1 - (1 - fault.factor) * count / switches
    return factor


_None = np.empty(0, dtype=np.int64)


def _hit(
    fabric: Fabric, fault: Fault, rng: np.random.Generator, nics_per_node: int, ports: int, planes: Sequence[int | None]
) -> tuple[IntArray, IntArray]:
    """Return the cables, in both directions, and the endpoints that a fault hits."""
    endpoints = np.arange(len(fabric.endpoints))
    if is_inside(fault):
        return _None, _None
    if fault.what == "vertex":
        return _of_vertex(fabric, fault)
    if fault.what == "link":
        return _of_link(fabric, fault)
    if fault.what == "class":
        return _of_class(fabric, fault, rng)
    if fault.what == "rail":
        return _None, endpoints[endpoints % nics_per_node == _number(fault, nics_per_node, "rail")]
    if fault.what == "plane":
        named = [plane for plane in planes if plane is not None]
        plane = _number(fault, max(named) + 1 if named else ports, "plane")
        if named:
            return _of_switches(fabric, np.array([each == plane for each in planes]).nonzero()[0])
        return _None, endpoints[endpoints % nics_per_node % ports == plane]
    return _None, _None


def _number(fault: Fault, count: int, what: str) -> int:
    number = int(fault.name)
    if not 0 <= number < count:
        raise ScenarioError(f"{fault.where}: got {what} {number}, expected 0 to {count - 1}")
    return number


def _of_vertex(fabric: Fabric, fault: Fault) -> tuple[IntArray, IntArray]:
    if fault.name in fabric.endpoints:
        return _None, np.array([fabric.endpoints.index(fault.name)])
    return _of_switches(fabric, np.array([_vertex(fabric, fault.name, fault.where)]))


def _of_switches(fabric: Fabric, switches: IntArray) -> tuple[IntArray, IntArray]:
    lost = np.isin(fabric.source, switches) | np.isin(fabric.target, switches)
    return np.flatnonzero(lost), np.flatnonzero(np.isin(fabric.leaf, switches))


def _vertex(fabric: Fabric, name: str, where: str) -> int:
    """Return the ordinal of a switch, or of an endpoint counted from the last switch."""
    names = (*fabric.switches, *fabric.endpoints)
    if name not in names:
        raise unknown_name("vertex", name, names, where)
    return names.index(name)


def _of_link(fabric: Fabric, fault: Fault) -> tuple[IntArray, IntArray]:
    near, dash, far = fault.name.partition(" - ")
    if not dash:
        raise ScenarioError(f"{fault.where}: got {fault.name!r}, expected a link by its ends, such as 'A - B'")
    one, other = sorted(_vertex(fabric, each.strip(), fault.where) for each in (near, far))
    switches = len(fabric.switches)
    if other >= switches:
        if fabric.leaf[other - switches] == one:
            return _None, np.array([other - switches])
        raise _no_link(fabric, fault, one)
    cables = np.flatnonzero((fabric.source == one) & (fabric.target == other))
    if not cables.size:
        raise _no_link(fabric, fault, one)
    if fault.count is not None and fault.count > cables.size:
        raise ScenarioError(f"{fault.where}: got {fault.count} cables of {fault.name}, expected at most {cables.size}")
    hit = cables[: fault.count]
    return np.concatenate([hit, fabric.reverse[hit]]), _None


def _no_link(fabric: Fabric, fault: Fault, one: int) -> ScenarioError:
    meets = (
        fabric.switches[int(fabric.target[fabric.start[one]])] if fabric.start[one + 1] > fabric.start[one] else "none"
    )
    near = fabric.switches[one]
    return ScenarioError(f"{fault.where}: {fault.name}: there is no such link; {near} is linked to {meets}, for one")


def _of_class(fabric: Fabric, fault: Fault, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    count = fault.count or 1
    if fault.name == "nic":
        return _None, _drawn(np.flatnonzero(fabric.leaf >= 0), count, fault, rng)
    if fault.name in SWITCH_CLASSES:
        return _of_switches(
            fabric, _drawn(np.flatnonzero(fabric.tier == SWITCH_CLASSES[fault.name]), count, fault, rng)
        )
    if fault.name not in fabric.classes:
        raise unknown_name("class", fault.name, ("nic", *SWITCH_CLASSES, *fabric.classes), fault.where)
    ordinal = np.arange(fabric.source.size)
    once = (fabric.link_class == fabric.classes.index(fault.name)) & (ordinal < fabric.reverse)
    hit = _drawn(ordinal[once], count, fault, rng)
    return np.concatenate([hit, fabric.reverse[hit]]), _None


def _drawn(members: IntArray, count: int, fault: Fault, rng: np.random.Generator) -> IntArray:
    if count > members.size:
        raise ScenarioError(f"{fault.where}: got {count} of class {fault.name}, expected at most {members.size}")
    return np.sort(rng.permutation(members)[:count])


def _scaled(fabric: Fabric, cable: FloatArray, nic: FloatArray) -> Fabric:
    """Return the fabric with its capacities times factors; what has 0 is gone."""
    kept = np.flatnonzero(cable > 0)
    position = np.full(cable.size, -1, dtype=np.int64)
    position[kept] = np.arange(kept.size)
    return replace(
        fabric,
        start=np.searchsorted(fabric.source[kept], np.arange(len(fabric.switches) + 1)),
        source=fabric.source[kept],
        target=fabric.target[kept],
        reverse=position[fabric.reverse[kept]],
        capacity_bytes_per_s=fabric.capacity_bytes_per_s[kept] * cable[kept],
        latency_s=fabric.latency_s[kept],
        link_class=fabric.link_class[kept],
        leaf=np.where(nic > 0, fabric.leaf, -1),
        nic_capacity_bytes_per_s=fabric.nic_capacity_bytes_per_s * nic,
    )


def require_ports(load: FloatArray, capacity: FloatArray, gpus_per_node: int) -> None:
    """Raise TopologyError for a GPU that must send over scale-up and has none left; load and capacity: (2N,)."""
    dead = np.flatnonzero((load > 0) & (capacity <= 0))
    for port in dead[:1].tolist():
        node = port % (load.size // 2) // gpus_per_node
        raise TopologyError(f"job stops: node {node} has no path between its GPUs: its last NVSwitch is lost")
