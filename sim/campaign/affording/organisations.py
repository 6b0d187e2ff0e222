"""A table of organisations and what they spend in a year: the one that ships, or a user's, as CSV or TOML."""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

from sim.errors import InputError, unknown_name
from sim.scenario.source import read_toml

SHIPPED = "organisations.csv"

COLUMNS = ("organisation", "annual_capex_usd", "year", "date", "kind", "cluster", "mode", "source")
NEEDED = ("organisation", "annual_capex_usd", "source")
KINDS = ("published", "derived", "assumed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An organisation; annual_capex_usd None where nobody says it: it is then listed, and compared with nothing.

    year: of the expenditure; date: when it was said; cluster, mode: what it trains on, and whether that is its own.
    """

    name: str
    annual_capex_usd: float | None
    year: str = ""
    date: str = ""
    kind: str = ""
    cluster: str = ""
    mode: str = ""
    source: str = ""


def read_organisations(path: str | None = None) -> tuple[Organisation, ...]:
    """Return the organisations of a file, by default those that ship; .toml has them as [[organisations]].

    Raises InputError, with a line for each row that is wrong.

    >>> [each.name for each in read_organisations() if each.annual_capex_usd is None]
    ['Anthropic', 'xAI', 'Baidu']
    """
    where = path or SHIPPED
    rows = list(_rows(path))
    if not rows:
        raise InputError(f"{where}: has no organisation; expected one at least")
    errors, found = list[str](), list[Organisation]()
    for index, row in enumerate(rows, 1):
        try:
            found.append(_organisation(row, f"{where}: row {index}"))
        except InputError as error:
            errors.append(str(error))
    names = [each.name for each in found]
    errors += [f"{where}: '{name}' is given twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if errors:
        raise InputError("\n".join(errors))
    return tuple(found)


def _rows(path: str | None) -> Iterator[Mapping[str, Any]]:
    if path is not None and path.endswith(".toml"):
        tree = read_toml(Path(path).expanduser(), "[[organisations]] in TOML, or a CSV")
        for key in tree:
            if key != "organisations":
                raise unknown_name("key", key, ("organisations",), path)
        rows = tree.get("organisations", [])
        if not (isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows)):
            got = "one table" if isinstance(rows, Mapping) else repr(rows)
            raise InputError(f"{path}: organisations: got {got}; expected an array of tables: [[organisations]]")
        yield from rows
        return
    for row in csv.DictReader(StringIO(_text(path))):
        if None in row:
            raise InputError(f"{path or SHIPPED}: a row has more cells than the head; expected {len(row) - 1}")
        yield row


def _text(path: str | None) -> str:
    if path is None:
        return (files("experiments") / "campaigns" / SHIPPED).read_text(encoding="utf-8")
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a table of organisations (CSV or TOML)") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path}: cannot be read: {reason}") from error


def _organisation(row: Mapping[str, Any], where: str) -> Organisation:
    for key in row:
        if key not in COLUMNS:
            raise unknown_name("column", str(key), COLUMNS, where)
    missing = [key for key in NEEDED if key not in row]
    if missing:
        raise InputError(f"{where}: {missing[0]}: is missing; expected {', '.join(NEEDED)}")
    texts = {key: str(value or "").strip() for key, value in row.items()}
    if not texts["organisation"]:
        raise InputError(f"{where}: organisation: is empty; expected a name")
    capex = _capex(texts["annual_capex_usd"], where)
    for key in ("source", *(("date", "kind") if capex is not None else ())):
        if not texts.get(key):
            raise InputError(f"{where}: {key}: is empty; expected who says so, and when")
    if texts.get("kind") and texts["kind"] not in KINDS:
        raise unknown_name("kind", texts["kind"], KINDS, where)
    rest = {key: value for key, value in texts.items() if key not in ("organisation", "annual_capex_usd")}
    return Organisation(name=texts["organisation"], annual_capex_usd=capex, **rest)


def _capex(text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise InputError(f"{where}: annual_capex_usd: got '{text}'; expected a number above 0, or nothing")
    return value
