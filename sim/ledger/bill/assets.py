"""What is owned, what it cost, and how its price turns into the cost of a run. Exact fractions of a dollar.

A price P, depreciated over L years to a residual value R = r P:

- straight line, over a time t: (P - R) t / L;
- declining balance: the book value falls at twice that rate, P (1 - 2/L)^t, never below R;
- cost of capital over t: i (P + R) / 2 t, the rate on the average book value over the life (declining balance: on the
  mean of the book value before and after);
- cost of capital before use: i (d P (lead + ramp/2) + (1 - d) P ramp/2), for a deposit d at the order, and the rest on
  delivery, spread evenly over the ramp that ends when the run starts;
- book value at age t: P - depreciation, so that depreciation to t + book value = P.

Only the run's own duration is depreciated. Assumption: equipment is new and put into service when the run starts; of
nodes that come and go meanwhile see `lots`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from sim.catalog.records import PriceBook
from sim.cluster.records import BomLine
from sim.errors import PriceError, unknown_name
from sim.ledger.bill.line import Line
from sim.ledger.bill.prices import exact, fraction_of, price_of, price_or_none
from sim.ledger.bill.terms import DEPRECIATIONS, STANDARD, Terms
from sim.ledger.bill.usage import US_PER_YEAR, Assets

ASSET_ITEMS = ("server", "scale-up", "network", "storage", "head-node", "cdu", "facility")
"""Items that are depreciated when the cluster is owned."""

LIVES = {"scale-up": "life/server", "head-node": "life/server", "cdu": "life/cooling"}
"""Price key of an item's life, where it is not life/<item>."""

HOUSING = ("cdu", "facility")
"""Items that a colocation brings along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One depreciated item: price and residual value in USD, life in years, capital rate per year.

    parts: what it is made of, with the price of each by price key. method: one of DEPRECIATIONS.
    """

    item: str
    price_usd: Fraction
    residual_usd: Fraction
    life_years: Fraction
    capital_rate: Fraction
    parts: Mapping[str, Fraction] = field(default_factory=dict)
    method: str = DEPRECIATIONS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetCharge:
    """What a run is charged for an asset, and what the asset is worth after it, in USD.

    waiting_usd: the cost of capital before use, which is part of capital_usd. since_us: when it came, in the run.
    written_off_usd: of depreciation_usd, what was left of it when it was retired.
    """

    item: str
    price_usd: Fraction
    depreciation_usd: Fraction
    capital_usd: Fraction
    book_value_usd: Fraction
    waiting_usd: Fraction = Fraction()
    since_us: int = 0
    written_off_usd: Fraction = Fraction()


def owned(assets: Assets, book: PriceBook, terms: Terms = STANDARD, *, housed: bool = False) -> tuple[Asset, ...]:
    """Return what is owned, at the book's prices; housed: in a colocation, which has the facility and its cooling.

    Servers, network, storage and the facility (USD per watt of IT nameplate) must have a price; switches of the
    scale-up domain, head nodes and CDUs count where the book has theirs. Only servers have a residual value. Raises
    PriceError for a price that is missing, and a depreciation longer than the life of an asset.
    """
    if terms.depreciation not in DEPRECIATIONS:
        raise unknown_name("depreciation", terms.depreciation, DEPRECIATIONS, "cost.depreciation")
    return tuple(
        Asset(
            item=item,
            price_usd=price_usd,
            residual_usd=price_usd * fraction_of(book, "residual/server") if item == "server" else Fraction(),
            life_years=_life_years(item, book, terms),
            capital_rate=price_of(book, "capital/rate"),
            parts=parts,
            method=terms.depreciation,
        )
        for item, parts in _parts(assets, book)
        if not (housed and item in HOUSING)
        for price_usd in [sum(parts.values(), Fraction())]
    )


def _parts(assets: Assets, book: PriceBook) -> Iterator[tuple[str, dict[str, Fraction]]]:
    """Yield everything that can be owned and has a price: the item, and what its parts cost by price key."""
    server, store, scale_up = f"server/{assets.node}", f"storage/{assets.storage}", f"scale-up/{assets.node}"
    yield "server", {server: assets.nodes * price_of(book, server)}
    if (each := price_or_none(book, scale_up)) is not None:
        yield "scale-up", {scale_up: assets.nodes * each}
    network: dict[str, Fraction] = {}
    for line in assets.bill:
        if line.item != "server":
            key = _line_key(line)
            network[key] = network.get(key, Fraction()) + line.count * price_of(book, key)
    yield "network", network
    yield "storage", {store: price_of(book, store)}
    unit, per_1000 = price_or_none(book, "head-node/unit"), price_or_none(book, "head-node/per-1000-gpu")
    if unit is not None and per_1000 is not None:
        count = math.ceil(per_1000 * assets.nodes * assets.gpus_per_node / 1000)
        yield "head-node", {"head-node/unit": count * unit}
    if assets.liquid and (watt := price_or_none(book, "cdu/watt")) is not None:
        yield "cdu", {"cdu/watt": exact(assets.nameplate_w) * watt}
    yield "facility", {"facility/watt": exact(assets.nameplate_w) * price_of(book, "facility/watt")}


def _life_years(item: str, book: PriceBook, terms: Terms) -> Fraction:
    key = LIVES.get(item, f"life/{item}")
    life_years = price_of(book, key)
    if terms.depreciation_years is None or item in HOUSING:
        return life_years
    if exact(terms.depreciation_years) > life_years:
        raise PriceError(
            f"cost.depreciation_life: got {terms.depreciation_years:g} years; expected at most the "
            f"{float(life_years):g} years of {key} in price book '{book.name}'"
        )
    return exact(terms.depreciation_years)


def _line_key(line: BomLine) -> str:
    if line.item not in ("switch", "cable"):
        raise PriceError(str(unknown_name("item of a bill of materials", line.item, ("switch", "cable", "server"))))
    return f"{line.item}/{line.name}"


def depreciation_usd(asset: Asset, years: Fraction) -> Fraction:
    """Return the depreciation up to an age; nothing beyond the life.

    >>> asset = Asset(
    ...     item="server", price_usd=Fraction(400_000), residual_usd=Fraction(40_000), life_years=Fraction(4),
    ...     capital_rate=Fraction(8, 100),
    ... )
    >>> print(depreciation_usd(asset, Fraction(1)), book_value_usd(asset, Fraction(1)), capital_usd(asset, Fraction(1)))
    90000 310000 17600
    """
    if asset.method == "declining-balance":
        return asset.price_usd - _declined_usd(asset, min(years, asset.life_years))
    return (asset.price_usd - asset.residual_usd) * min(years / asset.life_years, Fraction(1))


def _declined_usd(asset: Asset, years: Fraction) -> Fraction:
    """Return a declining book value, to the micro-dollar: a power of a fraction is none."""
    kept = max(1 - 2 / float(asset.life_years), 0.0) ** float(years)
    return max(Fraction(round(asset.price_usd * exact(kept) * 10**6), 10**6), asset.residual_usd)


def capital_usd(asset: Asset, years: Fraction) -> Fraction:
    """Return the cost of capital over a time: rate x average book value x years."""
    after = asset.residual_usd if asset.method == "straight-line" else book_value_usd(asset, years)
    return asset.capital_rate * (asset.price_usd + after) / 2 * years


def waiting_usd(asset: Asset, terms: Terms) -> Fraction:
    """Return the cost of capital from the order to the start of the run."""
    ramp_years, lead_years = (Fraction(span, US_PER_YEAR) for span in (terms.ramp_us, terms.lead_us))
    deposit_usd = exact(terms.deposit) * asset.price_usd
    return asset.capital_rate * (deposit_usd * lead_years + asset.price_usd * ramp_years / 2)


def book_value_usd(asset: Asset, years: Fraction) -> Fraction:
    """Return what an asset is worth in the books at an age: price less depreciation."""
    return asset.price_usd - depreciation_usd(asset, years)


def charge(asset: Asset, years: Fraction, terms: Terms = STANDARD) -> AssetCharge:
    """Return what a run of `years` is charged; raises PriceError where the life is shorter than the run."""
    if asset.life_years < years:
        life, run = f"{float(asset.life_years):g}", f"{float(years):.4g}"
        key = LIVES.get(asset.item, f"life/{asset.item}")
        raise PriceError(f"{key}: got {life} years; expected at least the run's {run} years")
    before_usd = Fraction() if asset.item in HOUSING else waiting_usd(asset, terms)
    return AssetCharge(
        item=asset.item,
        price_usd=asset.price_usd,
        depreciation_usd=depreciation_usd(asset, years),
        capital_usd=capital_usd(asset, years) + before_usd,
        book_value_usd=book_value_usd(asset, years),
        waiting_usd=before_usd,
    )


def asset_lines(asset: Asset, charged: AssetCharge) -> Iterator[Line]:
    """Yield the lines of a bill for an asset: depreciation, capital and what is written off, of each of its parts."""
    life = LIVES.get(asset.item, f"life/{asset.item}")
    for key, part_usd in asset.parts.items():
        share = part_usd / asset.price_usd if asset.price_usd else Fraction()
        worn_usd = charged.depreciation_usd - charged.written_off_usd
        yield Line(asset.item, f"depreciation of {key}", share * worn_usd, (key, life))
        yield Line(asset.item, f"capital of {key}", share * charged.capital_usd, (key, "capital/rate"))
        if charged.written_off_usd:
            yield Line("write-off", key, share * charged.written_off_usd, (key, life), "retired")
