"""The cash view of a run: when money is paid, beside the accrual view, in which it is used up.

- An asset is paid a deposit at the order, which is lead + ramp before the run, and the rest on delivery, spread evenly
  over the ramp that ends when the run starts. The facility and its cooling are paid when it starts, nodes that are
  ordered in the run when they arrive.
- Everything else is paid as it accrues, evenly: over the run, a team over its own calendar, the rest of a reservation
  after the run.
- Depreciation, what is written off and cost of capital are no cash: cash - accrual = book value of what is still owned
  - cost of capital.

Money that a pool pays is paid too. A month is the calendar's where the day of the start is known (from midnight UTC),
otherwise the mean month, counted from the start.
"""

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

from sim.ledger.bill.assets import HOUSING, AssetCharge
from sim.ledger.bill.cost import ITEMS, CostLedger
from sim.ledger.bill.line import Line
from sim.ledger.bill.prices import date_of, exact
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import US_PER_DAY, US_PER_MONTH, Usage
from sim.ledger.explain.evidence import micro_lines
from sim.ledger.time.apportion import split


class Flow(NamedTuple):
    """What is paid for an item in a month, in micro-dollars; start_us and end_us bound the payments, from the start."""

    month: str
    item: str
    micro_usd: int
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CashView:
    """Flows in order of time and item, and what reconciles them with the accrual view, in micro-dollars.

    accrual: run and pool. book_value: of what is still owned after the run, a memo and no cash. capital: the cost of
    capital that the accrual view charges. cash - accrual = book_value - capital, exactly: capital takes the rounding.
    """

    flows: tuple[Flow, ...]
    cash: int
    accrual: int
    book_value: int
    capital: int


class Payment(NamedTuple):
    """An amount that is paid evenly between two instants, in microseconds from the start of the run."""

    item: str
    micro_usd: int
    start_us: int
    end_us: int


def cash_view(usage: Usage, costs: CostLedger, terms: Terms, start: str | None = None) -> CashView:
    """Return the cash view of a bill; the day of the start is ISO.

    Per item cash is what accrues, and of an asset its price. Raises PriceError for a start that is no date.
    """
    month_of = _calendar(start)
    totals: dict[tuple[int, str], Flow] = {}
    for payment in _payments(usage, costs, terms):
        for index, flow in _by_month(payment, month_of):
            key = index, flow.item
            known = totals.get(key, flow._replace(micro_usd=0))
            totals[key] = flow._replace(
                micro_usd=known.micro_usd + flow.micro_usd,
                start_us=min(known.start_us, flow.start_us),
                end_us=max(known.end_us, flow.end_us),
            )
    order = sorted(totals, key=lambda key: (key[0], ITEMS.index(key[1])))
    flows = tuple(totals[key] for key in order if totals[key].micro_usd)
    cash = sum(flow.micro_usd for flow in flows)
    accrual = sum(posting.micro_usd for posting in chain(costs.postings, costs.pool))
    book_value = round(sum((charge.book_value_usd for charge in costs.charges), Fraction()) * 10**6)
    return CashView(
        flows=flows, cash=cash, accrual=accrual, book_value=book_value, capital=book_value - (cash - accrual)
    )


def cash_by_month(view: CashView) -> dict[str, dict[str, int]]:
    """Return micro-dollars by month and item, in order of time."""
    months: dict[str, dict[str, int]] = {}
    for flow in view.flows:
        months.setdefault(flow.month, {})[flow.item] = flow.micro_usd
    return months


def _payments(usage: Usage, costs: CostLedger, terms: Terms) -> Iterator[Payment]:
    for charge in costs.charges:
        yield from _purchase(charge, terms)
    bought = {charge.item for charge in costs.charges}
    for line, micro_usd in chain(micro_lines(costs), micro_lines(costs, pool=True)):
        if line.item not in bought and line.item != "write-off":
            yield Payment(line.item, micro_usd, *_span_us(line, usage, terms))


def _purchase(charge: AssetCharge, terms: Terms) -> Iterator[Payment]:
    """Yield the deposit and the rest of the price of an asset."""
    price = round(charge.price_usd * 10**6)
    if charge.item in HOUSING:
        yield Payment(charge.item, price, 0, 0)
        return
    if charge.since_us:
        yield Payment(charge.item, price, charge.since_us, charge.since_us)
        return
    order_us = -terms.lead_us - terms.ramp_us
    deposit = round(price * exact(terms.deposit))
    yield Payment(charge.item, deposit, order_us, order_us)
    yield Payment(charge.item, price - deposit, -terms.ramp_us, 0)


def _span_us(line: Line, usage: Usage, terms: Terms) -> tuple[int, int]:
    """Return between what instants a line is paid."""
    if line.keys == ("staff/fte",):
        team = next(team for team in terms.teams if team.name == line.detail)
        return -team.before_us, usage.wall_us + team.after_us
    if line.pool and line.detail == "rest of the term":
        return usage.wall_us, terms.committed_us
    return 0, usage.wall_us


Months = Callable[[int], tuple[int, str, int]]
"""For an instant: the number of its month, its name, and when the next one begins."""


def _calendar(start: str | None) -> Months:
    if start is None:
        return _mean_month
    first = date_of(start, "run.start")

    def month_of(at_us: int) -> tuple[int, str, int]:
        day = first + datetime.timedelta(days=at_us // US_PER_DAY)
        following = (day.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
        return day.year * 12 + day.month, f"{day:%Y-%m}", (following - first).days * US_PER_DAY

    return month_of


def _mean_month(at_us: int) -> tuple[int, str, int]:
    """Months of the run are numbered from 1, those before it from -1 backwards.

    >>> [_mean_month(at_us)[1] for at_us in (-1, 0, US_PER_MONTH)]
    ['month -1', 'month 1', 'month 2']
    """
    index = at_us // US_PER_MONTH
    return index, f"month {index + 1 if index >= 0 else index}", (index + 1) * US_PER_MONTH


def _by_month(payment: Payment, month_of: Months) -> Iterator[tuple[int, Flow]]:
    """Yield the parts of a payment by month, split by time to the micro-dollar."""
    pieces = list(_pieces(payment, month_of))
    weights = [end_us - start_us for _, _, start_us, end_us in pieces] if len(pieces) > 1 else [1]
    parts = split(payment.micro_usd, weights)
    for (index, month, start_us, end_us), part in zip(pieces, parts, strict=True):
        yield index, Flow(month, payment.item, part, start_us, end_us)


def _pieces(payment: Payment, month_of: Months) -> Iterator[tuple[int, str, int, int]]:
    at_us = payment.start_us
    while True:
        index, month, next_us = month_of(at_us)
        end_us = min(next_us, payment.end_us)
        yield index, month, at_us, end_us
        if end_us >= payment.end_us:
            return
        at_us = end_us


def cash_csv(view: CashView) -> str:
    """Return the monthly table as CSV: a row a month, a column an item, dollars to the micro-dollar, and the memo.

    The last rows reconcile: total cash, book value (less), cost of capital (plus), accrual.
    """
    months: Mapping[str, Mapping[str, int]] = cash_by_month(view)
    items = [item for item in ITEMS if any(item in row for row in months.values())]
    rows = [["month", *items, "total"]]
    for month, row in months.items():
        rows.append([month, *(dollars(row.get(item, 0)) for item in items), dollars(sum(row.values()))])
    blank = [""] * len(items)
    rows.append(["cash", *blank, dollars(view.cash)])
    rows.append(["book value still owned (memo)", *blank, dollars(-view.book_value)])
    rows.append(["cost of capital (no cash)", *blank, dollars(view.capital)])
    rows.append(["accrual", *blank, dollars(view.accrual)])
    return "".join(",".join(row) + "\n" for row in rows)


def dollars(micro_usd: int) -> str:
    """Return micro-dollars as plain decimal dollars.

    >>> dollars(-1_500_000), dollars(7)
    ('-1.500000', '0.000007')
    """
    whole, part = divmod(abs(micro_usd), 10**6)
    return f"{'-' if micro_usd < 0 else ''}{whole}.{part:06d}"
