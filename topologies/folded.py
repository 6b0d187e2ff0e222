"""The folded Clos behind the tree families: its dimensions, and its graph.

A pod is a complete bipartite graph of leaves and spines. Spine j of every pod belongs to plane j, and meets the
other pods in the cores of that plane (complete bipartite again). A switch's uplinks are spread evenly over the
fewest switches above that have the ports for them, with parallel cables where those are fewer than its uplinks.
A tier that would join a single switch is not built.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import ceil
from types import MappingProxyType

import networkx as nx

from topologies.wiring import Cabling, add_cables, add_nics, nic_names


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
    nic = Cabling(bandwidth_bytes_per_s=bandwidth_bytes_per_s, latency_s=latency_s, medium="copper", length_m=2.0)
    leaf_of = [endpoint // plan.leaf_down for endpoint in range(plan.endpoints)]
    names = leaf_names(plan)
    return wire(plan, family=family, leaf_of=leaf_of, leaf_names=names, nics_per_node=nics_per_node, nic=nic)


def leaf_names(plan: Plan, prefix: str = "") -> list[str]:
    """Return the name of every leaf: its pod, and its place there.

    >>> leaf_names(two_tiers(endpoints=4, leaves=2, leaf_down=2, leaf_up=2, spine_ports=4), "rail-1-")
    ['rail-1-leaf-0-0', 'rail-1-leaf-0-1']
    """
    per_pod = plan.leaves_per_pod
    return [f"{prefix}leaf-{leaf // per_pod}-{leaf % per_pod}" for leaf in range(plan.leaves)]


def wire(
    plan: Plan, *, family: str, leaf_of: Sequence[int], leaf_names: Sequence[str], nics_per_node: int, nic: Cabling
) -> "nx.Graph[str]":
    """Return the graph of a plan; leaf_of holds the leaf's ordinal of each endpoint, by endpoint."""
    graph: nx.Graph[str] = nx.Graph(family=family)
    nics = nic_names(len(leaf_of))
    add_nics(
        graph,
        (
            (name, {"pod": leaf // plan.leaves_per_pod, "node": endpoint // nics_per_node})
            for endpoint, (name, leaf) in enumerate(zip(nics, leaf_of, strict=True))
        ),
    )
    add_fabric(graph, plan, nics=nics, leaf_of=leaf_of, leaf_names=leaf_names, nic=nic)
    return graph


def add_fabric(
    graph: "nx.Graph[str]",
    plan: Plan,
    *,
    nics: Sequence[str],
    leaf_of: Sequence[int],
    leaf_names: Sequence[str],
    nic: Cabling,
    up: Cabling | None = None,
    prefix: str = "",
    marks: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Add the switches of a plan and its cables; the NICs are there, and leaf_of is the leaf's ordinal of each.

    A cable has the bandwidth and latency of `up` between switches, by default a NIC's, and is 30 m of fibre from
    leaf to spine, 100 m from spine to core (assumed). prefix: of every switch's name; marks: on every switch.
    """
    graph.add_nodes_from(_switch_vertices(plan, leaf_names, prefix, marks))
    add_cables(graph, ((name, leaf_names[leaf]) for name, leaf in zip(nics, leaf_of, strict=True)), 1, nic)
    above = nic if up is None else up
    if plan.spines:
        spine = replace(above, medium="optic", length_m=30.0)
        add_cables(graph, _leaf_spine_pairs(plan, leaf_names, prefix), plan.leaf_up // plan.spines, spine)
    if plan.cores:
        core = replace(above, medium="optic", length_m=100.0)
        add_cables(graph, _spine_core_pairs(plan, prefix), plan.spine_up // plan.cores, core)


def _switch_vertices(
    plan: Plan, leaf_names: Sequence[str], prefix: str, marks: Mapping[str, object]
) -> Iterator[tuple[str, dict[str, object]]]:
    for ordinal, name in enumerate(leaf_names):
        yield name, {"kind": "switch", "tier": 1, "pod": ordinal // plan.leaves_per_pod, **marks}
    for pod in range(plan.pods):
        for plane in range(plan.spines):
            yield f"{prefix}spine-{pod}-{plane}", {"kind": "switch", "tier": 2, "pod": pod, **marks}
    for plane in range(plan.spines):
        for core in range(plan.cores):
            yield f"{prefix}core-{plane}-{core}", {"kind": "switch", "tier": 3, **marks}


def _leaf_spine_pairs(plan: Plan, leaf_names: Sequence[str], prefix: str) -> Iterator[tuple[str, str]]:
    for pod in range(plan.pods):
        spines = [f"{prefix}spine-{pod}-{plane}" for plane in range(plan.spines)]
        yield from product(leaf_names[pod * plan.leaves_per_pod : (pod + 1) * plan.leaves_per_pod], spines)


def _spine_core_pairs(plan: Plan, prefix: str) -> Iterator[tuple[str, str]]:
    for plane in range(plan.spines):
        cores = [f"{prefix}core-{plane}-{core}" for core in range(plan.cores)]
        yield from product([f"{prefix}spine-{pod}-{plane}" for pod in range(plan.pods)], cores)
