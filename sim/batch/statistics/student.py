"""What a few replications say: means with Student's intervals, and paired differences under common random numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

COVERAGE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over replications and its interval; low and high are None with a single one, which says nothing of it."""

    mean: float
    low: float | None
    high: float | None
    replicas: int


def estimate(sample: Sequence[float], coverage: float = COVERAGE) -> Estimate:
    """Return mean +- t s / sqrt(n), Student's interval with n - 1 degrees of freedom.

    Model: independent replications, normal means. Raises ValueError for an empty sample.

    >>> estimate([1.0, 2.0, 3.0]).mean, round(estimate([1.0, 2.0, 3.0]).high, 4)
    (2.0, 4.4841)
    """
    values = np.asarray(sample, dtype=np.float64)
    if values.size == 0:
        raise ValueError("sample: got no value, expected one at least")
    mean = float(values.mean())
    if values.size == 1:
        return Estimate(mean=mean, low=None, high=None, replicas=1)
    from scipy.special import stdtrit

    half = float(stdtrit(values.size - 1, 0.5 + coverage / 2)) * float(values.std(ddof=1)) / sqrt(values.size)
    return Estimate(mean=mean, low=mean - half, high=mean + half, replicas=values.size)


def paired(sample: Sequence[float], reference: Sequence[float], coverage: float = COVERAGE) -> Estimate:
    """Return the mean of the differences between two samples under the same seeds, and its interval.

    Failures are drawn alike for both, so that what they share cancels (common random numbers).

    >>> paired([3.0, 5.0], [1.0, 3.0])
    Estimate(mean=2.0, low=2.0, high=2.0, replicas=2)
    """
    return estimate([one - other for one, other in zip(sample, reference, strict=True)], coverage)


def tells_apart(difference: Estimate) -> bool:
    """Return whether a difference is one: its interval leaves 0 out, or a single pair differs.

    >>> tells_apart(Estimate(mean=1.0, low=-1.0, high=3.0, replicas=3))
    False
    """
    if difference.low is None or difference.high is None:
        return difference.mean != 0
    return difference.low > 0 or difference.high < 0
