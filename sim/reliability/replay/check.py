"""Checks of a plan whose failures are logged."""

from itertools import pairwise

from sim.errors import InputError, ScenarioError, unknown_name
from sim.quantities import show
from sim.reliability.failures.exposure import component_count
from sim.reliability.records import FailureClass, RunPlan
from sim.reliability.replay.records import THEN, Replay


def check_replay(plan: RunPlan, planned_us: int) -> None:
    """Refuse logs that cannot be replayed; planned_us: how long the run takes if nothing fails.

    Raises InputError for components and times out of range or order, UnknownNameError for an unknown rule, and
    ScenarioError for operating clocks and a log that ends before the run may.
    """
    logged = [failure for failure in plan.failures if failure.logged is not None]
    if not logged and plan.replay is None:
        return
    if plan.replay is None:
        raise InputError(f"failures: {logged[0].cause}: got a log, and no replay that says how far it reaches")
    if plan.failure_clock != "calendar":
        raise ScenarioError(
            f"failures.clock: got '{plan.failure_clock}' with a log, whose failures happen at their times whatever the "
            "job does; expected 'calendar'"
        )
    if plan.repair.retire is not None:
        raise ScenarioError(
            "repair.retire: a log says what fails, also in a new node; expected no retirement with a log"
        )
    _check_end(plan.replay, planned_us)
    for failure in logged:
        _check_log(failure, plan.replay, component_count(failure, plan.nodes + plan.spare_nodes))


def ends_early(end_us: int, run: str) -> ScenarioError:
    """Return the error for a log that ends before its run; run: how long that takes."""
    return ScenarioError(
        f"failures.log: ends after {show(end_us * 1e-6, 'time', 4)}, and the run {run}; expected a log at least as "
        'long, an `end` that says how far it reaches, repeat = true (it starts again) or after = "nothing" (nothing '
        "fails after it)"
    )


def _check_end(replay: Replay, planned_us: int) -> None:
    if replay.then not in THEN:
        raise unknown_name("rule for the end of a log", replay.then, THEN, "failures.log")
    if replay.end_us < (replay.then == "repeat"):
        raise InputError(f"failures.log: ends at {replay.end_us} us; expected 0 or more, to repeat it more than 0")
    if replay.then == "refuse" and planned_us > replay.end_us:
        raise ends_early(replay.end_us, f"takes at least {show(planned_us * 1e-6, 'time', 4)}")


def _check_log(failure: FailureClass, replay: Replay, components: int) -> None:
    where, logged = f"failures: {failure.cause}: log", failure.logged or ()
    for each in logged:
        if not 0 <= each.component < components:
            raise InputError(f"{where}: {failure.component} {each.component} failed; expected 0 to {components - 1}")
        if not 0 <= each.at_us <= replay.end_us:
            raise InputError(f"{where}: a failure at {each.at_us} us; expected 0 to its end, {replay.end_us}")
    if any(second.at_us < first.at_us for first, second in pairwise(logged)):
        raise InputError(f"{where}: failures are not in the order of their times")
