"""What holds of every run whatever its spares and its repair shop."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.clock import on_event, timeout
from sim.engine.run import RunSimulation, simulate_run
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.time_ledger import time_ledger
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import FailureClass, RunPlan
from sim.reliability.recovery.spare_places import domain_of
from tests.engine.outage_plans import RuleJudge, outages
from tests.engine.run_plans import TICK_US
from tests.engine.spare_plans import spare_plans


@given(spare_plans())
@settings(max_examples=40, deadline=None)
def test_every_law_of_conservation_holds(plan: RunPlan) -> None:
    trace = simulate_run(plan)
    check_conservation(trace, time_ledger(trace, [None] * len(plan.phases)))


@given(spare_plans())
@settings(max_examples=40, deadline=None)
def test_eager_and_dormant_give_the_same_trace(plan: RunPlan) -> None:
    assert simulate_run(plan, "eager") == simulate_run(plan, "dormant")


@given(spare_plans())
@settings(max_examples=40, deadline=None)
def test_folded_and_explicit_steps_give_the_same_trace(plan: RunPlan) -> None:
    assert simulate_run(plan, "dormant") == simulate_run(plan, "dormant", explicit=True)


@given(spare_plans(), outages(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_network_that_fails_beside_them_changes_none_of_that(
    plan: RunPlan, lost: tuple[FailureClass, ...], dual: bool
) -> None:
    plan = replace(plan, failures=(*plan.failures, *lost))
    dormant, eager = (simulate_run(plan, mode, judge=RuleJudge(plan, dual=dual)) for mode in ("dormant", "eager"))
    assert dormant == eager
    assert dormant == simulate_run(plan, explicit=True, judge=RuleJudge(plan, dual=dual))
    check_conservation(dormant, time_ledger(dormant, [None] * len(plan.phases), _damaged(dormant, plan)))


@given(spare_plans(), st.lists(st.tuples(st.integers(0, 700), st.integers(0, 9)), max_size=6))
@settings(max_examples=80, deadline=None)
def test_nodes_sent_to_repair_by_mistake_are_lost_to_nobody(plan: RunPlan, mistakes: list[tuple[int, int]]) -> None:
    def mistaken(mode: str) -> RunTrace:
        run = RunSimulation(plan, mode, explicit=False)
        for tick, node in mistakes:
            accused = node % (plan.nodes + plan.spare_nodes)
            on_event(timeout(run.env, tick * TICK_US), lambda _, node=accused: run.nodes.accuse(node, "often", -1))
        return run.trace()

    dormant = mistaken("dormant")
    assert dormant == mistaken("eager")
    check_conservation(dormant, time_ledger(dormant, [None] * len(plan.phases)))


def _damaged(trace: RunTrace, plan: RunPlan) -> list[list[None]]:
    return [[None] * len(plan.phases)] * (len(trace.judged) - 1)


@given(spare_plans())
@settings(max_examples=80, deadline=None)
def test_lives_of_a_component_are_numbered_without_a_repetition_whatever_is_exchanged(plan: RunPlan) -> None:
    last = Counter[tuple[str, int]]()
    for event in simulate_run(plan).events:
        if event.kind == "failure":
            # A new node's lives follow those that the old one did not live to the end: numbers may be left out.
            assert event.ordinal >= last[event.cause, event.component_index]
            last[event.cause, event.component_index] = event.ordinal + 1


@given(spare_plans())
@settings(max_examples=80, deadline=None)
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
