"""The step of each phase of training, simulated on the machine of a scenario."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from sim.cluster.placement import Groups, groups
from sim.cluster.records import GpuArray
from sim.engine.stages.profile import profile_step
from sim.engine.step import StepTimeline
from sim.errors import LayoutError, ScenarioError
from sim.machine import Machine, build_machine, check_algorithms, placed_ranks
from sim.reliability.failures.outages import Seats
from sim.scenario.anchor import Anchoring, StepTime, anchored
from sim.scenario.records import Anchor, Phase, Scenario, Training
from sim.workload.build import BuiltStep, build_step
from sim.workload.layout import Layout
from sim.workload.pipelines import SCHEDULES
from sim.workload.profile import StepProfile
from sim.workload.stragglers import ReplicaFactors, replica_factors


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One phase's optimizer step: its profile, the timeline of a nominal replica, and what it was built from.

    factors: of the stages of all replicas on the time of kernels.
    """

    phase: Phase
    profile: StepProfile
    timeline: StepTimeline
    built: BuiltStep
    factors: ReplicaFactors
    anchoring: Anchoring | None = None


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
    scenario, anchoring = anchored(scenario, lambda anchor: step_time_of(anchor, allow_plugins))
    assert scenario.training is not None
    machine = build_machine(scenario, allow_plugins)
    result = simulate_phase(scenario, machine, scenario.training.phases[phase])
    if machine is not None and len(phases) == 1:
        check_algorithms(machine.network)
    return replace(result, anchoring=anchoring)


def step_time_of(anchor: Anchor, allow_plugins: bool) -> StepTime:
    """Return the simulator of an anchor's step, on its machine."""
    machine = build_machine(anchor.scenario, allow_plugins)

    def step_time_s(scenario: Scenario) -> float:
        assert scenario.training is not None, "an anchor has a model"
        phase = scenario.training.phases[main_phase(scenario.training)]
        return simulate_phase(scenario, machine, phase).profile.step_time_s

    return step_time_s


def simulate_phase(
    scenario: Scenario,
    machine: Machine | None,
    phase: Phase,
    seats: Seats | None = None,
    before: Iterable[StepResult] = (),
) -> StepResult:
    """Return the step of one phase on a machine; seats: the node of each of the job's places, by default the first.

    before: steps of the phase that were simulated; one that takes as long everywhere is not simulated again.
    """
    built, placement = build_phase(scenario, machine, phase, seats)
    training, accelerator = scenario.training, scenario.machines.accelerator
    assert training is not None, "what is built has a model"
    asked, layout = scenario.machines, phase.layout
    factors = replica_factors(asked.speed, layout, placement, asked.node.accelerators, scenario.seed)
    for same in (each for each in before if _alike(each, phase, built, factors)):
        return replace(same, built=built, anchoring=None)
    profile, timeline = profile_step(built, training.model, phase.batch, layout, accelerator, factors)
    return StepResult(phase=phase, profile=profile, timeline=timeline, built=built, factors=factors)


def build_phase(
    scenario: Scenario, machine: Machine | None, phase: Phase, seats: Seats | None = None
) -> tuple[BuiltStep, GpuArray]:
    """Return what a phase's step is built of, and the GPU of each rank; nothing is simulated yet.

    seats: the node of each of the job's places, by default the first.
    """
    if scenario.training is None or machine is None:
        raise ScenarioError(
            "a step needs [model] and [cluster] topology; this scenario gives training.step_time instead"
        )
    placement = ranks_of(scenario, machine, phase.layout)
    if seats is not None:
        each = machine.cluster.node.accelerators
        placement = np.array(seats)[placement // each] * each + placement % each
    return build_on(scenario, machine, phase, placement), placement


def ranks_of(scenario: Scenario, machine: Machine, layout: Layout) -> GpuArray:
    """Return the GPU of each rank of a layout. Raises LayoutError unless it takes the GPUs of the job."""
    job_gpus = scenario.machines.gpus
    if layout.gpus != job_gpus:
        raise LayoutError(
            f"parallelism: tensor {layout.tensor} x context {layout.context} x pipeline {layout.pipeline} x data "
            f"{layout.data} = {layout.gpus:,}, but the job holds {job_gpus:,} GPUs"
        )
    return placed_ranks(scenario, layout, machine.cluster)


def groups_of(layout: Layout, placement: GpuArray) -> Groups:
    """Return the groups of a layout; placement: the GPU of each rank."""
    kind = SCHEDULES[layout.schedule.kind]
    return groups(
        layout.tensor,
        layout.pipeline,
        layout.data,
        placement,
        wrap=kind.chunks == 0,
        context=layout.context,
        shard=layout.shard,
        mirrored=kind.copies == 2,
        expert=layout.expert,
        expert_tensor=layout.expert_tensor,
    )


def build_on(scenario: Scenario, machine: Machine, phase: Phase, placement: GpuArray) -> BuiltStep:
    """Return what a phase's step is built of; placement: the GPU of each rank."""
    training = scenario.training
    assert training is not None, "what is built has a model"
    return build_step(
        training.model,
        phase.batch,
        phase.layout,
        scenario.machines.accelerator,
        training.software,
        groups_of(phase.layout, placement),
        machine.network,
        scenario.machines.node.accelerators,
    )


def _alike(step: StepResult, phase: Phase, built: BuiltStep, factors: ReplicaFactors) -> bool:
    """Return whether a step has the same profile as another: of the same times of all that it does, at all speeds."""
    pairs = (step.factors.own, factors.own), (step.factors.throttled, factors.throttled)
    return (
        step.phase == phase
        and (step.built.plan, step.built.memory) == (built.plan, built.memory)
        and all(np.array_equal(*pair) for pair in pairs)
    )
