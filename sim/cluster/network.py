"""What a collective costs on a cluster: all its groups run at once and share scale-up ports, NICs and fabric.

Fluid: the messages of a phase progress together, each in proportion to its bytes, so the slowest is done when the
busiest link has passed its load, which is the max-min fair time of the slowest. T = latency of the steps + that.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np

from sim.cluster.fabric.algorithms import (
    ALGORITHMS,
    NEEDS,
    NETWORK_REDUCTION,
    SCALE_UP_REDUCTION,
    SMALLEST_IN_SWITCH,
)
from sim.cluster.fabric.arrays import Fabric, FloatArray
from sim.cluster.fabric.collectives import Arrangement, Flows, Phase, arrange, busbw_factor
from sim.cluster.fabric.loading import Load, group_rates, group_seconds, measure
from sim.cluster.fabric.protocols import DEEP_EP, NCCL, Protocol
from sim.cluster.fabric.timing import bottleneck, latency_of, phase_time_s, waiting_s
from sim.cluster.fabric.ways import Ways
from sim.cluster.health import Health
from sim.cluster.records import ROUTINGS, SHARINGS, Cluster, CollectiveCost, GpuArray, NetworkSettings
from sim.cluster.wiring import Wiring
from sim.errors import LayoutError, ScenarioError, unknown_name

Plans = Mapping[str, tuple[tuple[Phase, Load], ...]]
"""The phases of each algorithm, with their loads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solved:
    """A kind on one set of groups, whatever the size: phases with loads of each algorithm, and the lower bound."""

    phases: Plans
    lower_bound_s_per_byte: float


@dataclass(slots=True, kw_only=True)
class _Solutions:
    """What is solved: loads of phases, kinds on groups and their paces; and kinds that took the algorithm asked for."""

    loads: dict[tuple[object, ...], Load] = field(default_factory=dict)
    solved: dict[tuple[object, ...], _Solved] = field(default_factory=dict)
    paces: dict[tuple[object, ...], FloatArray] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)


class Network:
    """A cluster's network under one setting; solves each set of groups once, whatever sizes are asked.

    The graph is read when this is made: after a change of the graph, make another (`changed` reads it no second time;
    wiring: what was read before). Raises TopologyError for a graph that breaks the contract, and names the nearest for
    an unknown sharing or routing.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: NetworkSettings,
        protocols: Sequence[Protocol] = NCCL,
        wiring: Wiring | None = None,
        solutions: _Solutions | None = None,
    ) -> None:
        _check_settings(settings)
        self._cluster, self._settings, self._protocols = cluster, settings, tuple(protocols)
        self._wiring = Wiring(cluster, settings) if wiring is None else wiring
        self._abilities = _abilities(cluster, settings)
        self._known = _Solutions() if solutions is None else solutions
        # Of the last phase asked for: who asks for its load mostly asks for the paces of its groups next.
        self._ways: tuple[tuple[object, ...], Ways] | None = None

    def changed(self, *, health: Health | None = None, seed: int | None = None) -> "Network":
        """Return the network of the same cluster in another health, or with flows hashed by another seed."""
        settings = self._settings if seed is None else replace(self._settings, seed=seed)
        if health is None or health == self._cluster.health:
            same = None if _is_drawn(settings) and settings != self._settings else self._known
            return Network(self._cluster, settings, self._protocols, self._wiring, same)
        cluster = replace(self._cluster, health=health)
        return Network(cluster, settings, self._protocols, Wiring(cluster, settings, self._wiring))

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
        return self._wiring.fabric

    def cost(
        self,
        kind: str,
        groups: GpuArray,
        size_bytes: float,
        algorithm: str | None = None,
        protocols: Sequence[Protocol] | None = None,
    ) -> CollectiveCost:
        """Return what a collective of all groups at once costs, with the fastest algorithm and protocol.

        groups: GPUs, shape (G, n). kind: all-reduce, all-gather, reduce-scatter, all-to-all, or p2p (n = 2, from
        column 0 to column 1). size_bytes: as in nccl-tests (all-reduce and all-to-all the buffer of a rank,
        all-gather the whole output, reduce-scatter the whole input, p2p the message). algorithm: forces one;
        protocols: instead of the network's own.
        Raises LayoutError for groups that are none, ScenarioError for a size or an algorithm that does not fit,
        TopologyError where the fabric has no path.
        """
        self._check(kind, groups)
        if not (math.isfinite(size_bytes) and size_bytes >= 0):
            raise ScenarioError(f"size of a collective: got {size_bytes}, expected a finite number of bytes >= 0")
        solved = self._solve(kind, groups, algorithm)
        name, protocol, time_s = self._fastest(kind, solved.phases, size_bytes, protocols or self._protocols)
        link_class, load = bottleneck(solved.phases[name], protocol, self._cluster, size_bytes)
        return CollectiveCost(
            time_s=time_s,
            busbw_bytes_per_s=busbw_factor(kind, groups.shape[1]) * size_bytes / time_s if time_s > 0 else 0.0,
            algorithm=name,
            protocol=protocol.name,
            bottleneck=link_class,
            load=load,
            lower_bound_s=solved.lower_bound_s_per_byte * size_bytes,
        )

    def exchange(
        self,
        groups: GpuArray,
        size_bytes: float,
        visits: int,
        most_domains: int,
        deduplicated: bool,
        low_latency: bool = False,
    ) -> CollectiveCost:
        """Return the cost of sending every token to `visits` members of its group, size_bytes from each rank.

        Pairwise as an all-to-all. deduplicated: as DeepEP's kernels, where a token crosses the network once for each
        scale-up domain that it visits (at most most_domains, 0: any) and is copied there once to each rank, its own
        rank's share through the same channels, both at once (DeepSeek-V3, arXiv 2412.19437, section 3.2.2).
        low_latency: every copy on its own, none deduplicated (DeepEP's other kernels, for few tokens). Both are posted
        by the GPU itself. Raises as `cost` does.
        """
        if low_latency:
            return self.cost("all-to-all", groups, size_bytes, protocols=DEEP_EP)
        if not deduplicated:
            return self.cost("all-to-all", groups, size_bytes)
        arranged = arrange(groups, self._cluster.node.scale_up_domain)
        reach = most_domains * arranged.per_block
        inside_bytes = size_bytes * distinct_domains(arranged.ranks, visits, reach) / visits
        if arranged.blocks == 1:
            return self._with_own(groups, inside_bytes)
        crossing = distinct_domains(arranged.blocks, visits, most_domains) / visits
        across = self.cost("all-to-all", groups, size_bytes * crossing, protocols=DEEP_EP)
        if arranged.per_block < 2:
            return across
        inside = self._with_own(arranged.members.reshape(-1, arranged.per_block), inside_bytes)
        return max(across, inside, key=lambda cost: cost.time_s)

    def _with_own(self, groups: GpuArray, size_bytes: float) -> CollectiveCost:
        """Return the cost of an exchange in which a rank's share for itself takes as long as any other's."""
        ranks = groups.shape[1]
        return self.cost("all-to-all", groups, size_bytes * ranks / (ranks - 1), protocols=DEEP_EP)

    def group_rates(self, kind: str, groups: GpuArray) -> FloatArray:
        """Return each group's busbw in bytes/s, shape (G,), for large sizes, when all flows are max-min fair.

        Of the flat algorithm (ring, pairwise, direct) and without protocol losses; the slowest is what `cost`
        charges. Shows how unequal placement, collisions and lost links make the groups.
        """
        self._check(kind, groups)
        plan = next(iter(ALGORITHMS[kind].values()))
        (phase,) = plan(arrange(groups, self._cluster.node.scale_up_domain))
        flows, ways = self._ways_of(phase, _key_of(phase))
        rates = group_rates(flows, ways, self._cluster, groups.shape[0])
        return rates / phase.share * busbw_factor(kind, groups.shape[1])

    @property
    def solves(self) -> int:
        """How many sets of flows have been placed on the links so far."""
        return len(self._known.loads)

    def times(self, kind: str, groups: GpuArray, size_bytes: float) -> FloatArray:
        """Return each group's seconds, shape (G,), with its own fastest algorithm; `cost` charges the slowest.

        Each passes its bytes over its own busiest network link; steps, messages and scale-up take all as long.
        Raises as `cost` does.
        """
        self._check(kind, groups)
        plans = self._solve(kind, groups, None).phases
        paces = np.stack([self._pace(*each, groups.shape[0]) for phases in plans.values() for each in phases])
        alike, place_of = np.unique(paces, axis=1, return_inverse=True)
        each = [self._fastest(kind, _paced(plans, own), size_bytes, self._protocols)[2] for own in alike.T.tolist()]
        return np.array(each)[place_of]

    def _pace(self, phase: Phase, load: Load, groups: int) -> FloatArray:
        """Return each group's seconds on its busiest network link over those of the slowest group; 1 without any."""
        if load.network_s == 0:
            return np.ones(groups)
        key = _key_of(phase)
        if key not in self._known.paces:
            flows, ways = self._ways_of(phase, key)
            seconds = group_seconds(flows, ways, load, phase.groups.shape[0])
            self._known.paces[key] = seconds / load.network_s
            self._ways = None
        slowest: FloatArray = self._known.paces[key].reshape(groups, -1).max(axis=1)
        return slowest

    def _check(self, kind: str, groups: GpuArray) -> None:
        """Refuse groups that are none, and those with a GPU that is lost."""
        _check_groups(kind, groups, self._cluster.gpus)
        self._wiring.require_gpus(groups)

    def _solve(self, kind: str, groups: GpuArray, algorithm: str | None) -> _Solved:
        key = (kind, algorithm, *_key(groups))
        if key not in self._known.solved:
            plans = self._plans(kind, groups, algorithm)
            self._known.solved[key] = _Solved(
                phases={name: tuple((each, self._load(each)) for each in plan) for name, plan in plans.items()},
                lower_bound_s_per_byte=self._wiring.lower_bound_s_per_byte(
                    kind,
                    groups,
                    key[2:],
                    scale_up_reduces=SCALE_UP_REDUCTION in self._abilities,
                    network_reduces=NETWORK_REDUCTION in self._abilities,
                ),
            )
        return self._known.solved[key]

    def _plans(self, kind: str, groups: GpuArray, algorithm: str | None) -> Mapping[str, tuple[Phase, ...]]:
        """Return the algorithm asked for, else that of the settings where the groups allow it, else all that fit."""
        arranged = arrange(groups, self._cluster.node.scale_up_domain)
        preset = None if algorithm else dict(self._settings.algorithms).get(kind)
        if preset is not None and (plans := _plans(kind, arranged, preset, self._abilities)):
            self._known.taken.add(kind)
            return plans
        plans = _plans(kind, arranged, algorithm, self._abilities)
        if not plans:
            raise ScenarioError(f"algorithm {algorithm} of {kind} {_FITS.get(str(algorithm), _FITS_PARTS)}")
        return plans

    @property
    def unused_algorithms(self) -> tuple[tuple[str, str], ...]:
        """Algorithms of the settings that no collective could take so far."""
        return tuple(pair for pair in self._settings.algorithms if pair[0] not in self._known.taken)

    def _load(self, phase: Phase) -> Load:
        key = _key_of(phase)
        if key not in self._known.loads:
            self._known.loads[key] = measure(*self._ways_of(phase, key), self._cluster)
        return self._known.loads[key]

    def _ways_of(self, phase: Phase, key: tuple[object, ...]) -> tuple[Flows, Ways]:
        """Return the messages of a phase and their ways."""
        flows, placed = self._wiring.placed(phase, key)
        if self._ways is None or self._ways[0] != key:
            self._ways = key, Ways(placed, self._wiring.router, self._settings)
        return flows, self._ways[1]

    def _fastest(
        self, kind: str, plans: Plans, size_bytes: float, protocols: Sequence[Protocol]
    ) -> tuple[str, Protocol, float]:
        """Return what NCCL's tuner would take, and the time that it takes in fact."""
        cluster = self._cluster
        _, name, protocol = min(
            (
                (sum(phase_time_s(phase, load, each, cluster, size_bytes) for phase, load in phases), name, each)
                for name, phases in plans.items()
                for each in protocols
                if _serves(each, kind, phases)
            ),
            key=lambda choice: choice[0],
        )
        time_s = sum(
            phase_time_s(phase, load, protocol, cluster, size_bytes)
            + waiting_s(phase, load, protocol, cluster, size_bytes)
            for phase, load in plans[name]
        )
        return name, protocol, time_s


def _paced(plans: Plans, paces: Sequence[float]) -> Plans:
    """Return what a group meets whose busiest network links have these parts of the slowest group's, phase by phase."""
    own = iter(paces)
    return {
        name: tuple((phase, replace(load, network_s=load.network_s * next(own))) for phase, load in phases)
        for name, phases in plans.items()
    }


def _serves(protocol: Protocol, kind: str, phases: Sequence[tuple[Phase, Load]]) -> bool:
    """Return whether a protocol can run all phases of an algorithm."""
    if kind in ("all-to-all", "p2p") and not protocol.pairwise:
        return False
    return all(latency_of(phase.pattern, protocol) is not None for phase, _ in phases)


def _abilities(cluster: Cluster, settings: NetworkSettings) -> tuple[str, ...]:
    """Return what the switches of a cluster can do beside switching."""
    scale_up = cluster.accelerator.nvls_efficiency > 0 and cluster.node.scale_up_switches > 0
    known = ((SCALE_UP_REDUCTION, scale_up), (NETWORK_REDUCTION, settings.in_network_reduction))
    return tuple(name for name, able in known if able)


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


def _plans(
    kind: str, groups: Arrangement, algorithm: str | None, abilities: Sequence[str]
) -> dict[str, tuple[Phase, ...]]:
    """Return the phases of every algorithm that fits, or of the one asked for; none if that does not fit."""
    known = ALGORITHMS[kind]
    if algorithm is not None and algorithm not in known:
        raise unknown_name(f"algorithm of {kind}", algorithm, known)
    missing = [need for need in NEEDS.get(algorithm or "", ()) if need not in abilities]
    if missing:
        raise ScenarioError(f"algorithm {algorithm} of {kind} needs {' and '.join(missing)}; this cluster has none")
    able = {name: plan for name, plan in known.items() if set(NEEDS.get(name, ())) <= set(abilities)}
    plans = {name: plan(groups) for name, plan in able.items() if algorithm in (None, name)}
    return {name: plan for name, plan in plans.items() if plan}


_FITS_PARTS = "needs groups of equal parts in several scale-up domains"
_FITS = {
    "nvls": f"needs groups of at least {SMALLEST_IN_SWITCH} ranks in one scale-up domain",
    "nvls-tree": f"{_FITS_PARTS}, {SMALLEST_IN_SWITCH} ranks or more in each",
    "nvls-sharp": f"{_FITS_PARTS}, {SMALLEST_IN_SWITCH} ranks or more in each",
}


def _key_of(phase: Phase) -> tuple[object, ...]:
    return (phase.pattern, *_key(phase.groups))


def _key(groups: GpuArray) -> tuple[object, ...]:
    return (groups.shape, blake2b(np.ascontiguousarray(groups).tobytes(), digest_size=16).digest())


def _is_drawn(settings: NetworkSettings) -> bool:
    """Return whether a seed decides which way flows take."""
    return settings.sharing == "max-min" and settings.routing == "ecmp"


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
