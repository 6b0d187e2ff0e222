"""Records of reliability: laws of durations and lives, failure classes, policies, and the plan of a run.

Policies say what the user asked for; the plan of a run holds the same resolved to integer microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.cluster.domains import DOMAINS
from sim.reliability.recovery.records import ElasticPlan
from sim.reliability.replay.records import Logged, Replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A distribution of a duration by its mean: a kind of sim.reliability.failures.laws.KINDS.

    shape: Weibull k, gamma k, lognormal sigma, or half-width as a fraction of the mean (uniform).
    table: what other kinds are made of, in means: the pieces of a hazard, or lives in rising order (empirical).
    """

    kind: str = "constant"
    mean_s: float = 0.0
    shape: float = 1.0
    table: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeBatch:
    """The next `nodes` nodes of a fleet, spares after those of the job, and how old they are when the run starts."""

    nodes: int
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lemons:
    """A fraction of nodes whose lives are `factor` times shorter, so that they fail `factor` times as often."""

    fraction: float
    factor: float


SHARED_COMPONENTS = ("leaf", "spine", "core", "cable")
"""Parts of the network that no node holds: switches by tier, and cables between switches."""

NODE_PARTS = ("gpu", "hbm", "nvlink", "nic", "link", "cpu", "psu", "ssd", "node")
"""What a node holds, and the node itself."""

STORE = "storage"
"""The store of checkpoints, which no node holds: one component, out until it is repaired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlated:
    """Shocks that hit several components of a cause at once, at an unchanged rate of each.

    A `share` of a component's failures comes from shocks to its domain (one of DOMAINS, or node), each of whose
    components a shock hits with probability `hit`, whatever becomes of the others. names, holds: of the domains, and
    the nodes of each.
    """

    domain: str
    share: float
    hit: float
    names: tuple[str, ...] = ()
    holds: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """What a failure does that goes unnoticed at first: all work since is bad, and so is `rewind_s` of work before it.

    found_after: how long until it is noticed, which happens with a probability of `recall`. aborts: whether the run
    ends then.
    """

    found_after: Law
    recall: float = 1.0
    rewind_s: float = 0.0
    aborts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowing:
    """What a cause does that slows and does not stop, until it heals or its node is repaired.

    longer: by how many seconds a kernel of one second takes longer. bandwidth: the fraction that a nic or link keeps.
    state: of a step, that holds what it loses to slow kernels ("straggler" or "throttle"). heals: how long it lasts,
    None: until the node is repaired.
    """

    longer: Law = Law()
    bandwidth: float = 1.0
    state: str = "straggler"
    heals: Law | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureClass:
    """One cause with a clock in each of its components: `per_node` components a node, or one for the whole job.

    component: one of NODE_PARTS (per_node of them in each node), job (one clock, no node is hit), STORE, or one of
    SHARED_COMPONENTS or DOMAINS, whose components are those that `names` names. holds: the nodes of each domain, all of
    which its failure hits, wherever they are.
    replace: whether the node that is hit leaves the job and goes to repair.
    outage: how long a part of the network is out until it is repaired or exchanged where it stands; the network decides
    what that stops; a domain that is out cuts its nodes off. None: whatever is hit stops the job. stops: whether the
    outage of one of them by itself does. correlated: how components fail together; life is that of one with its shocks.
    silent: a failure that the job does not notice at once. planned: no failure at all, but a stop that waits until all
    work is saved; nodes that it hits are away for so long. slowing: what is hit is slow instead of lost. lemons: nodes
    in which this cause strikes more often, whatever is renewed in them. logged: the failures of a log, by time; then
    none is drawn, and life is only as long as they are rare. data_loss: what the store held is gone.
    """

    cause: str
    component: str
    per_node: int
    life: Law
    replace: bool
    outage: Law | None = None
    names: tuple[str, ...] = ()
    stops: bool = True
    silent: Silent | None = None
    planned: Law | None = None
    slowing: Slowing | None = None
    holds: tuple[tuple[int, ...], ...] = ()
    correlated: Correlated | None = None
    lemons: Lemons | None = None
    logged: tuple[Logged, ...] | None = None
    data_loss: bool = False

    @property
    def of_network(self) -> bool:
        """Whether it takes a part of the network out for a while, of which the network decides what that means."""
        return self.outage is not None and self.component not in (*DOMAINS, STORE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPolicy:
    """When checkpoints are taken and how: every_s (fixed), every so many steps (steps), or by a rule.

    Rules: young, daly, optimal; two-level, which also says how often the store takes one; adaptive, which begins with
    every_s and follows the failures that the job meets; or "module:function".
    """

    kind: str = "fixed"
    every_s: float = 600.0
    steps: int = 0
    asynchronous: bool = True
    max_in_flight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Where checkpoints are kept, in microseconds: one blocks `block_us`, and counts durable_after_us after it began.

    every: it takes each so-manieth checkpoint. max_in_flight 0: unlimited. restore_us: reading one back. keep: how many
    of the newest are kept, 0 for all. volatile: it dies with the processes of the job. local: a node that leaves takes
    its part along, unless one of its `copies` lives: they are on nodes `apart` seats from each other.
    """

    name: str
    block_us: int
    durable_after_us: int
    restore_us: int
    every: int = 1
    max_in_flight: int = 1
    keep: int = 0
    volatile: bool = False
    local: bool = False
    copies: int = 0
    apart: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPlan:
    """When checkpoints are taken and where they go: to a store that survives all failures, and to faster tiers.

    interval_us 0 means no checkpoints. The other numbers are the store's, as in a Tier; `faster` come before it, the
    fastest first. What a checkpoint blocks is the longest block of the tiers that take it. adaptive: the interval is
    the first; later ones follow the failures that the job has met. synchronous: one is written while it blocks.
    """

    interval_us: int
    block_us: int
    durable_after_us: int
    restore_us: int
    max_in_flight: int = 1
    every: int = 1
    keep: int = 0
    adaptive: bool = False
    faster: tuple[Tier, ...] = ()
    synchronous: bool = False


def tiers_of(plan: CheckpointPlan) -> tuple[Tier, ...]:
    """Return all tiers of a plan, the store last."""
    store = Tier(
        name="remote",
        block_us=plan.block_us,
        durable_after_us=plan.durable_after_us,
        restore_us=plan.restore_us,
        every=plan.every,
        max_in_flight=plan.max_in_flight,
        keep=plan.keep,
    )
    return (*plan.faster, store)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareTier:
    """Spares that are powered: how many, and what the replace stage takes with one of them."""

    nodes: int
    replace: Law


@dataclass(frozen=True, slots=True, kw_only=True)
class SparePlan:
    """How ready spares are, and for whom: those that are neither hot nor warm are cold.

    per_domain: spares of each scale-up domain of the job, which holds domain_nodes of its nodes; spares beyond those
    are whole domains. 0: any spare replaces any node.
    """

    hot: SpareTier | None = None
    warm: SpareTier | None = None
    per_domain: int = 0
    domain_nodes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StragglerPlan:
    """How slow nodes are found, and what becomes of them.

    threshold: the least factor on the step that one slow part must cause by itself to be seen. delay: from when it is
    slow in the job to when it is found. policy: "evict" (its node is taken out at once) or "wait" (the job goes on with
    it). false_alarm_s: mean time that the job steps between two evictions of a healthy node, None: there are none.
    """

    threshold: float
    delay: Law
    policy: str = "evict"
    false_alarm_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """A swing of the day: from one time of the day until another, kernels take `factor` times as long on all GPUs.

    Times are microseconds since 00:00, and runs begin at 00:00; a swing that ends before it begins spans midnight.
    """

    from_us: int
    to_us: int
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPlan:
    """The stages of a recovery, in order: detect, diagnose, requeue and select_host, replace, initialize, warm_up.

    The restore of a checkpoint comes before warm_up. blames_right: how likely the diagnosis finds the node that failed;
    a healthy one is replaced otherwise, and the job fails again as it starts. requeue (state schedule): in every
    recovery. select_host (state schedule): when the run starts, and after a stall. replace: only where a node is
    replaced, by a cold spare; spares says which are not cold. success: by stage, the probability that one attempt at it
    passes; it is repeated until one does. initialize_more_us: what every attempt to initialise takes more, by the size
    of the job. rejoin: takes the place of initialize where processes live on (mode in-process) and no node is replaced.
    resume_when_idle: how many nodes, the job's own included, must be fit before a stalled job restarts (all, where
    there are fewer); None: its own.
    on_failure: "restart" (a failure during recovery starts it again) or "queue" (recoveries add).
    rework: False means that progress survives a failure, to compare with models without checkpoints.
    stragglers: None: nobody looks for slow nodes. elastic: of mode elastic, which goes on with the replicas that are
    whole where others are not.
    """

    mode: str = "requeue"
    on_failure: str = "restart"
    detect: Law = Law()
    detect_by_cause: Mapping[str, Law] = field(default_factory=dict)
    diagnose: Law = Law()
    blames_right: float = 1.0
    requeue: Law = Law()
    select_host: Law = Law()
    replace: Law = Law()
    initialize: Law = Law()
    warm_up: Law = Law()
    initialize_more_us: int = 0
    rejoin: Law | None = None
    success: Mapping[str, float] = field(default_factory=dict)
    rework: bool = True
    spares: SparePlan = SparePlan()
    stragglers: StragglerPlan | None = None
    resume_when_idle: int | None = None
    elastic: ElasticPlan | None = None

    @property
    def in_process(self) -> bool:
        """Whether processes that did not fail live on."""
        return self.mode == "in-process"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairStage:
    """One stage of repair: how long it takes and the probability that it succeeds."""

    time: Law
    success: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairStages:
    """The stages of repair: an automatic one; where it fails, a manual one, repeated until it succeeds."""

    automatic: RepairStage
    manual: RepairStage


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """A node that comes to repair for the `visits`-th time within `within_s` is retired.

    replacement: until a new one stands in its place; None: nobody sends one, and orders make up for it.
    """

    visits: int
    within_s: float
    replacement: Law | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorder:
    """Spares that are bought: the (s, Q) policy, `order` new nodes as soon as the position is at or under `below`.

    Position: nodes that are there (in the job, on the shelf, in repair) or on order, beyond those that the job needs.
    lead: from an order to its arrival.
    """

    below: int
    order: int
    lead: Law


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairPlan:
    """Repair of a node: an automatic stage; where it fails, a manual one by one of `crews`, repeated until it succeeds.

    crews 0: unlimited. by_cause: other stages, by the cause that a node is repaired for. unnoticed: probability that a
    repair which seems to have succeeded has not; then what broke fails again after `relapse` at the latest. retire:
    which nodes are given up. reorder: how new ones are bought in their place.
    """

    crews: int
    automatic: RepairStage
    manual: RepairStage
    by_cause: Mapping[str, RepairStages] = field(default_factory=dict)
    unnoticed: float = 0.0
    relapse: Law = Law()
    retire: Retirement | None = None
    reorder: Reorder | None = None


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
    or checkpoints, and only in the job). ages: of all nodes when the run starts; none: all are new. Parts of the
    network and the job itself are always new. replay: how far the logs reach of failure classes that have one.
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
    ages: tuple[AgeBatch, ...] = ()
    replay: Replay | None = None
    swing: Swing | None = None
