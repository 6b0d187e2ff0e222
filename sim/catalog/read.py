"""From TOML tables to the fields of records: each present, known, of its type, in range, and with its provenance.

Every error is one line that names the file and the dotted key.
"""

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, cast, get_args, get_origin

from sim.catalog.records import Kind, Provenance
from sim.errors import InputError, unknown_name

_MAY_BE_ZERO = frozenset(
    {
        "tensor_overlap",
        "expert_overlap",
        "launch_s",
        "step_overhead_s",
        "scale_up_switches",
        "pcie_switches",
        "overhead_s",
    }
    | {"fan_fraction", "pump_w_per_w", "cdu_w"}
    | {"wave_exponent", "k_half", "forward_s_half", "backward_s_half"}
)
_FRACTIONS = frozenset(
    {"hbm_efficiency", "scale_up_efficiency", "tensor_overlap", "expert_overlap", "fan_fraction"}
    | {"asymptote", "forward_asymptote", "backward_asymptote"}
)
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "medium": ("copper", "optic"),
    "technology": ("infiniband", "ethernet"),
    "attention": ("mha", "gqa", "mla"),
    "expert_exchange": ("pairwise", "deduplicated"),
    "fp8_scaling": ("delayed", "current"),
    "attention_kernel": ("best", "flash-2", "flash-1"),
    "kernel_launch": ("queued", "graphs", "blocking"),
    "component": ("gpu", "nic", "link", "node", "job"),
    "kind": get_args(Kind),
}


def read_toml(file: Traversable | Path, shown: str) -> dict[str, Any]:
    """Return the tables of a TOML file; `shown` is its name in errors. Raises InputError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{shown}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{shown}: not valid TOML: {error}") from None


def read_fields(record: type, table: Any, where: str, *, joined: Iterable[str] = ()) -> dict[str, Any]:
    """Return the checked fields of a record, and its sources if it has them; `joined` come from elsewhere.

    A field without a value takes the record's default. Numbers are positive; those of the list above, and those whose
    default is zero, may be zero.
    Raises InputError, UnknownNameError for a field that the record does not have.
    """
    own = {field.name: field for field in fields(record) if field.name not in {"name", *joined}}
    wants_sources = own.pop("sources", None) is not None
    require_keys(table, own, where, extra=("sources",) if wants_sources else ())
    for name, field in own.items():
        if name not in table and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{where}: missing field '{name}'")
    values = {name: read_value(own[name], table[name], f"{where}.{name}") for name in own if name in table}
    if wants_sources:
        values["sources"] = read_sources(table.get("sources", {}), values, where)
    return values


def read_value(field: Field[Any], value: Any, where: str) -> Any:
    """Return a value as the type of a record's field. Raises InputError."""
    kind: Any = field.type
    zero = field.name in _MAY_BE_ZERO or (kind in (int, float) and field.default == 0)
    if kind in (int, float):
        return read_number(value, where, whole=kind is int, zero=zero, fraction=field.name in _FRACTIONS)
    if kind is bool:
        return _require(value, bool, "true or false", where)
    if get_origin(kind) is not Mapping:
        return read_text(field.name, value, where)
    inner = get_args(kind)[1]
    table = require_table(value, where)
    return {key: read_number(one, f"{where}.{key}", whole=inner is int) for key, one in table.items()}


def read_number(value: Any, where: str, *, whole: bool = False, zero: bool = False, fraction: bool = False) -> float:
    """Return a finite number: positive, or at least zero; a fraction is at most 1. Raises InputError.

    >>> read_number(700, "accelerator.x.tdp_w")
    700.0
    """
    if isinstance(value, bool) or not isinstance(value, (int,) if whole else (int, float)):
        raise InputError(f"{where}: got {value!r}, expected {'a whole number' if whole else 'a number'}")
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise InputError(f"{where}: got {value!r}, expected a number that is {'at least zero' if zero else 'positive'}")
    if fraction and value > 1:
        raise InputError(f"{where}: got {value!r}, expected a fraction of at most 1")
    return value if whole else float(value)


def read_text(name: str, value: Any, where: str) -> str:
    """Return a text that is not empty and, where the field has choices, one of them. Raises InputError."""
    text: str = _require(value, str, "a text", where)
    if not text.strip() and name != "note":
        raise InputError(f"{where}: got an empty text")
    if name in _CHOICES and text not in _CHOICES[name]:
        raise unknown_name(name, text, _CHOICES[name], where)
    return text


def read_provenance(table: Any, where: str) -> Provenance:
    """Return a provenance. Raises InputError."""
    values = read_fields(Provenance, table, where)
    if not re.fullmatch(r"\d{4}(-\d{2}){0,2}", values["date"]):
        raise InputError(f"{where}.date: got {values['date']!r}, expected a year, month or day such as '2024-07'")
    return Provenance(**values)


def read_sources(table: Any, fields_given: Iterable[str], where: str) -> dict[str, Provenance]:
    """Return the provenance by field. Raises InputError if a field has none and there is no "*" for the rest."""
    known = tuple(fields_given)
    require_keys(table, known, f"{where}.sources", extra=("*",))
    missing = [name for name in known if name not in table]
    if missing and "*" not in table:
        raise InputError(f"{where}: field '{missing[0]}' has no provenance in 'sources'")
    return {name: read_provenance(one, f'{where}.sources."{name}"') for name, one in table.items()}


def require_keys(table: Any, known: Iterable[str], where: str, *, extra: Iterable[str] = ()) -> None:
    """Raise InputError if this is no table, UnknownNameError if it has a key that is not known."""
    names = (*known, *extra)
    for key in require_table(table, where):
        if key not in names:
            raise unknown_name("field", key, names, where)


def require_table(table: Any, where: str) -> dict[str, Any]:
    """Return a table, or raise InputError if this is none."""
    return cast(dict[str, Any], _require(table, dict, "a table", where))


def _require(value: Any, kind: type, expected: str, where: str) -> Any:
    if not isinstance(value, kind):
        raise InputError(f"{where}: got {value!r}, expected {expected}")
    return value
