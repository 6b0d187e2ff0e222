"""What a run costs in events, which no noise of a machine moves."""

import sys
from collections import Counter
from dataclasses import replace

import simpy

from sim.engine.plain.run import PlainRun
from sim.engine.run import RunSimulation, simulate_run
from sim.reliability.records import RunPlan
from tests.engine.run_cases import DAY_US, llama_plan
from tests.validation.test_reliability_oracles import airesim_s1


def events(plan: RunPlan) -> tuple[int, int]:
    """SimPy events that a run passes, made by one object or by the rooms of the engine, and its failures."""
    plain, rooms = PlainRun(plan), RunSimulation(plan, "dormant", explicit=False)
    passed = {passed_by(plain, plain.done), passed_by(rooms, rooms.job.done)}
    assert len(passed) == 1
    return passed.pop(), sum(event[2] == "failure" for event in plain.events)


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


def test_a_failure_costs_four_events() -> None:
    # The clock of failures, detection, the rest of the recovery and a repair, which has another event for each crew.
    passed, failures = events(llama_plan(seed=0))
    assert failures > 350
    assert passed < 4.5 * failures


def test_without_detection_and_with_crews_for_all_a_failure_costs_three() -> None:
    # The clock of failures, a recovery and a repair; the end of the work, which moves, is one event for all.
    passed, failures = events(airesim_s1(0))
    assert failures > 350
    assert passed < 3.2 * failures


def test_a_failure_of_a_plain_run_costs_less_than_forty_calls() -> None:
    plan = airesim_s1(0)
    failures = sum(event.kind == "failure" for event in simulate_run(plan).events)
    assert calls(plan) < 41 * failures


def test_steps_and_checkpoints_cost_none() -> None:
    quiet = replace(llama_plan(seed=0), failures=())
    counts = {events(replace(quiet, horizon_us=days * DAY_US))[0] for days in (1, 54)}
    counts.add(events(llama_plan_every(quiet, 60_000_000))[0])
    assert len(counts) == 1
    assert counts.pop() < 10


def llama_plan_every(plan: RunPlan, interval_us: int) -> RunPlan:
    """The same with another interval."""
    return replace(plan, checkpoint=replace(plan.checkpoint, interval_us=interval_us))


def test_nodes_without_failures_cost_none() -> None:
    few, many = (events(replace(llama_plan(nodes=nodes, seed=0), failures=()))[0] for nodes in (16, 4096))
    assert few == many
