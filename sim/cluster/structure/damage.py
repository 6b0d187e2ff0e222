"""What health has taken from the links of a graph, link by link, for whoever shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from sim.cluster.fabric.arrays import Fabric, FloatArray, IntArray


class Hit(NamedTuple):
    """How many cables of a link are lost, and the fraction of its bandwidth that is left."""

    lost: int
    left: float


UNHURT = Hit(0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Links that lost cables or bandwidth, by their ends in either order, and vertices that lost every link."""

    links: Mapping[tuple[str, str], Hit]
    vertices: frozenset[str]

    def of(self, one: str, other: str) -> Hit:
        """Return what a link has lost."""
        return self.links.get((one, other), UNHURT)


WHOLE = Damage(links=MappingProxyType({}), vertices=frozenset())


def damage_between(whole: Fabric, left: Fabric) -> Damage:
    """Return what a fabric lacks of the whole one: both of the same switches and endpoints.

    >>> from sim.cluster.fabric.arrays import fabric_arrays
    >>> from sim.cluster.health import Fault, Health, damaged
    >>> from topologies import leaf_spine
    >>> whole = fabric_arrays(leaf_spine(radix=4), [f"nic-{e:06d}" for e in range(8)], 50e9)
    >>> health = Health(faults=(Fault(what="link", name="leaf-0-0 - spine-0-0"),))
    >>> found = damage_between(whole, damaged(whole, health, 1, 1, [None] * 6))
    >>> found.of("spine-0-0", "leaf-0-0"), found.of("leaf-0-0", "spine-0-1"), sorted(found.vertices)
    (Hit(lost=1, left=0.0), Hit(lost=0, left=1.0), [])
    """
    links = {**_between_switches(whole, left), **_of_endpoints(whole, left)}
    return Damage(links=MappingProxyType(links), vertices=_cut_off(whole, left))


def _between_switches(whole: Fabric, left: Fabric) -> dict[tuple[str, str], Hit]:
    pairs, before, bought = _pairs(whole, None)
    _, after, kept = _pairs(left, pairs)
    hits: dict[tuple[str, str], Hit] = {}
    for each in np.flatnonzero((after < before) | (kept < bought * (1 - 1e-9))).tolist():
        one, other = divmod(int(pairs[each]), len(whole.switches))
        hits[whole.switches[one], whole.switches[other]] = Hit(
            int(before[each] - after[each]), float(kept[each] / bought[each])
        )
    return hits


def _pairs(fabric: Fabric, known: IntArray | None) -> tuple[IntArray, IntArray, FloatArray]:
    """Return directed pairs of switches (or the known ones), and cables and capacity of each."""
    keys = fabric.source * len(fabric.switches) + fabric.target
    pairs: IntArray = np.unique(keys).astype(np.int64) if known is None else known
    place = np.searchsorted(pairs, keys)
    capacity = np.bincount(place, fabric.capacity_bytes_per_s, pairs.size)
    return pairs, np.bincount(place, minlength=pairs.size).astype(np.int64), capacity.astype(np.float64)


def _of_endpoints(whole: Fabric, left: Fabric) -> dict[tuple[str, str], Hit]:
    kept = np.where(left.leaf >= 0, left.nic_capacity_bytes_per_s, 0.0)
    hits: dict[tuple[str, str], Hit] = {}
    for each in np.flatnonzero((whole.leaf >= 0) & (kept < whole.nic_capacity_bytes_per_s * (1 - 1e-9))).tolist():
        nic, leaf = whole.endpoints[each], whole.switches[int(whole.leaf[each])]
        fraction = float(kept[each] / whole.nic_capacity_bytes_per_s[each])
        hits[nic, leaf] = hits[leaf, nic] = Hit(int(fraction == 0), fraction)
    return hits


def _cut_off(whole: Fabric, left: Fabric) -> frozenset[str]:
    """Return switches and endpoints that had links and have none."""
    size = len(whole.switches)
    had, has = (
        np.bincount(each.source, minlength=size) + np.bincount(each.leaf[each.leaf >= 0], minlength=size)
        for each in (whole, left)
    )
    switches = (whole.switches[each] for each in np.flatnonzero((had > 0) & (has == 0)).tolist())
    nics = (whole.endpoints[each] for each in np.flatnonzero((whole.leaf >= 0) & (left.leaf < 0)).tolist())
    return frozenset([*switches, *nics])
