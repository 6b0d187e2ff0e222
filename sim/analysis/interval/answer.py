"""What `interval --json` prints: a row an interval, the optimum, what each rule gives away, and what was assumed."""

from math import inf
from statistics import median
from typing import Any

from sim.analysis.interval.grid import cycle_us
from sim.analysis.interval.rules import closed_form, first_tier, is_exponential, recovery_mean_s
from sim.analysis.interval.sampling import HIGHER_IS_BETTER
from sim.analysis.interval.study import IntervalStudy, regrets
from sim.batch.statistics import Estimate, tells_apart
from sim.batch.statistics.two_stage import two_stage, variance_ratio
from sim.reliability.failures.exposure import job_mtbf_s
from sim.reliability.records import RunPlan
from sim.reliability.saving.progress import course

Json = dict[str, Any]

FEW = 5.0
"""Failures of a run to a horizon below which its last interval weighs as they do: each costs half of one on average."""


def interval_answer(study: IntervalStudy) -> Json:
    """Return the answer of a sweep: `value` is an interval in seconds, `best` the one that regrets are against.

    Regrets are positive where an interval is worse, paired by seed; `differs` says that 0 is not in their interval.
    """
    plan, curve = study.plan, study.curve
    first = first_tier(plan)
    rows = [_row(study, each) for each in curve.intervals_us]
    ratios = [row["variance_ratio"] for row in rows if row["variance_ratio"] is not None]
    return {
        "scenario": study.scenario,
        "metric": study.metric,
        "higher_is_better": HIGHER_IS_BETTER[study.metric],
        "replicas": len(curve.samples),
        "first_stage": study.first,
        "precision": study.precision,
        "precision_reached": study.reached,
        "gpus": plan.nodes * plan.gpus_per_node,
        "step_time_s": study.scale.step_us * 1e-6,
        "mtbf_s": job_mtbf_s(plan.failures, plan.nodes),
        "recovery_s": recovery_mean_s(plan),
        "exponential": is_exponential(plan.failures),
        "checkpoint": {
            "tier": first.name,
            "block_s": first.block_us * 1e-6,
            "durable_after_s": first.durable_after_us * 1e-6,
            "restore_s": first.restore_us * 1e-6,
            "asynchronous": first.durable_after_us > first.block_us,
        },
        "best": study.best_us * 1e-6,
        "optimum": _optimum(study),
        "rules": [_rule(study, rule, each) for rule, each in study.rules.items() if each in curve.intervals_us],
        "rows": rows,
        "variance_ratio": median(ratios) if ratios else None,
        "notes": _notes(study),
    }


def _row(study: IntervalStudy, interval_us: int) -> Json:
    samples, best = study.curve.of(interval_us), study.curve.of(study.best_us)
    own, spacing_s = two_stage(samples, study.first), cycle_us(study.scale, interval_us) * 1e-6
    expected = closed_form(study.plan) if study.metric == "ettr" else None
    return {
        "value": interval_us * 1e-6,
        "metric": study.metric,
        "mean": own.mean,
        "ci_low": own.low,
        "ci_high": own.high,
        "replicas": own.replicas,
        "spacing_s": spacing_s,
        "rules": [rule for rule, each in study.rules.items() if each == interval_us],
        **_regret(study, interval_us),
        "closed_form": None if expected is None else expected(spacing_s),
        "variance_ratio": None if interval_us == study.best_us else variance_ratio(samples, best),
    }


def _regret(study: IntervalStudy, interval_us: int) -> Json:
    regret = two_stage(regrets(study.curve, interval_us, study.best_us, study.metric), study.first)
    return {
        "regret": regret.mean,
        "regret_low": regret.low,
        "regret_high": regret.high,
        "differs": tells_apart(regret),
    }


def _rule(study: IntervalStudy, rule: str, interval_us: int) -> Json:
    samples = study.curve.of(interval_us)
    return {
        "rule": rule,
        "value": interval_us * 1e-6,
        "mean": float(samples.mean()),
        **_regret(study, interval_us),
        "gpu_hours": _gpu_hours(study, interval_us),
    }


def _gpu_hours(study: IntervalStudy, interval_us: int) -> float | None:
    """Return the GPU-hours of the job that a regret of ETTR amounts to; None for other metrics.

    Of a run to a horizon, retained ones that are missing; of one to the end of its work, those that it takes longer.
    """
    if study.metric != "ettr":
        return None
    plan = study.plan
    own, best = study.curve.of(interval_us), study.curve.of(study.best_us)
    work_us = course(plan.phases, plan.checkpoint, plan.work_us).end_us
    if plan.horizon_us is not None and work_us >= plan.horizon_us * float(best.max()):
        longer_us = plan.horizon_us * float((best - own).mean())
    else:
        longer_us = work_us * float((1 / own - 1 / best).mean())
    return longer_us / 3.6e9 * plan.nodes * plan.gpus_per_node


def _optimum(study: IntervalStudy) -> Json | None:
    found = study.optimum
    if found is None:
        return None
    best: Estimate = two_stage(study.curve.of(study.best_us), study.first)
    return {
        "interval_s": found.interval_s,
        "ci_low_s": found.low_s,
        "ci_high_s": found.high_s,
        "fitted": found.value,
        "at_end": found.at_end,
        "window_s": list(found.window_s),
        "mean": best.mean,
        "ci_low": best.low,
        "ci_high": best.high,
    }


def _met(plan: RunPlan) -> float:
    """Return how many failures a run to a horizon meets on average if they cost no time, infinity of one to its work.

    >>> from sim.reliability.examples import run_plan
    >>> _met(run_plan())
    inf
    """
    work_us = course(plan.phases, plan.checkpoint, plan.work_us).end_us
    if plan.horizon_us is None or work_us < plan.horizon_us:
        return inf
    return plan.horizon_us * 1e-6 / job_mtbf_s(plan.failures, plan.nodes)


def _notes(study: IntervalStudy) -> list[str]:
    """Return what a reader must know of these numbers."""
    plan, notes = study.plan, []
    if not is_exponential(plan.failures):
        kinds = sorted({each.life.kind for each in plan.failures if each.stops} - {"exponential"})
        named = " and ".join(kinds).replace("weibull", "Weibull")
        notes.append(
            f"lives are {named} too: the rules take the mean time between failures of a fleet renewed "
            "long since, and know nothing of ages"
        )
    if plan.checkpoint.faster:
        notes.append(f"several tiers: rules, block and restore are those of the first, {first_tier(plan).name}")
    if not first_tier(plan).block_us:
        notes.append("a checkpoint does not block the job: Young, Daly and the exact form say nothing")
    if (met := _met(plan)) < FEW:
        notes.append(
            f"a run meets {met:.2g} failures on average: what its horizon leaves unsaved decides as much as they do"
        )
    if study.curve.hopeless:
        longest = ", ".join(f"{each * 1e-6:g} s" for each in study.curve.hopeless)
        notes.append(f"some runs make no way at {longest}: left out")
    if not study.reached:
        notes.append(f"the precision is not reached by {len(study.curve.samples)} runs each: more --replicas would")
    if study.optimum is None:
        notes.append("no smooth curve fits these intervals: the best of them is given")
    elif study.optimum.at_end == "shortest":
        notes.append("the shortest interval is the best: no step or store allows a shorter one, or --every asks none")
    elif study.optimum.at_end == "longest":
        notes.append("the longest interval is the best of these: failures hardly matter in this run, or --every ends")
    return notes
