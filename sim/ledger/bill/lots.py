"""Nodes that come and go in a run: those that were retired, and those that were ordered and have arrived.

A lot came at one instant and left at one. Ordered nodes are paid for when they arrive, at the price of the book, and
depreciate from then on, over the same life as those of the start. A retired node is worth nothing: what is left of its
price is written off (IAS 16.67, derecognition), on the cause that it was retired for. What is on order when the run
ends is neither held nor billed. Network, storage and facility are those of all places, whoever stands there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby
from operator import itemgetter

from sim.ledger.bill.assets import Asset, AssetCharge, asset_lines, charge
from sim.ledger.bill.line import Line
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import US_PER_YEAR, Lot, Usage
from sim.ledger.time.trace import Event, RunTrace, plain_rows

OF_NODES = ("server", "scale-up")
"""Items that come and go with nodes."""

_TOLD = itemgetter(*map(Event._fields.index, ("time_us", "kind", "cause", "node")))

Told = tuple[int, str, str, int]
"""Of an event: when, its kind, its cause and its node."""


def lots_of(places: int, end_us: int, events: Iterable[Told]) -> tuple[Lot, ...]:
    """Return the lots of a run whose retired nodes are made up for by orders, by when they came and left.

    places: for nodes, all of which are taken at the start; events: those of a run, in the order of time.

    >>> lots = lots_of(3, 90, [(20, "retired", "GPU", 1), (50, "delivered", "GPU", 1)])
    >>> [(lot.nodes, lot.from_us, lot.until_us, lot.retired_for) for lot in lots]
    [(1, 0, 20, 'GPU'), (2, 0, 90, None), (1, 50, 90, None)]
    """
    since = dict.fromkeys(range(places), 0)
    left = Counter[tuple[int, int, str | None]]()
    for time_us, kind, cause, node in events:
        if kind == "retired":
            left[since.pop(node), time_us, cause] += 1
        elif kind == "delivered":
            since[node] = time_us
    left.update((from_us, end_us, None) for from_us in since.values())
    ordered = sorted(left.items(), key=lambda each: (*each[0][:2], each[0][2] is None, each[0][2] or ""))
    return tuple(
        Lot(nodes=nodes, from_us=from_us, until_us=until_us, retired_for=cause)
        for (from_us, until_us, cause), nodes in ordered
    )


def lots_told(trace: RunTrace) -> tuple[Lot, ...]:
    """Return the lots of a run by its trace."""
    return lots_of(trace.nodes + trace.spare_nodes, trace.end_us, map(_TOLD, plain_rows(trace.events)))


def charges_of(asset: Asset, usage: Usage, terms: Terms) -> tuple[AssetCharge, ...]:
    """Return what a run is charged for an asset: for what was there at the start, then for each arrival of nodes."""
    lots = usage.assets.lots
    if asset.item not in OF_NODES or not lots:
        return (charge(asset, Fraction(usage.wall_us, US_PER_YEAR), terms),)
    came = groupby(sorted(lots, key=lambda lot: lot.from_us), lambda lot: lot.from_us)
    return tuple(_together([_charge(asset, lot, usage, terms) for lot in together]) for _, together in came)


def _charge(asset: Asset, lot: Lot, usage: Usage, terms: Terms) -> AssetCharge:
    share = Fraction(lot.nodes, usage.assets.nodes)
    part = replace(asset, price_usd=share * asset.price_usd, residual_usd=share * asset.residual_usd)
    on_arrival = replace(terms, lead_us=0, ramp_us=0) if lot.from_us else terms
    years = Fraction(lot.until_us - lot.from_us, US_PER_YEAR)
    charged = replace(charge(part, years, on_arrival), since_us=lot.from_us)
    if lot.retired_for is None:
        return charged
    return replace(
        charged,
        depreciation_usd=charged.price_usd,
        book_value_usd=Fraction(),
        written_off_usd=charged.book_value_usd,
    )


def _together(charges: Sequence[AssetCharge]) -> AssetCharge:
    """Return the sum of charges for one item."""

    def total(name: str) -> Fraction:
        return sum((getattr(each, name) for each in charges), Fraction())

    return replace(
        charges[0],
        price_usd=total("price_usd"),
        depreciation_usd=total("depreciation_usd"),
        capital_usd=total("capital_usd"),
        book_value_usd=total("book_value_usd"),
        waiting_usd=total("waiting_usd"),
        written_off_usd=total("written_off_usd"),
    )


def lines_of(asset: Asset, charges: Sequence[AssetCharge]) -> Iterator[Line]:
    """Yield the lines of a bill for an asset: of what was there at the start, and of all that was ordered."""
    first, *ordered = charges
    yield from asset_lines(asset, first)
    if ordered:
        for line in asset_lines(asset, _together(ordered)):
            yield line._replace(detail=f"{line.detail}, ordered")


def retired(usage: Usage) -> dict[str, int]:
    """Return how many nodes were retired for good, by cause."""
    counts = Counter[str]()
    for lot in usage.assets.lots:
        if lot.retired_for is not None:
            counts[lot.retired_for] += lot.nodes
    return dict(counts)


def arrived(usage: Usage) -> int:
    """Return how many nodes that were ordered have arrived."""
    return sum(lot.nodes for lot in usage.assets.lots if lot.from_us)
