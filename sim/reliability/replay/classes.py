"""From a log to the failure classes that replay it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sim.errors import InputError, ScenarioError
from sim.reliability.failures.exposure import component_count
from sim.reliability.records import SHARED_COMPONENTS, STORE, FailureClass, Law
from sim.reliability.replay.entries import Entry, FailureLog
from sim.reliability.replay.records import Logged
from sim.reliability.replay.sample import sampled
from sim.reliability.replay.seats import Fleet, Seating, seated

_LEAST_S = 1.0
"""A log that ends at once covers a second, for its rate."""


class _Sort(NamedTuple):
    """What failures have to have in common to be of one class."""

    cause: str
    component: str
    replace: bool
    out: bool


def logged_classes(
    log: FailureLog,
    fleet: Fleet,
    rule: str | None = None,
    until_us: int | None = None,
    *,
    repeats: bool = False,
    log_nodes: int = 0,
) -> tuple[tuple[FailureClass, ...], Seating]:
    """Return a failure class for each cause of a log, and who stands for whom.

    until_us: when the run ends, where that is known: failures from then on are left out. repeats: whether the log
    starts again at its end. log_nodes: how many nodes the log is of, for the rule "sample". A cause that hits different
    sorts of components, or takes nodes along at times, becomes several, with what tells them apart behind its name.
    The mean life of a component is the time that the log or the run covers, by the failures of its class, times its
    components in the job: the rate that interval policies reckon with.

    Raises InputError for a failure that cannot be, and as `seated` and `sampled` do.
    """
    covered_us = log.end_us if until_us is None else min(until_us, log.end_us) if repeats else until_us
    within = tuple(entry for entry in log.entries if until_us is None or entry.at_us < until_us)
    entries = sampled(within, fleet.total, log_nodes, fleet.seed) if rule == "sample" else within
    seating = seated(entries, fleet, "index" if log.indexed and rule is None else rule)
    rows: dict[_Sort, list[Logged]] = {}
    for entry, component in zip(entries, seating.components, strict=True):
        rows.setdefault(_sort(entry), []).append(Logged(entry.at_us, component, entry.away_us))
    # Of the whole log, so that a horizon does not change them.
    names = _cause_names(_sorts(log))
    found = [
        _class(sort, tuple(rows[sort]), names[sort], fleet, seating, max(covered_us * 1e-6, _LEAST_S)) for sort in rows
    ]
    order = {cause: position for position, cause in enumerate(log.causes)}
    ordered = sorted(found, key=lambda each: order.get(each.cause, len(order)))
    return tuple(ordered), replace(seating, unsampled=len(within) - len(entries))


def cause_names(log: FailureLog) -> tuple[str, ...]:
    """Return the names of the classes of a log, in the order in which they appear."""
    return tuple(_cause_names(_sorts(log)).values())


def _sorts(log: FailureLog) -> list[_Sort]:
    return list(dict.fromkeys(_sort(entry) for entry in log.entries))


def _sort(entry: Entry) -> _Sort:
    """Return of which class a failure is; by default everything that fails in a node takes it along."""
    shared, network = entry.component in (STORE, *SHARED_COMPONENTS), entry.component in ("nic", "link")
    stays = entry.replace is False or shared or entry.component == "job"
    if stays and entry.replace:
        raise InputError(f"{entry.where}: got replace for a {entry.component}, which is no part of a node; expected no")
    if shared and entry.away_us < 0:
        raise InputError(f"{entry.where}: got no duration; expected how long the {entry.component} is out")
    if stays and entry.away_us >= 0 and not (shared or network):
        raise InputError(
            f"{entry.where}: got a duration for a {entry.component} that takes no node out; expected none ([recovery] "
            "says how long the job takes), or a node that is replaced"
        )
    return _Sort(entry.cause, entry.component, not stays, stays and entry.away_us >= 0)


def _cause_names(sorts: Sequence[_Sort]) -> dict[_Sort, str]:
    """Return a name for each class: its cause, with its component and what becomes of the node where that is needed."""
    by_cause = Counter(sort.cause for sort in sorts)
    by_component = Counter((sort.cause, sort.component) for sort in sorts)
    names = {}
    for sort in sorts:
        behind = [sort.component] if by_cause[sort.cause] > 1 else []
        if by_component[sort.cause, sort.component] > 1:
            behind.append("replaced" if sort.replace else "out" if sort.out else "kept")
        names[sort] = f"{sort.cause} ({', '.join(behind)})" if behind else sort.cause
    return names


def _class(
    sort: _Sort, logged: tuple[Logged, ...], name: str, fleet: Fleet, seating: Seating, covered_s: float
) -> FailureClass:
    out_s = sum(each.away_us for each in logged) * 1e-6 / len(logged)
    failure = FailureClass(
        cause=name,
        component=sort.component,
        per_node=fleet.per_node.get(sort.component, 1),
        life=Law(kind="exponential", mean_s=covered_s),
        replace=sort.replace,
        outage=Law(mean_s=out_s) if sort.out else None,
        names=seating.parts.get(sort.component, ()),
        stops=sort.component != STORE,
        logged=logged,
    )
    mean_s = covered_s * component_count(failure, fleet.nodes) / len(logged)
    return replace(failure, life=replace(failure.life, mean_s=mean_s))


def found_parts(before: Sequence[FailureClass], wired: Sequence[FailureClass]) -> tuple[FailureClass, ...]:
    """Return wired classes whose logged parts are those of the network: of the same name, or else of the same number.

    before: the same classes, with the names that the log has. Raises ScenarioError for a log of more parts than there
    are.
    """
    return tuple(_found(log, graph) for log, graph in zip(before, wired, strict=True))


def _found(log: FailureClass, graph: FailureClass) -> FailureClass:
    if log.logged is None or log.component not in SHARED_COMPONENTS:
        return graph
    if len(log.names) > len(graph.names):
        raise ScenarioError(
            f"failures.log: '{log.cause}' hits {len(log.names)} of component {log.component}, and the network has "
            f"{len(graph.names)}; expected at most as many"
        )
    at = _positions(log.names, {name: position for position, name in enumerate(graph.names)})
    logged = tuple(each._replace(component=at[each.component]) for each in log.logged)
    mean_s = log.life.mean_s * len(graph.names) / len(log.names)
    return replace(graph, logged=logged, life=replace(graph.life, mean_s=mean_s))


def _positions(names: Sequence[str], known: Mapping[str, int]) -> list[int]:
    if all(name in known for name in names):
        return [known[name] for name in names]
    return list(range(len(names)))
