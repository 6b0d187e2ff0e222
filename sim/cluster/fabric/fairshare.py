"""Max-min fair rates of flows over links, exactly."""

import numpy as np
from numpy.typing import NDArray

from sim.cluster.fabric.arrays import FloatArray, IntArray, total


def max_min_rates(
    *, flow: IntArray, link: IntArray, coefficient: FloatArray, capacity: FloatArray, flows: int
) -> FloatArray:
    """Return the weighted max-min fair rate of every flow.

    Entry (flow i, link l, coefficient a): at rate x, flow i takes a x of link l; entries of one flow and link add
    up. A rate is max-min fair if it cannot rise without lowering one that is no higher (Bertsekas and Gallager,
    Data Networks, 6.5). Local bottlenecks: a link whose share (what is left of it, over the coefficients of its
    flows) is no more than any share its flows meet elsewhere fixes their rate; all such links are frozen in one
    round, which gives the same rates as filling up link by link. Flows that use no link get infinity.

    capacity: per link, shape (L,). flow, link, coefficient: shape (N,).

    Two flows share link 0 (10/s); one of them also needs link 1 (2/s): it gets 2, the other 8.

    >>> max_min_rates(
    ...     flow=np.array([0, 0, 1]), link=np.array([0, 1, 0]), coefficient=np.ones(3),
    ...     capacity=np.array([10.0, 2.0]), flows=2,
    ... ).tolist()
    [2.0, 8.0]
    """
    order = np.argsort(flow, kind="stable")
    flow, link, coefficient = flow[order], link[order], coefficient[order]
    rates, left = np.full(flows, np.inf), capacity.astype(np.float64)
    while flow.size:
        share = _shares(link, coefficient, left)
        tightest = _tightest(flow, share[link], flows)
        fixed = _fixed(flow, link, share[link] > tightest[flow], flows, left.size)
        rates[fixed] = tightest[fixed]
        taken = fixed[flow]
        left -= total(link[taken], coefficient[taken] * rates[flow[taken]], left.size)
        # Rounding may leave a full link a hair below nothing.
        np.maximum(left, 0.0, out=left)
        flow, link, coefficient = flow[~taken], link[~taken], coefficient[~taken]
    return rates


def _shares(link: IntArray, coefficient: FloatArray, left: FloatArray) -> FloatArray:
    demand = total(link, coefficient, left.size)
    share = np.full(left.size, np.inf)
    np.divide(left, demand, out=share, where=demand > 0)
    return share


def _tightest(flow: IntArray, entry_share: FloatArray, flows: int) -> FloatArray:
    """Return the least share that each flow meets; flow is sorted."""
    start = np.flatnonzero(np.diff(flow, prepend=-1))
    tightest = np.full(flows, np.inf)
    tightest[flow[start]] = np.minimum.reduceat(entry_share, start)
    return tightest


def _fixed(flow: IntArray, link: IntArray, elsewhere: NDArray[np.bool_], flows: int, links: int) -> NDArray[np.bool_]:
    """Return which flows cross a local bottleneck: a link none of whose flows is bound elsewhere."""
    blocked = np.zeros(links, dtype=np.bool_)
    blocked[link[elsewhere]] = True
    fixed = np.zeros(flows, dtype=np.bool_)
    fixed[flow[~blocked[link]]] = True
    return fixed
