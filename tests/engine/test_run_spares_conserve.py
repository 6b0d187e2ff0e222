"""What holds of every run whatever its spares and its repair shop."""

from collections import Counter

from hypothesis import given, settings

from sim.engine.run import simulate_run
from sim.ledger.conservation import check_conservation
from sim.ledger.time_ledger import time_ledger
from sim.ledger.trace import RunTrace
from sim.reliability.records import RunPlan
from sim.reliability.spare_places import domain_of
from tests.engine.spare_plans import spare_plans


@given(spare_plans())
@settings(max_examples=200, deadline=None)
def test_every_law_of_conservation_holds(plan: RunPlan) -> None:
    trace = simulate_run(plan)
    check_conservation(trace, time_ledger(trace, [None] * len(plan.phases)))


@given(spare_plans())
@settings(max_examples=200, deadline=None)
def test_eager_and_dormant_give_the_same_trace(plan: RunPlan) -> None:
    assert simulate_run(plan, "eager") == simulate_run(plan, "dormant")


@given(spare_plans())
@settings(max_examples=100, deadline=None)
def test_folded_and_explicit_steps_give_the_same_trace(plan: RunPlan) -> None:
    assert simulate_run(plan, "dormant") == simulate_run(plan, "dormant", explicit=True)


@given(spare_plans())
@settings(max_examples=150, deadline=None)
def test_lives_of_a_component_are_numbered_without_a_repetition_whatever_is_exchanged(plan: RunPlan) -> None:
    last = Counter[tuple[str, int]]()
    for event in simulate_run(plan).events:
        if event.kind == "failure":
            # A new node's lives follow those that the old one did not live to the end: numbers may be left out.
            assert event.ordinal >= last[event.cause, event.component_index]
            last[event.cause, event.component_index] = event.ordinal + 1


@given(spare_plans())
@settings(max_examples=150, deadline=None)
def test_a_job_that_steps_has_whole_domains(plan: RunPlan) -> None:
    trace = simulate_run(plan)
    if not plan.recovery.spares.per_domain:
        return
    for segment in trace.segments:
        if segment.state == "step":
            members = Counter(domain_of(node, plan) for node in _in_job(trace, segment.start_us))
            assert set(members.values()) == {plan.recovery.spares.domain_nodes}


def _in_job(trace: RunTrace, at_us: int) -> list[int]:
    return [stay.node for stay in trace.stays if stay.place == "job" and stay.start_us <= at_us < stay.end_us]
