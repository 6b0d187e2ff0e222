"""Replicas in plain integers and all at once are what the step engine makes of each; the step waits for the slowest."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.stages.profile import slowest_ns_of
from sim.engine.stages.replica import FEW, ReplicaTimer
from sim.engine.stages.replicas import at_once_ns, replica_steps_ns
from sim.engine.step import simulate_step
from sim.workload.operations import OpCost
from sim.workload.step_plan import StepPlan
from sim.workload.stragglers import GRAINS, IntArray, ReplicaFactors, slowed_plan
from tests.engine.plans import uniform_plan

CHUNKS = {"interleaved": 2, "zb-v": 2, "dualpipe": 2, "dualpipev": 2}
SPLIT = ("zb-h1", "zb-h2", "zb-1p", "zb-2p", "zb-v", "dualpipe", "dualpipev")


def one_by_one(plan: StepPlan, factors: IntArray) -> list[int]:
    """Return the step of every replica by the step engine."""
    return [simulate_step(slowed_plan(plan, (row / GRAINS).tolist())).step_ns for row in factors]


def with_exposed(plan: StepPlan, exposed_ns: int) -> StepPlan:
    """Return a plan whose operations communicate as well, which no slow GPU stretches."""

    def exposed(grid: tuple[tuple[OpCost, ...], ...]) -> tuple[tuple[OpCost, ...], ...]:
        return tuple(
            tuple(replace(cost, state_ns={**cost.state_ns, "comm_tensor": exposed_ns}) for cost in row) for row in grid
        )

    return replace(plan, forward=exposed(plan.forward), backward=exposed(plan.backward))


@st.composite
def plans(draw: st.DrawFn) -> StepPlan:
    schedule = draw(st.sampled_from(["gpipe", "1f1b", "interleaved", *SPLIT]))
    stages = draw(st.sampled_from([2, 4]))
    options: dict[str, Any] = {
        "message_ns": draw(st.sampled_from([0, 70, 900])),
        "gather_ns": draw(st.sampled_from([0, 333, 5000])),
        "reduce_ns": draw(st.sampled_from([0, 451, 7000])),
        "blocks": draw(st.sampled_from([1, 3])),
        "regather": draw(st.booleans()),
        "prefetch": draw(st.sampled_from([None, 0, 1, 2])),
        "reduces": draw(st.sampled_from(["last", "each", "turns"])),
        "data_overlap": draw(st.booleans()),
        "nic_share": draw(st.sampled_from([0.0, 0.3, 0.9])),
        "blocking_send": draw(st.booleans()),
        "slowdown": draw(st.sampled_from([1.0, 1.13])),
        "optimizer_ns": draw(st.sampled_from([0, 80])),
        "optimizer_sync": draw(st.sampled_from(["global-norm", "post-validation"])),
        "overhead_ns": draw(st.sampled_from([0, 17])),
    }
    plan = uniform_plan(
        schedule,
        stages=stages,
        microbatches=draw(st.sampled_from([2, 4, 6])),
        chunks=CHUNKS.get(schedule, 1),
        weight_ns=500 if schedule in SPLIT else None,
        **options,
    )
    return with_exposed(plan, draw(st.sampled_from([0, 130])))


def factors_of(seed: int, replicas: int, stages: int) -> IntArray:
    return np.random.default_rng(seed).integers(900, 1400, (replicas, stages))


@settings(max_examples=120, deadline=None)
@given(plan=plans(), seed=st.integers(0, 99))
def test_all_replicas_at_once_equal_the_step_engine_to_the_nanosecond(plan: StepPlan, seed: int) -> None:
    factors = factors_of(seed, 4, plan.stages)
    assert at_once_ns(ReplicaTimer(plan), factors).tolist() == one_by_one(plan, factors)


@settings(max_examples=120, deadline=None)
@given(plan=plans(), seed=st.integers(0, 99))
def test_a_replica_in_plain_integers_equals_the_step_engine_to_the_nanosecond(plan: StepPlan, seed: int) -> None:
    factors = factors_of(seed, 4, plan.stages)
    assert replica_steps_ns(plan, factors).tolist() == one_by_one(plan, factors)


def test_few_replicas_and_many_have_the_same_times() -> None:
    plan = uniform_plan("interleaved", stages=4, microbatches=4, chunks=2, reduce_ns=900, nic_share=0.6, slowdown=1.1)
    factors = factors_of(1, FEW + 1, 4)
    few = [replica_steps_ns(plan, factors[:10]), replica_steps_ns(plan, factors[10:])]
    assert replica_steps_ns(plan, factors).tolist() == np.concatenate(few).tolist()


def test_replicas_of_one_class_have_one_time_in_their_own_places() -> None:
    plan = uniform_plan("1f1b", stages=2, microbatches=4)
    rows = np.array([[1000, 1000], [1500, 1000], [1000, 1000]])
    fast, slow = one_by_one(plan, rows[:2])
    assert replica_steps_ns(plan, rows).tolist() == [fast, slow, fast]


@given(seed=st.integers(0, 99))
@settings(deadline=None)
def test_the_step_is_that_of_the_slowest_of_all_replicas(seed: int) -> None:
    plan = uniform_plan("interleaved", stages=4, microbatches=4, chunks=2, reduce_ns=900, slowdown=1.1)
    rows = factors_of(seed, 24, 4)
    factors = ReplicaFactors(own=rows, throttled=rows)
    nominal = simulate_step(plan).step_ns
    assert slowest_ns_of(plan, factors, nominal) == (max(one_by_one(plan, rows)),) * 2


def test_the_slowest_replica_is_not_always_the_one_with_the_slowest_stage() -> None:
    plan = uniform_plan("1f1b", stages=4, microbatches=4)
    one_slow, all_slow = [1100, 1000, 1000, 1000], [1090, 1090, 1090, 1090]
    steps = replica_steps_ns(plan, np.array([one_slow, all_slow]))
    assert steps[1] > steps[0]


def test_throttling_is_booked_apart_from_what_is_slow_anyway() -> None:
    plan = uniform_plan("1f1b", stages=1, microbatches=2, forward_ns=100, backward_ns=200)
    factors = ReplicaFactors(own=np.array([[1100], [1000]]), throttled=np.array([[1100], [1200]]))
    assert slowest_ns_of(plan, factors, 600) == (660, 720)


def test_throttling_a_gpu_that_nobody_waits_for_costs_nothing() -> None:
    plan = uniform_plan("1f1b", stages=1, microbatches=2, forward_ns=100, backward_ns=200)
    factors = ReplicaFactors(own=np.array([[1300], [1000]]), throttled=np.array([[1300], [1200]]))
    assert slowest_ns_of(plan, factors, 600) == (780, 780)


def test_a_job_of_fast_gpus_takes_the_nominal_time() -> None:
    plan = uniform_plan("1f1b", stages=1, microbatches=2, forward_ns=100, backward_ns=200)
    rows = np.array([[980]])
    assert slowest_ns_of(plan, ReplicaFactors(own=rows, throttled=rows), 600) == (600, 600)


@pytest.mark.parametrize("schedule", ["1f1b", "interleaved", "zb-h1"])
@given(seed=st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_a_grain_moves_a_step_by_half_a_grain_at_most(schedule: str, seed: int) -> None:
    plan = uniform_plan(
        schedule,
        stages=4,
        microbatches=8,
        chunks=CHUNKS.get(schedule, 1),
        forward_ns=6_000_000,
        backward_ns=12_000_000,
        weight_ns=6_000_000 if schedule in SPLIT else None,
    )
    exact = np.random.default_rng(seed).uniform(1.0, 1.3, 4)
    rounded = np.rint(exact * GRAINS) / GRAINS
    times = [simulate_step(slowed_plan(plan, factors.tolist())).step_ns for factors in (exact, rounded)]
    assert abs(times[1] / times[0] - 1) <= 0.5 / GRAINS + 1e-6
