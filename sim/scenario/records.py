"""Records of a scenario: what a run is asked to simulate, resolved, in SI units, with nothing left to look up.

None means "not asked for", never "some default": no model, no limit, no checkpoints, no bill.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sim.catalog.records import Accelerator, Cooling, Model, Node, PriceBook, SoftwareProfile, Storage
from sim.cluster.domains import DomainSize
from sim.cluster.front_end import Ports
from sim.cluster.health import Health
from sim.ledger.bill.terms import STANDARD, Terms
from sim.reliability.records import AgeBatch, CheckpointPolicy, FailureClass, RecoveryPlan, RepairPlan, Swing
from sim.reliability.replay.records import Replay
from sim.workload.layout import Batch, Layout
from sim.workload.stragglers import Speed


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of training with one batch and one layout; tokens None: as long as the run's other limits allow."""

    name: str
    tokens: int | None
    batch: Batch
    layout: Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What is trained and how. total tokens are the sum of the phases'; there is at least one phase."""

    model: Model
    software: SoftwareProfile
    phases: tuple[Phase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """A topology by its kind and the arguments of its function."""

    kind: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndChoice:
    """The network over which nodes reach the store: its topology, what it joins, and whose switches it is built of."""

    topology: Topology
    ports: Ports
    technology: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkChoice:
    """How flows share the fabric; None where the user leaves it to the technology of the switches.

    in_network_reduction: whether the switches add up what an all-reduce sends (SHARP); no job has it unless it says so.
    algorithms: (collective, algorithm) pairs that are not left to NCCL's choice.
    """

    sharing: str | None = None
    routing: str | None = None
    queue_pairs: int | None = None
    in_network_reduction: bool = False
    algorithms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """The cluster asked for: `nodes` nodes run the job, `spare_nodes` more wait; health None: nothing is lost.

    front_end None: nodes reach the store over the NICs of the compute fabric. domains: what failure domains hold, where
    the graph does not say it. swing: of the day, on the speed of all GPUs. cooling: by liquid, None for air; the powers
    of the node are those with it.
    """

    node: Node
    accelerator: Accelerator
    nodes: int
    spare_nodes: int
    topology: Topology | None
    placement: str
    network: NetworkChoice
    storage: Storage | None
    speed: Speed
    health: Health | None = None
    nic_ports: int = 1
    front_end: FrontEndChoice | None = None
    domains: tuple[tuple[str, DomainSize], ...] = ()
    swing: Swing | None = None
    cooling: Cooling | None = None

    @property
    def gpus(self) -> int:
        """GPUs of the job."""
        return self.nodes * self.node.accelerators


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedLog:
    """Where logged failures come from: the file, how many there are, of how many nodes, by which rule they sit.

    left_out: failures beyond the start and end that were asked for, or the horizon. passed_over: what was read and is
    no failure, as (name, count). set_aside: causes whose clocks the log takes the place of. unsampled: failures of
    nodes that were not drawn.
    """

    file: str
    failures: int
    nodes: int
    rule: str
    left_out: int
    passed_over: tuple[tuple[str, int], ...]
    set_aside: int
    unsampled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """What breaks, already scaled; clock "calendar" or "operating"; ages: of all nodes, none where all are new.

    replay: how far a log reaches, whose failures are in the classes; provenance: what it was read from.
    """

    classes: tuple[FailureClass, ...]
    clock: str
    ages: tuple[AgeBatch, ...] = ()
    replay: Replay | None = None
    provenance: ReplayedLog | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TierChoice:
    """A tier of checkpoints that is asked for, as in `checkpoint.tiers`; None: as bandwidths give it."""

    kind: str
    every: int = 1
    keep: int = 0
    replicas: int = 0
    apart: int = 1
    max_in_flight: int = 1
    incremental: float = 1.0
    bandwidth_bytes_per_s: float | None = None
    block_s: float | None = None
    durable_after_s: float | None = None
    restore_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """When checkpoints are taken, and the durations that were given instead of following from bandwidths.

    tiers: the store last, whose durations these are; none where there is only the store.
    """

    policy: CheckpointPolicy
    block_s: float | None = None
    durable_after_s: float | None = None
    restore_s: float | None = None
    tiers: tuple[TierChoice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """How the run is paid for: a price book, how the hardware is acquired, and the terms of all that."""

    prices: PriceBook
    acquisition: str
    terms: Terms = STANDARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a run ends: at `horizon_s` of wall clock or with `work_s` of retained training; the phases' tokens aside."""

    horizon_s: float | None = None
    work_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A published figure to compare with: a key of the answer, its value, unit and source."""

    name: str
    value: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A step time that the user measured, of the main phase of a scenario."""

    scenario: "Scenario"
    step_time_s: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything about one run.

    Either training (a model, whose step is simulated) or step_time_s (taken as given) is there, never both.
    recovery and repair are None only where nothing that is asked for could need them. published and published_gap
    (what the published figures hold that the scenario does not) are shown beside the results and change none. anchors:
    measured step times that the level of its own is corrected by.
    """

    name: str
    training: Training | None
    step_time_s: float | None
    machines: Machines
    failures: Failures
    recovery: RecoveryPlan | None
    repair: RepairPlan | None
    checkpoint: Checkpoint | None
    billing: Billing | None
    limits: Limits
    seed: int
    start: date | None
    anchors: tuple[Anchor, ...] = ()
    published: tuple[Figure, ...] = ()
    published_gap: tuple[str, ...] = ()

    @property
    def tokens(self) -> int | None:
        """Tokens to train, or None where something else ends the run."""
        if self.training is None or any(phase.tokens is None for phase in self.training.phases):
            return None
        return sum(phase.tokens for phase in self.training.phases if phase.tokens is not None)
