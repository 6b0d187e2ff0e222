"""`validate --kind reliability`: what a file may hold, what every row says, and nothing left out without a word."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sim.analysis.reliability.answer import SECTIONS, read_cases, reliability_answer, tasks_of
from sim.analysis.reliability.cases.rules import REASONS, case_rows, reason_of, rule_of
from sim.analysis.reliability.rows import Predicted, Skipped, met, row_json, z_score
from sim.analysis.reliability.runs import Sample
from sim.cli import app
from sim.errors import InputError
from sim.report.validation.reliability_validation import reliability_validation

REFERENCE = read_cases(None)
BLOOM = next(case for case in REFERENCE["cases"] if case["id"] == "bloom-176b")
UNKNOWN = {"id": "mine", "source": "here", "inputs": ["rate"], "outputs_to_predict": ["goodput"], "failures": None}


def answer(*cases: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return reliability_answer({"cases": list(cases), **sections}, oracles=False, workers=1)


def row(**changes: Any) -> Predicted:
    given: dict[str, Any] = {"measured": 2.0, "simulated": 2.2, "inputs": {"a": 1}, "outputs": {"b": 2.2}}
    names = {"id": "mine: b", "section": "published", "group": "mine", "unit": "h", "source": "here"}
    return Predicted(**{**names, **given, **changes})


def test_every_published_case_has_a_rule_or_its_own_reason() -> None:
    ruled = {case["id"] for case in REFERENCE["cases"] if rule_of(case)}
    named = {case["id"] for case in REFERENCE["cases"]}
    assert len(ruled) == 12
    assert ruled.isdisjoint(REASONS)
    assert named - ruled == set(REASONS)


@pytest.mark.parametrize(
    "case", [case for case in REFERENCE["cases"] if not rule_of(case)], ids=lambda case: case["id"]
)
def test_a_case_without_a_rule_is_skipped_with_a_reason(case: dict[str, Any]) -> None:
    (found,) = case_rows(case)
    assert isinstance(found, Skipped)
    assert found.reason == REASONS[case["id"]]


def test_a_case_of_ones_own_says_what_it_lacks() -> None:
    assert reason_of({**UNKNOWN, "inputs": []}) == "states no inputs"
    assert reason_of({**UNKNOWN, "outputs_to_predict": []}) == "states inputs and no outcome to predict"
    assert "no rule leads from its inputs (rate)" in reason_of(UNKNOWN)


def test_a_case_of_ones_own_is_predicted_by_what_it_states() -> None:
    mine = {**BLOOM, "id": "mine", "checkpoint": {"seconds": 60, "interval_h": 1, "overhead": 0.02}}
    (found,) = answer(mine)["rows"]
    assert found["simulated"] == pytest.approx(60 / 3660, rel=1e-3)
    assert found["error"] == pytest.approx(60 / 3660 / 0.02 - 1, abs=1e-3)
    assert found["inputs"] == {"block_s": 60, "interval_h": 1}


def test_inputs_and_outputs_are_apart_and_what_is_simulated_is_an_output() -> None:
    for found in answer(BLOOM)["rows"]:
        assert found["simulated"] in found["outputs"].values()
        assert found["simulated"] not in found["inputs"].values()


def test_a_bound_is_met_or_not_and_has_no_error() -> None:
    above, below = row_json(row(relation=">")), row_json(row(relation="<="))
    assert (above["error"], above["met"]) == (None, True)
    assert (below["error"], below["met"]) == (None, False)
    assert row_json(row())["error"] == pytest.approx(0.1)
    assert row_json(row())["met"] is None


def test_a_z_test_counts_both_errors() -> None:
    found = Sample(values=(9.0, 11.0))
    assert z_score(found, 7.0) == pytest.approx(3.0)
    assert z_score(found, 7.0, 3**0.5) == pytest.approx(1.5)
    assert met(row(z=3.4))
    assert not met(row(z=-3.6))


def test_scores_leave_bounds_and_unscored_rows_out() -> None:
    result = answer(BLOOM, next(case for case in REFERENCE["cases"] if case["id"] == "vast-40runs"))
    assert result["count"] == 2
    assert result["judged"]["bounds"] == {"count": 2, "met": 2}
    assert set(result) >= {"mape", "median", "p90", "bias", "max", "groups", "rows", "tables", "skipped"}
    json.dumps(result, allow_nan=False)


def test_a_peer_that_the_mapping_does_not_cover_is_skipped() -> None:
    peer = {**REFERENCE["peer_scenarios"]["S3"], "bad_fraction": 0.05}
    (skipped,) = answer(peer_scenarios={"S9": peer})["skipped"]
    assert "bad_fraction" in skipped["reason"]


def test_a_task_for_each_case_and_each_peer() -> None:
    assert len(tasks_of(REFERENCE)) == len(REFERENCE["cases"]) + 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not valid JSON"),
        ("[1]", "expected one of the sections"),
        ("{}", next(iter(SECTIONS))),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(InputError, match=expected) as error:
        read_cases(str(path))
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(InputError, match="no such file"):
        read_cases(str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    "sections",
    [
        {"cases": ["text"]},
        {"cases": [{"id": "mine"}]},
        {"cases": {}},
        {"peer_scenarios": {"S1": {"job_size": 4}}},
        {"cases": [{**BLOOM, "checkpoint": {"seconds": "40", "interval_h": None, "overhead": 0.1}}]},
    ],
)
def test_a_case_that_cannot_be_read_is_one_line(sections: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        reliability_answer(sections, oracles=False, workers=1)
    assert len(str(error.value).splitlines()) == 1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"cases": [BLOOM, UNKNOWN]}))
    return path


def test_the_command_prints_json_that_others_can_read(file: Path) -> None:
    result = CliRunner().invoke(app, ["validate", "--kind", "reliability", "--measurements", str(file), "--json"])
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert [each["id"] for each in printed["rows"]] == ["bloom-176b: overhead of checkpoints"]
    assert {"id", "measured", "simulated", "error"} <= set(printed["rows"][0])
    assert [each["id"] for each in printed["skipped"]] == ["mine"]


def test_the_screen_says_what_was_given_and_what_was_left_out_in_80_columns(file: Path) -> None:
    result = CliRunner().invoke(app, ["validate", "--kind", "reliability", "--measurements", str(file)])
    assert result.exit_code == 0
    assert "given block_s 40, interval_h 3" in result.stdout
    assert "mine: no rule leads from its inputs (rate)" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_kind_that_is_unknown_names_the_three() -> None:
    result = CliRunner().invoke(app, ["validate", "--kind", "reliabilty"])
    assert result.exit_code == 2
    assert "reliability" in result.stderr


def test_the_screen_of_a_bound_that_does_not_hold_says_so() -> None:
    rows = [row_json(row(relation="<")), row_json(row(relation=">", scored=False, note="only a guess"))]
    judged = {"bounds": {"count": 1, "met": 0}, "z_tests": {"count": 0, "met": 0}}
    text = reliability_validation({"count": 0, "judged": judged, "rows": rows, "tables": [], "skipped": []})
    assert "0 of 1 bounds hold" in text
    assert "does not hold" in text
    assert "(holds)" in text
    assert "only a guess" in text
