"""A scenario that orders spares, from its keys to its bill, its answer and its files."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from sim.ledger.bill.usage import US_PER_HOUR
from sim.ledger.files.stored import read_book, read_stored
from sim.ledger.time.conservation import check_conservation
from sim.report.money.explain_answer import explain_json, read_explained
from sim.report.money.explain_report import explain_report
from sim.report.money.lots import lots_said, lots_text
from sim.report.money.pricing import repriced
from sim.report.page.read import read_told
from sim.report.page.run_page import run_page
from sim.report.run.answers import run_json
from sim.report.run.orders import orders_said, orders_text
from sim.report.run.results import write_run
from sim.report.run.run_report import run_report
from sim.report.text import UNICODE
from sim.scenario import scenario_of
from sim.simulate import RunResult, simulate
from tests.random_scenarios import LEAF_SPINE, Tree

TREE: Tree = {
    "name": "orders",
    "training": {"step_time": "10 s"},
    "cluster": {
        "node": "dgx-h100",
        "nodes": 6,
        "spare_nodes": 4,
        "topology": LEAF_SPINE,
        "storage": "nvme-server",
    },
    "failures": {"causes": [{"component": "node", "name": "dead", "kind": "exponential", "mean": "60 d"}]},
    "recovery": {"detect": "5 min", "replace": "1 min", "initialize": "1 min"},
    "repair": {
        "crews": 0,
        "automatic": {"time": "1 h", "success": 1.0},
        "manual": {"time": "1 h", "success": 1.0},
        "retire": {"visits": 1, "within": "1 d"},
        "reorder": {"below": 1, "order": 3, "lead": "20 d"},
    },
    "checkpoint": {
        "interval": {"kind": "fixed", "every": "30 min"},
        "block": "5 s",
        "durable_after": "1 min",
        "restore": "1 min",
    },
    "cost": {"prices": "2026-owned", "acquisition": "own"},
    "run": {"horizon": "120 d", "seed": 2, "start": "2026-02-01"},
}


@pytest.fixture(scope="module")
def result() -> RunResult:
    return simulate(scenario_of(TREE, "orders.toml"))


def test_the_answer_says_what_was_ordered_and_what_it_cost(result: RunResult) -> None:
    assert result.usage is not None and result.scenario.billing is not None
    told, counts = run_json(result)["orders"], Counter(event.kind for event in result.trace.events)
    each = result.scenario.billing.prices.prices["server/dgx-h100"].value
    assert told["placed"] == counts["ordered"] > told["arrived"] == counts["arrived"] > 1
    assert told["bought"] == counts["delivered"] == 3 * told["arrived"]
    assert told["on_order"] == 3 * (told["placed"] - told["arrived"])
    assert told["retired"] == {"dead": counts["retired"]}
    lots = run_json(result)["lots"]
    assert (lots["bought"], lots["retired"]) == (told["bought"], told["retired"])
    assert lots["price_usd"] == told["bought"] * each
    assert 0.8 * each < lots["written_off_usd"] / counts["retired"] < each
    # Each node that was bought is charged for a part of 120 days of its five years, and of the capital in it.
    assert 0 < lots["charged_usd"] < lots["price_usd"] * 120 / 365.25 / 5 * 1.5


def test_the_screen_says_it_too(result: RunResult) -> None:
    answer = run_json(result)
    screen = run_report(answer, UNICODE)
    told = answer["orders"]
    assert orders_text(answer) == [
        f"Spares: {told['retired']['dead']} nodes retired; {told['arrived']} of {told['placed']} orders arrived: "
        f"{told['bought']} nodes; {told['on_order']} on order at the end"
    ]
    for line in (*orders_text(answer), *lots_text(answer)):
        assert line in screen
    assert len(lots_text(answer)) == 3
    assert max(map(len, screen.splitlines())) <= 80


def test_a_scenario_without_orders_says_nothing_of_them() -> None:
    repair = {key: value for key, value in TREE["repair"].items() if key not in ("retire", "reorder")}
    answer = run_json(simulate(scenario_of({**TREE, "repair": repair}, "orders.toml")))
    assert (answer["orders"], answer["lots"]) == (None, None)
    assert orders_text(answer) == lots_text(answer) == []


def test_hours_are_held_by_the_nodes_that_are_there(result: RunResult) -> None:
    assert result.usage is not None
    check_conservation(result.trace, result.ledger)
    lots = result.usage.assets.lots
    node_hours = sum(Fraction(lot.nodes * (lot.until_us - lot.from_us), US_PER_HOUR) for lot in lots)
    assert result.summary.gpu_hours == pytest.approx(float(8 * node_hours), rel=1e-12)
    assert result.summary.gpu_hours < 10 * 8 * 24 * 120
    assert sum(result.usage.time.values()) == result.usage.held_gpu_us


def test_a_bill_made_again_from_files_is_the_same(result: RunResult, tmp_path: Path) -> None:
    assert result.costs is not None and result.usage is not None
    write_run(result, run_json(result), tmp_path / "results", force=False)
    stored = read_stored(tmp_path / "results")
    assert stored.usage.assets.lots == result.usage.assets.lots
    _, again = repriced(tmp_path / "results", read_book(tmp_path / "results"), None, None)
    assert (again.postings, again.lines, again.charges) == (
        result.costs.postings,
        result.costs.lines,
        result.costs.charges,
    )


def test_the_page_and_the_explanation_say_it_too(result: RunResult, tmp_path: Path) -> None:
    write_run(result, run_json(result), tmp_path / "results", force=False)
    page = run_page(read_told(tmp_path / "results"))
    answer = run_json(result)
    for said in (*orders_said(answer), *lots_said(answer)):
        assert f"{said}." in page
    found = explain_json(read_explained(tmp_path / "results"))
    assert found["lots"] == answer["lots"]
    (cause,) = found["failures"]["causes"]
    assert cause["total_micro_usd"] > answer["lots"]["written_off_usd"] * 10**6
    screen = explain_report(found, UNICODE)
    assert all(line in screen for line in lots_text(answer))


def test_the_events_of_a_run_that_orders_are_a_log_of_its_failures(result: RunResult, tmp_path: Path) -> None:
    write_run(result, run_json(result), tmp_path / "results", force=False)
    log = {"file": str(tmp_path / "results" / "events.parquet"), "after": "nothing"}
    repair = {key: value for key, value in TREE["repair"].items() if key not in ("retire", "reorder")}
    again = simulate(scenario_of({**TREE, "failures": {"log": log}, "repair": repair}, "orders.toml"))
    assert [(e.time_us, e.node) for e in again.trace.events if e.kind == "failure"] == [
        (e.time_us, e.node) for e in result.trace.events if e.kind == "failure"
    ]
