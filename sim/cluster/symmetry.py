"""Which switches of a grid are alike: proven on the graph itself, never taken from the name of its family."""

from collections.abc import Iterator

import numpy as np

from sim.cluster.fabric.arrays import components
from sim.cluster.skeleton import Flags, Indices, Skeleton


def one_of_each_orbit(bones: Skeleton) -> Flags:
    """Return a mark on one switch of every orbit: a symmetry of the graph takes it to all others of that orbit.

    Symmetries tried are a step along one dimension and the mirror image in it; one counts if it takes all links to
    links, and endpoints to endpoints of the same kind. Those of a whole torus or HyperX make all switches one orbit;
    a graph without coordinates, or with holes, keeps every switch for itself.

    >>> from sim.cluster.skeleton import skeleton
    >>> from topologies import torus
    >>> ends = [f"nic-{e:06d}" for e in range(12)]
    >>> int(one_of_each_orbit(skeleton(torus(shape=[4, 3]), ends)).sum())
    1
    >>> int(one_of_each_orbit(skeleton(torus(shape=[4, 3], wrap=False), ends)).sum())
    4
    """
    switches = len(bones.tiers)
    if not bones.shape or np.any((bones.at < 0) | (bones.at >= np.array(bones.shape))):
        return np.ones(switches, dtype=np.bool_)
    place = np.ravel_multi_index(tuple(bones.at.T), bones.shape)
    if switches != np.prod(bones.shape) or np.unique(place).size != switches:
        return np.ones(switches, dtype=np.bool_)
    links = _keys(bones, np.arange(switches))
    proven = [image for image in _images(bones, np.argsort(place)) if _is_symmetry(bones, image, links)]
    orbit = components(np.tile(np.arange(switches), len(proven)), np.concatenate([[], *proven]).astype(int), switches)
    first = np.zeros(switches, dtype=np.bool_)
    first[np.unique(orbit, return_index=True)[1]] = True
    return first


def _images(bones: Skeleton, switch_at: Indices) -> Iterator[Indices]:
    """Yield where each switch would go: one step on, and mirrored, in every dimension."""
    for dimension, size in enumerate(bones.shape):
        for moved in ((bones.at[:, dimension] + 1) % size, size - 1 - bones.at[:, dimension]):
            at = bones.at.copy()
            at[:, dimension] = moved
            yield switch_at[np.ravel_multi_index(tuple(at.T), bones.shape)]


def _is_symmetry(bones: Skeleton, image: Indices, links: Indices) -> bool:
    ends = bones.hosts > 0
    return bool(np.array_equal(ends[image], ends) and np.array_equal(_keys(bones, image), links))


def _keys(bones: Skeleton, image: Indices) -> Indices:
    """Return a number for every pair of switches that are linked, ascending, with switches gone to their images."""
    near, far = image[bones.near], image[bones.far]
    return np.sort(np.minimum(near, far) * image.size + np.maximum(near, far))
