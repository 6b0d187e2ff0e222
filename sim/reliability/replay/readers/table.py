"""A failure log as a CSV table, one line a failure.

    # start = 2024-03-01T00:00:00
    # end = 2024-03-31T00:00:00
    time,component,cause,node,duration
    2024-03-02T13:05:00,gpu,Faulty GPU,node-0007,8 h
    2024-03-09T02:11:30,job,Software bug,,

`time` is a time of day in ISO 8601, or since the log's start with its unit ("3.5 h"); instead of it `time_s` holds
seconds since the start. `component` is what failed and `cause` why. What may be left out, or empty: `node`, the name or
number of the node, or the name of a part of the network; `index`, which of the node's components, from 0; `duration`
(or `duration_s`), how long the node or the part is away; `replace`, whether the node leaves the job. Other names for
them are in ALIASES; case, spaces and dashes do not count. Lines that start with "#" and empty lines are skipped, but
for those of `start` and `end`, which what the scenario says comes before. Times of day need a start.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from sim.errors import InputError, unknown_name
from sim.reliability.replay.entries import Entry, FailureLog, When, log_of
from sim.reliability.replay.readers.cells import duration_us, index, instant, seconds, seconds_us, yes_or_no
from sim.reliability.replay.readers.columns import find_columns

ALIASES: Mapping[str, Sequence[str]] = {
    "time": ("timestamp", "datetime", "date", "when"),
    "time_s": ("seconds",),
    "component": ("part",),
    "cause": ("reason", "failure", "root_cause"),
    "node": ("host", "hostname", "node_name", "nodename"),
    "index": ("component_index", "slot"),
    "duration": ("downtime", "away", "repair"),
    "duration_s": ("downtime_s", "away_s", "repair_s"),
    "replace": ("replaced",),
}
"""Columns, each with the other names that it goes by."""

COMPONENT_NAMES: Mapping[str, str] = {"host": "node", "server": "node", "accelerator": "gpu", "software": "job"}
"""Other names of components."""

_TOLD = re.compile(r"#\s*(start|end)\s*[=:]\s*[\"']?([^\"']*)[\"']?\s*", re.IGNORECASE)


def read_table(
    text: str,
    components: Sequence[str],
    start: When | None = None,
    end: When | None = None,
    ignore: Sequence[str] = (),
) -> FailureLog:
    """Return the log of a CSV table; components: names of what may fail.

    Raises InputError that names the line for what cannot be read, UnknownNameError for columns and components that are
    not known, and InputError for a failure that stands twice: at one instant a component of a named node, or the job,
    fails once of one cause.

    >>> log = read_table("time,component,cause\\n1 h,job,bug\\n", ["gpu", "job"])
    >>> log.end_us, log.entries[0].cause
    (3600000000, 'bug')
    """
    told = _told(text)
    columns: dict[str, int] = {}
    dated: list[tuple[When, Entry]] = []
    for number, cells in _lines(text):
        where = f"line {number}"
        if not columns:
            needed = [("time", "time_s"), ("component",), ("cause",)]
            columns, width = find_columns(cells, ALIASES, needed, where, ignore), len(cells)
            _check_pairs(columns, where)
        elif len(cells) != width:
            raise InputError(f"{where}: got {len(cells)} values, expected {width}, one a column")
        else:
            dated.append(_failure({name: cells[at].strip() for name, at in columns.items()}, components, where))
    if not dated:
        raise InputError("holds no failure; expected a line of column names and one a failure")
    _refuse_twice(dated)
    start = start if start is not None else told.get("start")
    return log_of(dated, _begun(start, dated[0]), end if end is not None else told.get("end"))


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line that holds some, with its number in the file, where it starts."""
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
    # A comment may hold a quote, which would go on to the next one.
    reader = csv.reader(("\n" if line.lstrip().startswith("#") else line for line in lines), strict=True)
    number = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"line {number}: is no line of a CSV file: {error}") from None


def _told(text: str) -> dict[str, When]:
    """Return what the file itself says of its start and end."""
    told: dict[str, When] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        match = _TOLD.fullmatch(line.strip())
        if match is not None:
            name, value = match[1].lower(), match[2]
            if name in told:
                raise InputError(f"line {number}: says {name} a second time; expected it once")
            told[name] = instant(value.strip(), f"line {number}: {name}")
    return told


def _check_pairs(columns: Mapping[str, int], where: str) -> None:
    for one, other in (("time", "time_s"), ("duration", "duration_s")):
        if one in columns and other in columns:
            raise InputError(f"{where}: got columns {one} and {other}; expected one of them")


def _failure(row: Mapping[str, str], components: Sequence[str], where: str) -> tuple[When, Entry]:
    """Return one line as a failure and when it happened."""

    def cell(read: Callable[[str, str], int], name: str) -> int:
        return read(row[name], f"{where}: {name}") if row.get(name) else -1

    if not row["cause"]:
        raise InputError(f"{where}: cause: got nothing, expected a name")
    name = "time" if "time" in row else "time_s"
    when = (instant if name == "time" else seconds)(row[name], f"{where}: {name}")
    replaced = row.get("replace")
    entry = Entry(
        component=_component(row["component"], components, f"{where}: component"),
        cause=row["cause"],
        nodes=(row["node"],) if row.get("node") else (),
        index=cell(index, "index"),
        away_us=max(cell(duration_us, "duration"), cell(seconds_us, "duration_s")),
        replace=yes_or_no(replaced, f"{where}: replace") if replaced else None,
        where=where,
    )
    return when, entry


def _component(text: str, components: Sequence[str], where: str) -> str:
    name = COMPONENT_NAMES.get(text.casefold(), text.casefold())
    if name not in components:
        raise unknown_name("component", text, components, where)
    return name


def _begun(start: When | None, first: tuple[When, Entry]) -> When:
    when, entry = first
    if start is not None:
        return start
    if isinstance(when, float):
        return 0.0
    raise InputError(
        f"{entry.where}: got a time of day, '{when.isoformat()}', and no start of the log; expected start = "
        '"2024-03-01T00:00:00", or a line "# start = 2024-03-01T00:00:00" in the file'
    )


def _refuse_twice(dated: Sequence[tuple[When, Entry]]) -> None:
    seen: dict[tuple[object, ...], str] = {}
    for when, entry in dated:
        if not entry.nodes and entry.component != "job":
            continue  # Of which node is not said: there may well be two.
        key = when, entry.component, entry.cause, entry.nodes, entry.index
        if key in seen:
            raise InputError(f"{entry.where}: the same failure as {seen[key]}; expected each once")
        seen[key] = entry.where
