"""Shortest paths over the switch graph: split evenly over all of them, or one path a flow by hash or by destination.

Leaves wired to the same switches by as many cables are twins: seen from outside, they differ only in their own
cables. Distances and path counts are solved once for each class of twins, which makes 131,072 endpoints practical:
a healthy Clos has one class a pod.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count as count_from

import numpy as np
from numpy.typing import NDArray

from sim.cluster.fabric.arrays import Fabric, FloatArray, IntArray, components, total
from sim.cluster.fabric.hashing import Pick
from sim.cluster.fabric.lattice import Grid, links_of
from sim.errors import TopologyError

_FEW = 64
"""Classes for which fields and templates cost next to nothing, whatever the fabric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Where a switch forwards what is bound for a class of leaves.

    distance: hops to the leaf, 2 for a twin, -1 unreachable. paths: shortest paths, cables counted apart. Cables
    that lead one hop nearer, for switches two hops away or more, are cables[start[v] : start[v + 1]]. A neighbour v of
    every leaf of the class is reached by count[v] cables of the leaf, from own[v] on, counted from the leaf's first.
    """

    distance: IntArray
    paths: FloatArray
    start: IntArray
    cables: IntArray
    own: IntArray
    count: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """How one unit spreads from any leaf of a class to any leaf of another.

    first: cables counted from the source's own; last: from the reverse of the destination's own; middle: cables.
    Each with its fraction of the unit. adjacent: one hop, straight over the cables between the two.
    """

    adjacent: bool
    first: IntArray
    first_fraction: FloatArray
    middle: IntArray
    middle_fraction: FloatArray
    last: IntArray
    last_fraction: FloatArray
    latency_s: float


class Router:
    """Shortest-path routing on one fabric; keeps a field for each class of leaves and a template for each two.

    number: of every endpoint, leaf by leaf, which D-mod-k takes for the destination's number: on rails, neighbours
    of a leaf are not neighbours among the endpoints. direct: hardly any two leaves are twins, so that classes save
    nothing (`fabric.direct` routes there). grid: coordinates that tell distances.
    part: which of its unconnected parts (planes, rails) every endpoint is in, -1 where its link is gone.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.class_of, self.twins = twin_classes(fabric)
        self.direct = len(self.twins) > _FEW and 2 * len(self.twins) > np.unique(fabric.leaf[fabric.leaf >= 0]).size
        key = fabric.source * len(fabric.switches) + fabric.target
        self._pair_key, self._pair_first, self._pair_count = np.unique(key, return_index=True, return_counts=True)
        self.number = _numbers(fabric.leaf)
        self.grid = self._grid()
        self.part = np.where(
            fabric.leaf < 0, -1, components(fabric.source, fabric.target, len(fabric.switches))[fabric.leaf]
        )
        self._fields: dict[int, Field] = {}
        self._templates: dict[tuple[int, int], Template] = {}

    def _grid(self) -> Grid | None:
        """Return a lattice with what it lacks; None where there is none, or so much is lost that it is of no help."""
        lattice = self.fabric.lattice
        if lattice is None:
            return None
        one, other = links_of(lattice)
        count = np.where((one >= 0) & (other >= 0), self.between(one, other)[1], 0)
        lost = count == 0
        if np.any(lattice.router < 0) or lost.sum() > _FEW or np.any(count[~lost] != count.max(initial=0)):
            return None
        return Grid(lattice=lattice, lost_one=one[lost], lost_other=other[lost])

    def field(self, leaf_class: int) -> Field:
        """Return the field toward a class of leaves."""
        if leaf_class not in self._fields:
            self._fields[leaf_class] = distance_field(self.fabric, int(self.twins[leaf_class][0]))
        return self._fields[leaf_class]

    def template(self, source_class: int, target_class: int) -> Template:
        """Return how a unit spreads between two classes of leaves (of one class: between two of its twins)."""
        key = (source_class, target_class)
        if key not in self._templates:
            self._templates[key] = _template(self, *key)
        return self._templates[key]

    def between(self, source: IntArray, target: IntArray) -> tuple[IntArray, IntArray]:
        """Return the first cable and the number of cables from each switch to another: none, unless they are linked."""
        key = source * len(self.fabric.switches) + target
        pair = np.minimum(np.searchsorted(self._pair_key, key), max(self._pair_key.size - 1, 0))
        if not self._pair_key.size:
            return np.zeros_like(key), np.zeros_like(key)
        return self._pair_first[pair], np.where(self._pair_key[pair] == key, self._pair_count[pair], 0)


def twin_classes(fabric: Fabric) -> tuple[IntArray, list[IntArray]]:
    """Return the class of every switch (-1: it is no leaf) and the leaves of every class."""
    class_of = np.full(len(fabric.switches), -1, dtype=np.int64)
    classes: dict[bytes, int] = {}
    for leaf in np.unique(fabric.leaf[fabric.leaf >= 0]).tolist():
        above = fabric.target[fabric.start[leaf] : fabric.start[leaf + 1]].tobytes()
        class_of[leaf] = classes.setdefault(above, len(classes))
    leaves = np.flatnonzero(class_of >= 0)
    order = leaves[np.argsort(class_of[leaves], kind="stable")]
    return class_of, np.split(order, np.searchsorted(class_of[order], np.arange(1, len(classes))))


def _parts(fabric: Fabric) -> IntArray:
    part = np.full_like(fabric.leaf, -1)
    wired = fabric.leaf >= 0
    part[wired] = components(fabric.source, fabric.target, len(fabric.switches))[fabric.leaf[wired]]
    return part


def _numbers(leaf: IntArray) -> IntArray:
    number = np.empty_like(leaf)
    number[np.argsort(leaf, kind="stable")] = np.arange(leaf.size)
    return number


def distance_field(fabric: Fabric, leaf: int) -> Field:
    """Return the field toward a leaf and its twins, by breadth-first search from the leaf."""
    size = len(fabric.switches)
    distance, paths = np.full(size, -1, dtype=np.int64), np.zeros(size)
    distance[leaf], paths[leaf] = 0, 1.0
    nearer = np.zeros(fabric.source.size, dtype=np.bool_)
    frontier: IntArray = np.array([leaf])
    for level in count_from(1):
        row, cable = ragged(fabric.start[frontier], fabric.start[frontier + 1] - fabric.start[frontier])
        onward = distance[fabric.target[cable]] < 0
        row, cable = row[onward], cable[onward]
        into = fabric.target[cable]
        if not into.size:
            break
        distance[into] = level
        paths += total(into, paths[frontier[row]], size)
        nearer[fabric.reverse[cable]] = level > 1
        frontier = np.flatnonzero(distance == level)
    own = fabric.target[fabric.start[leaf] : fabric.start[leaf + 1]]
    # The leaf itself stands for its twins, two hops from one another.
    nearer[fabric.start[leaf] : fabric.start[leaf + 1]] = True
    distance[leaf], paths[leaf] = (2, paths[own].sum()) if own.size else (-1, 0.0)
    cables = np.flatnonzero(nearer)
    count = np.bincount(own, minlength=size)
    return Field(
        distance=distance,
        paths=paths,
        start=np.searchsorted(fabric.source[cables], np.arange(size + 1)),
        cables=cables,
        own=np.searchsorted(own, np.arange(size)),
        count=count,
    )


def split_loads(
    router: Router, source: IntArray, target: IntArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the load of every cable (C,) and each pair's mean path latency when flows split over all shortest paths.

    Fluid: each path, parallel cables counted apart, carries the same part of its flow. source, target: leaves of
    each pair, shape (P,); a pair within one leaf loads nothing. Raises TopologyError for a pair without a path.
    """
    loads, latency_s = np.zeros(router.fabric.source.size), np.zeros(source.size)
    for pairs, template in _by_template(router, source, target):
        latency_s[pairs] = template.latency_s
        if template.adjacent:
            position, cable, fraction = _straight(router, source[pairs], target[pairs])
            loads += total(cable, fraction * weight[pairs][position], loads.size)
            continue
        leaves, amount = _total_by_leaf(source[pairs], weight[pairs])
        loads[_own(router, leaves, template.first)] += amount[:, None] * template.first_fraction
        loads[template.middle] += weight[pairs].sum() * template.middle_fraction
        leaves, amount = _total_by_leaf(target[pairs], weight[pairs])
        loads[router.fabric.reverse[_own(router, leaves, template.last)]] += amount[:, None] * template.last_fraction
    return loads, latency_s


def split_paths(router: Router, source: IntArray, target: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the (pair, cable, fraction) entries of which `split_loads` adds up the weights."""
    empty = np.empty(0, dtype=np.int64)
    parts = [(empty, empty, np.empty(0))]
    for pairs, template in _by_template(router, source, target):
        if template.adjacent:
            position, cable, fraction = _straight(router, source[pairs], target[pairs])
            parts.append((pairs[position], cable, fraction))
            continue
        middle = np.broadcast_to(template.middle, (pairs.size, template.middle.size))
        last = router.fabric.reverse[_own(router, target[pairs], template.last)]
        along = np.concatenate([_own(router, source[pairs], template.first), middle, last], axis=1)
        fraction = np.concatenate([template.first_fraction, template.middle_fraction, template.last_fraction])
        parts.append((np.repeat(pairs, fraction.size), along.ravel(), np.tile(fraction, pairs.size)))
    pair, cables, fractions = zip(*parts, strict=True)
    return np.concatenate(pair), np.concatenate(cables), np.concatenate(fractions)


def hashed_paths(router: Router, source: IntArray, target: IntArray, pick: Pick) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield (flow, cable) hop by hop for flows that each take one shortest path, chosen at every switch by `pick`.

    source, target: leaves of each flow, shape (F,). Raises TopologyError for a flow without a path.
    """
    for leaf_class, flow in _by_class(router.class_of[target], source != target):
        field, at, goal = router.field(leaf_class), source[flow], target[flow]
        while flow.size:
            distance = field.distance[at]
            _require_path(router, distance, at, goal)
            first, count = _candidates(router, field, at, goal, distance)
            cable = first + pick(flow, at, distance, count)
            far = distance > 1
            cable[far] = field.cables[cable[far]]
            yield flow, cable
            at = router.fabric.target[cable]
            on = at != goal
            flow, at, goal = flow[on], at[on], goal[on]


def _by_class(class_of: IntArray, which: NDArray[np.bool_]) -> Iterator[tuple[int, IntArray]]:
    """Yield each class and those of its members that are wanted, both in ascending order."""
    members = np.flatnonzero(which)
    # Stable, and by counting where the numbers are short.
    order = np.argsort(
        class_of[members].astype(np.int16 if class_of.max(initial=0) < 1 << 15 else np.int64), kind="stable"
    )
    counts = np.bincount(class_of[members])
    parts = np.split(members[order], np.cumsum(counts)[:-1]) if members.size else []
    yield from ((leaf_class, part) for leaf_class, part in enumerate(parts) if part.size)


def ragged(first: IntArray, count: IntArray) -> tuple[IntArray, IntArray]:
    """Return (row, value) of the ranges first[i] .. first[i] + count[i] - 1, one after another.

    >>> row, value = ragged(np.array([5, 9]), np.array([2, 1]))
    >>> row.tolist(), value.tolist()
    ([0, 0, 1], [5, 6, 9])
    """
    row = np.repeat(np.arange(first.size), count)
    before = np.cumsum(count) - count
    return row, np.arange(row.size) - before[row] + first[row]


def _by_template(router: Router, source: IntArray, target: IntArray) -> Iterator[tuple[IntArray, Template]]:
    """Yield the pairs of different leaves that share a template."""
    apart = np.flatnonzero(source != target)
    classes = len(router.twins)
    code = router.class_of[source[apart]] * classes + router.class_of[target[apart]]
    order = np.argsort(code, kind="stable")
    keys, start = np.unique(code[order], return_index=True)
    for key, pairs in zip(keys.tolist(), np.split(apart[order], start[1:]), strict=bool(keys.size)):
        yield pairs, router.template(key // classes, key % classes)


def _template(router: Router, source_class: int, target_class: int) -> Template:
    source = int(router.twins[source_class][0])
    target = int(router.twins[target_class][-1])
    field, fabric = router.field(target_class), router.fabric
    at: IntArray = np.array([source])
    amount: FloatArray = np.ones(1)
    _require_path(router, field.distance[at], at, np.array([target]))
    hops: list[tuple[IntArray, FloatArray]] = []
    for _ in range(int(field.distance[source])):
        row, cable = _forward(router, field, at, target)
        into = fabric.target[cable]
        fraction = amount[row] * (field.paths[into] if field.distance[at[0]] > 1 else 1.0) / field.paths[at[row]]
        hops.append((cable, fraction))
        arriving = total(into, fraction, len(fabric.switches))
        at = np.flatnonzero(arriving)
        amount = arriving[at]
    return _template_of(fabric, source, target, hops)


def _forward(router: Router, field: Field, at: IntArray, target: int) -> tuple[IntArray, IntArray]:
    """Return (row of `at`, cable) of every cable from those switches, all equally far, one hop nearer the target."""
    row, place = ragged(*_candidates(router, field, at, np.full(at.size, target), field.distance[at]))
    return row, place if field.distance[at[0]] == 1 else field.cables[place]


def _template_of(fabric: Fabric, source: int, target: int, hops: list[tuple[IntArray, FloatArray]]) -> Template:
    first, last, middle = hops[0], hops[-1], hops[1:-1]
    return Template(
        adjacent=len(hops) == 1,
        first=first[0] - fabric.start[source],
        first_fraction=first[1],
        middle=np.concatenate([np.empty(0, dtype=np.int64), *(cable for cable, _ in middle)]),
        middle_fraction=np.concatenate([np.empty(0), *(fraction for _, fraction in middle)]),
        last=fabric.reverse[last[0]] - fabric.start[target],
        last_fraction=last[1],
        latency_s=float(sum(fabric.latency_s[cable] @ fraction for cable, fraction in hops)),
    )


def _candidates(
    router: Router, field: Field, at: IntArray, target: IntArray, distance: IntArray
) -> tuple[IntArray, IntArray]:
    """Return first and count of the next hops: cables straight to a neighbouring target, else places in the field."""
    first, count = field.start[at], np.diff(field.start)[at]
    near = np.flatnonzero(distance == 1)
    switch, fabric = at[near], router.fabric
    # Parallel cables lie in the same order in both directions.
    first[near] = fabric.reverse[fabric.start[target[near]] + field.own[switch]]
    count[near] = field.count[switch]
    return first, count


def _require_path(router: Router, distance: IntArray, at: IntArray, target: IntArray) -> None:
    if distance.min(initial=1) < 1:
        lost = np.flatnonzero(distance < 1)
        one, other = (router.fabric.switches[int(ends[lost[0]])] for ends in (at, target))
        raise TopologyError(f"no path from switch {one} to switch {other}: the fabric is cut between them")


def _straight(router: Router, source: IntArray, target: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return (pair, cable, fraction) of pairs of neighbours."""
    first, count = router.between(source, target)
    position, cable = ragged(first, count)
    return position, cable, 1.0 / count[position]


def _own(router: Router, leaves: IntArray, offset: IntArray) -> IntArray:
    """Return cables (leaves, offsets) counted from each leaf's first."""
    return router.fabric.start[leaves][:, None] + offset


def _total_by_leaf(leaf: IntArray, weight: FloatArray) -> tuple[IntArray, FloatArray]:
    leaves, inverse = np.unique(leaf, return_inverse=True)
    return leaves, total(inverse, weight, leaves.size)
