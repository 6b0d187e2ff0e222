"""Exact amounts as whole micro-dollars that sum to a given whole."""

from collections.abc import Sequence
from fractions import Fraction


def whole_parts(amounts: Sequence[Fraction], whole: int) -> list[int]:
    """Return amounts as integers that sum to a whole: each rounded half to even, the largest takes what is left over.

    Changing the sign of everything changes the sign of each part. Without amounts the whole has to be 0.

    >>> whole_parts([Fraction(1, 3), Fraction(1, 3), Fraction(1, 3)], 1)
    [1, 0, 0]
    >>> whole_parts([Fraction(-5, 2), Fraction(1, 2)], -2)
    [-2, 0]
    """
    parts = [round(amount) for amount in amounts]
    left = whole - sum(parts)
    if left:
        parts[max(range(len(parts)), key=lambda index: abs(amounts[index]))] += left
    return parts
