"""The cash view: what is paid when, and how it meets the accrual view."""

import csv
import io
from collections import Counter
from fractions import Fraction
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import PriceError
from sim.ledger.bill.terms import Team, Terms
from sim.ledger.bill.usage import US_PER_DAY, US_PER_MONTH
from sim.ledger.explain.cash import CashView, cash_by_month, cash_csv, cash_view
from sim.ledger.time.trace import RunTrace
from tests.ledger.bills import EVERYTHING, bill_of, failing, usage_of
from tests.ledger.hardware import OWNED
from tests.ledger.traces import traces

RUN = usage_of(failing(40))
MICRO = 10**6


def view_of(terms: Terms, start: str | None = None, acquisition: str = "own") -> CashView:
    return cash_view(RUN, bill_of(RUN, OWNED, acquisition, terms), terms, start)


def by_item(view: CashView) -> Counter[str]:
    totals: Counter[str] = Counter()
    for flow in view.flows:
        totals[flow.item] += flow.micro_usd
    return totals


days = st.integers(0, 400).map(lambda count: count * US_PER_DAY)


@settings(deadline=None)
@given(
    trace=traces(),
    acquisition=st.sampled_from(["own", "on-demand", "reserved", "colocation"]),
    absorb=st.booleans(),
    lead_us=days,
    ramp_us=days,
    deposit=st.floats(0, 1),
    teams=st.lists(st.builds(Team, name=st.just("lab"), fte=st.floats(0.5, 9), before_us=days), max_size=1),
    commitment=st.sampled_from([0.0, 1e7]),
    start=st.none() | st.just("2026-03-01"),
)
def test_cash_is_accrual_except_of_assets_and_the_two_reconcile(
    trace: RunTrace,
    acquisition: str,
    absorb: bool,
    lead_us: int,
    ramp_us: int,
    deposit: float,
    teams: list[Team],
    commitment: float,
    start: str | None,
) -> None:
    owned = {"lead_us": lead_us, "ramp_us": ramp_us, "deposit": deposit}
    terms = Terms(absorb=absorb, commitment_usd=commitment, teams=tuple(teams), **owned)  # type: ignore[arg-type]
    usage = usage_of(trace)
    costs = bill_of(usage, EVERYTHING, acquisition, terms)
    view = cash_view(usage, costs, terms, start)
    accrued: Counter[str] = Counter()
    for posting in chain(costs.postings, costs.pool):
        accrued[posting.item] += posting.micro_usd
    prices = {charge.item: round(charge.price_usd * MICRO) for charge in costs.charges}
    expected = {item: prices.get(item, accrued[item]) for item in {*accrued, *prices}}
    paid = by_item(view)
    assert {item: paid[item] for item in expected} == expected
    assert view.cash == sum(paid.values())
    assert view.accrual == sum(accrued.values())
    assert view.cash - view.accrual == view.book_value - view.capital
    capital = sum((charge.capital_usd for charge in costs.charges), Fraction()) * MICRO
    assert abs(view.capital - capital) <= 2 * len(costs.charges) + 1


def test_a_deposit_is_paid_at_the_order_and_the_rest_over_the_ramp() -> None:
    """Order on 1 December, first delivery on 1 January, the last on 1 March, when the run starts: 59 days of ramp."""
    terms = Terms(lead_us=31 * US_PER_DAY, ramp_us=59 * US_PER_DAY, deposit=0.25)
    months = cash_by_month(view_of(terms, "2026-03-01"))
    price = 3 * 400_000 * MICRO
    servers = {month: row["server"] for month, row in months.items() if "server" in row}
    assert servers == {
        "2025-12": price // 4,
        "2026-01": round(Fraction(price * 3, 4) * Fraction(31, 59)),
        "2026-02": round(Fraction(price * 3, 4) * Fraction(28, 59)),
    }
    assert [month for month, row in months.items() if "facility" in row] == ["2026-03"]


def test_what_accrues_is_paid_by_the_days_of_each_month() -> None:
    """The run takes 40 days and some seconds from 1 March: 31 days of it in March."""
    months = cash_by_month(view_of(Terms(), "2026-03-01", "own"))
    assert list(months) == ["2026-03", "2026-04"]
    staff = [months[month]["staff"] for month in months]
    assert staff[0] == pytest.approx(sum(staff) * 31 * US_PER_DAY / RUN.wall_us, abs=1)


def test_without_a_day_of_the_start_months_are_counted_from_it() -> None:
    assert list(cash_by_month(view_of(Terms()))) == ["month 1", "month 2"]
    early = Terms(lead_us=US_PER_MONTH, deposit=0.5)
    assert list(cash_by_month(view_of(early))) == ["month -1", "month 1", "month 2"]


def test_a_team_is_paid_over_its_own_calendar() -> None:
    team = Team(name="lab", fte=10, before_us=31 * US_PER_DAY, after_us=30 * US_PER_DAY)
    months = cash_by_month(view_of(Terms(teams=(team,)), "2026-02-01"))
    assert [month for month, row in months.items() if "staff" in row] == ["2026-01", "2026-02", "2026-03", "2026-04"]


def test_the_rest_of_a_reservation_is_paid_after_the_run() -> None:
    terms = Terms(committed_us=100 * US_PER_DAY)
    view = cash_view(RUN, bill_of(RUN, EVERYTHING, "reserved", terms), terms, "2026-01-01")
    months = cash_by_month(view)
    rents = {month: row["rent"] for month, row in months.items()}
    assert list(rents) == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert rents["2026-03"] == pytest.approx(24 * 31 * 24 * 2.0 * MICRO)


def test_the_csv_holds_every_micro_dollar() -> None:
    view = view_of(Terms(), "2026-03-01")
    rows = list(csv.reader(io.StringIO(cash_csv(view))))
    months = [row for row in rows[1:] if row[0].startswith("2026")]
    micro = [[round(Fraction(cell) * MICRO) for cell in row[1:]] for row in months]
    assert [sum(row[:-1]) for row in micro] == [row[-1] for row in micro]
    assert sum(row[-1] for row in micro) == view.cash
    ends = {row[0]: Fraction(row[-1]) for row in rows if row not in months and row[0] != "month"}
    assert sum(list(ends.values())[:3]) == ends["accrual"] == Fraction(view.accrual, MICRO)


def test_a_start_that_is_no_date_is_refused() -> None:
    with pytest.raises(PriceError, match=r"run.start: got 'soon'; expected a date like 2026-01-31"):
        cash_view(RUN, bill_of(RUN, OWNED), Terms(), "soon")
