"""The optimum of a simulated curve: fitted by least squares, its interval by resampling whole replications."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.batch.statistics.bootstrap import percentile_interval, resampled_means

WINDOW = 4.2
"""Intervals farther from the best by more than this factor are left out of the fit: a grid's own 4, and a little."""

FEWEST = 4
"""Different intervals that a fit of three coefficients needs; each one more allows for one more, up to five."""

_FINE = 2001
"""Intervals at which a fitted curve is looked at, evenly in the logarithm."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """Where a fitted curve is best, with its 95 % interval, in seconds of work between checkpoints.

    value: the fitted metric there. at_end: "shortest" or "longest" where the curve is still better at an end of what
    was simulated, so that the optimum may lie beyond. window_s: what was fitted.
    """

    interval_s: float
    low_s: float
    high_s: float
    value: float
    at_end: str | None
    window_s: tuple[float, float]


def find_optimum(cycles_s: Sequence[float], samples: Floats, *, higher_is_better: bool, seed: int) -> Optimum | None:
    """Return the optimum of a curve from its replications (down) at intervals (across), None with too few intervals.

    What is fitted is time per work (of a fraction such as ETTR its reciprocal, of dollars themselves), as means over
    replications: a + b/x + c x + d x^2 + e x^3, the expansion of M (e^((x+C)/M) - 1) / x to third order in x/M, by
    least squares over intervals within a factor of 4 of the best. Its minimum is 0.05 % off that of the closed form
    even for C = M/9; without the last term it would be 2 %, more than the interval is wide. That is the expanded
    percentile one of 2,000 resamples.

    >>> x = np.array([8.0, 12.0, 16.0, 20.0, 28.0, 40.0])
    >>> curve = 1 / (1.05 + 2 / x + x / 200)
    >>> found = find_optimum(x.tolist(), np.array([curve, curve]), higher_is_better=True, seed=1)
    >>> round(found.interval_s, 1), round(found.low_s, 1), found.at_end
    (20.0, 20.0, None)
    """
    # Where a run retains nothing, time per work has no bound.
    alive = (samples > 0).all(axis=0)
    if not alive.any():
        return None
    x, samples = np.asarray(cycles_s, np.float64)[alive], samples[:, alive]
    slowness = _slowness(samples.mean(axis=0), higher_is_better)
    best = x[int(slowness.argmin())]
    inside = (x >= best / WINDOW) & (x <= best * WINDOW)
    count = len(np.unique(x[inside]))
    if count < FEWEST or len(samples) < 2:
        return None
    fine = np.geomspace(x[inside].min(), x[inside].max(), _FINE)
    of_means = _basis(fine, best, count) @ np.linalg.pinv(_basis(x[inside], best, count))
    curve = of_means @ slowness[inside]
    resampled = _slowness(resampled_means(samples[:, inside], seed, "interval"), higher_is_better)
    low, high = percentile_interval(fine[(resampled @ of_means.T).argmin(axis=1)], len(samples))
    place = int(curve.argmin())
    return Optimum(
        interval_s=float(fine[place]),
        low_s=low,
        high_s=high,
        value=float(1 / curve[place] if higher_is_better else curve[place]),
        at_end={0: "shortest", _FINE - 1: "longest"}.get(place),
        window_s=(float(fine[0]), float(fine[-1])),
    )


def _slowness(means: Floats, higher_is_better: bool) -> Floats:
    return 1 / means if higher_is_better else means


def _basis(x: Floats, unit: float, count: int) -> Floats:
    """Return the functions of a fit, so many that one interval at least is left over."""
    scaled = x / unit
    columns = [np.ones_like(scaled), 1 / scaled, scaled, scaled**2, scaled**3]
    return np.stack(columns[: max(count, FEWEST) - 1], axis=1)
