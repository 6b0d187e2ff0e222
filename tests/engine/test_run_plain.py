"""One object for plain runs, and the rooms of the engine for all: the trace is the same."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings

from sim.engine.plain.rule import is_plain
from sim.engine.plain.run import PlainRun
from sim.engine.run import RunSimulation
from sim.reliability.failures.slow import DAY_US, GivenPacer
from sim.reliability.records import FailureClass, Law, RunPlan, Slowing, StragglerPlan, Swing, Tier
from tests.engine.plain_plans import plain_plans, plain_slow_plans
from tests.engine.run_cases import llama_plan
from tests.engine.slow_plans import judges
from tests.validation.test_reliability_oracles import airesim_s1


@given(plain_plans())
@settings(max_examples=120, deadline=None)
def test_a_plain_run_is_what_the_rooms_make_of_it(plan: RunPlan) -> None:
    assert is_plain(plan)
    assert PlainRun(plan).trace() == RunSimulation(plan, "dormant", explicit=False).trace()


@given(plain_slow_plans())
@settings(max_examples=120, deadline=None)
def test_a_plain_run_with_slow_nodes_is_what_the_rooms_make_of_it(plan: RunPlan) -> None:
    assert is_plain(plan)
    plain, rooms = (judges(plan)["pacer"] for _ in range(2))
    assert PlainRun(plan, plain).trace() == RunSimulation(plan, "dormant", explicit=False, pacer=rooms).trace()


@pytest.mark.parametrize("plan", [llama_plan(seed=5), llama_plan(seed=6, clock="operating", spare_nodes=2)])
def test_a_plain_run_of_months_is_what_the_rooms_make_of_it(plan: RunPlan) -> None:
    assert is_plain(plan)
    assert PlainRun(plan).trace() == RunSimulation(plan, "dormant", explicit=False).trace()


def test_a_plain_run_of_phases_of_weeks_is_what_the_rooms_make_of_it() -> None:
    plan = llama_plan(seed=8)
    (long,) = plan.phases
    first, second = (replace(long, steps=steps, step_time_us=step_us) for steps, step_us in ((20_000, 10**7), (5, 7)))
    plan = replace(plan, phases=(first, second, replace(long, steps=None)))
    assert {segment.phase for segment in PlainRun(plan).trace().segments} == {0, 1, 2}
    assert PlainRun(plan).trace() == RunSimulation(plan, "dormant", explicit=False).trace()


def test_a_plain_run_of_months_with_tiers_is_what_the_rooms_make_of_it() -> None:
    plan = llama_plan(seed=9)
    near = Tier(name="host-memory", block_us=10**6, durable_after_us=4 * 10**6, restore_us=10**7, local=True, copies=1)
    gpus = replace(near, name="gpu", block_us=0, durable_after_us=10**6, volatile=True, copies=0)
    tiers = replace(plan.checkpoint, faster=(gpus, near), every=6)
    plan = replace(plan, checkpoint=tiers)
    trace = PlainRun(plan).trace()
    # Of failures that lose a node and one that holds a copy of its part, the store is gone back to.
    assert len({reversal.since_us for reversal in trace.reversals}) > 300
    assert trace == RunSimulation(plan, "dormant", explicit=False).trace()


def slow_gpus(longer: Law) -> FailureClass:
    """GPUs of which one in 240 years becomes slow, by so much."""
    return FailureClass(
        cause="slow",
        component="gpu",
        per_node=8,
        life=Law(kind="exponential", mean_s=7.6e9),
        replace=False,
        stops=False,
        slowing=Slowing(longer=longer),
    )


def test_a_plain_run_of_months_with_slow_gpus_is_what_the_rooms_make_of_it() -> None:
    plan = llama_plan(seed=3)
    longer = Law(kind="exponential", mean_s=0.1)
    slow = slow_gpus(longer)
    hot = replace(slow, cause="hot", slowing=Slowing(longer=longer, state="throttle", heals=Law(mean_s=9_000.0)))
    finder = StragglerPlan(threshold=1.02, delay=Law(mean_s=1_200.0), false_alarm_s=864_000.0)
    swing = Swing(from_us=DAY_US // 2, to_us=DAY_US // 4 * 3, factor=1.015)
    plan = replace(
        plan, failures=(*plan.failures, slow, hot), swing=swing, recovery=replace(plan.recovery, stragglers=finder)
    )
    plain, rooms = (GivenPacer(lambda _: [phase.step_time_us for phase in plan.phases], swing) for _ in range(2))
    trace = PlainRun(plan, plain).trace()
    kinds = Counter(event.kind for event in trace.events)
    assert kinds["evicted"] > 5 < kinds["slowed"]
    assert len(trace.judged) > 5
    assert trace == RunSimulation(plan, "dormant", explicit=False, pacer=rooms).trace()


def test_a_plain_run_of_steps_of_hours_with_slow_gpus_is_what_the_rooms_make_of_it() -> None:
    plan = llama_plan(seed=3)
    slow = slow_gpus(Law(mean_s=0.3))
    (phase,) = plan.phases
    plan = replace(plan, phases=(replace(phase, step_time_us=4 * 3_600_000_000),), failures=(*plan.failures, slow))
    plain, rooms = (GivenPacer(lambda _: [4 * 3_600_000_000]) for _ in range(2))
    trace = PlainRun(plan, plain).trace()
    assert len(trace.judged) > 1
    assert trace == RunSimulation(plan, "dormant", explicit=False, pacer=rooms).trace()


def test_a_restart_that_ends_at_the_horizon_is_told() -> None:
    plan = llama_plan(seed=5)
    restart = next(event for event in PlainRun(plan).trace().events if event.kind == "restart")
    plan = replace(plan, horizon_us=restart.time_us)
    assert [event.kind for event in PlainRun(plan).trace().events][-2:] == ["restart", "horizon"]
    assert PlainRun(plan).trace() == RunSimulation(plan, "dormant", explicit=False).trace()


def test_a_plain_run_that_waits_for_idle_nodes_is_what_the_rooms_make_of_it() -> None:
    plan = airesim_s1(7)
    plan = replace(plan, spare_nodes=12, recovery=replace(plan.recovery, resume_when_idle=2056))
    assert any(event.kind == "stall" for event in PlainRun(plan).trace().events)
    assert PlainRun(plan).trace() == RunSimulation(plan, "dormant", explicit=False).trace()
