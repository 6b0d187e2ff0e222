"""The step engine against closed forms and against a plain longest path."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.stages.profile import replica_states
from sim.engine.step import simulate_step
from sim.errors import SimulationError
from sim.workload.profile import STEP_STATES
from sim.workload.step_plan import StepPlan, pipeline_key, structure
from tests.engine.plans import cost, uniform_plan

F, B = 600, 1200

pipelines = st.tuples(st.integers(1, 6), st.integers(1, 12), st.integers(1, 3))


def idle(plan: StepPlan) -> int:
    states = replica_states(simulate_step(plan))
    return states["bubble"] + states["imbalance"]


@pytest.mark.parametrize(("stages", "microbatches"), [(2, 3), (4, 7), (4, 16), (8, 15), (8, 64), (16, 31)])
@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_gpipe_and_1f1b_idle_for_p_minus_1_microbatches(schedule: str, stages: int, microbatches: int) -> None:
    plan = uniform_plan(schedule, stages=stages, microbatches=microbatches)
    assert simulate_step(plan).step_ns == (microbatches + stages - 1) * (F + B)
    assert idle(plan) == stages * (stages - 1) * (F + B)


@pytest.mark.parametrize(
    ("stages", "microbatches", "chunks"), [(2, 4, 2), (4, 8, 2), (4, 8, 3), (8, 24, 3), (16, 16, 6), (16, 64, 4)]
)
def test_interleaving_divides_the_bubble_by_the_chunks(stages: int, microbatches: int, chunks: int) -> None:
    plan = uniform_plan("interleaved", stages=stages, microbatches=microbatches, chunks=chunks)
    assert simulate_step(plan).step_ns == microbatches * (F + B) + (stages - 1) * (F + B) // chunks
    assert idle(plan) == stages * (stages - 1) * (F + B) // chunks


@pytest.mark.parametrize(("stages", "microbatches"), [(2, 4), (4, 8), (4, 16), (8, 24), (16, 48)])
@pytest.mark.parametrize("message", [1, 100, 600])
def test_1f1b_latency_law(stages: int, microbatches: int, message: int) -> None:
    plan = uniform_plan("1f1b", stages=stages, microbatches=microbatches, message_ns=message)
    latency = (2 * (stages - 2) + 2 * (stages - 1) * microbatches // stages) * message
    assert simulate_step(plan).step_ns == (microbatches + stages - 1) * (F + B) + latency


@pytest.mark.parametrize(("stages", "microbatches", "chunks"), [(2, 4, 2), (4, 8, 2), (8, 24, 3), (16, 48, 3)])
@pytest.mark.parametrize("message", [1, 100, 200])
def test_interleaved_latency_law(stages: int, microbatches: int, chunks: int, message: int) -> None:
    plan = uniform_plan("interleaved", stages=stages, microbatches=microbatches, chunks=chunks, message_ns=message)
    bubble = (stages - 1) * (F + B) // chunks
    latency = 2 * (stages * chunks - 1) * message
    assert simulate_step(plan).step_ns == microbatches * (F + B) + bubble + latency


ZERO_BUBBLE_TABLE_5 = [
    # model, p, m, F, B, W, c in microseconds; 1f1b and interleaved (v = 3) bubble rates (arXiv 2401.10241)
    ("1.5B", 8, 24, 18522, 18086, 9337, 601, 0.2431, 0.1055),
    ("1.5B", 8, 32, 18513, 18086, 9331, 626, 0.1985, 0.0818),
    ("1.5B", 8, 64, 18546, 18097, 9321, 762, 0.1240, 0.0443),
    ("14.6B", 16, 48, 11347, 11248, 8132, 377, 0.2552, 0.1104),
    ("14.6B", 16, 64, 11307, 11254, 8101, 379, 0.2082, 0.0852),
    ("14.6B", 16, 128, 11325, 11308, 8109, 378, 0.1251, 0.0445),
]


@pytest.mark.parametrize("row", ZERO_BUBBLE_TABLE_5, ids=lambda row: f"{row[0]}-m{row[2]}")
def test_zero_bubble_table_5(row: tuple[str, int, int, int, int, int, int, float, float]) -> None:
    _, p, m, f, b, w, c, rate_1f1b, rate_interleaved = row
    work = m * (f + b + w)
    plain = uniform_plan("1f1b", stages=p, microbatches=m, forward_ns=f, backward_ns=b + w, message_ns=c)
    assert 1 - work / simulate_step(plain).step_ns == pytest.approx(rate_1f1b, abs=6e-5)
    scaled = uniform_plan(
        "interleaved", stages=p, microbatches=m, chunks=3, forward_ns=3 * f, backward_ns=3 * (b + w), message_ns=3 * c
    )
    # The published cells hold p fewer latencies than the law of Megatron's order.
    span = simulate_step(scaled).step_ns / 3 - p * c
    assert 1 - work / span == pytest.approx(rate_interleaved, abs=6e-5)


def longest_path(plan: StepPlan) -> int:
    """Return the makespan by plain relaxation: an operation starts after its predecessor and its message."""
    shape = structure(pipeline_key(plan))
    arrived: dict[int, int] = {}
    position, free, nic = [0] * plan.stages, [0] * plan.stages, [0] * plan.stages
    moved = True
    while moved:
        moved = False
        for s in range(plan.stages):
            while position[s] < len(shape.kind[s]):
                i = position[s]
                need = shape.needs[s][i]
                if need >= 0 and need not in arrived:
                    break
                duration = (plan.backward if shape.kind[s][i] else plan.forward)[s][shape.chunk[s][i]].duration_ns
                free[s] = max(free[s], arrived.get(need, 0)) + duration
                if shape.feeds[s][i] >= 0:
                    same = shape.target[s][i] == s
                    nic[s] = max(free[s], nic[s]) + plan.boundary_ns[shape.boundary[s][i]]
                    arrived[shape.feeds[s][i]] = free[s] if same else nic[s]
                position[s] += 1
                moved = True
    assert position == [len(kinds) for kinds in shape.kind]
    return max(free)


@settings(max_examples=60, deadline=None)
@given(shape=pipelines, message=st.integers(0, 900), data=st.data())
def test_engine_equals_the_longest_path_to_the_nanosecond(
    shape: tuple[int, int, int], message: int, data: st.DataObject
) -> None:
    stages, microbatches, chunks = shape
    schedule = "interleaved" if chunks > 1 else data.draw(st.sampled_from(["gpipe", "1f1b", "interleaved"]))
    durations = st.lists(
        st.lists(st.integers(1, 1000), min_size=chunks, max_size=chunks), min_size=stages, max_size=stages
    )
    plan = replace(
        uniform_plan(schedule, stages=stages, microbatches=microbatches, chunks=chunks, message_ns=message),
        forward=tuple(tuple(cost(d) for d in row) for row in data.draw(durations)),
        backward=tuple(tuple(cost(d) for d in row) for row in data.draw(durations)),
    )
    assert simulate_step(plan).step_ns == longest_path(plan)


@settings(max_examples=60, deadline=None)
@given(
    shape=pipelines,
    message=st.integers(0, 900),
    gather=st.integers(0, 3000),
    reduce=st.integers(0, 3000),
    blocks=st.integers(1, 4),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    slowdown=st.floats(1.0, 1.5),
)
def test_states_of_a_step_sum_to_its_time_and_none_is_negative(
    shape: tuple[int, int, int],
    message: int,
    gather: int,
    reduce: int,
    blocks: int,
    flags: tuple[bool, bool, bool],
    slowdown: float,
) -> None:
    stages, microbatches, chunks = shape
    overlap, shared, blocking = flags
    plan = uniform_plan(
        "interleaved",
        stages=stages,
        microbatches=microbatches,
        chunks=chunks,
        message_ns=message,
        gather_ns=gather,
        reduce_ns=reduce,
        blocks=blocks,
        data_overlap=overlap,
        nic_share=shared,
        blocking_send=blocking,
        slowdown=slowdown,
        optimizer_ns=50,
        overhead_ns=7,
    )
    timeline = simulate_step(plan)
    states = replica_states(timeline)
    assert sum(states.values()) == stages * timeline.step_ns
    assert set(states) == set(STEP_STATES)
    assert min(states.values()) >= 0
    assert states["compute_ideal"] == stages * microbatches * (F + B)


def test_one_event_an_operation() -> None:
    plan = uniform_plan("interleaved", stages=8, microbatches=16, chunks=3, message_ns=10)
    assert simulate_step(plan).events == 2 * 8 * 16 * 3


def test_reductions_hide_behind_the_backward_pass_but_the_last_one_does_not() -> None:
    hidden = uniform_plan("interleaved", stages=1, microbatches=4, chunks=2, reduce_ns=100)
    exposed = uniform_plan("interleaved", stages=1, microbatches=4, chunks=2, reduce_ns=100, data_overlap=False)
    assert replica_states(simulate_step(hidden))["comm_data"] == 100
    assert replica_states(simulate_step(exposed))["comm_data"] == 200


def test_first_forward_waits_for_its_parameters() -> None:
    plan = uniform_plan("interleaved", stages=1, microbatches=4, chunks=2, gather_ns=5000)
    # Chunk 0 opens at 5000; its first forward covers 300 of the second gather.
    assert replica_states(simulate_step(plan))["comm_data"] == 5000 + 5000 - 300


@settings(max_examples=40, deadline=None)
@given(shape=pipelines, message=st.integers(0, 600), more=st.integers(1, 600))
def test_slower_messages_never_shorten_a_step_with_a_fixed_order(
    shape: tuple[int, int, int], message: int, more: int
) -> None:
    stages, microbatches, chunks = shape
    fast = uniform_plan("interleaved", stages=stages, microbatches=microbatches, chunks=chunks, message_ns=message)
    assert simulate_step(replace(fast, boundary_ns=(message + more,) * stages)).step_ns >= simulate_step(fast).step_ns


def test_a_message_beside_a_collective_on_the_same_nic_takes_twice_as_long() -> None:
    alone = uniform_plan("interleaved", stages=2, microbatches=2, chunks=2, message_ns=100, gather_ns=1000)
    shared = replace(alone, nic_share=1.0)
    first = [simulate_step(plan).stages[1] for plan in (alone, shared)]
    # Stage 0 ends its first forward at 1300, while the second gather (until 2000) still uses the NIC.
    assert [stage.starts[0] for stage in first] == [1400, 1500]


def test_a_schedule_that_deadlocks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = uniform_plan("1f1b", stages=2, microbatches=2)
    shape = structure(pipeline_key(plan))
    # Stage 1 wants its second microbatch before the first: its first operation waits for what is sent last.
    broken = replace(shape, needs=(shape.needs[0], (99, *shape.needs[1][1:])), slots=100)
    monkeypatch.setattr("sim.engine.step.structure", lambda *_: broken)
    with pytest.raises(SimulationError, match="deadlocks: stage 0 at operation 2, stage 1 at operation 0"):
        simulate_step(plan)
