"""The run engine against closed forms, by z-test with fixed seeds: |z| < 3.5.

Times in minutes, as in the sources. M: mean time between failures, R: recovery, C: blocking checkpoint, T: interval.
"""

from dataclasses import replace
from math import exp, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import (
    CheckpointPlan,
    FailureClass,
    Law,
    PhasePlan,
    RecoveryPlan,
    RepairPlan,
    RepairStage,
    RunPlan,
)
from sim.reliability.saving.interval import (
    asynchronous_efficiency,
    job_s,
    optimal_s,
    segment_s,
    segment_sure_recovery_s,
)
from tests.engine.run_cases import DAY_US, llama_plan

MINUTE = 60_000_000
LIMIT = 3.5


def job_plan(
    *,
    mtbf: float,
    recovery: float,
    seed: int,
    work: float | None = None,
    horizon: float | None = None,
    every: float = 0.0,
    block: float = 0.0,
    durable: float = 0.0,
    **changes: object,
) -> RunPlan:
    """One node whose job fails with a mean of `mtbf` minutes; steps of a hundredth of a minute."""
    failure = FailureClass(
        cause="failure",
        component="job",
        per_node=1,
        life=Law(kind="exponential", mean_s=mtbf * 60),
        replace=False,
    )
    at_once = RepairStage(time=Law(), success=1.0)
    plan = RunPlan(
        nodes=1,
        spare_nodes=0,
        gpus_per_node=1,
        phases=(PhasePlan(name="main", steps=None, step_time_us=MINUTE // 100, tokens_per_step=1),),
        failures=(failure,),
        failure_clock="calendar",
        recovery=RecoveryPlan(initialize=Law(mean_s=recovery * 60)),
        checkpoint=CheckpointPlan(
            interval_us=round(every * MINUTE),
            block_us=round(block * MINUTE),
            durable_after_us=round((block + durable) * MINUTE),
            restore_us=0,
            max_in_flight=0,
        ),
        repair=RepairPlan(crews=0, automatic=at_once, manual=at_once),
        seed=seed,
        horizon_us=None if horizon is None else round(horizon * MINUTE),
        work_us=None if work is None else round(work * MINUTE),
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


def stepped(trace: RunTrace) -> float:
    """Minutes of step time."""
    return sum(s.duration_us for s in trace.segments if s.state == "step") / MINUTE


def retained(trace: RunTrace) -> float:
    """Minutes of step time that were not taken back."""
    return stepped(trace) - sum(r.duration_us for r in trace.reversals) / MINUTE


def z(sample: NDArray[np.float64] | list[float], expected: float) -> float:
    """How many standard errors the mean of a sample is off."""
    values = np.asarray(sample, np.float64)
    return float((values.mean() - expected) / (values.std(ddof=1) / sqrt(len(values))))


SEGMENTS, RUNS = 1000, 16


def minutes_a_segment(*, mtbf: float, recovery: float, failure_clock: str) -> list[float]:
    """Mean minutes from one checkpoint to the next (60 of work, 2 blocked), of runs of many segments."""
    work = 60.0 * SEGMENTS
    plans = (
        job_plan(
            mtbf=mtbf, recovery=recovery, work=work + 0.01, every=60, block=2, seed=seed, failure_clock=failure_clock
        )
        for seed in range(5000, 5000 + RUNS)
    )
    # One more step, so that the last segment has its checkpoint too.
    return [(simulate_run(plan).end_us / MINUTE - 0.01) / SEGMENTS for plan in plans]


@pytest.mark.parametrize(("mtbf", "recovery"), [(60.0, 30.0), (180.0, 10.0)])
def test_a_segment_whose_recovery_can_fail_too(mtbf: float, recovery: float) -> None:
    found = minutes_a_segment(mtbf=mtbf, recovery=recovery, failure_clock="calendar")
    expected = segment_s(work_s=60, block_s=2, recovery_s=recovery, mtbf_s=mtbf)
    assert abs(z(found, expected)) < LIMIT
    if mtbf == 180.0:
        # An error of 2 % would be seen.
        assert abs(z(found, 1.02 * expected)) > LIMIT
        assert expected == pytest.approx(78.2455, abs=5e-5)


@pytest.mark.parametrize(("mtbf", "recovery"), [(60.0, 30.0), (180.0, 10.0)])
def test_a_segment_whose_recovery_cannot_fail(mtbf: float, recovery: float) -> None:
    found = minutes_a_segment(mtbf=mtbf, recovery=recovery, failure_clock="operating")
    expected = segment_sure_recovery_s(work_s=60, block_s=2, recovery_s=recovery, mtbf_s=mtbf)
    assert abs(z(found, expected)) < LIMIT
    if mtbf == 180.0:
        assert abs(z(found, 1.02 * expected)) > LIMIT
        assert expected == pytest.approx(78.129, abs=5e-4)


def test_a_job_is_the_sum_of_its_segments() -> None:
    ends = [
        simulate_run(job_plan(mtbf=180, recovery=10, work=1000, every=60, block=2, seed=seed)).end_us / MINUTE
        for seed in range(1500)
    ]
    expected = job_s(total_s=1000, work_s=60, block_s=2, recovery_s=10, mtbf_s=180)
    assert expected == pytest.approx(1299.28, abs=5e-3)
    assert abs(z(ends, expected)) < LIMIT


def test_the_optimal_interval_is_optimal_in_the_simulation() -> None:
    best = round(optimal_s(2.0, 180.0), 2)
    paces = {}
    for every in (best / 2, best, 2 * best):
        ends = [
            simulate_run(job_plan(mtbf=180, recovery=10, work=20_000, every=every, block=2, seed=seed)).end_us / MINUTE
            for seed in range(12)
        ]
        rounded = round(every, 2) if round(every * 100) == every * 100 else (every * 100 // 1 + 1) / 100
        assert abs(z(ends, job_s(total_s=20_000, work_s=rounded, block_s=2, recovery_s=10, mtbf_s=180))) < LIMIT
        paces[every] = np.mean(ends)
    assert min(paces, key=lambda every: paces[every]) == best


def test_an_asynchronous_checkpoint_counts_once_durable() -> None:
    shares = [
        retained(simulate_run(plan)) / 40_000
        for plan in (
            job_plan(mtbf=180, recovery=10, horizon=40_000, every=30, block=0.05, durable=60, seed=seed)
            for seed in range(30)
        )
    ]
    expected = asynchronous_efficiency(work_s=30, block_s=0.05, durable_after_s=60, recovery_s=10, mtbf_s=180)
    assert expected == pytest.approx(0.621769, abs=5e-7)
    assert abs(z(shares, expected)) < LIMIT


@pytest.mark.parametrize(
    ("clock", "on_failure", "expected"),
    [
        ("calendar", "queue", 1 - 10 / 18),
        ("calendar", "restart", exp(-10 / 18)),
        ("operating", "restart", 18 / 28),
    ],
)
def test_three_conventions_for_failures_during_recovery(clock: str, on_failure: str, expected: float) -> None:
    shares = []
    for seed in range(12):
        plan = job_plan(mtbf=18, recovery=10, horizon=15_000, seed=seed, failure_clock=clock)
        recovery = replace(plan.recovery, on_failure=on_failure, rework=False)
        shares.append(stepped(simulate_run(replace(plan, recovery=recovery))) / 15_000)
    assert abs(z(shares, expected)) < LIMIT


def airesim_s1(seed: int) -> RunPlan:
    """S1 of another simulator: 2,048 nodes, no rework, failures only while computing, 54 days of work."""
    node = FailureClass(
        cause="node",
        component="node",
        per_node=1,
        life=Law(kind="exponential", mean_s=86_400 / 0.00379),
        replace=True,
    )
    repair = RepairPlan(
        crews=0,
        automatic=RepairStage(time=Law(kind="exponential", mean_s=7_200.0), success=0.2),
        manual=RepairStage(time=Law(kind="exponential", mean_s=172_800.0), success=1.0),
    )
    return RunPlan(
        nodes=2048,
        spare_nodes=132,
        gpus_per_node=8,
        phases=(PhasePlan(name="main", steps=None, step_time_us=10_000_000, tokens_per_step=1),),
        failures=(node,),
        failure_clock="operating",
        recovery=RecoveryPlan(select_host=Law(mean_s=180.0), initialize=Law(mean_s=1200.0), rework=False),
        checkpoint=CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0),
        repair=repair,
        seed=seed,
        work_us=54 * DAY_US,
    )


def test_without_rework_failures_only_add_their_recoveries() -> None:
    traces = [simulate_run(airesim_s1(seed), "dormant") for seed in range(60)]
    hours = [trace.end_us / 3.6e9 for trace in traces]
    failures = 2048 * 0.00379 * 54
    expected = 54 * 24 + 180 / 3600 + failures / 3
    assert expected == pytest.approx(1435.764, abs=1e-3)
    assert abs(z(hours, expected)) < LIMIT
    # The variance is that of a Poisson count: 6.82 h.
    assert np.std(hours, ddof=1) == pytest.approx(sqrt(failures) / 3, rel=0.35)


def test_up_time_sees_as_many_failures_as_were_published() -> None:
    counts = []
    for seed in range(24):
        plan = llama_plan(clock="operating", seed=seed)
        always = replace(plan, horizon_us=None, work_us=54 * DAY_US, recovery=replace(plan.recovery, rework=False))
        no_checkpoints = replace(always, checkpoint=replace(plan.checkpoint, interval_us=0))
        trace = simulate_run(no_checkpoints, "dormant")
        counts.append(sum(event.interrupted for event in trace.events))
    # The variance of a Poisson count is known: no need to estimate it.
    assert abs(np.mean(counts) - 419) / sqrt(419 / len(counts)) < LIMIT


@pytest.mark.parametrize(("shape", "expected", "within"), [(1.5, 65, 1.0), (0.7, 774, 2.0)])
def test_a_new_fleet_with_ages_kept(shape: float, expected: float, within: float) -> None:
    life = Law(kind="weibull", mean_s=100 * 86_400.0, shape=shape)
    node = FailureClass(cause="node", component="node", per_node=1, life=life, replace=False)
    counts = []
    for seed in range(20):
        plan = job_plan(mtbf=1, recovery=0, horizon=7 * 24 * 60, seed=seed, nodes=4096, failures=(node,))
        trace = simulate_run(replace(plan, recovery=replace(plan.recovery, rework=False)), "dormant")
        counts.append(float(sum(event.kind == "failure" for event in trace.events)))
    spread = sqrt(np.var(counts, ddof=1) / len(counts))
    assert abs(np.mean(counts) - expected) < LIMIT * spread + within


def test_common_random_numbers_shrink_the_variance_of_a_difference() -> None:
    def hours(every: float, seed: int) -> float:
        return simulate_run(job_plan(mtbf=180, recovery=10, work=3000, every=every, block=2, seed=seed)).end_us / 3.6e9

    seeds = range(150)
    ten, thirty = np.array([[hours(every, seed) for seed in seeds] for every in (20.0, 40.0)])
    paired = np.var(thirty - ten, ddof=1)
    unpaired = np.var(thirty, ddof=1) + np.var(ten, ddof=1)
    assert unpaired / paired > 3


def test_a_constant_life_needs_no_statistics() -> None:
    # The first checkpoint is durable after 32 min; the job fails just before its second begins at 62 min.
    failure = FailureClass(cause="failure", component="job", per_node=1, life=Law(mean_s=61.9 * 60), replace=False)
    plan = job_plan(mtbf=1, recovery=10, every=30, block=2, horizon=10 * 71.9, seed=1, failures=(failure,))
    trace = simulate_run(replace(plan, failure_clock="operating"))
    assert trace.checkpoints_durable == 10
    assert retained(trace) == pytest.approx(300)
