"""[failures] log: a file of failures that happened, which drives the run instead of clocks."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from sim.errors import InputError
from sim.reliability.replay.entries import FailureLog, When
from sim.reliability.replay.readers.cells import instant
from sim.reliability.replay.readers.events import read_events
from sim.reliability.replay.readers.slurm import KINDS, read_sacct
from sim.reliability.replay.readers.table import read_table
from sim.reliability.replay.seats import REPLAYED, RULES
from sim.scenario.fields import Name, NodeCount, OneOf, refuse
from sim.scenario.laws import CLOSED

FORMATS = ("csv", "sacct", "events")
"""A table of failures, `sacct --parsable2`, or events.parquet of an earlier run."""


def _when(value: Any) -> Any:
    """Return an instant: TOML's own, or as text."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    try:
        return instant(str(value), "")
    except InputError as error:
        raise refuse(str(error).removeprefix(": ")) from error


Instant = Annotated[
    datetime | float,
    BeforeValidator(_when),
    WithJsonSchema({"type": "string", "examples": ["2024-03-01T00:00:00", "54 d"]}),
]
"""A time of day, or a time since the start of a log with its unit, in seconds."""


class LogForm(BaseModel):
    """A failure log; a bare text is its file.

    start, end: when the log begins and how far it reaches; failures beyond are left out. nodes: which node stands for
    one of the log's; log_nodes: how many nodes it is of, for "sample". states: what a state of sacct means. ignore:
    columns of a CSV table that nothing reads. with_causes: preset and causes hold beside it; without that it takes
    their place.
    """

    model_config = CLOSED
    file: Name
    format: Annotated[str, OneOf(what="format of a log", known=FORMATS)] | None = None
    start: Instant | None = None
    end: Instant | None = None
    repeat: Annotated[bool, Field(description="whether the log starts again at its end")] = False
    after: Annotated[str, OneOf(what="rule", known=("nothing",))] | None = None
    nodes: Annotated[str, OneOf(what="rule for nodes", known=RULES)] | None = None
    log_nodes: NodeCount | None = None
    states: dict[str, Annotated[str, OneOf(what="meaning of a state", known=KINDS)]] = {}
    ignore: list[Name] = []
    with_causes: bool = False

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_end(self) -> "LogForm":
        if self.repeat and self.after is not None:
            raise refuse("got both repeat and after; expected one of them: the log starts again, or nothing fails")
        if (self.nodes == "sample") != (self.log_nodes is not None):
            raise refuse('nodes = "sample" and log_nodes, of how many nodes the log is, go together; got one of them')
        return self

    @property
    def then(self) -> str:
        """What happens when the log ends before the run."""
        return "repeat" if self.repeat else self.after or "refuse"


def read_log(form: LogForm) -> FailureLog:
    """Return the failures of a log; of a directory of results, those of its run.

    Raises InputError that names the file, and the line of what cannot be read in it.
    """
    path = Path(form.file).expanduser()
    path = path / "events.parquet" if path.is_dir() else path
    content = _content(path)
    kind = form.format or _format(content)
    try:
        _check_keys(form, kind)
        return _parsed(content, kind, form.start, form.end, tuple(sorted(form.states.items())), tuple(form.ignore))
    except InputError as error:
        raise type(error)(f"failures.log: {path}: {error}") from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"failures.log: {path.absolute()}: no such file; expected a failure log there (a scenario's file names it "
            "from its own folder, --set from the working directory)"
        ) from None
    except OSError as error:
        raise InputError(f"failures.log: {path.absolute()}: cannot be read: {error.strerror}") from error


def _format(content: bytes) -> str:
    """Return the format of a log by what it holds: a Parquet file, or bars between the columns of sacct."""
    if content[:4] == b"PAR1":
        return "events"
    lines = (line for line in content.splitlines() if line.strip() and not line.startswith(b"#"))
    return "sacct" if b"|" in next(lines, b"") else "csv"


def _check_keys(form: LogForm, kind: str) -> None:
    """Refuse keys that nothing would read."""
    given: Mapping[str, tuple[object, tuple[str, ...]]] = {
        "states": (form.states, ("sacct",)),
        "ignore": (form.ignore, ("csv",)),
        "start": (form.start, ("csv", "sacct")),
        "end": (form.end, ("csv", "sacct")),
    }
    for key, (value, kinds) in given.items():
        if value not in (None, {}, []) and kind not in kinds:
            raise InputError(f"{key}: belongs to a log of format {' or '.join(kinds)}, and this one is {kind}")


@lru_cache(maxsize=4)
def _parsed(
    content: bytes,
    kind: str,
    start: When | None,
    end: When | None,
    states: tuple[tuple[str, str], ...],
    ignore: tuple[str, ...],
) -> FailureLog:
    """Return the log of a file's content; every check of a scenario asks for it."""
    if kind == "events":
        from sim.ledger.files.events_file import events_of  # loaded by those who ask for it: Parquet takes its time

        return read_events(*events_of(content), REPLAYED)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("cannot be read: it is not UTF-8 text") from None
    if kind == "sacct":
        return read_sacct(text, dict(states), start, end)
    return read_table(text, REPLAYED, start, end, ignore)
