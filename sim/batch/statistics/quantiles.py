"""Quantiles of replications, with intervals that assume no distribution."""

from collections.abc import Sequence

import numpy as np

from sim.batch.statistics.student import COVERAGE, Estimate


def quantile(sample: Sequence[float], level: float, coverage: float = COVERAGE) -> Estimate:
    """Return a quantile and its interval between two order statistics; low or high is None where n is too small.

    Model: independent replications of any one law. So many of n lie below the quantile as binomial (n, level) says:
    [x(l), x(u)] misses it above or below with (1 - coverage) / 2 each at most (David and Nagaraja, Order Statistics,
    2003, section 7.1). `mean` holds the estimate, the median-unbiased one of Hyndman and Fan (The American
    Statistician 50, 1996, type 8). Raises ValueError for an empty sample, or a level outside 0 to 1.

    >>> quantile([float(each) for each in range(1, 11)], 0.5)
    Estimate(mean=5.5, low=2.0, high=9.0, replicas=10)
    """
    if not sample:
        raise ValueError("sample: got no value, expected one at least")
    if not 0 < level < 1:
        raise ValueError(f"level: got {level}, expected more than 0 and less than 1")
    low, high = _ranks(len(sample), level, (1 - coverage) / 2)
    ordered = np.sort(np.asarray(sample, np.float64))
    return Estimate(
        mean=float(np.quantile(ordered, level, method="median_unbiased")),
        low=float(ordered[low - 1]) if low >= 1 else None,
        high=float(ordered[high - 1]) if high <= len(sample) else None,
        replicas=len(sample),
    )


def _ranks(count: int, level: float, miss: float) -> tuple[int, int]:
    """Return the largest l with P(B < l) <= miss, and the smallest u with P(B >= u) <= miss; B: how many lie below.

    0 and count + 1 stand for the ends of the line.

    >>> _ranks(10, 0.5, 0.025), _ranks(5, 0.5, 0.025), _ranks(36, 0.9, 0.025)
    ((2, 9), (0, 6), (29, 36))
    """
    from scipy.special import bdtr

    below = bdtr(np.arange(count + 1), count, level)
    low = int(np.searchsorted(below, miss, side="right"))
    high = int(np.searchsorted(below, 1 - miss, side="left")) + 1
    return low, min(high, count + 1)
