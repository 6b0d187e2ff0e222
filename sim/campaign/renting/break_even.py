"""When owning pays: closed forms of use and of time, per GPU-hour and per cluster. Dollars and years as floats.

Owning costs F an hour whether anything runs or not (depreciation, capital, building, upkeep) and V more while it does
(energy, cooling); renting on demand costs R while something runs.

- use u at which both are equal: F + u V = u R, so u* = F / (R - V); above it owning is cheaper;
- time t at which what was paid is equal, at a use u: P + (C + u V) t = u R (e^(g t) - 1) / g, where P is the price of
  all that is bought, C what an owner goes on paying (capital, upkeep: no depreciation, which is P), and g the ln of the
  factor by which rents move in a year. Nothing is counted for what is left at t; after the life of the servers they
  are bought again, so that a time beyond it is none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

HOURS_PER_YEAR = 8766.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owning:
    """What a cluster costs that is owned: fixed and variable USD a GPU-hour; price, and USD a year besides it.

    running_usd_per_year: capital and upkeep; energy_usd_per_year: at full use; life_years: of the servers.
    """

    fixed_usd: float
    variable_usd: float
    price_usd: float
    running_usd_per_year: float
    energy_usd_per_year: float
    life_years: float


def break_even_use(owning: Owning, rent_usd: float) -> float | None:
    """Return the use from which owning is cheaper than a rent by the GPU-hour; None where it never is.

    A use above 1 says that owning is dearer even if the cluster never idles.

    >>> cluster = Owning(fixed_usd=1.5, variable_usd=0.1, price_usd=1.0, running_usd_per_year=0.0,
    ...                  energy_usd_per_year=0.0, life_years=5.0)
    >>> round(break_even_use(cluster, 2.6), 9)
    0.6
    """
    return owning.fixed_usd / (rent_usd - owning.variable_usd) if rent_usd > owning.variable_usd else None


def rent_paid_usd(usd_per_year: float, years: float, growth: float) -> float:
    """Return the rent of a time, while rents move by e^growth a year.

    >>> rent_paid_usd(100.0, 2.0, 0.0)
    200.0
    >>> round(rent_paid_usd(100.0, 1.0, math.log(2.0)), 6)
    144.269504
    """
    return usd_per_year * (years if abs(growth) < 1e-9 else math.expm1(growth * years) / growth)


def break_even_years(owning: Owning, rent_usd_per_year: float, use: float, growth: float = 0.0) -> float | None:
    """Return the years after which an owner has paid no more than a tenant; None where servers do not live so long.

    rent_usd_per_year: of the whole cluster at full use, as the time begins. What has been paid for rent, less what an
    owner goes on paying, may rise and fall again (rents that fall below the running cost), so that the first time is
    sought, by bisection between the start and the best.

    >>> cluster = Owning(fixed_usd=1.0, variable_usd=0.0, price_usd=300.0, running_usd_per_year=20.0,
    ...                  energy_usd_per_year=80.0, life_years=5.0)
    >>> round(break_even_years(cluster, 200.0, 1.0), 9)
    3.0
    >>> break_even_years(cluster, 200.0, 0.5) is None
    True
    """
    running = owning.running_usd_per_year + use * owning.energy_usd_per_year
    rent = use * rent_usd_per_year

    def ahead_usd(years: float) -> float:
        return rent_paid_usd(rent, years, growth) - running * years - owning.price_usd

    best = _best_years(rent, running, growth, owning.life_years)
    if ahead_usd(best) < 0:
        return None
    low, high = 0.0, best
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if ahead_usd(middle) < 0 else (low, middle)
    return high


def _best_years(rent: float, running: float, growth: float, life_years: float) -> float:
    """Return when a tenant has paid most more than an owner, within the life of the servers."""
    if growth >= 0 or rent <= running or running <= 0:
        return life_years
    return min(life_years, math.log(running / rent) / growth)


def mean_rent_factor(growth: float, years: float) -> float:
    """Return the mean rent over a time, over that at its start.

    >>> mean_rent_factor(0.0, 5.0)
    1.0
    """
    return rent_paid_usd(1.0, years, growth) / years


def growths(prices: Sequence[tuple[float, float]]) -> tuple[float, float, float] | None:
    """Return the smallest, mean and largest ln of a year's factor between dated prices (year, USD); None for one price.

    The mean is from the first to the last.

    >>> low, mean, high = growths([(2023.0, 4.0), (2024.0, 2.0), (2025.0, 3.0)])
    >>> [round(math.exp(each), 3) for each in (low, mean, high)]
    [0.5, 0.866, 1.5]
    """
    if len(prices) < 2:
        return None
    moves = [math.log(after / before) / (late - early) for (early, before), (late, after) in pairwise(prices)]
    (first, start), (last, end) = prices[0], prices[-1]
    return min(moves), math.log(end / start) / (last - first), max(moves)
