"""A line of a bill: an exact amount for part of an item, and by what it is shared out over what the GPUs did."""

from fractions import Fraction
from typing import NamedTuple

BY = ("time", "energy", "present", "repair", "visits", "incidents", "retired")
"""What a line is shared out by: the GPU-time held; the energy drawn; the GPU-time held without that of evicted nodes;
the GPU-time in repair; visits to the repair shop, interruptions of the job and nodes that were retired for good, each
by cause."""


class Line(NamedTuple):
    """One amount in USD, negative for a credit.

    detail: which part of the item it is; keys: the prices that it is made of. pool: nobody's run pays for it.
    """

    item: str
    detail: str
    usd: Fraction
    keys: tuple[str, ...]
    by: str = "time"
    pool: bool = False
