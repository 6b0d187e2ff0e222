"""The best of several variants with a stated probability, by the fully sequential procedure of Kim and Nelson.

S.-H. Kim and B. L. Nelson, A fully sequential procedure for indifference-zone selection in simulation, ACM TOMACS 11,
2001. Each pair's variance is estimated once, from the first n0 replications; from then on a variant goes as soon as
its running sum lies further behind another's than a boundary that closes linearly. Normal replications, independent
over seeds; variants may share a seed's failures (common random numbers), which makes pairs' variances small and the end
early. Where the best is better than the second by `within` at least, it is chosen with the probability; where it is
not, what is chosen is within that of the best with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROUNDING = 1e-9
"""Of a number of replications, which is a whole one where its parts are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """What replications so far leave: the variants that may be the best, and after how many each other one went.

    most: replications after which one is left at the latest; `left` has one where it is decided.
    """

    left: tuple[int, ...]
    gone: Mapping[int, int]
    most: int


def screened(samples: Sequence[Sequence[float]], *, within: float, probability: float, first: int) -> Screening:
    """Return which variants the replications leave; a higher value is better.

    samples: of each variant by seed; one that has gone needs none after. within: the indifference zone, in the values'
    unit. first: n0. The r-th replication is judged when all that are left have it, so that the answer does not depend
    on how many are simulated at a time. Raises ValueError where n0 is less than two or a sample is shorter.

    >>> close = screened([[1.0, 2.0, 1.5], [1.2, 1.9, 1.8]], within=0.2, probability=0.95, first=3)
    >>> close.left, close.most
    ((0, 1), 20)
    >>> screened([[1.0, 2.0, 1.5], [9.2, 9.9, 9.8]], within=1.0, probability=0.95, first=3).left
    (1,)
    """
    if first < 2 or min(map(len, samples)) < first:
        raise ValueError(f"first stage: got {first} of {min(map(len, samples))} replications, expected two at least")
    if within <= 0:
        raise ValueError(f"within: got {within}, expected more than 0")
    values = [np.asarray(sample, np.float64) for sample in samples]
    spread = _boundary(values, probability, first)
    most = max(first, int(spread.max() / within**2 + ROUNDING) + 1)
    left, gone = list(range(len(samples))), dict[int, int]()
    for count in range(first, most + 1):
        if len(left) == 1 or min(len(values[each]) for each in left) < count:
            break
        sums = {each: float(values[each][:count].sum()) for each in left}
        beaten = [one for one in left if _behind(one, sums, spread, within, count)]
        gone |= dict.fromkeys(beaten, count)
        left = [each for each in left if each not in gone]
        if count == most:
            left = [max(left, key=lambda each: (sums[each], -each))]
    return Screening(left=tuple(left), gone=gone, most=most)


def _boundary(values: Sequence[Floats], probability: float, first: int) -> Floats:
    """Return h^2 S^2 of every pair: h^2 = 2 eta (n0 - 1), eta = ((2 alpha / (k - 1))^(-2 / (n0 - 1)) - 1) / 2."""
    if len(values) < 2:
        return np.zeros((1, 1))
    stage = np.stack([each[:first] for each in values])
    variances = (stage[:, np.newaxis] - stage[np.newaxis]).var(axis=2, ddof=1)
    eta = ((2 * (1 - probability) / (len(values) - 1)) ** (-2 / (first - 1)) - 1) / 2
    return np.asarray(2 * eta * (first - 1) * variances)


def _behind(one: int, sums: Mapping[int, float], spread: Floats, within: float, count: int) -> bool:
    """Return whether the sum of one lies behind another's by more than max(0, h^2 S^2 / (2 delta) - delta r / 2)."""
    return any(
        sums[other] - sums[one] > max(0.0, (float(spread[one, other]) / within - within * count) / 2) for other in sums
    )
