"""Slow nodes through the run engine against closed forms, by z-test with fixed seeds."""

from math import sqrt

import numpy as np

from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.failures.slow import GivenPacer
from sim.reliability.records import (
    CheckpointPlan,
    FailureClass,
    Law,
    PhasePlan,
    RecoveryPlan,
    RepairPlan,
    RepairStage,
    RunPlan,
    Slowing,
    StragglerPlan,
)

HOUR_US = 3_600_000_000


def slow_plan(seed: int, *, nodes: int, onset_h: float, heals_h: float, factor: float, **changes: object) -> RunPlan:
    """Steps of 1 s for 2,000 h, on nodes that become slow and heal as two-state Markov chains."""
    cause = FailureClass(
        cause="throttling",
        component="node",
        per_node=1,
        life=Law(kind="exponential", mean_s=onset_h * 3600),
        replace=False,
        stops=False,
        slowing=Slowing(longer=Law(mean_s=factor - 1), heals=Law(kind="exponential", mean_s=heals_h * 3600)),
    )
    base: dict[str, object] = {
        "nodes": nodes,
        "spare_nodes": 0,
        "gpus_per_node": 8,
        "phases": (PhasePlan(name="main", steps=None, step_time_us=1_000_000, tokens_per_step=1),),
        "failures": (cause,),
        "failure_clock": "calendar",
        "recovery": RecoveryPlan(),
        "checkpoint": CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0),
        "repair": RepairPlan(
            crews=0,
            automatic=RepairStage(time=Law(), success=1.0),
            manual=RepairStage(time=Law(), success=1.0),
        ),
        "seed": seed,
        "horizon_us": 2000 * HOUR_US,
    }
    return RunPlan(**(base | changes))  # type: ignore[arg-type]


def run(plan: RunPlan) -> RunTrace:
    return simulate_run(plan, pacer=GivenPacer(lambda _: (1_000_000,)))


def test_the_pace_of_a_job_is_that_of_n_two_state_markov_chains() -> None:
    # A node is slow with p = h / (h + l), some node with q = 1 - (1-p)^n; steps per second: 1 - q + q / f. From a start
    # where all are well the transient, below h l / (h + l) hours, is 0.2 % of the horizon, of which q is all there is.
    nodes, onset_h, heals_h, factor = 16, 200.0, 4.0, 1.25
    p = heals_h / (heals_h + onset_h)
    q = 1 - (1 - p) ** nodes
    paces = []
    for seed in range(1, 61):
        trace = run(slow_plan(seed, nodes=nodes, onset_h=onset_h, heals_h=heals_h, factor=factor))
        paces.append(trace.processed_steps[0] / (trace.end_us * 1e-6))
    error = np.mean(paces) - (1 - q + q / factor)
    assert abs(error) < 3 * np.std(paces, ddof=1) / sqrt(len(paces)) + 1e-4
    assert np.std(paces, ddof=1) / sqrt(len(paces)) < 0.002


def test_evictions_come_at_the_rate_of_onsets_thinned_by_healing() -> None:
    # A node is slow after l; it is found after d unless it heals before (probability e^(-d/h)), then at once well again
    # in its repair without duration: cycles of l + E[min(d, heals)] = l + h (1 - e^(-d/h)).
    nodes, onset_h, heals_h, delay_h = 16, 200.0, 4.0, 2.0
    stragglers = StragglerPlan(threshold=1.05, delay=Law(mean_s=delay_h * 3600))
    evicted, slowed = 0, 0
    for seed in range(1, 41):
        recovery = RecoveryPlan(stragglers=stragglers, rework=False)
        plan = slow_plan(seed, nodes=nodes, onset_h=onset_h, heals_h=heals_h, factor=1.25, recovery=recovery)
        kinds = [event.kind for event in run(plan).events]
        evicted += kinds.count("evicted")
        slowed += kinds.count("slowed")
    found = np.exp(-delay_h / heals_h)
    cycles = 40 * nodes * 2000 / (onset_h + heals_h * (1 - found))
    assert abs(slowed - cycles) < 3 * sqrt(cycles)
    assert abs(evicted - slowed * found) < 3 * sqrt(slowed * found * (1 - found)) + 10
