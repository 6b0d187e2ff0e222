"""The steps of an elastic job of a model: with all of its data-parallel replicas, and with blocks of them out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sim.engine.stages.mixed import Alike, profile_mixed
from sim.errors import LayoutError, ScenarioError
from sim.machine import Machine
from sim.reliability.recovery.elastic import least_blocks
from sim.reliability.recovery.records import ElasticPlan
from sim.scenario.records import Phase, Scenario
from sim.steps.blocks import Block, first_replicas, tied_blocks
from sim.steps.phase import StepResult, build_on, ranks_of
from sim.workload.elastic import Share, shares_of, shrunken
from sim.workload.layout_checks import check_layout
from sim.workload.memory import stage_memory
from sim.workload.stragglers import ReplicaFactors, replica_factors, replicas_in_step


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrinking:
    """What an elastic job is when blocks of its replicas are out; steps: by how many, simulated when first asked for.

    Assumption: those that are left are the first blocks, whichever they are; who they are changes a step by what their
    GPUs differ in speed, and by the switches between them. plan: of recovery, with the seats of every block.
    """

    scenario: Scenario
    machine: Machine
    plan: ElasticPlan
    steps: dict[int, tuple[StepResult, ...]] = field(compare=False, repr=False)

    def steps_with(self, lost: int) -> tuple[StepResult, ...]:
        """Return the step of every phase with so many blocks out."""
        if lost not in self.steps:
            self.steps[lost] = tuple(self._step(step, lost) for step in self.steps[0])
        return self.steps[lost]

    def _step(self, step: StepResult, lost: int) -> StepResult:
        left = self.plan.blocks[: len(self.plan.blocks) - lost]
        return shrunken_step(self.scenario, self.machine, step, left, len(self.plan.blocks))


def shrinking_of(scenario: Scenario, machine: Machine | None, steps: Sequence[StepResult]) -> Shrinking | None:
    """Return how the job of a model shrinks, None where it does not.

    Raises ScenarioError where it cannot: nothing can be left out, or what is left does not fit its GPUs.
    """
    elastic = scenario.recovery.elastic if scenario.recovery else None
    if elastic is None or machine is None or not steps:
        return None
    node_gpus = scenario.machines.node.accelerators
    layouts = [(step.phase.layout, ranks_of(scenario, machine, step.phase.layout)) for step in steps]
    blocks = tied_blocks(layouts, scenario.machines.nodes, node_gpus)
    least = least_that_fit(scenario, steps, elastic, len(blocks))
    plan = replace(elastic, blocks=blocks, min_replicas=least * elastic.replicas // len(blocks))
    return Shrinking(scenario=scenario, machine=machine, plan=plan, steps={0: tuple(steps)})


def shrunken_step(
    scenario: Scenario, machine: Machine, step: StepResult, left: Sequence[Block], blocks: int
) -> StepResult:
    """Return the step of a phase whose job has some of its blocks left, at the same global batch.

    step: with all replicas. Each that is left runs more microbatches, some of them one more than others (`shares_of`),
    in a smaller data-parallel group. Raises DoesNotFitError where they do not fit.
    """
    phase, node_gpus = step.phase, scenario.machines.node.accelerators
    alive = phase.layout.data * len(left) // blocks
    ranks = first_replicas(phase.layout, ranks_of(scenario, machine, phase.layout), left, node_gpus)
    shares = shares_of(phase.batch, phase.layout, alive)
    cases = [_with(phase, alive, share) for share in shares]
    factors = replica_factors(scenario.machines.speed, cases[0].layout, ranks, node_gpus, scenario.seed)
    built = [build_on(scenario, machine, case, ranks) for case in cases]
    divided = _divided(factors, cases[0], shares)
    parts = [
        Alike(replicas=share.replicas, plan=each.plan, factors=part)
        for share, each, part in zip(shares, built, divided, strict=True)
    ]
    profile, timeline = profile_mixed(parts, step.profile, ranks.size)
    profile = replace(profile, memory=built[0].memory)
    slowest = next(each for each in built if each.plan is timeline.plan)
    return StepResult(phase=phase, profile=profile, timeline=timeline, built=slowest, factors=factors)


def least_that_fit(scenario: Scenario, steps: Sequence[StepResult], elastic: ElasticPlan, blocks: int) -> int:
    """Return the fewest blocks that a job steps with: those it is asked to, or as few as fit one by one.

    Fewer replicas hold more of a sharded state each, and the activations of more microbatches in flight where the
    schedule starts more of them. Raises ScenarioError where it is asked for fewer than fit, or none may be missing.
    """
    asked = least_blocks(elastic, blocks) if elastic.min_replicas else 1
    for left in range(blocks - 1, asked - 1, -1):
        why = _does_not_fit(scenario, steps, left, blocks, last=left == asked)
        if why and elastic.min_replicas:
            raise ScenarioError(
                f"recovery.min_replicas: got {elastic.min_replicas:,}; expected at least "
                f"{(left + 1) * elastic.replicas // blocks:,} of {elastic.replicas:,}: {why}"
            )
        if why and left == blocks - 1:
            raise ScenarioError(f"recovery.mode: 'elastic' cannot leave anything out; expected another mode: {why}")
        if why:
            return left + 1
    return asked


def _does_not_fit(scenario: Scenario, steps: Sequence[StepResult], left: int, blocks: int, last: bool) -> str:
    """Return why a job does not fit its GPUs with some blocks left, in words, or nothing.

    Of those that run as many microbatches only the fewest replicas are looked at, which hold most (last: there are no
    fewer to come).
    """
    training, capacity_bytes = scenario.training, scenario.machines.accelerator.hbm_bytes
    assert training is not None, "what has steps has a model"
    for step in steps:
        phase = step.phase
        alive, fewer = (phase.layout.data * some // blocks for some in (left, left - 1))
        share = shares_of(phase.batch, phase.layout, alive)[0]
        if not last and fewer and shares_of(phase.batch, phase.layout, fewer)[0].microbatches == share.microbatches:
            continue
        small = _with(phase, alive, share)
        words = f"with {alive:,} of {phase.layout.data:,} replicas, of {share.microbatches:,} microbatches each, "
        try:
            check_layout(training.model, small.batch, small.layout, scenario.machines.accelerator)
            memory = stage_memory(training.model, small.batch, small.layout, training.software, step.built.plan.times)
        except LayoutError as error:
            return f"{words}{error}"
        worst = max(memory, key=lambda stage: stage.total)
        if worst.total > capacity_bytes:
            return f"{words}stage {worst.stage} needs {worst.total / 1e9:.1f} of {capacity_bytes / 1e9:.1f} GB"
    return ""


def _with(phase: Phase, alive: int, share: Share) -> Phase:
    batch, layout = shrunken(phase.batch, phase.layout, alive, share.microbatches)
    return replace(phase, batch=batch, layout=layout)


def _divided(factors: ReplicaFactors, case: Phase, shares: Sequence[Share]) -> list[ReplicaFactors]:
    """Return the factors of the replicas of each share; who runs in step with one of the first is of the first."""
    first = -(-shares[0].replicas // replicas_in_step(case.layout)) if len(shares) > 1 else len(factors.own)
    cuts = (slice(first), slice(first, None))[: len(shares)]
    return [ReplicaFactors(own=factors.own[cut], throttled=factors.throttled[cut]) for cut in cuts]
