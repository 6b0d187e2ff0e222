"""The diameter of a fabric: breadth-first searches from all switches at once, a bit each."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sim.cluster.skeleton import Flags, Indices, Skeleton

Words = NDArray[np.uint64]

MOST_BYTES = 1 << 24
"""Of a temporary array: sources are taken in blocks of as many words as fit."""


def diameter_hops(bones: Skeleton) -> int:
    """Return the links on the longest shortest path between two endpoints that the fabric joins.

    An endpoint on a router's own chip is no link away from it. Switches with the same neighbours (and alike
    endpoints) are at the same distance from everything else and two links apart, so that one of each set stands for it.

    >>> from sim.cluster.skeleton import skeleton
    >>> from topologies import leaf_spine
    >>> diameter_hops(skeleton(leaf_spine(radix=4), [f"nic-{e:06d}" for e in range(8)]))
    4
    """
    ways = (bones.hosts[:, 0] > 0, bones.hosts[:, 1] > 0)
    own = [links * 2 for links, way in ((1, 0), (0, 1)) if (bones.hosts[:, way] > 1).any()]
    own += [1] if (ways[0] & ways[1]).any() else []
    sets = _twins(bones, ways)
    size = int(sets.max(initial=-1)) + 1
    ends = np.concatenate([[bones.near, bones.far], [bones.far, bones.near]], axis=1)
    links = csr_array((np.ones(ends.shape[1], dtype=np.int8), (sets[ends[0]], sets[ends[1]])), shape=(size, size))
    members = [np.bincount(sets, weights=way, minlength=size) for way in ways]
    has_links = np.bincount(sets[ends[0]], minlength=size) > 0
    for way, cables in ((0, 1), (1, 0)):
        own += [2 * cables + 2] if ((members[way] > 1) & has_links).any() else []
        for other in range(way, 2):
            hops = _farthest(links, members[way] > 0, members[other] > 0)
            own += [hops + cables + 1 - other] if hops else []
    return max(own, default=0)


def _twins(bones: Skeleton, ways: tuple[Flags, Flags]) -> Indices:
    """Return the set of each switch: those with exactly the same neighbours and kinds of endpoints share one."""
    neighbours: list[list[int]] = [[] for _ in bones.tiers]
    for near, far in zip(bones.near.tolist(), bones.far.tolist(), strict=True):
        neighbours[near].append(far)
        neighbours[far].append(near)
    kinds = (ways[0] + 2 * ways[1]).tolist()
    sets: dict[tuple[int, frozenset[int]], int] = {}
    keys = ((kind, frozenset(own)) for kind, own in zip(kinds, neighbours, strict=True))
    return np.array([sets.setdefault(key, len(sets)) for key in keys], dtype=np.int64)


def _farthest(links: "csr_array[np.int8]", sources: Flags, targets: Flags) -> int:
    """Return the most hops from a source to a target that it reaches, 0 if there is none but itself."""
    starts = np.flatnonzero(sources)
    if not starts.size or not targets.any() or not links.nnz:
        return 0
    joined = np.flatnonzero(np.diff(links.indptr))
    first = links.indptr[joined]
    words = max(1, MOST_BYTES // (8 * links.nnz))
    blocks = (starts[at : at + 64 * words] for at in range(0, starts.size, 64 * words))
    return max(_levels(links.indices, first, joined, block, targets) for block in blocks)


def _levels(
    neighbour: NDArray[np.int32], first: NDArray[np.int32], joined: Indices, sources: Indices, targets: Flags
) -> int:
    """Return how many levels pass until the last target has seen the last source that it will ever see."""
    reached = np.zeros((targets.size, -(-sources.size // 64)), dtype=np.uint64)
    place = np.arange(sources.size)
    reached[sources, place // 64] = np.uint64(1) << (place % 64).astype(np.uint64)
    last = level = 0
    while True:
        level += 1
        spread = np.bitwise_or.reduceat(reached[neighbour], first, axis=0) | reached[joined]
        changed = (spread != reached[joined]).any(axis=1)
        if not changed.any():
            return last
        if targets[joined[changed]].any():
            last = level
        reached[joined] = spread
