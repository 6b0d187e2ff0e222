"""What rules of the literature say of a job's interval, and what closed forms say of a job under any interval."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import exp, isfinite

from sim.reliability.failures.exposure import job_mtbf_s
from sim.reliability.records import STORE, FailureClass, Law, RunPlan, Tier, tiers_of
from sim.reliability.saving.interval import RULES, asynchronous_efficiency, optimal_s, segment_sure_recovery_s
from sim.simulate import Prepared, run_plan

ASKED = "asked"
"""The scenario's own interval, whatever it follows from."""

ASYNCHRONOUS = "asynchronous"
"""The optimum of checkpoints that are flushed beside training."""


def rules_of(prepared: Prepared, plan: RunPlan) -> dict[str, int]:
    """Return the interval of every rule in microseconds: what a run has whose scenario asks for that rule.

    One that follows the failures as they come is none of them.

    Young, Daly and the exact form ("optimal") follow from the blocking time and the job's mean time between failures;
    where a checkpoint does not block they say nothing and are left out.
    """
    fixed = plan.checkpoint.interval_us and not plan.checkpoint.adaptive
    rules = {ASKED: plan.checkpoint.interval_us} if fixed else {}
    if not first_tier(plan).block_us:
        return rules
    rules |= {kind: _interval_us(prepared, plan, kind) for kind in RULES}
    checkpoint, mtbf_s = plan.checkpoint, job_mtbf_s(plan.failures, plan.nodes)
    if checkpoint.durable_after_us > checkpoint.block_us and not checkpoint.faster:
        best_s = asynchronous_optimal_s(
            checkpoint.block_us * 1e-6, checkpoint.durable_after_us * 1e-6, mtbf_s, checkpoint.max_in_flight
        )
        rules[ASYNCHRONOUS] = max(rules["optimal"], round(best_s * 1e6))
    return rules


def _interval_us(prepared: Prepared, plan: RunPlan, kind: str) -> int:
    asked = prepared.scenario.checkpoint
    assert asked is not None, "an interval needs checkpoints"
    policy = replace(asked.policy, kind=kind)
    scenario = replace(prepared.scenario, checkpoint=replace(asked, policy=policy))
    return run_plan(scenario, prepared.steps, prepared.machine, plan.failures).checkpoint.interval_us


def asynchronous_optimal_s(block_s: float, durable_after_s: float, mtbf_s: float, max_in_flight: int) -> float:
    """Return the best interval of checkpoints that block for c, are durable d after that, with so many under way.

    The efficiency T e^(-d/M) / [(e^((T+c)/M) - 1) M e^(R/M)] depends on d by a factor that no interval moves: its
    optimum is that of synchronous checkpoints that block for c, M (1 + W0(-e^(-1-c/M))), unless the next flush would
    have to wait for the last: (c + d) / max_in_flight - c at least (0: unlimited). durable_after_s: c + d.

    >>> asynchronous_optimal_s(2.0, 2.0, 180.0, 1) == optimal_s(2.0, 180.0)
    True
    >>> asynchronous_optimal_s(2.0, 62.0, 180.0, 1)
    60.0
    """
    waits_s = durable_after_s / max_in_flight - block_s if max_in_flight else 0.0
    return max(optimal_s(block_s, mtbf_s), waits_s)


def is_exponential(failures: Sequence[FailureClass]) -> bool:
    """Return whether all that stops the job lives exponentially, as the closed forms take it."""
    return all(failure.life.kind == "exponential" for failure in failures if failure.stops)


def first_tier(plan: RunPlan) -> Tier:
    """Return the fastest tier of checkpoints, which the rules go by."""
    return tiers_of(plan.checkpoint)[0]


def closed_form(plan: RunPlan) -> Callable[[float], float] | None:
    """Return the expected ETTR by the work between two checkpoints in seconds; None where no closed form applies.

    asynchronous_efficiency where clocks go on during recoveries, segment_sure_recovery_s where they stand, with what is
    durable later as e^(-d/M) (Daly, FGCS 22, 2006). Failures are taken as a Poisson process of the job's mean time
    between failures, recoveries as long as their stages are on average, and no node as ever missing. None too for
    several tiers, a store that fails, failures that are noticed late, and recoveries that may fail.
    """
    checkpoint, recovery = plan.checkpoint, plan.recovery
    mtbf_s = job_mtbf_s(plan.failures, plan.nodes)
    if not isfinite(mtbf_s) or recovery.on_failure != "restart" or not is_exponential(plan.failures):
        return None
    late = any(each.silent or each.planned or each.slowing or each.component == STORE for each in plan.failures)
    if checkpoint.faster or late or recovery.mode != "requeue" or recovery.success or recovery.blames_right < 1:
        return None
    block_s, recovery_s = checkpoint.block_us * 1e-6, recovery_mean_s(plan)
    later_s = max(0, checkpoint.durable_after_us - checkpoint.block_us) * 1e-6

    def calendar(work_s: float) -> float:
        return asynchronous_efficiency(
            work_s=work_s, block_s=block_s, durable_after_s=later_s, recovery_s=recovery_s, mtbf_s=mtbf_s
        )

    def operating(work_s: float) -> float:
        segment = segment_sure_recovery_s(work_s=work_s, block_s=block_s, recovery_s=recovery_s, mtbf_s=mtbf_s)
        return work_s * exp(-later_s / mtbf_s) / segment

    return calendar if plan.failure_clock == "calendar" else operating


def recovery_mean_s(plan: RunPlan) -> float:
    """Return how long a recovery takes on average, over the causes that stop the job by their rates."""
    recovery = plan.recovery
    mtbf_s = job_mtbf_s(plan.failures, plan.nodes)
    stages = (recovery.diagnose, recovery.requeue, recovery.initialize, recovery.warm_up)
    always_s = sum(stage.mean_s for stage in stages)
    always_s += (recovery.initialize_more_us + first_tier(plan).restore_us) * 1e-6
    detect_by = dict(recovery.detect_by_cause)
    by_cause_s = 0.0
    for failure in (each for each in plan.failures if each.stops):
        share = mtbf_s / job_mtbf_s((failure,), plan.nodes)
        detect: Law = detect_by.get(failure.cause, recovery.detect)
        by_cause_s += share * (detect.mean_s + (recovery.replace.mean_s if failure.replace else 0.0))
    return always_s + by_cause_s
