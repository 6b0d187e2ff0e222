"""What energy costs: metered kilowatt-hours, cooling, peak hours, a demand charge, a colocation by the kilowatt.

Cooling and conversion take (PUE - 1) x IT energy. A colocation is paid by the kilowatt of nameplate, which covers the
facility, its cooling and the energy of both: nothing of these is billed twice; IT energy is metered beside it.
"""

import math
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction

from sim.catalog.records import PriceBook
from sim.errors import PriceError
from sim.ledger.bill.line import Line
from sim.ledger.bill.prices import exact, price_of, price_or_none
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import US_PER_DAY, US_PER_MONTH, Usage
from sim.ledger.power.energy import NJ_PER_KWH

OPTIONAL = ("energy/demand",)
"""Prices that a book may leave out."""


def power_lines(usage: Usage, book: PriceBook, terms: Terms, *, housed: bool = False) -> Iterator[Line]:
    """Yield the lines of energy; housed: in a colocation. Raises PriceError for a PUE below 1."""
    months = Fraction(usage.wall_us, US_PER_MONTH)
    more = Fraction() if housed else pue_of(usage, book, terms) - 1
    for detail, usd, keys in _energy(usage, book, terms):
        yield Line("energy", detail, usd, keys, "energy")
        if not housed:
            own = () if usage.assets.pue or terms.pue_by_month else ("energy/pue",)
            yield Line("cooling", detail, more * usd, (*own, *keys), "energy")
    if (each := price_or_none(book, "energy/demand")) is not None:
        kilowatts = exact(usage.energy.peak_it_w) / 1000 * (1 + more)
        yield Line("energy", "demand charge", kilowatts * months * each, ("energy/demand",), "energy")
    if housed:
        kilowatts = exact(usage.assets.nameplate_w) / 1000
        each = price_of(book, "colocation/kw-month")
        yield Line("colocation", "nameplate", kilowatts * months * each, ("colocation/kw-month",))


def pue_of(usage: Usage, book: PriceBook, terms: Terms) -> Fraction:
    """Return the facility's energy over that of IT: by month, as it is cooled, or the book's.

    Of months the mean, by how much of the run lies in each: IT energy is taken as even over the run. Raises PriceError
    for one below 1.
    """
    if terms.pue_by_month:
        assert terms.first_day is not None, "months are those of a run that has a first day"
        held = _months(terms.first_day, usage.wall_us)
        return sum((exact(terms.pue_by_month[month - 1]) * us for month, us in held), Fraction()) / usage.wall_us
    if usage.assets.pue is not None:
        return exact(usage.assets.pue)
    pue = price_of(book, "energy/pue")
    if pue < 1:
        raise PriceError(f"price book '{book.name}': energy/pue: got {float(pue):g}; expected at least 1")
    return pue


def _months(first: date, wall_us: int) -> Iterator[tuple[int, int]]:
    """Yield the months that a run lies in, and how long it does."""
    day, left_us = first, wall_us
    while left_us > 0:
        following = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
        held_us = min(left_us, (following - day).days * US_PER_DAY)
        yield day.month, held_us
        day, left_us = following, left_us - held_us


def check_cap(peak_it_w: float, nodes: int, assets_pue: float | None, book: PriceBook, terms: Terms) -> None:
    """Raise PriceError for a cluster of `nodes` nodes that may draw more at the meter than its site may.

    assets_pue: of a facility cooled as its nodes are, None where the book's holds. A site with a PUE of each month has
    to bear the worst of them.
    """
    if terms.power_cap_w is None:
        return
    pue = max(terms.pue_by_month, default=assets_pue or float(price_of(book, "energy/pue")))
    if peak_it_w * pue > terms.power_cap_w:
        fitting = math.floor(nodes * terms.power_cap_w / (peak_it_w * pue))
        raise PriceError(
            f"cost.power_cap: got {terms.power_cap_w / 1e6:g} MW for nodes that draw {peak_it_w * pue / 1e6:.4g} MW "
            f"at their peak; expected that much, or about {fitting:,} nodes instead of {nodes:,}"
        )


def _energy(usage: Usage, book: PriceBook, terms: Terms) -> Iterator[tuple[str, Fraction, tuple[str, ...]]]:
    """Yield the price of IT energy: all alike, or in peak hours and outside them."""
    whole = Fraction(sum(usage.energy.it_nj.values()), NJ_PER_KWH)
    if terms.peak_hours is None:
        yield "metered", whole * price_of(book, "energy/kwh"), ("energy/kwh",)
        return
    peak = whole * peak_share(usage.by_hour_nj, terms.peak_hours)
    yield "peak hours", peak * price_of(book, "energy/kwh-peak"), ("energy/kwh-peak",)
    yield "other hours", (whole - peak) * price_of(book, "energy/kwh"), ("energy/kwh",)


def peak_share(by_hour_nj: tuple[int, ...], hours: tuple[float, float]) -> Fraction:
    """Return the share of energy in hours of the day [from, to), over midnight where to < from.

    Within an hour of the day energy is taken as even.

    >>> peak_share((1,) * 24, (22.5, 4.0))
    Fraction(11, 48)
    """
    if len(by_hour_nj) != 24:
        raise PriceError("cost.peak: the energy of the run is not known by hour of the day")
    start, end = map(exact, hours)
    spans = [(start, end)] if start < end else [(start, Fraction(24)), (Fraction(0), end)]
    inside = sum(
        max(min(end, Fraction(hour + 1)) - max(start, Fraction(hour)), Fraction()) * amount
        for start, end in spans
        for hour, amount in enumerate(by_hour_nj)
    )
    return Fraction(inside) / sum(by_hour_nj)
