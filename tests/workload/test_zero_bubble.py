"""Zero-bubble orders keep their rules, meet their bubbles and the published table, and stay within their memory."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import LayoutError
from sim.workload.schedules import Order, looped_routes
from sim.workload.zero_bubble import PassTimes, zb_1p, zb_2p, zb_h1, zb_h2, zb_within
from tests.workload.pipeline_simulator import Timeline, check_split_order, peak_activations, simulate


class Cell(NamedTuple):
    """A row of the paper: table 9 durations in ms, table 5 bubble rates."""

    p: int
    m: int
    times: PassTimes
    h1: float
    h2: float
    two_p: float


CELLS = [
    Cell(8, 24, PassTimes(18.522, 18.086, 9.337, 0.601), 0.1585, 0.1083, 0.0433),
    Cell(8, 32, PassTimes(18.513, 18.086, 9.331, 0.626), 0.1242, 0.0837, 0.0039),
    Cell(8, 64, PassTimes(18.546, 18.097, 9.321, 0.762), 0.0674, 0.0444, 0.0026),
    Cell(16, 48, PassTimes(11.347, 11.248, 8.132, 0.377), 0.1397, 0.0672, 0.0066),
    Cell(16, 64, PassTimes(11.307, 11.254, 8.101, 0.379), 0.1088, 0.0516, 0.0054),
    Cell(16, 128, PassTimes(11.325, 11.308, 8.109, 0.378), 0.0576, 0.0266, 0.0028),
]
"""arXiv 2401.10241: 1.5B (hidden 2304, 24 heads) on 8 stages, 14.6B (hidden 5120, 40 heads) on 16, length 1024."""

SIZES = {8: (2304, 24), 16: (5120, 40)}


def timeline(order: Order, times: PassTimes) -> Timeline:
    microbatches = len(order[0]) // 3
    durations = dict(zip("FBW", times[:3], strict=True))
    return simulate(order, looped_routes(len(order), microbatches, 1), durations, times.message_s)


def bubble_rate(order: Order, times: PassTimes) -> float:
    span = timeline(order, times).longest_span
    return (span - len(order[0]) // 3 * sum(times[:3])) / span


def peak(order: Order, weight_share: float) -> float:
    return max(peak_activations(order, {"F": 1, "B": weight_share - 1, "W": -weight_share}))


def weight_share(p: int) -> float:
    hidden, heads = SIZES[p]
    return 32 * hidden / (34 * hidden + 5 * heads * 1024)


split_times = st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30)).map(
    lambda t: PassTimes(t[0], t[1], min(t), 0)
)


def text(order: Order) -> list[str]:
    return ["".join(op.kind for op in ops) for ops in order]


def test_order_rules_of_zb_h1_and_zb_h2() -> None:
    assert text(zb_h1(3, 5, 1)) == ["FFFBWFBWFBWBWBW", "FFBFBWFBWFBWBWW", "FBFBFBWFBWFBWWW"]
    assert text(zb_h2(2, 4, 1)) == ["FFFBWFBWBWBW", "FBFBFBWFBWWW"]


@given(st.integers(1, 8), st.integers(0, 12), split_times)
def test_zb_h1_bubble_is_p_minus_1_times_f_plus_b_minus_w(p: int, more: int, times: PassTimes) -> None:
    order = zb_h1(p, 2 * p - 1 + more, 1)
    forward, backward, weight, _ = times
    assert max(timeline(order, times).idle) == (p - 1) * (forward + backward - weight)
    assert peak_activations(order, {"F": 1, "B": -1, "W": 0}) == tuple(range(p, 0, -1))


@given(st.integers(1, 8), st.integers(0, 12), split_times)
def test_zb_h2_bubble_of_the_span_is_p_minus_1_times_f_plus_b_minus_2w(p: int, more: int, times: PassTimes) -> None:
    m = 2 * p - 1 + more
    order = zb_h2(p, m, 1)
    forward, backward, weight, _ = times
    assert timeline(order, times).longest_span == m * sum(times) + (p - 1) * (forward + backward - 2 * weight)
    assert peak_activations(order, {"F": 1, "B": -1, "W": 0}) == tuple(range(2 * p - 1, 0, -2))


@pytest.mark.parametrize("cell", CELLS)
def test_bubble_rates_of_the_published_table(cell: Cell) -> None:
    share = weight_share(cell.p)
    assert round(bubble_rate(zb_h1(cell.p, cell.m, 1), cell.times), 4) == cell.h1
    assert round(bubble_rate(zb_h2(cell.p, cell.m, 1), cell.times), 4) == cell.h2
    assert round(bubble_rate(zb_1p(cell.p, cell.m, 1, cell.times, share), cell.times), 4) == cell.h1
    two_p = zb_2p(cell.p, cell.m, 1, cell.times, share)
    assert bubble_rate(two_p, cell.times) <= cell.two_p + 0.0005
    assert peak(two_p, share) <= 2 * cell.p + 1e-9


@pytest.mark.parametrize("schedule", [zb_h1, zb_h2])
@given(p=st.integers(1, 8), m=st.integers(1, 24))
def test_every_order_is_complete_and_ends(schedule: Callable[[int, int, int], Order], p: int, m: int) -> None:
    order = schedule(p, m, 1)
    check_split_order(order, looped_routes(p, m, 1))
    assert timeline(order, PassTimes(3, 2, 1, 1)).makespan > 0


positive = st.floats(0.01, 3)
any_times = st.builds(PassTimes, positive, positive, positive, st.floats(0, 2))


@settings(max_examples=150)
@given(st.integers(1, 6), st.integers(1, 16), any_times, st.floats(0, 1), st.floats(1, 12))
def test_limited_orders_end_within_their_memory(p: int, m: int, times: PassTimes, share: float, limit: float) -> None:
    order = zb_within(p, m, times, share, limit)
    check_split_order(order, looped_routes(p, m, 1))
    assert timeline(order, times).makespan > 0
    assert peak(order, share) <= limit + 1e-6


@settings(max_examples=100)
@given(st.integers(1, 6), st.integers(1, 16), any_times, st.floats(0, 1))
def test_zb_1p_and_2p_are_never_longer_than_zb_h1_and_h2(p: int, m: int, times: PassTimes, share: float) -> None:
    one, two = zb_1p(p, m, 1, times, share), zb_2p(p, m, 1, times, share)
    assert timeline(one, times).longest_span <= timeline(zb_h1(p, m, 1), times).longest_span + 1e-9
    assert timeline(two, times).longest_span <= timeline(zb_h2(p, m, 1), times).longest_span + 1e-9


def test_the_heuristic_beats_the_handcrafted_orders_where_memory_allows() -> None:
    times = PassTimes(1, 1.4, 0.5, 0.05)
    assert bubble_rate(zb_2p(8, 40, 1, times, 0.4), times) < 0.5 * bubble_rate(zb_h2(8, 40, 1), times)


def test_bad_chunks_limits_and_shares_are_refused() -> None:
    with pytest.raises(LayoutError, match="zb-h1 holds 1 chunk a stage, got 2"):
        zb_h1(4, 8, 2)
    with pytest.raises(LayoutError, match="limit of at least 1"):
        zb_within(4, 8, PassTimes(1, 1, 1, 0), 0.4, 0.5)
    with pytest.raises(LayoutError, match="share between 0 and 1"):
        zb_within(4, 8, PassTimes(1, 1, 1, 0), 1.4, 4)
