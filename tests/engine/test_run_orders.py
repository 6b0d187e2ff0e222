"""Spares that are bought by hand: when they are ordered, when they come, and who waits for them."""

import gc
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings

from sim.engine.run import simulate_run
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.time_ledger import by_state, net_gpu_us, time_ledger
from sim.ledger.time.trace import RETIRED, RunTrace, Segment, Stay
from sim.reliability.records import FailureClass, Law, Reorder, RepairStage, Retirement, RunPlan
from tests.engine.order_plans import order_plans
from tests.engine.run_cases import llama_plan
from tests.engine.slow_plans import judges
from tests.engine.test_run_recovery import SECOND, failure, kinds, plan, states

SCRAP = Retirement(visits=1, within_s=1.0, replacement=None)


def ordering(below: int, order: int, lead: Law, *failures: FailureClass, **changes: object) -> RunPlan:
    """A plan of `plan` whose nodes are all retired at their first visit, and ordered anew."""
    repair = replace(plan().repair, retire=SCRAP, reorder=Reorder(below=below, order=order, lead=lead))
    return plan(*failures, repair=repair, **changes)


def by_hand(**changes: object) -> RunPlan:
    """One node and two spares that live 75 s of stepping; two nodes are ordered when none is left over, for 100 s."""
    base: dict[str, object] = {"spare_nodes": 2, "horizon_us": 400 * SECOND}
    return ordering(0, 2, Law(mean_s=100.0), failure("node", 75.0), **{**base, **changes})


def stays_of(trace: RunTrace, node: int) -> list[tuple[str, float, float]]:
    return [(s.place, s.start_us / SECOND, s.end_us / SECOND) for s in trace.stays if s.node == node]


def test_nodes_are_ordered_when_the_position_falls_to_the_reorder_point_and_come_after_the_lead_time() -> None:
    assert kinds(simulate_run(by_hand())) == [
        ("failure", 75, 0),
        ("retired", 80, 0),
        ("replaced", 80, 1),
        ("restart", 95, -1),
        ("failure", 170, 1),
        ("retired", 175, 1),
        ("ordered", 175, -1),
        ("replaced", 175, 2),
        ("restart", 190, -1),
        ("failure", 265, 2),
        ("retired", 270, 2),
        ("stall", 270, -1),
        ("arrived", 275, -1),
        ("delivered", 275, 0),
        ("replaced", 275, 0),
        ("delivered", 275, 1),
        ("restart", 290, -1),
        ("failure", 365, 0),
        ("retired", 370, 0),
        ("ordered", 370, -1),
        ("replaced", 370, 1),
        ("restart", 385, -1),
        ("horizon", 400, -1),
    ]


def test_orders_are_numbered() -> None:
    events = [event for event in simulate_run(by_hand()).events if event.kind in ("ordered", "arrived")]
    assert [(event.kind, event.ordinal) for event in events] == [("ordered", 0), ("arrived", 0), ("ordered", 1)]


def test_a_job_without_nodes_waits_until_an_order_arrives() -> None:
    waits = [row for row in states(simulate_run(by_hand())) if row[0] == "wait_for_node"]
    assert waits == [("wait_for_node", 270, 275, 5)]


def test_a_retired_node_is_nowhere_until_another_stands_in_its_place() -> None:
    trace = simulate_run(by_hand())
    assert stays_of(trace, 0) == [("job", 0, 80), (RETIRED, 80, 275), ("job", 275, 370), (RETIRED, 370, 400)]
    assert stays_of(trace, 1)[:3] == [("spare", 0, 80), ("job", 80, 175), (RETIRED, 175, 275)]
    assert stays_of(trace, 1)[3:] == [("spare", 275, 370), ("job", 370, 400)]
    assert stays_of(trace, 2) == [("spare", 0, 175), ("job", 175, 270), (RETIRED, 270, 400)]


def test_gpu_time_is_held_from_arrival_to_retirement() -> None:
    trace = simulate_run(by_hand())
    ledger = time_ledger(trace, [None])
    check_conservation(trace, ledger)
    totals = by_state(net_gpu_us(ledger))
    # Nodes 0, 1 and 2 are there for 80 + 95, 175 + 125 and 270 s, of which 1 and 2 are spare for 80 + 95 and 175 s.
    assert sum(totals.values()) == 8 * (175 + 300 + 270) * SECOND
    assert totals["spare"] == 8 * (175 + 175) * SECOND
    assert totals["repair"] == 0


def test_each_order_has_a_lead_time_of_its_own() -> None:
    lead = Law(kind="exponential", mean_s=100.0)
    run = by_hand(horizon_us=40_000 * SECOND)
    assert run.repair.reorder is not None
    trace = simulate_run(replace(run, repair=replace(run.repair, reorder=replace(run.repair.reorder, lead=lead))))
    at = {(event.kind, event.ordinal): event.time_us for event in trace.events if event.kind in ("ordered", "arrived")}
    leads = [at["arrived", number] - at["ordered", number] for kind, number in at if kind == "arrived"]
    assert len(leads) == len(set(leads)) > 100
    assert sum(leads) / len(leads) / SECOND == pytest.approx(100.0, rel=0.3)


def bought(lead_s: float, below: int, order: int, seed: int = 1) -> RunTrace:
    """A cluster on whose calendar nodes retire at their first visit."""
    lasting = {"node": (1, 1e7), "gpu": (8, 4e7)}
    worn = tuple(
        FailureClass(cause=part, component=part, per_node=each, life=Law(kind="exponential", mean_s=mean), replace=True)
        for part, (each, mean) in lasting.items()
    )
    base = llama_plan(nodes=16, spare_nodes=8, days=300, seed=seed, clock="calendar")
    reorder = Reorder(below=below, order=order, lead=Law(mean_s=lead_s))
    return simulate_run(replace(base, failures=worn, repair=replace(base.repair, retire=SCRAP, reorder=reorder)))


def lives(trace: RunTrace) -> dict[tuple[str, int, int], int]:
    """How long delivered nodes lived up to their first failure, by its cause, component and ordinal."""
    since: dict[int, int] = {}
    lived = {}
    for event in trace.events:
        if event.kind == "delivered":
            since[event.node] = event.time_us
        elif event.kind == "failure" and event.node in since:
            key = event.cause, event.component_index, event.ordinal
            lived[key] = event.time_us - since.pop(event.node)
    return lived


def test_what_is_bought_when_moves_no_life() -> None:
    quick, slow, by_one = bought(86_400.0, 2, 6), bought(864_000.0, 2, 6), bought(864_000.0, 7, 1)
    for other in (slow, by_one):
        both = lives(quick).keys() & lives(other).keys()
        assert len(both) > 3
        assert all(lives(quick)[key] == lives(other)[key] for key in both)
    first = next(event.event for event in quick.events if event.kind == "arrived")
    assert quick.events[:first] == slow.events[:first]


def test_nothing_fails_where_no_node_stands() -> None:
    trace = bought(1_728_000.0, 2, 6)
    gone = [stay for stay in trace.stays if stay.place == RETIRED and stay.end_us < trace.end_us]
    assert gone
    for stay in gone:
        inside = [e for e in trace.events if e.node == stay.node and stay.start_us < e.time_us < stay.end_us]
        assert not [event for event in inside if event.kind == "failure"]


@pytest.mark.parametrize("clock", ["calendar", "operating"])
def test_an_order_for_each_retired_node_is_an_exchange_of_each(clock: str) -> None:
    plans = ordering_each(clock, ordered=True), ordering_each(clock, ordered=False)
    bought, sent = map(simulate_run, plans)
    assert sum(segment.state == "wait_for_node" for segment in bought.segments) > 3

    def told(trace: RunTrace) -> list[Segment]:
        return [segment._replace(event=0) for segment in trace.segments]

    assert told(bought) == told(sent)


def ordering_each(clock: str, *, ordered: bool) -> RunPlan:
    """A cluster whose nodes are retired at their first visit: each is exchanged, or a new one ordered for it."""
    base = llama_plan(nodes=16, spare_nodes=2, days=300, seed=3, clock=clock)
    worn = FailureClass(
        cause="node", component="node", per_node=1, life=Law(kind="exponential", mean_s=1e7), replace=True
    )
    lead = Law(mean_s=1_728_000.0)
    retire = replace(SCRAP, replacement=None if ordered else lead)
    reorder = Reorder(below=1, order=1, lead=lead) if ordered else None
    return replace(base, failures=(worn,), repair=replace(base.repair, retire=retire, reorder=reorder))


def test_nodes_in_repair_count_as_stock() -> None:
    # Repairs take longer than the run, and nothing is retired: nothing is ordered.
    repair = replace(by_hand().repair, automatic=RepairStage(time=Law(mean_s=1e4), success=1.0))
    repair = replace(repair, retire=Retirement(visits=2, within_s=1e6, replacement=None))
    trace = simulate_run(replace(by_hand(), repair=repair))
    assert [kind for kind, *_ in kinds(trace)][-2:] == ["stall", "horizon"]
    assert not [event for event in trace.events if event.kind in ("retired", "ordered")]


@given(order_plans())
@settings(max_examples=100, deadline=None)
def test_clocks_and_steps_of_all_kinds_give_the_same_trace_and_nothing_is_lost(asked: RunPlan) -> None:
    def run(mode: str = "dormant", *, explicit: bool = False) -> RunTrace:
        others = {} if asked.recovery.elastic else judges(asked)
        return simulate_run(asked, mode, explicit=explicit, **others)  # type: ignore[arg-type]

    trace = run()
    nothing = [None] * len(asked.phases)
    check_conservation(trace, time_ledger(trace, nothing, [nothing] * (len(trace.judged) - 1)))
    assert run("eager") == trace
    assert run(explicit=True) == trace
    _check_orders(asked, trace)


def _check_orders(asked: RunPlan, trace: RunTrace) -> None:
    """The policy is kept at every event, and places are empty from a retirement to a delivery or the end."""
    assert asked.repair.reorder is not None
    policy, count = asked.repair.reorder, Counter[str]()
    for event in trace.events:
        count[event.kind] += 1
        position = asked.spare_nodes - count["retired"] + policy.order * count["ordered"]
        following = trace.events[event.event + 1 : event.event + 2]
        if event.kind == "retired" and position <= policy.below:
            assert following[0].kind == "ordered"
        elif event.kind in ("ordered", "retired"):
            assert position > policy.below
    assert count["delivered"] == policy.order * count["arrived"]
    gone = [stay for stay in trace.stays if stay.place == RETIRED]
    assert all(trace.events[stay.event].kind == "retired" for stay in gone)
    assert all(trace.events[stay.event].node == stay.node for stay in gone)
    assert all(_refilled(trace, stay) for stay in gone if stay.end_us < trace.end_us)


def _refilled(trace: RunTrace, stay: Stay) -> bool:
    back = (event for event in trace.events if event.node == stay.node and event.time_us == stay.end_us)
    return any(event.kind == "delivered" for event in back)


def test_a_run_that_ordered_leaves_nothing_to_collect() -> None:
    simulate_run(by_hand())  # what is loaded the first time is another matter
    gc.collect()
    gc.disable()
    try:
        trace = simulate_run(by_hand(seed=2))
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert trace.events
