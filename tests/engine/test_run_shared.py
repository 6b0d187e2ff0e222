"""Failures that several nodes share: by hand, and the same trace however it is simulated."""

from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.run import simulate_run
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.time_ledger import time_ledger
from sim.ledger.time.trace import RunTrace
from sim.reliability.failures.exposure import STRUCK
from sim.reliability.records import FailureClass, Law, RunPlan
from tests.engine.outage_plans import LEAVES, RuleJudge
from tests.engine.run_cases import llama_plan
from tests.engine.shared_plans import RACKS, correlated, domain, shared_plans
from tests.engine.test_run_outages import outage
from tests.engine.test_run_recovery import SECOND, failure, kinds, plan, states

SOME = settings(max_examples=60, deadline=None)


def calm(*failures: FailureClass, nodes: int = 4, **changes: object) -> RunPlan:
    """Four nodes, spares as asked for, no checkpoints, lives on the calendar."""
    base = plan(*failures, nodes=nodes, failure_clock="calendar", **changes)
    return replace(base, checkpoint=replace(base.checkpoint, interval_us=0, block_us=0))


def places(trace: RunTrace, node: int) -> list[tuple[str, float, float, str]]:
    """Where a node was, from when until when in seconds, and why."""
    return [
        (stay.place, stay.start_us / SECOND, stay.end_us / SECOND, stay.cause)
        for stay in sorted(trace.stays, key=lambda stay: stay.start_us)
        if stay.node == node
    ]


def test_a_lost_rack_takes_all_its_nodes_to_repair_by_one_event() -> None:
    racks = domain("rack", ((0, 1),), mean_s=70.0, law="constant")
    trace = simulate_run(calm(racks, spare_nodes=2, horizon_us=120 * SECOND))
    assert kinds(trace)[:5] == [
        ("failure", 70, -1),
        ("replaced", 75, 4),
        ("replaced", 75, 5),
        ("restart", 90, -1),
        ("horizon", 120, -1),
    ]
    event = trace.events[0]
    assert (event.component, event.component_index, event.interrupted) == ("rack", 0, True)
    for node in (0, 1):
        assert places(trace, node) == [("job", 0, 75, ""), ("repair", 75, 120, "lost rack")]
    assert {stay.event for stay in trace.stays if stay.place == "repair"} == {0}
    assert states(trace)[1:5] == [
        ("detect", 70, 75, 5),
        ("replace", 75, 82, 7),
        ("initialize", 82, 85, 3),
        ("restore", 85, 89, 4),
    ]


def test_a_lost_rack_takes_nodes_wherever_they_are() -> None:
    # Node 0 breaks at 40; the rack of nodes 0 (in repair from 45), 3 (in the job) and 4 (the spare) at 50.
    broken = replace(failure("node", 40.0), per_node=1)
    racks = domain("rack", ((0, 3, 4),), mean_s=50.0, law="constant")
    only_first = replace(broken, component="psu", life=Law(mean_s=40.0))
    base = calm(racks, nodes=4, spare_nodes=2, horizon_us=60 * SECOND)
    trace = simulate_run(replace(base, failures=(domain_of_one(only_first), racks)))
    assert places(trace, 0) == [("job", 0, 45, ""), ("repair", 45, 60, "lost psu")]
    assert places(trace, 3) == [("job", 0, 55, ""), ("repair", 55, 60, "lost rack")]
    # The spare had joined the job at 45 in place of node 0.
    assert places(trace, 4) == [("spare", 0, 45, ""), ("job", 45, 55, ""), ("repair", 55, 60, "lost rack")]
    assert places(trace, 5) == [("spare", 0, 55, ""), ("job", 55, 60, "")]


def domain_of_one(like: FailureClass) -> FailureClass:
    """A cause that only node 0 has."""
    return replace(domain("rack", ((0,),), law="constant"), cause="lost psu", life=like.life)


def test_a_lost_rack_of_spares_stops_nobody() -> None:
    racks = domain("rack", ((4, 5),), mean_s=50.0, law="constant")
    trace = simulate_run(calm(racks, spare_nodes=2, horizon_us=90 * SECOND))
    assert not trace.events[0].interrupted
    assert [state for state, *_ in states(trace)] == ["step"]
    assert places(trace, 4) == [("spare", 0, 50, ""), ("repair", 50, 90, "lost rack")]


def test_nodes_of_a_rack_that_is_out_are_idle_and_come_back_with_it() -> None:
    racks = domain("rack", RACKS, mean_s=30.0, law="constant", out_s=60.0)
    only = replace(racks, names=("rack-1",), holds=((2, 3),))
    trace = simulate_run(calm(only, spare_nodes=2, horizon_us=110 * SECOND))
    assert kinds(trace)[:4] == [("failure", 30, -1), ("replaced", 35, 4), ("replaced", 35, 5), ("restart", 50, -1)]
    assert ("restored", 90, -1) in kinds(trace)
    assert places(trace, 2) == [("job", 0, 35, ""), ("idle", 35, 90, "lost rack"), ("spare", 90, 110, "lost rack")]
    # A second life begins when the first outage ends: 90 + 30 lies beyond the horizon.
    assert Counter(event.kind for event in trace.events)["failure"] == 1


def test_without_spares_the_job_waits_for_the_rack() -> None:
    racks = replace(domain("rack", RACKS, mean_s=30.0, law="constant", out_s=60.0), names=("r",), holds=((0, 1),))
    trace = simulate_run(calm(racks, spare_nodes=0, horizon_us=110 * SECOND))
    assert ("wait_for_node", 35, 90, 55) in states(trace)
    waiting = next(segment for segment in trace.segments if segment.state == "wait_for_node")
    assert (waiting.nodes, waiting.cause) == (2, "lost rack")


def test_a_rack_that_two_outages_hold_comes_back_with_the_later() -> None:
    short = domain("rack", ((0, 1),), mean_s=30.0, law="constant", out_s=40.0)
    long = domain("power-domain", ((0, 1, 2),), mean_s=40.0, law="constant", out_s=50.0)
    trace = simulate_run(calm(short, long, spare_nodes=0, horizon_us=100 * SECOND))
    assert places(trace, 0)[1:3] == [("idle", 35, 90, "lost rack"), ("job", 90, 100, "")]


def test_a_failure_of_a_domain_that_replaces_nobody_only_stops_the_job() -> None:
    dip = replace(domain("site", ((0, 1, 2, 3),), mean_s=50.0, law="constant"), replace=False)
    trace = simulate_run(calm(dip, spare_nodes=1, horizon_us=90 * SECOND))
    assert trace.events[0].interrupted
    assert {stay.place for stay in trace.stays} == {"job", "spare"}


def test_domains_and_a_network_can_be_out_together() -> None:
    racks = domain("rack", ((2, 3),), mean_s=30.0, law="constant", out_s=60.0)
    run = calm(racks, outage("leaf", 40.0, 20.0, LEAVES[1:]), spare_nodes=4, horizon_us=95 * SECOND)
    trace = simulate_run(run, judge=RuleJudge(run, dual=False))
    # Node 3 hangs on the leaf and stands in the rack, node 1 only hangs on the leaf.
    assert places(trace, 3)[1:] == [("idle", 35, 90, "lost rack"), ("spare", 90, 95, "lost rack")]
    assert places(trace, 1)[1][0:3] == ("idle", 45, 60)


def together(hit: float = 1.0, **changes: object) -> RunPlan:
    """Nodes that fail together often, and hardly ever by themselves."""
    node = FailureClass(
        cause="node", component="node", per_node=1, life=Law(kind="exponential", mean_s=60.0), replace=True
    )
    both = correlated(node, holds=((0, 1), (2, 3), (4, 5)), share=0.999, hit=hit)
    return calm(both, spare_nodes=2, horizon_us=400 * SECOND, **changes)


def test_a_shock_is_an_event_and_a_failure_of_each_component_that_it_hits() -> None:
    trace = simulate_run(together())
    shocks = [event for event in trace.events if event.kind == "shock"]
    assert len(shocks) > 5
    ordinals = Counter[int]()
    for shock in shocks:
        assert (shock.component, shock.node, shock.interrupted) == ("rack", -1, False)
        hits = [trace.events[shock.event + k] for k in (1, 2) if shock.event + k < len(trace.events)]
        hits = [hit for hit in hits if hit.kind == "failure" and hit.ordinal == STRUCK]
        assert {hit.time_us for hit in hits} == {shock.time_us}
        assert {hit.node // 2 for hit in hits} == {shock.component_index}
        assert sum(hit.interrupted for hit in hits) <= 1
        ordinals[shock.component_index] += 1


def test_a_job_recovers_once_from_all_that_a_shock_hits() -> None:
    for on_failure in ("restart", "queue"):
        run = together()
        trace = simulate_run(replace(run, recovery=replace(run.recovery, on_failure=on_failure)))
        first = next(event for event in trace.events if event.interrupted)
        rest = [event for event in trace.events if event.time_us == first.time_us and event.kind == "failure"]
        assert len(rest) == 2
        detect = [segment for segment in trace.segments if segment.start_us == first.time_us]
        assert [segment.state for segment in detect] == ["detect"]
        away = {stay.node for stay in trace.stays if stay.place == "repair" and stay.start_us == detect[0].end_us}
        assert away == {event.node for event in rest}


def test_what_waits_for_its_renewal_is_not_hit_again() -> None:
    trace = simulate_run(
        together(repair=replace(calm().repair, automatic=replace(calm().repair.automatic, time=Law(mean_s=1e4))))
    )
    hits = Counter(event.component_index for event in trace.events if event.kind == "failure")
    assert hits and max(hits.values()) == 1


def test_under_operating_clocks_a_shock_hits_nodes_of_the_job_only() -> None:
    trace = simulate_run(replace(together(), failure_clock="operating"))
    stays = defaultdict(list)
    for stay in trace.stays:
        stays[stay.node].append(stay)
    hits = [event for event in trace.events if event.kind == "failure"]
    assert hits
    for hit in hits:
        (place,) = {s.place for s in stays[hit.node] if s.start_us <= hit.time_us < s.end_us}
        assert place == "job"


@given(shared_plans())
@SOME
def test_eager_and_dormant_give_the_same_trace_when_nodes_fail_together(run: RunPlan) -> None:
    assert simulate_run(run, "eager") == simulate_run(run, "dormant")


@given(shared_plans(network=True), st.booleans())
@SOME
def test_eager_and_dormant_give_the_same_trace_with_a_network_besides(run: RunPlan, dual: bool) -> None:
    eager = simulate_run(run, "eager", judge=RuleJudge(run, dual=dual))
    assert eager == simulate_run(run, "dormant", judge=RuleJudge(run, dual=dual))


@given(shared_plans(network=True), st.booleans())
@SOME
def test_folded_and_explicit_steps_give_the_same_trace_when_nodes_fail_together(run: RunPlan, dual: bool) -> None:
    folded = simulate_run(run, judge=RuleJudge(run, dual=dual))
    assert folded == simulate_run(run, explicit=True, judge=RuleJudge(run, dual=dual))


@given(shared_plans(network=True), st.booleans())
@SOME
def test_everything_is_conserved_when_nodes_fail_together(run: RunPlan, dual: bool) -> None:
    trace = simulate_run(run, judge=RuleJudge(run, dual=dual))
    nothing = [None] * len(run.phases)
    check_conservation(trace, time_ledger(trace, nothing, [nothing] * (len(trace.judged) - 1)))
    now = Counter[int]()
    for stay in sorted(trace.stays, key=lambda stay: (stay.node, stay.start_us)):
        assert stay.start_us == now[stay.node] < stay.end_us
        now[stay.node] = stay.end_us
    assert {now[node] for node in range(run.nodes + run.spare_nodes)} == {trace.end_us}


@given(shared_plans())
@SOME
def test_every_failure_of_several_nodes_is_accounted_for(run: RunPlan) -> None:
    trace = simulate_run(run)
    moves = {stay.event for stay in trace.stays if stay.place == "repair"}
    assert all(trace.events[event].kind in ("failure", "found", "maintained") for event in moves)
    ordinals = Counter[tuple[str, str, int]]()
    for event in trace.events:
        if event.kind in ("failure", "shock") and event.ordinal != STRUCK:
            key = (event.kind, event.cause, event.component_index)
            # A component that is hit while it waits to be renewed ends its own life unnoticed, as does a shock that
            # hits nothing: ordinals may be left out, and never come twice.
            assert event.ordinal >= ordinals[key]
            ordinals[key] = event.ordinal + 1


def test_unknown_parts_of_an_outage_need_no_judge_where_only_domains_are_out() -> None:
    racks = domain("rack", RACKS, out_s=10.0)
    assert simulate_run(calm(racks, spare_nodes=1, horizon_us=SECOND)).events
    with pytest.raises(Exception, match="lost leaf: got an outage of the network"):
        simulate_run(calm(racks, outage("leaf", 30.0, 60.0, LEAVES), spare_nodes=1))


def test_shocks_and_lives_of_domains_do_not_move_with_policy_or_spares() -> None:
    racks = tuple((node, node + 1) for node in range(0, 520, 2))
    base = llama_plan(nodes=512, spare_nodes=8, days=20, seed=3)
    failures = (
        *(correlated(each, holds=racks) if each.component == "gpu" else each for each in base.failures),
        domain("rack", racks, mean_s=400 * 86_400.0),
    )
    first = replace(base, failures=failures)

    def lives(run: RunPlan) -> dict[tuple[str, str, int, int], int]:
        return {
            (event.cause, event.component, event.component_index, event.ordinal): event.time_us
            for event in simulate_run(run).events
            if event.kind == "shock" or event.component == "rack"
        }

    found = lives(first)
    assert len(found) > 15
    for other in (
        replace(first, spare_nodes=40),
        replace(first, repair=replace(first.repair, automatic=replace(first.repair.automatic, success=1.0))),
        replace(first, recovery=replace(first.recovery, on_failure="queue", rework=False)),
    ):
        moved = lives(other)
        # A shock all of whose targets wait for their renewal is not told.
        assert len(found.keys() ^ moved.keys()) <= 1
        assert {key: moved[key] for key in found.keys() & moved.keys()} == {
            key: found[key] for key in found.keys() & moved.keys()
        }
    assert simulate_run(first, "eager") == simulate_run(first, "dormant")
