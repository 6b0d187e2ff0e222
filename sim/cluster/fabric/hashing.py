"""ECMP's choice of a next hop: a hash that every switch computes for itself."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sim.cluster.fabric.arrays import IntArray

Pick = Callable[[IntArray, IntArray, IntArray, IntArray], IntArray]
"""Choice of a next hop: flow, switch, hops left, number of cables to choose from -> ordinal of the cable."""


def ecmp_pick(source: IntArray, target: IntArray, queue_pair: IntArray, seed: int) -> Pick:
    """Return ECMP's choice: a hash of the flow's endpoints, queue pair, switch and seed, uniform over the next hops.

    source, target: endpoints. The switch is hashed in so that two tiers do not choose alike (no polarisation). Arrays
    are broadcast; flows are the elements, row by row.
    """
    key = _mix(_mix(_mix(_u64(source) + _u64(seed)) + _u64(target)) + _u64(queue_pair)).ravel()

    def pick(flow: IntArray, switch: IntArray, hops: IntArray, count: IntArray) -> IntArray:
        if count.max(initial=1) == 1:
            return np.zeros_like(count)
        word = _mix(key[flow] + _u64(switch) * _ODD)
        return ((word >> np.uint64(32)) * _u64(count) >> np.uint64(32)).astype(np.int64)

    return pick


_ODD = np.uint64(0x9E3779B97F4A7C15)


def _u64(value: IntArray | int) -> NDArray[np.uint64]:
    return np.asarray(value, dtype=np.int64).astype(np.uint64)


def _mix(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return splitmix64's finaliser of each word (Steele, Lea and Flood, OOPSLA 2014)."""
    word = word + _ODD
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))
