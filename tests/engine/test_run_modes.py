"""Processes for every node or one event for all, events or arithmetic: the trace is the same."""

from dataclasses import replace

from hypothesis import given, settings

from sim.engine.jobs.saves import OneTier, Saves
from sim.engine.run import RunSimulation, simulate_run
from sim.reliability.records import RunPlan
from tests.engine.run_plans import run_plans


@given(run_plans())
@settings(max_examples=120, deadline=None)
def test_eager_and_dormant_give_the_same_trace(plan: RunPlan) -> None:
    assert simulate_run(plan, "eager") == simulate_run(plan, "dormant")


@given(run_plans())
@settings(max_examples=120, deadline=None)
def test_folded_and_explicit_steps_give_the_same_trace(plan: RunPlan) -> None:
    assert simulate_run(plan, "dormant") == simulate_run(plan, "dormant", explicit=True)


@given(run_plans(late=False))
@settings(max_examples=120, deadline=None)
def test_a_store_alone_holds_what_it_would_among_all_tiers(plan: RunPlan) -> None:
    plan = replace(plan, checkpoint=replace(plan.checkpoint, faster=(), every=1))
    simple, whole = (RunSimulation(plan, "dormant", explicit=False) for _ in range(2))
    assert isinstance(simple.job.saves, OneTier)
    whole.job.saves = Saves(whole.course, plan.nodes, whole.nodes.losses)
    whole.job.safe = whole.job.saves.base
    assert simple.trace() == whole.trace()
