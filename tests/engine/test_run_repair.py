"""The repair shop by hand: stages by cause, repairs that fail unnoticed, nodes that retire, nodes that were well."""

from dataclasses import replace
from typing import Any

import pytest

from sim.engine.clock import IntegerEnvironment, on_event, timeout
from sim.engine.lives.ageing import Ageing
from sim.engine.lives.eager import EagerClock
from sim.engine.lives.failures import DormantClock
from sim.engine.places.repair import WELL, Outcome, RepairShop
from sim.engine.run import RunSimulation, simulate_run
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.time_ledger import time_ledger
from sim.reliability.failures.exposure import Life, Lives
from sim.reliability.records import Law, RepairPlan, RepairStage, RepairStages, Retirement
from sim.reliability.recovery.draws import RepairDraws
from tests.engine.run_cases import DAY_US, llama_plan
from tests.engine.test_run_recovery import SECOND, failure, kinds, plan, states

Back = tuple[float, int, Outcome]


def stage(time_s: float, success: float = 1.0) -> RepairStage:
    return RepairStage(time=Law(mean_s=time_s), success=success)


def shop(automatic: RepairStage, manual: RepairStage, crews: int = 0, **changes: Any) -> tuple[RepairShop, list[Back]]:
    """A shop of its own, and who comes back from it: (second, node, outcome)."""
    env, back = IntegerEnvironment(), []
    whole = replace(RepairPlan(crews=crews, automatic=automatic, manual=manual), **changes)
    where = RepairShop(env, whole, RepairDraws(1, 10), lambda n, _, how: back.append((env.now / SECOND, n, how)))
    return where, back


def test_a_node_in_which_nothing_is_broken_comes_back_after_the_automatic_stage() -> None:
    here, back = shop(stage(60, 0.0), stage(600))
    assert not here.send(3, "node", False)
    here.send(4, "node", True)
    here.env.run()
    assert back == [(60, 3, WELL), (660, 4, WELL)]


def test_a_cause_may_have_stages_of_its_own() -> None:
    nic = RepairStages(automatic=stage(10, 0.0), manual=stage(30))
    here, back = shop(stage(60), stage(600), by_cause={"NIC": nic})
    here.send(1, "NIC", True)
    here.send(2, "GPU", True)
    here.env.run()
    assert back == [(40, 1, WELL), (60, 2, WELL)]


def test_crews_are_shared_by_all_causes() -> None:
    nic = RepairStages(automatic=stage(0, 0.0), manual=stage(30))
    here, back = shop(stage(0, 0.0), stage(100), crews=1, by_cause={"NIC": nic})
    here.send(1, "GPU", True)
    here.send(2, "NIC", True)
    here.env.run()
    assert back == [(100, 1, WELL), (130, 2, WELL)]


def test_a_visit_costs_one_event_and_one_for_each_manual_try_where_crews_are_few() -> None:
    for crews, automatic, events in [(0, 1.0, 1), (1, 1.0, 1), (0, 0.0, 1), (1, 0.0, 2)]:
        here, _ = shop(stage(5, automatic), stage(7), crews=crews)
        here.send(1, "node", True)
        here.env.run()
        assert next(here.env._eid) == events


def test_a_node_that_comes_too_often_within_a_time_retires() -> None:
    retire = Retirement(visits=3, within_s=100.0, replacement=Law(mean_s=1000.0))
    here, back = shop(stage(1), stage(1), retire=retire)
    retired = []
    for at_s in (0, 60, 120, 150, 151, 152, 153):
        here.env.run(until=at_s * SECOND + 1)
        retired.append(here.send(7, "node", True))
    # 0, 60, 120: not within 100 s; 60, 120, 150 are. A new node begins to count anew: 151, 152, 153.
    assert retired == [False, False, False, True, False, False, True]
    here.env.run()
    assert [(round(at), how.new) for at, _, how in back if how.new] == [(1150, True), (1153, True)]


def test_a_repair_that_fails_unnoticed_says_when_that_shows() -> None:
    here, back = shop(stage(1), stage(1), unnoticed=1.0, relapse=Law(mean_s=30.0))
    here.send(7, "node", True)
    here.env.run()
    assert back == [(1, 7, Outcome(relapse_us=30 * SECOND))]


def test_how_often_repairs_fail_unnoticed() -> None:
    here, back = shop(stage(1), stage(1), unnoticed=0.2, relapse=Law(kind="exponential", mean_s=30.0))
    for round_ in range(400):
        for node in range(10):
            here.send(node, "node", True)
        here.env.run(until=(round_ + 1) * 10 * SECOND)
    silent = [how.relapse_us for *_, how in back if how.relapse_us is not None]
    # 4,000 repairs: 800 +- 25; their mean of 30 s +- 1.1 s.
    assert abs(len(silent) - 800) < 90
    assert sum(silent) / len(silent) / SECOND == pytest.approx(30.0, abs=4.0)


@pytest.mark.parametrize("clock", ["calendar", "operating"])
def test_what_was_badly_repaired_fails_again_after_its_relapse(clock: str) -> None:
    repair = replace(plan().repair, automatic=stage(60.0), unnoticed=1.0, relapse=Law(mean_s=20.0))
    run = plan(failure("node", 75.0), spare_nodes=0, repair=repair, failure_clock=clock, horizon_us=400 * SECOND)
    trace = simulate_run(run)
    # Back at 140 s, it steps again at 155 s: the calendar's 20 s end at 160 s, those of stepping at 175 s.
    failed = [time for kind, time, _ in kinds(trace) if kind == "failure"]
    assert failed[:2] == [75, 160 if clock == "calendar" else 175]
    assert [event.ordinal for event in trace.events if event.kind == "failure"][:2] == [0, 1]


def test_a_relapse_later_than_the_next_life_changes_nothing() -> None:
    base = llama_plan(nodes=64, spare_nodes=8, days=30, seed=1)
    late = replace(base.repair, unnoticed=1.0, relapse=Law(mean_s=1e9))
    assert simulate_run(replace(base, repair=late)) == simulate_run(base)


def test_a_node_taken_for_a_broken_one_is_replaced_and_comes_back() -> None:
    run = RunSimulation(plan(failure("hang", 30.0, component="job", replaces=False)), "dormant", explicit=False)
    ended = run.clock.ended

    def mistaken(lives: Any) -> None:
        if run.env.now == 30 * SECOND:
            run.nodes.accuse(0, "hang", 0)
        ended(lives)

    run.clock.ended = mistaken
    trace = run.trace()
    assert kinds(trace)[:2] == [("failure", 30, -1), ("replaced", 35, 1)]
    # It leaves at 35 s, and the automatic stage takes 60 s.
    assert ("repaired", 95, 0) in kinds(trace)
    assert [(s.place, s.start_us // SECOND) for s in trace.stays if s.node == 0] == [
        ("job", 0),
        ("repair", 35),
        ("spare", 95),
    ]
    check_conservation(trace, time_ledger(trace, [None]))


RMA = Retirement(visits=1, within_s=1.0, replacement=Law(mean_s=500.0))


def test_the_job_waits_for_a_new_node_where_nothing_is_left() -> None:
    repair = replace(plan().repair, retire=RMA)
    trace = simulate_run(plan(failure("node", 75.0), spare_nodes=0, repair=repair, horizon_us=700 * SECOND))
    assert kinds(trace)[:5] == [
        ("failure", 75, 0),
        ("retired", 80, 0),
        ("stall", 80, -1),
        ("delivered", 580, 0),
        ("replaced", 580, 0),
    ]
    assert ("wait_for_node", 80, 580, 500) in states(trace)
    check_conservation(trace, time_ledger(trace, [None]))


def test_a_horizon_during_the_wait_is_clean() -> None:
    repair = replace(plan().repair, retire=RMA)
    trace = simulate_run(plan(failure("node", 75.0), spare_nodes=0, repair=repair, horizon_us=300 * SECOND))
    assert states(trace)[-1] == ("wait_for_node", 80, 300, 220)
    assert [kind for kind, *_ in kinds(trace)] == ["failure", "retired", "stall", "horizon"]
    assert [(s.place, s.start_us // SECOND, s.end_us // SECOND) for s in trace.stays] == [
        ("job", 0, 80),
        ("repair", 80, 300),
    ]
    ledger = time_ledger(trace, [None])
    check_conservation(trace, ledger)
    assert ledger.gpus * ledger.wall_us == 8 * 300 * SECOND


def test_a_new_node_is_new_in_every_part() -> None:
    # "late" would end at 300 s of age: the exchange at 80 s renews it, so that it ends 300 s of age later, at 375.
    early, late = failure("early", 75.0), failure("late", 300.0)
    repair = replace(plan().repair, retire=RMA)
    new = simulate_run(plan(early, late, spare_nodes=0, repair=repair, horizon_us=9000 * SECOND))
    old = simulate_run(plan(early, late, spare_nodes=0, horizon_us=9000 * SECOND))
    assert any(event.cause == "late" for event in old.events)
    # Every 75 s of age a new node comes, which is never 300 s old.
    assert not any(event.cause == "late" for event in new.events)
    assert [e.ordinal for e in new.events if e.kind == "failure"] == list(
        range(sum(e.kind == "failure" for e in new.events))
    )


@pytest.mark.parametrize("clock", [DormantClock, EagerClock])
def test_the_first_life_of_a_part_that_was_exchanged_is_never_told(clock: Any) -> None:
    # The dormant clock looks 50 s ahead at first; the part whose first life ends at 100 s is exchanged at 5 s.
    env, told = IntegerEnvironment(), []
    causes = (failure("hang", 10.0, component="job", replaces=False), failure("node", 100.0))

    def ended(lives: list[Life]) -> None:
        for life in lives:
            told.append((life.cause, env.now // SECOND, life.ordinal))
            here.renew(life)

    reach = (50 * SECOND,) if clock is DormantClock else ()
    here = clock(env, Lives(1, causes, 1), Ageing(env, calendar=True, resting=()), ended, *reach, 300 * SECOND)
    here.begin()
    on_event(timeout(env, 5 * SECOND), lambda _: here.renewed_all(0))
    env.run(until=250 * SECOND)
    assert [(at, ordinal) for cause, at, ordinal in told if cause == 1] == [(105, 1), (205, 2)]


def test_retirement_and_silent_failures_at_full_size_give_one_trace_in_both_modes() -> None:
    base = llama_plan(nodes=512, spare_nodes=8, days=30, crews=2, seed=3)
    retire = Retirement(visits=2, within_s=20 * 86_400.0, replacement=Law(kind="exponential", mean_s=5 * 86_400.0))
    silent = replace(base.repair, unnoticed=0.3, relapse=Law(kind="exponential", mean_s=86_400.0), retire=retire)
    run = replace(base, repair=silent, horizon_us=30 * DAY_US)
    trace = simulate_run(run)
    assert sum(event.kind == "retired" for event in trace.events) > 3
    assert trace == simulate_run(run, "eager")
    check_conservation(trace, time_ledger(trace, [None]))
