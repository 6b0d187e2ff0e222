"""Failure domains of a run: which nodes each cause takes along, and what a domain that is out means for a job."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from sim.cluster.domains import DOMAINS, FailureDomains
from sim.reliability.failures.outages import Judge, Lost, Seats
from sim.reliability.records import FailureClass

DomainsOf = Callable[[str], FailureDomains]
"""The domains of a kind."""


def held(classes: Sequence[FailureClass], domains_of: DomainsOf) -> tuple[FailureClass, ...]:
    """Return failure classes with the names of their domains, and the nodes that each holds."""
    return tuple(_held(each, domains_of) for each in classes)


def _held(failure: FailureClass, domains_of: DomainsOf) -> FailureClass:
    if failure.component in DOMAINS:
        found = domains_of(failure.component)
        return replace(failure, names=found.names, holds=_nodes(found))
    if failure.correlated is not None:
        found = domains_of(failure.correlated.domain)
        return replace(failure, correlated=replace(failure.correlated, names=found.names, holds=_nodes(found)))
    return failure


def _nodes(domains: FailureDomains) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(own.tolist()) for own in domains.nodes)


class HeldJudge:
    """Judges outages of domains, all of whose nodes the job cannot reach, and leaves those of a network to its judge.

    network: None where no cause is an outage of a network. What of the network stands in a domain stays as it is.
    """

    def __init__(self, classes: Sequence[FailureClass], network: Judge | None) -> None:
        self.network = network
        self.holds = {
            (each.component, name): frozenset(own)
            for each in classes
            if each.component in DOMAINS
            for name, own in zip(each.names, each.holds, strict=True)
        }

    def cut(self, lost: Collection[Lost], members: Seats) -> frozenset[int]:
        """Return the nodes that a network or a domain takes from the job."""
        parts = self._parts(lost)
        alone = self.network.cut(parts, members) if parts and self.network else frozenset[int]()
        return alone.union(*(self.holds[each.component, each.name] for each in lost if each.component in DOMAINS))

    def condition(self, lost: Collection[Lost], seats: Seats) -> int:
        """Return the condition of the network, of which domains take nothing."""
        parts = self._parts(lost)
        return self.network.condition(parts, seats) if parts and self.network else 0

    def step_us(self, condition: int) -> tuple[int, ...]:
        """Return how long steps take under a condition of the network."""
        assert self.network is not None, "only a network has conditions other than whole"
        return self.network.step_us(condition)

    def _parts(self, lost: Collection[Lost]) -> list[Lost]:
        return [each for each in lost if each.component not in DOMAINS]
