"""`compare` on the command line: what it prints and writes, and what it refuses."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sim.batch.study import load_study
from sim.cli import app
from sim.report.comparison.comparison_report import comparison_report
from sim.report.comparison.pareto_picture import pareto_picture
from sim.scenario import load_scenario

EXPERIMENTS = Path(__file__).parent.parent / "experiments"

STUDY = """
name = "spares"
question = "Does a spare pay?"
base = "tiny"
replicas = 1

[[variants]]
name = "none"
set = { "cluster.spare_nodes" = 0 }

[[variants]]
name = "one"
set = { "cluster.spare_nodes" = 1 }
"""


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "spares.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return "spares.toml"


def test_a_study_is_compared_with_its_own_replicas_and_question(study: str) -> None:
    result = call("compare", study, "--workers", "1", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["study"], answer["question"], answer["replicas"]) == ("spares", "Does a spare pay?", 1)
    assert [each["value"] for each in answer["variants"]] == ["none", "one"]
    assert {row["replicas"] for row in answer["rows"]} == {1}


def test_the_question_heads_the_screen(study: str) -> None:
    result = call("compare", study, "--workers", "1", "--replicas", "2")
    assert result.stdout.startswith("Does a spare pay?\n\ntiny over cluster.spare_nodes: 2 variants, 2 runs each")
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_answer_table_and_picture_are_written_and_not_replaced_unasked(study: str) -> None:
    first = call("compare", study, "--workers", "1", "--out", "shown")
    assert first.exit_code == 0, first.output
    answer = json.loads(Path("shown/comparison.json").read_text())
    assert Path("shown/comparison.txt").read_text() == comparison_report(answer) + "\n" == first.stdout
    assert Path("shown/comparison.svg").read_text() == pareto_picture(answer)
    ET.parse("shown/comparison.svg")
    again = call("compare", study, "--workers", "1", "--out", "shown")
    assert (again.exit_code, again.stderr.count("\n")) == (2, 1)
    assert "comparison.json: exists already; use --force" in again.stderr
    assert call("compare", study, "--workers", "1", "--out", "shown", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare", "tiny"], "compare tiny: a scenario is no study; expected --over KEY=A,B,C beside it"),
        (["compare", "toplogies"], "compare without --over: unknown study 'toplogies'; did you mean 'topologies'?"),
        (["compare", "topologie"], "did you mean 'topologies'"),
        (["compare", "topologies", "--over", "run.seed=1,2"], "the study 'topologies' states what it compares"),
        (["compare", "none.toml"], "none.toml: no such file; expected a study in TOML"),
        (["compare", "spares.toml", "--set", "cluster.spare=1"], "did you mean 'spare_nodes'"),
        (["compare", "tiny", "--over", "run.seed=1"], "expected two at least to compare"),
        (["compare", "tiny", "--over", "run.seed=1,2", "--replicas", "0"], "--replicas"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_line(study: str, arguments: list[str], said: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_scenario_without_axes_is_told_what_is_missing(study: str) -> None:
    Path("own.toml").write_text('name = "own"\nextends = "tiny"\n')
    result = call("compare", "own.toml")
    assert result.exit_code == 2
    assert "own.toml: base: is missing: this is no study; expected its base, or a scenario with --over" in result.stderr


def test_the_help_of_the_picture_names_all_that_variants_are_set_against() -> None:
    told = " ".join(call("compare", "--help").stdout.split())
    assert "Draw what ranks variants against time, tokens or cost (SVG)." in told


def test_the_readme_of_experiments_shows_the_study_and_a_form_that_loads(tmp_path: Path) -> None:
    text = (EXPERIMENTS / "README.md").read_text()
    table = (EXPERIMENTS / "studies" / "topologies" / "comparison.txt").read_text()
    shown = text.split("```text\n")[1].split("```")[0].strip("\n")
    assert all(block in table for block in shown.split("\n\n"))
    (tmp_path / "spares.toml").write_text(text.split("```toml\n")[1].split("```")[0])
    found = load_study(str(tmp_path / "spares.toml"))
    spares = [load_scenario(found.base, each.overrides).machines.spare_nodes for each in found.variants]
    assert spares == [0, 24]


def test_the_readme_of_experiments_shows_what_spares_and_elasticity_came_to() -> None:
    section = (EXPERIMENTS / "README.md").read_text().split("## Spares, or fewer replicas?\n")[1].split("\n## ")[0]
    shown = [text.split("```")[0].strip("\n") for text in section.split("```text\n")[1:]]
    names = "spares-or-elastic", "spares-or-elastic-2x", "spares-or-elastic-2k"
    for name, text in zip(names, shown, strict=True):
        done = EXPERIMENTS / "studies" / name
        assert all(block in (done / "comparison.txt").read_text() for block in text.split("\n\n"))
        facts = json.loads((done / "comparison.json").read_text())
        assert [each.name for each in load_study(name).variants] == [each["value"] for each in facts["variants"]]


def test_what_is_shown_of_a_study_is_what_its_answer_renders() -> None:
    for answer in (EXPERIMENTS / "studies").glob("*/comparison.json"):
        facts = json.loads(answer.read_text())
        assert facts["study"] == answer.parent.name
        assert (answer.parent / "comparison.txt").read_text() == comparison_report(facts) + "\n"
        assert (answer.parent / "comparison.svg").read_text() == pareto_picture(facts)
