"""Lives by their hazard: straight pieces over age, whose level follows from the mean.

A hazard h(a) gives the distribution F(a) = 1 - exp(-H(a)), H its integral, and the mean life, the integral of 1 - F.
Straight pieces make H a parabola piece by piece, so that H and its inverse are closed forms.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import exp, expm1, inf, log1p, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.reliability.records import Law

Floats = NDArray[np.float64]
Columns = tuple[tuple[float, ...], ...]
"""Of each piece: the age at which it begins, the hazard there, its slope, and H there."""

_TINY = 1e-300


def bathtub_law(
    mean_s: float, infant_factor: float, infant_until_s: float, wear_out_from_s: float, wear_out_doubling_s: float
) -> Law:
    """Return a law whose hazard falls, stays and rises with age: infant mortality, useful life, wear-out.

    h(a) = c (1 + (f - 1) max(0, 1 - a/i) + max(0, a - w)/d): f times the useful hazard at age 0, falling to it at age
    i; from age w on it grows by itself every d. c is what gives the mean. Raises InputError for numbers that give no
    such shape.

    >>> law = bathtub_law(1000.0, 5.0, 100.0, 900.0, 300.0)
    >>> law.kind, law.mean_s, round(law.table[1][0] / law.table[1][1], 9)
    ('bathtub', 1000.0, 5.0)
    """
    if not (infant_factor >= 1 and 0 < infant_until_s <= wear_out_from_s and wear_out_doubling_s > 0):
        raise InputError(
            f"bathtub law: got factor {infant_factor:g} to {infant_until_s:g} s, wear-out from {wear_out_from_s:g} s "
            f"doubling in {wear_out_doubling_s:g} s; expected a factor of at least 1, and ages in this order"
        )
    ages = (0.0, infant_until_s, wear_out_from_s)
    slopes = ((1 - infant_factor) / infant_until_s, 0.0, 1 / wear_out_doubling_s)
    return hazard_law("bathtub", mean_s, ages, (infant_factor, 1.0, 1.0), slopes)


def piecewise_law(mean_s: float, ages_s: Sequence[float], hazards: Sequence[float]) -> Law:
    """Return a law whose hazard is constant between ages: hazards[0] to ages_s[0], then hazards[1], and so on.

    Only ratios of hazards matter: the mean gives their level. Raises InputError unless ages rise from above 0, and
    there is one hazard more than ages, none of them negative and the last above 0.

    >>> infant = piecewise_law(100.0, [10.0], [5.0, 1.0])
    >>> round(infant.table[1][0] / infant.table[1][1], 9)
    5.0
    """
    ages = (0.0, *ages_s)
    if any(not a < b for a, b in pairwise(ages)) or ages[-1] == inf:
        raise InputError(f"piecewise law: got ages {_listed(ages_s)} s; expected each above the one before, from 0 on")
    if len(hazards) != len(ages) or any(not 0 <= h < inf for h in hazards) or hazards[-1] == 0:
        raise InputError(
            f"piecewise law: got hazards {_listed(hazards)} for {len(ages_s)} ages; expected one more than ages, from "
            "0 up, the last above 0"
        )
    return hazard_law("piecewise", mean_s, ages, tuple(hazards), (0.0,) * len(ages))


def infant_law(useful_s: float, factor: float, until_s: float) -> Law:
    """Return an exponential life of mean `useful_s` whose rate is `factor` times as high up to an age.

    mean = u (1 - e^(-f t/u)) / f + u e^(-f t/u), u the useful mean, t the age.

    >>> round(infant_law(100.0, 1.0, 50.0).mean_s, 9), round(infant_law(100.0, 10.0, 10.0).mean_s, 3)
    (100.0, 43.109)
    """
    survive = exp(-factor * until_s / useful_s)
    mean_s = useful_s * ((1 - survive) / factor + survive)
    return piecewise_law(mean_s, [until_s], [factor, 1.0])


def hazard_law(
    kind: str, mean_s: float, ages_s: Sequence[float], hazards: Sequence[float], slopes: Sequence[float]
) -> Law:
    """Return the law of straight pieces of hazard, scaled to the mean; its table is that of a mean of one.

    Raises InputError where nothing fails before the age that would be the mean.
    """
    if not 0 < mean_s < inf:
        raise InputError(f"{kind} law: the mean is {mean_s:g} s; expected more than 0")
    spared = next(age for age, *pieces in zip(ages_s, hazards, slopes, strict=True) if any(pieces))
    if spared >= mean_s:
        raise InputError(f"{kind} law: the mean is {mean_s:g} s, and nothing fails before {spared:g} s")
    ages = [age / mean_s for age in ages_s]
    rates, steps = list(hazards), [slope * mean_s for slope in slopes]
    level = _level(ages, rates, steps)
    rates, steps = [level * rate for rate in rates], [level * step for step in steps]
    table = (tuple(ages), tuple(rates), tuple(steps), tuple(_cumulative(ages, rates, steps)))
    return Law(kind=kind, mean_s=mean_s, table=table)


def mean_life(ages: Sequence[float], rates: Sequence[float], slopes: Sequence[float]) -> float:
    """Return the mean life of straight pieces of hazard: the sum of e^(-H) times the integral of each piece.

    >>> mean_life([0.0], [0.25], [0.0])
    4.0
    """
    survivals = [exp(-reached) for reached in _cumulative(ages, rates, slopes)]
    widths = [b - a for a, b in zip(ages, [*ages[1:], inf], strict=True)]
    return sum(s * _piece(*piece) for s, *piece in zip(survivals, rates, slopes, widths, strict=True))


def hazard_cdf(table: Columns, age: float) -> float:
    """Return the probability that a life ends by an age, in means."""
    ages, rates, slopes, reached = table
    piece = bisect_right(ages, age) - 1
    along = age - ages[piece]
    return -expm1(-(reached[piece] + along * (rates[piece] + along * slopes[piece] / 2)))


def hazard_quantile(table: Columns, probability: Floats) -> Floats:
    """Return lives in means from probabilities: the inverse of H at -ln(1 - p)."""
    ages, rates, slopes, reached = (np.array(column) for column in table)
    exponential = -np.log1p(-probability)
    piece = np.searchsorted(reached, exponential, side="right") - 1
    left = exponential - reached[piece]
    root = np.sqrt(np.maximum(rates[piece] ** 2 + 2 * slopes[piece] * left, 0.0))
    return np.asarray(ages[piece] + 2 * left / np.maximum(rates[piece] + root, _TINY))


def hazard_life(table: Columns, probability: float) -> float:
    """Return one life in means: an element of `hazard_quantile`, to its rounding."""
    ages, rates, slopes, reached = table
    exponential = -log1p(-probability)
    piece = bisect_right(reached, exponential) - 1
    left = exponential - reached[piece]
    root = sqrt(max(rates[piece] ** 2 + 2 * slopes[piece] * left, 0.0))
    return ages[piece] + 2 * left / max(rates[piece] + root, _TINY)


def _level(ages: Sequence[float], rates: Sequence[float], slopes: Sequence[float]) -> float:
    """Return the factor of all hazards that gives a mean of one; the mean falls as it grows."""
    from scipy.optimize import brentq

    def excess(logarithm: float) -> float:
        level = exp(logarithm)
        return mean_life(ages, [level * r for r in rates], [level * s for s in slopes]) - 1.0

    low, high = -1.0, 1.0
    while excess(low) < 0:
        low -= 2.0
    while excess(high) > 0:
        high += 2.0
    return exp(float(brentq(excess, low, high, xtol=1e-15, rtol=1e-15)))


def _cumulative(ages: Sequence[float], rates: Sequence[float], slopes: Sequence[float]) -> list[float]:
    """Return H at the beginning of each piece."""
    reached = [0.0]
    for i, width in enumerate(b - a for a, b in pairwise(ages)):
        reached.append(reached[-1] + width * (rates[i] + slopes[i] * width / 2))
    return reached


def _piece(rate: float, slope: float, width: float) -> float:
    """Return the integral over a piece of exp(-rate u - slope u^2 / 2)."""
    from scipy.special import dawsn, erfcx

    if slope == 0:
        return width if rate == 0 else -expm1(-rate * width) / rate
    at_end = 0.0 if width == inf else exp(-width * (rate + slope * width / 2))
    scale = sqrt(2 * abs(slope))
    start, end = rate / scale, (0.0 if width == inf else (rate + slope * width) / scale)
    if slope > 0:
        return sqrt(pi) / scale * float(erfcx(start) - at_end * erfcx(end))
    return 2 / scale * float(dawsn(start) - at_end * dawsn(end))


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values) or "none"
