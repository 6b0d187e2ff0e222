"""Splitting integers into integers: every part is a whole number and the parts sum to what was split."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimulationError

Ints = NDArray[np.int64]

MAX_WEIGHT_BITS = 56
"""Weights may sum to less than 2^56, so that exact long division advances by at least 6 bits a round."""


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Split an integer in proportion to weights, by largest remainder; ties go to the first.

    part_i = floor(amount x w_i / sum w), and one more for the largest remainders until the parts sum to
    amount (Hamilton's method). Python integers: no size limit. A weight may be negative (a net of reversals).
    Raises SimulationError unless the weights sum to more than 0.

    >>> split(10, [1, 1, 1])
    [4, 3, 3]
    >>> split(-100, [1, 0, 2])
    [-33, 0, -67]
    """
    whole = sum(weights)
    if whole <= 0:
        raise SimulationError(f"cannot split {amount}: expected weights that sum to more than 0, got a sum of {whole}")
    size = abs(amount)
    products = [size * weight for weight in weights]
    parts = [product // whole for product in products]
    missing = size - sum(parts)
    remainders = [product % whole for product in products] if missing else []
    # A sort in reverse leaves equal remainders in their order.
    for index in sorted(range(len(remainders)), key=remainders.__getitem__, reverse=True)[:missing]:
        parts[index] += 1
    return [-part for part in parts] if amount < 0 else parts


def apportion(amounts: Ints, weights: Sequence[int]) -> Ints:
    """Split many int64 amounts by the same non-negative weights: row i of the (n, k) result sums to amounts[i].

    The same rule as `split`, exactly, for amounts of either sign below 2^63 in size.
    Raises SimulationError for a negative weight, or a sum of weights that is 0 or 2^56 or more.

    >>> apportion(np.array([10, -10, 1]), [1, 1, 1]).tolist()
    [[4, 3, 3], [-4, -3, -3], [1, 0, 0]]
    """
    whole = sum(weights)
    if min(weights, default=0) < 0 or not 0 < whole < 1 << MAX_WEIGHT_BITS:
        raise SimulationError(f"cannot apportion: expected weights >= 0 with a sum in (0, 2^56), got a sum of {whole}")
    parts, remainders = _multiply_divide(np.abs(amounts), np.array(weights, np.int64), whole)
    missing = np.abs(amounts) - parts.sum(axis=1)
    order = np.argsort(-remainders, axis=1, kind="stable")
    row, rank = np.nonzero(np.arange(len(weights)) < missing[:, None])
    parts[row, order[row, rank]] += 1
    return np.where(amounts[:, None] < 0, -parts, parts)


def _multiply_divide(amounts: Ints, weights: Ints, whole: int) -> tuple[Ints, Ints]:
    """Return floor(amounts x weights / whole) and its remainders, where the product exceeds 64 bits.

    Long division over groups of bits of the amount: each round's numerator stays below 2^63.
    """
    bits = 62 - whole.bit_length()
    quotient = np.zeros((len(amounts), len(weights)), np.int64)
    remainder = np.zeros_like(quotient)
    rounds = -(-int(amounts.max(initial=1)).bit_length() // bits)
    for shift in range(bits * (rounds - 1), -1, -bits):
        limb = (amounts >> shift) & ((1 << bits) - 1)
        digit, remainder = np.divmod((remainder << bits) + limb[:, None] * weights, whole)
        quotient = (quotient << bits) + digit
    return quotient, remainder


def exact_sums(groups: Ints, values: Ints, count: int) -> list[int]:
    """Sum int64 values by group in Python integers: no total overflows. Exact below 2^31 rows.

    >>> exact_sums(np.array([0, 0, 2]), np.array([2**62, 2**62, -1]), 3) == [2**63, 0, -1]
    True
    """
    high, low = _halves(groups, values, count)
    return [(above << 32) + below for above, below in zip(high.tolist(), low.tolist(), strict=True)]


def unbalanced(groups: Ints, values: Ints, count: int) -> Ints:
    """Return the groups whose values do not sum to 0, as exactly as `exact_sums`.

    >>> unbalanced(np.array([0, 0, 2]), np.array([2**62, -(2**62), -1]), 3).tolist()
    [2]
    """
    high, low = _halves(groups, values, count)
    return np.flatnonzero((high + (low >> 32)) | (low & 0xFFFFFFFF))


def _halves(groups: Ints, values: Ints, count: int) -> tuple[Ints, Ints]:
    """Return the sums of the upper and the lower 32 bits of values by group."""
    high, low = np.zeros(count, np.int64), np.zeros(count, np.int64)
    np.add.at(high, groups, values >> 32)
    np.add.at(low, groups, values & 0xFFFFFFFF)
    return high, low
