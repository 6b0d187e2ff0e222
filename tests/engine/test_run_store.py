"""A store that fails: checkpoints that it does not get, restores that wait, and what waits for it to save."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.run import simulate_run
from sim.errors import InputError
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.time_ledger import time_ledger
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import STORE, FailureClass, Law, RunPlan
from tests.engine.outage_plans import RuleJudge
from tests.engine.store_plans import store_plans
from tests.engine.test_run_recovery import SECOND, failure, kinds, lost_s, plan, states
from tests.engine.test_run_tiers import memory


def out(at_s: float, for_s: float, *, data_loss: bool = False, name: str = "store") -> FailureClass:
    return FailureClass(
        cause=name,
        component=STORE,
        per_node=1,
        life=Law(mean_s=at_s),
        replace=False,
        outage=Law(mean_s=for_s),
        data_loss=data_loss,
    )


def crash(at_s: float) -> FailureClass:
    return failure("crash", at_s, component="job", replaces=False)


def calendar(*failures: FailureClass, **changes: object) -> RunPlan:
    """Checkpoints at 50, 102 and 154 s block 2 s and are durable after 6; a restart restores for 4 s."""
    return plan(*failures, failure_clock="calendar", **changes)


def synchronous(*failures: FailureClass, **changes: object) -> RunPlan:
    base = calendar(*failures, **changes)
    return replace(base, checkpoint=replace(base.checkpoint, synchronous=True, durable_after_us=2 * SECOND))


def restores(trace: RunTrace) -> list[tuple[str, float, float]]:
    """Cause, start and end of every segment of a restore, in seconds."""
    rows = [row for row in trace.segments if row.state == "restore"]
    return [(row.cause, row.start_us / SECOND, row.end_us / SECOND) for row in rows]


@pytest.mark.parametrize(
    ("at_s", "for_s", "lost"),
    [
        (100, 5, [96.0]),  # out when the one at 102 begins
        (107, 1, [96.0]),  # and while it is written
        (108, 1, [46.0]),  # no longer: it is durable
        (100, 2, [46.0]),  # not yet: the store is back
    ],
)
def test_a_checkpoint_beside_training_is_lost_to_an_outage_that_it_overlaps(
    at_s: float, for_s: float, lost: list[float]
) -> None:
    trace = simulate_run(calendar(out(at_s, for_s), crash(150), horizon_us=170 * SECOND))
    assert lost_s(trace) == lost
    # Training goes on, and checkpoints block as ever.
    assert states(trace)[:2] == [("step", 0, 150, 146), ("checkpoint", 0, 150, 4)]
    assert kinds(trace)[:2] == [("failure", at_s, -1), ("restored", at_s + for_s, -1)]
    assert not trace.events[0].interrupted


def test_a_restore_waits_for_the_store_and_the_wait_is_the_stores() -> None:
    trace = simulate_run(calendar(out(140, 40), crash(150), horizon_us=190 * SECOND))
    assert restores(trace) == [("store", 158, 180), ("crash", 180, 184)]
    assert lost_s(trace)[:1] == [46.0]
    assert trace.segments[-1].start_us == 185 * SECOND


def test_a_restore_that_an_outage_breaks_off_begins_anew() -> None:
    trace = simulate_run(calendar(out(160, 10), crash(150), horizon_us=190 * SECOND))
    assert restores(trace) == [("crash", 158, 160), ("store", 160, 170), ("crash", 170, 174)]


def test_two_outages_at_once_hold_the_store_until_both_are_over() -> None:
    causes = out(140, 25), out(145, 50, name="fabric of the store")
    trace = simulate_run(calendar(*causes, crash(150), horizon_us=210 * SECOND))
    assert restores(trace) == [("store", 158, 195), ("crash", 195, 199)]


def test_a_failure_while_the_job_waits_for_the_store_begins_the_recovery_anew() -> None:
    other = replace(crash(165), cause="other")
    trace = simulate_run(calendar(out(140, 40), crash(150), other, horizon_us=190 * SECOND))
    assert restores(trace) == [("store", 158, 165), ("store", 173, 180), ("other", 180, 184)]


def test_the_horizon_ends_the_wait_for_the_store() -> None:
    trace = simulate_run(calendar(out(140, 400), crash(150), horizon_us=170 * SECOND))
    assert restores(trace) == [("store", 158, 170)]
    # What the store held before is retained.
    assert trace.end_us == 170 * SECOND
    assert trace.retained_steps == (10,)


def test_a_checkpoint_in_host_memory_is_restored_whatever_the_store_does() -> None:
    base = calendar(out(140, 400), crash(150), horizon_us=190 * SECOND)
    trace = simulate_run(replace(base, checkpoint=replace(base.checkpoint, faster=(memory(),))))
    assert restores(trace) == [("crash", 158, 160)]


@pytest.mark.parametrize(
    ("at_s", "for_s", "until_s"),
    [
        (51, 29, 82),  # broken off: written anew from 80 on
        (30, 40, 72),  # out when it is due: written from 70 on
        (52, 10, 52),  # written already
        (40, 10, 52),  # back in time
    ],
)
def test_a_synchronous_checkpoint_blocks_until_the_store_has_it(at_s: float, for_s: float, until_s: float) -> None:
    trace = simulate_run(synchronous(out(at_s, for_s), horizon_us=100 * SECOND))
    waits = [("checkpoint", 0, 100, until_s - 52)] if until_s > 52 else []
    assert states(trace) == [("step", 0, 100, 150 - until_s), *waits, ("checkpoint", 0, 100, 2)]
    # What an outage adds is the store's.
    assert [row.cause for row in trace.segments] == ["", *("store" for _ in waits), ""]
    assert trace.checkpoints_durable == 1


def test_a_failure_while_a_synchronous_checkpoint_waits_goes_back_before_it() -> None:
    trace = simulate_run(synchronous(out(30, 60), crash(80), horizon_us=110 * SECOND))
    assert states(trace)[:3] == [("step", 0, 80, 50), ("checkpoint", 0, 80, 28), ("checkpoint", 0, 80, 2)]
    assert lost_s(trace) == [50.0]
    assert restores(trace) == [("store", 88, 90), ("crash", 90, 94)]


def test_the_clock_of_synchronous_checkpoints_goes_on_from_the_end_of_the_wait() -> None:
    trace = simulate_run(synchronous(out(101, 20), crash(175.5), horizon_us=180 * SECOND))
    # The second is due at 102 and ends at 123, so the next is taken at 173 and durable at 175.
    assert lost_s(trace) == [0.5]


def test_a_drain_waits_for_the_store() -> None:
    stop = replace(crash(100), cause="update", planned=Law())
    trace = simulate_run(calendar(out(95, 25), stop, horizon_us=150 * SECOND))
    drains = [(row.cause, row.start_us, row.end_us) for row in trace.segments if row.state == "drain"]
    # The job stops with its step, at 102; all its work is saved 6 s after the store is back.
    assert drains == [("store", 102 * SECOND, 120 * SECOND), ("update", 120 * SECOND, 126 * SECOND)]
    assert lost_s(trace) == []


def test_a_store_that_loses_what_it_held_sends_the_job_back_to_the_start() -> None:
    trace = simulate_run(calendar(out(120, 5, data_loss=True), crash(150), horizon_us=170 * SECOND))
    assert lost_s(trace) == [146.0]
    later = simulate_run(calendar(out(120, 5, data_loss=True), crash(165), horizon_us=200 * SECOND))
    # The checkpoint at 154 came after.
    assert lost_s(later)[:1] == [165.0 - 6 - 150]


def test_data_that_is_lost_while_it_is_restored_begins_the_recovery_anew_from_what_is_left() -> None:
    trace = simulate_run(calendar(out(160, 10, data_loss=True), crash(150), horizon_us=220 * SECOND))
    assert lost_s(trace)[:2] == [46.0, 100.0]
    assert [reversal.cause for reversal in trace.reversals][:2] == ["crash", "store"]
    # Found after 5 s, initialised after 3; an initial state is read like a checkpoint, from a store that is up.
    assert restores(trace) == [("crash", 158, 160), ("store", 168, 170), ("store", 170, 174)]


def test_host_memory_outlives_the_data_of_the_store() -> None:
    base = calendar(out(120, 5, data_loss=True), crash(150), horizon_us=170 * SECOND)
    trace = simulate_run(replace(base, checkpoint=replace(base.checkpoint, faster=(memory(),))))
    assert lost_s(trace) == [46.0]


def test_a_synchronous_plan_is_durable_when_its_block_ends() -> None:
    base = calendar(out(100, 10))
    with pytest.raises(InputError, match="a synchronous one blocks until it is durable"):
        simulate_run(replace(base, checkpoint=replace(base.checkpoint, synchronous=True)))


def run(given_plan: RunPlan, dual: bool, mode: str = "dormant", *, explicit: bool = False) -> RunTrace:
    return simulate_run(given_plan, mode, explicit=explicit, judge=RuleJudge(given_plan, dual=dual))


SOME = settings(max_examples=25, deadline=None)


@given(store_plans(), st.booleans())
@SOME
def test_eager_and_dormant_give_the_same_trace_when_the_store_fails(given_plan: RunPlan, dual: bool) -> None:
    assert run(given_plan, dual, "eager") == run(given_plan, dual)


@given(store_plans(), st.booleans())
@SOME
def test_folded_and_explicit_steps_give_the_same_trace_when_the_store_fails(given_plan: RunPlan, dual: bool) -> None:
    assert run(given_plan, dual) == run(given_plan, dual, explicit=True)


@given(store_plans(), st.booleans())
@SOME
def test_nothing_is_lost_or_counted_twice_when_the_store_fails(given_plan: RunPlan, dual: bool) -> None:
    trace, nothing = run(given_plan, dual), [None] * len(given_plan.phases)
    check_conservation(trace, time_ledger(trace, nothing, [nothing] * (len(trace.judged) - 1)))


@given(store_plans(late=False), st.booleans())
@SOME
def test_a_store_that_fails_after_the_run_changes_nothing(given_plan: RunPlan, dual: bool) -> None:
    others = tuple(each for each in given_plan.failures if each.component != STORE)
    never = replace(given_plan, failures=others), replace(given_plan, failures=(*others, out(10_000.0, 5.0)))
    assert run(never[0], dual) == run(never[1], dual)


@given(store_plans(late=False))
@SOME
def test_a_store_that_fails_moves_no_life_of_anything_else(given_plan: RunPlan) -> None:
    quiet = replace(given_plan, failures=tuple(each for each in given_plan.failures if each.component != STORE))
    with_store, without = (
        {
            (row.cause, row.component_index): row.time_us
            for row in run(each, False).events
            if row.kind == "failure" and row.ordinal == 0
        }
        for each in (replace(given_plan, failure_clock="calendar"), replace(quiet, failure_clock="calendar"))
    )
    # Of what has failed in both runs, which need not be of one length.
    assert {key: with_store[key] for key in with_store.keys() & without} == {
        key: without[key] for key in with_store.keys() & without
    }
