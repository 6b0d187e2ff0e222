"""A log instead of clocks: the same failures at the same instants, whatever else changes."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings

from sim.engine.run import simulate_run
from sim.errors import InputError, ScenarioError
from sim.ledger.time.trace import RunTrace
from sim.reliability.examples import run_plan
from sim.reliability.records import CheckpointPlan, FailureClass, Law, RepairStage, RunPlan
from sim.reliability.replay.records import Logged, Replay
from tests.engine.outage_plans import RuleJudge, outage_plans
from tests.engine.replay_plans import replay_plans, replaying
from tests.engine.run_cases import llama_plan
from tests.engine.run_plans import run_plans

S = 1_000_000


def node_plan(*log: Logged, end_s: int = 5_000, then: str = "nothing", **changes: object) -> RunPlan:
    """The small plan whose nodes fail by a log only."""
    life = Law(kind="exponential", mean_s=1.0)
    node = FailureClass(cause="node", component="node", per_node=1, life=life, replace=True, logged=log)
    plan = replace(run_plan(), failures=(node,), replay=Replay(end_us=end_s * S, then=then))
    return replace(plan, **changes)  # type: ignore[arg-type]


def failures(trace: RunTrace) -> list[tuple[int, str, int, int, int]]:
    rows = (each for each in trace.events if each.kind == "failure")
    return [(each.time_us, each.cause, each.component_index, each.ordinal, each.node) for each in rows]


@given(run_plans(late=False))
@settings(max_examples=80, deadline=None)
def test_a_run_that_replays_its_own_failures_is_the_same_run(plan: RunPlan) -> None:
    trace = simulate_run(plan)
    assert simulate_run(replaying(plan, trace)) == trace


@given(outage_plans(late=False))
@settings(max_examples=40, deadline=None)
def test_so_is_one_whose_network_fails(plan: RunPlan) -> None:
    judge = RuleJudge(plan, dual=True)
    trace = simulate_run(plan, judge=judge)
    assert simulate_run(replaying(plan, trace), judge=judge) == trace


@pytest.mark.parametrize("mode", ["dormant", "eager"])
def test_a_component_fails_again_however_late_the_log_says_so(mode: str) -> None:
    # The run takes 1,018 s if nothing fails; a recovery of 2,500 s keeps it going.
    plan = node_plan(Logged(10 * S, 0), Logged(2_100 * S, 0))
    crashes = replace(plan.failures[0], replace=False)
    slow = replace(plan, failures=(crashes,), recovery=replace(plan.recovery, initialize=Law(mean_s=2_500.0)))
    assert [row[0] for row in failures(simulate_run(slow, mode))] == [10 * S, 2_100 * S]


def test_another_policy_meets_the_same_failures_at_the_same_instants() -> None:
    plan = llama_plan(nodes=256, spare_nodes=8, days=20, seed=4)
    base = simulate_run(plan)
    log = replaying(plan, base)
    assert len(failures(base)) > 20
    for other in (
        replace(log, checkpoint=CheckpointPlan(interval_us=7_200 * S, block_us=S, durable_after_us=S, restore_us=S)),
        replace(log, spare_nodes=8, repair=replace(log.repair, crews=1)),
        replace(log, recovery=replace(log.recovery, on_failure="queue", detect=Law(mean_s=1800.0))),
        replace(log, seed=5),
    ):
        changed = simulate_run(other)
        assert failures(changed) == failures(base)
        assert changed != base


@given(replay_plans())
@settings(max_examples=80, deadline=None)
def test_eager_and_dormant_folded_and_explicit_give_the_same_trace(plan: RunPlan) -> None:
    trace = simulate_run(plan)
    assert simulate_run(plan, "eager") == trace
    assert simulate_run(plan, explicit=True) == trace


@given(replay_plans())
@settings(max_examples=80, deadline=None)
def test_every_failure_of_the_log_before_the_end_of_the_run_is_an_event(plan: RunPlan) -> None:
    trace, replay = simulate_run(plan), plan.replay
    assert replay is not None
    cycles = trace.end_us // replay.end_us + 1 if replay.then == "repeat" else 1
    expected = Counter(
        (each.at_us + cycle * replay.end_us, failure.cause, each.component)
        for failure in plan.failures
        for each in failure.logged or ()
        for cycle in range(cycles)
        if each.at_us + cycle * replay.end_us < trace.end_us
    )
    seen = Counter(row[:3] for row in failures(trace) if row[1].startswith("logged") and row[0] < trace.end_us)
    assert seen == expected


def test_clocks_beside_a_log_keep_their_lives() -> None:
    plan = llama_plan(nodes=256, spare_nodes=8, days=20, seed=4)
    log = FailureClass(
        cause="logged", component="job", per_node=1, life=Law(mean_s=1.0), replace=False, logged=(Logged(5 * S, 0),)
    )
    mixed = replace(plan, failures=(log, *plan.failures), replay=Replay(end_us=10 * S, then="nothing"))
    first = {row[:4] for row in failures(simulate_run(plan)) if row[3] == 0}
    assert first == {row[:4] for row in failures(simulate_run(mixed)) if row[3] == 0 and row[1] != "logged"}


def test_a_logged_duration_stands_for_the_time_in_the_repair_shop() -> None:
    plan = node_plan(Logged(100 * S, 2, 777 * S), Logged(900 * S, 2))
    sure = replace(plan.repair, automatic=RepairStage(time=Law(mean_s=60.0), success=1.0))
    trace = simulate_run(replace(plan, repair=sure))
    (first, second) = [stay for stay in trace.stays if stay.node == 2 and stay.place == "repair"]
    assert first.end_us - first.start_us == 777 * S
    # The failure at 900 s hits the node as a spare, at once; how long that is away is for the shop to say.
    assert (second.start_us, second.end_us) == (900 * S, 960 * S)


def test_a_failure_in_repair_counts_and_changes_nothing_else() -> None:
    once = simulate_run(node_plan(Logged(100 * S, 2, 500 * S)))
    again = simulate_run(node_plan(Logged(100 * S, 2, 500 * S), Logged(200 * S, 2, 9_000 * S)))
    assert [row[:3] for row in failures(again)] == [(100 * S, "node", 2), (200 * S, "node", 2)]
    assert again.stays[:2] == once.stays[:2]
    assert again.end_us == once.end_us
    assert again.retained_steps == once.retained_steps


def test_a_log_that_repeats_starts_again_at_its_end() -> None:
    trace = simulate_run(node_plan(Logged(100 * S, 2, 10 * S), end_s=400, then="repeat"))
    assert [row[0] for row in failures(trace)] == [100 * S, 500 * S, 900 * S]
    assert [row[3] for row in failures(trace)] == [0, 1, 2]


def test_a_log_that_is_sure_to_end_before_its_run_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"failures.log: ends after 15 min, and the run takes at least 16.97 min"):
        simulate_run(node_plan(Logged(100 * S, 2), end_s=900, then="refuse"))


def test_a_run_that_turns_out_longer_than_its_log_is_refused() -> None:
    log = Logged(500 * S, 2)
    assert simulate_run(node_plan(log, end_s=1_200, then="refuse")).complete
    with pytest.raises(ScenarioError, match=r"ends after 17 min, and the run goes on"):
        simulate_run(node_plan(log, end_s=1_020, then="refuse"))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (node_plan(Logged(S, 2), failure_clock="operating"), r"failures.clock: got 'operating' with a log"),
        (node_plan(Logged(S, 5)), r"node 5 failed; expected 0 to 4"),
        (node_plan(Logged(6_000 * S, 2)), r"expected 0 to its end"),
        (node_plan(Logged(2 * S, 1), Logged(S, 2)), r"not in the order of their times"),
        (node_plan(Logged(S, 2), then="again"), r"unknown rule for the end of a log 'again'"),
        (node_plan(then="repeat", end_s=0), r"to repeat it more than 0"),
        (node_plan(Logged(S, 2), replay=None), r"no replay that says how far it reaches"),
    ],
)
def test_a_log_that_cannot_be_replayed_is_refused(plan: RunPlan, message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate_run(plan)
