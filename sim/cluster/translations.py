"""Distances on a grid that looks the same from every place, such as a torus: one search instead of one a place."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from sim.cluster.skeleton import Bandwidths, Flags, Indices, Skeleton


def is_translated(bones: Skeleton) -> bool:
    """Return whether there is a switch at every place of a grid, and a step along any dimension maps links onto links.

    >>> from sim.cluster.skeleton import skeleton
    >>> from topologies import torus
    >>> names = [f"nic-{e:06d}" for e in range(9)]
    >>> [is_translated(skeleton(torus(shape=[3, 3], wrap=wrap), names)) for wrap in (True, False)]
    [True, False]
    """
    size = int(np.prod(bones.shape, dtype=np.int64)) if bones.shape else 0
    if size == 0 or size != bones.tiers.size or not bones.near.size:
        return False
    place = np.ravel_multi_index(tuple(bones.at.T), bones.shape)
    if np.unique(place).size != size:
        return False
    links = _links(place, bones)
    every = np.arange(size).reshape(bones.shape)
    return all(
        np.array_equal(links, _links(np.roll(every, 1, axis).ravel()[place], bones)) for axis in range(len(bones.shape))
    )


def _links(place: NDArray[np.int64], bones: Skeleton) -> Indices:
    """Return links as sorted pairs of places."""
    ends = np.sort(np.stack([place[bones.near], place[bones.far]]), axis=0)
    return np.unique(ends[0] * place.size + ends[1])


def hops_from_origin(bones: Skeleton) -> Bandwidths:
    """Return the links from the first place to every other, shape that of the grid; infinite where none leads there."""
    place = np.ravel_multi_index(tuple(bones.at.T), bones.shape)
    size = place.size
    ends = (place[bones.near], place[bones.far])
    graph = csr_array((np.ones(bones.near.size), ends), shape=(size, size))
    return np.asarray(dijkstra(graph, False, np.zeros(1, dtype=np.int64), unweighted=True)).reshape(bones.shape)


def farthest(hops: Bandwidths, bones: Skeleton, sources: Flags, targets: Flags) -> int:
    """Return the most hops from a source to a target that it reaches, on a grid that is translated.

    The distance of two places depends on their difference alone. Which differences occur is the circular correlation
    of both sets, in O(N log N) by fast Fourier transforms; it counts pairs, so that rounding cannot hide one.
    """
    marks = [np.zeros(bones.shape) for _ in range(2)]
    for mark, flags in zip(marks, (sources, targets), strict=True):
        mark[tuple(bones.at[flags].T)] = 1
    pairs = np.fft.irfftn(
        np.conj(np.fft.rfftn(marks[0])) * np.fft.rfftn(marks[1]), s=bones.shape, axes=range(hops.ndim)
    )
    met = hops[(pairs > 0.5) & np.isfinite(hops)]
    return int(met.max(initial=0))
