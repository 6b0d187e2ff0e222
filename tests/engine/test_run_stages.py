"""What a failure does to a drain, and to a start of processes that an earlier one has left unfinished."""

from dataclasses import replace

import pytest

from sim.engine.run import simulate_run
from sim.reliability.records import AgeBatch, FailureClass, Law, RecoveryPlan, RunPlan, Silent
from tests.engine.test_run_recovery import failure, lost_s, plan, states

UPDATE = FailureClass(cause="update", component="job", per_node=1, life=Law(mean_s=100.0), replace=False, planned=Law())


def drained(on_failure: str, crash_s: float) -> RunPlan:
    """A planned stop at 100 s, when 92 s are left of it: the job drains from 102 s, for 6 s, and crashes."""
    crash = failure("crash", crash_s, component="job", replaces=False)
    base = plan(UPDATE, crash, failure_clock="calendar", horizon_us=120_000_000)
    return replace(base, recovery=replace(base.recovery, on_failure=on_failure))


@pytest.mark.parametrize("on_failure", ["restart", "queue"])
def test_a_failure_during_a_drain_stops_the_job_with_what_is_not_saved(on_failure: str) -> None:
    trace = simulate_run(drained(on_failure, 105.0))
    assert ("drain", 102.0, 105.0, 3.0) in states(trace)
    assert lost_s(trace) == [50.0]
    assert [event.cause for event in trace.events if event.interrupted] == ["crash"]


def test_a_failure_as_the_drain_ends_loses_nothing() -> None:
    trace = simulate_run(drained("queue", 108.0))
    assert lost_s(trace) == []
    assert [event.cause for event in trace.events if event.interrupted] == ["update"]


def test_processes_that_were_still_starting_start_again_and_do_not_rejoin() -> None:
    recovery = RecoveryPlan(
        mode="in-process",
        detect=Law(mean_s=5.0),
        replace=Law(mean_s=7.0),
        initialize=Law(mean_s=3.0),
        rejoin=Law(mean_s=1.0),
    )
    crash = failure("crash", 89.0, component="job", replaces=False)
    old_node = (AgeBatch(nodes=1, age_s=225.0), AgeBatch(nodes=1, age_s=0.0))
    trace = simulate_run(
        plan(failure("node", 300.0), crash, failure_clock="calendar", recovery=recovery, ages=old_node)
    )
    started = [each for each in states(trace) if each[0] == "initialize"]
    assert started[:2] == [("initialize", 87.0, 89.0, 2.0), ("initialize", 94.0, 97.0, 3.0)]


def test_what_is_rewound_is_work_and_not_the_recovery_in_between() -> None:
    """The job goes on from 100 s of work at 123 s: 10 s before the onset are 94 s, and a checkpoint before has 50."""
    spike = FailureClass(
        cause="spike",
        component="job",
        per_node=1,
        life=Law(mean_s=127.0),
        replace=False,
        silent=Silent(found_after=Law(mean_s=3.0), rewind_s=10.0),
    )
    crash = failure("crash", 110.0, component="job", replaces=False)
    trace = simulate_run(plan(crash, spike, failure_clock="calendar", horizon_us=131_000_000))
    assert lost_s(trace) == [6.0, 50.0, 7.0]
