"""What a collective costs on a cluster: all its groups run at once and share scale-up ports, NICs and fabric.

Fluid: the messages of a phase progress together, each in proportion to its bytes, so the slowest is done when the
busiest link has passed its load, which is the max-min fair time of the slowest. T = latency of the steps + that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from sim.catalog.records import Node
from sim.cluster.fabric.arrays import Fabric, FloatArray, fabric_arrays
from sim.cluster.fabric.bounds import fabric_cuts, lower_bound_s_per_byte
from sim.cluster.fabric.collectives import ALGORITHMS, PATTERNS, Arrangement, Phase, arrange, busbw_factor
from sim.cluster.fabric.fluid import check_routing
from sim.cluster.fabric.loading import Load, group_rates, group_seconds, measure
from sim.cluster.fabric.placing import place
from sim.cluster.fabric.protocols import NCCL, Protocol
from sim.cluster.fabric.routing import Router
from sim.cluster.health import Health, damaged
from sim.cluster.records import ROUTINGS, SHARINGS, Cluster, CollectiveCost, GpuArray, NetworkSettings
from sim.errors import LayoutError, ScenarioError, TopologyError, unknown_name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solved:
    """A kind on one set of groups, whatever the size: phases with loads of each algorithm, and the lower bound."""

    phases: dict[str, tuple[tuple[Phase, Load], ...]]
    lower_bound_s_per_byte: float


class Network:
    """A cluster's network under one setting; solves each set of groups once, whatever sizes are asked.

    The graph is read when this is made: after a change of the graph, make another (`changed` reads it no second time;
    whole: the fabric in full health, if it was read before). Raises TopologyError for a
    graph that breaks the contract, and names the nearest for an unknown sharing or routing.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: NetworkSettings,
        protocols: Sequence[Protocol] = NCCL,
        whole: Fabric | None = None,
    ) -> None:
        _check_settings(settings)
        if len(cluster.endpoints) != cluster.nodes * cluster.node.nics:
            raise TopologyError(
                f"cluster: got {len(cluster.endpoints)} endpoints, "
                f"expected {cluster.nodes} nodes x {cluster.node.nics} NICs"
            )
        self._cluster, self._settings, self._protocols = cluster, settings, tuple(protocols)
        self._whole = _fabric_of(cluster) if whole is None else whole
        self._fabric = _surviving(cluster, self._whole)
        if settings.sharing == "max-min":
            check_routing(self._fabric, settings.routing, str(cluster.graph.graph.get("family", "this graph")))
        self._router = Router(self._fabric)
        # Ideal sharing does not see the fabric, so only the cuts at its ends bound it.
        self._cuts = fabric_cuts(cluster, self._fabric) if settings.sharing == "max-min" else ()
        self._loads: dict[tuple[object, ...], Load] = {}
        self._solved: dict[tuple[object, ...], _Solved] = {}
        self._paces: dict[tuple[object, ...], FloatArray] = {}

    def changed(self, *, health: Health | None = None, seed: int | None = None) -> "Network":
        """Return the network of the same cluster in another health, or with flows hashed by another seed."""
        cluster = self._cluster if health is None else replace(self._cluster, health=health)
        settings = self._settings if seed is None else replace(self._settings, seed=seed)
        return Network(cluster, settings, self._protocols, self._whole)

    @property
    def cluster(self) -> Cluster:
        """The cluster whose network this is."""
        return self._cluster

    @property
    def settings(self) -> NetworkSettings:
        """How its flows share the fabric."""
        return self._settings

    @property
    def fabric(self) -> Fabric:
        """Its links, without what is lost."""
        return self._fabric

    def cost(self, kind: str, groups: GpuArray, size_bytes: float, algorithm: str | None = None) -> CollectiveCost:
        """Return what a collective of all groups at once costs, with the fastest algorithm and protocol.

        groups: GPUs, shape (G, n). kind: all-reduce, all-gather, reduce-scatter, all-to-all, or p2p (n = 2, from
        column 0 to column 1). size_bytes: as in nccl-tests (all-reduce and all-to-all the buffer of a rank,
        all-gather the whole output, reduce-scatter the whole input, p2p the message). algorithm: forces one.
        Raises LayoutError for groups that are none, ScenarioError for a size or an algorithm that does not fit,
        TopologyError where the fabric has no path.
        """
        _check_groups(kind, groups, self._cluster.gpus)
        if not (math.isfinite(size_bytes) and size_bytes >= 0):
            raise ScenarioError(f"size of a collective: got {size_bytes}, expected a finite number of bytes >= 0")
        solved = self._solve(kind, groups, algorithm)
        name, protocol, time_s = self._fastest(kind, solved, size_bytes)
        bottleneck, load = _bottleneck(solved.phases[name], protocol, size_bytes)
        return CollectiveCost(
            time_s=time_s,
            busbw_bytes_per_s=busbw_factor(kind, groups.shape[1]) * size_bytes / time_s if time_s > 0 else 0.0,
            algorithm=name,
            bottleneck=bottleneck,
            load=load,
            lower_bound_s=solved.lower_bound_s_per_byte * size_bytes,
        )

    def exchange(
        self, groups: GpuArray, size_bytes: float, visits: int, most_domains: int, deduplicated: bool
    ) -> CollectiveCost:
        """Return the cost of sending every token to `visits` members of its group, size_bytes from each rank.

        Pairwise as an all-to-all; deduplicated, a token crosses the network once for each scale-up domain that it
        visits (at most most_domains, 0: any) and is copied there, both at once (DeepEP; DeepSeek-V3, arXiv 2412.19437,
        section 3.2.2). Raises as `cost` does.
        """
        arranged = arrange(groups, self._cluster.node.scale_up_domain)
        if not deduplicated or arranged.blocks == 1:
            return self.cost("all-to-all", groups, size_bytes)
        crossing = distinct_domains(arranged.blocks, visits, most_domains) / visits
        across = self.cost("all-to-all", groups, size_bytes * crossing)
        if arranged.per_block < 2:
            return across
        inside = self.cost("all-to-all", arranged.members.reshape(-1, arranged.per_block), size_bytes)
        return max(across, inside, key=lambda cost: cost.time_s)

    def group_rates(self, kind: str, groups: GpuArray) -> FloatArray:
        """Return each group's busbw in bytes/s, shape (G,), for large sizes, when all flows are max-min fair.

        Of the flat algorithm (ring, pairwise, direct) and without protocol losses; the slowest is what `cost`
        charges. Shows how unequal placement, collisions and lost links make the groups.
        """
        _check_groups(kind, groups, self._cluster.gpus)
        plan = next(iter(ALGORITHMS[kind].values()))
        (phase,) = plan(arrange(groups, self._cluster.node.scale_up_domain))
        flows = PATTERNS[phase.pattern](arrange(phase.groups, self._cluster.node.scale_up_domain))
        placed = place(flows, self._cluster.node, self._router, relayed=phase.pattern in ("all-pairs", "pair"))
        rates = group_rates(flows, placed, self._cluster, self._router, self._settings, groups.shape[0])
        return rates / phase.share * busbw_factor(kind, groups.shape[1])

    @property
    def solves(self) -> int:
        """How many sets of flows have been placed on the links so far."""
        return len(self._loads)

    def pace(self, kind: str, groups: GpuArray) -> FloatArray:
        """Return each group's time over that of the slowest, shape (G,), by its own busiest network link.

        Of the flat algorithm (ring, pairwise, direct), for large sizes; 1 throughout where no group leaves its domain.
        """
        _check_groups(kind, groups, self._cluster.gpus)
        key = (kind, *_key(groups))
        if key not in self._paces:
            self._paces[key] = self._pace(kind, groups)
        return self._paces[key]

    def _pace(self, kind: str, groups: GpuArray) -> FloatArray:
        plan = next(iter(ALGORITHMS[kind].values()))
        (phase,) = plan(arrange(groups, self._cluster.node.scale_up_domain))
        load = self._load(phase)
        if load.network_s == 0:
            return np.ones(groups.shape[0])
        flows = PATTERNS[phase.pattern](arrange(phase.groups, self._cluster.node.scale_up_domain))
        placed = place(flows, self._cluster.node, self._router, relayed=phase.pattern in ("all-pairs", "pair"))
        seconds = group_seconds(flows, placed, load, self._router, self._settings, groups.shape[0])
        return seconds / load.network_s

    def _solve(self, kind: str, groups: GpuArray, algorithm: str | None) -> _Solved:
        key = (kind, algorithm, *_key(groups))
        if key not in self._solved:
            plans = _plans(kind, arrange(groups, self._cluster.node.scale_up_domain), algorithm)
            self._solved[key] = _Solved(
                phases={name: tuple((each, self._load(each)) for each in plan) for name, plan in plans.items()},
                lower_bound_s_per_byte=lower_bound_s_per_byte(kind, groups, self._cluster, self._fabric, self._cuts),
            )
        return self._solved[key]

    def _load(self, phase: Phase) -> Load:
        key = (phase.pattern, *_key(phase.groups))
        if key not in self._loads:
            flows = PATTERNS[phase.pattern](arrange(phase.groups, self._cluster.node.scale_up_domain))
            placed = place(flows, self._cluster.node, self._router, relayed=phase.pattern in ("all-pairs", "pair"))
            self._loads[key] = measure(flows, placed, self._cluster, self._router, self._settings)
        return self._loads[key]

    def _fastest(self, kind: str, solved: _Solved, size_bytes: float) -> tuple[str, Protocol, float]:
        node = self._cluster.node
        return min(
            (
                (name, each, sum(phase_time_s(phase, load, each, node, size_bytes) for phase, load in phases))
                for name, phases in solved.phases.items()
                for each in self._protocols
                if each.pairwise or kind not in ("all-to-all", "p2p")
            ),
            key=lambda choice: choice[2],
        )


def _fabric_of(cluster: Cluster) -> Fabric:
    return fabric_arrays(cluster.graph, cluster.endpoints, cluster.node.nic_bandwidth_bytes_per_s)


def _surviving(cluster: Cluster, whole: Fabric) -> Fabric:
    """Return what the cluster's health leaves of its fabric."""
    if not cluster.health.faults:
        return whole
    node = cluster.node
    planes = [cluster.graph.nodes[name].get("plane") for name in whole.switches]
    ports = max(1, node.nics // node.accelerators)
    return damaged(whole, cluster.health, max(node.nics, 1), ports, planes)


def distinct_domains(domains: int, visits: int, most: int = 0) -> float:
    """Return how many domains a token visits in the mean, when each visit falls on any of at most so many alike.

    >>> distinct_domains(2, 1), distinct_domains(2, 2), round(distinct_domains(8, 8, most=4), 2)
    (1.0, 1.5, 3.6)
    """
    among = min(domains, most) if most else domains
    return among * (1 - (1 - 1 / among) ** visits)


def collective_cost(
    cluster: Cluster,
    settings: NetworkSettings,
    kind: str,
    groups: GpuArray,
    size_bytes: float,
    algorithm: str | None = None,
) -> CollectiveCost:
    """Return what one collective costs; for several on one cluster, make a `Network` and ask it. See `Network.cost`."""
    return Network(cluster, settings).cost(kind, groups, size_bytes, algorithm)


def phase_time_s(phase: Phase, load: Load, protocol: Protocol, node: Node, size_bytes: float) -> float:
    """Return base + steps x latency + bytes over the busiest link (NCCL's tuner, src/graph/tuning.cc).

    A step within a domain takes at least the time to post a network message where the phase also has those.

    Ring of 4 ranks, one a node, 1 us a step, 1 GB at 1 GB/s: 6 us + 1.5 s.

    >>> from sim.cluster.examples import node
    >>> from sim.cluster.fabric.protocols import FLUID
    >>> empty = {"cable_s": np.zeros(0), "nic_s": np.zeros(0)}
    >>> load = Load(network_s=1e-9, scale_up_s=0.0, own_s=1e-9, latency_s=1e-6, link_class="nic", **empty)
    >>> ring = Phase(pattern="ring", groups=np.arange(4)[None], share=1.5, network_steps=6)
    >>> round(phase_time_s(ring, load, FLUID, node(), 1e9), 9)
    1.500006
    """
    latency = protocol.tree if phase.pattern == "tree" else protocol.ring
    inner_s = node.scale_up_latency_s + latency.scale_up_step_s
    if phase.network_steps:
        inner_s = max(inner_s, protocol.post_s)
    outer_s = load.latency_s + node.nic_latency_s + latency.network_step_s
    fixed_s = latency.base_s + phase.scale_up_steps * inner_s + phase.network_steps * outer_s
    if phase.reduces:
        fixed_s *= protocol.ring_plateau
    network_s, scale_up_s = _busy_s(phase, load, protocol, size_bytes)
    return fixed_s + phase.messages * protocol.post_s + size_bytes * max(network_s, scale_up_s)


def _busy_s(phase: Phase, load: Load, protocol: Protocol, size_bytes: float) -> tuple[float, float]:
    """Return seconds per byte of size that the network and the scale-up ports need, with what a protocol reaches."""
    network_factor, scale_up_factor, rounds = protocol.network_factor, protocol.scale_up_factor, 1.0
    if phase.pattern == "tree":
        network_factor = scale_up_factor = protocol.tree_factor * _correction(protocol, size_bytes)
        rounds = 2.0
    network_s = load.network_s / (protocol.network_efficiency * network_factor)
    if load.network_s:
        network_s = max(network_s, rounds / protocol.network_cap_bytes_per_s)
    return phase.share * network_s, phase.share * load.scale_up_s / scale_up_factor


def _correction(protocol: Protocol, size_bytes: float) -> float:
    place = int(math.log2(size_bytes / 64)) if size_bytes >= 64 else 0
    return protocol.tree_correction[place] if place < len(protocol.tree_correction) else 1.0


def _bottleneck(phases: Sequence[tuple[Phase, Load]], protocol: Protocol, size_bytes: float) -> tuple[str, float]:
    """Return the class of the busiest link of the longest phase, and its load over that of a GPU alone on its NIC."""
    lanes: list[tuple[float, str, float]] = []
    for phase, load in phases:
        network_s, scale_up_s = _busy_s(phase, load, protocol, size_bytes)
        own_s = phase.share * load.own_s / (protocol.network_efficiency if load.network_s else 1.0)
        lanes.append((network_s, load.link_class, load.network_s / load.own_s))
        lanes.append((scale_up_s, "scale-up", scale_up_s / own_s))
    _, name, ratio = max(lanes, key=lambda lane: lane[0])
    return name, ratio


def _plans(kind: str, groups: Arrangement, algorithm: str | None) -> dict[str, tuple[Phase, ...]]:
    """Return the phases of every algorithm that fits, or of the one asked for."""
    known = ALGORITHMS[kind]
    if algorithm is not None and algorithm not in known:
        raise unknown_name(f"algorithm of {kind}", algorithm, known)
    plans = {name: plan(groups) for name, plan in known.items() if algorithm in (None, name)}
    if not any(plans.values()):
        raise ScenarioError(f"algorithm {algorithm} of {kind} needs groups of equal parts in several scale-up domains")
    return {name: plan for name, plan in plans.items() if plan}


def _key(groups: GpuArray) -> tuple[object, ...]:
    return (groups.shape, blake2b(np.ascontiguousarray(groups).tobytes(), digest_size=16).digest())


def _check_settings(settings: NetworkSettings) -> None:
    if settings.sharing not in SHARINGS:
        raise unknown_name("sharing", settings.sharing, SHARINGS, "cluster.network.sharing")
    if settings.routing not in ROUTINGS:
        raise unknown_name("routing", settings.routing, ROUTINGS, "cluster.network.routing")
    if settings.queue_pairs < 1:
        raise ScenarioError(f"cluster.network.queue_pairs: got {settings.queue_pairs}, expected at least 1")


def _check_groups(kind: str, groups: GpuArray, gpus: int) -> None:
    if kind not in ALGORITHMS:
        raise unknown_name("collective", kind, ALGORITHMS)
    if groups.ndim != 2 or groups.shape[0] < 1 or groups.shape[1] < 2:
        raise LayoutError(f"{kind}: got groups of shape {groups.shape}, expected (groups, ranks) with 2 ranks or more")
    if kind == "p2p" and groups.shape[1] != 2:
        raise LayoutError(f"p2p: got groups of {groups.shape[1]} ranks, expected pairs")
    if groups.min() < 0 or groups.max() >= gpus:
        raise LayoutError(f"{kind}: got GPU {int(groups.max())}, expected 0 to {gpus - 1}")
    if np.any(np.diff(np.sort(groups, axis=1), axis=1) == 0):
        raise LayoutError(f"{kind}: a group holds the same GPU twice")
