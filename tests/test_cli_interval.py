"""`interval` and `spares` on the command line: what they print and write, and what they refuse."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sim.cli import app
from sim.report.interval.picture import interval_picture
from sim.report.interval.screen import interval_report
from sim.report.text import WIDTH

SHORT = ("--set", 'training.phases=[{name = "main", tokens = 8e9}]')
FEW = ("--replicas", "2", "--workers", "1")
ROW = {"value", "metric", "mean", "ci_low", "ci_high", "replicas", "regret", "regret_low", "regret_high", "differs"}


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    result = call("interval", "tiny", *SHORT, *FEW, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_rows_have_metric_and_value_and_the_best_is_one_of_them(answer: dict[str, Any]) -> None:
    assert all(set(row) >= ROW for row in answer["rows"])
    assert {row["metric"] for row in answer["rows"]} == {"ettr"}
    assert answer["best"] in [row["value"] for row in answer["rows"]]
    assert answer["replicas"] == 2
    assert [each["rule"] for each in answer["rules"]] == ["asked", "young", "daly", "optimal", "asynchronous"]
    best = next(row for row in answer["rows"] if row["value"] == answer["best"])
    assert best["regret"] == best["regret_low"] == best["regret_high"] == 0


def test_the_screen_answers_first_in_80_columns(answer: dict[str, Any]) -> None:
    lines = interval_report(answer).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith("tiny: how often to checkpoint?")
    assert any(line.startswith("Best interval: ") for line in lines[:5])
    for name in ("this scenario's", "Young", "Daly", "indistinguishable"):
        assert name in interval_report(answer)


def test_the_picture_is_xml_and_is_not_replaced_unasked(
    answer: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = call("interval", "tiny", *SHORT, *FEW, "--picture", "curve.svg")
    assert first.exit_code == 0, first.output
    assert Path("curve.svg").read_text() == interval_picture(answer)
    ET.parse("curve.svg")
    again = call("interval", "tiny", *SHORT, *FEW, "--picture", "curve.svg")
    assert again.exit_code == 2
    assert "use --force" in again.stderr


def test_asked_intervals_are_the_only_ones_beside_the_rules() -> None:
    result = call("interval", "tiny", *SHORT, *FEW, "--every", "20 s,1min", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    free = {row["value"] for row in found["rows"] if not row["rules"]} - {found["best"]}
    assert free <= {20.0, 60.0}
    assert {20.0, 60.0} <= {row["value"] for row in found["rows"]}


def test_dollars_have_regrets_too() -> None:
    arguments = ("--every", "20 s,1 min", "--metric", "usd_per_trillion_tokens")
    result = call("interval", "tiny", *SHORT, *FEW, *arguments, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    asked = found["rules"][0]
    assert asked["gpu_hours"] is None
    assert not found["higher_is_better"]
    assert max(map(len, interval_report(found).splitlines())) <= WIDTH
    assert "$" in interval_picture(found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--every", "2"), "--every: '2' has no unit"),
        (("--every", "0 s"), "--every 0 s: expected up to 200 different durations above 0"),
        (("--precision", "0"), "--precision: got 0; expected a fraction"),
        (("--metric", "mfu"), "--metric: unknown metric 'mfu'"),
        (("--set", "failures.scale=0"), "tiny: failures: nothing stops the job"),
        (("--replicas", "1"), "--replicas"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: tuple[str, ...], said: str) -> None:
    result = call("interval", "tiny", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_spares_prints_rows_and_a_screen() -> None:
    result = call("spares", "tiny", *SHORT, *FEW, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {row["metric"] for row in found["rows"]} == {"hours_gained", "usd_gained"}
    assert all({"value", "mean", "ci_low", "ci_high", "replicas"} <= set(row) for row in found["rows"])
    refused = call("spares", "tiny", "--set", "failures.scale=0")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
