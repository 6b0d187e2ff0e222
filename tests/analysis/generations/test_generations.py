"""The generations from simulation: hours that are published are met without a constant of any model."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from sim.analysis.generations.answer import generations_answer
from sim.analysis.generations.simulated import SCALES, SEEDS, simulated
from sim.analysis.generations.table import METHODS, bands, generations
from sim.cli import app
from sim.report.generations.picture import generations_picture
from sim.report.generations.screen import generations_report
from sim.report.text import WIDTH
from sim.scenario import preset_names

SMALL = [each for each in generations() if each.preset in ("transformer-2017", "gpt3-v100", "deepseek-v3")]


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    return generations_answer(samples=40, workers=1, chosen=SMALL)


def method(row: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in row["methods"] if each["method"] == name)
    return found


def test_every_generation_is_a_preset_and_every_figure_has_a_method() -> None:
    assert [each.published for each in generations()] == sorted(each.published for each in generations())
    for each in generations():
        assert each.preset in preset_names()
        assert {figure.method for figure in each.figures} <= set(METHODS)
        assert all(0 < figure.low <= figure.high for figure in each.figures)


def test_every_input_has_a_source_and_a_band() -> None:
    assert all(band.source and 0 < band.low < band.high for band in bands().values())


def test_bands_rise_and_a_figure_is_inside_or_the_line_says_why_not(answer: dict[str, Any]) -> None:
    for row in answer["rows"]:
        for each in row["methods"]:
            if each["p50"] is None:
                assert each["why"]
                continue
            assert 0 < each["p5"] <= each["p50"] <= each["p95"]
            if each["published"] is not None:
                low, high = each["published"]
                assert each["inside"] == (each["p5"] <= high and low <= each["p95"])
                assert bool(each["why"]) != each["inside"]


def test_deepseek_v3s_hours_of_pre_training_are_met_within_10_percent() -> None:
    run = simulated("deepseek-v3")
    for point in run.points[SEEDS : 2 * SEEDS]:
        hours = sum(point.usage.time.values()) / 3.6e9 * point.job_share
        assert hours == pytest.approx(2.664e6, rel=0.10)


def test_more_failures_make_a_run_longer(answer: dict[str, Any]) -> None:
    run = simulated("gpt3-v100")
    walls = [point.usage.wall_us * point.stretch for point in run.points]
    assert [point.scale for point in run.points[::SEEDS]] == list(SCALES)
    assert walls[0] < walls[SEEDS] < walls[2 * SEEDS]


def test_the_rent_of_the_day_is_hours_times_its_price(answer: dict[str, Any]) -> None:
    for name, usd in (("transformer-2017", 1.46), ("deepseek-v3", 2.0)):
        row = next(row for row in answer["rows"] if row["preset"] == name)
        hours, rent = method(row, "chip-hours"), method(row, "rent of the day")
        assert rent["p50"] == pytest.approx(usd * hours["p50"])


def test_the_answer_is_the_same_each_time_and_plain_json(answer: dict[str, Any]) -> None:
    again = generations_answer(samples=40, workers=1, chosen=SMALL[:1])
    assert again["rows"][0] == answer["rows"][0]
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_the_screen_keeps_80_columns_and_names_every_row(answer: dict[str, Any]) -> None:
    screen = generations_report(answer)
    assert max(map(len, screen.splitlines())) <= WIDTH
    assert all(row["name"] in screen for row in answer["rows"])
    assert "inside" in screen


def test_the_picture_names_every_row_and_marks_what_is_published(answer: dict[str, Any]) -> None:
    picture = generations_picture(answer)
    assert all(row["name"] in picture for row in answer["rows"])
    assert picture.count('class="said"') >= 5


def test_a_picture_that_is_no_svg_is_refused_before_anything_is_simulated(tmp_path: Any) -> None:
    result = CliRunner().invoke(app, ["generations", "--picture", str(tmp_path / "a.png")])
    assert result.exit_code == 2
    assert "expected .svg" in result.output


@pytest.mark.slow
def test_llamas_hours_are_met_and_all_published_figures_but_those_told_are_inside() -> None:
    found = generations_answer(samples=128)
    outside = {
        (row["preset"], each["method"])
        for row in found["rows"]
        for each in row["methods"]
        if each.get("inside") is False
    }
    assert outside <= {
        ("transformer-2017", "chip-hours"),
        ("transformer-2017", "rent of the day"),
        ("gpt3-v100", "chip-hours"),
    }
    llama = next(row for row in found["rows"] if row["preset"] == "llama3-405b")
    assert method(llama, "chip-hours")["inside"]
    run = simulated("llama3-405b")
    hours = sum(run.points[SEEDS].usage.time.values()) / 3.6e9 * run.points[SEEDS].job_share
    assert hours == pytest.approx(30.84e6, rel=0.03)
    frontier = next(each for each in found["growth"] if (each["what"], each["rows"]) == ("bill", "frontier"))
    assert frontier["p5"] < 2.9 and frontier["p95"] > 2.0
