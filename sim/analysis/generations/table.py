"""The generations and the inputs that are uncertain, as experiments/generations/table.toml has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from sim.analysis.cost.records import reference
from sim.analysis.cost.rules.epoch import facts_of
from sim.catalog.read import read_toml

METHODS = ("chip-hours", "bill", "amortised", "cloud", "acquisition", "development", "rent of the day")
"""Every method that a generation may be told under, in the order of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A published figure or range: GPU-hours under "chip-hours", else dollars; usd_per_hour: the rent of the day."""

    method: str
    low: float
    high: float
    source: str
    usd_per_hour: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A run and what is published of it. staff: the record of Epoch's estimate of its people, if there is one.

    assumed: whether its architecture, tokens or layout are; uncertain_compute: whether its compute is uncertain for it;
    frontier: whether it was of the largest of its year. hardware, model: as Epoch's tables know them.
    """

    preset: str
    name: str
    published: date
    hardware: str
    model: str
    assumed: bool
    uncertain_compute: bool
    frontier: bool
    figures: tuple[Figure, ...]
    staff: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Where an input lies in 90 % of cases: a factor on what the scenario has, or a value in a unit."""

    name: str
    low: float
    high: float
    source: str
    unit: str = "factor"


@cache
def _tables() -> dict[str, Any]:
    return read_toml(files("experiments") / "generations" / "table.toml", "generations/table.toml")


@cache
def generations() -> tuple[Generation, ...]:
    """Return every generation, by date.

    >>> [each.published.year for each in generations()][:3]
    [2017, 2020, 2023]
    """
    return tuple(_generation(row) for row in _tables()["generations"])


@cache
def bands() -> Mapping[str, Band]:
    """Return the bands of uncertain inputs by name.

    >>> bands()["experiments"].low, bands()["experiments"].unit
    (1.2, 'ratio')
    """
    return {row["name"]: Band(**row) for row in _tables()["inputs"]}


def _generation(row: Mapping[str, Any]) -> Generation:
    own = {key: value for key, value in row.items() if key not in ("date", "figures")}
    figures = tuple(_figure(each) for each in row["figures"])
    return Generation(published=date.fromisoformat(row["date"]), figures=figures, **own)


def _figure(row: Mapping[str, Any]) -> Figure:
    """Return a figure as it stands, or that of a record of the reference."""
    if "record" not in row:
        return Figure(**row)
    entry = reference()[row["record"]]
    value = float(facts_of(entry)[row["fact"]] if "fact" in row else entry["value"])
    return Figure(method=row["method"], low=value, high=value, source=str(entry["source"]))


def published(name: str) -> tuple[float, float, float]:
    """Return the low end, median and high end of a record of the reference, such as Epoch's estimate of people.

    >>> published("epoch_staff_GPT-4")
    (27800000.0, 35800000.0, 44500000.0)
    """
    entry = reference()[name]
    return float(entry["low"]), float(entry["value"]), float(entry["high"])
