"""Bands: between which factors of a simulated step time a measured one lies, from errors out of sample.

A band stretches the quantiles of log errors about their median until, with each fold (source, sweep or stack) left out
in turn, the others' band holds the asked share of it. A fold with many rows says less with each: weights are one over
the root of its rows. The levels' choice of rows, profiles and rules was made with all rows in sight, which no fold
undoes: the bands are a little narrow for that.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import numpy as np

from sim.errors import InputError

STRETCHES = tuple(1 + step / 20 for step in range(81))
"""By how much quantiles may be stretched about their median, from not at all to five times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """One error out of sample: log of simulated over measured, and the fold that was left out for it."""

    fold: str
    log_error: float


def weights_of(residuals: Sequence[Residual]) -> list[float]:
    """Return the weight of each: one over the root of its fold's rows.

    >>> weights_of([Residual(fold="a", log_error=0.0)] * 4)
    [0.5, 0.5, 0.5, 0.5]
    """
    rows = Counter(each.fold for each in residuals)
    return [rows[each.fold] ** -0.5 for each in residuals]


def weighted_quantile(values: Sequence[float], weights: Sequence[float], share: float) -> float:
    """Return the least value up to which at least a share of the weight lies.

    >>> weighted_quantile([3.0, 1.0, 2.0], [1.0, 1.0, 2.0], 0.5), weighted_quantile([1.0, 2.0], [1.0, 1.0], 0.9)
    (2.0, 2.0)
    """
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(np.asarray(weights)[order])
    # A hair less than the share: sums of equal weights round.
    return float(np.asarray(values)[order][np.searchsorted(upto, share * upto[-1] * (1 - 1e-12))])


def log_band(residuals: Sequence[Residual], coverage: float, stretch: float = 1.0) -> tuple[float, float]:
    """Return the lowest and highest log error of a band.

    >>> errors = [Residual(fold=str(i), log_error=i / 10) for i in range(-5, 6)]
    >>> log_band(errors, 0.8), log_band(errors, 0.8, stretch=2.0)
    ((-0.4, 0.4), (-0.8, 0.8))
    """
    values, weights = [each.log_error for each in residuals], weights_of(residuals)
    low, middle, high = (
        weighted_quantile(values, weights, share) for share in ((1 - coverage) / 2, 0.5, (1 + coverage) / 2)
    )
    return middle - stretch * (middle - low), middle + stretch * (high - middle)


def covered(residuals: Sequence[Residual], band: tuple[float, float], weights: Sequence[float]) -> float:
    """Return the weight of the errors in a band, ends included."""
    return sum(weight for each, weight in zip(residuals, weights, strict=True) if band[0] <= each.log_error <= band[1])


def coverage_left_out(residuals: Sequence[Residual], coverage: float, stretch: float) -> float:
    """Return the share of weight in bands that were made without the fold it is in; 0 where there is one fold.

    >>> pair = [Residual(fold="a", log_error=0.0), Residual(fold="b", log_error=1.0)]
    >>> coverage_left_out(pair, 0.8, 1.0)
    0.0
    """
    folds = sorted({each.fold for each in residuals})
    if len(folds) == 1:
        return 0.0
    weights, held = weights_of(residuals), 0.0
    for fold in folds:
        rest = [each for each in residuals if each.fold != fold]
        pairs = [(each, weight) for each, weight in zip(residuals, weights, strict=True) if each.fold == fold]
        held += covered([each for each, _ in pairs], log_band(rest, coverage, stretch), [weight for _, weight in pairs])
    return held / sum(weights)


def stretch_for(residuals: Sequence[Residual], coverage: float) -> float:
    """Return the least stretch whose bands hold their share of folds left out, the largest where none does."""
    return next((each for each in STRETCHES if coverage_left_out(residuals, coverage, each) >= coverage), STRETCHES[-1])


def calibrated(residuals: Sequence[Residual], coverage: float) -> tuple[float, float]:
    """Return the lowest and highest log error of a band that holds its share out of sample.

    Raises InputError where there is nothing to learn from, or one fold, with nothing to check by.
    """
    if len({each.fold for each in residuals}) < 2:
        raise InputError(f"band: got {len(residuals)} errors of one fold or none; expected two folds at least")
    return log_band(residuals, coverage, stretch_for(residuals, coverage))


def factors(log_errors: tuple[float, float]) -> tuple[float, float]:
    """Return the factors on a simulated time between which a measured one lies: the error's signs turn.

    >>> low, high = factors((-0.1, 0.2))
    >>> round(low, 4), round(high, 4)
    (0.8187, 1.1052)
    """
    low, high = log_errors
    return exp(-high), exp(-low)
