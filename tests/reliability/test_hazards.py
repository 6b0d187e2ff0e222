"""A hazard of straight pieces gives its law: level, mean, distribution and its inverse."""

import itertools
from math import exp, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from sim.errors import InputError
from sim.reliability.failures.hazards import bathtub_law, infant_law, mean_life, piecewise_law
from sim.reliability.failures.laws import cdf, durations_us, quantile
from sim.reliability.records import Law
from sim.streams import uniforms


def hazard(law: Law, age_s: float) -> float:
    """The hazard of a law at an age by its definition: f / (1 - F), as a difference."""
    step_s = 1e-4
    survive, later = 1 - cdf(law, age_s), 1 - cdf(law, age_s + step_s)
    return (survive - later) / survive / step_s


def mean_s(law: Law, kinks: list[float]) -> float:
    """The mean of a law by its definition: the integral of 1 - F, from kink to kink."""
    last = float(quantile(law, np.array(1 - 1e-13)))
    bounds = [0.0, *(kink for kink in kinks if kink < last), last]
    # Short stretches, so that none hides how fast a high hazard ends lives.
    cuts = np.unique(np.concatenate([np.linspace(a, b, 40) for a, b in itertools.pairwise(bounds)]))
    return sum(quad(lambda t: 1 - cdf(law, t), a, b, epsabs=1e-13)[0] for a, b in itertools.pairwise(cuts))


def test_the_hazard_of_a_bathtub_falls_stays_and_rises() -> None:
    law = bathtub_law(100.0, 5.0, 10.0, 90.0, 30.0)
    useful = hazard(law, 50.0)
    for age_s, factor in [(0.0, 5.0), (5.0, 3.0), (10.0, 1.0), (89.0, 1.0), (120.0, 2.0), (150.0, 3.0)]:
        assert hazard(law, age_s) == pytest.approx(factor * useful, rel=1e-4)


def test_the_hazard_of_a_piecewise_law_is_the_ratio_of_its_pieces() -> None:
    law = piecewise_law(100.0, [10.0, 90.0], [6.0, 1.0, 4.0])
    useful = hazard(law, 50.0)
    for age_s, factor in [(0.0, 6.0), (9.0, 6.0), (11.0, 1.0), (89.0, 1.0), (91.0, 4.0), (300.0, 4.0)]:
        assert hazard(law, age_s) == pytest.approx(factor * useful, rel=1e-5)


@given(
    factor=st.floats(1, 1e3),
    infant=st.floats(0.01, 1),
    useful=st.floats(0, 3),
    doubling=st.floats(0.01, 10),
    mean=st.floats(0.1, 5),
)
def test_a_bathtub_has_its_mean(factor: float, infant: float, useful: float, doubling: float, mean: float) -> None:
    law = bathtub_law(mean, factor, infant, infant + useful, doubling)
    assert mean_s(law, [infant, infant + useful]) == pytest.approx(mean, rel=1e-7)


@given(
    widths=st.lists(st.floats(0.05, 2), min_size=1, max_size=5),
    hazards=st.lists(st.floats(0.1, 100), min_size=6, max_size=6),
    mean=st.floats(0.1, 5),
)
def test_a_piecewise_law_has_its_mean(widths: list[float], hazards: list[float], mean: float) -> None:
    ages = np.cumsum(widths).tolist()
    law = piecewise_law(mean, ages, hazards[: len(ages) + 1])
    assert mean_s(law, ages) == pytest.approx(mean, rel=1e-7)


def test_a_piece_without_hazard_is_survived() -> None:
    law = piecewise_law(100.0, [60.0], [0.0, 1.0])
    assert cdf(law, 60.0) == 0.0
    assert quantile(law, np.array([0.0, 1 - exp(-1)])) == pytest.approx([60.0, 100.0])
    gap = piecewise_law(100.0, [10.0, 50.0], [1.0, 0.0, 1.0])
    assert cdf(gap, 10.0) == cdf(gap, 50.0) > 0
    assert float(quantile(gap, np.array(cdf(gap, 50.0) + 1e-12))) == pytest.approx(50.0)


def test_equal_hazards_are_exponential() -> None:
    p = np.linspace(0, 0.999, 12)
    even = quantile(piecewise_law(7.0, [3.0, 20.0], [2.0, 2.0, 2.0]), p)
    assert even == pytest.approx(quantile(Law(kind="exponential", mean_s=7.0), p))


def test_infant_mortality_leaves_the_rate_of_useful_life() -> None:
    law = infant_law(100.0, 8.0, 5.0)
    assert hazard(law, 1.0) == pytest.approx(8 / 100, rel=1e-4)
    assert hazard(law, 60.0) == pytest.approx(1 / 100, rel=1e-4)
    drawn_s = durations_us(law, uniforms(1, "infant", count=400_000)) * 1e-6
    assert abs(drawn_s.mean() - law.mean_s) < 3.5 * drawn_s.std() / np.sqrt(len(drawn_s))


def test_the_mean_of_a_rising_hazard_is_that_of_rayleigh() -> None:
    # h = a: F = 1 - exp(-a^2/2), of mean sqrt(pi/2).
    assert mean_life([0.0], [0.0], [1.0]) == pytest.approx(np.sqrt(np.pi / 2))


@pytest.mark.parametrize(
    ("ages", "hazards", "words"),
    [
        ([10.0, 10.0], [1.0, 1.0, 1.0], "expected each above the one before"),
        ([0.0], [1.0, 1.0], "expected each above the one before"),
        ([10.0], [1.0], "got hazards 1 for 1 ages; expected one more"),
        ([10.0], [1.0, 0.0], "the last above 0"),
        ([10.0], [-1.0, 1.0], "from 0 up"),
        ([200.0], [0.0, 1.0], "the mean is 100 s, and nothing fails before 200 s"),
        ([inf], [1.0, 1.0], "got ages inf s"),
    ],
)
def test_pieces_that_give_no_law_are_refused(ages: list[float], hazards: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        piecewise_law(100.0, ages, hazards)


@pytest.mark.parametrize("numbers", [(0.5, 10.0, 20.0, 5.0), (2.0, 30.0, 20.0, 5.0), (2.0, 10.0, 20.0, 0.0)])
def test_numbers_that_make_no_bathtub_are_refused(numbers: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputError, match="bathtub law: got factor"):
        bathtub_law(100.0, *numbers)
