"""Silent corruption and two levels of checkpoints against closed forms, by z-test with fixed seeds: |z| < 3.5."""

from dataclasses import replace
from math import ceil, exp

import pytest

from sim.engine.run import simulate_run
from sim.reliability.records import CheckpointPlan, FailureClass, Law, RecoveryPlan, RunPlan, Silent, Tier
from sim.reliability.saving.interval import silent_efficiency, two_level_s
from tests.validation.test_reliability_oracles import LIMIT, MINUTE, job_plan, retained, z


def corrupted(seed: int, *, keep: int = 0, found: float = 45.0, recall: float = 1.0) -> RunPlan:
    """Corruption once in 180 min, found 45 min later; a checkpoint every 30 min blocks 2."""
    plan = job_plan(mtbf=180, recovery=10, every=30, block=2, horizon=40_000, seed=seed)
    silent = Silent(found_after=Law(mean_s=found * 60), recall=recall)
    return replace(
        plan,
        failures=(replace(plan.failures[0], silent=silent),),
        checkpoint=replace(plan.checkpoint, keep=keep),
    )


def test_silent_corruption_rolls_back_beyond_the_checkpoints_that_hold_it() -> None:
    shares = [retained(simulate_run(corrupted(seed))) / 40_000 for seed in range(30)]
    expected = silent_efficiency(work_s=30, block_s=2, found_after_s=45, recovery_s=10, mtbf_s=180)
    assert expected == pytest.approx(30 / ((exp(32 / 180) - 1) * (180 + 45 + 10)))
    assert abs(z(shares, expected)) < LIMIT
    assert abs(z(shares, 1.03 * expected)) > LIMIT


def test_retention_decides_whether_a_good_checkpoint_is_left() -> None:
    enough = ceil(45 / 32) + 1
    plenty = simulate_run(corrupted(1))
    assert simulate_run(corrupted(1, keep=enough)) == plenty
    few = simulate_run(corrupted(1, keep=enough - 1))
    # With fewer, a rollback finds none and begins anew.
    assert retained(few) < retained(plenty) / 2
    assert any(reversal.since_us == 0 and reversal.time_us > 1000 * MINUTE for reversal in few.reversals)


def test_corruption_that_no_detector_sees_costs_no_time() -> None:
    blind = simulate_run(corrupted(1, recall=0.0))
    assert not blind.reversals[:-1]
    assert any(event.kind == "failure" for event in blind.events)
    half = [simulate_run(corrupted(seed, recall=0.5)) for seed in range(12)]
    found = sum(event.kind == "found" for trace in half for event in trace.events)
    struck = sum(event.kind == "failure" for trace in half for event in trace.events)
    # Those that strike a job that is down, or work that is taken back before, are never found.
    assert 0.3 < found / struck < 0.5


LEVELS = {"first": 300.0, "second": 900.0}


def two_levels(seed: int, work: float) -> RunPlan:
    """A local checkpoint every 30 min blocks 1 min, every fourth goes to the store and blocks 5.

    Failures of the job (once in 300 min) leave local checkpoints alone, those of its one node (in 900) do not.
    """
    plan = job_plan(mtbf=1, recovery=0, work=work, seed=seed)
    process = FailureClass(
        cause="process", component="job", per_node=1, life=Law(kind="exponential", mean_s=300 * 60), replace=False
    )
    node = FailureClass(
        cause="node", component="node", per_node=1, life=Law(kind="exponential", mean_s=900 * 60), replace=True
    )
    local = Tier(
        name="host-memory", block_us=MINUTE, durable_after_us=MINUTE, restore_us=2 * MINUTE, max_in_flight=0, local=True
    )
    store = CheckpointPlan(
        interval_us=30 * MINUTE,
        block_us=5 * MINUTE,
        durable_after_us=5 * MINUTE,
        restore_us=12 * MINUTE,
        max_in_flight=0,
        every=4,
        faster=(local,),
    )
    return replace(
        plan,
        spare_nodes=1,
        failures=(process, node),
        failure_clock="operating",
        recovery=RecoveryPlan(),
        checkpoint=store,
    )


def test_two_levels_of_checkpoints() -> None:
    patterns = 250
    work = 30.0 * 4 * patterns
    minutes = [simulate_run(two_levels(seed, work + 0.01)).end_us / MINUTE / patterns for seed in range(24)]
    expected = two_level_s(
        work_s=[30.0] * 4,
        block_s=[1.0, 1.0, 1.0, 5.0],
        first_mtbf_s=300.0,
        second_mtbf_s=900.0,
        first_recovery_s=2.0,
        second_recovery_s=12.0,
    )
    assert abs(z(minutes, expected)) < LIMIT
    assert abs(z(minutes, 1.02 * expected)) > LIMIT
