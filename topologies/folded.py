"""The folded Clos behind the tree families: its dimensions, and its graph.

A pod is a complete bipartite graph of leaves and spines. Spine j of every pod belongs to plane j, and meets the
other pods in the cores of that plane (complete bipartite again). A switch's uplinks are spread evenly over the
fewest switches above that have the ports for them, with parallel cables where those are fewer than its uplinks.
A tier that would join a single switch is not built.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import networkx as nx


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Dimensions of a folded Clos; ports count per switch, spines per pod, cores per plane."""

    endpoints: int
    leaves: int
    leaves_per_pod: int
    leaf_down: int
    leaf_up: int
    spines: int
    spine_up: int = 0
    cores: int = 0

    @property
    def pods(self) -> int:
        """Pods, the last of which may hold fewer leaves."""
        return ceil(self.leaves / self.leaves_per_pod)

    @property
    def switches(self) -> int:
        """Switches of all tiers."""
        return self.leaves + self.spines * (self.pods + self.cores)

    @property
    def cables(self) -> int:
        """Cables between switches."""
        up = self.leaves * self.leaf_up if self.spines else 0
        return up + (self.pods * self.spines * self.spine_up if self.cores else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cabling:
    """What all cables of one tier have in common."""

    bandwidth_bytes_per_s: float
    latency_s: float
    medium: str
    length_m: float


def split_ports(ports: int, ratio: Fraction) -> tuple[int, int]:
    """Return (down, up) of a switch whose ports are divided down : up = ratio, as many down as fit.

    Where the ports do not divide, up is rounded up: the ratio is at most what was asked.

    >>> split_ports(64, Fraction(1)), split_ports(64, Fraction(3)), split_ports(64, Fraction(7))
    ((32, 32), (48, 16), (56, 8))
    """
    down = int(ports * ratio / (1 + ratio))
    return down, ceil(down / ratio)


def fewest_above(below: int, uplinks: int, ports: int) -> int:
    """Return the fewest switches above that take the same number of cables from each switch below; 0 if none do.

    >>> fewest_above(8, 32, 64), fewest_above(24, 32, 64), fewest_above(65, 32, 64)
    (4, 16, 0)
    """
    fitting = (n for n in range(1, uplinks + 1) if uplinks % n == 0 and below * (uplinks // n) <= ports)
    return next(fitting, 0)


def two_tiers(*, endpoints: int, leaves: int, leaf_down: int, leaf_up: int, spine_ports: int) -> Plan:
    """Return the dimensions of leaves under one set of spines.

    >>> plan = two_tiers(endpoints=2048, leaves=64, leaf_down=32, leaf_up=32, spine_ports=64)
    >>> plan.spines, plan.switches, plan.cables
    (32, 96, 2048)
    """
    spines = fewest_above(leaves, leaf_up, spine_ports)
    if spines == 0:
        raise ValueError(f"leaves: got {leaves:,}, but a spine of {spine_ports} ports joins at most {spine_ports:,}")
    return Plan(
        endpoints=endpoints,
        leaves=leaves,
        leaves_per_pod=leaves,
        leaf_down=leaf_down,
        leaf_up=leaf_up,
        spines=spines if leaves > 1 else 0,
    )


def three_tiers(
    *,
    endpoints: int,
    leaves: int,
    leaves_per_pod: int,
    leaf_down: int,
    leaf_up: int,
    ratio: Fraction,
    spine_ports: int,
    core_ports: int,
) -> Plan:
    """Return the dimensions of pods under planes of cores; ratio is the spine's down : up.

    >>> plan = three_tiers(endpoints=16, leaves=8, leaves_per_pod=2, leaf_down=2, leaf_up=2, ratio=Fraction(1),
    ...                    spine_ports=4, core_ports=4)
    >>> plan.pods, plan.spines, plan.cores, plan.switches, plan.cables
    (4, 2, 2, 20, 32)
    """
    spines, spine_up = _pod_spines(leaves_per_pod, leaf_up, ratio, spine_ports)
    pods = ceil(leaves / leaves_per_pod)
    cores = fewest_above(pods, spine_up, core_ports)
    if cores == 0:
        raise ValueError(f"pods: got {pods:,}, but a core of {core_ports} ports joins at most {core_ports:,}")
    return Plan(
        endpoints=endpoints,
        leaves=leaves,
        leaves_per_pod=leaves_per_pod,
        leaf_down=leaf_down,
        leaf_up=leaf_up,
        spines=spines if leaves > 1 else 0,
        spine_up=spine_up if pods > 1 else 0,
        cores=cores if pods > 1 else 0,
    )


def _pod_spines(leaves_per_pod: int, leaf_up: int, ratio: Fraction, spine_ports: int) -> tuple[int, int]:
    """Return the spines of a pod and the uplinks of each."""
    down_ports = split_ports(spine_ports, ratio)[0]
    spines = fewest_above(leaves_per_pod, leaf_up, down_ports)
    if spines == 0:
        raise ValueError(
            f"radix: a spine of {spine_ports} ports joins at most {down_ports:,} leaves, a pod has {leaves_per_pod:,}; "
            "expected a larger radix of the spines, or smaller pods"
        )
    return spines, ceil(leaves_per_pod * (leaf_up // spines) / ratio)


def wire_packed(
    plan: Plan,
    *,
    family: str,
    nics_per_node: int,
    bandwidth_bytes_per_s: float,
    latency_s: float,
) -> "nx.Graph[str]":
    """Return the graph of a plan whose leaves stand on top of their racks: endpoints fill one leaf after the other.

    A NIC hangs on 2 m of copper (assumed). The last leaf may hold fewer endpoints.
    """
    names = [f"leaf-{leaf // plan.leaves_per_pod}-{leaf % plan.leaves_per_pod}" for leaf in range(plan.leaves)]
    nic = Cabling(bandwidth_bytes_per_s=bandwidth_bytes_per_s, latency_s=latency_s, medium="copper", length_m=2.0)
    leaf_of = [endpoint // plan.leaf_down for endpoint in range(plan.endpoints)]
    return wire(plan, family=family, leaf_of=leaf_of, leaf_names=names, nics_per_node=nics_per_node, nic=nic)


def wire(
    plan: Plan, *, family: str, leaf_of: Sequence[int], leaf_names: Sequence[str], nics_per_node: int, nic: Cabling
) -> "nx.Graph[str]":
    """Return the graph of a plan; leaf_of holds the leaf's ordinal of each endpoint, by endpoint.

    Every cable has the bandwidth and latency of a NIC's. Between switches: 30 m of fibre from leaf to spine,
    100 m from spine to core (assumed).
    """
    graph: nx.Graph[str] = nx.Graph(family=family)
    nics = [f"nic-{endpoint:06d}" for endpoint in range(len(leaf_of))]
    graph.add_nodes_from(_nic_vertices(plan, nics, leaf_of, nics_per_node))
    graph.add_nodes_from(_switch_vertices(plan, leaf_names))
    _add_cables(graph, ((name, leaf_names[leaf]) for name, leaf in zip(nics, leaf_of, strict=True)), 1, nic)
    if plan.spines:
        spine = replace(nic, medium="optic", length_m=30.0)
        _add_cables(graph, _leaf_spine_pairs(plan, leaf_names), plan.leaf_up // plan.spines, spine)
    if plan.cores:
        core = replace(nic, medium="optic", length_m=100.0)
        _add_cables(graph, _spine_core_pairs(plan), plan.spine_up // plan.cores, core)
    return graph


def _nic_vertices(
    plan: Plan, names: Sequence[str], leaf_of: Sequence[int], nics_per_node: int
) -> Iterator[tuple[str, dict[str, object]]]:
    for endpoint, (name, leaf) in enumerate(zip(names, leaf_of, strict=True)):
        node, pod = endpoint // nics_per_node, leaf // plan.leaves_per_pod
        yield name, {"kind": "nic", "tier": 0, "pod": pod, "node": node}


def _switch_vertices(plan: Plan, leaf_names: Sequence[str]) -> Iterator[tuple[str, dict[str, object]]]:
    for ordinal, name in enumerate(leaf_names):
        yield name, {"kind": "switch", "tier": 1, "pod": ordinal // plan.leaves_per_pod}
    for pod in range(plan.pods):
        for plane in range(plan.spines):
            yield f"spine-{pod}-{plane}", {"kind": "switch", "tier": 2, "pod": pod}
    for plane in range(plan.spines):
        for core in range(plan.cores):
            yield f"core-{plane}-{core}", {"kind": "switch", "tier": 3}


def _leaf_spine_pairs(plan: Plan, leaf_names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for ordinal, leaf in enumerate(leaf_names):
        pod = ordinal // plan.leaves_per_pod
        for plane in range(plan.spines):
            yield leaf, f"spine-{pod}-{plane}"


def _spine_core_pairs(plan: Plan) -> Iterator[tuple[str, str]]:
    for plane in range(plan.spines):
        for pod in range(plan.pods):
            for core in range(plan.cores):
                yield f"spine-{pod}-{plane}", f"core-{plane}-{core}"


def _add_cables(graph: "nx.Graph[str]", pairs: Iterator[tuple[str, str]], count: int, cabling: Cabling) -> None:
    graph.add_edges_from(
        pairs,
        bandwidth_bytes_per_s=cabling.bandwidth_bytes_per_s,
        latency_s=cabling.latency_s,
        count=count,
        medium=cabling.medium,
        length_m=cabling.length_m,
    )
