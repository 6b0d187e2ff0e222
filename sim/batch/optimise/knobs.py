"""Knobs: dotted keys of a scenario with the range that is searched, and points among them as overrides."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, log

from sim.errors import InputError
from sim.quantities import UNITS, parse

DIGITS = 4
"""Significant digits of a point: finer ones are told apart by no number of runs, and a point is found again by them."""

_END = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([^\d\s.]\S*)?\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A key from low to high, in the unit of low where it has one; log: searched by its logarithm, as durations are."""

    key: str
    low: float
    high: float
    unit: str = ""
    integer: bool = False
    log: bool = False

    @property
    def count(self) -> int | None:
        """How many values there are, None where they are continuous."""
        return int(self.high - self.low) + 1 if self.integer else None


def knob_of(text: str) -> Knob:
    """Return the knob of `KEY=LOW..HIGH`, with `:int` for whole numbers and `:log` for a logarithmic scale.

    Durations are searched by their logarithm. Raises InputError for a range that is none.

    >>> knob_of("checkpoint.interval.every=2 min..1 h")
    Knob(key='checkpoint.interval.every', low=2.0, high=60.0, unit='min', integer=False, log=True)
    >>> knob_of("cluster.spare_nodes=0..48:int").count
    49
    """
    key, equals, asked = text.partition("=")
    body, *kinds = asked.split(":")
    low, dots, high = body.partition("..")
    if not (equals and key.strip() and dots):
        raise InputError(f"--over {text}: expected KEY=LOW..HIGH, such as checkpoint.interval.every=2min..1h")
    unknown = [kind for kind in kinds if kind.strip() not in ("int", "log")]
    if unknown:
        raise InputError(f"--over {text}: got ':{unknown[0]}'; expected :int or :log")
    (first, unit), (last, unit_last) = (_end(each, text) for each in (low, high))
    if bool(unit) != bool(unit_last):
        raise InputError(f"--over {text}: one end has a unit and the other has none; expected both or neither")
    return _checked(
        Knob(
            key=key.strip(),
            low=first,
            high=last if unit == unit_last else _in_unit(last, unit_last, unit, text),
            unit=unit,
            integer="int" in map(str.strip, kinds),
            log="log" in map(str.strip, kinds) or (unit in UNITS["time"] and first > 0),
        ),
        text,
    )


def _end(written: str, text: str) -> tuple[float, str]:
    match = _END.fullmatch(written)
    if match is None or not isfinite(float(match[1])):
        raise InputError(f"--over {text}: got '{written.strip()}' as an end; expected a number, with its unit if any")
    return float(match[1]), match[2] or ""


def _in_unit(value: float, unit: str, other: str, text: str) -> float:
    """Return a quantity in another unit of its dimension.

    >>> _in_unit(2.0, "h", "min", "")
    120.0
    """
    dimension = next((each for each, units in UNITS.items() if other in units), None)
    if dimension is None:
        raise InputError(f"--over {text}: unknown unit '{other}'; expected one such as s, min, h, GB/s")
    return parse(f"{value!r} {unit}", dimension, f"--over {text}") / parse(f"1 {other}", dimension)


def _checked(knob: Knob, text: str) -> Knob:
    if knob.low >= knob.high:
        raise InputError(f"--over {text}: got a range from {knob.low:g} to {knob.high:g}; expected the lower end first")
    if knob.integer and not (knob.low.is_integer() and knob.high.is_integer()):
        raise InputError(f"--over {text}: a whole number lies between two; got {knob.low:g} and {knob.high:g}")
    if knob.log and knob.low <= 0:
        raise InputError(f"--over {text}: a logarithmic scale begins above 0, got {knob.low:g}")
    return knob


def value_of(knob: Knob, place: float) -> float:
    """Return the value at a place on a knob's scale, 0 to 1, as it is written: whole, or to a few digits.

    >>> value_of(knob_of("a=1s..100s"), 0.5), value_of(knob_of("n=0..9:int"), 0.5)
    (10.0, 4.0)
    """
    ends = (log(knob.low), log(knob.high)) if knob.log else (knob.low, knob.high)
    along = ends[0] + min(max(place, 0.0), 1.0) * (ends[1] - ends[0])
    exact = exp(along) if knob.log else along
    value = float(round(exact)) if knob.integer else float(f"{exact:.{DIGITS}g}")
    return min(max(value, knob.low), knob.high)


def written(knob: Knob, value: float) -> str:
    """Return a value as an override takes it.

    >>> written(knob_of("a=1s..100s"), 10.0), written(knob_of("n=0..9:int"), 4.0)
    ('10 s', '4')
    """
    number = str(int(value)) if knob.integer else f"{value:.{DIGITS}g}"
    return f"{number} {knob.unit}".strip()


def overrides_of(knobs: Sequence[Knob], values: Sequence[float]) -> tuple[str, ...]:
    """Return the overrides that set a point."""
    return tuple(f"{knob.key}={written(knob, value)}" for knob, value in zip(knobs, values, strict=True))


def knobs_of(texts: Sequence[str]) -> tuple[Knob, ...]:
    """Return the knobs of the command line. Raises InputError for none, or a key given twice."""
    knobs = tuple(map(knob_of, texts))
    keys = [knob.key for knob in knobs]
    twice = [key for index, key in enumerate(keys) if key in keys[:index]]
    if twice:
        raise InputError(f"--over {twice[0]}: the key is given twice; expected one range")
    if not knobs:
        raise InputError("--over: is missing; expected KEY=LOW..HIGH, such as cluster.spare_nodes=0..48:int")
    return knobs
