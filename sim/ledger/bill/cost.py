"""The cost ledger: what was bought (item) x what the GPUs did (state) x why (cause) x phase, to the micro-dollar.

Money is a pure function of what a run used, a price book and terms. The lines of an item are summed exactly, rounded
once to a micro-dollar, and split by largest remainder: over the GPU-time of a state, the energy drawn in it, or the
causes of repairs, retirements and interruptions. What the run does not pay for is posted apart, to the pool: time
outside the job where the terms say so, and the rest of what was committed; charging it or not leaves the grand total
unchanged.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import chain, repeat
from typing import NamedTuple

from sim.catalog.records import PriceBook
from sim.errors import PriceError, unknown_name
from sim.ledger.bill import power, rent, work
from sim.ledger.bill.assets import AssetCharge, owned
from sim.ledger.bill.line import Line
from sim.ledger.bill.lots import charges_of, lines_of, retired
from sim.ledger.bill.prices import check_book, exact, missing_keys
from sim.ledger.bill.terms import ACQUISITIONS, OWNING, STANDARD, Terms
from sim.ledger.bill.usage import Usage
from sim.ledger.time.apportion import split
from sim.ledger.time.states import OUTSIDE_PHASE
from sim.ledger.time.time_ledger import Key
from sim.ledger.time.trace import OUTSIDE_STATES

ITEMS = (
    *("server", "scale-up", "network", "storage", "head-node", "cdu", "facility", "colocation", "rent", "support"),
    *("egress", "maintenance", "licence", "energy", "cooling", "staff", "debugging", "write-off", "data", "commitment"),
    "credit",
)
"""Every item of a bill, in order. Rent includes hardware, facility, energy and cooling; a credit is negative."""

AXES = ("item", "state", "cause", "phase")


class Posting(NamedTuple):
    """One amount in micro-dollars."""

    item: str
    state: str
    cause: str
    phase: int
    micro_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLedger:
    """All postings of a run.

    pool: postings that no run pays for. lines: of what the amounts are made. charges: what owned assets cost, and what
    they are worth after the run. unpriced: prices that the book leaves out, so that what they are for is not billed.
    """

    acquisition: str
    book: str
    postings: tuple[Posting, ...]
    pool: tuple[Posting, ...] = ()
    lines: tuple[Line, ...] = ()
    charges: tuple[AssetCharge, ...] = ()
    unpriced: tuple[str, ...] = ()


def price(
    usage: Usage, book: PriceBook, acquisition: str, terms: Terms = STANDARD, start_date: str | None = None
) -> CostLedger:
    """Return the cost ledger of what a run used, at a book's prices; acquisition: one of ACQUISITIONS.

    Raises PriceError for a price that is missing or negative, a book in another currency or not valid on the start
    date (ISO, None: inside the book), a life shorter than the run, and contracts that overlap; UnknownNameError for
    another acquisition.
    """
    if acquisition not in ACQUISITIONS:
        raise unknown_name("acquisition", acquisition, ACQUISITIONS, "cost.acquisition")
    check_book(book, start_date)
    held = usage.assets.nodes * usage.assets.gpus_per_node
    if held != usage.gpus:
        raise PriceError(f"assets hold {held} GPUs; expected the {usage.gpus} of the time ledger")
    if usage.assets.lots and usage.held_gpu_us != sum(usage.time.values()):
        raise PriceError(f"lots hold {usage.held_gpu_us} GPU-us; expected the {sum(usage.time.values())} of the ledger")
    charges: tuple[AssetCharge, ...] = ()
    if acquisition in OWNING:
        charges, lines = _owned(usage, book, terms, housed=acquisition == "colocation")
    else:
        lines = [*rent.rent_lines(usage, book, acquisition, terms, start_date)]
    lines += chain(work.licence_lines(usage, book), work.staff_lines(usage, book, terms), work.data_lines(usage, book))
    lines += _promised(lines, terms)
    postings, pool = _postings(lines, usage, terms)
    return CostLedger(
        acquisition=acquisition,
        book=book.name,
        postings=postings,
        pool=pool,
        lines=tuple(line for line in lines if line.usd),
        charges=charges,
        unpriced=missing_keys(book, _optional(usage, acquisition)),
    )


def _owned(usage: Usage, book: PriceBook, terms: Terms, *, housed: bool) -> tuple[tuple[AssetCharge, ...], list[Line]]:
    assets = owned(usage.assets, book, terms, housed=housed)
    charges = [charges_of(asset, usage, terms) for asset in assets]
    lines = [line for asset, charged in zip(assets, charges, strict=True) for line in lines_of(asset, charged)]
    lines += chain(work.upkeep_lines(usage, book), power.power_lines(usage, book, terms, housed=housed))
    return tuple(chain.from_iterable(charges)), lines


def _promised(lines: list[Line], terms: Terms) -> Iterator[Line]:
    """Yield what was promised to be spent and is not, which the pool pays, and credits."""
    spent_usd = sum((line.usd for line in lines if not line.pool), Fraction())
    if exact(terms.commitment_usd) > spent_usd:
        yield Line("commitment", "not spent", exact(terms.commitment_usd) - spent_usd, (), pool=True)
    if terms.credit_usd:
        yield Line("credit", "credit", -min(exact(terms.credit_usd), spent_usd), ())


def _optional(usage: Usage, acquisition: str) -> tuple[str, ...]:
    """Return the prices of a bill that a book may leave out."""
    if acquisition not in OWNING:
        return (*rent.OPTIONAL, *work.OPTIONAL)
    return (f"scale-up/{usage.assets.node}", "head-node/unit", *power.OPTIONAL, *work.OPTIONAL_OWNED, *work.OPTIONAL)


Weights = Mapping[Key, int]


def _weights(by: str, usage: Usage, terms: Terms) -> Weights:
    """Return by what a line is shared out: one of BY."""
    if by == "energy":
        return usage.energy.it_nj
    if by == "repair":
        return {key: amount for key, amount in usage.time.items() if key.state == "repair"}
    if by == "present":
        return {key: amount for key, amount in usage.time.items() if key[:2] != ("repair", terms.evictions)}
    if by == "visits":
        return {Key("repair", cause, OUTSIDE_PHASE): count for cause, count in usage.visits.items()}
    if by == "retired":
        return {Key("repair", cause, OUTSIDE_PHASE): count for cause, count in retired(usage).items()}
    if by == "incidents":
        return {Key("detect", cause, OUTSIDE_PHASE): count for cause, count in usage.interruptions.items()}
    return usage.time


def _postings(lines: list[Line], usage: Usage, terms: Terms) -> tuple[tuple[Posting, ...], tuple[Posting, ...]]:
    """Return what the run pays, and what the pool does."""
    amounts: dict[tuple[str, str], Fraction] = {}
    for line in lines:
        if not line.pool:
            amounts[line.item, line.by] = amounts.get((line.item, line.by), Fraction()) + line.usd
    whole: list[Posting] = []
    for item, by in sorted(amounts, key=lambda key: ITEMS.index(key[0])):
        amount = round(amounts[item, by] * 10**6)
        if amount:
            whole += _shared(item, amount, _weights(by, usage, terms))
    unspent = [line for line in lines if line.pool and line.usd]
    pool = [Posting(line.item, "idle", "", OUTSIDE_PHASE, round(line.usd * 10**6)) for line in unspent]
    if not terms.absorb:
        # By position: there are a thousand.
        pool += [posting for posting in whole if posting[1] in OUTSIDE_STATES]
        whole = [posting for posting in whole if posting[1] not in OUTSIDE_STATES]
    return tuple(whole), tuple(pool)


def _shared(item: str, amount: int, weights: Weights) -> Iterator[Posting]:
    parts = split(amount, list(weights.values()))
    # What a named tuple's _make does, without a call in Python for each row.
    rows = ((item, *key, part) for key, part in zip(weights, parts, strict=True) if part)
    return map(tuple.__new__, repeat(Posting), rows)


def usd(micro_usd: int) -> Decimal:
    """Return micro-dollars in dollars.

    >>> usd(5_576_000_000_000)
    Decimal('5576000.000000')
    """
    return Decimal(micro_usd).scaleb(-6)


def total_usd(costs: CostLedger) -> Decimal:
    """Return the whole bill of the run."""
    return usd(sum(posting.micro_usd for posting in costs.postings))


def pool_usd(costs: CostLedger) -> Decimal:
    """Return what the pool pays."""
    return usd(sum(posting.micro_usd for posting in costs.pool))


def usd_by(costs: CostLedger, axis: str) -> dict[str | int, Decimal]:
    """Return the bill along "item", "state", "cause" or "phase" (-1: outside the job); each sums to the total."""
    if axis not in AXES:
        raise unknown_name("axis of the cost ledger", axis, AXES)
    index = AXES.index(axis)
    totals: dict[str | int, int] = {}
    for posting in costs.postings:
        totals[posting[index]] = totals.get(posting[index], 0) + posting.micro_usd
    return {name: usd(amount) for name, amount in totals.items()}
