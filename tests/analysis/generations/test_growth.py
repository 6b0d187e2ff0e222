"""Growth and its arithmetic: what articles state, worked out exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.analysis.cost.claims.shares import fewer_gpus, more_gpus
from sim.analysis.generations.growth import compute_optimal, doubling_months, fitted, grown, growth_of, yearly


def test_2_4_times_a_year_makes_930_dollars_of_2017_178_thousand_by_2023_not_85_million() -> None:
    assert grown(930.0, 2.4, 6.0) == pytest.approx(930 * 191.102976)
    assert yearly(1000.0, 85e6, 6.0) == pytest.approx(85_000 ** (1 / 6))
    assert 6.6 < yearly(1000.0, 85e6, 6.0) < 6.7


def test_a_doubling_in_6_to_10_months_is_2_3_to_4_times_a_year() -> None:
    assert growth_of(6.0) == 4.0
    assert growth_of(10.0) == pytest.approx(2.297, abs=1e-3)


def test_2_4_to_2_6_times_a_year_doubles_in_8_7_to_9_5_months() -> None:
    assert [round(doubling_months(each), 1) for each in (2.6, 2.4)] == [8.7, 9.5]


def test_mfu_from_30_to_50_percent_takes_exactly_40_percent_fewer_hours_as_two_thirds_more_gpus() -> None:
    assert fewer_gpus(0.3, 0.5) == pytest.approx(0.4, abs=1e-15)
    assert more_gpus(0.3, 0.5) == pytest.approx(2 / 3, abs=1e-15)


def test_chinchilla_is_near_70_billion_parameters_and_1_4_trillion_tokens() -> None:
    parameters, tokens = compute_optimal(5.76e23)
    assert 6 * parameters * tokens == pytest.approx(5.76e23)
    assert tokens / parameters == pytest.approx(20)
    assert (round(parameters / 1e9), round(tokens / 1e12, 1)) == (69, 1.4)


@given(st.floats(1e18, 1e28))
def test_ten_times_the_compute_is_root_10_times_the_parameters_and_the_tokens(flop: float) -> None:
    once, tenfold = compute_optimal(flop), compute_optimal(10 * flop)
    assert [more / less for more, less in zip(tenfold, once, strict=True)] == pytest.approx([10**0.5] * 2)


@given(st.floats(1.1, 9.0))
def test_a_growth_doubles_in_the_months_that_give_it_back(growth: float) -> None:
    assert growth_of(doubling_months(growth)) == pytest.approx(growth)


def test_a_fit_finds_the_growth_that_made_the_rows_whatever_their_dates() -> None:
    years = [2017.4, 2020.4, 2023.2, 2024.6]
    amounts = np.array([[1000 * 2.5 ** (year - 2017.4) for year in years]] * 5)
    found = fitted(years, amounts)
    assert (found.p5, found.p50, found.p95) == pytest.approx((2.5, 2.5, 2.5))
    assert (found.first, found.last) == pytest.approx((1000.0, 1000 * 2.5**7.2))


def test_the_band_of_a_fit_is_that_of_its_samples() -> None:
    years = [2020.0, 2021.0, 2022.0]
    growths = np.linspace(2.0, 3.0, 101)
    found = fitted(years, np.array([[growth**step for step in range(3)] for growth in growths]))
    assert (found.p5, found.p50, found.p95) == pytest.approx((2.05, 2.5, 2.95))
