"""Samples of a metric: one seed's job, prepared once, run under every interval."""

from dataclasses import dataclass, replace
from math import nan

from sim.batch.metrics import METRICS
from sim.batch.seeds import Job, of_seed, prepared_job
from sim.engine.run import simulate_run
from sim.errors import SimulationError
from sim.ledger.time.ratios import trace_ettr, trace_goodput
from sim.ledger.time.trace import RunTrace
from sim.simulate import Planned, Prepared, account, planned

FROM_TRACE = {"ettr": trace_ettr, "goodput": trace_goodput}
"""Metrics that need no ledger: their number is the ledger's."""

HIGHER_IS_BETTER = {
    "ettr": True,
    "goodput": True,
    "effective_mfu": True,
    "cost_usd": False,
    "usd_per_trillion_tokens": False,
}
"""Metrics that an interval is judged by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One seed of a job, under every one of some intervals."""

    job: Job
    metric: str
    seed: int
    intervals_us: tuple[int, ...]


def sampled(task: Task) -> tuple[float, ...]:
    """Return the metric of a seed's run under each interval; not a number where a run does not come to its end.

    Each number is that of `run` for this scenario, interval and seed. Lives, recoveries and repairs are drawn by name
    and seed, so that all intervals meet the same failures (common random numbers).
    """
    prepared = of_seed(task.job, prepared_job(task.job), task.seed)
    planning = planned(prepared)
    return tuple(_value(task.metric, prepared, paced(planning, each)) for each in task.intervals_us)


def paced(planning: Planned, interval_us: int) -> Planned:
    """Return a run under another checkpoint interval, which it keeps."""
    plan = planning.plan
    checkpoint = replace(plan.checkpoint, interval_us=interval_us, adaptive=False)
    return replace(planning, plan=replace(plan, checkpoint=checkpoint))


def _value(metric: str, prepared: Prepared, planning: Planned) -> float:
    try:
        trace = simulate_run(planning.plan, judge=planning.judge, pacer=planning.pacer)
    except SimulationError:
        return nan
    found = value_of(metric, prepared, planning, trace)
    return nan if found is None else found


def value_of(metric: str, prepared: Prepared, planning: Planned, trace: RunTrace) -> float | None:
    """Return a metric of a run, with ledgers only where it needs them; None where such a run has none."""
    if metric in FROM_TRACE:
        return FROM_TRACE[metric](trace)
    return METRICS[metric](account(prepared, planning.plan, trace, planning.pacer))
