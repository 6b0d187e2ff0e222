"""What a fabric still carries after one loss, and how far hashing spreads it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sim.cluster.fabric.arrays import Fabric
from sim.cluster.health import SWITCH_CLASSES, Fault, Health
from sim.cluster.network import Network
from sim.cluster.records import GpuArray
from sim.errors import TopologyError

SEEDS = 20
"""Draws of a hash: enough for a median and a 95th percentile to a few per cent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterLoss:
    """One member of a class lost: its name, and the fraction of bus bandwidth that is left; None: the job stops."""

    lost: str
    name: str
    remaining: float | None


def after_losses(
    network: Network, kind: str, groups: GpuArray, size_bytes: float, algorithm: str
) -> tuple[AfterLoss, ...]:
    """Return what is left of a collective's bus bandwidth after one NIC link, one link of each class, one switch.

    The first of each class stands for it, as they are alike in a symmetric fabric; the algorithm stays that of full
    health (its own, were another faster then, is not tried). The cluster's own health stays as it is besides.
    """
    whole = network.cost(kind, groups, size_bytes, algorithm).busbw_bytes_per_s
    before = network.cluster.health
    left = []
    for lost, fault in _first_of_each(network.fabric):
        damaged = network.changed(health=Health(faults=(*before.faults, fault), seed=before.seed))
        try:
            remaining = damaged.cost(kind, groups, size_bytes, algorithm).busbw_bytes_per_s / whole
        except TopologyError:
            left.append(AfterLoss(lost=lost, name=fault.name, remaining=None))
        else:
            left.append(AfterLoss(lost=lost, name=fault.name, remaining=remaining))
    return tuple(left)


def busbw_over_seeds(
    network: Network, kind: str, groups: GpuArray, size_bytes: float, algorithm: str, seeds: int = SEEDS
) -> tuple[float, float]:
    """Return the median and the 95th percentile from the fast end of bus bandwidth over seeds of the hash.

    A restart draws the ports of its connections anew: half of them run at least at the first, 95 % at the second.
    """
    drawn = [
        network.changed(seed=seed).cost(kind, groups, size_bytes, algorithm).busbw_bytes_per_s for seed in range(seeds)
    ]
    half, most = np.quantile(drawn, (0.5, 0.05)).tolist()
    return half, most


def _first_of_each(fabric: Fabric) -> Iterator[tuple[str, Fault]]:
    """Yield the first NIC link, the first link of each class and the first switch of each tier, below it endpoints."""
    leaves: Sequence[int] = np.unique(fabric.leaf[fabric.leaf >= 0]).tolist()
    if not leaves:
        return
    leaf = leaves[0]
    nic = int(np.flatnonzero(fabric.leaf == leaf)[0])
    yield "nic link", Fault(what="link", name=f"{fabric.endpoints[nic]} - {fabric.switches[leaf]}")
    for ordinal, name in enumerate(fabric.classes):
        cables = np.flatnonzero(fabric.link_class == ordinal)
        if cables.size:
            ends = (fabric.switches[int(each[cables[0]])] for each in (fabric.source, fabric.target))
            yield f"{name} cable", Fault(what="link", name=" - ".join(ends), count=1)
    for name, tier in SWITCH_CLASSES.items():
        switches = np.flatnonzero(fabric.tier == tier)
        if switches.size:
            first = leaf if tier == int(fabric.tier[leaf]) else int(switches[0])
            yield name, Fault(what="vertex", name=fabric.switches[first])
