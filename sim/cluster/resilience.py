"""What a fabric still carries after one loss, and how far hashing spreads it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from sim.cluster.fabric.arrays import Fabric
from sim.cluster.health import SWITCH_CLASSES, Fault, Health
from sim.cluster.network import Network
from sim.cluster.records import GpuArray
from sim.errors import TopologyError

SEEDS = 20
"""Draws of a hash: enough for a median and a 95th percentile to a few per cent."""

SEEDS_OF_MANY, MANY_RANKS = 5, 1024
"""Draws for an all-to-all of at least so many ranks: with a million messages, draws hardly differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterLoss:
    """One member of a class lost: its name, and the fraction left of a rate; None where the job stops, for `reason`."""

    lost: str
    name: str
    remaining: float | None
    reason: str = ""


def after_losses(
    network: Network, kind: str, groups: GpuArray, size_bytes: float, algorithm: str
) -> tuple[AfterLoss, ...]:
    """Return what is left of a collective's bus bandwidth after one NIC link, one link of each class, one switch.

    The algorithm stays that of full health: its own, were another faster then, is not tried. See `rates_after_losses`.
    """

    def rate(network: Network) -> float:
        return network.cost(kind, groups, size_bytes, algorithm).busbw_bytes_per_s

    return rates_after_losses(network, int(groups.min()), rate, rate(network))


def rates_after_losses(
    network: Network, gpu: int, rate: Callable[[Network], float], whole: float
) -> tuple[AfterLoss, ...]:
    """Return what is left of a rate after one NIC link, one cable of each class and one switch of each tier is lost.

    One of each class stands for it, as they are alike in a symmetric fabric: those on the way up from `gpu`, which the
    job should hold. The cluster's own health stays as it is besides. rate: of a network, `whole` of the one given; its
    TopologyError says that the job stops.
    """
    before = network.cluster.health
    left = []
    for lost, fault in _losses(network.fabric, _first_nic(network, gpu)):
        damaged = network.changed(health=Health(faults=(*before.faults, fault), seed=before.seed))
        try:
            remaining = rate(damaged) / whole
        except TopologyError as error:
            left.append(AfterLoss(lost=lost, name=fault.name, remaining=None, reason=str(error)))
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


def _first_nic(network: Network, gpu: int) -> int:
    """Return the first endpoint of a GPU that has a link."""
    node = network.cluster.node
    local = gpu % node.accelerators
    first = gpu // node.accelerators * node.nics + local * node.nics // node.accelerators
    ports = range(first, first + max(1, node.nics // node.accelerators))
    return next((nic for nic in ports if network.fabric.leaf[nic] >= 0), first)


def _losses(fabric: Fabric, nic: int) -> Iterator[tuple[str, Fault]]:
    """Yield the NIC's link, a cable of each class and a switch of each tier: on the way up from the NIC, or the first.

    Nothing where the NIC has no link.
    """
    leaf = int(fabric.leaf[nic])
    if leaf < 0:
        return
    way = _way_up(fabric, leaf)
    yield "nic link", Fault(what="link", name=f"{fabric.endpoints[nic]} - {fabric.switches[leaf]}")
    for ordinal, name in enumerate(fabric.classes):
        cables = np.flatnonzero(fabric.link_class == ordinal)
        if cables.size:
            on_the_way = cables[np.isin(fabric.source[cables], way) & np.isin(fabric.target[cables], way)]
            cable = int((on_the_way if on_the_way.size else cables)[0])
            ends = (fabric.switches[int(each[cable])] for each in (fabric.source, fabric.target))
            yield f"{name} cable", Fault(what="link", name=" - ".join(ends), count=1)
    for name, tier in SWITCH_CLASSES.items():
        switches = [switch for switch in way if fabric.tier[switch] == tier]
        switches = switches or np.flatnonzero(fabric.tier == tier)[:1].tolist()
        if switches:
            yield name, Fault(what="vertex", name=fabric.switches[switches[0]])


def _way_up(fabric: Fabric, leaf: int) -> list[int]:
    """Return a leaf, a switch above that it is cabled to, and so on to the top."""
    way = [leaf]
    while True:
        met = fabric.target[fabric.start[way[-1]] : fabric.start[way[-1] + 1]]
        above = met[fabric.tier[met] > fabric.tier[way[-1]]]
        if not above.size:
            return way
        way.append(int(above[0]))
