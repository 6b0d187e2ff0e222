"""Hot, warm and cold spares, and spares of scale-up domains, by hand."""

from dataclasses import replace

import pytest

from sim.engine.places.shelf import Shelf
from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import FailureClass, Law, RunPlan, SparePlan, SpareTier
from sim.reliability.recovery.swaps import COLD
from sim.reliability.recovery.swaps import HOT as HOT_RANK
from sim.reliability.recovery.swaps import WARM as WARM_RANK
from tests.engine.run_cases import llama_plan
from tests.engine.test_run_recovery import SECOND, failure, kinds, plan, states

HOT = SpareTier(nodes=1, replace=Law(mean_s=1.0))
WARM = SpareTier(nodes=1, replace=Law(mean_s=3.0))
TIERS = SparePlan(hot=HOT, warm=WARM)


def spared(*failures: FailureClass, spares: SparePlan = TIERS, **changes: object) -> RunPlan:
    """A node, a hot, a warm and a cold spare; a cold one takes 7 s to replace."""
    base = plan(*failures, **{"spare_nodes": 3, "horizon_us": 1000 * SECOND, **changes})
    return replace(base, recovery=replace(base.recovery, spares=spares))


def replaced_s(trace: RunTrace) -> list[float]:
    """Seconds of each stage of replacement."""
    return [duration for state, _, _, duration in states(trace) if state == "replace"]


def joined(trace: RunTrace) -> list[int]:
    """The nodes that joined the job."""
    return [event.node for event in trace.events if event.kind == "replaced"]


# Lives of lone nodes that differ, as nothing else in these plans is drawn.
ALONE = Law(kind="exponential", mean_s=300.0)


def fails_in_turn() -> FailureClass:
    """A cause of which no two nodes fail at once."""
    return replace(failure("node", 1.0), life=ALONE)


NEVER = replace(plan().repair, automatic=replace(plan().repair.automatic, time=Law(mean_s=1e6)))


def test_the_hottest_spare_that_is_left_is_taken_and_its_tier_says_how_long_that_takes() -> None:
    expected = {1: 1.0, 2: 3.0, 3: 7.0}
    seen = set()
    for seed in range(20):
        trace = simulate_run(spared(fails_in_turn(), repair=NEVER, horizon_us=20_000 * SECOND, seed=seed))
        died = {stay.node for stay in trace.stays if stay.place == "repair"} - {*joined(trace)}
        assert joined(trace) == [node for node in expected if node not in died]
        assert replaced_s(trace) == [expected[node] for node in joined(trace)]
        seen |= {*joined(trace)}
    assert seen == {1, 2, 3}


def test_of_several_spares_the_slowest_counts() -> None:
    # Nodes 0 to 2 are the job's, 3 is hot, 4 warm, 5 and 6 cold; a second one often fails before the first is detected.
    expected = {3: 1.0, 4: 3.0, 5: 7.0, 6: 7.0}
    mixed = 0
    for seed in range(30):
        run = spared(
            fails_in_turn(),
            nodes=3,
            spare_nodes=4,
            repair=NEVER,
            failure_clock="calendar",
            seed=seed,
            horizon_us=400 * SECOND,
        )
        trace = simulate_run(replace(run, recovery=replace(run.recovery, detect=Law(mean_s=60.0))))
        for segment in trace.segments:
            taken = [e.node for e in trace.events if e.kind == "replaced" and e.time_us == segment.start_us]
            if segment.state == "replace" and taken and segment.duration_us % SECOND == 0:
                assert segment.duration_us == max(expected[node] for node in taken) * SECOND
                mixed += len({expected[node] for node in taken}) > 1
    assert mixed > 3


def test_hot_and_warm_spares_age_while_the_job_steps_and_cold_ones_do_not() -> None:
    # All lives are 75 s: with the node of the job its hot and its warm spare fail, and only the cold one is left.
    trace = simulate_run(spared(failure("node", 75.0), horizon_us=100 * SECOND))
    assert kinds(trace)[:4] == [("failure", 75, 0), ("failure", 75, 1), ("failure", 75, 2), ("replaced", 80, 3)]
    assert [event.interrupted for event in trace.events[:3]] == [True, False, False]
    assert replaced_s(trace) == [7.0]
    assert {stay.node for stay in trace.stays if stay.place == "repair"} == {0, 1, 2}


def test_who_comes_back_is_hot_first() -> None:
    shelf = Shelf(spared(nodes=1, spare_nodes=4))
    assert shelf.rank == {1: HOT_RANK, 2: WARM_RANK, 3: COLD, 4: COLD}
    assert (shelf.first(0), shelf.drop(1), shelf.first(0)) == (1, HOT_RANK, 2)
    assert shelf.drop(2) == WARM_RANK
    assert shelf.first(0) == 3
    assert [shelf.put(node) for node in (7, 8, 9)] == [True, True, False]
    assert (shelf.rank[7], shelf.rank[8], shelf.rank[9]) == (HOT_RANK, WARM_RANK, COLD)
    assert (shelf.first(0), shelf.count(0)) == (7, 5)


def test_without_spares_of_a_tier_nothing_changes() -> None:
    base = llama_plan(nodes=64, spare_nodes=8, days=20, seed=2)
    cold = replace(base, recovery=replace(base.recovery, spares=SparePlan()))
    same = SpareTier(nodes=8, replace=base.recovery.replace)
    hot = replace(base, recovery=replace(base.recovery, spares=SparePlan(hot=same)))
    assert simulate_run(base) == simulate_run(cold)
    # With calendar clocks all spares age: what a hot one changes is how long it takes to replace a node.
    assert simulate_run(base) == simulate_run(hot)


def test_hot_spares_of_the_same_law_draw_the_same_numbers() -> None:
    law = Law(kind="exponential", mean_s=600.0)
    base = llama_plan(nodes=512, spare_nodes=40, days=10, seed=2)

    def durations(spares: SparePlan) -> list[float]:
        trace = simulate_run(replace(base, recovery=replace(base.recovery, replace=law, spares=spares)))
        return replaced_s(trace)[:5]

    cold, hot = durations(SparePlan()), durations(SparePlan(hot=SpareTier(nodes=40, replace=replace(law, mean_s=60.0))))
    assert hot == pytest.approx([each / 10 for each in cold], abs=1e-5)


def domains(*failures: FailureClass, **changes: object) -> RunPlan:
    """Two domains, each with two nodes of the job and a spare: 0 1 | 4 and 2 3 | 5."""
    spares = SparePlan(per_domain=1, domain_nodes=2)
    return spared(*failures, **{"nodes": 4, "spare_nodes": 2, "spares": spares, **changes})


def test_a_failed_node_is_replaced_by_a_spare_of_its_own_domain() -> None:
    seeds = range(40)
    for seed in seeds:
        trace = simulate_run(domains(replace(fails_in_turn(), life=Law(kind="exponential", mean_s=4000.0)), seed=seed))
        first = next((event for event in trace.events if event.kind == "replaced"), None)
        failed = next((event for event in trace.events if event.interrupted), None)
        if first is not None and failed is not None:
            assert first.node == {0: 4, 1: 4, 2: 5, 3: 5}[failed.node]


def test_the_job_waits_although_another_domain_has_a_spare() -> None:
    # Repair never ends: two failures in one domain stall the job for good.
    cause = replace(fails_in_turn(), life=Law(kind="exponential", mean_s=4000.0))
    stalled = spare_left = 0
    for seed in range(60):
        trace = simulate_run(domains(cause, seed=seed, repair=NEVER, horizon_us=20_000 * SECOND))
        assert trace.segments[-1].state == "wait_for_node"
        failed = [event.node for event in trace.events if event.interrupted]
        domain = {0: 0, 1: 0, 4: 0, 2: 1, 3: 1, 5: 1}
        counts = [sum(domain[node] == which for node in failed) for which in (0, 1)]
        assert max(counts) == 2
        stalled += 1
        spare_left += min(counts) == 0
    assert stalled == 60
    # With an even chance for each failure's domain, half of the time the second failure hits the same domain.
    assert 15 <= spare_left <= 45


def test_a_spare_domain_takes_over_from_one_without_spares() -> None:
    # One domain of two nodes (0, 1) without much luck, its spare (2), and a spare domain of three (3, 4, 5).
    spares = SparePlan(per_domain=1, domain_nodes=2)
    cause = replace(fails_in_turn(), life=Law(kind="exponential", mean_s=4000.0))
    run = spared(cause, nodes=2, spare_nodes=4, spares=spares, repair=NEVER, horizon_us=60_000 * SECOND)
    trace = simulate_run(run)
    assert [event.node for event in trace.events if event.kind == "replaced"] == [2, 3, 4, 5]
    (displaced,) = [event for event in trace.events if event.kind == "displaced"]
    failed = [event.node for event in trace.events if event.interrupted]
    assert displaced.node == ({0, 1, 2} - {*failed[:2]}).pop()
    assert ("spare", displaced.time_us) in [(s.place, s.start_us) for s in trace.stays if s.node == displaced.node]
    # Both domains have lost two of three: nothing is left but to wait.
    assert trace.segments[-1].state == "wait_for_node"
    assert len(failed) == 4


def test_the_job_goes_on_when_a_domain_gets_its_node_back() -> None:
    repair = replace(plan().repair, automatic=replace(plan().repair.automatic, time=Law(mean_s=60.0)))
    trace = simulate_run(domains(failure("node", 75.0), repair=repair, horizon_us=200 * SECOND))
    # All four nodes fail at 75 s: two spares join, the job waits for a third and a fourth, back at 140 s.
    assert kinds(trace)[4:7] == [("replaced", 80, 4), ("replaced", 80, 5), ("stall", 80, -1)]
    assert sorted(event.node for event in trace.events if event.kind == "replaced" and event.time_us > 80 * SECOND) == [
        0,
        2,
    ]
    assert states(trace)[-1][0] == "step"
