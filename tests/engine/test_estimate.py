"""The closed-form estimate of a step against the laws and against the simulated step."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.step import simulate_step
from sim.errors import LayoutError
from sim.scenario.load import scenario_of
from sim.simulate import simulate_step_of
from sim.workload.alternation import COVERED
from sim.workload.blocks import Blocks
from sim.workload.estimate import estimate_step_ns
from sim.workload.operations import OpCost
from sim.workload.step_plan import StepPlan
from tests.engine.plans import cost, split_plan, uniform_plan
from tests.scenario.trees import WITH_MODEL, changed

F, B, W = 600, 600, 480


@pytest.mark.parametrize(("p", "m"), [(1, 1), (2, 3), (4, 16), (8, 15), (16, 1), (16, 512)])
@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_gpipe_and_1f1b_take_m_plus_p_minus_1_microbatches(schedule: str, p: int, m: int) -> None:
    plan = uniform_plan(schedule, stages=p, microbatches=m, optimizer_ns=7, overhead_ns=5)
    estimate = estimate_step_ns(plan)
    assert estimate.pipeline_ns == (m + p - 1) * (F + 2 * B)
    assert estimate.work_ns == m * (F + 2 * B)
    assert estimate.step_ns == estimate.pipeline_ns + 7 + 5


@pytest.mark.parametrize("message", [1, 100, 600])
@pytest.mark.parametrize(("p", "m"), [(2, 4), (4, 16), (16, 48), (8, 800)])
def test_1f1b_latency_law(p: int, m: int, message: int) -> None:
    plan = uniform_plan("1f1b", stages=p, microbatches=m, message_ns=message)
    latency = (2 * (p - 2) + 2 * (p - 1) * m // p) * message
    assert estimate_step_ns(plan).step_ns == (m + p - 1) * (F + 2 * B) + latency


@pytest.mark.parametrize("message", [0, 1, 75])
@pytest.mark.parametrize(("p", "m", "v"), [(2, 4, 2), (8, 24, 3), (16, 64, 8), (4, 400, 2)])
def test_interleaved_latency_law(p: int, m: int, v: int, message: int) -> None:
    plan = uniform_plan("interleaved", stages=p, microbatches=m, chunks=v, message_ns=message)
    bubble = (p - 1) * (F + 2 * B) // v
    assert estimate_step_ns(plan).step_ns == m * (F + 2 * B) + bubble + 2 * (p * v - 1) * message


@pytest.mark.parametrize(("p", "m"), [(2, 3), (4, 8), (8, 32), (8, 300)])
@pytest.mark.parametrize(("schedule", "saved"), [("zb-h1", W), ("zb-h2", 2 * W)])
def test_zero_bubble_spans(schedule: str, saved: int, p: int, m: int) -> None:
    plan = uniform_plan(
        schedule,
        stages=p,
        microbatches=m,
        forward_ns=F,
        backward_ns=B,
        weight_ns=W,
        optimizer_sync="post-validation",
    )
    assert estimate_step_ns(plan).step_ns == m * (F + B + W) + (p - 1) * (F + B - saved)


@st.composite
def plans(draw: st.DrawFn) -> StepPlan:
    """Plans of uneven stages and chunks, latencies of any size, blocks with gathers and reductions."""
    schedule = draw(st.sampled_from(COVERED))
    p = draw(st.integers(1, 8))
    m = draw(st.integers(1, 4 * p))
    v = draw(st.integers(1, 4)) if schedule == "interleaved" else 1
    split = schedule.startswith("zb")
    longest = draw(st.sampled_from([10, 1000, 1_000_000]))
    blocks = draw(st.integers(1, 4))
    gathers, reductions = draw(st.integers(0, longest)), draw(st.integers(0, longest))

    def each(size: int, largest: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(0, largest), min_size=size, max_size=size)))

    def grid() -> tuple[tuple[OpCost, ...], ...]:
        return tuple(tuple(cost(1 + ns) for ns in each(v, longest)) for _ in range(p))

    def part() -> Blocks:
        return Blocks(
            forward=each(blocks, 9),
            backward=each(blocks, 9),
            weight=each(blocks, 9) if split else (),
            # Every chunk holds parameters: if one gathers, all do.
            gather_ns=tuple(ns + min(gathers, 1) for ns in each(blocks, gathers)),
            reduce_ns=each(blocks, reductions),
        )

    plan = uniform_plan(schedule, stages=p, microbatches=m, chunks=v, forward_ns=v, backward_ns=v)
    return replace(
        plan,
        forward=grid(),
        backward=grid(),
        weight=grid() if split else (),
        boundary_ns=each(p, draw(st.sampled_from([0, longest // 10, longest]))),
        blocking_send=draw(st.booleans()),
        blocks=tuple(tuple(part() for _ in range(v)) for _ in range(p)),
        data_overlap=draw(st.booleans()),
        slowdown=draw(st.sampled_from([1.0, 1.14])),
        nic_share=draw(st.sampled_from([0.0, 0.4, 1.0])),
        optimizer_ns=each(p, longest),
        optimizer_sync="global-norm" if gathers or draw(st.booleans()) else "post-validation",
        overhead_ns=draw(st.integers(0, longest)),
    )


@settings(max_examples=60, deadline=None)
@given(plan=plans())
def test_estimate_is_the_simulated_step(plan: StepPlan) -> None:
    simulated, estimate = simulate_step(plan).step_ns, estimate_step_ns(plan)
    parts = (estimate.pipeline_ns, estimate.reduction_ns, estimate.optimizer_ns, estimate.overhead_ns)
    assert sum(parts) == estimate.step_ns
    if plan.nic_share == 0 and (plan.blocking_send or not any(plan.boundary_ns)):
        assert estimate.step_ns == simulated
    else:  # a few nanoseconds of rounding, and of plans that take no longer
        assert estimate.step_ns == pytest.approx(simulated, rel=0.01, abs=8)


@settings(max_examples=40, deadline=None)
@given(
    schedule=st.sampled_from(COVERED),
    p=st.integers(1, 4),
    groups=st.integers(8, 24),
    durations=st.lists(st.integers(1, 99), min_size=12, max_size=12),
    message=st.sampled_from([0, 0, 1, 7, 120]),
)
def test_skipped_periods_change_nothing(schedule: str, p: int, groups: int, durations: list[int], message: int) -> None:
    v = 2 if schedule == "interleaved" else 1
    split = schedule.startswith("zb")
    plan = uniform_plan(schedule, stages=p, microbatches=groups * p, chunks=v, message_ns=message)
    grids = [tuple(tuple(cost(ns) for ns in durations[i : i + v]) for i in range(k, k + p)) for k in (0, 4, 7)]
    plan = replace(plan, forward=grids[0], backward=grids[1], weight=grids[2] if split else ())
    assert estimate_step_ns(plan).step_ns == pytest.approx(simulate_step(plan).step_ns, rel=0.01)


REALISTIC: list[tuple[str, int, int, dict[str, Any]]] = [
    ("llama3-8b", 16, 64, {"tensor": 1, "pipeline": 4}),
    ("llama3-8b", 16, 128, {"tensor": 2, "pipeline": 4, "schedule": {"kind": "interleaved", "chunks": 2}}),
    ("llama3-8b", 16, 128, {"tensor": 1, "pipeline": 2, "schedule": {"kind": "gpipe"}}),
    ("llama3-70b", 32, 128, {"tensor": 8, "pipeline": 4}),
    ("llama3-70b", 32, 128, {"tensor": 8, "pipeline": 8, "schedule": {"kind": "interleaved", "chunks": 5}}),
    ("llama3-70b", 32, 128, {"tensor": 8, "pipeline": 8, "schedule": {"kind": "zb-h1"}}),
    ("llama3-405b", 128, 256, {"tensor": 8, "pipeline": 16, "schedule": {"kind": "interleaved", "chunks": 8}}),
    ("llama3-405b", 128, 512, {"tensor": 8, "pipeline": 16}),
    ("gpt3-175b", 96, 288, {"tensor": 8, "pipeline": 8, "schedule": {"kind": "interleaved", "chunks": 3}}),
]


@pytest.mark.parametrize(("model", "nodes", "batch", "parallelism"), REALISTIC)
def test_realistic_layouts_within_a_percent(model: str, nodes: int, batch: int, parallelism: dict[str, Any]) -> None:
    tree = changed(WITH_MODEL, model__preset=model, cluster__nodes=nodes, training__global_batch=batch)
    tree = changed(tree, training__sequence_length=2048, cluster__topology={"kind": "fat-tree", "k": 16})
    tree["parallelism"] = {**parallelism, "sharding": "zero1"}
    result = simulate_step_of(scenario_of(tree, "test"))
    estimate = estimate_step_ns(result.built.plan)
    assert estimate.step_ns == pytest.approx(result.timeline.step_ns, rel=0.01)


def test_what_is_not_covered_is_refused() -> None:
    plan = uniform_plan("1f1b", stages=2, microbatches=2, gather_ns=9, reduce_ns=9)
    refused = {
        "schedule dualpipe is not covered; expected gpipe, 1f1b": split_plan("dualpipe", 4, 8, (1, 1, 1)),
        "1f1b holds one chunk a stage": replace(plan, chunks=2),
        "gathered for every pass": replace(plan, regather=True),
        "block by block": replace(plan, prefetch=1),
        "reduced with 'each'": replace(plan, reduces="each"),
        "optimizer_sync 'post-validation'": replace(plan, optimizer_sync="post-validation"),
    }
    for message, each in refused.items():
        with pytest.raises(LayoutError, match=message):
            estimate_step_ns(each)


def test_what_takes_no_time_is_not_refused() -> None:
    plan = uniform_plan("1f1b", stages=2, microbatches=2, regather=True, reduces="each")
    assert estimate_step_ns(plan).step_ns == simulate_step(plan).step_ns


def test_estimating_needs_no_simpy() -> None:
    code = "import sys, sim.workload.estimate; assert not {'simpy', 'sim.engine'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
