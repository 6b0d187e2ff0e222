"""The scaling laws that ship with the project, by name."""

from functools import cache
from importlib import resources
from typing import Any

from sim.catalog.read import read_number, read_provenance, read_text, read_toml, require_keys, require_table
from sim.errors import InputError, unknown_name
from sim.workload.scaling.forms import FORMS
from sim.workload.scaling.records import Law, Range

_SHOWN = "scaling_laws.toml"
_PROVENANCE = ("source", "date", "kind", "note")
_RANGES = ("parameters", "tokens", "flop", "experts")
COUNTS = ("total", "non-embedding", "active")
"""Which parameters a law can mean."""


def law_names() -> tuple[str, ...]:
    """Return the names of all laws, in the order of the file.

    >>> law_names()[:2]
    ('chinchilla-2022', 'chinchilla-2024')
    """
    return tuple(_file())


def law(name: str, where: str = "--law") -> Law:
    """Return a law by name. Raises UnknownNameError, with the nearest, at `where`.

    >>> law("chinchilla-2022").constants["E"]
    1.69
    """
    if name not in _file():
        raise unknown_name("scaling law", name, law_names(), where)
    return parse_law(name, _file()[name], f"{_SHOWN}: law.{name}")


def parse_law(name: str, table: Any, where: str) -> Law:
    """Return a law from its table: the constants of its form and nothing else. Raises InputError."""
    require_table(table, where)
    form = read_text("form", table.get("form"), f"{where}.form")
    if form not in FORMS:
        raise unknown_name("form", form, FORMS, f"{where}.form")
    wanted = FORMS[form].constants
    require_keys(table, ("title", "form", "counts", *_RANGES, *_PROVENANCE, *wanted), where)
    missing = [key for key in ("title", "counts", "parameters", "tokens", "flop", *wanted) if key not in table]
    if missing:
        raise InputError(f"{where}: missing field '{missing[0]}'")
    counts = read_text("counts", table["counts"], f"{where}.counts")
    if counts not in COUNTS:
        raise unknown_name("counts", counts, COUNTS, f"{where}.counts")
    return Law(
        name=name,
        title=read_text("title", table["title"], f"{where}.title"),
        form=form,
        counts=counts,
        constants={key: _constant(table[key], f"{where}.{key}") for key in wanted},
        source=read_provenance({key: table[key] for key in _PROVENANCE if key in table}, where),
        **{key: _range(table.get(key, [1, 1]), f"{where}.{key}") for key in _RANGES},
    )


def _constant(value: Any, where: str) -> float:
    """Return a constant, which may be negative. Raises InputError."""
    number = read_number(abs(value) if isinstance(value, int | float) else value, where, zero=True)
    return -number if value < 0 else number


def _range(value: Any, where: str) -> Range:
    if not isinstance(value, list) or len(value) != 2:
        raise InputError(f"{where}: got {value!r}, expected the least and the most")
    low, high = (read_number(one, where) for one in value)
    if low > high:
        raise InputError(f"{where}: got {value!r}, expected the least first")
    return low, high


@cache
def _file() -> dict[str, Any]:
    tables: dict[str, Any] = read_toml(resources.files("sim.catalog") / "data" / _SHOWN, _SHOWN)["law"]
    return tables
