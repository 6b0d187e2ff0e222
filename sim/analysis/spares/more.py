"""More spare nodes: for the job, or where scale-up domains have spares of their own, for each domain or in a new one.

A fleet of stated ages grows by nodes as old as its last.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sim.reliability.records import AgeBatch
from sim.scenario import Scenario
from sim.scenario.faults.spares import domain_room

SPARES = (1, 2, 4)
"""Spare nodes that are added, or of each domain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing better. overrides: keys that it sets where a seed's draws read them; rebuilt: machine is new.

    faster: by which factor steps are, so that more work is done in the same time.
    """

    name: str
    scenario: Scenario
    overrides: tuple[str, ...] = ()
    rebuilt: bool = False
    faster: float = 1.0


def more_spares(scenario: Scenario) -> Iterator[Change]:
    """Yield a scenario with more spares, of one size after the other; none where no failure takes a node away."""
    if scenario.repair is None:
        return
    recovery = scenario.recovery
    if recovery is not None and recovery.spares.per_domain:
        yield from _of_domains(scenario, recovery.spares.per_domain, recovery.spares.domain_nodes)
        return
    for more in SPARES:
        yield _grown(scenario, f"+{more} {'spare' if more == 1 else 'spares'}", more)


def _of_domains(scenario: Scenario, per_domain: int, domain_nodes: int) -> Iterator[Change]:
    """Yield more spares in every domain, as far as the job leaves room for them, and a whole domain more."""
    machines = scenario.machines
    domains = (machines.nodes + machines.spare_nodes) // (domain_nodes + per_domain)
    for more in SPARES:
        if per_domain + more <= domain_room(machines):
            name = f"+{more} {'spare' if more == 1 else 'spares'} a domain"
            yield _grown(scenario, name, more * domains, per_domain=per_domain + more)
    yield _grown(scenario, "+1 domain", domain_nodes + per_domain)


def _grown(scenario: Scenario, name: str, more: int, *, per_domain: int = 0) -> Change:
    """Return a scenario with more nodes, all of them spare; per_domain: of how many each domain has then, if told."""
    machines, failures, recovery = scenario.machines, scenario.failures, scenario.recovery
    count = machines.spare_nodes + more
    overrides = [f"cluster.spare_nodes={count}"]
    if ages := failures.ages:
        ages = (*ages[:-1], replace(ages[-1], nodes=ages[-1].nodes + more))
        overrides.append(f"failures.ages={_told(ages)}")
    if per_domain and recovery is not None:
        recovery = replace(recovery, spares=replace(recovery.spares, per_domain=per_domain))
        overrides.append(f"recovery.spares.per_domain={per_domain}")
    return Change(
        name=name,
        scenario=replace(
            scenario,
            machines=replace(machines, spare_nodes=count),
            failures=replace(failures, ages=ages),
            recovery=recovery,
        ),
        overrides=tuple(overrides),
        rebuilt=machines.topology is not None,
    )


def _told(ages: tuple[AgeBatch, ...]) -> str:
    """Return the ages of a fleet as a scenario says them.

    >>> _told((AgeBatch(nodes=2, age_s=60.0),))
    '[{ nodes = 2, age = "60.0 s" }]'
    """
    return "[" + ", ".join(f'{{ nodes = {each.nodes}, age = "{each.age_s!r} s" }}' for each in ages) + "]"
