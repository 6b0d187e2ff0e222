"""Ratios that a trace alone gives are those of its ledgers."""

from hypothesis import given, settings

from sim.engine.run import simulate_run
from sim.ledger.time.ratios import retained_step_us, trace_ettr, trace_goodput
from sim.ledger.time.summary import summarize
from sim.ledger.time.time_ledger import time_ledger
from sim.reliability.examples import run_plan
from sim.reliability.records import RunPlan
from tests.engine.run_plans import run_plans


@given(run_plans())
@settings(max_examples=60, deadline=None)
def test_a_trace_gives_the_ratios_of_its_ledger(plan: RunPlan) -> None:
    trace = simulate_run(plan)
    given = [None] * len(plan.phases)
    summary = summarize(trace, time_ledger(trace, given), given)
    assert (trace_ettr(trace), trace_goodput(trace)) == (summary.ettr, summary.goodput)


def test_a_run_to_the_end_of_its_work_retains_it() -> None:
    trace = simulate_run(run_plan())
    assert retained_step_us(trace) == 100 * 10_000_000
    assert trace_ettr(trace) == 1e9 / trace.end_us
