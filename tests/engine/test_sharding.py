"""Sharded parameters and gradients in the step engine: gathers for every pass, prefetch, reductions by microbatch."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.stages.profile import replica_states
from sim.engine.stages.stage import Stage
from sim.engine.step import simulate_step
from sim.workload.step_plan import StepPlan
from tests.engine.plans import uniform_plan


def zero3(**options: Any) -> StepPlan:
    """Three layers of 200 forward and 400 backward, on one stage unless asked otherwise."""
    chosen: dict[str, Any] = {
        "stages": 1,
        "microbatches": 1,
        "blocks": 3,
        "gather_ns": 300,
        "reduce_ns": 90,
        "regather": True,
        "prefetch": 1,
        "reduces": "each",
    }
    return uniform_plan("1f1b", **chosen | options)


def only(plan: StepPlan) -> Stage:
    (stage,) = simulate_step(plan).stages
    return stage


def test_the_next_layer_is_gathered_while_the_present_one_computes() -> None:
    stage = only(zero3())
    assert [(c.kind[0], c.block, c.start_ns) for c in stage.collectives] == [
        *[("a", 0, 0), ("a", 1, 100), ("a", 2, 300)],
        # The backward's first layer is gathered during the forward's last; then reductions and gathers take turns.
        *[("a", 2, 500), ("a", 1, 700), ("r", 2, 1100), ("a", 0, 1130), ("r", 1, 1500), ("r", 0, 1900)],
    ]
    assert (stage.starts, stage.ends) == ([100, 700], [700, 1900])
    assert replica_states(simulate_step(zero3()))["comm_data"] == 100 + 30


def test_without_prefetch_every_gather_is_exposed() -> None:
    stage = only(zero3(prefetch=0))
    # The forward waits 3 x 100; so does the backward, whose second and third gather queue behind a reduction of 30.
    assert stage.waited_gather == 3 * 100 + 100 + 130 + 130
    assert stage.ends == [900, 900 + 1200 + 360]


def test_prefetch_of_gathers_slower_than_layers_keeps_the_stream_busy_at_any_depth() -> None:
    plans = [zero3(gather_ns=1500, prefetch=depth, reduce_ns=0) for depth in (0, 1, 2, 5)]
    # Six gathers of 500 one after the other, then the last backward of 400.
    assert [simulate_step(plan).step_ns for plan in plans] == [1800 + 3000, 3400, 3400, 3400]


def test_without_resharding_parameters_are_gathered_once_a_step() -> None:
    stage = only(zero3(microbatches=4, regather=False))
    assert [c.block for c in stage.collectives if c.kind == "all-gather"] == [0, 1, 2]
    assert sum(c.kind == "reduce" for c in stage.collectives) == 4 * 3


@given(p=st.integers(1, 4), m=st.integers(1, 6), layers=st.integers(1, 5), prefetch=st.integers(0, 3))
def test_each_layer_is_gathered_twice_and_reduced_once_a_microbatch(p: int, m: int, layers: int, prefetch: int) -> None:
    timeline = simulate_step(zero3(stages=p, microbatches=m, blocks=layers, prefetch=prefetch))
    for stage in timeline.stages:
        kinds = [c.kind for c in stage.collectives]
        assert (kinds.count("all-gather"), kinds.count("reduce")) == (2 * m * layers, m * layers)
    assert timeline.events == 2 * p * m


@given(
    p=st.integers(1, 4),
    m=st.integers(1, 6),
    gather=st.integers(0, 1500),
    reduce=st.integers(0, 3000),
    prefetch=st.integers(0, 3),
    overlap=st.booleans(),
    slowdown=st.floats(1, 1.5),
)
def test_states_sum_to_the_step_and_the_stream_runs_one_collective_at_a_time(
    p: int, m: int, gather: int, reduce: int, prefetch: int, overlap: bool, slowdown: float
) -> None:
    plan = zero3(
        stages=p,
        microbatches=m,
        gather_ns=gather,
        reduce_ns=reduce,
        prefetch=prefetch,
        data_overlap=overlap,
        slowdown=slowdown,
        message_ns=70,
        nic_share=0.7,
    )
    timeline = simulate_step(plan)
    states = replica_states(timeline)
    assert sum(states.values()) == p * timeline.step_ns
    assert min(states.values()) >= 0
    for stage in timeline.stages:
        ends = [0, *(c.end_ns for c in stage.collectives)]
        assert all(c.start_ns >= before for c, before in zip(stage.collectives, ends, strict=False))


@given(m=st.integers(1, 5), gather=st.integers(0, 3000), reduce=st.integers(0, 3000), prefetch=st.integers(0, 3))
def test_a_step_lasts_as_long_as_its_busier_stream_and_no_longer_than_both(
    m: int, gather: int, reduce: int, prefetch: int
) -> None:
    compute, collectives = m * 1800, m * (2 * gather + reduce)
    step_ns = simulate_step(
        zero3(microbatches=m, gather_ns=gather, reduce_ns=reduce, prefetch=prefetch, blocks=4)
    ).step_ns
    assert max(compute, collectives) <= step_ns <= compute + collectives


@given(m=st.integers(1, 5), blocks=st.integers(1, 6))
def test_free_collectives_leave_the_step_of_unsharded_training(m: int, blocks: int) -> None:
    sharded = zero3(stages=3, microbatches=m, blocks=blocks, gather_ns=0, reduce_ns=0)
    plain = uniform_plan("1f1b", stages=3, microbatches=m)
    assert simulate_step(sharded).step_ns == simulate_step(plain).step_ns


def test_without_overlap_compute_waits_for_every_collective() -> None:
    # Six gathers and three reductions, one after the other with the layers, whatever was issued ahead.
    for depth in (0, 1, 2):
        plan = zero3(prefetch=depth, data_overlap=False)
        assert simulate_step(plan).step_ns == 600 + 1200 + 2 * 300 + 90


def test_fast_collectives_leave_the_first_gather_and_the_last_reduction_exposed() -> None:
    plan = zero3(microbatches=8, gather_ns=150, reduce_ns=300)
    assert simulate_step(plan).step_ns == 8 * 1800 + 50 + 100


@pytest.mark.parametrize(("reduces", "times"), [("last", 1), ("turns", 2), ("each", 4)])
def test_gradients_are_reduced_with_the_last_at_each_turn_or_every_microbatch(reduces: str, times: int) -> None:
    # Two stages, two chunks: backwards of chunk 1 and 0 by turns, two microbatches at a time.
    plan = uniform_plan("interleaved", stages=2, microbatches=4, chunks=2, reduce_ns=10, reduces=reduces)
    for stage in simulate_step(plan).stages:
        assert [c.chunk for c in stage.collectives].count(0) == times
        assert [c.chunk for c in stage.collectives].count(1) == times
