"""What a run takes, from a prepared job: its plan, what judges its outages and what times its steps."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sim.cluster.domains import DomainSize
from sim.cluster.front_end import store_access
from sim.cluster.network import Network
from sim.cluster.records import BomLine
from sim.engine.effects.slow_steps import Known, StepPacer
from sim.engine.stages.slow_rows import PhaseRanks, phase_ranks
from sim.errors import ScenarioError
from sim.machine import Machine, domains_in, placed_ranks
from sim.reliability.failures.domains import held
from sim.reliability.failures.outages import GraphJudge, Seats, wired
from sim.reliability.failures.slow import GivenPacer, has_slow, touches_network
from sim.reliability.records import FailureClass, Law, PhasePlan, RecoveryPlan, RepairPlan, RepairStage, RunPlan
from sim.reliability.recovery.elastic import blocks_of, longer_us
from sim.reliability.replay.classes import found_parts
from sim.scenario.faults.rate import check_rate
from sim.scenario.records import Scenario
from sim.scenario.saving import checkpoint_plan
from sim.steps import StepResult, main_phase, simulate_phase
from sim.steps.shrunken import Shrinking
from sim.workload.layout import Layout
from sim.workload.profile import StepProfile

NO_REPAIR = RepairPlan(
    crews=0, automatic=RepairStage(time=Law(), success=1.0), manual=RepairStage(time=Law(), success=1.0)
)
"""Stands where nothing takes a node away, so that nothing is repaired."""


Held = dict[tuple[tuple[FailureClass, ...], int, int, tuple[tuple[str, DomainSize], ...]], tuple[FailureClass, ...]]
"""Failures with the nodes that they hit, by failures with the parts that they hit, nodes, spares and stated domains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a run starts from: the scenario with its level set, its machine, and the step of every phase.

    bill: the machine's bill of materials; empty where nothing is billed. shrinking: the steps of an elastic job of a
    model. Runs of the job share the rest: known, what
    times its replicas; ranks, those of every phase and their speeds, both as the steps were simulated; held, failures
    with the nodes that they hit, by what decides them.
    """

    scenario: Scenario
    machine: Machine | None
    steps: tuple[StepResult, ...]
    bill: tuple[BomLine, ...] = ()
    shrinking: Shrinking | None = None
    allow_plugins: bool = False
    known: Known = field(default_factory=dict, compare=False, repr=False)
    ranks: dict[int, PhaseRanks] = field(default_factory=dict, compare=False, repr=False)
    held: Held = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a run takes: its plan, what judges its outages, and what times its steps."""

    plan: RunPlan
    judge: GraphJudge | None
    pacer: StepPacer | GivenPacer | None


def planned(prepared: Prepared) -> Planned:
    """Return the plan of a prepared job, and what judges and times it; all serve any run of the job under its seed."""
    judge, results_of = judge_of(prepared)
    failures = _wired(prepared, judge)
    plan = run_plan(prepared.scenario, prepared.steps, prepared.machine, failures, prepared.allow_plugins)
    if prepared.shrinking is not None:
        plan = replace(plan, recovery=replace(plan.recovery, elastic=prepared.shrinking.plan))
        results_of = prepared.shrinking.steps_with
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
        before = zip(*made, strict=True)
        pairs = zip(prepared.steps, before, strict=True)
        steps = tuple(simulate_phase(scenario, broken, step.phase, seats, known) for step, known in pairs)
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
    """Return what says how long steps take under conditions; results_of: steps by the network's, or by blocks out."""
    scenario, machine = prepared.scenario, prepared.machine
    if machine is None or not prepared.steps:
        whole_us = [phase.step_time_us for phase in plan.phases]
        if plan.recovery.elastic is not None:
            blocks = len(blocks_of(plan))
            return GivenPacer(lambda lost: longer_us(whole_us, blocks, lost))
        return GivenPacer(lambda _: whole_us, plan.swing)

    def ranks_of(phase: int) -> PhaseRanks:
        if phase not in prepared.ranks:
            prepared.ranks[phase] = _ranks_of(scenario, machine, prepared.steps[phase].phase.layout)
        return prepared.ranks[phase]

    return StepPacer(results_of, ranks_of, plan.swing, prepared.known)


def _ranks_of(scenario: Scenario, machine: Machine, layout: Layout) -> PhaseRanks:
    """Return the ranks of a layout; what is drawn of them follows the seed that the machine was made by."""
    seed, node_gpus = machine.settings.seed, machine.cluster.node.accelerators
    ranks = placed_ranks(replace(scenario, seed=seed), layout, machine.cluster)
    return phase_ranks(scenario.machines.speed, layout, ranks, node_gpus, seed)


def _wired(prepared: Prepared, judge: GraphJudge | None) -> tuple[FailureClass, ...]:
    """Return the scenario's failures, with the parts of the network and the nodes that they hit."""
    machines, classes = prepared.scenario.machines, prepared.scenario.failures.classes
    parts = found_parts(classes, wired(classes, judge.network.fabric, judge, judge.nodes)) if judge else classes
    key = parts, machines.nodes, machines.spare_nodes, machines.domains
    if key not in prepared.held:
        found = held(parts, domains_in(machines, prepared.machine))
        check_rate(found, machines.nodes)
        prepared.held[key] = found
    return prepared.held[key]


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
