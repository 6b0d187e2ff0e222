"""What a run costs in events, which no noise of a machine moves."""

import sys
from collections import Counter
from dataclasses import replace

import simpy

from sim.engine.plain.run import PlainRun
from sim.engine.run import RunSimulation, simulate_run
from sim.reliability.records import Law, RepairStage, RunPlan
from tests.engine.run_cases import DAY_US, llama_plan
from tests.validation.test_reliability_oracles import airesim_s1


def events(plan: RunPlan) -> tuple[int, int, int]:
    """SimPy events that a run passes, made by the rooms of the engine or by one object, and its failures."""
    plain, rooms = PlainRun(plan), RunSimulation(plan, "dormant", explicit=False)
    passed = passed_by(rooms, rooms.job.done), passed_by(plain, plain.done)
    return *passed, sum(event[2] == "failure" for event in plain.events)


def passed_by(run: PlainRun | RunSimulation, done: simpy.Event) -> int:
    """Run to an event; return how many there were."""
    run.begin()
    env, passed = run.agenda.env if isinstance(run, PlainRun) else run.env, 0
    while done.callbacks is not None:
        if isinstance(run, PlainRun):
            run.agenda.now = int(env.peek())
        env.step()
        passed += 1
    return passed


def calls(plan: RunPlan) -> int:
    """Functions of Python that a run calls."""
    names: Counter[str] = Counter()
    sys.setprofile(lambda frame, event, _: names.update([event]))
    try:
        simulate_run(plan)
    finally:
        sys.setprofile(None)
    return names["call"]


def test_a_failure_costs_four_events_and_a_plain_run_makes_half_of_them() -> None:
    # The clock of failures, detection, the rest of the recovery and a repair, which has another event for each crew.
    # What of them would be the next to come needs none in a plain run.
    rooms, plain, failures = events(llama_plan(seed=0))
    assert failures > 350
    assert rooms < 4.5 * failures
    assert plain < 2.6 * failures


def test_without_detection_and_with_crews_for_all_a_failure_costs_three() -> None:
    # The clock of failures, a recovery and a repair; the end of the work, which moves, is one event for all.
    rooms, plain, failures = events(airesim_s1(0))
    assert failures > 350
    assert rooms < 3.2 * failures
    assert plain < 2.3 * failures


def test_a_recovery_that_something_may_disturb_ends_by_an_event() -> None:
    # Repairs take a minute and recoveries 20: each has a node come back in the midst of it.
    slow = airesim_s1(0)
    quick = replace(slow.repair, automatic=RepairStage(time=Law(mean_s=60.0), success=1.0))
    _, plain, failures = events(replace(slow, repair=quick))
    assert failures > 350
    assert plain > 2.9 * failures


def test_a_failure_of_a_plain_run_costs_less_than_forty_calls() -> None:
    plan = airesim_s1(0)
    failures = sum(event.kind == "failure" for event in simulate_run(plan).events)
    assert calls(plan) < 41 * failures


def test_steps_and_checkpoints_cost_none() -> None:
    quiet = replace(llama_plan(seed=0), failures=())
    counts = {events(replace(quiet, horizon_us=days * DAY_US))[:2] for days in (1, 54)}
    counts.add(events(llama_plan_every(quiet, 60_000_000))[:2])
    assert len(counts) == 1
    assert max(counts.pop()) < 10


def llama_plan_every(plan: RunPlan, interval_us: int) -> RunPlan:
    """The same with another interval."""
    return replace(plan, checkpoint=replace(plan.checkpoint, interval_us=interval_us))


def test_nodes_without_failures_cost_none() -> None:
    few, many = (events(replace(llama_plan(nodes=nodes, seed=0), failures=()))[:2] for nodes in (16, 4096))
    assert few == many
