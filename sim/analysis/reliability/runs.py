"""Plans of runs behind the rows, what is read off their traces, and samples of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
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

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0

AT_ONCE = RepairStage(time=Law(), success=1.0)
"""A stage of repair that takes no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What several runs gave."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean."""
        return float(np.mean(self.values))

    @property
    def standard_error(self) -> float:
        """The standard error of the mean, 0 for a single run."""
        return float(np.std(self.values, ddof=1)) / sqrt(len(self.values)) if len(self.values) > 1 else 0.0


def sample(plan: RunPlan, replicas: int, measure: Callable[[RunTrace], float], first_seed: int = 1) -> Sample:
    """Return what is measured on runs of a plan under consecutive seeds."""
    seeds = range(first_seed, first_seed + replicas)
    return Sample(values=tuple(measure(simulate_run(replace(plan, seed=seed))) for seed in seeds))


def failing(mean_s: float, *, cause: str = "failure", component: str = "job", replace: bool = False) -> FailureClass:
    """Return a cause of exponential lives: of the job as a whole, or of each of its nodes."""
    return FailureClass(
        cause=cause, component=component, per_node=1, life=Law(kind="exponential", mean_s=mean_s), replace=replace
    )


def saving(every_s: float, block_s: float = 0.0, durable_after_s: float = 0.0) -> CheckpointPlan:
    """Return checkpoints of an interval; durable_after_s: after the block. Any number may be under way."""
    return CheckpointPlan(
        interval_us=_us(every_s),
        block_us=_us(block_s),
        durable_after_us=_us(block_s + durable_after_s),
        restore_us=0,
        max_in_flight=0,
    )


def run_plan(
    *,
    failures: tuple[FailureClass, ...],
    recovery: RecoveryPlan,
    checkpoint: CheckpointPlan | None = None,
    step_s: float = 1.0,
    nodes: int = 1,
    spare_nodes: int = 0,
    gpus_per_node: int = 8,
    failure_clock: str = "calendar",
    repair: RepairPlan | None = None,
    horizon_s: float | None = None,
    work_s: float | None = None,
) -> RunPlan:
    """Return the plan of a run of steps of a given length; without a checkpoint nothing is saved."""
    return RunPlan(
        nodes=nodes,
        spare_nodes=spare_nodes,
        gpus_per_node=gpus_per_node,
        phases=(PhasePlan(name="given", steps=None, step_time_us=_us(step_s), tokens_per_step=0),),
        failures=failures,
        failure_clock=failure_clock,
        recovery=recovery,
        checkpoint=checkpoint or saving(0.0),
        repair=repair or RepairPlan(crews=0, automatic=AT_ONCE, manual=AT_ONCE),
        seed=1,
        horizon_us=None if horizon_s is None else _us(horizon_s),
        work_us=None if work_s is None else _us(work_s),
    )


def restart(after_s: float, *, rework: bool = True) -> RecoveryPlan:
    """Return a recovery that takes a constant time, in which it is undone by a failure and begins again."""
    return RecoveryPlan(initialize=Law(mean_s=after_s), rework=rework)


def wall_s(trace: RunTrace) -> float:
    """Return how long a run took."""
    return trace.end_us * 1e-6


def retained_s(trace: RunTrace) -> float:
    """Return the step time that was not taken back."""
    stepped = sum(segment.duration_us for segment in trace.segments if segment.state == "step")
    return (stepped - sum(reversal.duration_us for reversal in trace.reversals)) * 1e-6


def ettr(trace: RunTrace) -> float:
    """Return the effective training time ratio: retained step time over wall time."""
    return retained_s(trace) / wall_s(trace)


def share(state: str) -> Callable[[RunTrace], float]:
    """Return the measure of how much of a run's wall time its job spends in a state."""
    return lambda trace: sum(s.duration_us for s in trace.segments if s.state == state) / trace.end_us


def failures_of(trace: RunTrace) -> float:
    """Return how many failures there were."""
    return float(sum(event.kind == "failure" for event in trace.events))


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
