"""The FOCUS-shaped export: its columns, what its costs sum to, and the same rows in both formats."""

import csv
import datetime
import io
from collections import Counter
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import OutputError
from sim.ledger.bill.cost import pool_usd, total_usd
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import US_PER_DAY, US_PER_HOUR, Usage
from sim.ledger.explain.cash import cash_by_month, cash_view
from sim.ledger.files.focus import CATEGORIES, COLUMNS, MANDATORY, NOTE, focus_rows
from sim.ledger.files.focus_file import focus_csv, focus_parquet
from sim.ledger.power.energy import kwh
from sim.ledger.time.trace import RunTrace
from tests.cluster.hardware import price_book
from tests.ledger.bills import EVERYTHING, bill_of, failing, usage_of
from tests.ledger.traces import traces

RUN = usage_of(failing(40))
START = "2026-03-01"
ALLOWED = {"Compute", "Networking", "Storage", "Developer Tools", "Management and Governance", "Analytics", "Other"}


def rows_of(usage: Usage, acquisition: str = "own", terms: Terms | None = None, start: str | None = START) -> Any:
    given_terms = terms or Terms()
    costs = bill_of(usage, EVERYTHING, acquisition, given_terms)
    view = cash_view(usage, costs, given_terms, start)
    return focus_rows("abc", usage, costs, price_book(EVERYTHING), given_terms, view, start), costs, view


def total(rows: Any, name: str) -> Decimal:
    return sum((row[name] for row in rows), Decimal())


def test_the_21_mandatory_columns_come_first() -> None:
    rows, *_ = rows_of(RUN)
    assert len(MANDATORY) == len(set(MANDATORY)) == 21
    assert COLUMNS[:21] == MANDATORY
    assert all(tuple(row) == COLUMNS for row in rows)


@settings(deadline=None)
@given(
    trace=traces(),
    acquisition=st.sampled_from(["own", "on-demand", "reserved", "colocation"]),
    absorb=st.booleans(),
    credit=st.sampled_from([0.0, 500.0]),
)
def test_effective_cost_is_accrual_and_billed_cost_is_cash(
    trace: RunTrace, acquisition: str, absorb: bool, credit: float
) -> None:
    usage = usage_of(trace)
    terms = Terms(absorb=absorb, credit_usd=credit, commitment_usd=1e6)
    rows, costs, view = rows_of(usage, acquisition, terms)
    assert total(rows, "EffectiveCost") == total_usd(costs) + pool_usd(costs)
    assert total([row for row in rows if row["x_Account"] == "run"], "EffectiveCost") == total_usd(costs)
    assert total(rows, "BilledCost") == Decimal(view.cash).scaleb(-6)


@given(trace=traces(), absorb=st.booleans())
@settings(deadline=None)
def test_hours_energy_and_carbon_sum_to_the_run(trace: RunTrace, absorb: bool) -> None:
    usage = usage_of(trace)
    rows, *_ = rows_of(usage, terms=Terms(absorb=absorb))
    hours, energy_kwh, co2e_kg = (
        sum(row[name] or 0.0 for row in rows) for name in ("x_GpuHours", "x_EnergyKwh", "x_Co2eKg")
    )
    assert hours == pytest.approx(sum(usage.time.values()) / US_PER_HOUR)
    assert energy_kwh == pytest.approx(kwh(sum(usage.energy.it_nj.values())))
    assert co2e_kg == pytest.approx(energy_kwh * 1.25 * 0.4137)


def test_use_has_the_period_of_the_run_and_purchases_that_of_their_month() -> None:
    terms = Terms(ramp_us=59 * US_PER_DAY)
    rows, _, view = rows_of(RUN, terms=terms)
    use = {(row["ChargePeriodStart"], row["ChargePeriodEnd"]) for row in rows if row["ChargeCategory"] == "Usage"}
    first = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    ((start, end),) = use
    assert start == first
    assert 0 <= (end - first).total_seconds() - RUN.wall_us / 1e6 < 1
    bought = Counter()
    for row in rows:
        if row["ChargeCategory"] == "Purchase":
            bought[f"{row['ChargePeriodStart']:%Y-%m}", row["ServiceName"]] += row["BilledCost"]
    assert {month for month, _ in bought} == {"2026-01", "2026-02", "2026-03"}
    months = cash_by_month(view)
    assert all(amount == Decimal(months[month][item]).scaleb(-6) for (month, item), amount in bought.items())


def test_no_required_field_is_empty_and_categories_are_of_the_specification() -> None:
    rows, *_ = rows_of(RUN, terms=Terms(credit_usd=500.0))
    may_be_null = {"ChargeClass", "PricingQuantity", "PricingUnit"}
    for row in rows:
        assert all(row[name] is not None for name in MANDATORY if name not in may_be_null)
        assert (row["PricingQuantity"] is None) == (row["ChargeCategory"] == "Credit")
        assert row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        assert row["x_Note"] == NOTE
    assert {row["ChargeCategory"] for row in rows} == {"Usage", "Purchase", "Credit"}
    assert {row["ServiceCategory"] for row in rows} | set(CATEGORIES.values()) <= ALLOWED


def test_both_formats_hold_the_same() -> None:
    rows, *_ = rows_of(RUN)
    read = list(csv.DictReader(io.StringIO(focus_csv(rows).decode())))
    table = pq.read_table(io.BytesIO(focus_parquet(rows)))
    assert tuple(table.column_names) == tuple(read[0]) == COLUMNS
    assert table.schema.metadata[b"note"].decode() == NOTE
    for name in ("BilledCost", "EffectiveCost"):
        exact = total(rows, name)
        assert sum(Decimal(row[name]) for row in read) == exact
        assert sum(table[name].to_pylist()) == exact
    assert [row["ChargePeriodStart"] for row in read] == [
        f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in table["ChargePeriodStart"].to_pylist()
    ]


def test_a_run_without_a_start_is_refused() -> None:
    with pytest.raises(OutputError, match=r"FOCUS: the run has no start; expected --start or run.start"):
        rows_of(RUN, start=None)
