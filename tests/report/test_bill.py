"""The bill: nothing falls off it, and both totals are the same to the micro-dollar."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import SimulationError
from sim.ledger.time.states import STATES
from sim.report.money.bill import COLUMNS, bill_rows, bill_text, bill_totals
from sim.report.text import WIDTH
from tests.report.examples import run_result


def test_every_state_stands_in_exactly_one_column() -> None:
    assert sorted(chain.from_iterable(COLUMNS.values())) == sorted(STATES)


@given(st.dictionaries(st.sampled_from(STATES), st.integers(0, 10**18)))
def test_columns_hold_what_the_states_cost(micro_usd: dict[str, int]) -> None:
    rows = bill_rows({"server": micro_usd})
    assert sum(rows["server"].values()) == sum(micro_usd.values())


def test_both_totals_are_shown_in_full() -> None:
    result = run_result(1_000_000, 2)
    assert "by item $2,000,000.000000 = by state $2,000,000.000000" in bill_text(result)


def test_lost_work_costs_its_share_of_every_item() -> None:
    rows = bill_rows(run_result(1_000_000, 2)["micro_usd"])
    assert rows["server"]["lost work"] == 51_700_000_000
    assert rows["energy"]["lost work"] == 14_100_000_000


@pytest.mark.parametrize("key", ["cost", "cost_by_state"])
def test_a_bill_off_by_a_micro_dollar_is_refused(key: str) -> None:
    result = run_result()
    name = next(iter(result[key]))
    result[key][name] += 1e-6
    with pytest.raises(SimulationError, match=rf"'{name}' sum to .*; expected"):
        bill_totals(result)


def test_a_posting_that_the_total_lacks_is_refused() -> None:
    result = run_result()
    result["micro_usd"]["server"]["idle"] += 1
    with pytest.raises(SimulationError, match="sum to"):
        bill_totals(result)


def test_a_bill_beyond_what_a_float_resolves_is_still_exact() -> None:
    by_item, by_state = bill_totals(run_result(5 * 10**9, 3))
    assert by_item == by_state == 15 * 10**15


def test_a_state_without_a_column_is_refused() -> None:
    with pytest.raises(SimulationError, match="'coffee'"):
        bill_rows({"server": {"coffee": 1}})


def test_unit_costs_by_hand() -> None:
    result = run_result(1_000_000, 2) | {"tokens": 10**12, "useful_flop": 8.64e19 * 1000}
    shown = " ".join(" ".join(bill_text(result)[-3:-1]).split())
    assert shown.endswith("$2.00 per GPU-hour held, $2.00 per million tokens, $2,000.00 per useful PFLOP-day")


def test_a_run_that_retained_nothing_has_no_cost_per_token() -> None:
    result = run_result() | {"tokens": 0, "useful_flop": 0.0}
    assert bill_text(result)[-2] == "$2.00 per GPU-hour held"


def test_a_lost_gpu_hour_a_pool_and_what_nobody_invoices_stand_beside_the_bill() -> None:
    lines = bill_text(run_result() | {"pool_usd": 12_000.0, "shadow_usd": {"carbon": 3_400.0}})
    assert lines[-3] == "A lost GPU-hour: $3.55 charged, $0.12 not spent without it, $2.53 by its delay"
    assert lines[-2:] == ["A pool pays $12,000.00: idle time or commitments", "Not invoiced: $3,400.00 for carbon"]


@pytest.mark.parametrize("gpu_hours", [1, 10**3, 10**4, 10**6, 3 * 10**7, 5 * 10**8, 4 * 10**9])
def test_the_table_fits_80_columns_at_every_size(gpu_hours: int) -> None:
    assert max(map(len, bill_text(run_result(gpu_hours, 3)))) <= WIDTH


def test_a_small_item_of_a_large_bill_still_shows() -> None:
    result = run_result(10_000_000, 2)
    result["micro_usd"]["rent"] = {"spare": 40_000_000}
    result["cost"]["rent"] = 40.0
    result["cost_usd"] += 40.0
    result["cost_by_state"]["spare"] += 40.0
    row = next(line for line in bill_text(result) if line.startswith("rent"))
    assert row.split() == ["rent", "-", "-", "-", "-", "0.04", "0.04"]
