"""`explain` on stored results: its sums, its screen, its files, and what it refuses."""

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sim.cli import app
from sim.report.text import WIDTH


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def stored(directory: Path, *overrides: str) -> Path:
    settings = [part for override in overrides for part in ("--set", override)]
    done = call("run", "tiny", "--out", directory, *settings)
    assert done.exit_code == 0, done.output
    return directory


def dated(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    terms = ("cost.lead_time=60 d", "cost.deposit=0.3", "cost.ramp=20 d")
    return stored(tmp_path_factory.mktemp("explain") / "owned", *terms)


@pytest.fixture(scope="module")
def rented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    other = ("cost.acquisition=on-demand", "cost.prices=2026-rented", "training.micro_batch=1")
    return stored(tmp_path_factory.mktemp("explain") / "rented", *other)


@pytest.fixture(scope="module")
def answer(owned: Path, rented: Path) -> Any:
    done = call("explain", owned, rented, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def micro(usd: object) -> int:
    return int(Decimal(str(usd)).scaleb(6))


def test_every_part_sums_to_the_bill_that_is_stored(owned: Path, answer: Any) -> None:
    total = micro(pq.read_table(owned / "runs.parquet")["cost_usd"][0].as_py())
    whole = answer["headline"]
    assert answer["total_micro_usd"] == whole["all_in_micro_usd"] == total
    assert sum(whole["rungs"].values()) == total
    assert sum(amount for row in whole["matrix"].values() for amount in row.values()) == total
    assert sum(answer["evidence"]["by_kind"].values()) == total
    assert whole["all_in_over_compute"] == total / whole["compute_micro_usd"]


def test_causes_are_what_the_stored_ledgers_hold(owned: Path, answer: Any) -> None:
    posted: dict[str, int] = {}
    for row in pq.read_table(owned / "cost_ledger.parquet").to_pylist():
        posted[row["cause"]] = posted.get(row["cause"], 0) + micro(row["cost_usd"])
    events = pq.read_table(owned / "events.parquet").to_pylist()
    found = answer["failures"]
    assert {each["cause"]: each["total_micro_usd"] for each in found["causes"]} == {
        cause: amount for cause, amount in posted.items() if cause
    }
    for each in found["causes"]:
        assert each["failures"] == sum(
            event["kind"] == "failure" and event["cause"] == each["cause"] for event in events
        )
    assert found["one_failure_wastes_millions"].startswith("does not hold: none of ")
    dearest = [each["micro_usd"] for each in found["dearest"]]
    assert dearest == sorted(dearest, reverse=True)
    assert len(dearest) == 5
    assert dearest[0] > found["mean_event_micro_usd"] > 0


def test_the_difference_is_that_of_the_two_bills(owned: Path, rented: Path, answer: Any) -> None:
    totals = [micro(pq.read_table(path / "runs.parquet")["cost_usd"][0].as_py()) for path in (owned, rented)]
    found = answer["difference"]
    assert found["totals"] == totals
    assert found["micro_usd"] == totals[1] - totals[0] == sum(found["effects"].values())
    assert found["modelled"]
    swapped = json.loads(call("explain", rented, owned, "--json").stdout)["difference"]
    assert swapped["effects"] == {effect: -amount for effect, amount in found["effects"].items()}
    one, other = found["runs"]
    assert one["useful_flop"] == other["useful_flop"]
    assert one["peak_flop_per_s"] == pytest.approx(989e12, rel=1e-3)
    assert one["step_mfu"] > other["step_mfu"]
    assert found["effects"]["size"] == 0 < found["effects"]["architecture"]


def test_the_identity_of_the_difference_gives_the_hours_held(answer: Any) -> None:
    for run in answer["difference"]["runs"]:
        kept = run["step_mfu"] * run["goodput"] * run["allocation"]
        assert run["useful_flop"] / (run["peak_flop_per_s"] * kept) / 3600 == pytest.approx(run["gpu_hours"])


def test_the_screen_is_80_columns_and_says_the_first_things_first(owned: Path, rented: Path) -> None:
    lines = call("explain", owned, rented, "--cash").stdout.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "x headline compute, failures took" in lines[2]
    for title in (
        "From headline compute to all-in",
        "What failures and stops cost, by cause",
        "What it rests on",
        "What is paid when",
        "Why the other run costs",
    ):
        assert any(line.startswith(title) for line in lines)
    assert not any(line.startswith("What is paid when") for line in call("explain", owned).stdout.splitlines())


def test_the_cash_flow_is_written_by_month(owned: Path, answer: Any, tmp_path: Path) -> None:
    target = tmp_path / "cash.csv"
    assert call("explain", owned, "--cash-csv", target).exit_code == 0
    rows = {row[0]: row for row in csv.reader(target.read_text().splitlines())}
    assert list(answer["cash"]["months"]) == ["2025-12", "2026-02", "2026-03"]
    assert [month for month in rows if month.startswith("20")] == ["2025-12", "2026-02", "2026-03"]
    assert micro(rows["cash"][-1]) == answer["cash"]["cash_micro_usd"]
    assert micro(rows["accrual"][-1]) == answer["total_micro_usd"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_focus_file_sums_to_the_bill_and_to_the_cash(owned: Path, answer: Any, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"focus.{ending}"
    assert call("explain", owned, "--focus", target).exit_code == 0
    rows = dated(target) if ending == "csv" else pq.read_table(target).to_pylist()
    assert sum(micro(row["EffectiveCost"]) for row in rows) == answer["total_micro_usd"]
    assert sum(micro(row["BilledCost"]) for row in rows) == answer["cash"]["cash_micro_usd"]
    first = target.read_bytes()
    refused = call("explain", owned, "--focus", target)
    assert refused.exit_code == 2
    assert "exists already; use --force to replace it" in refused.stderr
    assert call("explain", owned, "--focus", target, "--force").exit_code == 0
    assert target.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_bad_input_is_one_line_and_exit_code_2(owned: Path, tmp_path: Path) -> None:
    refusals = {
        ("explain", tmp_path / "nothing"): "no readable results",
        (
            "explain",
            owned,
            "--focus",
            tmp_path / "f.xlsx",
        ): "name that ends in '.xlsx'; expected .csv or .parquet",
        ("explain", owned, "--start", "2026-04-01"): "--start: got 2026-04-01; expected 2026-03-01",
        ("explain", owned, "--focus", tmp_path / "a.csv", "--cash-csv", tmp_path / "a.csv"): "expected another file",
    }
    for arguments, message in refusals.items():
        done = call(*arguments)
        assert done.exit_code == 2
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_not_anchored_takes_its_start_from_the_command_line(tmp_path: Path) -> None:
    source = (Path(__file__).parent.parent / "experiments/presets/tiny.toml").read_text("utf-8")
    scenario = tmp_path / "loose.toml"
    scenario.write_text(source.replace("start = 2026-03-01\n", ""), "utf-8")
    results, focus = tmp_path / "results", tmp_path / "focus.csv"
    assert call("run", scenario, "--out", results).exit_code == 0
    refused = call("explain", results, "--focus", focus)
    assert refused.exit_code == 2
    assert "FOCUS: the run has no start; expected --start or run.start" in refused.stderr
    assert call("explain", results, "--focus", focus, "--start", "2026-05-01").exit_code == 0
    assert {row["ChargePeriodStart"] for row in dated(focus)} == {"2026-05-01T00:00:00Z"}
    bad = call("explain", results, "--start", "May")
    assert bad.exit_code == 2
    assert "got 'May'; expected a date like 2026-01-31" in bad.stderr


def test_a_run_that_was_not_billed_is_refused(tmp_path: Path) -> None:
    scenario = tmp_path / "free.toml"
    source = (Path(__file__).parent.parent / "experiments/presets/tiny.toml").read_text("utf-8")
    start, end = source.index("[cost]"), source.index("[run]")
    scenario.write_text((source[:start] + source[end:]).replace("start = 2026-03-01\n", ""), "utf-8")
    assert call("run", scenario, "--out", tmp_path / "free").exit_code == 0
    done = call("explain", tmp_path / "free")
    assert done.exit_code == 2
    assert "the run was not billed; expected a scenario with [cost]" in done.stderr
