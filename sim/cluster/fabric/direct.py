"""Shortest paths where few switches are alike: dragonfly, HyperX, Slim Fly, Jellyfish, torus.

Every router is a class of its own there, so nothing is kept by class. For the targets that flows have, a row of bits
says which of them lie within k hops of a switch; one more hop is an OR over its neighbours, 64 targets a word. On a
lattice coordinates tell, except for pairs between which a link is lost. Flows then walk from their sources, and only
switches on their shortest paths are ever looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.cluster.fabric.arrays import Fabric, FloatArray, IntArray, total
from sim.cluster.fabric.hashing import Pick
from sim.cluster.fabric.lattice import Grid, distance, is_whole_between
from sim.cluster.fabric.minimal import minimal_loads, minimal_paths
from sim.cluster.fabric.routing import Router, ragged
from sim.cluster.fabric.stepping import MOST_DIMENSIONS, stepping_paths
from sim.errors import TopologyError

_BLOCK = 1024
"""Targets searched for at once: bounds memory, changes no result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which targets (columns, 64 a word) lie within k hops of a switch: within[k, switch, word]; column by switch."""

    column: IntArray
    within: NDArray[np.uint64]

    def holds(self, hops: IntArray, switch: IntArray, target: IntArray) -> NDArray[np.bool_]:
        """Return whether each target lies within so many hops of a switch."""
        column = self.column[target]
        word = self.within[hops, switch, column >> 6]
        found: NDArray[np.bool_] = (word >> (column & 63).astype(np.uint64)) & np.uint64(1) != 0
        return found


def reach(fabric: Fabric, source: IntArray, target: IntArray) -> tuple[Reach, IntArray]:
    """Return what lies within how many hops, up to the farthest pair, and the hops of every pair.

    Breadth-first from all targets together, O(hops x links x targets / 64). Raises TopologyError for a pair without
    a path.
    """
    targets = np.unique(target)
    column = np.full(len(fabric.switches), -1, dtype=np.int64)
    column[targets] = np.arange(targets.size)
    start = np.zeros((len(fabric.switches), (targets.size + 63) // 64), dtype=np.uint64)
    start[targets, column[targets] >> 6] = np.uint64(1) << (column[targets] & 63).astype(np.uint64)
    wired = np.flatnonzero(np.diff(fabric.start))
    levels, hops = [start], np.full(source.size, -1, dtype=np.int64)
    while True:
        level = len(levels) - 1
        known = Reach(column=column, within=levels[-1][None])
        hops[(hops < 0) & known.holds(np.zeros_like(source), source, target)] = level
        if np.all(hops >= 0):
            return Reach(column=column, within=np.stack(levels)), hops
        further = levels[-1].copy()
        if wired.size:
            further[wired] |= np.bitwise_or.reduceat(levels[-1][fabric.target], fabric.start[wired], axis=0)
        if np.array_equal(further, levels[-1]):
            lost = int(np.flatnonzero(hops < 0)[0])
            one, other = fabric.switches[int(source[lost])], fabric.switches[int(target[lost])]
            raise TopologyError(f"no path from switch {one} to switch {other}: the fabric is cut between them")
        levels.append(further)


def direct_loads(
    router: Router, source: IntArray, target: IntArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what `routing.split_loads` does, for routers that are all different: flows to one target walk together."""
    loads, latency_s = np.zeros(router.fabric.source.size), np.zeros(source.size)
    whole, others = _whole(router, source, target)
    if router.grid is not None:
        lattice = router.grid.lattice
        loads, latency_s[whole] = minimal_loads(router, lattice, source[whole], target[whole], weight[whole])
    for pairs, known, hops in _searched(router, source, target, others):
        walk = _walk(router.fabric, known, hops, source[pairs], target[pairs], target[pairs])
        _, cable, amount = _spread(walk, weight[pairs])
        loads += total(cable, amount, loads.size)
        latency_s[pairs] = walk.latency_s
    return loads, latency_s


def direct_paths(router: Router, source: IntArray, target: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the (pair, cable, fraction) entries of which `direct_loads` adds up the weights."""
    none = np.empty(0, dtype=np.int64)
    parts = [(none, none, np.empty(0))]
    whole, others = _whole(router, source, target)
    if router.grid is not None:
        own, cable, fraction = minimal_paths(router, router.grid.lattice, source[whole], target[whole])
        parts.append((whole[own], cable, fraction))
    for pairs, known, hops in _searched(router, source, target, others):
        walk = _walk(router.fabric, known, hops, source[pairs], target[pairs], np.arange(pairs.size))
        owner, cable, fraction = _spread(walk, np.ones(pairs.size))
        parts.append((pairs[owner], cable, fraction))
    pair, cables, fractions = zip(*parts, strict=True)
    return np.concatenate(pair), np.concatenate(cables), np.concatenate(fractions)


def direct_hashed(
    router: Router, source: IntArray, target: IntArray, pick: Pick
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield what `routing.hashed_paths` does: (flow, cable) hop by hop, next hops in the same order."""
    fabric, switches = router.fabric, len(router.fabric.switches)
    whole, others = _whole(router, source, target)
    grid = router.grid
    if grid is not None and grid.lattice.wrap is not None and len(grid.lattice.shape) <= MOST_DIMENSIONS:
        yield from stepping_paths(router, grid.lattice, whole, source, target, pick)
        blocks: Iterator[tuple[IntArray, Grid | Reach, IntArray]] = _searched(router, source, target, others)
    else:
        blocks = _blocks(router, source, target)
    for flow, known, left in blocks:
        at, goal = source[flow], target[flow]
        while flow.size:
            # Many flows stand at one switch with one goal, and have the same next hops.
            key, which = np.unique(at * switches + goal, return_inverse=True)
            hops = np.empty_like(key)
            hops[which] = left
            row, cable = _nearer(fabric, known, key // switches, key % switches, hops)
            count = np.bincount(row, minlength=key.size)
            first = np.cumsum(count) - count
            taken = cable[first[which] + pick(flow, at, left, count[which])]
            yield flow, taken
            on = left > 1
            flow, at, goal, left = flow[on], fabric.target[taken[on]], goal[on], left[on] - 1


def _blocks(router: Router, source: IntArray, target: IntArray) -> Iterator[tuple[IntArray, Grid | Reach, IntArray]]:
    """Yield pairs of different switches, so many targets at a time, with what tells distances and their hops."""
    whole, others = _whole(router, source, target)
    if router.grid is not None:
        for pairs in _by_target(whole, target):
            yield pairs, router.grid, distance(router.grid.lattice, source[pairs], target[pairs])
    yield from _searched(router, source, target, others)


def _whole(router: Router, source: IntArray, target: IntArray) -> tuple[IntArray, IntArray]:
    """Return the pairs of different switches between which a lattice lacks no link, and the others."""
    apart = np.flatnonzero(source != target)
    if router.grid is None:
        return apart[:0], apart
    whole = is_whole_between(router.grid, source[apart], target[apart])
    return apart[whole], apart[~whole]


def _searched(
    router: Router, source: IntArray, target: IntArray, pairs: IntArray
) -> Iterator[tuple[IntArray, Reach, IntArray]]:
    """Yield some pairs at a time, with what a search found and their hops."""
    for some in _by_target(pairs, target):
        yield some, *reach(router.fabric, source[some], target[some])


def _by_target(pairs: IntArray, target: IntArray) -> Iterator[IntArray]:
    targets, rank = np.unique(target[pairs], return_inverse=True)
    order = np.argsort(rank, kind="stable")
    for part in np.split(order, np.searchsorted(rank[order], np.arange(_BLOCK, targets.size, _BLOCK))):
        if part.size:
            yield pairs[part]


def _nearer(
    fabric: Fabric, known: Grid | Reach, at: IntArray, goal: IntArray, left: IntArray
) -> tuple[IntArray, IntArray]:
    """Return (row of `at`, cable) of every cable that leads one hop nearer the goal."""
    row, cable = ragged(fabric.start[at], fabric.start[at + 1] - fabric.start[at])
    near = known.holds(left[row] - 1, fabric.target[cable], goal[row])
    return row[near], cable[near]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """What owners have at so many hops from their target: states (S,), and the cables (N,) that lead one hop nearer.

    row: state that a cable leaves; next_state: what it enters on the level below; share: of the state's shortest paths
    that take it, cables counted apart. pairs: those that start on this level, each in the state `first`.
    """

    owner: IntArray
    row: IntArray
    cable: IntArray
    next_state: IntArray
    share: FloatArray
    pairs: IntArray
    first: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """All shortest paths of pairs, the farthest level first, and each pair's mean latency over them."""

    levels: tuple[_Level, ...]
    latency_s: FloatArray


def _walk(fabric: Fabric, known: Reach, hops: IntArray, source: IntArray, target: IntArray, owner: IntArray) -> _Walk:
    """Return the shortest paths of pairs; pairs of one owner share their target, and are walked as one."""
    switches = len(fabric.switches)
    goal_of = np.zeros(int(owner.max()) + 1, dtype=np.int64)
    goal_of[owner] = target
    keys: list[IntArray] = []
    edges: list[tuple[IntArray, IntArray, IntArray]] = []
    passing = np.empty(0, dtype=np.int64)
    for left in range(int(hops.max()), 0, -1):
        starting = np.flatnonzero(hops == left)
        key = np.unique(np.concatenate([passing, owner[starting] * switches + source[starting]]))
        at, goal = key % switches, goal_of[key // switches]
        row, cable = _nearer(fabric, known, at, goal, np.full(at.size, left))
        onward = key[row] // switches * switches + fabric.target[cable]
        keys.append(key)
        edges.append((row, cable, onward))
        passing = np.unique(onward)
    return _counted(fabric, keys, edges, passing, hops, owner * switches + source)


def _counted(
    fabric: Fabric,
    keys: list[IntArray],
    edges: list[tuple[IntArray, IntArray, IntArray]],
    arrived: IntArray,
    hops: IntArray,
    start: IntArray,
) -> _Walk:
    """Return the walk with the paths and the mean latency from every state on, nearest level first."""
    below, paths, latency_s = arrived, np.ones(arrived.size), np.zeros(arrived.size)
    levels: list[_Level] = []
    of_pair = np.zeros(hops.size)
    for left, (key, (row, cable, onward)) in enumerate(zip(keys[::-1], edges[::-1], strict=True), start=1):
        state = np.searchsorted(below, onward)
        ways = total(row, paths[state], key.size)
        share = paths[state] / ways[row]
        later_s = total(row, share * (fabric.latency_s[cable] + latency_s[state]), key.size)
        pairs = np.flatnonzero(hops == left)
        first = np.searchsorted(key, start[pairs])
        of_pair[pairs] = later_s[first]
        owner = key // len(fabric.switches)
        levels.append(
            _Level(owner=owner, row=row, cable=cable, next_state=state, share=share, pairs=pairs, first=first)
        )
        below, paths, latency_s = key, ways, later_s
    return _Walk(levels=tuple(levels[::-1]), latency_s=of_pair)


def _spread(walk: _Walk, weight: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return (owner, cable, amount) when each pair's weight is split evenly over its shortest paths."""
    parts: list[tuple[IntArray, IntArray, FloatArray]] = []
    coming = np.zeros(walk.levels[0].owner.size)
    for position, level in enumerate(walk.levels):
        amount = coming + total(level.first, weight[level.pairs], level.owner.size)
        moved = amount[level.row] * level.share
        parts.append((level.owner[level.row], level.cable, moved))
        following = walk.levels[position + 1].owner.size if position + 1 < len(walk.levels) else 0
        coming = total(level.next_state, moved, following) if following else coming
    owner, cable, amounts = zip(*parts, strict=True)
    return np.concatenate(owner), np.concatenate(cable), np.concatenate(amounts)
