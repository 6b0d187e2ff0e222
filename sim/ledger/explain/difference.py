"""Why two bills differ: price, terms, size, architecture, reliability and scope, which sum to the difference exactly.

A bill is a function of what was used, a price book and terms. The difference is first shared over these three by the
mean over all orders in which they may change (Shapley), so that no order is preferred:

- price: the same use and terms at the other book's prices;
- terms: acquisition, contracts, depreciation, absorption;
- use: the rest, which is taken apart item by item at the same prices and terms:
  scope (FIXED items: data and credits), incidents (debugging, write-offs: reliability), and all others together by
  $ = useful FLOP x 1 / (peak x MFU_step) x 1 / (goodput x allocation) x $ / GPU-hour held, by the logarithmic mean
  (LMDI, Ang 2004): effect_x = L(V1, V0) ln(x1 / x0), L(a, b) = (a - b) / (ln a - ln b).

size: useful FLOP. architecture: peak x MFU_step, and what a GPU-hour costs at the same prices. reliability: goodput x
allocation, and incidents. Swapping the runs turns every sign, to the micro-dollar.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import log, prod
from typing import NamedTuple

from sim.catalog.records import PriceBook
from sim.ledger.bill import power, rent, work
from sim.ledger.bill.cost import ITEMS, CostLedger, price
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import Usage
from sim.ledger.explain.parts import whole_parts
from sim.ledger.time.states import IN_JOB, STEPPING

EFFECTS = ("price", "terms", "size", "architecture", "reliability", "scope")

FIXED = ("data", "credit")
"""Items that no GPU-hour drives."""

INCIDENTS = ("debugging", "write-off")
"""Items that failures drive alone."""

FACTORS = {"size": "size", "machine": "architecture", "kept": "reliability", "rate": "architecture"}
"""Effect of each factor of the identity."""

_FREE_TO_LEAVE_OUT = (
    *rent.OPTIONAL,
    *work.OPTIONAL,
    *work.OPTIONAL_OWNED,
    *work.DATA,
    *power.OPTIONAL,
    "head-node/unit",
    "head-node/per-1000-gpu",
    "cdu/watt",
)

_WEIGHTS = {0: Fraction(1, 3), 1: Fraction(1, 6), 2: Fraction(1, 3)}
"""Weight of a change of one of three, by how many of the other two have changed before: of 6 orders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """A run and how it was paid for; useful_flop: model FLOP of retained steps, None without a model."""

    usage: Usage
    book: PriceBook
    acquisition: str
    terms: Terms
    start: str | None = None
    useful_flop: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two totals in micro-dollars and second - first, by effect (zeros included) and by item.

    modelled: whether size is useful FLOP; otherwise it is retained GPU-hours (those held, where a run retained none),
    and of architecture only the price of a GPU-hour is left.
    """

    totals: tuple[int, int]
    effects: Mapping[str, int]
    by_item: Mapping[str, int]
    modelled: bool


def difference(first: Billed, second: Billed) -> Difference:
    """Return why the bill of the second run is not that of the first; sums are exact.

    Assumption: a price that a bill needs and the other run's book lacks (its servers, its switches) is the same in
    both. Raises PriceError where the use of one run cannot be had under the terms of the other.
    """
    pair = first, second
    books = _filled(first.book, second.book), _filled(second.book, first.book)
    bills = {
        (use, book, terms): _items(_priced(pair[use].usage, books[book], pair[terms]))
        for use, book, terms in product((0, 1), repeat=3)
    }
    exact = dict.fromkeys(EFFECTS, Fraction())
    for one, other in product((0, 1), repeat=2):
        weight = _WEIGHTS[one + other]
        exact["price"] += weight * (_total(bills[one, 1, other]) - _total(bills[one, 0, other]))
        exact["terms"] += weight * (_total(bills[one, other, 1]) - _total(bills[one, other, 0]))
        used = _use_effects(pair, bills[0, one, other], bills[1, one, other])
        for effect, micro_usd in used.items():
            exact[effect] += weight * micro_usd
    ends = bills[0, 0, 0], bills[1, 1, 1]
    totals = _total(ends[0]), _total(ends[1])
    parts = whole_parts(list(exact.values()), totals[1] - totals[0])
    by_item = {
        item: ends[1].get(item, 0) - ends[0].get(item, 0) for item in ITEMS if item in ends[0] or item in ends[1]
    }
    return Difference(
        totals=totals, effects=dict(zip(exact, parts, strict=True)), by_item=by_item, modelled=bool(_flop(pair))
    )


def _filled(book: PriceBook, other: PriceBook) -> PriceBook:
    """Return a book with the prices that only the other has and no bill can do without; valid on every day."""
    needed = {
        key: each
        for key, each in other.prices.items()
        if key not in _FREE_TO_LEAVE_OUT and not key.startswith("scale-up/")
    }
    return replace(book, prices=needed | dict(book.prices), valid_from="0001-01-01", valid_to="9999-12-31")


def _priced(usage: Usage, book: PriceBook, paid: Billed) -> CostLedger:
    return price(usage, book, paid.acquisition, paid.terms, paid.start)


def _items(costs: CostLedger) -> dict[str, int]:
    totals: dict[str, int] = {}
    for posting in costs.postings:
        totals[posting.item] = totals.get(posting.item, 0) + posting.micro_usd
    return totals


def _total(items: Mapping[str, int]) -> int:
    return sum(items.values())


def _use_effects(pair: tuple[Billed, Billed], before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return the effects of what was used, at the same prices and terms."""
    effects = dict.fromkeys(EFFECTS, 0)
    driven = [0, 0]
    for item in {*before, *after}:
        change = after.get(item, 0) - before.get(item, 0)
        if item in FIXED or item in INCIDENTS:
            effects["scope" if item in FIXED else "reliability"] += change
        else:
            driven = [driven[0] + before.get(item, 0), driven[1] + after.get(item, 0)]
    for factor, micro_usd in _log_mean(driven, _factors(pair)).items():
        effects[FACTORS[factor]] += micro_usd
    return effects


class Factors(NamedTuple):
    """GPU-microseconds held = size x machine x kept: what is measured, time a unit of it, one over what is kept."""

    size: float
    machine: float
    kept: float


def _factors(pair: tuple[Billed, Billed]) -> list[Factors]:
    """Return the factors of two runs, by the same measure of size: one over goodput x allocation is held / retained."""
    held, retained = [_us(run.usage) for run in pair], [_us(run.usage, STEPPING) for run in pair]
    if not all(retained):
        return [Factors(each, 1.0, 1.0) for each in held]
    sizes = _flop(pair) or [float(each) for each in retained]
    return [Factors(size, kept / size, whole / kept) for size, kept, whole in zip(sizes, retained, held, strict=True)]


def _flop(pair: tuple[Billed, Billed]) -> list[float]:
    """Return the useful FLOP of two runs, nothing where one has none."""
    flop = [run.useful_flop for run in pair if run.useful_flop]
    return flop if len(flop) == len(pair) else []


def _us(usage: Usage, states: Sequence[str] | None = None) -> int:
    return sum(amount for key, amount in usage.time.items() if states is None or key.state in states)


def goodput_and_allocation(usage: Usage) -> tuple[float, float]:
    """Return retained step time over time in the job, and time in the job over time held."""
    held, job, retained = _us(usage), _us(usage, IN_JOB), _us(usage, STEPPING)
    return (retained / job if job else 0.0, job / held if held else 0.0)


def _log_mean(amounts: Sequence[int], factors: Sequence[Factors]) -> dict[str, int]:
    """Return the change of an amount by factor, in whole micro-dollars; where one is not positive, all of it is size.

    The mean is L(a, b), and a where a = b.

    >>> one, two = Factors(1.0, 2.0, 4.0), Factors(2.0, 2.0, 2.0)
    >>> _log_mean([8_000_000, 8_000_000], [one, two])
    {'size': 5545177, 'machine': 0, 'kept': -5545177, 'rate': 0}
    """
    change = amounts[1] - amounts[0]
    if min(*amounts, *(prod(each) for each in factors)) <= 0:
        return {"size": change, "machine": 0, "kept": 0, "rate": 0}
    growth = dict(zip(Factors._fields, (log(new) - log(old) for old, new in zip(*factors, strict=True)), strict=True))
    whole = log(amounts[1]) - log(amounts[0])
    growth["rate"] = whole - sum(growth.values())
    mean = change / whole if whole else sum(amounts) / 2
    parts = whole_parts([Fraction(mean * each) for each in growth.values()], change)
    return dict(zip(growth, parts, strict=True))
