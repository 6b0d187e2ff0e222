"""The parts of a network that break by themselves: switches and cables by name, and what their loss cuts off."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from sim.cluster.fabric.arrays import Fabric, IntArray, components
from sim.cluster.health import SWITCH_CLASSES, Fault

BETWEEN = " - "
"""Between the names of a link's ends."""


def switch_names(fabric: Fabric) -> Mapping[str, tuple[str, ...]]:
    """Return the names of all switches of each class: leaf, spine, core.

    Torus and mesh count their routers as leaves, as endpoints hang on them.
    """
    return {
        name: tuple(fabric.switches[switch] for switch in np.flatnonzero(fabric.tier == tier).tolist())
        for name, tier in SWITCH_CLASSES.items()
    }


def cable_names(fabric: Fabric) -> tuple[str, ...]:
    """Return the name of every cable between switches: its ends in alphabetical order, and which of theirs it is.

    Two networks that both wire a fourth cable between the same two switches call it the same.
    """
    once = np.flatnonzero(np.arange(fabric.source.size) < fabric.reverse)
    seen: Counter[str] = Counter()
    names = []
    for one, other in zip(fabric.source[once].tolist(), fabric.target[once].tolist(), strict=True):
        link = BETWEEN.join(sorted((fabric.switches[one], fabric.switches[other])))
        names.append(f"{link} #{seen[link]}")
        seen[link] += 1
    return tuple(names)


def faults_of(vertices: Iterable[str], cables: Iterable[str]) -> tuple[Fault, ...]:
    """Return the faults of lost switches and NICs, and of lost cables by name; parallel cables are alike.

    >>> [(fault.name, fault.count) for fault in faults_of(["leaf-0"], ["leaf-1 - spine-0 #1", "leaf-1 - spine-0 #3"])]
    [('leaf-0', None), ('leaf-1 - spine-0', 2)]
    """
    lost = Counter(name.rpartition(" #")[0] for name in cables)
    return (
        *(Fault(what="vertex", name=name, where="failures") for name in sorted(vertices)),
        *(Fault(what="link", name=name, count=lost[name], where="failures") for name in sorted(lost)),
    )


def slow_faults(slow: Iterable[tuple[str, float]]) -> tuple[Fault, ...]:
    """Return the faults of NICs that keep a fraction of their bandwidth: (name, fraction) pairs, which multiply.

    >>> [(fault.name, fault.factor) for fault in slow_faults([("nic-0", 0.5)])]
    [('nic-0', 0.5)]
    """
    return tuple(Fault(what="vertex", name=name, factor=kept, where="failures") for name, kept in slow)


def parts_of(fabric: Fabric) -> IntArray:
    """Return which connected part of the fabric every endpoint hangs on, -1 where its link is gone."""
    part = components(fabric.source, fabric.target, len(fabric.switches))
    return np.where(fabric.leaf < 0, -1, part[fabric.leaf])


def cut_off(whole: IntArray, left: IntArray, members: Iterable[int], nics: int, accelerators: int) -> frozenset[int]:
    """Return the nodes that have lost a connection: those with a GPU none of whose ports is on the side of the job.

    whole, left: parts (`parts_of`) before and after. What falls apart keeps the side with most ports of `members`, the
    nodes of the job (then with most ports at all). A GPU that owns several ports needs one of them; the NICs of its
    neighbours are not lent. Planes and rails are apart from the start, and each is judged by itself.

    >>> before, after = np.array([0, 1, 0, 1]), np.array([-1, 0, 1, 0])
    >>> sorted(cut_off(before, after, [0, 1], nics=2, accelerators=1)), sorted(cut_off(before, after, [0, 1], 2, 2))
    ([], [0])
    """
    if nics == 0:
        return frozenset()
    mine = np.isin(np.arange(whole.size) // nics, np.fromiter(members, dtype=np.int64))
    useful = (left >= 0) & (left == _main(whole, left, mine)[whole])
    ports = max(1, nics // accelerators)
    served = useful.reshape(-1, nics // ports, ports).any(axis=2).all(axis=1)
    return frozenset(np.flatnonzero(~served).tolist())


def _main(whole: IntArray, left: IntArray, mine: NDArray[np.bool_]) -> IntArray:
    """Return the part that is left of each part of the whole."""
    main = np.full(int(whole.max(initial=0)) + 1, -1, dtype=np.int64)
    kept = (left >= 0) & (whole >= 0)
    sides_each = int(left.max(initial=0)) + 1
    pairs, sides = np.unique(whole[kept] * sides_each + left[kept], return_inverse=True)
    ours = np.bincount(sides, mine[kept], pairs.size)
    ports = np.bincount(sides, minlength=pairs.size)
    for side in np.lexsort((-np.arange(pairs.size), ports, ours)).tolist():
        main[pairs[side] // sides_each] = pairs[side] % sides_each
    return main
