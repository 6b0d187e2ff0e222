"""Amounts of a metric in words: fractions in percent and points, dollars as dollars."""

from collections.abc import Mapping
from math import ceil, log10
from typing import Any

from sim.quantities import show
from sim.report.text import Result, percent, short_usd

NAMES = {
    "ettr": "ETTR",
    "goodput": "goodput",
    "effective_mfu": "effective MFU",
    "cost_usd": "cost",
    "usd_per_trillion_tokens": "dollars a trillion tokens",
}

RULES = {
    "asked": "this scenario's",
    "young": "Young",
    "daly": "Daly",
    "optimal": "exact (Lambert W)",
    "asynchronous": "asynchronous optimum",
}
"""What rules are called on the screen."""


def is_money(result: Result) -> bool:
    """Return whether the metric is one of dollars."""
    return "usd" in str(result["metric"])


def amount(result: Result, value: float) -> str:
    """Return a value of the metric.

    >>> amount({"metric": "ettr"}, 0.94462), amount({"metric": "cost_usd"}, 123_456_789.0)
    ('94.46 %', '$123.5 M')
    """
    return short_usd(value, 4) if is_money(result) else percent(value, 2)


def difference(result: Result, value: float) -> str:
    """Return a difference of the metric without a sign: points of a percent, or dollars.

    >>> difference({"metric": "ettr"}, 0.02441), difference({"metric": "ettr"}, 0.000012)
    ('2.44 points', '0.001 points')
    """
    return short_usd(abs(value)) if is_money(result) else f"{points(abs(value))} points"


def points(fraction: float) -> str:
    """Return a fraction in points of a percent, with the digits that small ones need.

    >>> points(0.02441), points(0.000312), points(0.0)
    ('2.44', '0.031', '0.00')
    """
    value = 100 * fraction
    digits = 2 if value == 0 or abs(value) >= 0.1 else min(3, ceil(-log10(abs(value))) + 1)
    return f"{value:.{digits}f}"


def on_curve(result: Result) -> list[Mapping[str, Any]]:
    """Return the rows of the curve: those of the grid and the best; rules stand beside it, however far away."""
    grid = [row for row in result["rows"] if not row["rules"] or row["value"] == result["best"]]
    return grid if len(grid) > 2 else list(result["rows"])


def half(low: float | None, high: float | None) -> float | None:
    """Return half the width of an interval, None where there is none."""
    return None if low is None or high is None else (high - low) / 2


def duration(seconds: float) -> str:
    """Return a duration in three digits.

    >>> duration(754.0)
    '12.6 min'
    """
    return show(seconds, "time")
