"""A store that is up and out in turn, against closed forms, by z-test with fixed seeds: |z| < 3.5."""

from dataclasses import replace

import pytest

from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import STORE, FailureClass, Law, RunPlan
from sim.reliability.saving.availability import availability, durable_share, use_s
from tests.validation.test_reliability_oracles import LIMIT, MINUTE, job_plan, z

UP, OUT = 300.0, 60.0
"""Minutes."""

LAW = {"up_s": UP, "out_s": OUT}


def store(kind: str = "exponential", shape: float = 1.0) -> FailureClass:
    return FailureClass(
        cause="store",
        component=STORE,
        per_node=1,
        life=Law(kind=kind, mean_s=UP * 60, shape=shape),
        replace=False,
        outage=Law(kind=kind, mean_s=OUT * 60, shape=shape),
    )


def stored(seed: int, *, mtbf: float = 1e9, horizon: float = 60_000.0, **changes: object) -> RunPlan:
    """A job of a store; crashes come once in `mtbf` minutes, whatever the job does."""
    plan = job_plan(mtbf=mtbf, recovery=0, horizon=horizon, seed=seed, failure_clock="calendar", **changes)  # type: ignore[arg-type]
    return replace(plan, failures=(*plan.failures, store()))


def out_share(trace: RunTrace) -> float:
    """The fraction of a run that the store is out, by its events."""
    out_us, since_us = 0, None
    for event in trace.events:
        if event.cause == "store":
            assert (event.kind == "failure") == (since_us is None)
            out_us += 0 if since_us is None else event.time_us - since_us
            since_us = event.time_us if since_us is None else None
    return (out_us + (trace.end_us - since_us if since_us is not None else 0)) / trace.end_us


@pytest.mark.parametrize(("kind", "shape"), [("exponential", 1.0), ("weibull", 1.5), ("gamma", 2.0)])
def test_a_store_is_up_its_mean_life_of_the_sum_with_its_mean_repair(kind: str, shape: float) -> None:
    plans = (stored(seed) for seed in range(40))
    traces = [simulate_run(replace(each, failures=(*each.failures[:1], store(kind, shape)))) for each in plans]
    assert abs(z([1 - out_share(trace) for trace in traces], availability(**LAW))) < LIMIT
    assert abs(z([1 - out_share(trace) for trace in traces], 0.97 * availability(**LAW))) > LIMIT


def test_the_store_gets_the_checkpoints_that_it_is_up_for() -> None:
    # One every 400 min is hardly kin to the last: the state of the store is forgotten in 50.
    traces = [simulate_run(stored(seed, every=400.0, block=0.0, durable=90.0)) for seed in range(60)]
    shares = [trace.checkpoints_durable / trace.checkpoints_started for trace in traces]
    expected = durable_share(durable_after_s=90.0, **LAW)
    assert abs(z(shares, expected)) < LIMIT
    assert abs(z(shares, 1.05 * expected)) > LIMIT


def test_a_synchronous_checkpoint_blocks_for_its_write_its_wait_and_what_is_written_anew() -> None:
    found = []
    for seed in range(30):
        plan = stored(seed, every=40.0, block=30.0)
        trace = simulate_run(replace(plan, checkpoint=replace(plan.checkpoint, synchronous=True)))
        blocked_us = sum(row.duration_us for row in trace.segments if row.state == "checkpoint")
        # The horizon may cut the last one short; one in about 700.
        found.append(blocked_us / MINUTE / trace.checkpoints_started)
    expected = use_s(length_s=30.0, after_s=40.0, **LAW)
    assert abs(z(found, expected)) < LIMIT
    assert abs(z(found, 1.04 * expected)) > LIMIT


def test_a_restore_takes_its_read_its_wait_and_what_is_read_anew() -> None:
    found = []
    for seed in range(30):
        plan = stored(seed, mtbf=2_000.0, horizon=200_000.0)
        plan = replace(
            plan,
            checkpoint=replace(plan.checkpoint, restore_us=30 * MINUTE),
            recovery=replace(plan.recovery, on_failure="queue"),
        )
        trace = simulate_run(plan)
        spent_us = sum(row.duration_us for row in trace.segments if row.state == "restore")
        found.append(spent_us / MINUTE / sum(event.kind == "restart" for event in trace.events))
    expected = use_s(length_s=30.0, **LAW)
    assert abs(z(found, expected)) < LIMIT
    assert abs(z(found, 1.08 * expected)) > LIMIT
