"""A failure log as the table of events of an earlier run, so that its failures meet another policy.

Each keeps its instant, node and component. What its scenario says of its causes, their order and whether they take
nodes along, holds again; how long a part of the network was out is what it was. How long nodes were in repair is not:
that is for the repair shop, which does what it did where it is the same.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sim.errors import InputError
from sim.reliability.records import SHARED_COMPONENTS, STORE
from sim.reliability.replay.entries import Entry, FailureLog

COLUMNS = ("time_us", "kind", "cause", "component", "component_index", "ordinal", "node")
"""Columns of the table that are read."""


_READ = ("cause", "component", "per_node", "replace", "outage")
"""What of a cause is taken over from the scenario of the run."""

_OF_CLOCKS = ("life", "lemons", "names", "stops", "logged")
"""What of a cause says only when it struck, which the events do, or follows from the network."""


_STRUCK = ("failure", "slowed", "planned")
"""Kinds of events by which a cause has done something; only failures can be replayed."""


class _Row(NamedTuple):
    time_us: int
    kind: str
    cause: str
    component: str
    component_index: int
    ordinal: int
    node: int


def read_events(columns: Mapping[str, Sequence[Any]], scenario: str | None, components: Sequence[str]) -> FailureLog:
    """Return the log of a run's events; scenario: its canonical text, None where it is not known.

    The log reaches to the end of the run. Raises InputError for columns that are missing, components that are not
    known, and causes of which the scenario says more than a log can.
    """
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise InputError(f"events: missing column '{missing[0]}'; expected {', '.join(COLUMNS)}")
    rows = [_Row(*row) for row in zip(*(columns[name] for name in COLUMNS), strict=True)]
    classes = _classes(scenario)
    _check_classes(classes, {row.cause for row in rows if row.kind in _STRUCK})
    end_us = max((row.time_us for row in rows), default=0)
    back_us = {row[2:6]: row.time_us for row in rows if row.kind == "restored"}
    entries = [
        _entry(row, position, classes.get(row.cause, {}), back_us.get(row[2:6], end_us + 1))
        for position, row in enumerate(rows)
        if row.kind == "failure"
    ]
    unknown = [entry for entry in entries if entry.component not in components]
    if unknown:
        raise InputError(
            f"{unknown[0].where}: a {unknown[0].component} failed, which a log does not replay; expected one of: "
            f"{', '.join(components)}"
        )
    timed = tuple(sorted(entries, key=lambda entry: entry.at_us))
    return FailureLog(entries=timed, end_us=end_us, causes=tuple(classes), indexed=True)


def _classes(scenario: str | None) -> dict[str, dict[str, Any]]:
    """Return what a scenario says of its causes of failure, by name."""
    if scenario is None:
        return {}
    try:
        return {str(each["cause"]): dict(each) for each in json.loads(scenario)["failures"]["classes"]}
    except (ValueError, KeyError, TypeError):
        raise InputError("the scenario that is recorded with the events cannot be read") from None


def _check_classes(classes: Mapping[str, Mapping[str, Any]], failed: Collection[str]) -> None:
    """Refuse failures that did more than events tell: a replay would leave that out unnoticed."""
    for cause, known in classes.items():
        more = [key for key, value in known.items() if value and key not in (*_READ, *_OF_CLOCKS)]
        if more and cause in failed:
            raise InputError(f"cause '{cause}' has {more[0]} in the run, which a log does not replay")


def _entry(row: _Row, position: int, known: Mapping[str, Any], back_us: int) -> Entry:
    index = -1
    if row.component in SHARED_COMPONENTS:
        index = row.component_index
    elif row.component not in ("job", STORE) and known:
        index = row.component_index - row.node * int(known.get("per_node", 1))
    out = bool(known.get("outage")) or row.component in (STORE, *SHARED_COMPONENTS)
    return Entry(
        component=row.component,
        cause=row.cause,
        nodes=() if row.node < 0 else (str(row.node),),
        at_us=row.time_us,
        index=index,
        away_us=back_us - row.time_us if out else -1,
        replace=known.get("replace"),
        where=f"event {position}",
    )
