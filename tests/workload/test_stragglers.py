"""Speeds of GPUs: keyed to the GPU, drawn as asked, and the slowest of those that wait for each other counts."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.placement import ORDER, groups, in_order
from sim.workload.layout import Layout, Schedule
from sim.workload.stragglers import (
    FASTEST,
    GRAINS,
    Speed,
    drawn_factors,
    own_factors,
    replica_factors,
    replicas_in_step,
    slowed_plan,
    stage_factors,
    throttle_factors,
)
from tests.engine.plans import split_plan

NORMAL = Speed(distribution="normal", spread=0.015)


@pytest.mark.parametrize("distribution", ["normal", "lognormal"])
def test_a_distribution_has_mean_one_and_the_spread_that_is_asked_for(distribution: str) -> None:
    drawn = drawn_factors(Speed(distribution=distribution, spread=0.1), 200_000, seed=3)
    # Three standard errors of the mean, and of a standard deviation of normal draws.
    assert drawn.mean() == pytest.approx(1, abs=3 * 0.1 / np.sqrt(200_000))
    assert drawn.std() == pytest.approx(0.1, rel=3 * 2 / np.sqrt(2 * 200_000))


def test_lognormal_draws_reach_further_up_than_down_and_normal_ones_do_not() -> None:
    skew = {}
    for distribution in ("normal", "lognormal"):
        drawn = drawn_factors(Speed(distribution=distribution, spread=0.1), 100_000, seed=3) - 1
        skew[distribution] = float((drawn**3).mean() / drawn.std() ** 3)
    assert abs(skew["normal"]) < 0.03
    assert skew["lognormal"] == pytest.approx(0.3, abs=0.03)


def test_no_gpu_is_drawn_twice_as_fast_as_its_kind() -> None:
    assert drawn_factors(Speed(distribution="normal", spread=0.3), 100_000, seed=3).min() == FASTEST


def test_a_distribution_of_none_draws_nothing() -> None:
    assert (drawn_factors(Speed(distribution="none", spread=0.2), 100, seed=3) == 1).all()


@given(gpus=st.integers(1, 100), more=st.integers(1, 100), seed=st.integers(0, 9))
def test_a_gpu_keeps_its_factors_in_a_larger_cluster(gpus: int, more: int, seed: int) -> None:
    speed = Speed(distribution="normal", spread=0.1, throttled=0.3, throttle_factor=1.2)
    for factors in (lambda n: own_factors(speed, n, 8, seed), lambda n: throttle_factors(speed, n, seed)):
        assert factors(gpus).tolist() == factors(gpus + more)[:gpus].tolist()


LAYOUTS = (
    Layout(tensor=8, pipeline=4, data=2),
    Layout(tensor=1, pipeline=1, data=64),
    Layout(tensor=2, context=4, pipeline=2, data=4),
)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("order", [ORDER, ("tensor", "context", "data", "pipeline")])
def test_gpu_i_keeps_its_factor_when_the_layout_or_the_order_changes(layout: Layout, order: tuple[str, ...]) -> None:
    drawn = own_factors(NORMAL, 64, 8, seed=5)
    placement = in_order(np.arange(64), {name: getattr(layout, name) for name in ORDER}, order)
    made = replica_factors(NORMAL, layout, placement, 8, seed=5).own
    for replica in range(layout.data):
        for stage in range(layout.pipeline):
            grid = placement.reshape(layout.data, layout.pipeline, -1)
            assert made[replica, stage] == round(max(drawn[grid[replica, stage]]) * GRAINS)


@given(
    tensor=st.sampled_from([1, 2, 4]),
    context=st.sampled_from([1, 2]),
    pipeline=st.sampled_from([1, 3]),
    data=st.sampled_from([1, 4]),
    slow=st.integers(0, 1000),
)
def test_one_slow_gpu_slows_its_stage_of_its_replica_only(
    tensor: int, context: int, pipeline: int, data: int, slow: int
) -> None:
    layout = Layout(tensor=tensor, context=context, pipeline=pipeline, data=data)
    by_rank = np.ones(layout.gpus)
    by_rank[slow % layout.gpus] = 1.5
    replica, stage = divmod(slow % layout.gpus // (tensor * context), pipeline)
    expected = np.ones((data, pipeline))
    expected[replica, stage] = 1.5
    assert (stage_factors(by_rank, layout) == expected).all()


@given(
    tensor=st.sampled_from([1, 2]),
    context=st.sampled_from([1, 3]),
    data=st.sampled_from([1, 2, 4, 6, 12]),
    expert=st.sampled_from([1, 2, 3, 4, 8]),
    expert_tensor=st.sampled_from([1, 2]),
    slow=st.integers(0, 1000),
)
def test_replicas_in_step_are_those_that_expert_groups_connect(
    tensor: int, context: int, data: int, expert: int, expert_tensor: int, slow: int
) -> None:
    layout = Layout(tensor=tensor, context=context, pipeline=2, data=data, expert=expert, expert_tensor=expert_tensor)
    if tensor * context * data % (expert * expert_tensor):
        return
    made = groups(tensor, 2, data, np.arange(layout.gpus), context=context, expert=expert, expert_tensor=expert_tensor)
    waiting = [*made.tensor, *made.context, *made.expert, *made.expert_tensor]
    reached = {slow % layout.gpus}
    while grown := {gpu for group in waiting if reached & set(group.tolist()) for gpu in group.tolist()} - reached:
        reached |= grown
    by_rank = np.ones(layout.gpus)
    by_rank[slow % layout.gpus] = 1.5
    by_replica = np.repeat(stage_factors(by_rank, layout), replicas_in_step(layout), axis=0)
    slowed = np.broadcast_to(by_replica[:, :, None], (data, 2, tensor * context)).ravel()
    assert set(np.flatnonzero(slowed > 1).tolist()) == reached


def test_layers_that_are_gathered_one_by_one_keep_a_shard_group_in_step() -> None:
    sharded: dict[str, Any] = {"pipeline": 2, "data": 8, "sharding": "hsdp", "shard": 4}
    assert replicas_in_step(Layout(**sharded)) == 4
    assert replicas_in_step(Layout(**sharded, reshard_after_forward=False)) == 1
    assert replicas_in_step(Layout(pipeline=2, data=8, sharding="zero1")) == 1


def test_a_slow_node_slows_its_own_gpus_beside_what_they_have_drawn() -> None:
    slow = Speed(distribution="normal", spread=0.015, slow_nodes=((1, 1.2),))
    ratio = own_factors(slow, 32, 8, seed=5) / own_factors(NORMAL, 32, 8, seed=5)
    assert ratio.round(12).tolist() == [1.0] * 8 + [1.2] * 8 + [1.0] * 16


def test_a_larger_fraction_throttles_the_same_gpus_and_more() -> None:
    few, many = (
        throttle_factors(Speed(throttled=fraction, throttle_factor=1.15), 10_000, seed=5) > 1
        for fraction in (0.02, 0.05)
    )
    assert few.mean() == pytest.approx(0.02, abs=0.005)
    assert many.mean() == pytest.approx(0.05, abs=0.008)
    assert (many | ~few).all()


def test_who_throttles_has_nothing_to_do_with_who_is_slow() -> None:
    speed = Speed(distribution="normal", spread=0.015, throttled=0.1, throttle_factor=1.15)
    own, hot = own_factors(speed, 50_000, 8, seed=5), throttle_factors(speed, 50_000, seed=5) > 1
    assert own[hot].mean() == pytest.approx(own[~hot].mean(), abs=4 * 0.015 / np.sqrt(5000))


def test_throttling_leaves_the_own_factors_alone() -> None:
    layout, gpus = Layout(tensor=2, data=4), np.arange(8)
    hot = Speed(distribution="normal", spread=0.015, throttled=1.0, throttle_factor=1.15)
    cool = replica_factors(NORMAL, layout, gpus, 8, seed=5)
    made = replica_factors(hot, layout, gpus, 8, seed=5)
    assert (made.own == cool.own).all()
    assert (np.abs(made.throttled - 1.15 * cool.own) <= 1).all()
    assert (cool.throttled == cool.own).all()


def test_a_slow_stage_stretches_kernels_and_not_communication() -> None:
    plan = slowed_plan(split_plan("zb-v", 2, 4, (100, 100, 80), exposed_ns=(20, 20)), [1.0, 1.5])
    assert dict(plan.forward[0][0].state_ns) == {"compute_ideal": 80, "comm_tensor": 20}
    assert dict(plan.forward[1][0].state_ns) == {"compute_ideal": 120, "comm_tensor": 20}
    assert dict(plan.weight[1][0].state_ns)["compute_ideal"] == 120


def test_stage_factors_do_not_depend_on_the_schedule() -> None:
    by_rank = np.linspace(1, 2, 16)
    interleaved = Layout(tensor=2, pipeline=4, data=2, schedule=Schedule(kind="interleaved", chunks=2))
    assert (stage_factors(by_rank, interleaved) == stage_factors(by_rank, Layout(tensor=2, pipeline=4, data=2))).all()
