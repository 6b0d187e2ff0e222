"""Distributions by their published quantiles, and the hypercube that samples them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.analysis.generations.book import MOVED, factor_of, moved_book
from sim.analysis.generations.spread import by_quantiles, log_normal, step_points, unit_samples
from sim.catalog import names, price_book
from sim.catalog.bands import band
from sim.scenario import load_scenario


@given(st.floats(0.01, 0.9), st.floats(1.1, 50.0))
def test_a_tenth_of_a_log_normal_lies_outside_its_band(low: float, high: float) -> None:
    units = (np.arange(1000) + 0.5) / 1000
    drawn = log_normal(units, low, high)
    assert np.count_nonzero(drawn < low) == np.count_nonzero(drawn > high) == 50
    assert np.median(drawn) == pytest.approx((low * high) ** 0.5, rel=1e-2)


def test_quantiles_are_met_exactly_and_values_rise_between_and_beyond() -> None:
    points = [(0.025, 0.7), (0.1, 0.9), (0.5, 1.0), (0.9, 1.1), (0.975, 1.4)]
    shares = np.array([share for share, _ in points])
    assert by_quantiles(shares, points) == pytest.approx([value for _, value in points])
    assert (np.diff(by_quantiles(np.linspace(0.001, 0.999, 400), points)) > 0).all()


def test_a_hypercube_has_one_sample_in_each_slice_of_every_dimension() -> None:
    units = unit_samples(64, 5, seed=3)
    assert (np.sort((units * 64).astype(int), axis=0) == np.arange(64)[:, None]).all()
    assert (unit_samples(64, 5, seed=3) == units).all()
    assert (unit_samples(64, 5, seed=4) != units).any()


@pytest.mark.parametrize(
    ("preset", "kind", "stack"),
    [
        ("llama3-405b", "dense 16-bit", "known stack"),
        ("deepseek-v3", "MoE", "new stack"),
        ("gemini-ultra-class", "dense 16-bit", "new stack"),
        ("transformer-2017", "dense 16-bit", "new stack"),
    ],
)
def test_the_error_of_a_step_is_the_band_that_was_measured_for_its_kind(preset: str, kind: str, stack: str) -> None:
    points = dict(step_points(load_scenario(preset)))
    for coverage in (0.8, 0.95):
        low, high = band(kind, stack, coverage)
        assert points.get((1 - coverage) / 2, low) == low
        assert points.get(round(1 - (1 - coverage) / 2, 6), high) == high
    assert points[0.5] == 1.0


@pytest.mark.parametrize("name", names("price-book"))
def test_each_price_is_moved_by_one_factor_at_most(name: str) -> None:
    for key in price_book(name).prices:
        moving = [factor for factor, heads in MOVED.items() if key.startswith(heads)]
        assert len(moving) <= 1, (key, moving)


@given(st.floats(0.1, 10.0))
def test_a_moved_book_is_the_book_times_its_factors(factor: float) -> None:
    book = price_book("2026-owned")
    moved = moved_book(book, {"hardware": factor, "people": 2.0}, pue=1.3)
    for key, price in book.prices.items():
        expected = 1.3 if key == "energy/pue" else price.value * factor_of(key, {"hardware": factor, "people": 2.0})
        assert moved.prices[key].value == expected
    assert moved.prices["staff/operations"] == book.prices["staff/operations"]
