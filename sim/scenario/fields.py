"""Types of a scenario's fields: quantities with units, names of a closed list, whole numbers, dates."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from sim.errors import InputError, unknown_name
from sim.quantities import Dimension, parse

SHORTEST_S, LONGEST_S = 1e-6, 100_000 * 31_557_600.0
"""What a clock of 64-bit microseconds can tell apart, and hold."""

MOST = 2**53
"""The largest count: beyond, a float of TOML is no longer exact."""

_FILE_NAME = re.compile(r"[^\W_][\w .+-]{0,79}")


def refuse(message: str) -> PydanticCustomError:
    """Return the error that carries our own text through pydantic, which adds the key."""
    return PydanticCustomError("scenario", "{message}", {"message": message})


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """A name of a closed list; the names in `later` exist in the field but are not modelled yet.

    plugins: also "module:function", which is imported later, and only where the user allows it.
    """

    what: str
    known: tuple[str, ...]
    later: tuple[str, ...] = ()
    plugins: bool = False

    def check(self, value: str) -> str:
        """Return the name, or refuse it with the nearest known one."""
        if value in self.known or (self.plugins and ":" in value):
            return value
        if value in self.later:
            raise refuse(f"{self.what} '{value}' is not modelled yet; expected one of: {', '.join(self.known)}")
        raise refuse(str(unknown_name(self.what, value, self.known)))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        names = {"type": "string", "enum": list(self.known)}
        return {"anyOf": [names, {"type": "string", "pattern": ":"}]} if self.plugins else names


def quantity(dimension: Dimension) -> BeforeValidator:
    """Return what reads a number with a unit of a dimension, as its SI number."""
    return BeforeValidator(lambda value: _parsed(value, dimension))


def _parsed(value: Any, dimension: Dimension) -> float:
    try:
        return parse(value, dimension)
    except InputError as error:
        raise refuse(str(error)) from error


def _time(value: Any) -> float:
    """Return seconds that the clock of a run can hold: none, or from a microsecond to 100,000 years."""
    time_s = _parsed(value, "time")
    if 0 < time_s < SHORTEST_S:
        raise refuse(f"'{value}' is too short; expected at least 1 us, the resolution of a run's clock")
    if time_s > LONGEST_S:
        raise refuse(f"'{value}' is too long; expected at most 100000 y")
    return time_s


def _whole(value: Any) -> Any:
    # TOML has no other short way to write 15.6 trillion than as a float.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _file_name(value: str) -> str:
    if _FILE_NAME.fullmatch(value) is None:
        raise refuse(
            f"got {value[:80]!r}, expected up to 80 letters, digits, spaces and . _ + - after a letter or digit: it "
            "names the results"
        )
    return value


def _iso_date(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise refuse(f"got '{value}', expected a date such as '2024-03-01'") from error


_TIME_SCHEMA = WithJsonSchema({"type": "string", "examples": ["30 min"], "description": "a time with its unit"})

Time = Annotated[float, BeforeValidator(_time), _TIME_SCHEMA]
"""A duration written with its unit, in seconds."""

PositiveTime = Annotated[float, Field(gt=0), BeforeValidator(_time), _TIME_SCHEMA]
"""A duration above zero, in seconds."""

Bandwidth = Annotated[
    float,
    Field(gt=0),
    quantity("bandwidth"),
    WithJsonSchema({"type": "string", "examples": ["400 Gbit/s"], "description": "a bandwidth with its unit"}),
]
"""A bandwidth above zero written with its unit, in bytes/s."""

Count = Annotated[int, Field(gt=0, le=MOST), BeforeValidator(_whole)]
"""A whole number of at least one; 15.6e12 is one."""

CountOrZero = Annotated[int, Field(ge=0, le=MOST), BeforeValidator(_whole)]
"""A whole number of at least zero."""

Fraction = Annotated[float, Field(ge=0, le=1), quantity("fraction"), WithJsonSchema({"type": ["number", "string"]})]
"""A fraction, as 0.4 or "40 %"."""

QueuePairs = Annotated[int, Field(gt=0, le=128), BeforeValidator(_whole)]
"""Queue pairs of a connection, each of which is hashed: up to NCCL's limit (NCCL_IB_MAX_QPS)."""

NodeCount = Annotated[int, Field(gt=0, le=1_000_000), BeforeValidator(_whole)]
"""Nodes: what a simulation of every one of them can hold."""

SpareCount = Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(_whole)]
"""Nodes, or none."""

Name = Annotated[str, Field(min_length=1)]
"""Text that is not empty: the empty cause and phase stand for "none" in the results."""

FileName = Annotated[str, Field(min_length=1), AfterValidator(_file_name)]
"""A name that a file can have."""

IsoDate = Annotated[date, BeforeValidator(_iso_date)]
"""A date, as TOML's own or as text."""
