"""Laws of durations and lives, given by their mean: quantile, distribution, and draws by inverse transform.

A draw is the quantile of a uniform, so that two laws fed with the same uniform give paired durations. A law of mean one
is a shape; its mean stretches it, ages in it included.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import erfc, gamma, isfinite, log, log1p, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError, unknown_name
from sim.reliability.failures.hazards import hazard_cdf, hazard_life, hazard_quantile
from sim.reliability.records import Law

Floats = NDArray[np.float64]
Table = tuple[tuple[float, ...], ...]

MAX_US = 2**62
"""The longest duration on the clock (146,000 years): what would never happen is put here."""


def empirical_law(lives_s: Sequence[float]) -> Law:
    """Return the law of lives or durations that were observed: each is drawn as often as any other (bootstrap).

    Beyond what was observed there is nothing: no life is longer than the longest. Raises InputError for none, for
    negative ones, and for nothing but zeros.

    >>> law = empirical_law([3.0, 1.0, 8.0])
    >>> law.mean_s, quantile(law, np.array([0.0, 0.5, 0.9])).tolist(), cdf(law, 3.0)
    (4.0, [1.0, 3.0, 8.0], 0.6666666666666666)
    """
    if not lives_s or not all(0 <= life_s < float("inf") for life_s in lives_s) or not any(lives_s):
        raise InputError(f"empirical law: got {len(lives_s)} durations; expected some, of 0 s or more, and not all 0")
    mean_s = sum(lives_s) / len(lives_s)
    return Law(kind="empirical", mean_s=mean_s, table=(tuple(life_s / mean_s for life_s in sorted(lives_s)),))


def check_law(law: Law, where: str = "law") -> None:
    """Refuse a law that cannot be drawn from.

    Raises UnknownNameError for an unknown kind; InputError for a mean that is negative or not finite, a shape that is
    not positive, a uniform law that is wider than its mean, and a table too many or too few.
    """
    if law.kind not in KINDS:
        raise unknown_name("law", law.kind, KINDS, where)
    if not (isfinite(law.mean_s) and law.mean_s >= 0):
        raise InputError(f"{where}: the mean of a {law.kind} law is {law.mean_s} s; expected 0 or more")
    if not (isfinite(law.shape) and law.shape > 0) or (law.kind == "uniform" and law.shape > 1):
        raise InputError(
            f"{where}: the shape of a {law.kind} law is {law.shape}; expected more than 0 (uniform: at most 1)"
        )
    if (law.kind in _TABLES) != bool(law.table):
        raise InputError(f"{where}: got a {law.kind} law {'with' if law.table else 'without'} a table")


def quantile(law: Law, probability: Floats) -> Floats:
    """Return the durations in seconds below which a law falls with the given probabilities in [0, 1).

    exponential -m ln(1-p); weibull m/Gamma(1+1/k) (-ln(1-p))^(1/k); lognormal m exp(sigma z - sigma^2/2), z the
    normal quantile; gamma m/k P^-1(k, p), P the regularised incomplete gamma function; uniform m (1 + h (2p - 1));
    bathtub and piecewise m H^-1(-ln(1-p)), H the integral of the hazard; empirical: of those observed, number
    floor(p n) in rising order.

    >>> quantile(Law(kind="uniform", mean_s=10.0, shape=0.5), np.array([0.0, 0.5])).tolist()
    [5.0, 10.0]
    """
    if law.table:
        return law.mean_s * _TABLES[law.kind].quantile(law.table, probability)
    return law.mean_s * _QUANTILES[law.kind](probability, law.shape)


def cdf(law: Law, time_s: float) -> float:
    """Return the probability that a duration is at most `time_s` seconds.

    >>> round(cdf(Law(kind="exponential", mean_s=10.0), 10.0), 4)
    0.6321
    """
    if law.mean_s == 0:
        return 1.0
    time = max(time_s, 0.0) / law.mean_s
    return float(_TABLES[law.kind].cdf(law.table, time) if law.table else _CDFS[law.kind](time, law.shape))


def durations_us(law: Law, uniforms: Floats) -> NDArray[np.int64]:
    """Return one duration in microseconds for each uniform in [0, 1), rounded to the nearest.

    >>> durations_us(Law(mean_s=1.5), np.array([0.1, 0.9])).tolist()
    [1500000, 1500000]
    """
    rounded = np.rint(np.minimum(quantile(law, uniforms) * 1e6, float(MAX_US)))
    return rounded.astype(np.int64)


def draw_us(law: Law, uniform: float) -> int:
    """Return the duration in microseconds of one uniform: an element of `durations_us`, to its rounding.

    >>> draw_us(Law(kind="exponential", mean_s=1.0), 0.5)
    693147
    """
    if law.kind == "exponential":
        # The commonest law by far, and an array of one number is slow.
        return min(round(-1e6 * law.mean_s * log1p(-uniform)), MAX_US)
    if law.table:
        return round(min(law.mean_s * _TABLES[law.kind].one(law.table, uniform) * 1e6, MAX_US))
    return round(min(float(quantile(law, np.array(uniform))) * 1e6, MAX_US))


def _scale(shape: float) -> float:
    """Return a Weibull law's scale for a mean of one."""
    return 1.0 / gamma(1.0 + 1.0 / shape)


def _weibull_cdf(time: float, shape: float) -> float:
    # By the logarithm, as a power of a steep law is beyond any float.
    log_hazard = shape * (log(time) - log(_scale(shape))) if time > 0 else -np.inf
    return float(-np.expm1(-np.exp(min(log_hazard, 700.0))))


def _lognormal_cdf(time: float, shape: float) -> float:
    # erfc of the standard library, so that only draws load scipy.
    return 0.5 * erfc(-(log(time) + shape * shape / 2) / shape / sqrt(2.0)) if time > 0 else 0.0


def _lognormal_quantile(probability: Floats, shape: float) -> Floats:
    from scipy.special import ndtri  # loaded by those who draw from it: it takes a tenth of a second

    return np.asarray(np.exp(shape * ndtri(probability) - shape * shape / 2))


def _gamma_cdf(time: float, shape: float) -> float:
    from scipy.special import gammainc

    return float(gammainc(shape, shape * time))


def _gamma_quantile(probability: Floats, shape: float) -> Floats:
    from scipy.special import gammaincinv

    return np.asarray(gammaincinv(shape, probability) / shape)


def _rank_quantile(table: Table, probability: Floats) -> Floats:
    (lives,) = table
    # A probability next to one may round up to a rank that is not there.
    rank = np.minimum((probability * len(lives)).astype(np.int64), len(lives) - 1)
    return np.asarray(np.array(lives)[rank])


def _rank_life(table: Table, probability: float) -> float:
    (lives,) = table
    return lives[min(int(probability * len(lives)), len(lives) - 1)]


def _rank_cdf(table: Table, time: float) -> float:
    (lives,) = table
    return bisect_right(lives, time) / len(lives)


# Of laws with a mean of one: a function of (probability or time, shape).
_QUANTILES: dict[str, Callable[[Floats, float], Floats]] = {
    "constant": lambda p, _: np.ones_like(p),
    "exponential": lambda p, _: -np.log1p(-p),
    "weibull": lambda p, k: _scale(k) * (-np.log1p(-p)) ** (1.0 / k),
    "lognormal": _lognormal_quantile,
    "gamma": _gamma_quantile,
    "uniform": lambda p, half: 1.0 + half * (2.0 * p - 1.0),
}

_CDFS: dict[str, Callable[[float, float], float]] = {
    "constant": lambda t, _: float(t >= 1.0),
    "exponential": lambda t, _: float(-np.expm1(-t)),
    "weibull": _weibull_cdf,
    "lognormal": _lognormal_cdf,
    "gamma": _gamma_cdf,
    "uniform": lambda t, half: min(max((t - 1.0 + half) / (2.0 * half), 0.0), 1.0),
}


class _OfTable(NamedTuple):
    """What a law with a table does, for a mean of one: quantiles of many, of one, and its distribution."""

    quantile: Callable[[Table, Floats], Floats]
    one: Callable[[Table, float], float]
    cdf: Callable[[Table, float], float]


_BY_HAZARD = _OfTable(hazard_quantile, hazard_life, hazard_cdf)
_TABLES = {
    "bathtub": _BY_HAZARD,
    "piecewise": _BY_HAZARD,
    "empirical": _OfTable(_rank_quantile, _rank_life, _rank_cdf),
}

KINDS = (*_QUANTILES, *_TABLES)
"""Every law."""
