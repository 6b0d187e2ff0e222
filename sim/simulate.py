"""One run from Scenario to ledgers; the only module that sees a whole Scenario."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b

from sim import MODEL_VERSION, catalog
from sim.cluster.bom import bill_of_materials, combined
from sim.cluster.build import build_cluster
from sim.cluster.front_end import FrontEnd, build_front_end, front_end_materials, store_access
from sim.cluster.health import HEALTHY
from sim.cluster.network import Network
from sim.cluster.placement import ORDER, groups, in_order, placed
from sim.cluster.records import BomLine, Cluster, GpuArray, NetworkSettings
from sim.engine.profile import profile_step
from sim.engine.run import simulate_run
from sim.engine.step import StepTimeline
from sim.errors import LayoutError, ScenarioError
from sim.ledger.assets import Assets
from sim.ledger.conservation import check_conservation
from sim.ledger.cost import CostLedger, price
from sim.ledger.energy import EnergyLedger, energy_ledger, nameplate_w
from sim.ledger.summary import RunSummary, summarize
from sim.ledger.time_ledger import TimeLedger, time_ledger
from sim.ledger.trace import RunTrace
from sim.reliability.checkpoint import CheckpointPath, CheckpointSize, checkpoint_seconds, checkpoint_size
from sim.reliability.interval import resolve_interval
from sim.reliability.records import (
    CheckpointPlan,
    FailureClass,
    Law,
    PhasePlan,
    RecoveryPlan,
    RepairPlan,
    RepairStage,
    RunPlan,
)
from sim.scenario import canonical_text
from sim.scenario.anchor import Anchoring, StepTime, anchored
from sim.scenario.records import Anchor, Checkpoint, FrontEndChoice, Phase, Scenario, Training
from sim.workload.build import BuiltStep, build_step
from sim.workload.layout import Layout
from sim.workload.pipelines import SCHEDULES
from sim.workload.profile import StepProfile
from sim.workload.stragglers import Speed, replica_factors
from sim.workload.transformer import total_parameters

Progress = Callable[[float, str], None]
"""Called with the fraction done and what is being done."""

ROUTING = {"infiniband": "adaptive", "ethernet": "ecmp"}
"""Routing by technology where a scenario does not choose: InfiniBand routes adaptively, plain RoCE hashes."""

QUEUE_PAIRS = 4
"""Queue pairs of a connection where a scenario does not choose (a usual setting of hashed fabrics; assumed)."""

NO_REPAIR = RepairPlan(
    crews=0, automatic=RepairStage(time=Law(), success=1.0), manual=RepairStage(time=Law(), success=1.0)
)
"""Stands where nothing takes a node away, so that nothing is repaired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A built cluster and its network, wired once and shared by all phases.

    front_end: what leads to the store; None where the compute fabric does.
    """

    cluster: Cluster
    network: Network
    settings: NetworkSettings
    front_end: FrontEnd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One phase's optimizer step: its profile, the timeline of a nominal replica, and what it was built from."""

    phase: Phase
    profile: StepProfile
    timeline: StepTimeline
    built: BuiltStep
    anchoring: Anchoring | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a run starts from: the scenario with its level set, its machine, and the step of every phase."""

    scenario: Scenario
    machine: Machine | None
    steps: tuple[StepResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Everything about one run; steps is empty where the step time was given, energy and costs None without a bill."""

    scenario: Scenario
    run_id: str
    machine: Machine | None
    steps: tuple[StepResult, ...]
    plan: RunPlan
    trace: RunTrace
    ledger: TimeLedger
    summary: RunSummary
    energy: EnergyLedger | None
    costs: CostLedger | None

    @property
    def profiles(self) -> tuple[StepProfile | None, ...]:
        """The step profile of every phase, None where its step time was given."""
        return tuple(step.profile for step in self.steps) or (None,)


def run_id(scenario: Scenario) -> str:
    """Return the hash of what determines a run: canonical scenario (seed included) and version of the models."""
    text = f"{MODEL_VERSION}\n{canonical_text(scenario)}"
    return f"{scenario.name}-{blake2b(text.encode(), digest_size=6).hexdigest()}"


def simulate(
    scenario: Scenario, progress: Progress = lambda fraction, what: None, allow_plugins: bool = False
) -> RunResult:
    """Return one run of a scenario; a topology "module:function" is imported only with allow_plugins.

    Raises InputError for what does not fit together, SimulationError where a law of conservation is broken.
    """
    return simulate_prepared(prepare(scenario, progress, allow_plugins), progress)


def prepare(
    scenario: Scenario,
    progress: Progress = lambda fraction, what: None,
    allow_plugins: bool = False,
    cluster: Cluster | None = None,
) -> Prepared:
    """Return everything before the run itself: the machine and the step of every phase.

    cluster: wired before for the same machines, by a scenario that differs in its seed.
    """
    scenario, anchoring = anchored(scenario, lambda anchor: _step_time_of(anchor, allow_plugins))
    machine = build_machine(scenario, allow_plugins, cluster)
    phases = scenario.training.phases if scenario.training else ()
    steps = []
    for index, phase in enumerate(phases):
        progress(0.1 + 0.4 * index / len(phases), f"step of phase {phase.name}")
        steps.append(replace(simulate_phase(scenario, machine, phase), anchoring=anchoring))
    return Prepared(scenario=scenario, machine=machine, steps=tuple(steps))


def reseeded(prepared: Prepared, seed: int) -> Prepared:
    """Return the same job under another seed: its steps are simulated anew only where something in them is drawn.

    Hashed routes, a random placement and the speeds of GPUs are drawn.
    """
    scenario = replace(prepared.scenario, seed=seed)
    machine, speed = prepared.machine, scenario.machines.speed
    drawn = speed != Speed() or scenario.machines.placement == "random"
    if machine is None or not (drawn or machine.settings.routing == "ecmp"):
        return replace(prepared, scenario=scenario)
    return prepare(replace(scenario, anchors=()), cluster=machine.cluster)


def simulate_prepared(prepared: Prepared, progress: Progress = lambda fraction, what: None) -> RunResult:
    """Return the run of a prepared job."""
    progress(0.5, "run")
    plan = run_plan(prepared.scenario, prepared.steps, prepared.machine)
    trace = simulate_run(plan)
    progress(0.8, "ledgers")
    return account(prepared.scenario, prepared.machine, prepared.steps, plan, trace)


def main_phase(training: Training) -> int:
    """Return the index of the phase with most tokens."""
    return max(range(len(training.phases)), key=lambda index: training.phases[index].tokens or 0)


def simulate_step_of(scenario: Scenario, phase: int | None = None, allow_plugins: bool = False) -> StepResult:
    """Return the step of one phase, by default of the one with most tokens. Raises InputError where it is not there."""
    if scenario.training is None:
        raise ScenarioError("a step needs a [model]; this scenario gives training.step_time")
    phases = scenario.training.phases
    if phase is None:
        phase = main_phase(scenario.training)
    if not 0 <= phase < len(phases):
        names = ", ".join(f"{index} ({each.name})" for index, each in enumerate(phases))
        raise ScenarioError(f"--phase: got {phase}; expected one of {names}")
    scenario, anchoring = anchored(scenario, lambda anchor: _step_time_of(anchor, allow_plugins))
    assert scenario.training is not None
    result = simulate_phase(scenario, build_machine(scenario, allow_plugins), scenario.training.phases[phase])
    return replace(result, anchoring=anchoring)


def _step_time_of(anchor: Anchor, allow_plugins: bool) -> StepTime:
    """Return the simulator of an anchor's step, on its machine."""
    machine = build_machine(anchor.scenario, allow_plugins)

    def step_time_s(scenario: Scenario) -> float:
        assert scenario.training is not None, "an anchor has a model"
        phase = scenario.training.phases[main_phase(scenario.training)]
        return simulate_phase(scenario, machine, phase).profile.step_time_s

    return step_time_s


def build_machine(scenario: Scenario, allow_plugins: bool = False, cluster: Cluster | None = None) -> Machine | None:
    """Return the cluster of a scenario, None where it has no topology (a reliability study); or one wired before."""
    asked = scenario.machines
    if asked.topology is None:
        return None
    node, total = asked.node, asked.nodes + asked.spare_nodes
    topology = asked.topology
    if cluster is None:
        cluster = build_cluster(topology.kind, topology.arguments, node, asked.accelerator, total, allow_plugins)
    cluster = replace(cluster, health=asked.health or HEALTHY)
    settings = NetworkSettings(
        sharing=asked.network.sharing or "max-min",
        routing=asked.network.routing or ROUTING[node.network_technology],
        queue_pairs=asked.network.queue_pairs or QUEUE_PAIRS,
        seed=scenario.seed,
        in_network_reduction=asked.network.in_network_reduction,
    )
    front_end = None if asked.front_end is None else _front_end(asked.front_end, total, allow_plugins)
    return Machine(cluster=cluster, network=Network(cluster, settings), settings=settings, front_end=front_end)


def _front_end(asked: FrontEndChoice, nodes: int, allow_plugins: bool) -> FrontEnd:
    """Return the front end of so many nodes, job and spare."""
    topology = asked.topology
    return build_front_end(topology.kind, topology.arguments, asked.ports, nodes, asked.technology, allow_plugins)


def materials(machine: Machine) -> tuple[BomLine, ...]:
    """Return the bill of materials of a machine, servers and the front end included."""
    node = machine.cluster.node
    bill = bill_of_materials(
        machine.cluster.graph,
        technology=node.network_technology,
        switches=catalog.switches(),
        cables=catalog.cables(),
        node=node,
        nodes=machine.cluster.nodes,
    )
    if machine.front_end is None:
        return bill
    return combined((*bill, *front_end_materials(machine.front_end, catalog.switches(), catalog.cables())))


def simulate_phase(scenario: Scenario, machine: Machine | None, phase: Phase) -> StepResult:
    """Return the step of one phase on a machine."""
    training, accelerator = scenario.training, scenario.machines.accelerator
    if training is None or machine is None:
        raise ScenarioError(
            "a step needs [model] and [cluster] topology; this scenario gives training.step_time instead"
        )
    layout, job_gpus = phase.layout, scenario.machines.gpus
    if layout.gpus != job_gpus:
        raise LayoutError(
            f"parallelism: tensor {layout.tensor} x context {layout.context} x pipeline {layout.pipeline} x data "
            f"{layout.data} = {layout.gpus:,}, but the job holds {job_gpus:,} GPUs"
        )
    placement = placed_ranks(scenario, layout, machine.cluster)
    members = groups(
        layout.tensor,
        layout.pipeline,
        layout.data,
        placement,
        wrap=SCHEDULES[layout.schedule.kind].chunks == 0,
        context=layout.context,
        shard=layout.shard,
        mirrored=SCHEDULES[layout.schedule.kind].copies == 2,
        expert=layout.expert,
        expert_tensor=layout.expert_tensor,
    )
    built = build_step(
        training.model,
        phase.batch,
        layout,
        accelerator,
        training.software,
        members,
        machine.network,
        scenario.machines.node.accelerators,
    )
    speed, node_gpus = scenario.machines.speed, scenario.machines.node.accelerators
    factors = replica_factors(speed, layout, placement, node_gpus, scenario.seed)
    profile, timeline = profile_step(built, training.model, phase.batch, layout, accelerator, factors)
    return StepResult(phase=phase, profile=profile, timeline=timeline, built=built)


def placed_ranks(scenario: Scenario, layout: Layout, cluster: Cluster) -> GpuArray:
    """Return the GPU of each rank: placed as asked, numbered in the layout's order, or else in that of its software."""
    assert scenario.training is not None, "ranks train a model"
    order = layout.order or tuple(scenario.training.software.rank_order.split("-"))
    gpus = placed(scenario.machines.placement, layout.gpus, cluster, scenario.seed)
    return in_order(gpus, {name: getattr(layout, name) for name in ORDER}, order)


def run_plan(scenario: Scenario, steps: tuple[StepResult, ...], machine: Machine | None) -> RunPlan:
    """Return the plan of a run: everything the run engine needs, in microseconds."""
    machines, limits = scenario.machines, scenario.limits
    phases = tuple(_phase_plan(step) for step in steps) or (_given_phase(scenario),)
    return RunPlan(
        nodes=machines.nodes,
        spare_nodes=machines.spare_nodes,
        gpus_per_node=machines.node.accelerators,
        phases=phases,
        failures=scenario.failures.classes,
        failure_clock=scenario.failures.clock,
        recovery=scenario.recovery or RecoveryPlan(),
        checkpoint=_checkpoint_plan(scenario, machine),
        repair=scenario.repair or NO_REPAIR,
        seed=scenario.seed,
        horizon_us=_microseconds(limits.horizon_s),
        work_us=_microseconds(limits.work_s),
    )


def account(
    scenario: Scenario, machine: Machine | None, steps: tuple[StepResult, ...], plan: RunPlan, trace: RunTrace
) -> RunResult:
    """Return a run's ledgers and summary from its trace, checked for conservation."""
    profiles = tuple(step.profile for step in steps) or (None,)
    ledger = time_ledger(trace, profiles)
    check_conservation(trace, ledger)
    energy, costs = _bill(scenario, machine, profiles, ledger)
    return RunResult(
        scenario=scenario,
        run_id=run_id(scenario),
        machine=machine,
        steps=steps,
        plan=plan,
        trace=trace,
        ledger=ledger,
        summary=summarize(trace, ledger, profiles),
        energy=energy,
        costs=costs,
    )


def _bill(
    scenario: Scenario, machine: Machine | None, profiles: tuple[StepProfile | None, ...], ledger: TimeLedger
) -> tuple[EnergyLedger | None, CostLedger | None]:
    asked, billing = scenario.machines, scenario.billing
    if billing is None or machine is None or asked.storage is None:
        return None, None
    total, bill = asked.nodes + asked.spare_nodes, materials(machine)
    energy = energy_ledger(ledger, profiles, asked.node, asked.accelerator, bill, asked.storage)
    assets = Assets(
        node=asked.node.name,
        nodes=total,
        gpus_per_node=asked.node.accelerators,
        bill=bill,
        storage=asked.storage.name,
        nameplate_w=nameplate_w(asked.node, total, bill, asked.storage),
    )
    start = scenario.start.isoformat() if scenario.start else None
    return energy, price(ledger, assets, energy, billing.prices, billing.acquisition, start)


def _phase_plan(step: StepResult) -> PhasePlan:
    tokens, per_step = step.phase.tokens, step.profile.tokens
    return PhasePlan(
        name=step.phase.name,
        steps=None if tokens is None else math.ceil(tokens / per_step),
        step_time_us=max(1, round(step.profile.step_time_ns / 1000)),
        tokens_per_step=per_step,
    )


def _given_phase(scenario: Scenario) -> PhasePlan:
    if scenario.step_time_s is None:
        raise ScenarioError("training: neither a [model] to simulate a step of, nor training.step_time")
    return PhasePlan(
        name="given", steps=None, step_time_us=max(1, round(scenario.step_time_s * 1e6)), tokens_per_step=0
    )


def job_mtbf_s(failures: tuple[FailureClass, ...], nodes: int) -> float:
    """Return the mean time between failures of a job: one over the sum of its components' rates.

    >>> from sim.reliability.records import Law
    >>> life = Law(kind="exponential", mean_s=1600.0)
    >>> job_mtbf_s((FailureClass(cause="gpu", component="gpu", per_node=8, life=life, replace=True),), nodes=2)
    100.0
    """
    rate = sum((1 if f.component == "job" else f.per_node * nodes) / f.life.mean_s for f in failures)
    return 1 / rate if rate else math.inf


def _checkpoint_plan(scenario: Scenario, machine: Machine | None) -> CheckpointPlan:
    """Return the checkpoint of a run: durations that were given stand, the others follow from bytes and bandwidths."""
    asked = scenario.checkpoint
    if asked is None:
        return CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0)
    block_s, durable_s, restore_s = _checkpoint_seconds(scenario, asked, machine)
    mtbf_s = job_mtbf_s(scenario.failures.classes, scenario.machines.nodes)
    return CheckpointPlan(
        interval_us=round(resolve_interval(asked.policy, block_s, mtbf_s) * 1e6),
        block_us=round(block_s * 1e6),
        durable_after_us=round(max(durable_s, block_s) * 1e6),
        restore_us=round(restore_s * 1e6),
        max_in_flight=asked.policy.max_in_flight,
    )


def _checkpoint_seconds(scenario: Scenario, asked: Checkpoint, machine: Machine | None) -> tuple[float, float, float]:
    """Return block, durable and restore time: given, or of the last phase's layout on the scenario's store."""
    given = (asked.block_s, asked.durable_after_s, asked.restore_s)
    if asked.block_s is not None and asked.durable_after_s is not None and asked.restore_s is not None:
        return asked.block_s, asked.durable_after_s, asked.restore_s
    computed = checkpoint_seconds(*_checkpoint_path(scenario, machine), asked.policy.asynchronous)
    block_s, durable_s, restore_s = (c if g is None else g for g, c in zip(given, computed, strict=True))
    return block_s, durable_s, restore_s


def _checkpoint_path(scenario: Scenario, machine: Machine | None) -> tuple[CheckpointSize, CheckpointPath]:
    """Return what a checkpoint weighs and what it passes through, with the last phase's layout.

    A front end takes the place of the compute NICs on the way to the store, and bounds what the store gets and gives.
    """
    training, machines, storage = scenario.training, scenario.machines, scenario.machines.storage
    if training is None or storage is None:
        raise ScenarioError(
            "checkpoint: block, durable_after and restore need a [model] and cluster.storage, or values"
        )
    node, layout = machines.node, training.phases[-1].layout
    front_end = None if machine is None else machine.front_end
    access_bytes_per_s = math.inf if front_end is None else store_access(front_end, machines.nodes).bytes_per_s
    path = CheckpointPath(
        gpus=layout.gpus,
        gpus_per_node=node.accelerators,
        replicas=layout.data,
        device_host_bytes_per_s=node.host_to_device_bandwidth_bytes_per_s,
        serialise_bytes_per_s=training.software.serialise_bytes_per_s,
        node_bytes_per_s=node.nics * node.nic_bandwidth_bytes_per_s,
        store_write_bytes_per_s=min(storage.write_bandwidth_bytes_per_s, access_bytes_per_s),
        store_read_bytes_per_s=min(storage.read_bandwidth_bytes_per_s, access_bytes_per_s),
        file_operation_s=storage.file_operation_s,
        commit_s=storage.commit_s,
        front_end=front_end is not None,
    )
    return checkpoint_size(total_parameters(training.model)), path


def _microseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e6)
