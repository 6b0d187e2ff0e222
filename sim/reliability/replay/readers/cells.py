"""Cells of a log as values: instants, durations, numbers, yes and no."""

import math
from contextlib import suppress
from datetime import datetime

from sim.errors import InputError, UnitError
from sim.quantities import parse
from sim.reliability.replay.entries import MOST_S, When

_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def instant(text: str, where: str) -> When:
    """Return a time of day in ISO 8601, or a time since the log's start with its unit, in seconds.

    >>> instant("2024-03-01T12:00:00", "line 2"), instant("3.5 h", "line 2")
    (datetime.datetime(2024, 3, 1, 12, 0), 12600.0)
    """
    with suppress(UnitError):
        return parse(text, "time")
    # A bare number would pass as a date without dashes.
    with suppress(ValueError):
        return datetime.fromisoformat("" if text.isdecimal() else text)
    raise InputError(
        f"{where}: got '{text}', expected a time such as '2024-03-01T12:00:00', or since the start '3.5 h' (seconds "
        "without a unit stand in a column time_s)"
    )


def duration_us(text: str, where: str) -> int:
    """Return a duration with its unit, in microseconds."""
    return _held_us(parse(text, "time", where), text, where)


def seconds(text: str, where: str) -> float:
    """Return a number of seconds of 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MOST_S:
        raise InputError(f"{where}: got '{text}', expected a number of seconds of 0 or more")
    return value


def seconds_us(text: str, where: str) -> int:
    """Return a number of seconds in microseconds."""
    return _held_us(seconds(text, where), text, where)


def index(text: str, where: str) -> int:
    """Return a number that counts from 0."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InputError(f"{where}: got '{text}', expected a whole number from 0")
    return int(text)


def yes_or_no(text: str, where: str) -> bool:
    """Return what true or yes, false or no say."""
    if text.casefold() not in _YES_NO:
        raise InputError(f"{where}: got '{text}', expected yes or no")
    return _YES_NO[text.casefold()]


def _held_us(value_s: float, text: str, where: str) -> int:
    if value_s > MOST_S:
        raise InputError(f"{where}: got '{text}', expected at most 100000 y")
    return round(value_s * 1e6)
