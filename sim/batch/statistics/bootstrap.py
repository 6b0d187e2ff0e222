"""Intervals of what is computed from means over replications, by resampling whole replications."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from sim.batch.statistics.student import COVERAGE
from sim.streams import stream

RESAMPLES = 2000


def resampled_means(
    samples: NDArray[np.float64], seed: int, *names: str, count: int = RESAMPLES
) -> NDArray[np.float64]:
    """Return means of replications drawn with replacement, a resample a row (Efron, Annals of Statistics 7, 1979).

    samples: replications down, quantities across. A replication is drawn whole, so that what its quantities share
    through common random numbers stays shared.

    >>> resampled_means(np.array([[1.0, 2.0], [1.0, 2.0]]), 1, "a", count=2).tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    replications = len(samples)
    drawn = stream(seed, "bootstrap", *names).multinomial(replications, np.full(replications, 1 / replications), count)
    return np.asarray(drawn @ samples / replications)


def percentile_interval(
    resampled: NDArray[np.float64], replications: int, coverage: float = COVERAGE
) -> tuple[float, float]:
    """Return the expanded percentile interval of resampled values.

    The percentiles are Phi(-+ t sqrt(n / (n - 1))), t Student's of n - 1 degrees of freedom, instead of 2.5 and 97.5
    %: those are too narrow for few replications (Hesterberg, The American Statistician 69, 2015, section 5.3).

    >>> low, high = percentile_interval(np.linspace(0.0, 1.0, 1001), replications=10**6)
    >>> round(low, 3), round(high, 3)
    (0.025, 0.975)
    """
    from scipy.special import ndtr, stdtrit

    wide = float(stdtrit(replications - 1, 0.5 + coverage / 2)) * sqrt(replications / (replications - 1))
    low, high = np.quantile(resampled, [float(ndtr(-wide)), float(ndtr(wide))])
    return float(low), float(high)
