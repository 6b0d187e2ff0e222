"""Bands: quantiles by hand, stretch until folds left out are held."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.analysis.bands import (
    STRETCHES,
    Residual,
    calibrated,
    coverage_left_out,
    factors,
    log_band,
    stretch_for,
    weighted_quantile,
    weights_of,
)
from sim.catalog.bands import COVERAGES
from sim.errors import InputError


def errors_of(*folds: list[float]) -> list[Residual]:
    return [Residual(fold=str(i), log_error=error) for i, errors in enumerate(folds) for error in errors]


def test_a_fold_of_many_rows_weighs_as_the_root_of_their_number() -> None:
    weights = weights_of(errors_of([0.0] * 9, [0.0]))
    assert sum(weights[:9]) == pytest.approx(3)
    assert weights[9] == 1


def test_a_quantile_is_the_least_value_with_its_share_of_the_weight() -> None:
    values, weights = [4.0, 1.0, 3.0, 2.0], [1.0, 1.0, 1.0, 5.0]
    assert [weighted_quantile(values, weights, share) for share in (0.1, 0.125, 0.2, 0.75, 0.8, 1.0)] == [
        1,
        1,
        2,
        2,
        3,
        4,
    ]


def test_stretch_moves_both_ends_from_the_median_and_keeps_their_skew() -> None:
    errors = errors_of(*[[value] for value in (-0.1, 0.0, 0.0, 0.0, 0.3)])
    assert log_band(errors, 0.8) == (-0.1, 0.3)
    assert log_band(errors, 0.8, 2.0) == pytest.approx((-0.2, 0.6))


def test_coverage_is_of_folds_that_the_band_has_not_seen() -> None:
    # Left out, 0.0 lies in [-0.1, 0.1]; -0.1 and 0.1 each lie outside of the other two.
    errors = errors_of([-0.1], [0.0], [0.1])
    assert coverage_left_out(errors, 0.8, 1.0) == pytest.approx(1 / 3)
    # Without 0.1 the median of -0.1 and 0 is the lower, so that twice the width reaches 0.1; not so on the other side.
    assert coverage_left_out(errors, 0.8, 2.0) == pytest.approx(2 / 3)


def test_a_fold_that_repeats_one_row_does_not_buy_coverage() -> None:
    lone = coverage_left_out(errors_of([0.0], [0.01], [5.0]), 0.8, 1.0)
    many = coverage_left_out(errors_of([0.0], [0.01], [5.0] * 100), 0.8, 1.0)
    assert many < lone


def test_the_stretch_is_the_least_that_holds() -> None:
    rng = np.random.default_rng(7)
    errors = errors_of(*[list(rng.normal(level, 0.05, 4)) for level in rng.normal(0, 0.1, 20)])
    chosen = stretch_for(errors, 0.8)
    assert coverage_left_out(errors, 0.8, chosen) >= 0.8
    narrower = [each for each in STRETCHES if each < chosen]
    assert narrower, "levels of folds differ, so that plain quantiles hold too little"
    assert all(coverage_left_out(errors, 0.8, each) < 0.8 for each in narrower)


def test_bands_hold_new_folds_of_the_same_world() -> None:
    rng = np.random.default_rng(3)

    def world(folds: int) -> list[Residual]:
        return errors_of(*[list(rng.normal(level, 0.05, 5)) for level in rng.normal(0, 0.1, folds)])

    low, high = calibrated(world(40), 0.8)
    fresh = world(2000)
    held = sum(low <= each.log_error <= high for each in fresh) / len(fresh)
    assert 0.72 < held < 0.92


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12), st.sampled_from(COVERAGES))
def test_a_band_has_its_low_end_below_its_high_end_and_the_wider_holds_the_narrower(
    values: list[float], coverage: float
) -> None:
    errors = errors_of(*[[value] for value in values])
    low, high = log_band(errors, coverage)
    assert low <= high
    wide_low, wide_high = log_band(errors, 0.95)
    assert wide_low <= low <= high <= wide_high


def test_a_prediction_that_is_short_means_that_measured_times_are_longer() -> None:
    low, high = factors((-0.3, 0.0))
    assert low == 1
    assert high > 1


@pytest.mark.parametrize("errors", [[], errors_of([0.1, 0.2])])
def test_one_fold_makes_no_band(errors: list[Residual]) -> None:
    with pytest.raises(InputError, match="expected two folds at least"):
        calibrated(errors, 0.8)
