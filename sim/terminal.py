"""What commands share: arguments and answers in the terminal, and files written whole or not at all."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sim.errors import InputError, OutputError, SimulationError

if TYPE_CHECKING:
    from sim.report.text import Marks


def arguments_of(texts: list[str]) -> dict[str, object]:
    """Return key=value arguments, typed as TOML values; "4,4,4" is a list and anything else is text."""
    typed: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise InputError(f"argument '{text}': expected key=value, such as k=8")
        if key in typed:
            raise InputError(f"argument '{key}' is given twice")
        parts = [_value(part) for part in value.split(",")] if "," in value and value[0] not in "[{\"'" else None
        typed[key] = parts or _value(value)
    return typed


def _value(text: str) -> object:
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def show_facts(facts: Any, as_json: bool, report: Callable[[], str]) -> None:
    """Print an answer as JSON or as its report, in what the terminal can show."""
    text = json.dumps(facts, indent=2, allow_nan=False) if as_json else report()
    encoding = sys.stdout.encoding or "ascii"
    typer.echo(text.encode(encoding, "replace").decode(encoding))


def marks() -> "Marks":
    """Return the marks of bars that the terminal can show."""
    from sim.report.text import marks_for

    return marks_for(sys.stdout.encoding)


def bad_option(error: Exception) -> str | None:
    """Return what is wrong with the value of an option: which, what it got, what was expected; None of other errors."""
    parameter, cause = getattr(error, "param", None), error.__cause__
    if parameter is None or cause is None:
        return None
    from sim.scenario.messages import option_line

    said = option_line(cause)
    return None if said is None else f"{parameter.opts[0]}: {said}"


def complain(message: str) -> None:
    """Print an error, a line a problem."""
    for line in message.splitlines():
        typer.echo(f"trainwright: {line}", err=True)


@contextmanager
def located(scenario: str) -> Iterator[None]:
    """Begin each line about a scenario that does not fit together or comes to no end with its name, unless it does."""
    try:
        yield
    except (InputError, SimulationError) as error:
        named = f"{scenario}: "
        lines = (line if line.startswith(named) else named + line for line in str(error).splitlines())
        raise type(error)("\n".join(lines)) from error


def check_results(directory: Path, force: bool) -> None:
    """Raise OutputError before anything is computed where results could not be written."""
    from sim.ledger.files.parquet import check_free

    with _written(directory):
        check_free(directory, force)
        if directory.exists():
            _check_permission(directory, directory)
        _check_parent(directory)


def check_output(path: Path, force: bool) -> None:
    """Raise OutputError before anything is computed where a file could not be written."""
    with _written(path):
        if path.is_dir():
            raise OutputError(f"{path}: is a directory; expected a file")
        if path.exists() and not force:
            raise OutputError(f"{path}: exists already; use --force to replace it")
        _check_parent(path)


def check_apart(trace: Path, directory: Path) -> None:
    """Raise OutputError for a trace in the place of the results, or of one of their directories."""
    if trace.absolute() in (directory.absolute(), *directory.absolute().parents):
        raise OutputError(f"--trace {trace}: the results go to {directory}; expected a file elsewhere")


def _check_parent(path: Path) -> None:
    parent = next(parent for parent in path.absolute().parents if parent.exists())
    if not parent.is_dir():
        raise OutputError(f"{path}: cannot be written: {parent} is not a directory")
    _check_permission(path, parent)


def _check_permission(path: Path, directory: Path) -> None:
    if not os.access(directory, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: cannot be written: no permission in {directory}")


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a path into one line."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{str(path)[:200]}: cannot be written: {error.strerror}") from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all."""
    write_text(path, json.dumps(content, separators=(",", ":")))


def write_text(path: Path, content: str) -> None:
    """Write a text whole or not at all."""
    write_bytes(path, content.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}")
    with _written(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
