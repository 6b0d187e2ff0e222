"""Prices of a book as exact fractions, and whether a book fits a run."""

import datetime
import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from sim.catalog.records import PriceBook
from sim.errors import PriceError, unknown_name
from sim.ledger.bill.terms import ACQUISITIONS, RENTS


@lru_cache(maxsize=1024)
def exact(value: float) -> Fraction:
    """Return a number as written: the shortest decimal that reads back as this float.

    >>> exact(0.1)
    Fraction(1, 10)
    """
    return Fraction(Decimal(repr(float(value))))


def price_of(book: PriceBook, key: str) -> Fraction:
    """Return a price of a book; raises PriceError for a missing key, naming the nearest."""
    if key not in book.prices:
        raise PriceError(str(unknown_name("price", key, book.prices, f"price book '{book.name}'")))
    return exact(book.prices[key].value)


def price_or_none(book: PriceBook, key: str) -> Fraction | None:
    """Return a price of a book, or None where the book leaves it out: what it is for is then not on the bill."""
    return exact(book.prices[key].value) if key in book.prices else None


def fraction_of(book: PriceBook, key: str) -> Fraction:
    """Return a price that is a fraction of something; raises PriceError where it is missing or more than 1."""
    fraction = price_of(book, key)
    if fraction > 1:
        raise PriceError(f"price book '{book.name}': {key}: got {float(fraction):g}; expected at most 1")
    return fraction


def missing_keys(book: PriceBook, keys: Sequence[str]) -> tuple[str, ...]:
    """Return which of some keys a book leaves out, in their order."""
    return tuple(key for key in keys if key not in book.prices)


def acquisitions_of(book: PriceBook, node: str, storage: str) -> tuple[str, ...]:
    """Return the acquisitions that a book has prices for, of a node and a store.

    >>> from sim import catalog
    >>> acquisitions_of(catalog.price_book("2026-owned"), "dgx-h100", "nvme-server")
    ('own', 'colocation')
    """
    bought = [f"server/{node}", f"storage/{storage}"]
    needed = {how: [f"{rent}/{node}"] for how, rent in RENTS.items()}
    needed |= {"own": bought, "colocation": [*bought, "colocation/kw-month"]}
    return tuple(how for how in ACQUISITIONS if not missing_keys(book, needed[how]))


def check_book(book: PriceBook, start_date: str | None) -> None:
    """Raise PriceError unless a book is in USD, holds no negative price, and is valid on the day a run starts.

    Prices hold from valid_from (inclusive) to valid_to (exclusive); the day the run starts decides, since
    purchases and contracts are made then. Without a start date the run is taken to start inside the book.
    """
    where = f"price book '{book.name}'"
    if book.currency != "USD":
        raise PriceError(f"{where}: currency: got '{book.currency}'; expected 'USD'")
    for key, price in book.prices.items():
        if not (math.isfinite(price.value) and price.value >= 0):
            raise PriceError(f"{where}: {key}: got {price.value}; expected a finite number >= 0")
    if start_date is None:
        return
    start = date_of(start_date, "run.start")
    if not date_of(book.valid_from, where) <= start < date_of(book.valid_to, where):
        valid = f"{book.valid_from} (inclusive) to {book.valid_to} (exclusive)"
        raise PriceError(f"{where}: run.start: got {start_date}; expected a date from {valid}")


def date_of(text: str, where: str) -> datetime.date:
    """Return an ISO date; raises PriceError for what is none."""
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise PriceError(f"{where}: got '{text}'; expected a date like 2026-01-31") from None
