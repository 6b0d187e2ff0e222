"""Common random numbers: how ready spares are and how nodes are repaired moves no life that it does not renew."""

from dataclasses import replace

import pytest

from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import Law, RepairStage, RepairStages, RunPlan, SparePlan, SpareTier
from sim.reliability.recovery.draws import RepairDraws
from tests.engine.test_run_streams import failures, small

BASE = small()
FAST = RepairStages(automatic=RepairStage(time=Law(mean_s=60.0), success=1.0), manual=BASE.repair.manual)


def repaired(**changes: object) -> RunPlan:
    return replace(BASE, repair=replace(BASE.repair, **changes))  # type: ignore[arg-type]


def spared(spares: SparePlan) -> RunPlan:
    return replace(BASE, recovery=replace(BASE.recovery, spares=spares))


@pytest.mark.parametrize(
    "other",
    [
        spared(SparePlan(hot=SpareTier(nodes=8, replace=Law(mean_s=1.0)), warm=SpareTier(nodes=8, replace=Law()))),
        spared(SparePlan(per_domain=1, domain_nodes=32)),
        repaired(unnoticed=0.5, relapse=Law(kind="exponential", mean_s=86_400.0)),
        repaired(by_cause={"Faulty GPU": FAST}),
    ],
)
def test_calendar_first_failures_do_not_move(other: RunPlan) -> None:
    first = {key: time for key, time in failures(simulate_run(BASE)).items() if key[2] == 0}
    assert len(first) > 30
    assert {key: time for key, time in failures(simulate_run(other)).items() if key in first} == first


def test_other_stages_of_one_cause_leave_the_repairs_of_others_alone() -> None:
    never_queued = replace(BASE, repair=replace(BASE.repair, crews=0))
    fast = replace(never_queued, repair=replace(never_queued.repair, by_cause={"Faulty GPU": FAST}))
    before, after = first_repairs(simulate_run(never_queued)), first_repairs(simulate_run(fast))
    others = {node for node, (cause, _) in before.items() if cause != "Faulty GPU"}
    assert len(others) > 10
    assert all(after[node] == before[node] for node in others)
    assert all(after[node][1] == 60_000_000 for node, (cause, _) in before.items() if cause == "Faulty GPU")


def first_repairs(trace: RunTrace) -> dict[int, tuple[str, int]]:
    """The cause and the length of each node's first repair that ended."""
    stays = sorted(
        (s for s in trace.stays if s.place == "repair" and s.end_us < trace.end_us), key=lambda s: s.start_us
    )
    return {stay.node: (stay.cause, stay.end_us - stay.start_us) for stay in reversed(stays)}


def test_a_draw_depends_on_its_visit_and_try_and_not_on_the_order_of_asking() -> None:
    law = Law(kind="exponential", mean_s=10.0)
    keys = [(node, visit, tries) for node in range(3) for visit in range(2) for tries in range(2)]
    one, two = RepairDraws(5, 3), RepairDraws(5, 3)
    there = {key: one.time_us("manual", law, *key) for key in keys}
    back = {key: two.time_us("manual", law, *key) for key in reversed(keys)}
    assert there == back
    assert len(set(there.values())) == len(keys)
