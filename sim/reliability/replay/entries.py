"""What a reader makes of a log: its failures as they are written, on the log's own clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sim.errors import InputError
from sim.quantities import show

When = datetime | float
"""An instant as a log says it: a time of day, or seconds since the log's start."""

MOST_S = 1e5 * 31_557_600.0
"""What the clock of a run holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One failure: of which component, for which cause, in one of which nodes (none where the log does not say).

    at_us: since the log's start. index: which of its node's components, or of the network's; -1 where it is not said.
    away_us: how long what failed is away, -1 where it is not said. replace: whether the node leaves the job, None where
    it is not said. where: its place in the file, for errors.
    """

    component: str
    cause: str
    nodes: tuple[str, ...] = ()
    at_us: int = 0
    index: int = -1
    away_us: int = -1
    replace: bool | None = None
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureLog:
    """The failures of a log in the order of time, how far it reaches, and what it holds that is none.

    outside: failures before its start or after its end, as both were asked for. passed_over: what was read and is no
    failure, as (name, count). causes: names in the order that simultaneous failures have, () for that of the log.
    indexed: whether nodes are those of a run of this project, by number.
    """

    entries: tuple[Entry, ...]
    end_us: int
    outside: int = 0
    passed_over: tuple[tuple[str, int], ...] = ()
    causes: tuple[str, ...] = ()
    indexed: bool = False


def log_of(dated: Sequence[tuple[When, Entry]], start: When, end: When | None, most: Iterable[When] = ()) -> FailureLog:
    """Return the log of entries with their instants, on a clock that is 0 at `start`; by default it ends with the last.

    most: instants up to which the log reaches beside its failures, where no end is asked for. Failures at one instant
    keep their order. Raises InputError where instants are of different kinds, or the log ends before it starts.
    """
    at_us = [_microseconds(when, start, entry.where) for when, entry in dated]
    if end is None:
        end_us = max([0, *at_us, *(_microseconds(when, start, "end") for when in most)])
    else:
        # A length, where the start is a time of day.
        end_us = _microseconds(end, start if isinstance(end, datetime) or isinstance(start, float) else 0.0, "end")
    if end_us < 0:
        raise InputError(f"end: lies {show(-end_us * 1e-6, 'time')} before the log's start; expected it after that")
    within = [replace(entry, at_us=us) for us, (_, entry) in zip(at_us, dated, strict=True) if 0 <= us <= end_us]
    timed = sorted(within, key=lambda entry: entry.at_us)
    return FailureLog(entries=tuple(timed), end_us=end_us, outside=len(dated) - len(timed))


def _microseconds(when: When, start: When, where: str) -> int:
    """Return the time since the start of a log."""
    if isinstance(when, datetime) and isinstance(start, datetime):
        if (when.tzinfo is None) != (start.tzinfo is None):
            raise InputError(
                f"{where}: got {when.isoformat()} in a log that starts at {start.isoformat()}; expected both with a "
                "time zone, or neither"
            )
        return (when - start) // timedelta(microseconds=1)
    if isinstance(when, datetime) or isinstance(start, datetime):
        raise InputError(
            f"{where}: got {_shown(when)} in a log that starts at {_shown(start)}; expected dates throughout, or times "
            "since the start throughout"
        )
    if abs(when - start) > MOST_S:
        raise InputError(f"{where}: got {when:g} s; expected at most 100000 y")
    return round((when - start) * 1e6)


def _shown(when: When) -> str:
    return f"'{when.isoformat()}'" if isinstance(when, datetime) else show(when, "time", 6)
