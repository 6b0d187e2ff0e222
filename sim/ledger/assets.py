"""What is owned, what it cost, and how its price turns into the cost of a run. Exact fractions of a dollar.

Straight-line depreciation over the life L to a residual value R = r P:

- depreciation over a time t: (P - R) t / L;
- cost of capital over t: i (P + R) / 2 t, the rate on the average book value over the life;
- book value at age t: P - (P - R) min(t, L) / L, so that depreciation to t + book value = P.

Only the run's own duration is charged. Assumption: equipment is new when the run starts.
"""

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from sim.catalog.records import PriceBook
from sim.cluster.records import BomLine
from sim.errors import PriceError, unknown_name

US_PER_YEAR = 8766 * 3_600_000_000
"""Microseconds of a year of 365.25 days."""

ASSET_ITEMS = ("server", "network", "storage", "facility")
"""Items that are depreciated when the cluster is owned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """What a run holds: `nodes` servers (job and spare) of a catalog name, the bill of its network, one store.

    bill: lines "switch" and "cable" are priced; "server" lines repeat the nodes and are not. nameplate_w: IT
    watts that the facility is sized for.
    """

    node: str
    nodes: int
    gpus_per_node: int
    bill: Sequence[BomLine]
    storage: str
    nameplate_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One depreciated item: price and residual value in USD, life in years, capital rate per year."""

    item: str
    price_usd: Fraction
    residual_usd: Fraction
    life_years: Fraction
    capital_rate: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetCharge:
    """What a run is charged for an asset, and what the asset is worth after it, in USD."""

    item: str
    price_usd: Fraction
    depreciation_usd: Fraction
    capital_usd: Fraction
    book_value_usd: Fraction


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
    start = _date(start_date, "run.start")
    if not _date(book.valid_from, where) <= start < _date(book.valid_to, where):
        valid = f"{book.valid_from} (inclusive) to {book.valid_to} (exclusive)"
        raise PriceError(f"{where}: run.start: got {start_date}; expected a date from {valid}")


def _date(text: str, where: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise PriceError(f"{where}: got '{text}'; expected a date like 2026-01-31") from None


def owned(assets: Assets, book: PriceBook) -> tuple[Asset, ...]:
    """Return what is owned, at the book's prices: servers, network, storage, facility (USD per watt of IT nameplate).

    Only servers have a residual value.
    """
    prices = {
        "server": assets.nodes * price_of(book, f"server/{assets.node}"),
        "network": sum((_line_usd(line, book) for line in assets.bill), Fraction()),
        "storage": price_of(book, f"storage/{assets.storage}"),
        "facility": exact(assets.nameplate_w) * price_of(book, "facility/watt"),
    }
    residual = {"server": prices["server"] * _residual(book, "residual/server")}
    return tuple(
        Asset(
            item=item,
            price_usd=prices[item],
            residual_usd=residual.get(item, Fraction()),
            life_years=price_of(book, f"life/{item}"),
            capital_rate=price_of(book, "capital/rate"),
        )
        for item in ASSET_ITEMS
    )


def _residual(book: PriceBook, key: str) -> Fraction:
    fraction = price_of(book, key)
    if fraction > 1:
        raise PriceError(f"price book '{book.name}': {key}: got {float(fraction):g}; expected at most 1")
    return fraction


def _line_usd(line: BomLine, book: PriceBook) -> Fraction:
    if line.item == "server":
        return Fraction()
    if line.item not in ("switch", "cable"):
        raise PriceError(str(unknown_name("item of a bill of materials", line.item, ("switch", "cable", "server"))))
    return line.count * price_of(book, f"{line.item}/{line.name}")


def depreciation_usd(asset: Asset, years: Fraction) -> Fraction:
    """Return the straight-line depreciation up to an age; nothing beyond the life.

    >>> asset = Asset(
    ...     item="server", price_usd=Fraction(400_000), residual_usd=Fraction(40_000), life_years=Fraction(4),
    ...     capital_rate=Fraction(8, 100),
    ... )
    >>> print(depreciation_usd(asset, Fraction(1)), book_value_usd(asset, Fraction(1)), capital_usd(asset, Fraction(1)))
    90000 310000 17600
    """
    return (asset.price_usd - asset.residual_usd) * min(years / asset.life_years, Fraction(1))


def capital_usd(asset: Asset, years: Fraction) -> Fraction:
    """Return the cost of capital over a time: rate x average of price and residual value x years."""
    return asset.capital_rate * (asset.price_usd + asset.residual_usd) / 2 * years


def book_value_usd(asset: Asset, years: Fraction) -> Fraction:
    """Return what an asset is worth in the books at an age: price less depreciation."""
    return asset.price_usd - depreciation_usd(asset, years)


def charge(asset: Asset, years: Fraction) -> AssetCharge:
    """Return what a run of `years` is charged; raises PriceError where the life is shorter than the run."""
    if asset.life_years < years:
        life, run = f"{float(asset.life_years):g}", f"{float(years):.4g}"
        raise PriceError(f"life/{asset.item}: got {life} years; expected at least the run's {run} years")
    return AssetCharge(
        item=asset.item,
        price_usd=asset.price_usd,
        depreciation_usd=depreciation_usd(asset, years),
        capital_usd=capital_usd(asset, years),
        book_value_usd=book_value_usd(asset, years),
    )
