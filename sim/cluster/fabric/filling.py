"""Progressive filling, link by link, for numba to compile: the `fast` extra."""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

import numpy as np

from sim.cluster.fabric.arrays import FloatArray, IntArray, stable_order, total

PAYS_ENTRIES = 25_000_000
"""Entries looked at, round after round, that cost numpy as much as it takes to import numba and load what it compiled.

Whoever rents until the price of buying is spent, then buys, pays at most twice the least (Karlin et al., 1988).
"""

STALLED_ROUNDS = 300
"""Rounds over the same entries that cost numpy as much as plain Python takes to fill their links one by one."""


class Patience:
    """How long rounds are worth their while: counts the entries that they look at, which is the same on any machine."""

    def __init__(self) -> None:
        self._entries, self._rounds, self._halved = 0, 0, 0

    def ends(self, entries: int) -> bool:
        """Return whether filling link by link is the better way on, with so many entries left."""
        self._entries += entries
        self._rounds += 1
        if 2 * entries <= self._halved or not self._halved:
            self._rounds, self._halved = 0, entries
        return self._rounds > STALLED_ROUNDS or (self._entries > PAYS_ENTRIES and available())


@cache
def available() -> bool:
    """Return whether numba is installed."""
    return find_spec("numba") is not None


def filled(flow: IntArray, link: IntArray, coefficient: FloatArray, capacity: FloatArray, flows: int) -> FloatArray:
    """Return the max-min fair rate of every flow, from entries (flow, link, coefficient > 0) in any order.

    Compiled where numba is installed. Flows that use no link get infinity.
    """
    by_flow, by_link = stable_order(flow), stable_order(link)
    first, start = (
        np.concatenate([[0], np.cumsum(np.bincount(each, minlength=size))])
        for each, size in ((flow, flows), (link, capacity.size))
    )
    # One line of memory a link: what is left of it, what is asked of it, by how many entries, and its share.
    state = np.zeros((capacity.size, 4))
    state[:, 0] = capacity
    state[:, 1] = total(link, coefficient, capacity.size)
    state[:, 2] = np.diff(start)
    state[:, 3] = capacity / np.where(state[:, 2] > 0, state[:, 1], 1.0)
    rates = np.full(flows, np.inf)
    kernel = _compiled() if available() else fill
    kernel(first, link[by_flow], coefficient[by_flow], start, flow[by_link], coefficient[by_link], state, rates)
    return rates


Kernel = Callable[[IntArray, IntArray, FloatArray, IntArray, IntArray, FloatArray, FloatArray, FloatArray], None]


@cache
def _compiled() -> Kernel:
    import numba

    # Compiled once for all processes: kept beside this file, or where NUMBA_CACHE_DIR says.
    kernel: Kernel = numba.njit(fill, cache=True)
    return kernel


def fill(
    first: IntArray,
    crossed: IntArray,
    amount: FloatArray,
    start: IntArray,
    member: IntArray,
    asks: FloatArray,
    state: FloatArray,
    rates: FloatArray,
) -> None:
    """Put the rate of every flow in place of infinity; plain Python, which numba compiles whole.

    The link of the least share fixes its flows; shares of others only rise by that. A heap keeps links by the share
    they had when last looked at, so that the first whose share has not risen is the least.
    first, crossed, amount: links of flow i and its coefficients there, from first[i] to first[i + 1]. start, member,
    asks: flows of each link likewise. state: what is left of each link, its demand, its entries, its share, (L, 4).
    """
    heap = np.flatnonzero(state[:, 2])
    size = heap.size
    root = size // 2
    while size > 0:
        # First make a heap, from the last parent on; then mend it from the top after each change.
        root = max(root - 1, 0)
        at, moved = root, heap[root]
        while 2 * at + 1 < size:
            child = 2 * at + 1
            if child + 1 < size and state[heap[child + 1], 3] < state[heap[child], 3]:
                child += 1
            if state[heap[child], 3] >= state[moved, 3]:
                break
            heap[at] = heap[child]
            at = child
        heap[at] = moved
        if root > 0:
            continue
        top = heap[0]
        if state[top, 2] == 0:
            size -= 1
            heap[0] = heap[size]
            continue
        # Subtractions leave rounding, so that the last word on a link's demand is a sum.
        asked = state[top, 1]
        if asked <= 0 or state[top, 0] <= state[top, 3] * asked:
            asked = 0.0
            for place in range(start[top], start[top + 1]):
                if rates[member[place]] == np.inf:
                    asked += asks[place]
        share = max(state[top, 0], 0.0) / asked
        if share > state[top, 3]:
            state[top, 1], state[top, 3] = asked, share
            continue
        for flow in member[start[top] : start[top + 1]]:
            if rates[flow] == np.inf:
                rates[flow] = share
                for entry in range(first[flow], first[flow + 1]):
                    state[crossed[entry], 0] -= amount[entry] * share
                    state[crossed[entry], 1] -= amount[entry]
                    state[crossed[entry], 2] -= 1.0
