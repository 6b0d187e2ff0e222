"""By how much something grows in a year: exact arithmetic, and a fit over dated rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from sim.analysis.generations.spread import Floats

DAYS_PER_YEAR = 365.25


def yearly(first: float, last: float, years: float) -> float:
    """Return the growth a year between two amounts: (last / first) ** (1 / years).

    >>> round(yearly(1000.0, 85e6, 6.0), 2)
    6.63
    """
    return float((last / first) ** (1 / years))


def grown(first: float, growth: float, years: float) -> float:
    """Return an amount after some years of growth.

    >>> round(grown(1.0, 2.4, 2.0), 2)
    5.76
    """
    return float(first * growth**years)


def doubling_months(growth: float) -> float:
    """Return the months in which something doubles: 12 ln 2 / ln growth; minus that where it halves.

    >>> doubling_months(2.0), round(doubling_months(4.0), 12)
    (12.0, 6.0)
    """
    return 12 * log(2) / log(growth)


def growth_of(months: float) -> float:
    """Return the growth a year of what doubles in so many months.

    >>> growth_of(6.0), round(growth_of(10.0), 2)
    (4.0, 2.3)
    """
    return float(2 ** (12 / months))


def compute_optimal(flop: float, tokens_per_parameter: float = 20.0) -> tuple[float, float]:
    """Return parameters and tokens of a compute-optimal dense model: C = 6 N D with D = 20 N (Hoffmann et al., 2022).

    >>> parameters, tokens = compute_optimal(5.76e23)  # Chinchilla: 70B, 1.4T tokens
    >>> round(parameters / 1e9, 1), round(tokens / 1e12, 2)
    (69.3, 1.39)
    """
    parameters = sqrt(flop / (6 * tokens_per_parameter))
    return parameters, tokens_per_parameter * parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A fit: growth a year, its 5th and 95th percentile over samples, and fitted amounts at its first and last day."""

    p5: float
    p50: float
    p95: float
    first: float
    last: float


def slope(years: Floats, amounts: Floats) -> Floats:
    """Return the least-squares slope of log10(amount) by year, one for each row of amounts (samples x dates).

    >>> slope(np.array([0.0, 1.0, 2.0]), np.array([[1.0, 10.0, 100.0]])).round(12).tolist()
    [1.0]
    """
    centred = years - years.mean()
    logs = np.log10(amounts)
    return np.asarray((logs - logs.mean(axis=1, keepdims=True)) @ centred / (centred @ centred))


def fitted(years: Sequence[float], amounts: Floats) -> Growth:
    """Return the growth of dated amounts, samples x dates: log-linear least squares on each sample.

    Assumption: errors of rows are independent and of one size in logarithms, as Epoch fits its runs (arXiv 2405.21015).
    """
    at = np.array(years, np.float64)
    growth = 10 ** slope(at, amounts)
    low, middle, high = (float(value) for value in np.percentile(growth, (5, 50, 95)))
    level = 10 ** np.mean(np.log10(np.median(amounts, axis=0)))
    first, last = (float(level * middle ** (end - at.mean())) for end in (at[0], at[-1]))
    return Growth(p5=low, p50=middle, p95=high, first=first, last=last)
