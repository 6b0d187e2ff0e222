"""A run whose network fails: it stops or goes on as its judge says, and is slow meanwhile."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.run import simulate_run
from sim.errors import InputError
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.time_ledger import time_ledger
from sim.reliability.records import FailureClass, Law, RunPlan
from tests.engine.outage_plans import LEAVES, SPINES, RuleJudge, outage_plans
from tests.engine.test_run_recovery import SECOND, kinds, plan, states


def outage(
    component: str, after_s: float, out_s: float, names: tuple[str, ...] = (), per_node: int = 1
) -> FailureClass:
    return FailureClass(
        cause=f"lost {component}",
        component=component,
        per_node=per_node,
        life=Law(mean_s=after_s),
        replace=False,
        outage=Law(mean_s=out_s),
        names=names,
    )


class SlowJudge(RuleJudge):
    """Steps of 10 s take 15 s under a lost spine."""

    def step_us(self, condition: int) -> tuple[int, ...]:
        return tuple(length + 5 * SECOND * condition for length in self.planned)


def quiet(*failures: FailureClass, **changes: object) -> RunPlan:
    """Two nodes and a spare, no checkpoints, lives on the calendar."""
    base = plan(*failures, nodes=2, failure_clock="calendar", **changes)
    return replace(base, checkpoint=replace(base.checkpoint, interval_us=0, block_us=0))


def test_a_lost_spine_slows_the_steps_until_it_is_back() -> None:
    run = quiet(outage("spine", 32.0, 40.0, SPINES[:1]), horizon_us=100 * SECOND)
    trace = simulate_run(run, judge=SlowJudge(run, dual=False))
    # Lost at 32, during the fourth step; back at 72, during the third slow one, which ends at 85.
    assert states(trace) == [("step", 0, 40, 40), ("step", 40, 85, 45), ("step", 85, 100, 15)]
    assert [segment.condition for segment in trace.segments] == [0, 1, 0]
    assert kinds(trace) == [("failure", 32, -1), ("restored", 72, -1), ("horizon", 100, -1)]
    assert not trace.events[0].interrupted
    assert trace.processed_steps == (4 + 3 + 1,)


def test_a_lost_leaf_stops_a_job_on_a_single_tor_and_its_nodes_come_back_with_it() -> None:
    run = quiet(outage("leaf", 30.0, 60.0, LEAVES[:1]), spare_nodes=2, horizon_us=100 * SECOND)
    trace = simulate_run(run, judge=RuleJudge(run, dual=False))
    # Node 0 and spare 2 hang on the leaf: spare 3 takes the place of node 0.
    assert trace.events[0].interrupted
    assert states(trace)[1:4] == [("detect", 30, 35, 5), ("replace", 35, 42, 7), ("initialize", 42, 45, 3)]
    assert kinds(trace) == [
        ("failure", 30, -1),
        ("replaced", 35, 3),
        ("restart", 50, -1),
        ("restored", 90, -1),
        ("horizon", 100, -1),
    ]
    places = {(stay.node, stay.place, stay.start_us // SECOND, stay.end_us // SECOND) for stay in trace.stays}
    assert {(0, "idle", 35, 90), (0, "spare", 90, 100), (2, "idle", 30, 90), (2, "spare", 90, 100)} <= places


def test_a_lost_leaf_slows_a_job_on_dual_tor() -> None:
    run = quiet(outage("leaf", 30.0, 60.0, LEAVES[:1]), horizon_us=100 * SECOND)
    trace = simulate_run(run, judge=SlowJudge(run, dual=True))
    assert states(trace) == [("step", 0, 30, 30), ("step", 30, 90, 60), ("step", 90, 100, 10)]
    assert not any(event.interrupted for event in trace.events)


def test_without_spares_the_job_waits_for_the_leaf() -> None:
    run = quiet(outage("leaf", 30.0, 60.0, LEAVES[:1]), spare_nodes=0, horizon_us=110 * SECOND)
    trace = simulate_run(run, judge=RuleJudge(run, dual=False))
    assert ("wait_for_node", 35, 90, 55) in states(trace)
    waiting = next(segment for segment in trace.segments if segment.state == "wait_for_node")
    assert (waiting.nodes, waiting.cause) == (1, "lost leaf")
    assert ("restart", 90 + 7 + 3 + 4 + 1, -1) in kinds(trace)


def test_a_severed_job_keeps_its_nodes_and_waits() -> None:
    run = quiet(outage("spine", 30.0, 60.0, SPINES), horizon_us=110 * SECOND)
    trace = simulate_run(run, judge=RuleJudge(run, dual=False))
    # Both spines go at 30: the first slows, the second severs.
    assert [event.interrupted for event in trace.events[:2]] == [False, True]
    waiting = next(segment for segment in trace.segments if segment.state == "wait_for_node")
    assert (waiting.start_us, waiting.end_us, waiting.nodes) == (35 * SECOND, 90 * SECOND, 2)


def test_outages_need_a_judge() -> None:
    with pytest.raises(InputError, match="lost leaf: got an outage of the network and no graph"):
        simulate_run(quiet(outage("leaf", 30.0, 60.0, LEAVES)))


@given(outage_plans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_eager_and_dormant_give_the_same_trace_when_the_network_fails(run: RunPlan, dual: bool) -> None:
    eager = simulate_run(run, "eager", judge=RuleJudge(run, dual=dual))
    assert eager == simulate_run(run, "dormant", judge=RuleJudge(run, dual=dual))


@given(outage_plans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_folded_and_explicit_steps_give_the_same_trace_when_the_network_fails(run: RunPlan, dual: bool) -> None:
    folded = simulate_run(run, judge=RuleJudge(run, dual=dual))
    assert folded == simulate_run(run, explicit=True, judge=RuleJudge(run, dual=dual))


@given(outage_plans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_nothing_is_lost_or_counted_twice_when_the_network_fails(run: RunPlan, dual: bool) -> None:
    trace = simulate_run(run, judge=RuleJudge(run, dual=dual))
    nothing = [None] * len(run.phases)
    check_conservation(trace, time_ledger(trace, nothing, [nothing] * (len(trace.judged) - 1)))
