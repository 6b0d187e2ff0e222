"""Hashed flows on a whole torus or mesh: which directions lead nearer is read off the coordinates, a bit each."""

from collections.abc import Iterator

import numpy as np

from sim.cluster.fabric.arrays import IntArray, Lattice
from sim.cluster.fabric.hashing import Pick
from sim.cluster.fabric.lattice import distance, hops_of
from sim.cluster.fabric.routing import Router

MOST_DIMENSIONS = 5
"""Whose directions' subsets are worth listing, 2^10 of them."""


def stepping_paths(
    router: Router, lattice: Lattice, flow: IntArray, source: IntArray, target: IntArray, pick: Pick
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield what `routing.hashed_paths` does, next hops in the same order, for flows on whose paths no link is lost.

    flow: those of source and target, which differ. Directions are 2 x dimension, and one more forward; next hops go by
    the number of the switch that they lead to.
    """
    assert lattice.wrap is not None, "in a HyperX there are no directions"
    far, first, cables = _tables(router, lattice)
    ranks, kind = _orders(far)
    nearer = [_nearer(size, wraps) for size, wraps in zip(lattice.shape, lattice.wrap, strict=True)]
    subsets, directions = 1 << far.shape[1], far.shape[1]
    chosen, counts = _choices(ranks, subsets)
    at, left = source[flow], distance(lattice, source[flow], target[flow])
    goal = [lattice.at[target[flow], axis] for axis in range(len(lattice.shape))]
    place = [np.ascontiguousarray(lattice.at[:, axis]) * size for axis, size in enumerate(lattice.shape)]
    while flow.size:
        subset = np.zeros(flow.size, dtype=np.int64)
        for axis, table in enumerate(nearer):
            subset |= table[place[axis][at] + goal[axis]] << 2 * axis
        choice = pick(flow, at, left, counts[subset] * cables)
        way = at * directions + chosen[(kind[at] * subsets + subset) * directions + choice // cables]
        yield flow, first.ravel()[way] + choice % cables
        at, left = far.ravel()[way], left - 1
        on = left > 0
        if not on.all():
            flow, at, left, goal = flow[on], at[on], left[on], [each[on] for each in goal]


def _tables(router: Router, lattice: Lattice) -> tuple[IntArray, IntArray, int]:
    """Return the switch and the first cable in each direction, (V, 2D), and the cables of every link."""
    hops = hops_of(lattice)
    first, count = router.between(hops.near, hops.far)
    order = lattice.router.ravel()
    far, cable = (np.empty((order.size, hops.far.size // order.size), dtype=np.int64) for _ in range(2))
    far[order], cable[order] = hops.far.reshape(-1, order.size).T, first.reshape(-1, order.size).T
    return far, cable, int(count.max(initial=1))


def _nearer(size: int, wraps: bool) -> IntArray:
    """Return the directions that lead from a coordinate nearer another, 1 backward and 2 forward, flattened.

    >>> _nearer(4, True).tolist()[:4], _nearer(2, True).tolist(), _nearer(3, False).tolist()[3:6]
    ([0, 2, 3, 1], [0, 2, 1, 0], [1, 0, 2])
    """
    ahead = np.arange(size) - np.arange(size)[:, None]
    if not wraps or size == 2:
        return ((ahead < 0) + 2 * (ahead > 0)).ravel()
    ahead %= size
    return (((2 * ahead >= size) & (ahead > 0)) + 2 * ((2 * ahead <= size) & (ahead > 0))).ravel()


def _orders(far: IntArray) -> tuple[IntArray, IntArray]:
    """Return in which orders (K, 2D) switches have their directions, by the switch there, and whose is which (V,)."""
    ranks, kind = np.unique(np.argsort(far, axis=1, kind="stable"), axis=0, return_inverse=True)
    return ranks, kind.ravel()


def _choices(ranks: IntArray, subsets: int) -> tuple[IntArray, IntArray]:
    """Return the n-th direction of each subset in each order, (K, subsets, 2D) flattened, and each subset's size."""
    holds = (np.arange(subsets)[:, None] >> ranks[:, None, :]) & 1
    # Members first, in order.
    front = np.argsort(1 - holds, axis=2, kind="stable")
    ordered = np.take_along_axis(np.broadcast_to(ranks[:, None, :], holds.shape), front, axis=2)
    return ordered.ravel(), holds[0].sum(axis=1)
