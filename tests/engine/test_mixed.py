"""Steps whose replicas run unlike numbers of microbatches: they end with the slowest, and the others wait for it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.stages.mixed import Alike, profile_mixed
from sim.engine.stages.profile import replica_states
from sim.engine.step import simulate_step
from sim.workload.profile import StepProfile
from sim.workload.step_plan import StepPlan
from sim.workload.stragglers import GRAINS, ReplicaFactors
from tests.engine.plans import uniform_plan

F, B = 600, 1200


def even(replicas: int, stages: int) -> ReplicaFactors:
    rows = np.full((replicas, stages), GRAINS)
    return ReplicaFactors(own=rows, throttled=rows)


def plan(schedule: str, stages: int, microbatches: int) -> StepPlan:
    return uniform_plan(schedule, stages=stages, microbatches=microbatches)


def alike(replicas: int, what: StepPlan) -> Alike:
    return Alike(replicas=replicas, plan=what, factors=even(replicas, what.stages))


def whole(what: StepPlan, replicas: int) -> StepProfile:
    timeline = simulate_step(what)
    return StepProfile(
        step_time_ns=timeline.step_ns,
        stages=what.stages,
        gpus=replicas * what.stages,
        tokens=8 * replicas * what.microbatches,
        state_ns=replica_states(timeline),
        model_flops=1.0,
        model_flops_full=2.0,
        executed_flops=0.0,
        peak_flops_per_s=1.0,
        peak_bf16_flops_per_s=1.0,
    )


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
@pytest.mark.parametrize(("p", "data", "m", "alive"), [(4, 8, 4, 7), (4, 8, 4, 4), (2, 3, 5, 1), (8, 16, 16, 13)])
def test_a_shrunken_pipeline_takes_p_minus_1_plus_its_microbatches_over_those_of_the_whole(
    schedule: str, p: int, data: int, m: int, alive: int
) -> None:
    low, more = divmod(data * m, alive)
    parts = [(more, low + 1), (alive - more, low)]
    profile, _ = profile_mixed(
        [alike(count, plan(schedule, p, each)) for count, each in parts if count],
        whole(plan(schedule, p, m), data),
        alive * p,
    )
    most = low + (more > 0)
    assert profile.step_time_ns == (p - 1 + most) * (F + B)
    assert profile.step_time_ns / whole(plan(schedule, p, m), data).step_time_ns == (p - 1 + most) / (p - 1 + m)
    # What the others wait for those with one more is imbalance: a microbatch of each of their stages.
    lanes = profile.stages // p
    assert profile.state_ns["imbalance"] == lanes * (alive - more) * (more > 0) * p * (F + B) // alive
    # Useful work is that of all microbatches, whoever runs them.
    assert profile.state_ns["compute_ideal"] * alive == lanes * data * m * p * (F + B)


def test_with_all_replicas_alike_the_profile_is_that_of_one() -> None:
    what = plan("1f1b", 4, 8)
    assert profile_mixed([alike(6, what)], whole(what, 6), 24)[0] == whole(what, 6)


@given(
    st.sampled_from(["gpipe", "1f1b", "interleaved"]),
    st.integers(1, 5),
    st.integers(1, 9),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(GRAINS, 2 * GRAINS),
)
def test_states_sum_to_the_step_of_all_stages_however_replicas_differ(
    schedule: str, stages: int, microbatches: int, more: int, fewer: int, slow: int
) -> None:
    chunks = 2 if schedule == "interleaved" else 1
    plans = [
        uniform_plan(schedule, stages=stages, microbatches=m, chunks=chunks) for m in (microbatches + 1, microbatches)
    ]
    parts = [alike(more, plans[0]), alike(fewer, plans[1])]
    own = parts[1].factors.own.copy()
    own[0, 0] = slow
    parts[1] = replace(parts[1], factors=ReplicaFactors(own=own, throttled=own))
    profile, timeline = profile_mixed(parts, whole(plans[1], more + fewer), (more + fewer) * stages)
    assert sum(profile.state_ns.values()) == profile.stages * profile.step_time_ns
    assert min(profile.state_ns.values()) >= 0
    assert profile.step_time_ns >= timeline.step_ns == max(simulate_step(each).step_ns for each in plans)
