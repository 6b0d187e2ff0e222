"""A failure log as `sacct --parsable2` prints it: jobs, their states, and when and where they ended.

    JobID|JobName|State|Start|End|Elapsed|NodeList|ExitCode
    101|llama|NODE_FAIL|2024-03-01T00:00:00|2024-03-04T07:12:00|3-07:12:00|node[001-128]|1:0
    102|llama|CANCELLED by 1001|2024-03-04T07:20:00|2024-03-05T09:00:00|1-01:40:00|node[001-127,129]|0:0

JobID, State and End are needed, the trailing bar of `--parsable` is read too, and other columns of sacct are passed
over. Steps of a job (101.batch, 101.0) are none of their own and skipped. A job that failed did so at its End; STATES
says what each state means, and `states` of a scenario comes before it: "node" (a node failed, and is replaced), "job"
(the job failed as a whole) or "none" (no failure). Only FailedNode names the node that failed; without it that is one
of the NodeList, drawn. Times have no time zone: they are taken from a clock that is never put forward or back.
The log starts with the first Start, and ends with the last End, of any job.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sim.errors import InputError, unknown_name
from sim.reliability.replay.entries import Entry, FailureLog, When, log_of
from sim.reliability.replay.readers.columns import find_columns
from sim.reliability.replay.readers.nodelist import expand

KINDS = ("node", "job", "none")
"""What a state means."""

STATES: Mapping[str, str] = {
    "BOOT_FAIL": "node",
    "NODE_FAIL": "node",
    "FAILED": "job",
    "OUT_OF_MEMORY": "job",
    "REQUEUED": "job",
    "CANCELLED": "none",
    "COMPLETED": "none",
    "COMPLETING": "none",
    "CONFIGURING": "none",
    "DEADLINE": "none",
    "PENDING": "none",
    "PREEMPTED": "none",
    "RESIZING": "none",
    "REVOKED": "none",
    "RUNNING": "none",
    "STOPPED": "none",
    "SUSPENDED": "none",
    "TIMEOUT": "none",
}
"""What each state of a job means unless the scenario says otherwise: what a person, the queue or a limit ended did not
fail."""

_ALIASES: Mapping[str, Sequence[str]] = {
    "JobID": (),
    "State": (),
    "Start": (),
    "End": (),
    "NodeList": (),
    "FailedNode": (),
}
_NEVER = ("", "unknown", "none", "n/a")


def read_sacct(
    text: str, states: Mapping[str, str] | None = None, start: When | None = None, end: When | None = None
) -> FailureLog:
    """Return the log of an accounting table; states: what states mean, before STATES.

    A node's failure that ended several jobs at one instant is one. Raises InputError that names the line for what
    cannot be read, UnknownNameError for states that are not known, and for meanings of such as no job is in.

    >>> lines = ["JobID|State|Start|End|NodeList", "7|NODE_FAIL|2024-03-01T00:00:00|2024-03-01T01:00:00|n1"]
    >>> read_sacct("\\n".join(lines)).entries[0].at_us
    3600000000
    """
    meaning = {**STATES, **_checked(states or {})}
    dated: list[tuple[When, Entry]] = []
    passed: Counter[str] = Counter()
    met: set[str] = set()
    starts, ends = [], []
    for row, where in _jobs(text):
        state = _state(row["State"], meaning, where)
        met.add(state)
        starts += _instants(row.get("Start", ""), f"{where}: Start")
        ended = _instants(row["End"], f"{where}: End")
        ends += ended
        if meaning[state] == "none":
            passed[state] += 1
        elif not ended:
            raise InputError(f"{where}: got End '{row['End']}' of a job in state {state}; expected when it failed")
        else:
            dated.append((ended[0], _entry(row, state, meaning[state], where)))
    for state in sorted((states or {}).keys() - STATES.keys() - met):
        raise unknown_name("state of a job", state, sorted(STATES.keys() | met), "states")
    log = log_of(_once(dated), _begun(starts) if start is None else start, end, ends)
    return replace(log, passed_over=tuple(sorted(passed.items())))


def _checked(states: Mapping[str, str]) -> dict[str, str]:
    for state, kind in states.items():
        if kind not in KINDS:
            raise unknown_name("meaning of a state", kind, KINDS, f"states.{state}")
    return dict(states)


def _jobs(text: str) -> Iterator[tuple[dict[str, str], str]]:
    """Yield each job by column, and its place in the file, steps left out."""
    columns: dict[str, int] = {}
    width = 0
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if not line.strip():
            continue
        where = f"line {number}"
        cells = [cell.strip() for cell in line.rstrip().split("|")]
        if not columns:
            columns = find_columns(cells, _ALIASES, [("JobID",), ("State",), ("End",)], where, None)
            width = len(cells)
            continue
        if len(cells) != width:
            raise InputError(f"{where}: got {len(cells)} values, expected {width}, one a column")
        row = {name: cells[at] for name, at in columns.items()}
        if "." not in row["JobID"]:
            yield row, where


def _state(text: str, meaning: Mapping[str, str], where: str) -> str:
    """Return a state without who caused it: "CANCELLED by 1001" is CANCELLED."""
    state = text.split(" ")[0].rstrip("+").upper()
    if state not in meaning:
        raise unknown_name("state", text, meaning, f"{where}: State")
    return state


def _instants(text: str, where: str) -> list[datetime]:
    """Return the time of a cell, or none where it has not come."""
    if text.casefold() in _NEVER:
        return []
    try:
        return [datetime.fromisoformat(text)]
    except ValueError:
        raise InputError(f"{where}: got '{text}', expected a time such as '2024-03-01T12:00:00'") from None


def _begun(starts: Sequence[datetime]) -> datetime:
    """Return when the first job started."""
    if not starts:
        raise InputError("no job has a Start; expected one, or start of the log")
    if len({when.tzinfo is None for when in starts}) > 1:
        raise InputError("column Start: some times have a time zone and some have none; expected one or the other")
    return min(starts)


def _entry(row: Mapping[str, str], state: str, kind: str, where: str) -> Entry:
    if kind == "job":
        return Entry(component="job", cause=state, where=where)
    nodes = row.get("NodeList", "")
    if row.get("FailedNode", "").casefold() not in _NEVER:
        nodes = row["FailedNode"]
    if nodes.casefold() in (*_NEVER, "none assigned"):
        return Entry(component="node", cause=state, where=where)
    return Entry(component="node", cause=state, nodes=expand(nodes, f"{where}: NodeList"), where=where)


def _once(dated: list[tuple[When, Entry]]) -> list[tuple[When, Entry]]:
    """Leave out what is told of another job too: the same node at the same instant."""
    seen: dict[tuple[object, ...], tuple[When, Entry]] = {}
    for when, entry in dated:
        key = (when, entry.nodes) if len(entry.nodes) == 1 else (when, entry.where)
        seen.setdefault(key, (when, entry))
    return list(seen.values())
