"""A run priced again from its results costs what it would have cost, to the micro-dollar."""

from pathlib import Path

import pytest

from sim import catalog
from sim.errors import OutputError, PriceError
from sim.ledger.bill.cost import total_usd
from sim.ledger.files.stored import read_book, read_stored
from sim.report.money.pricing import pricing_json, repriced, results_in
from sim.report.run.answers import run_json
from sim.report.run.results import write_run
from sim.scenario import load_scenario
from sim.simulate import RunResult, simulate

OVERRIDES = {
    "own": [],
    "declining": [
        'cost.depreciation="declining-balance"',
        'cost.lead_time="180 d"',
        "cost.deposit=0.3",
        "cost.absorb=false",
    ],
    "reserved": ['cost.prices="2026-rented"', 'cost.acquisition="reserved"', 'cost.committed="365 d"'],
    "contracts": [
        *('cost.prices="2026-rented"', 'cost.acquisition="reserved"', 'run.start="2026-02-01"'),
        'cost.contracts=[{ name = "a", from = "2026-01-20", to = "2026-02-02", price = "1.9 USD" }]',
    ],
    "teams": ['cost.teams=[{ name = "safety", fte = 12, before = "90 d" }]', 'cost.credit="1000 USD"'],
}


def stored(tmp_path: Path, overrides: list[str]) -> tuple[RunResult, Path]:
    result = simulate(load_scenario("tiny", overrides))
    directory = tmp_path / "results"
    write_run(result, run_json(result), directory, force=False)
    return result, directory


@pytest.mark.parametrize("name", OVERRIDES)
def test_pricing_a_stored_run_at_its_own_prices_changes_nothing(tmp_path: Path, name: str) -> None:
    result, directory = stored(tmp_path, OVERRIDES[name])
    found = read_stored(directory)
    _, costs = repriced(directory, read_book(directory), None, None)
    assert result.costs is not None
    assert costs.postings == result.costs.postings
    assert costs.pool == result.costs.pool
    assert costs.lines == result.costs.lines
    assert total_usd(costs) == found.row["cost_usd"]


def test_what_a_run_used_survives_the_round_trip(tmp_path: Path) -> None:
    result, directory = stored(tmp_path, [])
    found, used = read_stored(directory).usage, result.usage
    assert used is not None
    assert (found.time, found.visits, found.interruptions) == (used.time, dict(used.visits), dict(used.interruptions))
    assert found.energy == used.energy
    assert found.assets == used.assets
    assert len(found.by_hour_nj) == 24


def test_another_book_is_what_simulating_with_it_gives(tmp_path: Path) -> None:
    _, directory = stored(tmp_path, [])
    rented = ['cost.prices="2026-rented"', 'cost.acquisition="on-demand"', "cost.override={}"]
    again = simulate(load_scenario("tiny", rented))
    priced, costs = repriced(directory, catalog.price_book("2026-rented"), "on-demand", None)
    assert again.costs is not None
    assert costs.postings == again.costs.postings
    answer = pricing_json(directory, priced, costs, catalog.price_book("2026-rented"))
    expected = run_json(again)
    for key in ("cost_usd", "cost", "micro_usd", "lost_gpu_hour", "energy_kwh", "co2e_kg", "gpu_hours"):
        assert answer[key] == expected[key], key


def test_a_day_outside_the_book_is_refused(tmp_path: Path) -> None:
    _, directory = stored(tmp_path, [])
    with pytest.raises(PriceError, match=r"run.start: got 2024-03-01; expected a date from 2026-01-01"):
        repriced(directory, catalog.price_book("2026-owned"), None, "2024-03-01")


def test_results_without_a_bill_or_none_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no results; expected the directory of a run"):
        list(results_in([tmp_path]))
    result = simulate(load_scenario("airesim-s1", ['run.horizon="2 d"']))
    write_run(result, run_json(result), tmp_path / "plain", force=False)
    with pytest.raises(OutputError, match=r"the run was not billed; expected a scenario with \[cost\]"):
        read_stored(tmp_path / "plain")
    assert list(results_in([tmp_path])) == [tmp_path / "plain"]
