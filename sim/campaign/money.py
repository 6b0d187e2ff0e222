"""The bill of a campaign: postings of run x item x state x cause x phase, to the micro-dollar.

A shared asset is priced once, as a whole, over the time that it is held, and its postings come apart by run: what idles
is a line of its own. An asset that is paid for by use (on demand, spot) is priced run by run, and its idle nodes cost
nothing. People are paid by the calendar, data by the lump: neither is split over runs.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from typing import NamedTuple

from sim.campaign.forms.entries import WITHOUT
from sim.campaign.records import OTHERS, Campaign, team_years
from sim.campaign.usage import IDLE, Held, joint_usage, own_usage, untagged
from sim.catalog.records import Price, PriceBook, Provenance
from sim.ledger.bill.assets import AssetCharge
from sim.ledger.bill.cost import CostLedger, Posting, price
from sim.ledger.bill.prices import exact, price_of
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import Usage
from sim.ledger.explain.cash import cash_view
from sim.ledger.time.apportion import split
from sim.ledger.time.states import OUTSIDE_PHASE

PEOPLE, DATA, IDLE_LABEL, TERMS = "people", "data", "idle", "terms"
"""Labels of what no run pays: teams, lumps of data, the time that nobody uses, and terms of what is paid by use."""


class Charge(NamedTuple):
    """One amount in micro-dollars: whose it is (a run, or who pays what no run does), and of which asset."""

    run: str
    kind: str
    label: str
    asset: str
    item: str
    state: str
    cause: str
    phase: int
    micro_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetBill:
    """What an asset cost: charges, those that a pool pays apart; owned: what it was bought for, and is worth after it.

    usages: what was priced, one of the whole asset or one a run; cash: micro-dollars paid, book_value: of what is left.
    """

    name: str
    charges: tuple[Charge, ...]
    pool: tuple[Charge, ...]
    owned: tuple[AssetCharge, ...]
    usages: tuple[Usage, ...]
    cash: int
    book_value: int
    unpriced: tuple[str, ...]


def without_people(book: PriceBook) -> PriceBook:
    """Return a book in which research staff and data cost nothing: a campaign pays them as a whole."""
    here = Provenance(source="paid by the campaign", date="", kind="assumed")
    zeros = {
        key: Price(value=0.0, unit=book.prices[key].unit, provenance=here) for key in WITHOUT if key in book.prices
    }
    return PriceBook(
        name=book.name,
        currency=book.currency,
        valid_from=book.valid_from,
        valid_to=book.valid_to,
        prices={**book.prices, **zeros},
    )


def asset_bill(held: Held, campaign: Campaign) -> AssetBill:
    """Return the bill of an asset. Raises PriceError as `price` does."""
    parts = [*_priced(held, campaign)]
    ledgers = [costs for _, _, costs in parts]
    views = [cash_view(usage, costs, _terms(held)) for _, usage, costs in parts]
    charges = tuple(_charges(held, ((number, costs.postings) for number, _, costs in parts)))
    once, unspent = ([], []) if held.asset.shared else _once(held, sum(charge.micro_usd for charge in charges))
    return AssetBill(
        name=held.asset.name,
        charges=(*charges, *once),
        pool=(*_charges(held, ((number, costs.pool) for number, _, costs in parts)), *unspent),
        owned=tuple(charge for costs in ledgers for charge in costs.charges),
        usages=tuple(usage for _, usage, _ in parts),
        cash=sum(view.cash for view in views) + sum(charge.micro_usd for charge in (*once, *unspent)),
        book_value=sum(view.book_value for view in views),
        unpriced=tuple(dict.fromkeys(key for costs in ledgers for key in costs.unpriced)),
    )


def _priced(held: Held, campaign: Campaign) -> Iterator[tuple[int | None, Usage, CostLedger]]:
    """Yield what is priced at once: the number of a run, or None for all, what was used, and its ledger."""
    billing = held.asset.billing
    book, how, terms = without_people(billing.prices), billing.acquisition, _terms(held)
    if held.asset.shared:
        if held.wall_us:
            usage = joint_usage(held)
            day = campaign.start + timedelta(microseconds=held.from_us)
            yield None, usage, price(usage, book, how, terms, day.isoformat())
        return
    for number, slot in enumerate(held.slots):
        usage = own_usage(held, number)
        day = campaign.start + timedelta(microseconds=slot.start_us)
        yield number, usage, price(usage, book, how, terms, day.isoformat())


def _terms(held: Held) -> Terms:
    """Return the terms of what is priced at once: a run that pays by use has nothing that holds for all runs."""
    terms = held.asset.billing.terms
    return terms if held.asset.shared else replace(terms, commitment_usd=0.0, credit_usd=0.0, egress_bytes=0.0)


def _once(held: Held, spent: int) -> tuple[list[Charge], list[Charge]]:
    """Return what an asset that is paid for by use costs once, whatever runs: egress, a credit, and, for the pool, what
    was promised to be spent and is not; spent: micro-dollars of its runs."""
    billing = held.asset.billing
    terms, charges = billing.terms, list[Charge]()

    def add(item: str, usd: Fraction) -> Charge:
        return _shared(held.asset.name, TERMS, item, usd)._replace(asset=held.asset.name)

    if terms.egress_bytes:
        charges.append(add("egress", exact(terms.egress_bytes) / 10**12 * price_of(billing.prices, "egress/tb")))
    whole = Fraction(spent + sum(charge.micro_usd for charge in charges), 10**6)
    if terms.credit_usd:
        charges.append(add("credit", -min(exact(terms.credit_usd), whole)))
    missing = exact(terms.commitment_usd) - whole
    return charges, [add("commitment", missing)] if missing > 0 else []


def _charges(held: Held, ledgers: Iterable[tuple[int | None, Sequence[Posting]]]) -> Iterator[Charge]:
    for number, postings in ledgers:
        for item, state, cause, phase, micro_usd in postings:
            run, own = untagged(cause) if number is None else (number, cause)
            name, kind, label = _whose(held, run)
            yield Charge(name, kind, label, held.asset.name, item, state, own, phase, micro_usd)


def _whose(held: Held, number: int) -> tuple[str, str, str]:
    if number == IDLE:
        return IDLE_LABEL, IDLE_LABEL, IDLE_LABEL
    outcome = held.outcomes[number]
    return outcome.name, outcome.kind, outcome.label


def shared_charges(campaign: Campaign) -> Iterator[Charge]:
    """Yield what teams and data cost: fte x years of the calendar x staff/fte of the first asset's book; lumps as they
    are, each rounded once to a micro-dollar."""
    book = campaign.assets[0].billing.prices
    for team in campaign.teams:
        usd = exact(team.fte) * team_years(team) * price_of(book, "staff/fte")
        yield _shared(team.name, PEOPLE, "staff", usd)
    for lump in campaign.data:
        yield _shared(lump.name, DATA, "data", exact(lump.usd))


def _shared(name: str, label: str, item: str, usd: Fraction) -> Charge:
    return Charge(name, label, label, "", item, "idle", "", OUTSIDE_PHASE, round(usd * 10**6))


def depreciation_by_use(owned: AssetCharge, held: Held) -> dict[str, int]:
    """Return where the price of an owned asset goes, in micro-dollars: to runs, to others, to idle, and what is left.

    Depreciation over the time held is split by GPU-time, by largest remainder; "book value" is the rest, so that all
    parts together are the price, exactly.
    """
    weights = {outcome.name: outcome.held_us for outcome in held.outcomes if outcome.kind != OTHERS}
    weights[OTHERS] = sum(outcome.held_us for outcome in held.outcomes if outcome.kind == OTHERS)
    weights[IDLE_LABEL] = held.idle_us
    whole, used = round(owned.price_usd * 10**6), round(owned.depreciation_usd * 10**6)
    parts = split(used, list(weights.values()))
    return {**dict(zip(weights, parts, strict=True)), "book value": whole - used}
