"""What energy costs: metered kilowatt-hours, cooling, peak hours, a demand charge, a colocation by the kilowatt.

Cooling and conversion take (PUE - 1) x IT energy. A colocation is paid by the kilowatt of nameplate, which covers the
facility, its cooling and the energy of both: nothing of these is billed twice; IT energy is metered beside it.
"""

from collections.abc import Iterator
from fractions import Fraction

from sim.catalog.records import PriceBook
from sim.errors import PriceError
from sim.ledger.bill.line import Line
from sim.ledger.bill.prices import exact, price_of, price_or_none
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import US_PER_MONTH, Assets, Usage
from sim.ledger.energy import NJ_PER_KWH

OPTIONAL = ("energy/demand",)
"""Prices that a book may leave out."""


def power_lines(usage: Usage, book: PriceBook, terms: Terms, *, housed: bool = False) -> Iterator[Line]:
    """Yield the lines of energy; housed: in a colocation. Raises PriceError for a PUE below 1."""
    months = Fraction(usage.wall_us, US_PER_MONTH)
    more = Fraction() if housed else pue_of(usage.assets, book) - 1
    for detail, usd, keys in _energy(usage, book, terms):
        yield Line("energy", detail, usd, keys, "energy")
        if not housed:
            own = () if usage.assets.pue else ("energy/pue",)
            yield Line("cooling", detail, more * usd, (*own, *keys), "energy")
    if (each := price_or_none(book, "energy/demand")) is not None:
        kilowatts = exact(usage.energy.peak_it_w) / 1000 * (1 + more)
        yield Line("energy", "demand charge", kilowatts * months * each, ("energy/demand",), "energy")
    if housed:
        kilowatts = exact(usage.assets.nameplate_w) / 1000
        each = price_of(book, "colocation/kw-month")
        yield Line("colocation", "nameplate", kilowatts * months * each, ("colocation/kw-month",))


def pue_of(assets: Assets, book: PriceBook) -> Fraction:
    """Return the facility's energy over that of IT: as it is cooled, or the book's. Raises PriceError below 1."""
    if assets.pue is not None:
        return exact(assets.pue)
    pue = price_of(book, "energy/pue")
    if pue < 1:
        raise PriceError(f"price book '{book.name}': energy/pue: got {float(pue):g}; expected at least 1")
    return pue


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
