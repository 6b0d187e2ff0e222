"""Valiant's routing: by way of a router drawn at random, so that no pattern of traffic is worse than another.

Two phases, each on shortest paths (Valiant and Brebner, STOC 1981). In a fluid every flow splits evenly over all
routers that hold endpoints. On a lattice each phase is dimension-ordered, as theirs is: a phase's loads then follow
from sums over lines. Elsewhere it splits over all shortest paths, and loads are added up from the far end of a search
(Brandes, 2001). A direct network gives up half of its throughput under uniform traffic for this.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.cluster.fabric.arrays import Fabric, FloatArray, IntArray, Lattice, total
from sim.cluster.fabric.dimensions import require_links, steps_forward
from sim.cluster.fabric.lattice import links_of
from sim.cluster.fabric.routing import Router
from sim.errors import TopologyError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BLOCK = 64
"""Sources searched from at once: bounds memory, changes no result."""


def valiant_loads(
    router: Router, source: IntArray, target: IntArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the load of every cable (C,) and each pair's path latency, the mean of all: all meet the same routers."""
    fabric, switches = router.fabric, len(router.fabric.switches)
    apart = source != target
    leaving = total(source[apart], weight[apart], switches)
    arriving = total(target[apart], weight[apart], switches)
    if fabric.lattice is not None:
        _require_whole(router)
        loads = _lattice_loads(router, fabric.lattice, leaving, arriving)
    else:
        loads = _phase_loads(fabric, leaving)
        # The second phase is the first of the targets, run backward.
        loads = loads + (loads if np.array_equal(leaving, arriving) else _phase_loads(fabric, arriving))[fabric.reverse]
    mean_s = float(loads @ fabric.latency_s) / max(float(weight[apart].sum()), 1e-300)
    return loads, np.where(apart, mean_s, 0.0)


def _phase_loads(fabric: Fabric, leaving: FloatArray) -> FloatArray:
    """Return cable loads when what leaves each switch spreads evenly over all that hold endpoints."""
    switches = len(fabric.switches)
    hosts = np.zeros(switches)
    hosts[fabric.leaf[fabric.leaf >= 0]] = 1.0
    hosts /= hosts.sum()
    # A sixth of a second, which other routings need not wait for.
    from scipy.sparse import csr_array

    ones = np.ones(fabric.source.size)
    links: csr_array[np.float64] = csr_array((ones, fabric.target, fabric.start), shape=(switches, switches))
    sources, loads = np.flatnonzero(leaving), np.zeros(fabric.source.size)
    for first in range(0, sources.size, _BLOCK):
        block = sources[first : first + _BLOCK]
        loads += _spread_from(fabric, links, block, hosts, leaving[block])
    return loads


def _spread_from(
    fabric: Fabric, links: "csr_array[np.float64]", sources: IntArray, hosts: FloatArray, leaving: FloatArray
) -> FloatArray:
    """Return loads of the cables (C,): all shortest paths from each source to `hosts`, evenly."""
    paths = np.zeros((len(fabric.switches), sources.size))
    paths[sources, np.arange(sources.size)] = 1.0
    seen, levels = paths > 0, [paths]
    while not seen.all():
        onward: FloatArray = np.asarray(links @ levels[-1])
        onward[seen] = 0.0
        if not onward.any():
            break
        seen |= onward > 0
        levels.append(onward)
    _require_all(fabric, seen, hosts)
    loads, beyond = np.zeros(fabric.source.size), np.zeros_like(paths)
    for near, far in zip(levels[-2::-1], levels[:0:-1], strict=True):
        # What a path to a switch of the far level carries: the switch's own part and all that passes it.
        carried = np.divide(hosts[:, None] + beyond, far, out=np.zeros_like(far), where=far > 0)
        loads += np.einsum("cs,cs->c", (near * leaving)[fabric.source], carried[fabric.target])
        beyond = near * np.asarray(links @ carried) if near is not paths else near
    return loads


def _require_all(fabric: Fabric, seen: NDArray[np.bool_], hosts: FloatArray) -> None:
    lost = np.flatnonzero(~seen.all(axis=1) & (hosts > 0))
    if lost.size:
        raise TopologyError(f"valiant: no path to switch {fabric.switches[int(lost[0])]}: the fabric is cut")


def _require_whole(router: Router) -> None:
    """Raise TopologyError where a link of the lattice is lost: dimension-ordered phases know no way round."""
    assert router.fabric.lattice is not None, "asked for on a lattice only"
    one, other = links_of(router.fabric.lattice)
    require_links(router.fabric, one, other, router.between(one, other)[1])


def _lattice_loads(router: Router, lattice: Lattice, leaving: FloatArray, arriving: FloatArray) -> FloatArray:
    """Return the loads of both phases, dimension by dimension.

    Behind dimension d, phase one's flows are spread evenly over it, whatever they came from; phase two's flows stand
    at their targets in the dimensions done, and anywhere in the others.
    """
    loads = np.zeros(router.fabric.source.size)
    out, into = (np.zeros(lattice.shape) for _ in range(2))
    out[tuple(lattice.at.T)], into[tuple(lattice.at.T)] = leaving, arriving
    for axis in range(len(lattice.shape)):
        later = tuple(range(axis + 1, len(lattice.shape)))
        goal = np.broadcast_to(into.mean(axis=later, keepdims=True), lattice.shape)
        for step, spread, gather in _line_loads(lattice, axis):
            carried = _along(out, spread, axis) + _along(goal, gather, axis)
            near = lattice.router.ravel()
            far = np.roll(lattice.router, -step, axis).ravel()
            _put(router, loads, near, far, carried.ravel())
        out = np.broadcast_to(out.mean(axis=axis, keepdims=True), lattice.shape)
    return loads


def _put(router: Router, loads: FloatArray, near: IntArray, far: IntArray, carried: FloatArray) -> None:
    """Add what goes from each router to a neighbour to the cables between them, in place."""
    used = carried > 0
    first, count = router.between(near[used], far[used])
    for cable in range(int(count.max(initial=0))):
        parallel = count > cable
        loads[first[parallel] + cable] += carried[used][parallel] / count[parallel]


def _along(weight: FloatArray, line: FloatArray, axis: int) -> FloatArray:
    """Return sum over x of weight[.. x ..] line[x, z], at every z of an axis."""
    return np.moveaxis(np.tensordot(weight, line, axes=(axis, 0)), -1, axis)


def _line_loads(lattice: Lattice, axis: int) -> list[tuple[int, FloatArray, FloatArray]]:
    """Return (step, loads from x, loads to x): of the link from z to z + step, shape (x, z), for one line.

    From x a unit spreads evenly over the line; to x it comes evenly from all of it.
    """
    size = lattice.shape[axis]
    place = np.arange(size)
    if lattice.wrap is None:
        return [
            (step, np.eye(size) / size, (place[None] == (place[:, None] - step) % size) / size)
            for step in range(1, size)
        ]
    wraps = lattice.wrap[axis]
    steps = steps_forward(size, wraps, place[:, None], place[None])
    return [(sign, *_ring_loads(sign * steps, sign, size)) for sign in (1, -1)] if size > 1 else []


def _ring_loads(steps: NDArray[np.int64], sign: int, size: int) -> tuple[FloatArray, FloatArray]:
    """Return loads of the links from z in one direction, given the steps in it from x to y."""
    place = np.arange(size)
    passed = sign * (place[None] - place[:, None]) % size
    crosses = steps[:, :, None] > passed[:, None, :]
    return crosses.mean(axis=1), crosses.mean(axis=0)
