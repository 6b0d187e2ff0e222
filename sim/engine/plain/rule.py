"""Which runs are plain, so that one object makes them instead of the rooms of the engine."""

from sim.reliability.records import FailureClass, RunPlan, tiers_of


def is_plain(plan: RunPlan) -> bool:
    """Say whether a run has spares for all, and only what stops its job at once.

    Its recoveries begin anew with each failure, and find and replace the node that failed; repairs are what they seem.
    """
    recovery, repair = plan.recovery, plan.repair
    return (
        (recovery.rework or len(tiers_of(plan.checkpoint)) == 1)
        and not (plan.checkpoint.adaptive or plan.replay or plan.swing)
        and recovery.on_failure == "restart"
        and recovery.blames_right >= 1
        and not (recovery.in_process or recovery.elastic or recovery.stragglers)
        and not recovery.spares.per_domain
        and not (repair.unnoticed or repair.retire)
        and all(map(_stops, plan.failures))
    )


def _stops(failure: FailureClass) -> bool:
    """Say whether a cause breaks one node at most, and stops a job at once."""
    other = failure.outage, failure.silent, failure.planned, failure.slowing, failure.correlated, failure.logged
    return not failure.names and not failure.holds and all(effect is None for effect in other)
