"""A stream depends on its seed and its name only, and any element of it can be reached alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.streams import Elements, stream, uniform_at, uniforms

NAMES = st.lists(st.one_of(st.text(max_size=8), st.integers(-(2**70), 2**70)), max_size=4)
SEEDS = st.integers(-(2**70), 2**70)


def test_the_numbers_never_change_between_releases() -> None:
    expected = [0.08017558671727687, 0.43185305857022593, 0.35948516278356124, 0.5566308163352921]
    assert uniforms(1, "failure", "gpu", 0, count=4).tolist() == expected
    assert uniform_at(1, "failure", "gpu", 0, index=1_000_003) == 0.011076500037813575
    assert stream(2**70, "a").integers(0, 2**63, 2).tolist() == [1648836356223287142, 2174563150448291258]


@given(seed=SEEDS, names=NAMES, first=st.integers(0, 50), more=st.integers(0, 50))
def test_the_first_elements_do_not_depend_on_how_many_are_drawn(
    seed: int, names: list[str | int], first: int, more: int
) -> None:
    longer = uniforms(seed, *names, count=first + more)
    assert uniforms(seed, *names, count=first).tolist() == longer[:first].tolist()


@given(seed=SEEDS, names=NAMES, index=st.integers(0, 300))
def test_random_access_equals_the_vector(seed: int, names: list[str | int], index: int) -> None:
    assert uniform_at(seed, *names, index=index) == uniforms(seed, *names, count=index + 1).tolist()[index]


@given(seed=SEEDS, names=NAMES, order=st.lists(st.integers(0, 300), min_size=1, max_size=9))
def test_elements_in_any_order_are_those_of_the_vector(seed: int, names: list[str | int], order: list[int]) -> None:
    elements, vector = Elements(seed, *names), uniforms(seed, *names, count=301)
    assert [elements.at(index) for index in order] == vector[order].tolist()


@given(names=st.lists(NAMES, min_size=2, max_size=2, unique_by=repr), seed=SEEDS)
def test_different_names_give_different_numbers(names: list[list[str | int]], seed: int) -> None:
    assert uniform_at(seed, *names[0], index=0) != uniform_at(seed, *names[1], index=0)


@pytest.mark.parametrize(
    ("one", "other"), [(("ab", "c"), ("a", "bc")), (("1",), (1,)), ((1, 2), (12,)), ((), ("",)), (("a",), ("a", ""))]
)
def test_parts_of_a_name_do_not_run_together(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> None:
    assert uniform_at(0, *one, index=0) != uniform_at(0, *other, index=0)


def test_a_stream_does_not_depend_on_what_was_drawn_before() -> None:
    expected = uniforms(3, "b", count=2).tolist()
    stream(3, "a").random(1000)
    assert uniforms(3, "b", count=2).tolist() == expected


def test_a_numpy_integer_names_the_same_stream_as_an_int() -> None:
    assert uniform_at(7, int(np.int64(3)), index=0) == uniform_at(7, np.int64(3), index=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [1.5, None, b"x"])
def test_a_name_is_text_or_an_integer(bad: object) -> None:
    with pytest.raises(TypeError):
        stream(1, bad)  # type: ignore[arg-type]


def test_an_index_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0, got -1"):
        uniform_at(1, index=-1)


def test_one_stream_is_uniform() -> None:
    draws = uniforms(1, "uniform", count=200_000)
    assert abs(draws.mean() - 0.5) < 4 / np.sqrt(12 * draws.size)
    assert abs(draws.var() - 1 / 12) < 0.001
    assert stats.kstest(draws, "uniform").pvalue > 1e-3


def test_the_first_elements_of_many_streams_are_uniform_and_uncorrelated() -> None:
    first = np.array([uniforms(1, "many", k, count=2) for k in range(20_000)])
    assert stats.kstest(first[:, 0], "uniform").pvalue > 1e-3
    neighbours = np.corrcoef(first[:-1, 0], first[1:, 0])[0, 1]
    elements = np.corrcoef(first[:, 0], first[:, 1])[0, 1]
    assert max(abs(neighbours), abs(elements)) < 4 / np.sqrt(20_000)
