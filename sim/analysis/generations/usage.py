"""What runs between simulated ones used: stretched, and mixed of two."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from sim.ledger.bill.usage import Usage
from sim.ledger.power.energy import EnergyLedger

Name = TypeVar("Name")

Parts = Sequence[tuple[Usage, float]]
"""Usages of one cluster, each with its weight."""


def mixed(parts: Parts, stretch: float = 1.0) -> Usage:
    """Return sum(weight x usage) x stretch of runs on the same cluster.

    Time, energy, visits to the shop and interruptions go with the length of a run; assets and tokens do not.
    Assumption: rates of failure hold by the hour, so that a run that is longer by a factor meets as many more of them,
    and what each costs is the same; a test holds it against runs whose steps were that much longer.

    >>> from sim.analysis.generations.examples import small_usage
    >>> mixed([(small_usage(), 0.5), (small_usage(), 0.5)], 2.0).wall_us
    20
    """
    first = parts[0][0]
    weighted = [(usage, weight * stretch) for usage, weight in parts]
    return replace(
        first,
        wall_us=round(sum(usage.wall_us * weight for usage, weight in weighted)),
        time=_sum([(usage.time, weight) for usage, weight in weighted]),
        energy=_energy(weighted),
        visits=_sum([(usage.visits, weight) for usage, weight in weighted]),
        interruptions=_sum([(usage.interruptions, weight) for usage, weight in weighted]),
        by_hour_nj=tuple(
            round(sum(usage.by_hour_nj[hour] * weight for usage, weight in weighted))
            for hour in range(len(first.by_hour_nj))
        ),
    )


def _energy(weighted: Parts) -> EnergyLedger:
    def total(name: str) -> int:
        amounts: list[float] = [getattr(usage.energy, name) * weight for usage, weight in weighted]
        return round(sum(amounts))

    return EnergyLedger(
        it_nj=_sum([(usage.energy.it_nj, weight) for usage, weight in weighted]),
        chips_nj=total("chips_nj"),
        nodes_nj=total("nodes_nj"),
        network_nj=total("network_nj"),
        storage_nj=total("storage_nj"),
        peak_it_w=weighted[0][0].energy.peak_it_w,
    )


def _sum(parts: Sequence[tuple[Mapping[Name, int], float]]) -> dict[Name, int]:
    names = dict.fromkeys(name for mapping, _ in parts for name in mapping)
    return {name: round(sum(mapping.get(name, 0) * weight for mapping, weight in parts)) for name in names}
