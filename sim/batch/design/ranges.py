"""Values between two ends, evenly or evenly in the logarithm: whole numbers, numbers, or quantities with a unit."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log

from sim.batch.design.forms import End, RangeForm, SpacedForm
from sim.errors import InputError, UnitError
from sim.quantities import UNITS, Dimension, parse

DIMENSION_OF: Mapping[str, Dimension] = {unit: dimension for dimension, units in UNITS.items() for unit in units}
"""Of every unit that a quantity may have."""

DIGITS = 6
"""Significant digits of a value between the ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """From a low to a high end; unit: of texts with one; whole: only whole numbers."""

    low: float
    high: float
    logarithmic: bool
    whole: bool
    unit: str | None


def range_of(form: RangeForm, where: str) -> Range:
    """Return the range of a form. Raises InputError where ends do not go together, or a logarithm has no value.

    >>> range_of(RangeForm.model_validate({"from": "1 min", "to": "1 h", "scale": "log"}), "axes.0")
    Range(low=1.0, high=60.0, logarithmic=True, whole=False, unit='min')
    """
    unit, other = (_unit(end, f"{where}.{name}") for end, name in ((form.start, "from"), (form.end, "to")))
    low, high = _number(form.start, unit, where), _number(form.end, unit, where)
    if (unit is None) != (other is None):
        raise UnitError(f"{where}: from {form.start!r} to {form.end!r}; expected a unit at both ends or at none")
    if not low < high:
        raise InputError(f"{where}: from {form.start!r} to {form.end!r}; expected a lower end and a higher one")
    if form.scale == "log" and low <= 0:
        raise InputError(f"{where}: a log range from {form.start!r}; expected more than 0")
    whole = type(form.start) is int and type(form.end) is int
    return Range(low=low, high=high, logarithmic=form.scale == "log", whole=whole, unit=unit)


def value_at(asked: Range, fraction: float) -> str:
    """Return the value at a fraction of a range, as an override takes it; whole numbers are the nearest.

    >>> value_at(Range(low=1.0, high=100.0, logarithmic=True, whole=False, unit="min"), 0.5)
    '"10 min"'
    >>> value_at(Range(low=0.0, high=9.0, logarithmic=False, whole=True, unit=None), 0.31)
    '3'
    """
    if fraction in (0.0, 1.0):
        value = asked.high if fraction else asked.low
    elif asked.logarithmic:
        value = exp(log(asked.low) + fraction * (log(asked.high) - log(asked.low)))
    else:
        value = asked.low + fraction * (asked.high - asked.low)
    return _text(value, asked)


def spaced(form: SpacedForm, where: str) -> tuple[str, ...]:
    """Return so many values of a range, both ends among them.

    >>> spaced(SpacedForm.model_validate({"from": 1, "to": 100, "scale": "log", "count": 3}), "axes.0")
    ('1', '10', '100')
    """
    asked = range_of(form, where)
    return tuple(value_at(asked, index / (form.count - 1)) for index in range(form.count))


def _text(value: float, asked: Range) -> str:
    if asked.whole:
        return str(round(value))
    rounded = float(f"{value:.{DIGITS}g}")
    return str(rounded) if asked.unit is None else f'"{rounded:.{DIGITS}g} {asked.unit}"'


def _unit(end: End, where: str) -> str | None:
    if not isinstance(end, str):
        return None
    unit = end.strip().lstrip("+-.0123456789eE").strip()
    if unit not in DIMENSION_OF:
        raise UnitError(f"{where}: {end!r} is no number with a unit; expected one such as '10 min'")
    return unit


def _number(end: End, unit: str | None, where: str) -> float:
    """Return an end in the unit of the first end."""
    if not isinstance(end, str):
        return float(end)
    if unit is None:
        return 0.0  # Refused next: only one end has a unit.
    dimension = DIMENSION_OF[unit]
    return parse(end, dimension, where) / parse(f"1 {unit}", dimension)
