"""An elastic job: by hand to the microsecond, whoever keeps the clocks and however steps are walked."""

from dataclasses import replace
from math import sqrt

import pytest
from hypothesis import given, settings

from sim.engine.run import simulate_run
from sim.errors import InputError, ScenarioError
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.time_ledger import time_ledger
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import (
    CheckpointPlan,
    FailureClass,
    Law,
    RecoveryPlan,
    RepairPlan,
    RepairStage,
    RunPlan,
    SparePlan,
    Tier,
)
from sim.reliability.recovery.records import ElasticPlan
from sim.reliability.replay.records import Logged, Replay
from tests.engine.elastic_plans import elastic_plans
from tests.engine.test_run_recovery import SECOND, plan

WAYS = [(mode, explicit) for mode in ("eager", "dormant") for explicit in (False, True)]
NO_TIME = CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0)


def elastic(*failed: tuple[float, int], least: int = 1, **changes: object) -> RunPlan:
    """Four nodes in two replicas, no spares, steps of 10 s, repairs of 60 s; nodes fail by a log, progress survives."""
    log = tuple(Logged(round(at_s * SECOND), node) for at_s, node in failed)
    node = FailureClass(cause="node", component="node", per_node=1, life=Law(mean_s=1.0), replace=True, logged=log)
    base = plan(node, nodes=4, spare_nodes=0, failure_clock="calendar", checkpoint=NO_TIME)
    recovery = replace(base.recovery, mode="elastic", rework=False, elastic=ElasticPlan(replicas=2, min_replicas=least))
    replay = Replay(end_us=10_000 * SECOND, then="nothing")
    return replace(base, recovery=recovery, replay=replay, **changes)  # type: ignore[arg-type]


def rows(trace: RunTrace) -> list[tuple[str, float, float, int]]:
    """State, start, end and nodes of each segment, in seconds."""
    return [(s.state, s.start_us / SECOND, s.end_us / SECOND, s.nodes) for s in trace.segments]


def stays(trace: RunTrace, node: int) -> list[tuple[str, float, float]]:
    """Where a node is, in seconds."""
    told = sorted((stay.start_us, stay.end_us, stay.place) for stay in trace.stays if stay.node == node)
    return [(place, start / SECOND, end / SECOND) for start, end, place in told]


def conserved(trace: RunTrace) -> RunTrace:
    phases = len(trace.processed_steps)
    check_conservation(trace, time_ledger(trace, [None] * phases, [[None] * phases] * (len(trace.judged) - 1)))
    return trace


@pytest.mark.parametrize(("mode", "explicit"), WAYS)
def test_a_job_goes_on_with_a_replica_less_at_half_its_pace_and_takes_it_back(mode: str, explicit: bool) -> None:
    trace = conserved(simulate_run(elastic((40.0, 0), horizon_us=200 * SECOND), mode, explicit=explicit))
    # Detected at 45; nothing is replaced. Steps of 20 s begin at 49; back from repair at 105, the third ends at 109.
    assert rows(trace) == [
        ("step", 0, 40, 4),
        ("detect", 40, 45, 4),
        ("initialize", 45, 48, 2),
        ("warm_up", 48, 49, 2),
        ("step", 49, 109, 2),
        ("replace", 109, 116, 4),
        ("initialize", 116, 119, 4),
        ("warm_up", 119, 120, 4),
        ("step", 120, 200, 4),
    ]
    assert stays(trace, 0) == [("job", 0, 45), ("repair", 45, 105), ("spare", 105, 109), ("job", 109, 200)]
    assert stays(trace, 1) == [("job", 0, 45), ("idle", 45, 109), ("job", 109, 200)]
    assert trace.retained_steps == (4 + 3 + 8,)
    told = [(e.kind, e.time_us / SECOND, e.cause) for e in trace.events if e.kind in ("shrunk", "planned", "regrown")]
    assert told == [("shrunk", 45, "node"), ("planned", 105, "regrow"), ("regrown", 109, "")]


@pytest.mark.parametrize(("mode", "explicit"), WAYS)
def test_with_fewer_replicas_than_it_needs_a_job_waits_with_all_its_nodes(mode: str, explicit: bool) -> None:
    trace = conserved(simulate_run(elastic((40.0, 0), least=2, horizon_us=120 * SECOND), mode, explicit=explicit))
    assert rows(trace)[:3] == [("step", 0, 40, 4), ("detect", 40, 45, 4), ("wait_for_node", 45, 105, 3)]
    assert stays(trace, 1) == [("job", 0, 120)]


def test_a_job_that_too_few_replicas_are_left_of_has_the_idle_nodes_of_others_back_while_it_waits() -> None:
    # Node 0 fails at 40: its replica leaves, node 1 is idle. Node 2 of the other fails at 60: none is left.
    trace = conserved(simulate_run(elastic((40.0, 0), (60.0, 2), horizon_us=120 * SECOND)))
    assert stays(trace, 1)[:3] == [("job", 0, 45), ("idle", 45, 65), ("job", 65, 120)]
    (recalled,) = [event for event in trace.events if event.kind == "recalled"]
    assert [stay.event for stay in trace.stays if stay.node == 1 and stay.start_us == 65 * SECOND] == [recalled.event]


@pytest.mark.parametrize(("mode", "explicit"), WAYS)
def test_replicas_that_wait_for_a_restart_join_at_the_next_whatever_it_is_for(mode: str, explicit: bool) -> None:
    # The job itself fails at 150, which breaks no node: node 0, a spare since 105, and node 1 join it after detection.
    log = (Logged(150 * SECOND, 0),)
    bug = FailureClass(cause="bug", component="job", per_node=1, life=Law(mean_s=1.0), replace=False, logged=log)
    base = elastic((40.0, 0), horizon_us=250 * SECOND)
    recovery = replace(base.recovery, elastic=ElasticPlan(replicas=2, regrow="at-restart"))
    waiting = replace(base, recovery=recovery, failures=(*base.failures, bug))
    trace = conserved(simulate_run(waiting, mode, explicit=explicit))
    assert stays(trace, 0)[1:] == [("repair", 45, 105), ("spare", 105, 155), ("job", 155, 250)]
    assert stays(trace, 1)[1:] == [("idle", 45, 155), ("job", 155, 250)]
    assert not [event for event in trace.events if event.kind == "planned"]
    assert [event.time_us / SECOND for event in trace.events if event.kind == "regrown"] == [155]


def test_a_spare_that_is_there_keeps_the_replica_whole() -> None:
    trace = conserved(simulate_run(elastic((40.0, 0), spare_nodes=1, horizon_us=100 * SECOND)))
    assert not [event for event in trace.events if event.kind == "shrunk"]
    assert {segment.nodes for segment in trace.segments} == {4}


def test_an_idle_node_that_breaks_goes_to_repair_and_the_replica_comes_back_with_the_last() -> None:
    trace = conserved(simulate_run(elastic((40.0, 0), (60.0, 1), horizon_us=200 * SECOND)))
    assert stays(trace, 1) == [("job", 0, 45), ("idle", 45, 60), ("repair", 60, 120), ("spare", 120, 129),
                               ("job", 129, 200)]  # fmt: skip
    assert [event.time_us / SECOND for event in trace.events if event.kind == "regrown"] == [129]


def oracle(seed: int, replicas: int, each: int, life_s: float, repair_s: float, horizon_s: float) -> RunPlan:
    """Replicas that fail and are repaired by exponential laws, and nothing else that costs time."""
    node = FailureClass(
        cause="node", component="node", per_node=1, life=Law(kind="exponential", mean_s=life_s), replace=True
    )
    stage = RepairStage(time=Law(kind="exponential", mean_s=repair_s), success=1.0)
    base = plan(node, nodes=replicas * each, spare_nodes=0, checkpoint=NO_TIME, seed=seed)
    return replace(
        base,
        phases=(replace(base.phases[0], step_time_us=SECOND // 4),),
        recovery=RecoveryPlan(mode="elastic", rework=False, elastic=ElasticPlan(replicas=replicas)),
        repair=RepairPlan(crews=0, automatic=stage, manual=stage),
        horizon_us=round(horizon_s * SECOND),
    )


def test_availability_of_elastic_replicas_is_mu_over_g_lambda_plus_mu() -> None:
    # Four replicas of two nodes: 200 s / (200 s + 60 s). Halves of steps that the end cuts are a 10,000th.
    life_s, repair_s, horizon_s = 400.0, 60.0, 40_000.0
    expected = (life_s / 2) / (life_s / 2 + repair_s)
    got = [
        simulate_run(oracle(seed, 4, 2, life_s, repair_s, horizon_s)).retained_steps[0] / 4 / horizon_s
        for seed in range(24)
    ]
    mean = sum(got) / len(got)
    error = sqrt(sum((each - mean) ** 2 for each in got) / (len(got) - 1) / len(got))
    assert error < 0.004
    assert abs(mean - expected) < 4 * error + 1e-3


@given(elastic_plans())
@settings(max_examples=60, deadline=None)
def test_clocks_and_steps_of_all_kinds_give_the_same_trace_and_nothing_is_lost(asked: RunPlan) -> None:
    trace = conserved(simulate_run(asked))
    # Whatever moves a node is told.
    moves = [(stay.start_us, trace.events[stay.event]) for stay in trace.stays if stay.start_us > 0]
    assert all(stay.event >= 0 for stay in trace.stays if stay.start_us > 0)
    assert all(event.time_us <= start_us for start_us, event in moves)
    assert simulate_run(asked, "eager") == trace
    assert simulate_run(asked, explicit=True) == trace


def test_a_plan_that_cannot_be_elastic_is_refused() -> None:
    base = elastic()
    recovery = base.recovery
    for wrong, told in (
        (replace(recovery, elastic=None), "is missing"),
        (replace(recovery, elastic=ElasticPlan(replicas=3)), "a divisor of the job's 4 nodes"),
        (replace(recovery, elastic=ElasticPlan(replicas=2, blocks=((0, 1), (1, 2)))), "each of 4 seats once"),
        (replace(recovery, mode="requeue"), "expected mode 'elastic'"),
        (replace(recovery, resume_when_idle=4), "does not go with recovery.resume_when_idle"),
        (replace(recovery, spares=SparePlan(per_domain=1, domain_nodes=2)), "per_domain"),
    ):
        with pytest.raises(ScenarioError, match=told):
            simulate_run(replace(base, recovery=wrong, spare_nodes=2))
    with pytest.raises(InputError, match="min_replicas: got 3"):
        simulate_run(replace(base, recovery=replace(recovery, elastic=ElasticPlan(replicas=2, min_replicas=3))))
    with pytest.raises(InputError, match="unknown regrow 'later'"):
        simulate_run(replace(base, recovery=replace(recovery, elastic=ElasticPlan(replicas=2, regrow="later"))))
    local = Tier(name="host-memory", block_us=0, durable_after_us=0, restore_us=0, local=True)
    with pytest.raises(ScenarioError, match="a checkpoint tier that is on the nodes"):
        simulate_run(replace(base, checkpoint=replace(base.checkpoint, faster=(local,))))
