"""The swept keys as columns of the table runs, typed by all their values, quantities as numbers beside their text."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sim.batch.design.ranges import DIMENSION_OF
from sim.errors import UnitError
from sim.quantities import Dimension, parse

Kind = Literal["text", "integer", "number", "flag"]

SUFFIXES: Mapping[Dimension, str] = {
    "time": "s",
    "size": "bytes",
    "bandwidth": "bytes_per_s",
    "flop": "flop",
    "flop_rate": "flop_per_s",
    "power": "w",
    "energy": "j",
    "frequency": "hz",
    "length": "m",
    "fraction": "fraction",
    "money": "usd",
}
"""What a column of numbers in SI units ends with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of swept values: its name, its type, and the value of every variant (None: not set)."""

    name: str
    kind: Kind
    values: tuple[str | int | float | bool | None, ...]


def columns_of(points: Sequence[Mapping[str, str]]) -> tuple[Column, ...]:
    """Return a column for every key that some variant sets, and one more of numbers for quantities of one dimension.

    >>> [(each.name, each.values) for each in columns_of([{"a.b": '"1 min"'}, {"a.b": '"90 s"'}])]
    [('a.b', ('1 min', '90 s')), ('a.b_s', (60.0, 90.0))]
    """
    keys = dict.fromkeys(key for point in points for key in point)
    return tuple(
        column
        for key in keys
        for column in _columns(key, [_plain(point[key]) if key in point else None for point in points])
    )


def _columns(key: str, values: Sequence[Any]) -> list[Column]:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return [Column(name=key, kind="flag", values=tuple(values))]
    if kinds == {int}:
        return [Column(name=key, kind="integer", values=tuple(values))]
    if kinds <= {int, float}:
        return [Column(name=key, kind="number", values=tuple(None if v is None else float(v) for v in values))]
    texts = [None if value is None else str(value) for value in values]
    return [Column(name=key, kind="text", values=tuple(texts)), *_numbers(key, texts)]


def _numbers(key: str, texts: Sequence[str | None]) -> list[Column]:
    """Return the quantities of a column of texts as numbers, none where some text is no quantity."""
    units = {None if text is None else text.rpartition(" ")[2] for text in texts} - {None}
    dimensions = {DIMENSION_OF.get(str(unit)) for unit in units}
    dimension = dimensions.pop() if len(dimensions) == 1 else None
    if dimension is None:
        return []
    try:
        values = tuple(None if text is None else parse(text, dimension) for text in texts)
    except UnitError:
        return []
    return [Column(name=f"{key}_{SUFFIXES[dimension]}", kind="number", values=values)]


def _plain(text: str) -> Any:
    """Return the value of an override: a number, a flag or a text; a table or a list stays the text that it is."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, bool | int | float | str) else text
