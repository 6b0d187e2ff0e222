"""Scenarios whose checkpoint interval decides nothing are refused, before a single sweep."""

from math import isinf

from sim.analysis.interval.sampling import HIGHER_IS_BETTER, value_of
from sim.engine.run import simulate_run
from sim.errors import InputError, ScenarioError, unknown_name
from sim.quantities import parse
from sim.reliability.failures.exposure import job_mtbf_s
from sim.reliability.records import RunPlan
from sim.simulate import Planned, Prepared

MOST_INTERVALS = 200


def check_asked(metric: str, prepared: Prepared, planning: Planned) -> None:
    """Raise ScenarioError where no interval is better than another, UnknownNameError for another metric."""
    if metric not in HIGHER_IS_BETTER:
        raise unknown_name("metric", metric, HIGHER_IS_BETTER, "--metric")
    name, plan = prepared.scenario.name, planning.plan
    if prepared.scenario.checkpoint is None:
        raise ScenarioError("checkpoint: is missing; an interval needs checkpoints, expected [checkpoint]")
    if isinf(job_mtbf_s(plan.failures, plan.nodes)):
        raise ScenarioError(_unstopped(plan))
    if not plan.recovery.rework:
        raise ScenarioError("recovery.rework: false, so that nothing is lost; expected true")
    trace = simulate_run(plan, judge=planning.judge, pacer=planning.pacer)
    if value_of(metric, prepared, planning, trace) is None:
        raise ScenarioError(f"--metric {metric}: {name} has none; expected [model] and [cost] that give it, or ettr")
    if metric == "cost_usd" and not trace.complete:
        raise ScenarioError(
            f"--metric cost_usd: {name} runs to its horizon and costs the same whatever is retained; expected "
            "usd_per_trillion_tokens, or a run that ends with its work"
        )


def _unstopped(plan: RunPlan) -> str:
    """Return why no rule says anything of a job that no failure stops."""
    stragglers = plan.recovery.stragglers
    if stragglers is not None and stragglers.policy == "evict":
        only = "only evictions of slow nodes stop the job, which no rule reckons with; expected a failure that does"
        return f"failures: {only}"
    return "failures: nothing stops the job, so that the best is no checkpoint; expected some"


def check_precision(precision: float) -> float:
    """Return a precision that can be reached. Raises InputError.

    >>> check_precision(0.002)
    0.002
    """
    if not 1e-6 <= precision < 1:
        raise InputError(f"--precision: got {precision:g}; expected a fraction from 0.000001 to 1, such as 0.002")
    return precision


def every_s(text: str | None) -> tuple[float, ...]:
    """Return intervals from the command line in seconds.

    >>> every_s("2min,5 min")
    (120.0, 300.0)
    """
    if text is None:
        return ()
    found = tuple(parse(part, "time", "--every") for part in text.split(","))
    if min(found) <= 0 or len({*found}) < len(found) or len(found) > MOST_INTERVALS:
        raise InputError(f"--every {text}: expected up to {MOST_INTERVALS} different durations above 0")
    return tuple(sorted(found))
