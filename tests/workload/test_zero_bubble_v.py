"""ZB-V keeps its bubble and its balanced memory, and ends with any number of microbatches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import LayoutError
from sim.workload.zero_bubble_v import v_routes, zb_v
from tests.workload.pipeline_simulator import check_split_order, peak_activations, simulate


def test_routes() -> None:
    assert v_routes(3, 2, 2) == (((0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1)),) * 2


@given(st.integers(1, 8), st.integers(0, 12))
def test_no_bubble_for_equal_passes_and_balanced_activations(p: int, more: int) -> None:
    m = 2 * p - 1 + more
    order = zb_v(p, m, 2)
    line = simulate(order, v_routes(p, m, 2), {"F": 1, "B": 1, "W": 1})
    assert line.longest_span == 6 * m
    assert line.makespan == 6 * m + p - 1
    assert peak_activations(order, {"F": 0.5, "B": 0, "W": -0.5}) == (p,) * p


@given(p=st.integers(1, 8), m=st.integers(1, 20))
def test_every_order_is_complete_and_ends(p: int, m: int) -> None:
    order, routes = zb_v(p, m, 2), v_routes(p, m, 2)
    check_split_order(order, routes)
    assert simulate(order, routes, {"F": 3, "B": 2, "W": 1}, latency=1).makespan > 0


def test_other_chunks_are_refused() -> None:
    with pytest.raises(LayoutError, match="zb-v holds 2 chunks a stage, got 1"):
        zb_v(4, 8, 1)
