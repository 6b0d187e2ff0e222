"""Rows of a cost validation: what is published beside what is predicted, inputs apart, or why nothing is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sim.errors import InputError

Entry = Mapping[str, Any]
"""A record of a file: id, category, name, value or low and high, unit, source, evidence, note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """A published amount and the predicted one, in one unit.

    measured: the amount, or the middle of a range. low, high: the range; one of them alone is a bound. section:
    "published"; "methods" for what others computed, by their methods from the facts of a run; "arithmetic" where both
    come from the same numbers, which tests formulas and no model.
    terms: what the prediction is the sum of. scored: whether its error counts; note: why not, or what differs.
    """

    id: str
    section: str
    group: str
    unit: str
    measured: float
    simulated: float
    inputs: Mapping[str, object]
    source: str
    low: float | None = None
    high: float | None = None
    terms: Mapping[str, float] | None = None
    scored: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A record that is not predicted, and why."""

    id: str
    group: str
    source: str
    reason: str


Found = Predicted | Skipped


def number(entry: Entry, key: str = "value") -> float:
    """Return a number of a record. Raises InputError for another value.

    >>> number({"id": "mine", "value": 3})
    3.0
    """
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < float("inf"):
        raise InputError(f"measurements: {entry['id']}.{key}: got {value!r}, expected a finite number")
    return float(value)


def has_amount(entry: Entry) -> bool:
    """Return whether a record states one amount, a range or a bound, rather than none or a list."""
    stated = [entry.get(key) for key in ("value", "low", "high") if entry.get(key) is not None]
    return bool(stated) and not isinstance(stated[0], list)


def measured_of(entry: Entry) -> dict[str, float | None]:
    """Return what a record says: an amount, a range with its middle, or a bound. Raises InputError for none.

    >>> measured_of({"id": "mine", "low": 1, "high": 3})
    {'measured': 2.0, 'low': 1.0, 'high': 3.0}
    >>> measured_of({"id": "mine", "low": 1})
    {'measured': 1.0, 'low': 1.0, 'high': None}
    """
    if entry.get("value") is not None:
        return {"measured": number(entry), "low": None, "high": None}
    ends = {key: number(entry, key) for key in ("low", "high") if entry.get(key) is not None}
    if not ends:
        raise InputError(f"measurements: {entry['id']}: expected a value, or low and high")
    if len(ends) == 2 and ends["low"] > ends["high"]:
        raise InputError(f"measurements: {entry['id']}: low {ends['low']:g} is above high {ends['high']:g}")
    return {"measured": sum(ends.values()) / len(ends), "low": ends.get("low"), "high": ends.get("high")}


def predicted(entry: Entry, simulated: float, inputs: Mapping[str, object], label: str = "", **more: Any) -> Predicted:
    """Return a row of what a record says itself; label: told apart from its other rows."""
    given: dict[str, Any] = {
        "id": f"{entry['id']} ({label})" if label else entry["id"],
        "section": "published",
        "group": entry["category"],
        "unit": entry["unit"],
        "simulated": simulated,
        "inputs": inputs,
        "source": entry["source"],
        **measured_of(entry),
    }
    return Predicted(**{**given, **more})


def skipped(entry: Entry, reason: str) -> Skipped:
    """Return a record that is not predicted."""
    return Skipped(id=entry["id"], group=entry["category"], source=entry["source"], reason=reason)


def within(row: Predicted) -> bool | None:
    """Return whether a prediction lies in a published range, or on the right side of a bound; None without either."""
    if row.low is None and row.high is None:
        return None
    return (row.low is None or row.simulated >= row.low) and (row.high is None or row.simulated <= row.high)


def beyond(row: Predicted) -> float | None:
    """Return how far a prediction lies from the nearer end of a range, as a signed fraction of that end; 0 inside."""
    if row.low is not None and row.simulated < row.low:
        return row.simulated / row.low - 1
    if row.high is not None and row.simulated > row.high:
        return row.simulated / row.high - 1 if row.high else None
    return None if row.low is None and row.high is None else 0.0


def row_json(row: Predicted) -> dict[str, Any]:
    """Return a row of the answer: the record, its signed error (None where nothing is published), and its range's."""
    error = row.simulated / row.measured - 1 if row.measured else None
    return {**asdict(row), "error": error, "within": within(row), "beyond": beyond(row)}
