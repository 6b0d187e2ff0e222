"""Laws of durations and lives, given by their mean: quantile, distribution, and draws by inverse transform.

A draw is the quantile of a uniform, so that two laws fed with the same uniform give paired durations.
"""

from collections.abc import Callable
from math import erfc, gamma, isfinite, log, log1p, sqrt

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError, unknown_name
from sim.reliability.records import Law

Floats = NDArray[np.float64]

MAX_US = 2**62
"""The longest duration on the clock (146,000 years): what would never happen is put here."""


def check_law(law: Law, where: str = "law") -> None:
    """Refuse a law that cannot be drawn from.

    Raises UnknownNameError for an unknown kind; InputError for a mean that is negative or not finite, a shape that is
    not positive, and a uniform law that is wider than its mean.
    """
    if law.kind not in _QUANTILES:
        raise unknown_name("law", law.kind, _QUANTILES, where)
    if not (isfinite(law.mean_s) and law.mean_s >= 0):
        raise InputError(f"{where}: the mean of a {law.kind} law is {law.mean_s} s; expected 0 or more")
    if not (isfinite(law.shape) and law.shape > 0) or (law.kind == "uniform" and law.shape > 1):
        raise InputError(
            f"{where}: the shape of a {law.kind} law is {law.shape}; expected more than 0 (uniform: at most 1)"
        )


def quantile(law: Law, probability: Floats) -> Floats:
    """Return the durations in seconds below which a law falls with the given probabilities in [0, 1).

    exponential -m ln(1-p); weibull m/Gamma(1+1/k) (-ln(1-p))^(1/k); lognormal m exp(sigma z - sigma^2/2), z the
    normal quantile; uniform m (1 + h (2p - 1)).

    >>> quantile(Law(kind="uniform", mean_s=10.0, shape=0.5), np.array([0.0, 0.5])).tolist()
    [5.0, 10.0]
    """
    return law.mean_s * _QUANTILES[law.kind](probability, law.shape)


def cdf(law: Law, time_s: float) -> float:
    """Return the probability that a duration is at most `time_s` seconds.

    >>> round(cdf(Law(kind="exponential", mean_s=10.0), 10.0), 4)
    0.6321
    """
    if law.mean_s == 0:
        return 1.0
    return float(_CDFS[law.kind](max(time_s, 0.0) / law.mean_s, law.shape))


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
    return round(min(float(quantile(law, np.array(uniform))) * 1e6, MAX_US))


def _scale(shape: float) -> float:
    """Return a Weibull law's scale for a mean of one."""
    return 1.0 / gamma(1.0 + 1.0 / shape)


def _weibull_cdf(time: float, shape: float) -> float:
    return float(-np.expm1(-((time / _scale(shape)) ** shape)))


def _lognormal_cdf(time: float, shape: float) -> float:
    # erfc of the standard library, so that only draws load scipy.
    return 0.5 * erfc(-(log(time) + shape * shape / 2) / shape / sqrt(2.0)) if time > 0 else 0.0


def _lognormal_quantile(probability: Floats, shape: float) -> Floats:
    from scipy.special import ndtri  # loaded by those who draw from it: it takes a tenth of a second

    return np.asarray(np.exp(shape * ndtri(probability) - shape * shape / 2))


# Of laws with a mean of one: a function of (probability or time, shape).
_QUANTILES: dict[str, Callable[[Floats, float], Floats]] = {
    "constant": lambda p, _: np.ones_like(p),
    "exponential": lambda p, _: -np.log1p(-p),
    "weibull": lambda p, k: _scale(k) * (-np.log1p(-p)) ** (1.0 / k),
    "lognormal": _lognormal_quantile,
    "uniform": lambda p, half: 1.0 + half * (2.0 * p - 1.0),
}

_CDFS: dict[str, Callable[[float, float], float]] = {
    "constant": lambda t, _: float(t >= 1.0),
    "exponential": lambda t, _: float(-np.expm1(-t)),
    "weibull": _weibull_cdf,
    "lognormal": _lognormal_cdf,
    "uniform": lambda t, half: min(max((t - 1.0 + half) / (2.0 * half), 0.0), 1.0),
}
