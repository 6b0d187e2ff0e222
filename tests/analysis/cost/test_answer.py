"""`validate --kind cost`: keys, scores, contradictions, the screen and the command."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sim.analysis.cost.answer import cost_answer
from sim.analysis.cost.claims.models import gpt3, gpt4, growth, llama_card, transformer
from sim.analysis.cost.claims.shares import failed, fewer_gpus, mfu, more_gpus, one_failure, power_share, share_sum
from sim.analysis.cost.claims.sites import b300, silicon
from sim.analysis.cost.records import read_records, reference
from sim.cli import app
from sim.report.validation.cost_validation import cost_validation
from tests.analysis.cost.examples import known, only, record

KEYS = {"kind", "count", "mape", "median", "p90", "bias", "max", "groups", "judged", "rows", "methods"} | {
    *("skipped", "contradictions", "simulated_run")
}


@cache
def whole() -> dict[str, Any]:
    return cost_answer(read_records(None))


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["validate", "--kind", "cost", *arguments])
    return result.exit_code, result.stdout, result.stderr


def written(path: Path, content: Any) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


@pytest.mark.slow
def test_every_record_is_predicted_or_skipped_with_a_reason() -> None:
    answer = whole()
    told = {row["id"].partition(" (")[0] for row in answer["rows"]} | {row["id"] for row in answer["rows"]}
    skipped = {each["id"] for each in answer["skipped"]}
    missing = [name for name in reference() if name not in skipped and not any(each.startswith(name) for each in told)]
    assert missing == []
    assert all(each["reason"] for each in answer["skipped"])


@pytest.mark.slow
def test_scores_at_the_top_are_of_published_amounts_alone() -> None:
    answer = whole()
    assert set(answer) == KEYS
    counted = [
        row["error"]
        for row in answer["rows"]
        if row["scored"] and row["section"] == "published" and row["within"] is None
    ]
    assert answer["count"] == len(counted) == 23
    assert answer["mape"] == pytest.approx(sum(map(abs, counted)) / len(counted))
    assert answer["bias"] == pytest.approx(sum(counted) / len(counted))


@pytest.mark.slow
def test_published_amounts_are_within_a_seventh_on_average() -> None:
    answer = whole()
    assert answer["mape"] < 0.15
    assert answer["median"] < 0.08
    assert answer["groups"]["section"]["methods"]["median"] < 1e-5


@pytest.mark.slow
def test_the_screen_fits_80_columns_and_tells_every_section() -> None:
    lines = cost_validation(whole()).splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for part in ("Published amounts", "Results of others' methods", "Arithmetic", "contradict", "Not predicted: 474"):
        assert part in text


@pytest.mark.slow
def test_shares_of_a_simulated_run_sum_to_one_with_what_is_in_none_of_them() -> None:
    rows = {row["id"]: row["simulated"] for row in whole()["rows"] if row["id"].startswith("seed003")}
    items = sum(value for name, value in rows.items() if name != "seed003_failed_runs")
    assert 0.5 < items < 1
    assert share_sum().values["failed_runs"] == pytest.approx(rows["seed003_failed_runs"])


@pytest.mark.slow
def test_a_failure_wastes_thousands_and_all_of_them_millions() -> None:
    claim = one_failure()
    assert claim.values["usd_each"] < 1e5
    assert claim.values["usd_all"] > 1e6
    assert claim.values["usd_each"] * claim.values["interruptions"] == pytest.approx(claim.values["usd_all"])
    assert power_share().values["run"] < 0.1
    assert failed().values["run"] < failed().values["development"]


@pytest.mark.slow
def test_a_simulated_run_stands_under_every_method_beside_its_own_bill() -> None:
    run = whole()["simulated_run"]
    usd = {view["method"]: view["total"] for view in run["methods"] if view["unit"] == "USD"}
    assert list(usd) == [
        *("Epoch: amortised capex + energy", "Epoch: cloud", "Epoch: acquisition", "$2 a GPU-hour"),
    ]
    assert usd["Epoch: amortised capex + energy"] < run["bill_usd"]
    assert sum(run["cost"].values()) == pytest.approx(run["bill_usd"])
    assert sum(run["cost_by_state"].values()) == pytest.approx(run["bill_usd"])
    for view in run["methods"]:
        assert sum(view["terms"].values()) == pytest.approx(view["total"])


@pytest.mark.slow
def test_the_meter_sees_twice_what_chips_at_tdp_would_draw_and_the_grid_decides() -> None:
    carbon = whole()["simulated_run"]["carbon"]
    assert 1.8 < carbon["facility_kwh"] / carbon["tdp_only_kwh"] < 2.4
    by_grid = carbon["location_kg_by_grid"]
    assert len(by_grid) == 11
    assert by_grid["USA"] == pytest.approx(carbon["facility_kwh"] * 0.369473)
    assert max(by_grid, key=by_grid.get) == "IND"


def test_mfu_from_30_to_50_percent_is_40_percent_fewer_and_66_7_more() -> None:
    assert fewer_gpus(0.3, 0.5) == pytest.approx(0.4)
    assert more_gpus(0.3, 0.5) == pytest.approx(2 / 3)
    assert "40.0 % fewer GPU-hours, as 66.7 % more GPUs" in mfu().check


def test_gpt_3_and_4_cost_each_sum_under_a_method_of_its_own() -> None:
    assert gpt3().values == pytest.approx({"amortised": 2.19e6, "cloud": 4.32e6, "development": 7.16e6}, rel=2e-3)
    assert gpt4().values["cloud"] == pytest.approx(78.35e6, rel=1e-3)
    assert gpt4().values["gemini cloud"] == pytest.approx(191.4e6, rel=1e-3)


def test_the_transformer_costs_some_400_dollars_amortised_and_1000_rented() -> None:
    assert transformer().values["amortised"] == pytest.approx(438, rel=0.02)
    assert transformer().values["rent"] == pytest.approx(672 * 1.46)


def test_growth_and_cards_are_held_against_arithmetic() -> None:
    assert growth().values == pytest.approx({"yearly": 85_000 ** (1 / 6), "low": 2**1.2, "high": 4.0})
    assert llama_card().values["tonnes"] == pytest.approx(7e6 * 0.7 * 0.369473 * 1.08 / 1000)


def test_servers_of_blackwell_fit_their_chips_or_not() -> None:
    assert b300().values == {"b200_low": 392_010, "b200_high": 432_010, "b300": 456_010}
    assert silicon().values["it"] == pytest.approx(0.67)


def test_a_file_of_methods_alone_is_scored_by_them() -> None:
    answer = cost_answer(known("epoch_GPT-4"), articles=False)
    assert answer["count"] == 3
    assert answer["mape"] < 1e-6
    assert answer["contradictions"] == []


def test_a_file_without_anything_to_predict_has_no_scores_and_says_so() -> None:
    answer = cost_answer(only(record(category="pue", unit="ratio")), articles=False)
    assert (answer["count"], answer["mape"], answer["rows"]) == (0, None, [])
    assert "Nothing could be compared." in cost_validation(answer)


def test_progress_is_told_of_every_record() -> None:
    told: list[tuple[int, int]] = []
    cost_answer(known("epoch_GPT-4", "cost_dsv3"), articles=False, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]


def test_the_command_takes_a_subset_and_prints_the_contract(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.json", {"records": [reference()["epoch_GPT-4"], reference()["cost_dsv3"]]})
    code, out, _ = run("--measurements", path, "--json")
    answer = json.loads(out)
    assert code == 0
    assert set(answer) == KEYS
    for row in answer["rows"]:
        assert {"id", "measured", "simulated", "error"} <= set(row)
    code, out, _ = run("--measurements", path)
    assert code == 0
    assert "$40.6 M" in out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ([], "expected one of the sections records"),
        ({"mine": []}, "expected one of the sections records"),
        ({"records": [{"id": "x"}]}, "records[0]: category: got None, expected a text"),
        ({"records": [record(category="mine")]}, "unknown category 'mine'"),
        ({"records": [record(id="x", unit="MW", category="power", name="100 H100 cluster", value="much")]}, "x.value"),
    ],
)
def test_a_wrong_file_is_one_line_and_exit_2(content: Any, message: str, tmp_path: Path) -> None:
    code, _, err = run("--measurements", written(tmp_path / "wrong.json", content))
    lines = [line for line in err.splitlines() if line.startswith("trainwright")]
    assert code == 2
    assert len(lines) == 1
    assert message in lines[0]


def test_a_missing_file_and_a_kind_that_does_not_exist_are_exit_2(tmp_path: Path) -> None:
    code, _, err = run("--measurements", str(tmp_path / "none.json"))
    assert code == 2
    assert "no such file" in err
    result = CliRunner().invoke(app, ["validate", "--kind", "costs"])
    assert result.exit_code == 2
    assert "did you mean 'cost'" in result.stderr


def test_an_unknown_section_beside_records_is_told_and_skipped(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.json", {"records": [reference()["cost_dsv3"]], "prices": []})
    code, out, _ = run("--measurements", path, "--json")
    assert code == 0
    assert [each["id"] for each in json.loads(out)["skipped"]] == ["prices"]
