"""What people, repairs, licences and data cost. Exact fractions of a dollar.

People are paid by calendar time, so that a run that takes longer pays them longer; hours of debugging by incident.
"""

from collections.abc import Iterator
from fractions import Fraction

from sim.catalog.records import PriceBook
from sim.ledger.bill.line import Line
from sim.ledger.bill.prices import exact, fraction_of, price_of, price_or_none
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import US_PER_YEAR, Usage

OPTIONAL = ("staff/hours-per-incident", "licence/gpu-year")
"""Prices that any book may leave out."""

OPTIONAL_OWNED = ("maintenance/server", "maintenance/event", "rma/credit")
"""Prices that a book of what is owned may leave out."""

DATA = ("data/licences", "data/processing", "data/annotation")
"""What data costs in parts, where a book has no data/run for all of it."""


def staff_lines(usage: Usage, book: PriceBook, terms: Terms) -> Iterator[Line]:
    """Yield operations (per 1000 GPUs held) and research, or the teams that the terms name, and debugging."""
    years, fte_usd = Fraction(usage.wall_us, US_PER_YEAR), price_of(book, "staff/fte")
    operations = price_of(book, "staff/operations") * usage.gpus / 1000
    yield Line("staff", "operations", operations * fte_usd * years, ("staff/operations", "staff/fte"))
    if not terms.teams:
        research = price_of(book, "staff/research")
        yield Line("staff", "research", research * fte_usd * years, ("staff/research", "staff/fte"))
    for team in terms.teams:
        paid = years + Fraction(team.before_us + team.after_us, US_PER_YEAR)
        fte = exact(team.fte) * exact(team.share)
        yield Line("staff", team.name, fte * paid * fte_usd, ("staff/fte",))
    if (hours := price_or_none(book, "staff/hours-per-incident")) is not None:
        incidents = sum(usage.interruptions.values())
        usd = incidents * hours * price_of(book, "staff/hour")
        yield Line("debugging", "incidents", usd, ("staff/hours-per-incident", "staff/hour"), "incidents")


def upkeep_lines(usage: Usage, book: PriceBook) -> Iterator[Line]:
    """Yield the maintenance of owned servers: by the year, and by visit to the repair shop, less warranty credits."""
    node_years = Fraction(usage.held_gpu_us, usage.assets.gpus_per_node * US_PER_YEAR)
    server = f"server/{usage.assets.node}"
    if (rate := price_or_none(book, "maintenance/server")) is not None:
        usd = rate * price_of(book, server) * node_years
        yield Line("maintenance", "contract", usd, ("maintenance/server", server))
    if (each := price_or_none(book, "maintenance/event")) is not None:
        usd = sum(usage.visits.values()) * each
        yield Line("maintenance", "visits", usd, ("maintenance/event",), "visits")
        if "rma/credit" in book.prices:
            credit = fraction_of(book, "rma/credit")
            yield Line("maintenance", "warranty", -credit * usd, ("rma/credit", "maintenance/event"), "visits")


def licence_lines(usage: Usage, book: PriceBook) -> Iterator[Line]:
    """Yield software licences by the GPU held."""
    if (each := price_or_none(book, "licence/gpu-year")) is not None:
        gpu_years = Fraction(usage.held_gpu_us, US_PER_YEAR)
        yield Line("licence", "software", gpu_years * each, ("licence/gpu-year",))


def data_lines(usage: Usage, book: PriceBook) -> Iterator[Line]:
    """Yield data as a lump, or its licences, processing (by retained tokens) and annotation where a book has those."""
    if not any(key in book.prices for key in DATA):
        yield Line("data", "run", price_of(book, "data/run"), ("data/run",))
        return
    for key in DATA:
        if (each := price_or_none(book, key)) is not None:
            amount = Fraction(usage.tokens or 0, 10**12) if key == "data/processing" else 1
            yield Line("data", key.partition("/")[2], amount * each, (key,))
