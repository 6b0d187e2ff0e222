"""Which runs are plain, so that one object makes them instead of the rooms of the engine."""

from sim.reliability.failures.slow import has_slow
from sim.reliability.records import FailureClass, RunPlan, tiers_of


def is_plain(plan: RunPlan) -> bool:
    """Say whether a run has spares for all, and only what stops its job at once, or slows GPUs of one store's job.

    Its recoveries begin anew with each failure, and find and replace the node that failed; repairs are what they seem.
    """
    recovery, repair = plan.recovery, plan.repair
    return (
        (len(tiers_of(plan.checkpoint)) == 1 or (recovery.rework and not has_slow(plan)))
        and not (plan.checkpoint.adaptive or plan.replay)
        and recovery.on_failure == "restart"
        and recovery.blames_right >= 1
        and not (recovery.in_process or recovery.elastic)
        and not recovery.spares.per_domain
        and not (repair.unnoticed or repair.retire)
        and all(map(_stops, plan.failures))
    )


def _stops(failure: FailureClass) -> bool:
    """Say whether a cause breaks one node at most, and stops a job at once."""
    other = failure.outage, failure.silent, failure.planned, failure.correlated, failure.logged
    if failure.slowing is not None and failure.slowing.bandwidth < 1:
        return False
    return not failure.names and not failure.holds and all(effect is None for effect in other)
