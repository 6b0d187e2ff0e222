"""Replication until an interval is as narrow as asked, by Stein's two-stage procedure.

A first stage of n0 replications gives a standard deviation s0 for every quantity. Together N = max(n0,
ceil((t s0 / d)^2)) give mean +- t s0 / sqrt(N), with t of n0 - 1 degrees of freedom (Stein, Annals of Mathematical
Statistics 16, 1945). N depends on the first stage's deviations only, and those are independent of the mean of all N
where replications are normal: the interval covers what it says, whatever d is, for every quantity of replications
that are normal together, also where N is the largest that any of them needs or a cap. A rule that looks after every
replication whether to stop covers less (Chow and Robbins, ibid. 36, 1965: only as d goes to 0).
"""

from collections.abc import Sequence
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from sim.batch.statistics.student import COVERAGE, Estimate

FIRST = 20
"""Replications of a first stage where nothing else is asked for: t is 2.09, near the 1.96 of infinitely many."""

Samples = NDArray[np.float64]
"""Replications down, quantities across."""


def replications_for(first: Samples, precision: float, coverage: float = COVERAGE) -> int:
    """Return how many replications bring the half-width of every quantity to `precision`, from those of a first stage.

    Raises ValueError where the first stage has fewer than two, or the precision is not positive.

    >>> replications_for(np.array([[1.0], [2.0], [3.0]]), precision=1.0)
    19
    """
    if precision <= 0:
        raise ValueError(f"precision: got {precision}, expected more than 0")
    widest = float(_deviations(first).max(initial=0.0)) * _student(len(first), coverage)
    return max(len(first), ceil((widest / precision) ** 2))


def two_stage(sample: Sequence[float] | Samples, first: int, coverage: float = COVERAGE) -> Estimate:
    """Return the mean of all replications and its interval, whose width the first `first` of them give.

    With no second stage it is Student's. A single replication has no interval. Raises ValueError for an empty sample.

    >>> two_stage([1.0, 2.0, 3.0, 2.0], first=3).mean, round(two_stage([1.0, 2.0, 3.0, 2.0], first=3).high, 4)
    (2.0, 4.1513)
    """
    values = np.asarray(sample, dtype=np.float64)
    if values.size == 0:
        raise ValueError("sample: got no value, expected one at least")
    mean, stage = float(values.mean()), values[:first]
    if stage.size < 2:
        return Estimate(mean=mean, low=None, high=None, replicas=values.size)
    half = _student(stage.size, coverage) * float(_deviations(stage[:, np.newaxis])[0]) / sqrt(values.size)
    return Estimate(mean=mean, low=mean - half, high=mean + half, replicas=values.size)


def variance_ratio(one: Sequence[float] | Samples, other: Sequence[float] | Samples) -> float | None:
    """Return by how much common random numbers shrink the variance of a difference; None where it has none.

    (Var a + Var b) / Var(a - b) over pairs: what independent replications would have over what pairs have.

    >>> round(variance_ratio([1.0, 2.0, 4.0], [1.0, 2.0, 3.0]), 6)
    10.0
    """
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if a.size < 2:
        return None
    together = float((a - b).var(ddof=1))
    return (float(a.var(ddof=1)) + float(b.var(ddof=1))) / together if together > 0 else None


def _student(count: int, coverage: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(count - 1, 0.5 + coverage / 2))


def _deviations(stage: Samples) -> Samples:
    if len(stage) < 2:
        raise ValueError(f"first stage: got {len(stage)} replications, expected two at least")
    return np.asarray(stage.std(axis=0, ddof=1))
