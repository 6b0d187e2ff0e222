"""DualPipe and DualPipeV through the step engine: pairs run as one, bubbles by formula, every state accounted for."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.stages.profile import executed_flop, replica_states
from sim.engine.step import simulate_step
from sim.workload.dualpipe import dualpipe_groups, dualpipe_routes, dualpipev_groups
from sim.workload.pipelines import PipelineKey, peak_in_flight, pipeline_of
from sim.workload.step_plan import FORWARD, FULL, PAIR, PART, pipeline_key, structure
from sim.workload.zero_bubble_v import v_routes
from tests.engine.plans import split_plan
from tests.workload.pipeline_simulator import simulate_units

# (F, B, W) with W <= min(F, B), and what of F and B is exposed communication.
passes = st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20)).map(lambda t: (t[0], t[1], min(t)))


def pair_ns(times: tuple[int, int, int], exposed: tuple[int, int]) -> int:
    forward, backward, weight = times
    computes = forward - exposed[0], backward + weight - exposed[1]
    return sum(computes) + max(0, exposed[0] - computes[1]) + max(0, exposed[1] - computes[0])


def most_idle(kind: str, p: int, m: int, times: tuple[int, int, int], exposed: tuple[int, int]) -> int:
    """Return the idle time within the makespan of the stage that idles longest."""
    plan = split_plan(kind, p, m, times, exposed)
    timeline = simulate_step(plan)
    return max(timeline.step_ns - sum(stage.durations) for stage in timeline.stages)


@given(half=st.integers(1, 5), more=st.integers(0, 5), times=passes, data=st.data())
def test_the_bubble_is_half_of_p_less_1_pairs(
    half: int, more: int, times: tuple[int, int, int], data: st.DataObject
) -> None:
    forward, backward, weight = times
    exposed = data.draw(st.integers(0, forward)), data.draw(st.integers(0, backward))
    law = (half - 1) * (pair_ns(times, exposed) + max(forward, backward) - 2 * weight)
    assert most_idle("dualpipev", half, 2 * half + more, times, exposed) == law
    assert most_idle("dualpipe", 2 * half, 4 * half + 2 * more, times, exposed) == law


@pytest.mark.parametrize(("p", "m"), [(2, 4), (4, 8), (8, 20), (16, 64)])
def test_deepseeks_formula_where_b_equals_f(p: int, m: int) -> None:
    # (p / 2 - 1)(FB + Bfull - 3 W), with a quarter of F and B exposed: FB = F + Bfull - 2 x 100.
    assert most_idle("dualpipe", p, m, (400, 400, 300), (100, 100)) == (p // 2 - 1) * (900 + 700 - 900)


@settings(max_examples=60, deadline=None)
@given(half=st.integers(1, 4), m=st.integers(1, 12), times=passes, latency=st.integers(0, 9), data=st.data())
def test_engine_equals_the_longest_path_of_units(
    half: int, m: int, times: tuple[int, int, int], latency: int, data: st.DataObject
) -> None:
    exposed = data.draw(st.integers(0, times[0])), data.draw(st.integers(0, times[1]))
    durations = dict(zip("FBW", times, strict=True))
    pair = pair_ns(times, exposed)
    groups, routes = dualpipev_groups(half, m, 2), v_routes(half, m, 2)
    assert (
        simulate_step(split_plan("dualpipev", half, m, times, exposed)).step_ns
        == simulate_units(groups, routes, durations, pair).makespan
    )
    # A NIC sends one message at a time, so that with latency the two outputs of a pair may wait for each other.
    line = simulate_units(
        dualpipe_groups(2 * half, 2 * m, 2), dualpipe_routes(2 * half, 2 * m, 2), durations, pair, latency
    )
    plan = split_plan("dualpipe", 2 * half, 2 * m, times, exposed, message_ns=latency)
    assert simulate_step(plan).step_ns >= line.makespan
    assert latency or simulate_step(plan).step_ns == line.makespan


@given(
    half=st.integers(1, 4),
    m=st.integers(1, 12),
    times=passes,
    message=st.integers(0, 30),
    gather=st.integers(0, 60),
    reduce=st.integers(0, 60),
    blocks=st.integers(1, 3),
    reduces=st.sampled_from(["last", "turns", "each"]),
    sync=st.sampled_from(["global-norm", "post-validation"]),
)
def test_states_sum_to_the_step_and_every_operation_is_one_event(
    half: int,
    m: int,
    times: tuple[int, int, int],
    message: int,
    gather: int,
    reduce: int,
    blocks: int,
    reduces: str,
    sync: str,
) -> None:
    plan = split_plan(
        "dualpipe",
        2 * half,
        2 * m,
        times,
        (0, times[1] // 2),
        message_ns=message,
        gather_ns=gather,
        reduce_ns=reduce,
        blocks=blocks,
        reduces=reduces,
        optimizer_sync=sync,
    )
    timeline = simulate_step(plan)
    states = replica_states(timeline)
    assert sum(states.values()) == 2 * half * timeline.step_ns
    assert min(states.values()) >= 0
    # Every microbatch passes 2 x half stages, three operations on each.
    assert timeline.events == 3 * 2 * half * 2 * m
    assert executed_flop(plan) == timeline.events
    assert states["compute_ideal"] == 2 * m * 2 * half * (sum(times) - times[1] // 2)


def test_a_pair_starts_when_both_inputs_are_there_and_sends_both_at_its_end() -> None:
    plan = split_plan("dualpipe", 2, 4, (10, 10, 5))
    timeline = simulate_step(plan)
    shape = structure(pipeline_key(plan))
    kinds = shape.kind[0]
    (pair, *_) = [i for i, kind in enumerate(kinds) if kind == PAIR]
    assert kinds[pair - 1 : pair + 2] == (PART, PAIR, PART)
    assert shape.feeds[0][pair - 1] == -1
    stage = timeline.stages[0]
    assert stage.ends[pair] == stage.ends[pair + 1] == stage.starts[pair] + 25


@given(half=st.integers(1, 5), m=st.integers(1, 12))
def test_a_chunk_opens_with_a_forward_of_its_own_and_closes_once(half: int, m: int) -> None:
    for kind, copies in (("dualpipe", 2), ("dualpipev", 1)):
        shape = structure(PipelineKey(kind, half * copies, m * copies, 2))
        for kinds, first, last in zip(shape.kind, shape.first, shape.last, strict=True):
            assert [kinds[i] for i, marked in enumerate(first) if marked] == [FORWARD, FORWARD]
            assert sum(last) == 2
        assert FULL in shape.kind[0] or half * m == 1 or PAIR in shape.kind[0]


@pytest.mark.parametrize(("kind", "p", "m"), [("dualpipe", 8, 20), ("dualpipev", 4, 20)])
def test_p_plus_1_microbatches_are_in_flight(kind: str, p: int, m: int) -> None:
    order = pipeline_of(PipelineKey(kind, p, m, 2)).order
    assert max(peak_in_flight(ops, [1.0, 1.0], weight_share=0.0) for ops in order) == 8 + 1


def test_operations_of_a_stage_never_overlap() -> None:
    for stage in simulate_step(split_plan("dualpipe", 4, 8, (10, 12, 5), (3, 4), message_ns=2)).stages:
        spans = list(zip(stage.starts, stage.ends, strict=True))
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
