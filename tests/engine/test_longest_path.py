"""The step engine against the plain longest path, to the nanosecond, for every schedule."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.step import simulate_step
from sim.workload.operations import OpCost
from sim.workload.pipelines import SCHEDULES
from sim.workload.step_plan import StepPlan
from tests.engine.longest_path import longest_path_ns
from tests.engine.plans import uniform_plan


def random_cost(draw: st.DrawFn) -> OpCost:
    states = {"compute_ideal": draw(st.integers(1, 1000)), "comm_tensor": draw(st.integers(0, 300))}
    return OpCost(state_ns=states, flop=0.0)


@st.composite
def plans(draw: st.DrawFn, kind: str) -> StepPlan:
    entry = SCHEDULES[kind]
    split = entry.split
    stages = draw(st.sampled_from([2, 4, 6])) if kind == "dualpipe" else draw(st.integers(1, 6))
    chunks = entry.chunks or draw(st.integers(1, 3))
    microbatches = 2 * draw(st.integers(1, 6)) - (kind != "dualpipe" and draw(st.booleans()))
    plan = uniform_plan(
        kind,
        stages=stages,
        microbatches=microbatches,
        chunks=chunks,
        forward_ns=600 * chunks,
        backward_ns=600 * chunks,
        weight_ns=600 * chunks if split else None,
        blocking_send=draw(st.booleans()),
        optimizer_ns=50,
        overhead_ns=7,
    )
    boundary = draw(st.lists(st.integers(0, 900), min_size=stages, max_size=stages))

    def grid() -> tuple[tuple[OpCost, ...], ...]:
        return tuple(tuple(random_cost(draw) for _ in range(chunks)) for _ in range(stages))

    return replace(plan, forward=grid(), backward=grid(), weight=grid() if split else (), boundary_ns=tuple(boundary))


@pytest.mark.parametrize("kind", SCHEDULES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_engine_is_the_longest_path_to_the_nanosecond(kind: str, data: st.DataObject) -> None:
    plan = data.draw(plans(kind))
    assert simulate_step(plan).step_ns == longest_path_ns(plan)


def test_the_longest_path_of_two_stages_by_hand() -> None:
    """F0 600, message 50, F0 and B0 on stage 1, message, B0 of stage 0; then the second microbatch's B."""
    plan = uniform_plan("1f1b", stages=2, microbatches=2, message_ns=50)
    assert longest_path_ns(plan) == 600 + 50 + 2 * (600 + 1200) + 50 + 1200
