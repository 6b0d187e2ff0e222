"""Whole nanoseconds in parts."""

from collections.abc import Sequence
from itertools import accumulate, pairwise


def divide(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Return an integer in parts in proportion to weights; the parts sum to it exactly, equal ones if all weigh 0.

    >>> divide(10, (1, 1, 1)), divide(7, (0, 0))
    ((3, 4, 3), (4, 3))
    """
    weights = weights if any(weights) else (1,) * len(weights)
    whole = sum(weights)
    edges = [0, *((2 * total * sum_ + whole) // (2 * whole) for sum_ in accumulate(weights))]
    return tuple(after - before for before, after in pairwise(edges))
