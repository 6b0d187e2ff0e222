"""Dimension-ordered routing on torus, mesh and HyperX: one coordinate after the other, from the first on."""

import numpy as np

from sim.cluster.fabric.arrays import Fabric, FloatArray, IntArray, Lattice
from sim.cluster.fabric.routing import Router, ragged
from sim.errors import TopologyError


def steps_forward(size: int, wraps: bool, start: IntArray, goal: IntArray) -> IntArray:
    """Return how many links to go from start to goal in one dimension, below zero backward; the shorter way round.

    Half-way round a ring both are as short: even coordinates go forward, odd ones backward, so that neither side of a
    ring carries it all (Dally and Towles, Principles and Practices of Interconnection Networks, section 8.4.2).

    >>> steps_forward(4, True, np.array([0, 0, 0, 1]), np.array([1, 3, 2, 3])).tolist()
    [1, -1, 2, -2]
    >>> steps_forward(4, False, np.array([0]), np.array([3])).tolist()
    [3]
    """
    if not wraps:
        return goal - start
    ahead: IntArray = (goal - start) % size
    backward = (2 * ahead > size) | ((2 * ahead == size) & (start % 2 == 1))
    return np.where(backward, ahead - size, ahead)


def dimension_ordered_paths(
    router: Router, source: IntArray, target: IntArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the (pair, cable, fraction) entries of pairs that correct one coordinate after the other.

    Deterministic and free of deadlock; parallel cables share evenly. Raises TopologyError where a link on the way is
    lost: this routing knows no other way.
    """
    lattice = router.fabric.lattice
    assert lattice is not None, "asked for on a lattice only"
    none = np.empty(0, dtype=np.int64)
    parts: list[tuple[IntArray, IntArray, FloatArray]] = [(none, none, np.empty(0))]
    place: IntArray = lattice.at[source].copy()
    for axis, size in enumerate(lattice.shape):
        goal = lattice.at[target, axis]
        left = _links(lattice, axis, place[:, axis], goal)
        while np.any(left):
            pair = np.flatnonzero(left)
            here = _routers(lattice, place[pair])
            step = np.sign(left[pair])
            place[pair, axis] = goal[pair] if lattice.wrap is None else (place[pair, axis] + step) % size
            there = _routers(lattice, place[pair])
            parts.append(_crossed(router, pair, here, there))
            left[pair] -= step
    pairs, cables, fractions = zip(*parts, strict=True)
    return np.concatenate(pairs), np.concatenate(cables), np.concatenate(fractions)


def _routers(lattice: Lattice, place: IntArray) -> IntArray:
    """Return the routers at places (P, D)."""
    routers: IntArray = lattice.router[tuple(place.T)]
    return routers


def _links(lattice: Lattice, axis: int, start: IntArray, goal: IntArray) -> IntArray:
    if lattice.wrap is None:
        differs: IntArray = (start != goal).astype(np.int64)
        return differs
    return steps_forward(lattice.shape[axis], lattice.wrap[axis], start, goal)


def _crossed(router: Router, pair: IntArray, one: IntArray, other: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    first, count = router.between(one, other)
    require_links(router.fabric, one, other, count)
    row, cable = ragged(first, count)
    return pair[row], cable, 1.0 / count[row]


def require_links(fabric: Fabric, one: IntArray, other: IntArray, count: IntArray) -> None:
    """Raise TopologyError for a link, by its ends, that has no cable."""
    lost = np.flatnonzero((count == 0) | (other < 0))
    if lost.size:
        near, far = (fabric.switches[int(ends[lost[0]])] if ends[lost[0]] >= 0 else "none" for ends in (one, other))
        raise TopologyError(
            f"dimension-ordered routing needs the link {near} - {far}, which is not there, and knows no way round it; "
            "expected routing 'adaptive', 'spray' or 'ecmp'"
        )
