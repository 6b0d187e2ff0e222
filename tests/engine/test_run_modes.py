"""Processes for every node or one event for all, events or arithmetic: the trace is the same."""

from hypothesis import given, settings

from sim.engine.run import simulate_run
from sim.reliability.records import RunPlan
from tests.engine.run_plans import run_plans


@given(run_plans())
@settings(max_examples=300, deadline=None)
def test_eager_and_dormant_give_the_same_trace(plan: RunPlan) -> None:
    assert simulate_run(plan, "eager") == simulate_run(plan, "dormant")


@given(run_plans())
@settings(max_examples=300, deadline=None)
def test_folded_and_explicit_steps_give_the_same_trace(plan: RunPlan) -> None:
    assert simulate_run(plan, "dormant") == simulate_run(plan, "dormant", explicit=True)
