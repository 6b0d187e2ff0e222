"""One run from Scenario to ledgers; the only module that sees a whole Scenario."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np

from sim import MODEL_VERSION
from sim.cluster.front_end import store_access
from sim.cluster.health import HEALTHY
from sim.cluster.network import Network
from sim.cluster.placement import groups
from sim.cluster.records import BomLine
from sim.engine.profile import profile_step
from sim.engine.run import simulate_run
from sim.engine.slow_steps import Known, PhaseRanks, StepPacer, phase_ranks
from sim.engine.step import StepTimeline
from sim.errors import LayoutError, ScenarioError
from sim.ledger.assets import Assets
from sim.ledger.conservation import check_conservation
from sim.ledger.cost import CostLedger, price
from sim.ledger.energy import EnergyLedger, energy_ledger, nameplate_w
from sim.ledger.summary import RunSummary, summarize
from sim.ledger.time_ledger import TimeLedger, time_ledger
from sim.ledger.trace import RunTrace
from sim.machine import Machine, build_machine, check_algorithms, domains_in, materials, placed_ranks
from sim.reliability.domains import held
from sim.reliability.elastic import blocks_of, longer_us
from sim.reliability.outages import GraphJudge, Seats, wired
from sim.reliability.records import (
    FailureClass,
    Law,
    PhasePlan,
    RecoveryPlan,
    RepairPlan,
    RepairStage,
    RunPlan,
)
from sim.reliability.replay.classes import found_parts
from sim.reliability.slow import GivenPacer, PaceTimes, has_slow, touches_network
from sim.scenario import canonical_text
from sim.scenario.anchor import Anchoring, StepTime, anchored
from sim.scenario.faults.failures import check_rate
from sim.scenario.records import Anchor, Phase, Scenario, Training
from sim.scenario.saving import checkpoint_plan
from sim.workload.build import BuiltStep, build_step
from sim.workload.pipelines import SCHEDULES
from sim.workload.profile import StepProfile
from sim.workload.stragglers import Speed, replica_factors

Progress = Callable[[float, str], None]
"""Called with the fraction done and what is being done."""

NO_REPAIR = RepairPlan(
    crews=0, automatic=RepairStage(time=Law(), success=1.0), manual=RepairStage(time=Law(), success=1.0)
)
"""Stands where nothing takes a node away, so that nothing is repaired."""


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
    """What a run starts from: the scenario with its level set, its machine, and the step of every phase.

    bill: the machine's bill of materials; empty where nothing is billed. known: step times that runs of the job share.
    """

    scenario: Scenario
    machine: Machine | None
    steps: tuple[StepResult, ...]
    bill: tuple[BomLine, ...] = ()
    allow_plugins: bool = False
    known: Known = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a run takes: its plan, what judges its outages, and what times its steps."""

    plan: RunPlan
    judge: GraphJudge | None
    pacer: StepPacer | GivenPacer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Everything about one run; steps is empty where the step time was given, energy and costs None without a bill.

    damaged: the step of every phase (None: given) under each other condition that it met; paces: how long they took.
    """

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
    damaged: tuple[tuple[StepProfile | None, ...], ...] = ()
    paces: tuple[PaceTimes, ...] = ()

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
    scenario: Scenario, progress: Progress = lambda fraction, what: None, allow_plugins: bool = False
) -> Prepared:
    """Return everything before the run itself: the machine, its bill of materials, and the step of every phase."""
    scenario, anchoring = anchored(scenario, lambda anchor: _step_time_of(anchor, allow_plugins))
    machine = build_machine(scenario, allow_plugins)
    billed = machine is not None and scenario.billing is not None and scenario.machines.storage is not None
    return Prepared(
        scenario=scenario,
        machine=machine,
        steps=tuple(replace(step, anchoring=anchoring) for step in _steps(scenario, machine, progress)),
        bill=materials(machine) if billed and machine is not None else (),
        allow_plugins=allow_plugins,
    )


def _steps(scenario: Scenario, machine: Machine | None, progress: Progress) -> tuple[StepResult, ...]:
    """Return the step of every phase."""
    phases = scenario.training.phases if scenario.training else ()
    steps = []
    for index, phase in enumerate(phases):
        progress(0.1 + 0.4 * index / len(phases), f"step of phase {phase.name}")
        steps.append(simulate_phase(scenario, machine, phase))
    if machine is not None:
        check_algorithms(machine.network)
    return tuple(steps)


def reseeded(prepared: Prepared, scenario: Scenario) -> Prepared:
    """Return the same job by a scenario that differs in its seed: steps are simulated anew where something is drawn.

    Hashed routes, a random placement, the speeds of GPUs and lost members of a class are drawn.
    """
    machine, asked = prepared.machine, scenario.machines
    if machine is None:
        return replace(prepared, scenario=scenario)
    health = asked.health or HEALTHY
    drawn = asked.speed != Speed() or asked.placement == "random" or health != machine.cluster.health
    if not (drawn or machine.settings.routing == "ecmp"):
        return replace(prepared, scenario=scenario)
    network = machine.network.changed(health=health, seed=scenario.seed)
    machine = replace(machine, cluster=network.cluster, network=network, settings=network.settings)
    steps = _steps(scenario, machine, lambda fraction, what: None)
    return replace(prepared, scenario=scenario, machine=machine, steps=steps, known={})


def simulate_prepared(prepared: Prepared, progress: Progress = lambda fraction, what: None) -> RunResult:
    """Return the run of a prepared job."""
    progress(0.5, "run")
    planning = planned(prepared)
    trace = simulate_run(planning.plan, judge=planning.judge, pacer=planning.pacer)
    progress(0.8, "ledgers")
    return account(prepared, planning.plan, trace, planning.pacer)


def planned(prepared: Prepared) -> Planned:
    """Return the plan of a prepared job, and what judges and times it; all serve any run of the job under its seed."""
    judge, results_of = judge_of(prepared)
    failures = _wired(prepared, judge)
    plan = run_plan(prepared.scenario, prepared.steps, prepared.machine, failures, prepared.allow_plugins)
    pacer = pacer_of(prepared, plan, results_of) if judge or has_slow(plan) or plan.recovery.elastic else None
    return Planned(plan=plan, judge=judge, pacer=pacer)


def judge_of(prepared: Prepared) -> tuple[GraphJudge | None, Callable[[int], tuple[StepResult, ...]]]:
    """Return what says which outages of the network stop or slow a job, or None, and the steps that it judged by."""
    scenario, machine = prepared.scenario, prepared.machine
    made = [prepared.steps]
    if machine is None or not any(touches_network(each) for each in scenario.failures.classes):
        return None, made.__getitem__

    def steps_of(network: Network, seats: Seats) -> tuple[StepProfile, ...]:
        broken = replace(machine, cluster=network.cluster, network=network)
        steps = tuple(simulate_phase(scenario, broken, step.phase, seats) for step in prepared.steps)
        if _profiles(steps) not in map(_profiles, made):
            made.append(steps)
        return _profiles(steps)

    asked = scenario.machines
    judge = GraphJudge(machine.network, asked.nodes, asked.nic_ports, _profiles(prepared.steps), steps_of)
    return judge, lambda number: next(steps for steps in made if _profiles(steps) == judge.profiles[number])


def _profiles(steps: tuple[StepResult, ...]) -> tuple[StepProfile, ...]:
    return tuple(step.profile for step in steps)


def pacer_of(
    prepared: Prepared, plan: RunPlan, results_of: Callable[[int], tuple[StepResult, ...]]
) -> StepPacer | GivenPacer:
    """Return what says how long steps take with slow GPUs; results_of: steps by the condition of the network."""
    scenario, machine = prepared.scenario, prepared.machine
    if machine is None or not prepared.steps:
        whole_us = [phase.step_time_us for phase in plan.phases]
        if plan.recovery.elastic is not None:
            blocks = len(blocks_of(plan))
            return GivenPacer(lambda lost: longer_us(whole_us, blocks, lost))
        return GivenPacer(lambda _: whole_us, plan.swing)
    speed, each, cluster = scenario.machines.speed, machine.cluster.node.accelerators, machine.cluster

    def ranks_of(phase: int) -> PhaseRanks:
        layout = prepared.steps[phase].phase.layout
        return phase_ranks(speed, layout, placed_ranks(scenario, layout, cluster), each, scenario.seed)

    return StepPacer(results_of, ranks_of, plan.swing, prepared.known)


def _wired(prepared: Prepared, judge: GraphJudge | None) -> tuple[FailureClass, ...]:
    """Return the scenario's failures, with the parts of the network and the nodes that they hit."""
    machines, classes = prepared.scenario.machines, prepared.scenario.failures.classes
    parts = found_parts(classes, wired(classes, judge.network.fabric, judge, judge.nodes)) if judge else classes
    found = held(parts, domains_in(machines, prepared.machine))
    check_rate(found, machines.nodes)
    return found


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
    machine = build_machine(scenario, allow_plugins)
    result = simulate_phase(scenario, machine, scenario.training.phases[phase])
    if machine is not None and len(phases) == 1:
        check_algorithms(machine.network)
    return replace(result, anchoring=anchoring)


def _step_time_of(anchor: Anchor, allow_plugins: bool) -> StepTime:
    """Return the simulator of an anchor's step, on its machine."""
    machine = build_machine(anchor.scenario, allow_plugins)

    def step_time_s(scenario: Scenario) -> float:
        assert scenario.training is not None, "an anchor has a model"
        phase = scenario.training.phases[main_phase(scenario.training)]
        return simulate_phase(scenario, machine, phase).profile.step_time_s

    return step_time_s


def simulate_phase(scenario: Scenario, machine: Machine | None, phase: Phase, seats: Seats | None = None) -> StepResult:
    """Return the step of one phase on a machine; seats: the node of each of the job's places, by default the first."""
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
    if seats is not None:
        each = machine.cluster.node.accelerators
        placement = np.array(seats)[placement // each] * each + placement % each
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
    asked = scenario.machines
    factors = replica_factors(asked.speed, layout, placement, asked.node.accelerators, scenario.seed)
    profile, timeline = profile_step(built, training.model, phase.batch, layout, accelerator, factors)
    return StepResult(phase=phase, profile=profile, timeline=timeline, built=built)


def run_plan(
    scenario: Scenario,
    steps: tuple[StepResult, ...],
    machine: Machine | None,
    failures: tuple[FailureClass, ...] | None = None,
    allow_plugins: bool = False,
) -> RunPlan:
    """Return the plan of a run: everything the run engine needs, in microseconds.

    failures: those of the scenario, with the parts of the network that they hit. allow_plugins: whether the interval of
    checkpoints may be "module:function".
    """
    failures = scenario.failures.classes if failures is None else failures
    front_end = None if machine is None else machine.front_end
    access_bytes_per_s = None if front_end is None else store_access(front_end, scenario.machines.nodes).bytes_per_s
    machines, limits = scenario.machines, scenario.limits
    phases = tuple(_phase_plan(step) for step in steps) or (_given_phase(scenario),)
    step_s = phases[main_phase(scenario.training) if scenario.training else 0].step_time_us * 1e-6
    return RunPlan(
        nodes=machines.nodes,
        spare_nodes=machines.spare_nodes,
        gpus_per_node=machines.node.accelerators,
        phases=phases,
        failures=failures,
        failure_clock=scenario.failures.clock,
        recovery=scenario.recovery or RecoveryPlan(),
        checkpoint=checkpoint_plan(scenario, failures, step_s, access_bytes_per_s, allow_plugins),
        repair=scenario.repair or NO_REPAIR,
        seed=scenario.seed,
        horizon_us=_microseconds(limits.horizon_s),
        swing=machines.swing,
        work_us=_microseconds(limits.work_s),
        ages=scenario.failures.ages,
        replay=scenario.failures.replay,
    )


def account(
    prepared: Prepared, plan: RunPlan, trace: RunTrace, pacer: StepPacer | GivenPacer | None = None
) -> RunResult:
    """Return a run's ledgers and summary from its trace, checked for conservation; pacer: what timed its steps."""
    scenario, steps = prepared.scenario, prepared.steps
    profiles = tuple(step.profile for step in steps) or (None,)
    met = trace.judged[1:] if pacer else ()
    damaged = tuple(pacer.profiles(each) if isinstance(pacer, StepPacer) else (None,) for each in met)
    ledger = time_ledger(trace, profiles, damaged)
    check_conservation(trace, ledger)
    energy, costs = _bill(scenario, prepared.bill, profiles, ledger)
    return RunResult(
        scenario=scenario,
        run_id=run_id(scenario),
        machine=prepared.machine,
        steps=steps,
        plan=plan,
        trace=trace,
        ledger=ledger,
        summary=summarize(trace, ledger, profiles),
        energy=energy,
        costs=costs,
        damaged=damaged,
        paces=tuple(pacer.times(each) for each in met) if pacer else (),
    )


def _bill(
    scenario: Scenario, bill: tuple[BomLine, ...], profiles: tuple[StepProfile | None, ...], ledger: TimeLedger
) -> tuple[EnergyLedger | None, CostLedger | None]:
    asked, billing = scenario.machines, scenario.billing
    if billing is None or asked.storage is None or not bill:
        return None, None
    total = asked.nodes + asked.spare_nodes
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


def _microseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e6)
