"""Shortest paths on a whole torus, mesh or HyperX, from coordinates alone: no search.

A shortest path corrects every coordinate by the shorter way, in any order of single steps. With d_i steps to go in
dimension i, (d_1 + ... + d_n)! / (d_1! ... d_n!) paths lead on, whatever the place: one template serves all pairs so
far apart. Half-way round an even ring both ways are as short, and as many paths take either. Parallel cables share.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.cluster.fabric.arrays import FloatArray, IntArray, Lattice, total
from sim.cluster.fabric.lattice import Hops, hops_of
from sim.cluster.fabric.routing import Router, ragged

_BLOCK = 1 << 20
"""Hops on paths looked at together: bounds memory, changes no result."""


def minimal_loads(
    router: Router, lattice: Lattice, source: IntArray, target: IntArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what `routing.split_loads` does, for pairs between which the lattice lacks no link."""
    hops = hops_of(lattice)
    first, count = router.between(hops.near, hops.far)
    hop_s = np.where(count > 0, router.fabric.latency_s[first], 0.0)
    on_hops, latency_s = np.zeros(hops.near.size), np.zeros(source.size)
    least_s, most_s = hop_s[count > 0].min(initial=np.inf), hop_s.max(initial=0.0)
    for pair, share, hop, fraction in _spread(lattice, hops, source, target):
        amount = np.multiply.outer(weight[pair] * share, fraction)
        on_hops += total(hop.ravel(), amount.ravel(), on_hops.size)
        part_s = most_s * fraction.sum() if least_s == most_s else hop_s[hop] @ fraction
        np.add.at(latency_s, pair, share * part_s)
    used = np.flatnonzero(on_hops)
    row, cable = ragged(first[used], count[used])
    return total(cable, (on_hops[used] / count[used])[row], router.fabric.source.size), latency_s


def minimal_paths(
    router: Router, lattice: Lattice, source: IntArray, target: IntArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the (pair, cable, fraction) entries of which `minimal_loads` adds up the weights."""
    hops = hops_of(lattice)
    first, count = router.between(hops.near, hops.far)
    none = np.empty(0, dtype=np.int64)
    parts = [(none, none, np.empty(0))]
    for pair, share, hop, fraction in _spread(lattice, hops, source, target):
        row, cable = ragged(first[hop.ravel()], count[hop.ravel()])
        each = np.multiply.outer(share, fraction).ravel() / count[hop.ravel()]
        parts.append((np.repeat(pair, hop.shape[1])[row], cable, each[row]))
    pairs, cables, fractions = zip(*parts, strict=True)
    return np.concatenate(pairs), np.concatenate(cables), np.concatenate(fractions)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ways:
    """Pairs and the way that they go in each dimension; one that has two ways stands here twice.

    pair: (W,). share: of the pair's paths. forward: whether coordinates rise, steps: how many, (W, D).
    """

    pair: IntArray
    share: FloatArray
    forward: IntArray
    steps: IntArray


def _ways(lattice: Lattice, source: IntArray, target: IntArray) -> _Ways:
    pair, share = np.arange(source.size), np.ones(source.size)
    forward = np.ones((source.size, len(lattice.shape)), dtype=np.int64)
    steps = np.zeros_like(forward)
    for axis, size in enumerate(lattice.shape):
        ahead = lattice.at[target[pair], axis] - lattice.at[source[pair], axis]
        if lattice.wrap is None:
            steps[:, axis] = ahead != 0
            continue
        forward[:, axis] = ahead > 0
        steps[:, axis] = np.abs(ahead)
        if lattice.wrap[axis]:
            forward[:, axis] = 2 * (ahead % size) <= size
            steps[:, axis] = np.minimum(ahead % size, -ahead % size)
            both = np.flatnonzero((2 * steps[:, axis] == size) & (size > 2))
            share[both] /= 2
            pair, share = np.concatenate([pair, pair[both]]), np.concatenate([share, share[both]])
            forward, steps = np.concatenate([forward, forward[both]]), np.concatenate([steps, steps[both]])
            forward[forward.shape[0] - both.size :, axis] = 0
    return _Ways(pair=pair, share=share, forward=forward, steps=steps)


def _spread(
    lattice: Lattice, hops: Hops, source: IntArray, target: IntArray
) -> Iterator[tuple[IntArray, FloatArray, IntArray, FloatArray]]:
    """Yield pairs and a share of each (P,), the hops (P, H) that it takes, and the fraction of it on each (H,)."""
    ways = _ways(lattice, source, target)
    code = np.ravel_multi_index(tuple(ways.steps.T), tuple(size + 1 for size in lattice.shape))
    order = np.argsort(code, kind="stable")
    edges = np.flatnonzero(np.diff(code[order])) + 1
    for alike in np.split(order, edges) if order.size else []:
        template = _template(tuple(ways.steps[alike[0]].tolist()))
        fractions = np.concatenate([each.ravel() for each in template])
        most = max(1, _BLOCK // fractions.size)
        for some in (alike[at : at + most] for at in range(0, alike.size, most)):
            pair, forward = ways.pair[some], ways.forward[some]
            start, goal = lattice.at[source[pair]], lattice.at[target[pair]]
            place = _places(lattice, start, goal, forward, ways.steps[alike[0]])
            taken: list[IntArray] = []
            for axis, fraction in enumerate(template):
                kind = forward[:, axis] if lattice.wrap is not None else goal[:, axis]
                near = place[(slice(None),) * (axis + 1) + (slice(fraction.shape[axis]),)]
                way = (hops.first[axis] + kind * lattice.router.size).reshape((-1,) + (1,) * fraction.ndim)
                taken.append((way + near).reshape(pair.size, fraction.size))
            yield pair, ways.share[some], np.concatenate(taken, axis=1), fractions


def _places(lattice: Lattice, start: IntArray, goal: IntArray, forward: IntArray, steps: IntArray) -> IntArray:
    """Return the places (P, d_1 + 1, ..., d_n + 1) that paths cross, numbered along the flattened lattice."""
    place = np.zeros((start.shape[0],) + (1,) * steps.size, dtype=np.int64)
    for axis, size in enumerate(lattice.shape):
        gone = np.arange(steps[axis] + 1)
        if lattice.wrap is None:
            along = np.where(gone > 0, goal[:, axis, None], start[:, axis, None])
        else:
            along = (start[:, axis, None] + np.where(forward[:, axis, None] > 0, gone, -gone)) % size
        stride = int(np.prod(lattice.shape[axis + 1 :]))
        place = place + (along * stride).reshape((-1,) + (1,) * axis + (gone.size,) + (1,) * (steps.size - axis - 1))
    return place


def _template(steps: tuple[int, ...]) -> list[FloatArray]:
    """Return the fraction of all paths that take each hop of the box from its origin to `steps`, by dimension.

    >>> [each.tolist() for each in _template((1, 1))]
    [[[0.5, 0.5]], [[0.5], [0.5]]]
    """
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, sum(steps) + 1)))])
    place = np.indices([each + 1 for each in steps])
    paths = log_factorial[place.sum(axis=0)] - log_factorial[place].sum(axis=0)
    onward = np.flip(paths)
    answer = []
    for axis in range(len(steps)):
        leaving, entering = (
            tuple(cut if each == axis else slice(None) for each in range(len(steps)))
            for cut in (slice(None, -1), slice(1, None))
        )
        answer.append(np.exp(paths[leaving] + onward[entering] - onward.ravel()[0]))
    return answer
