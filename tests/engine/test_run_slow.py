"""A run whose nodes become slow: by hand to the microsecond, whoever keeps the clocks and however steps are walked."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings

from sim.engine.run import simulate_run
from sim.errors import InputError
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.time_ledger import time_ledger
from sim.ledger.time.trace import RunTrace
from sim.reliability.failures.slow import DAY_US, FALSE_ALARM, GivenPacer
from sim.reliability.records import FailureClass, Law, PhasePlan, RunPlan, Slowing, StragglerPlan, Swing
from tests.engine.outage_plans import RuleJudge
from tests.engine.slow_plans import judges, slow_plans
from tests.engine.test_run_outages import outage
from tests.engine.test_run_recovery import SECOND, failure, kinds, plan, states

WAYS = [(mode, explicit) for mode in ("eager", "dormant") for explicit in (False, True)]


def slow(
    after_s: float, factor: float = 1.5, heals_s: float | None = None, component: str = "node", cause: str = "slow"
) -> FailureClass:
    return FailureClass(
        cause=cause,
        component=component,
        per_node=2 if component == "gpu" else 1,
        life=Law(mean_s=after_s),
        replace=False,
        stops=False,
        slowing=Slowing(longer=Law(mean_s=factor - 1), heals=None if heals_s is None else Law(mean_s=heals_s)),
    )


def finder(delay_s: float, policy: str = "evict", threshold: float = 1.05) -> StragglerPlan:
    return StragglerPlan(threshold=threshold, delay=Law(mean_s=delay_s), policy=policy)


def quiet(*failures: FailureClass, stragglers: StragglerPlan | None = None, **changes: object) -> RunPlan:
    """One node and a spare, steps of 10 s, no checkpoints, lives in operation; progress survives an eviction."""
    base = plan(*failures, **changes)
    return replace(
        base,
        checkpoint=replace(base.checkpoint, interval_us=0, block_us=0, restore_us=0, durable_after_us=0),
        recovery=replace(base.recovery, stragglers=stragglers, rework=False),
    )


def run(asked: RunPlan, mode: str = "dormant", explicit: bool = False) -> RunTrace:
    pacer = GivenPacer(lambda _: [phase.step_time_us for phase in asked.phases], asked.swing)
    return simulate_run(asked, mode, explicit=explicit, pacer=pacer)


@pytest.mark.parametrize(("mode", "explicit"), WAYS)
def test_a_slow_node_lengthens_steps_from_the_next_one_until_it_heals(mode: str, explicit: bool) -> None:
    trace = run(quiet(slow(32.0, heals_s=40.0), horizon_us=100 * SECOND), mode, explicit)
    # Slow at 32, during the fourth step; well at 72, during the third slow one, which ends at 85.
    assert states(trace) == [("step", 0, 40, 40), ("step", 40, 85, 45), ("step", 85, 100, 15)]
    assert [segment.condition for segment in trace.segments] == [0, 1, 0]
    assert kinds(trace) == [("slowed", 32, 0), ("healed", 72, 0), ("horizon", 100, -1)]
    assert not any(event.interrupted for event in trace.events)


@pytest.mark.parametrize(("mode", "explicit"), WAYS)
def test_a_slow_node_that_is_found_is_evicted_and_comes_back_well(mode: str, explicit: bool) -> None:
    trace = run(quiet(slow(32.0), stragglers=finder(33.0), work_us=200 * SECOND, horizon_us=None), mode, explicit)
    # Four steps until 40; slow ones end at 55; found at 65 with two thirds of a step done. No stage of detection, then
    # replace 7, initialize 3 and warm_up 1: from 76 on the spare needs 32 s more until it is slow itself, at 108.
    evicted = next(event for event in trace.events if event.kind == "evicted")
    assert (evicted.time_us, evicted.node, evicted.cause, evicted.interrupted) == (65 * SECOND, 0, "slow", True)
    assert states(trace)[:5] == [
        ("step", 0, 40, 40),
        ("step", 40, 65, 25),
        ("replace", 65, 72, 7),
        ("initialize", 72, 75, 3),
        ("warm_up", 75, 76, 1),
    ]
    assert kinds(trace)[:5] == [
        ("slowed", 32, 0),
        ("evicted", 65, 0),
        ("replaced", 65, 1),
        ("restart", 76, -1),
        ("slowed", 108, 1),
    ]
    stays = {(stay.node, stay.place, stay.start_us // SECOND, stay.end_us // SECOND) for stay in trace.stays}
    assert {(0, "job", 0, 65), (0, "repair", 65, 125)} <= stays


@pytest.mark.parametrize(("mode", "explicit"), WAYS)
@pytest.mark.parametrize(
    ("factor", "onset_us", "delay_us"), [(1.2, 50_000_000, 120_000_000), (1.037, 13_333_333, 777_777)]
)
def test_wall_time_is_that_of_the_arithmetic_to_the_microsecond(
    mode: str, explicit: bool, factor: float, onset_us: int, delay_us: int
) -> None:
    step_us, steps = 3_333_333, 300
    asked = quiet(
        slow(onset_us * 1e-6, factor),
        stragglers=finder(delay_us * 1e-6, threshold=1.0),
        phases=(PhasePlan(name="main", steps=steps, step_time_us=step_us, tokens_per_step=1),),
        horizon_us=None,
        failure_clock="calendar",
    )
    asked = replace(asked, failures=tuple(replace(each, life=Law(mean_s=onset_us * 1e-6)) for each in asked.failures))
    trace = run(replace(asked, nodes=1, spare_nodes=1, work_us=None), mode, explicit)
    # By hand, for the first episode alone: node 1, the spare, is slow from the same instant on; it is found too.
    slow_us, now, done = round(step_us * round(factor * 1000) / 1000), 0, 0
    while now + step_us <= onset_us or now < onset_us:
        now, done = now + step_us, done + 1
    found_us = onset_us + delay_us
    slowly = max(0, found_us - now)
    whole, part = divmod(slowly, slow_us)
    first = next(event for event in trace.events if event.kind == "evicted")
    assert first.time_us == found_us
    spent = [s for s in trace.segments if s.state == "step" and s.end_us <= found_us]
    assert sum(s.duration_us for s in spent if s.condition == 0) == min(now, found_us)
    assert sum(s.duration_us for s in spent if s.condition == 1) == slowly
    assert trace.complete and trace.retained_steps == (steps,)
    assert whole * slow_us + part == slowly


@pytest.mark.parametrize(("mode", "explicit"), WAYS)
def test_to_wait_is_to_go_on_slowly_until_the_node_heals(mode: str, explicit: bool) -> None:
    asked = quiet(slow(30.0, 2.0, heals_s=60.0), stragglers=finder(10.0, "wait"), work_us=90 * SECOND, horizon_us=None)
    trace = run(replace(asked, spare_nodes=0), mode, explicit)
    # 3 steps, 3 of 20 s, then at 90 s it is well and at 120 s, after the last 3, the work is done.
    assert (trace.end_us, trace.complete) == (120 * SECOND, True)
    assert kinds(trace)[:3] == [("slowed", 30, 0), ("detected", 40, 0), ("healed", 90, 0)]


def test_below_the_threshold_nobody_is_found() -> None:
    trace = run(quiet(slow(30.0, 1.04), stragglers=finder(10.0), horizon_us=200 * SECOND))
    assert kinds(trace) == [("slowed", 30, 0), ("horizon", 200, -1)]
    at_it = run(quiet(slow(30.0, 1.05), stragglers=finder(10.0), horizon_us=200 * SECOND))
    assert ("evicted", 40, 0) in kinds(at_it)


def test_the_slowest_node_alone_counts_and_what_hits_one_node_multiplies() -> None:
    both = quiet(slow(30.0, 1.5), slow(60.0, 2.0, cause="other"), nodes=1, horizon_us=120 * SECOND)
    lengths = [(s.start_us // SECOND, s.end_us // SECOND) for s in run(both).segments]
    # 3 x 10, 2 x 15, then 2 of 30 on one node; on two nodes each is slow by both.
    assert lengths == [(0, 30), (30, 60), (60, 120)]
    apart = replace(both, nodes=2, failures=(slow(30.0, 1.5, component="gpu"), both.failures[1]))
    assert [s.condition for s in run(apart).segments] == [0, 1, 2]


def test_a_slow_spare_slows_nobody_until_it_joins_and_is_then_watched_anew() -> None:
    # On the calendar both nodes are slow from 20 on; node 0 is found at 1020, node 1 as long after it has joined.
    asked = quiet(slow(20.0), stragglers=finder(1000.0), horizon_us=2100 * SECOND, failure_clock="calendar")
    trace = run(asked)
    assert kinds(trace)[:5] == [
        ("slowed", 20, 0),
        ("slowed", 20, 1),
        ("evicted", 1020, 0),
        ("replaced", 1020, 1),
        ("restart", 1031, -1),
    ]
    assert ("evicted", 2020, 1) in kinds(trace)
    slowly = [(s.start_us // SECOND, s.end_us // SECOND) for s in trace.segments if s.condition]
    assert slowly[:2] == [(20, 1020), (1031, 2020)]
    # Node 0 came back well, and is slow on the shelf 20 s later: at 2020 it joins slow.
    assert ("slowed", 1020 + 60 + 20, 0) in kinds(trace)


@pytest.mark.parametrize(("mode", "explicit"), WAYS)
def test_a_job_that_waits_for_nodes_loses_no_more_of_them_until_it_steps(mode: str, explicit: bool) -> None:
    # Node 0 is out from 30 to 95; node 1, slow from 20, is found at 70 while the job waits, evicted at the restart.
    asked = quiet(
        replace(slow(20.0), per_node=1),
        replace(outage("leaf", 30.0, 65.0, ("leaf-0",)), stops=True),
        stragglers=finder(50.0),
        horizon_us=120 * SECOND,
        failure_clock="calendar",
        nodes=2,
        spare_nodes=0,
    )
    judge = RuleJudge(asked, dual=False)
    trace = simulate_run(asked, mode, explicit=explicit, judge=judge, pacer=GivenPacer(judge.step_us))
    assert ("wait_for_node", 35, 95, 60) in states(trace)
    evicted = [
        (event.time_us // SECOND, event.node, event.interrupted) for event in trace.events if event.kind == "evicted"
    ]
    assert evicted[0] == (95 + 7 + 3 + 1, 1, True)


def test_a_replacement_takes_the_slowness_away() -> None:
    crash = failure("crash", 50.0)
    asked = quiet(slow(20.0, 2.0), crash, horizon_us=100 * SECOND)
    trace = run(asked)
    # The crash at 50 takes the slow node; the spare, which has not yet worked, is slow 20 s after it begins.
    begun = next(s for s in trace.segments if s.state == "step" and s.start_us > 50 * SECOND)
    assert begun.condition == 0 and ("slowed", begun.start_us / SECOND + 20, 1) in kinds(trace)


def test_to_evict_pays_where_waiting_would_lose_more_than_a_restart() -> None:
    # Found 60 s after onset; a restart takes 7 + 3 + 1 = 11 s, waiting loses half of the rest.
    def wall_s(policy: str, heals_s: float) -> float:
        asked = quiet(
            slow(100.0, 2.0, heals_s=heals_s), stragglers=finder(60.0, policy), work_us=180 * SECOND, horizon_us=None
        )
        return run(asked).end_us / SECOND

    # 100 s of steps, three slow ones until 160, then eviction, 11 s, and 50 s more: whatever healing would have taken.
    assert {wall_s("evict", heals_s) for heals_s in (80.0, 100.0)} == {100 + 60 + 11 + 50}
    assert wall_s("wait", 80.0) == 180 + 40 < wall_s("evict", 80.0) < wall_s("wait", 100.0) == 180 + 50


def test_a_false_alarm_takes_a_healthy_node_to_repair_and_back() -> None:
    alarms = StragglerPlan(threshold=1.1, delay=Law(), false_alarm_s=500.0)
    trace = run(quiet(stragglers=alarms, horizon_us=20_000 * SECOND, nodes=2))
    evicted = [event for event in trace.events if event.kind == "evicted"]
    assert {event.cause for event in evicted} == {FALSE_ALARM} and all(event.interrupted for event in evicted)
    assert {event.node for event in evicted} == {0, 1, 2}
    stepped_s = sum(s.duration_us for s in trace.segments if s.state == "step") / SECOND
    assert len(evicted) == pytest.approx(stepped_s / 500, abs=4 * (stepped_s / 500) ** 0.5)
    repairs = [stay for stay in trace.stays if stay.place == "repair"]
    assert len(repairs) == len(evicted) and {stay.cause for stay in repairs} == {FALSE_ALARM}


@pytest.mark.parametrize(("mode", "explicit"), WAYS)
def test_the_day_slows_all_twice_a_day(mode: str, explicit: bool) -> None:
    hour = 3_600 * SECOND
    swing = Swing(from_us=12 * hour, to_us=18 * hour, factor=1.25)
    phases = (PhasePlan(name="main", steps=None, step_time_us=1800 * SECOND, tokens_per_step=1),)
    trace = run(quiet(phases=phases, swing=swing, horizon_us=2 * DAY_US), mode, explicit)
    turns = [(s.start_us / hour, s.condition) for s in trace.segments]
    # Steps of half an hour; in the swing of 37.5 min, the tenth of which, begun at 17:37:30, ends at 18:15.
    assert turns == [(0, 0), (12, 1), (18.25, 0), (36.25, 1), (42.5, 0)]


@pytest.mark.parametrize(("mode", "explicit"), WAYS)
def test_work_that_ends_as_the_swing_of_the_day_begins_has_ended(mode: str, explicit: bool) -> None:
    hour = 3_600 * SECOND
    swing = Swing(from_us=2 * hour, to_us=5 * hour, factor=1.25)
    phases = (PhasePlan(name="main", steps=None, step_time_us=180 * SECOND, tokens_per_step=1),)
    trace = run(quiet(phases=phases, swing=swing, horizon_us=7 * hour, work_us=2 * hour), mode, explicit)
    assert (trace.complete, trace.end_us) == (True, 2 * hour)


def test_slow_causes_need_somebody_who_times_slow_steps() -> None:
    with pytest.raises(InputError, match="nothing that times slow steps"):
        simulate_run(quiet(slow(30.0)))


@given(slow_plans())
@settings(max_examples=60, deadline=None)
def test_eager_and_dormant_give_the_same_trace_with_slow_nodes(asked: RunPlan) -> None:
    assert simulate_run(asked, "eager", **judges(asked)) == simulate_run(asked, "dormant", **judges(asked))  # type: ignore[arg-type]


@given(slow_plans())
@settings(max_examples=60, deadline=None)
def test_folded_and_explicit_steps_give_the_same_trace_with_slow_nodes(asked: RunPlan) -> None:
    assert simulate_run(asked, **judges(asked)) == simulate_run(asked, explicit=True, **judges(asked))  # type: ignore[arg-type]


@given(slow_plans())
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_or_counted_twice_with_slow_nodes(asked: RunPlan) -> None:
    trace = simulate_run(asked, **judges(asked))  # type: ignore[arg-type]
    nothing = [None] * len(asked.phases)
    check_conservation(trace, time_ledger(trace, nothing, [nothing] * (len(trace.judged) - 1)))
    slowed, healed = (
        Counter((e.cause, e.component_index) for e in trace.events if e.kind == k) for k in ("slowed", "healed")
    )
    assert healed <= slowed
    assert all(event.interrupted is False for event in trace.events if event.kind in ("slowed", "healed", "detected"))


def test_an_outage_and_a_slow_node_at_once_cost_what_both_cost() -> None:
    asked = quiet(slow(30.0, 2.0), outage("spine", 60.0, 60.0, ("spine-0",)), horizon_us=140 * SECOND, nodes=1)
    trace = simulate_run(replace(asked, failure_clock="calendar"), **judges(asked))  # type: ignore[arg-type]
    assert len(trace.judged) == 3 and [s.condition for s in trace.segments] == [0, 1, 2, 1]
