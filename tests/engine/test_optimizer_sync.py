"""Without a meeting before the optimizer a step lasts as long as the longest span of a stage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.stages.profile import replica_states
from sim.engine.step import simulate_step
from sim.workload.step_plan import StepPlan
from tests.engine.plans import uniform_plan
from tests.engine.test_zero_bubble import TABLE_5, WEIGHT_SHARE, span_ns

POST = "post-validation"


def step_ns(plan: StepPlan) -> int:
    return simulate_step(plan).step_ns


@pytest.mark.parametrize(("p", "m"), [(2, 4), (4, 8), (8, 24)])
@pytest.mark.parametrize(("f", "b", "w"), [(600, 600, 600), (600, 700, 300), (900, 600, 500)])
def test_the_bubble_of_a_step_is_that_of_the_span(p: int, m: int, f: int, b: int, w: int) -> None:
    def bubble(kind: str, sync: str) -> int:
        plan = uniform_plan(
            kind, stages=p, microbatches=m, forward_ns=f, backward_ns=b, weight_ns=w, optimizer_sync=sync
        )
        return step_ns(plan) - m * (f + b + w)

    assert bubble("zb-h1", POST) == bubble("zb-h1", "global-norm") == (p - 1) * (f + b - w)
    assert bubble("zb-h2", POST) == (p - 1) * (f + b - 2 * w)
    assert bubble("zb-h2", "global-norm") >= bubble("zb-h2", POST)


def test_zb_h2_gains_from_not_meeting() -> None:
    steps = [
        step_ns(
            uniform_plan("zb-h2", stages=4, microbatches=8, forward_ns=6, backward_ns=6, weight_ns=6, optimizer_sync=s)
        )
        for s in (POST, "global-norm")
    ]
    # With equal passes no stage idles within its span; the last one begins three forwards after the first.
    assert steps == [8 * 18, 8 * 18 + 3 * 6]


@pytest.mark.parametrize(("p", "m"), [(2, 4), (4, 8), (8, 16)])
def test_zb_v_steps_without_any_bubble(p: int, m: int) -> None:
    plan = uniform_plan(
        "zb-v", stages=p, microbatches=m, chunks=2, forward_ns=600, backward_ns=600, weight_ns=600, optimizer_sync=POST
    )
    timeline = simulate_step(plan)
    assert timeline.step_ns == m * 1800
    assert replica_states(timeline)["bubble"] == 0


@pytest.mark.parametrize("row", TABLE_5, ids=lambda row: f"{row[0]}-m{row[2]}")
def test_zb_2p_steps_at_the_rates_of_table_5(
    row: tuple[str, int, int, int, int, int, int, float, float, float, float],
) -> None:
    _, p, m, f, b, w, c, *rates = row
    plan = uniform_plan(
        "zb-2p",
        stages=p,
        microbatches=m,
        forward_ns=f,
        backward_ns=b,
        weight_ns=w,
        weight_share=WEIGHT_SHARE,
        message_ns=c,
        optimizer_sync=POST,
    )
    assert step_ns(plan) == span_ns(plan)
    assert 1 - m * (f + b + w) / step_ns(plan) <= rates[3] + 5e-4


def test_a_stage_begins_with_its_gather_and_ends_with_its_optimizer() -> None:
    plan = uniform_plan(
        "1f1b", stages=2, microbatches=1, gather_ns=100, reduce_ns=40, optimizer_ns=30, optimizer_sync=POST
    )
    timeline = simulate_step(plan)
    # Stage 0 runs F from 100 to 700; stage 1 F, B from 700 to 2500; stage 0 B until 3700.
    assert timeline.begins_ns == (0, 600)
    assert timeline.updates_ns == (3740, 2540)
    assert timeline.step_ns == 3770
    states = replica_states(timeline)
    # Stage 1 has 1800 to spare for its gather.
    assert states["comm_data"] == 100 + 2 * 40
    assert states["bubble"] == 1800 + 1900


def test_later_gathers_that_are_just_in_time_put_the_beginning_forward() -> None:
    # Six blocks of a forward take 100 each; their gathers end at 200, ..., 1200.
    plan = uniform_plan("1f1b", stages=2, microbatches=2, gather_ns=1200, blocks=6, optimizer_sync=POST)
    timeline = simulate_step(plan)
    # Stage 0 ends its forward at 1300; stage 1 needs the last block at 1800, 600 after it was there.
    assert timeline.stages[1].starts[0] == 1300
    assert timeline.begins_ns == (0, 600)


@pytest.mark.parametrize("kind", ["1f1b", "gpipe"])
def test_a_single_stage_meets_nobody(kind: str) -> None:
    def plan(sync: str) -> StepPlan:
        return uniform_plan(
            kind, stages=1, microbatches=3, gather_ns=500, reduce_ns=700, blocks=3, optimizer_ns=9, optimizer_sync=sync
        )

    assert step_ns(plan(POST)) == step_ns(plan("global-norm"))


@given(
    p=st.integers(1, 5),
    m=st.integers(1, 8),
    message=st.integers(0, 900),
    gather=st.integers(0, 3000),
    reduce=st.integers(0, 3000),
    blocks=st.integers(1, 4),
    overlap=st.booleans(),
    sharded=st.booleans(),
    prefetch=st.integers(0, 2),
)
def test_a_step_without_a_meeting_is_never_longer_and_its_states_sum_to_it(
    p: int,
    m: int,
    message: int,
    gather: int,
    reduce: int,
    blocks: int,
    overlap: bool,
    sharded: bool,
    prefetch: int,
) -> None:
    def plan(sync: str) -> StepPlan:
        return uniform_plan(
            "1f1b",
            stages=p,
            microbatches=m,
            message_ns=message,
            gather_ns=gather,
            reduce_ns=reduce,
            blocks=blocks,
            data_overlap=overlap,
            regather=sharded,
            prefetch=prefetch if sharded else None,
            reduces="each" if sharded else "last",
            optimizer_ns=50,
            overhead_ns=7,
            optimizer_sync=sync,
        )

    timeline = simulate_step(plan(POST))
    states = replica_states(timeline)
    assert timeline.step_ns <= step_ns(plan("global-norm"))
    assert sum(states.values()) == p * timeline.step_ns
    assert min(states.values()) >= 0
