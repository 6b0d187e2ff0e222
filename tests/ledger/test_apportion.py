"""Whole numbers are split into whole numbers that sum to what was split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import SimulationError
from sim.ledger.time.apportion import apportion, exact_sums, split, unbalanced

weights = st.lists(st.integers(0, 2**52), min_size=1, max_size=14).filter(lambda w: sum(w) > 0)
int64s = st.integers(-(2**63) + 1, 2**63 - 1)


def test_the_largest_remainder_gets_the_last_unit() -> None:
    assert split(100, [1, 2, 4]) == [14, 29, 57]  # 14.29, 28.57, 57.14


@given(amount=st.integers(-(10**30), 10**30), weights=weights)
def test_parts_sum_to_the_whole_and_are_within_one_of_their_quota(amount: int, weights: list[int]) -> None:
    parts = split(amount, weights)
    whole = sum(weights)
    assert sum(parts) == amount
    assert all(abs(part * whole - amount * weight) < whole for part, weight in zip(parts, weights, strict=True))


@given(amounts=st.lists(int64s, max_size=5), weights=weights)
def test_the_vectorised_split_is_the_plain_one(amounts: list[int], weights: list[int]) -> None:
    table = apportion(np.array(amounts, np.int64), weights)
    assert table.tolist() == [split(amount, weights) for amount in amounts]


def test_a_part_without_weight_gets_nothing() -> None:
    assert apportion(np.array([7]), [3, 0, 4]).tolist() == [[3, 0, 4]]


@pytest.mark.parametrize("bad", [[], [0, 0], [-1, 2], [2**56]])
def test_weights_that_cannot_split_are_refused(bad: list[int]) -> None:
    with pytest.raises(SimulationError, match="got a sum of"):
        apportion(np.array([1]), bad)


def test_split_refuses_weights_that_sum_to_nothing() -> None:
    with pytest.raises(SimulationError, match="expected weights that sum to more than 0"):
        split(1, [0, 0])


@given(rows=st.lists(st.tuples(st.integers(0, 3), int64s), max_size=30))
def test_sums_by_group_are_those_of_python(rows: list[tuple[int, int]]) -> None:
    groups = np.array([group for group, _ in rows], np.int64)
    values = np.array([value for _, value in rows], np.int64)
    sums = [sum(v for g, v in rows if g == group) for group in range(4)]
    assert exact_sums(groups, values, 4) == sums
    assert unbalanced(groups, values, 4).tolist() == [group for group, total in enumerate(sums) if total]


@given(values=st.lists(int64s, max_size=30))
def test_values_and_their_opposites_are_balanced(values: list[int]) -> None:
    both = np.array([*values, *(-1 - value for value in values), *([1] * len(values))], np.int64)
    assert unbalanced(np.zeros(len(both), np.int64), both, 1).tolist() == []
