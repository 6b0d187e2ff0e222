"""Records of reliability: laws of durations and lives, failure classes, policies, and the plan of a run.

Policies say what the user asked for; the plan of a run holds the same resolved to integer microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A distribution of a duration by its mean: constant, exponential, weibull, lognormal or uniform.

    shape: Weibull k, lognormal sigma, or half-width as a fraction of the mean (uniform).
    """

    kind: str = "constant"
    mean_s: float = 0.0
    shape: float = 1.0


SHARED_COMPONENTS = ("leaf", "spine", "core", "cable")
"""Parts of the network that no node holds: switches by tier, and cables between switches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureClass:
    """One cause with a clock in each of its components: `per_node` components a node, or one for the whole job.

    component: gpu, nic, link, node (per_node of them in each node), job (one clock, no node is hit), or one of
    SHARED_COMPONENTS, whose components are those that `names` names.
    replace: whether the node that is hit leaves the job and goes to repair.
    outage: how long a part of the network is out until it is repaired or exchanged where it stands; the network decides
    what that stops. None: whatever is hit stops the job. stops: whether the outage of one of them by itself does.
    """

    cause: str
    component: str
    per_node: int
    life: Law
    replace: bool
    outage: Law | None = None
    names: tuple[str, ...] = ()
    stops: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPolicy:
    """When checkpoints are taken and how: kind fixed (every_s), young, daly or optimal."""

    kind: str = "fixed"
    every_s: float = 600.0
    asynchronous: bool = True
    max_in_flight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPlan:
    """A checkpoint in microseconds: it blocks `block_us`, counts once durable `durable_after_us` after the block began.

    interval_us 0 means no checkpoints. max_in_flight 0 means unlimited. restore_us: reading it back.
    """

    interval_us: int
    block_us: int
    durable_after_us: int
    restore_us: int
    max_in_flight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPlan:
    """The stages of a recovery, in order: detect, select_host, replace, initialize, restore, warm_up.

    replace: only where a node is replaced. select_host (state schedule): when the run starts, and after a stall.
    resume_when_idle: how many nodes, the job's own included, must be fit before a stalled job restarts
    (all, where there are fewer); None: its own.
    on_failure: "restart" (a failure during recovery starts it again) or "queue" (recoveries add).
    rework: False means that progress survives a failure, to compare with models without checkpoints.
    """

    on_failure: str = "restart"
    detect: Law = Law()
    detect_by_cause: Mapping[str, Law] = field(default_factory=dict)
    select_host: Law = Law()
    replace: Law = Law()
    initialize: Law = Law()
    warm_up: Law = Law()
    rework: bool = True
    resume_when_idle: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairStage:
    """One stage of repair: how long it takes and the probability that it succeeds."""

    time: Law
    success: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairPlan:
    """Repair of a node: an automatic stage; where it fails, a manual one by one of `crews`, repeated until it succeeds.

    crews 0: unlimited.
    """

    crews: int
    automatic: RepairStage
    manual: RepairStage


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePlan:
    """A phase of training: `steps` optimizer steps of `step_time_us` each (None: without end)."""

    name: str
    steps: int | None
    step_time_us: int
    tokens_per_step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Everything a run simulation needs, and nothing else.

    The job holds `nodes` nodes; `spare_nodes` more wait. It ends when all phases are done, when
    `work_us` of step time is retained, or at `horizon_us`, whichever comes first.
    failure_clock: "calendar" (clocks always advance, also of spares) or "operating" (only while the job computes
    or checkpoints, and only in the job).
    """

    nodes: int
    spare_nodes: int
    gpus_per_node: int
    phases: tuple[PhasePlan, ...]
    failures: tuple[FailureClass, ...]
    failure_clock: str
    recovery: RecoveryPlan
    checkpoint: CheckpointPlan
    repair: RepairPlan
    seed: int
    horizon_us: int | None = None
    work_us: int | None = None
