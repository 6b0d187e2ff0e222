"""Distances on torus, mesh and HyperX, from coordinates alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.cluster.fabric.arrays import IntArray, Lattice


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A lattice and both ends of those of its links that the graph lacks, (L,) each; -1: no router stands there."""

    lattice: Lattice
    lost_one: IntArray
    lost_other: IntArray

    def holds(self, hops: IntArray, switch: IntArray, target: IntArray) -> NDArray[np.bool_]:
        """Return whether each target lies within so many hops of a switch, where no link is lost between them."""
        return distance(self.lattice, switch, target) <= hops


def distance(lattice: Lattice, one: IntArray, other: IntArray) -> IntArray:
    """Return the links on a shortest path: the sum over dimensions of the way along each.

    >>> router = np.arange(12).reshape(4, 3)
    >>> at = np.stack(np.divmod(np.arange(12), 3), axis=1)
    >>> torus = Lattice(shape=(4, 3), wrap=(True, True), at=at, router=router)
    >>> distance(torus, np.array([0, 0]), np.array([9, 8])).tolist()
    [1, 3]
    """
    total = np.zeros(one.size, dtype=np.int64)
    for axis, size in enumerate(lattice.shape):
        apart = np.abs(lattice.at[one, axis] - lattice.at[other, axis])
        if lattice.wrap is None:
            total += apart > 0
        elif lattice.wrap[axis]:
            total += np.minimum(apart, size - apart)
        else:
            total += apart
    return total


def links_of(lattice: Lattice) -> tuple[IntArray, IntArray]:
    """Return both ends of every link that a lattice has, each once; -1 where no router stands."""
    ends: list[tuple[IntArray, IntArray]] = []
    for axis, size in enumerate(lattice.shape):
        for step in range(1, size) if lattice.wrap is None else [1] * (size > 1):
            if lattice.wrap is not None and lattice.wrap[axis] and size > 2:
                one, other = lattice.router, np.roll(lattice.router, -step, axis)
            else:
                one = np.take(lattice.router, np.arange(size - step), axis)
                other = np.take(lattice.router, np.arange(step, size), axis)
            ends.append((one.ravel(), other.ravel()))
    none = np.empty(0, dtype=np.int64)
    return np.concatenate([none, *(one for one, _ in ends)]), np.concatenate([none, *(other for _, other in ends)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hops:
    """Every way to move one hop from any place, (H,): the switches near and far.

    Those in a dimension begin at first[dimension]; backward from all places, flattened, then forward, or, where any two
    that differ in one coordinate are linked, to each coordinate in turn. Some lead out of a mesh, or nowhere: far -1.
    """

    first: tuple[int, ...]
    near: IntArray
    far: IntArray


def hops_of(lattice: Lattice) -> Hops:
    """Return the hops of a lattice that has a router at every place.

    >>> router = np.arange(3)
    >>> path = hops_of(Lattice(shape=(3,), wrap=(False,), at=router[:, None], router=router))
    >>> path.far.tolist()
    [-1, 0, 1, 1, 2, -1]
    """
    first: list[int] = []
    fars: list[IntArray] = []
    for axis, size in enumerate(lattice.shape):
        first.append(len(fars) * lattice.router.size)
        for kind in range(size if lattice.wrap is None else 2):
            if lattice.wrap is None:
                far = np.repeat(np.take(lattice.router, [kind], axis), size, axis)
            else:
                far = np.roll(lattice.router, 1 - 2 * kind, axis)
                if not lattice.wrap[axis]:
                    far[(slice(None),) * axis + (-kind,)] = -1
            fars.append(np.where(far == lattice.router, -1, far).ravel())
    near = np.tile(lattice.router.ravel(), len(fars))
    return Hops(first=tuple(first), near=near, far=np.concatenate(fars))


def is_whole_between(grid: Grid, source: IntArray, target: IntArray) -> NDArray[np.bool_]:
    """Return which pairs have all the shortest paths of the whole lattice: no lost link lies on one of them."""
    whole = np.ones(source.size, dtype=np.bool_)
    apart = distance(grid.lattice, source, target)
    for ends in zip(grid.lost_one.tolist(), grid.lost_other.tolist(), strict=True):
        for one, other in (ends, ends[::-1]):
            near = distance(grid.lattice, source, np.full_like(source, one))
            far = distance(grid.lattice, np.full_like(source, other), target)
            whole &= near + 1 + far != apart
    return whole
