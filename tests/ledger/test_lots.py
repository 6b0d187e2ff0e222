"""Nodes that are retired and ordered in a run: what they cost from when they come until they go."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.run import simulate_run
from sim.errors import PriceError
from sim.ledger.bill.cost import pool_usd, price, total_usd, usd_by
from sim.ledger.bill.lots import arrived, lots_of, lots_told, retired
from sim.ledger.bill.terms import STANDARD, Terms
from sim.ledger.bill.usage import US_PER_YEAR, Lot, Usage
from sim.ledger.explain.cash import cash_view
from sim.ledger.explain.difference import Billed, difference
from sim.ledger.files.focus import focus_rows
from sim.ledger.time.time_ledger import Key
from tests.cluster.hardware import price_book
from tests.engine.test_run_orders import by_hand
from tests.ledger.bills import EVERYTHING, failing, usage_of
from tests.ledger.hardware import OWNED, RENTED

MICRO = 10**6
YEAR = US_PER_YEAR


def used(*lots: Lot, wall_us: int = 2 * YEAR) -> Usage:
    """Three places with what stood in them, all of whose GPU-time went to steps."""
    base = usage_of(failing(40))
    usage = replace(base, wall_us=wall_us, assets=replace(base.assets, lots=lots), visits={}, interruptions={})
    return replace(usage, time={Key("step", "", 0): usage.held_gpu_us})


def by_years() -> Usage:
    """Three nodes for two years, one of which is retired after half a year; another comes half a year later."""
    return used(
        Lot(nodes=2, from_us=0, until_us=2 * YEAR),
        Lot(nodes=1, from_us=0, until_us=YEAR // 2, retired_for="gpu"),
        Lot(nodes=1, from_us=YEAR, until_us=2 * YEAR),
    )


def test_lots_are_told_by_retirements_and_deliveries() -> None:
    trace = simulate_run(by_hand())
    second = MICRO
    lots = [(lot.nodes, lot.from_us // second, lot.until_us // second, lot.retired_for) for lot in lots_told(trace)]
    assert lots == [
        (1, 0, 80, "node"),
        (1, 0, 175, "node"),
        (1, 0, 270, "node"),
        (1, 275, 370, "node"),
        (1, 275, 400, None),
    ]
    assert lots_of(3, 400, []) == (Lot(nodes=3, from_us=0, until_us=400),)


def test_gpu_time_that_is_held_is_that_of_lots() -> None:
    assert by_years().held_gpu_us == 8 * (4 * YEAR + YEAR // 2 + YEAR)
    usage = usage_of(failing(40))
    assert usage.held_gpu_us == usage.gpus * usage.wall_us


def test_ordered_nodes_depreciate_from_their_arrival_and_retired_ones_are_written_off() -> None:
    """400,000 USD over 4 years to a tenth: 90,000 USD a year; capital 8 % of 220,000 USD a year."""
    costs = price(by_years(), price_book(OWNED), "own")
    lines = {line.detail: line.usd for line in costs.lines if line.item in ("server", "write-off")}
    assert lines == {
        "depreciation of server/box": 2 * 180_000 + 45_000,
        "capital of server/box": Fraction(17_600 * 9, 2),
        "server/box": 355_000,
        "depreciation of server/box, ordered": 90_000,
        "capital of server/box, ordered": 17_600,
    }
    first, ordered = (charge for charge in costs.charges if charge.item == "server")
    assert (first.since_us, first.price_usd, first.written_off_usd) == (0, 1_200_000, 355_000)
    assert (ordered.since_us, ordered.price_usd, ordered.written_off_usd) == (YEAR, 400_000, 0)
    assert (first.book_value_usd, ordered.book_value_usd) == (440_000, 310_000)


def test_what_is_written_off_is_posted_on_the_cause_of_retirement() -> None:
    costs = price(by_years(), price_book(OWNED), "own")
    posted = [(row.item, row.state, row.micro_usd) for row in costs.postings if row.cause == "gpu"]
    assert [row for row in posted if row[0] in ("server", "write-off")] == [("write-off", "repair", 355_000 * MICRO)]
    apart = price(by_years(), price_book(OWNED), "own", Terms(absorb=False))
    assert total_usd(apart) + pool_usd(apart) == total_usd(costs)
    assert sum(row.micro_usd for row in apart.pool if row.item == "write-off") == 355_000 * MICRO


def test_ordered_nodes_are_paid_for_when_they_arrive() -> None:
    usage = by_years()
    costs = price(usage, price_book(OWNED), "own")
    view = cash_view(usage, costs, STANDARD)
    paid = {flow.month: flow.micro_usd for flow in view.flows if flow.item == "server"}
    assert paid == {"month 1": 1_200_000 * MICRO, "month 13": 400_000 * MICRO}
    assert view.cash - view.accrual == view.book_value - view.capital


def test_purchases_and_use_sum_to_cash_and_accrual_in_the_shape_of_focus() -> None:
    usage, book = by_years(), price_book(OWNED)
    costs = price(usage, book, "own")
    view = cash_view(usage, costs, STANDARD, "2026-03-01")
    rows = focus_rows("r", usage, costs, book, STANDARD, view, "2026-03-01")
    assert sum(row["BilledCost"] for row in rows) * MICRO == view.cash
    assert sum(row["EffectiveCost"] for row in rows) * MICRO == view.accrual


def test_nodes_that_are_written_off_make_the_reliability_of_a_bill_dearer() -> None:
    kept = used(Lot(nodes=3, from_us=0, until_us=2 * YEAR))
    pair = (
        Billed(usage=usage, book=price_book(OWNED), acquisition="own", terms=STANDARD, start=None, useful_flop=1.0)
        for usage in (kept, by_years())
    )
    found = difference(*pair)
    assert sum(found.effects.values()) == found.totals[1] - found.totals[0]
    assert found.effects["reliability"] >= 355_000 * MICRO


def test_a_deposit_and_a_ramp_are_those_of_the_nodes_of_the_start() -> None:
    terms = Terms(lead_us=YEAR, deposit=0.5)
    first, ordered = (c for c in price(by_years(), price_book(OWNED), "own", terms).charges if c.item == "server")
    assert (first.waiting_usd, ordered.waiting_usd) == (Fraction(8, 100) * 600_000, 0)


@pytest.mark.parametrize(("acquisition", "years"), [("on-demand", Fraction(11, 2)), ("reserved", Fraction(6))])
def test_rent_is_due_on_demand_while_a_node_is_there_and_reserved_throughout(acquisition: str, years: Fraction) -> None:
    costs = price(by_years(), price_book(RENTED), acquisition)
    each = Fraction(RENTED[f"rent-{acquisition}/box"])
    assert Fraction(usd_by(costs, "item")["rent"]) == 8 * 8766 * years * each


def test_licences_and_contracts_of_maintenance_are_paid_for_what_is_there() -> None:
    lines = {(line.item, line.detail): line.usd for line in price(by_years(), price_book(EVERYTHING), "own").lines}
    assert lines["licence", "software"] == Fraction(8 * 11, 2) * 4_500
    assert lines["maintenance", "contract"] == Fraction(11, 2) * Fraction(3, 100) * 400_000
    assert lines["write-off", "scale-up/box"] > 0


def test_lots_that_are_not_the_time_of_the_ledger_are_refused() -> None:
    usage = by_years()
    with pytest.raises(PriceError, match="lots hold"):
        price(replace(usage, time={Key("step", "", 0): usage.held_gpu_us - 1}), price_book(OWNED), "own")


def test_one_lot_that_is_there_throughout_costs_what_nodes_without_lots_do() -> None:
    usage = used(Lot(nodes=3, from_us=0, until_us=2 * YEAR))
    whole = replace(usage, assets=replace(usage.assets, lots=()))
    for acquisition, prices in (("own", EVERYTHING), ("on-demand", EVERYTHING), ("reserved", EVERYTHING)):
        assert price(usage, price_book(prices), acquisition) == price(whole, price_book(prices), acquisition)


moments = st.integers(1, 10_000).map(lambda part: 2 * YEAR * part // 10_001)


@given(
    changes=st.lists(st.lists(moments, max_size=4, unique=True).map(sorted), min_size=3, max_size=3),
    method=st.sampled_from(["straight-line", "declining-balance"]),
    absorb=st.booleans(),
)
@settings(deadline=None)
def test_every_bill_with_lots_is_exact(changes: list[list[int]], method: str, absorb: bool) -> None:
    kinds = ("retired", "delivered")
    events = [(at_us, kinds[i % 2], "gpu", node) for node, ats in enumerate(changes) for i, at_us in enumerate(ats)]
    lots = lots_of(3, 2 * YEAR, sorted(events))
    terms = Terms(depreciation=method, absorb=absorb)
    usage = used(*lots)
    costs = price(usage, price_book(EVERYTHING), "own", terms)
    assert sum(lot.nodes for lot in lots) == 3 + arrived(usage)
    assert retired(usage).get("gpu", 0) == sum(event[1] == "retired" for event in events)
    for charge in costs.charges:
        assert charge.depreciation_usd + charge.book_value_usd == charge.price_usd
        assert 0 <= charge.written_off_usd <= charge.depreciation_usd
    exact = sum((line.usd for line in costs.lines), Fraction())
    assert abs(Fraction(total_usd(costs) + pool_usd(costs)) - exact) <= Fraction(len(costs.lines), 2 * MICRO)
    bought = sum(charge.price_usd for charge in costs.charges if charge.item == "server" and charge.since_us)
    assert bought == 400_000 * arrived(usage)
    view = cash_view(usage, costs, terms)
    assert view.cash - view.accrual == view.book_value - view.capital
    capital = sum((charge.capital_usd for charge in costs.charges), Fraction()) * MICRO
    assert abs(view.capital - capital) <= 2 * len(costs.charges) + 1
