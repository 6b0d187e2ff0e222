"""DualPipe and DualPipeV keep their bubbles and their balanced memory, and end with any microbatches."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import LayoutError
from sim.workload.dualpipe import dualpipe, dualpipe_groups, dualpipe_routes, dualpipev, dualpipev_groups
from sim.workload.schedules import Order
from sim.workload.zero_bubble_v import v_routes
from tests.workload.pipeline_simulator import check_split_order, peak_activations, simulate, simulate_units

UNTIL_INPUT_GRADIENT = {"F": 1, "B": -1, "W": 0}
UNTIL_WEIGHT_GRADIENT = {"F": 1, "B": 0, "W": -1}

# (F, B, W) with W <= min(F, B)
times = st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20)).map(lambda t: (t[0], t[1], min(t)))


def durations(passes: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip("FBW", passes, strict=True))


def test_routes() -> None:
    down, up = ((0, 0), (1, 0)), ((1, 1), (0, 1))
    assert dualpipe_routes(2, 4, 2) == (down, down, up, up)


@given(st.integers(1, 6), st.integers(0, 10), times, st.floats(0, 1))
def test_dualpipe_v_bubble_of_overlapped_pairs(
    half: int, more: int, passes: tuple[int, int, int], overlap: float
) -> None:
    m = 2 * half + more
    forward, backward, weight = passes
    pair = forward + backward + weight - overlap * min(forward, backward + weight)
    groups, routes = dualpipev_groups(half, m, 2), v_routes(half, m, 2)
    idle = max(simulate_units(groups, routes, durations(passes), pair).idle)
    assert idle == pytest.approx((half - 1) * (pair + max(forward, backward) - 2 * weight), abs=1e-6)
    if forward <= backward:
        assert idle == pytest.approx((half - 1) * (pair + backward + weight - 3 * weight), abs=1e-6)


@given(st.integers(1, 5), st.integers(0, 5), times, st.floats(0, 1))
def test_dualpipe_bubble_of_overlapped_pairs(
    half: int, more: int, passes: tuple[int, int, int], overlap: float
) -> None:
    p, m = 2 * half, 4 * half + 2 * more
    forward, backward, weight = passes
    pair = forward + backward + weight - overlap * min(forward, backward + weight)
    idle = max(simulate_units(dualpipe_groups(p, m, 2), dualpipe_routes(p, m, 2), durations(passes), pair).idle)
    assert idle == pytest.approx((half - 1) * (pair + max(forward, backward) - 2 * weight), abs=1e-6)


@given(st.integers(1, 5), st.integers(0, 5), times)
def test_one_after_the_other_dualpipe_idles_f_plus_b_minus_w_a_stage_or_more(
    half: int, more: int, passes: tuple[int, int, int]
) -> None:
    p, m = 2 * half, 4 * half + 2 * more
    forward, backward, weight = passes
    both = [
        simulate(dualpipe(p, m, 2), dualpipe_routes(p, m, 2), durations(passes)),
        simulate(dualpipev(half, m, 2), v_routes(half, m, 2), durations(passes)),
    ]
    for line in both:
        least = (half - 1) * (forward + backward - weight)
        assert min(line.idle) >= least
        assert forward != backward or line.idle == (least,) * len(line.idle)


@given(st.integers(1, 6), st.integers(0, 6))
def test_dualpipe_holds_p_plus_1_microbatches(half: int, more: int) -> None:
    p, m = 2 * half, 4 * half + 2 * more
    for order in (dualpipe(p, m, 2), dualpipev(half, m, 2)):
        assert max(peak_activations(order, UNTIL_INPUT_GRADIENT)) == p + 1
        assert max(peak_activations(order, UNTIL_WEIGHT_GRADIENT)) == p + 1


@pytest.mark.parametrize(
    ("schedule", "routes", "even"),
    [(dualpipev, v_routes, 1), (dualpipe, dualpipe_routes, 2)],
)
@given(p=st.integers(1, 5), m=st.integers(1, 20))
def test_every_order_is_complete_and_ends(
    schedule: Callable[[int, int, int], Order], routes: Callable[[int, int, int], Any], even: int, p: int, m: int
) -> None:
    p, m = p * even, m * even
    order = schedule(p, m, 2)
    check_split_order(order, routes(p, m, 2))
    assert simulate(order, routes(p, m, 2), durations((3, 2, 1)), latency=1).makespan > 0


@given(st.integers(1, 5), st.integers(1, 20))
def test_groups_end_as_units_too_and_pair_opposite_directions(half: int, m: int) -> None:
    cases = [
        (dualpipe_groups(2 * half, 2 * m, 2), dualpipe_routes(2 * half, 2 * m, 2)),
        (dualpipev_groups(half, m, 2), v_routes(half, m, 2)),
    ]
    for groups, routes in cases:
        assert simulate_units(groups, routes, durations((3, 2, 1)), pair=5, latency=1).makespan > 0
        kinds = {"".join(op.kind for op in group) for stage in groups for group in stage}
        assert kinds <= {"F", "B", "W", "BW", "FBW"}
        pairs = [group for stage in groups for group in stage if len(group) == 3]
        assert all(f.chunk != b.chunk and b[1:] == w[1:] for f, b, w in pairs)


def test_odd_halves_and_other_chunks_are_refused_with_the_nearest() -> None:
    with pytest.raises(LayoutError, match="even number of stages, got 3; nearest: 2 or 4"):
        dualpipe(3, 8, 2)
    with pytest.raises(LayoutError, match="even number of microbatches, got 1; nearest: 2"):
        dualpipe(2, 1, 2)
    with pytest.raises(LayoutError, match="dualpipev holds 2 chunks a stage, got 1"):
        dualpipev(4, 8, 1)
