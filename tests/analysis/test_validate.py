"""`validate`: answers do not depend on workers, a second time nothing is simulated, bad files are one line."""

import json
from pathlib import Path

import pytest

from sim.analysis import validate
from sim.analysis.measurements import read_measurements
from sim.analysis.output import ANSWERS, open_directory
from sim.analysis.validate import validate_training
from sim.errors import InputError, OutputError
from sim.report.truth_page import truth_page
from sim.report.validation_report import validation_report
from tests.analysis.rows import COLUMNS, written

ROWS = [{"id": f"row-{i}", "global_batch": str(16 * (i + 1)), "step_time_s": f"{0.05 * (i + 1)}"} for i in range(9)]
ROWS[3] |= {"gpu": "TPU-v4"}


def test_answers_stand_in_the_order_of_the_rows_whatever_the_workers(tmp_path: Path) -> None:
    rows = read_measurements(written(tmp_path, ROWS))
    alone, together = validate_training(rows, workers=1), validate_training(rows, workers=2)
    assert alone == together
    assert [answer["id"] for answer in alone] == [row["id"] for row in ROWS]
    assert alone[3]["skipped"] == "no rule for GPU 'TPU-v4'"


def test_an_error_is_simulated_over_measured_less_one(tmp_path: Path) -> None:
    (answer,) = validate_training(read_measurements(written(tmp_path, ROWS[:1])))
    assert answer["error"] == answer["simulated"] / 0.05 - 1


def test_what_was_simulated_is_not_simulated_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, cache = read_measurements(written(tmp_path, ROWS)), tmp_path / "answers.jsonl"
    first = validate_training(rows, workers=1, cache=cache)

    def refuse(_: object) -> None:
        raise AssertionError("simulated again")

    monkeypatch.setattr(validate, "step_of", refuse)
    assert validate_training(rows, workers=1, cache=cache) == first


def test_a_line_that_was_cut_off_costs_its_own_row_only(tmp_path: Path) -> None:
    rows, cache = read_measurements(written(tmp_path, ROWS[:3])), tmp_path / "answers.jsonl"
    first = validate_training(rows, workers=1, cache=cache)
    cache.write_text(cache.read_text()[:-40])
    assert validate_training(rows, workers=1, cache=cache) == first


def test_a_changed_row_is_simulated_anew(tmp_path: Path) -> None:
    cache = tmp_path / "answers.jsonl"
    validate_training(read_measurements(written(tmp_path, ROWS[:1])), cache=cache)
    changed = [ROWS[0] | {"step_time_s": "0.5"}]
    (answer,) = validate_training(read_measurements(written(tmp_path, changed)), cache=cache)
    assert answer["measured"] == 0.5
    assert len(cache.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "has no rows"),
        (",".join(COLUMNS) + "\n", "has no rows"),
        ("id,source\n1,2\n", "column 'model'"),
        (",".join(COLUMNS) + "\nx\n", "line 2: got 1 cells"),
    ],
)
def test_a_file_of_another_form_is_refused_in_one_line(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_measurements(str(path))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got 'same' twice"):
        read_measurements(written(tmp_path, [{"id": "same"}, {"id": "same"}]))


def test_a_number_that_is_none_costs_its_row_only(tmp_path: Path) -> None:
    rows = read_measurements(written(tmp_path, [{"id": "bad", "layers": "many"}, {"id": "good"}]))
    bad, good = validate_training(rows, workers=1)
    assert "layers: got 'many'" in str(bad["skipped"])
    assert good["simulated"]


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"--measurements nowhere\.csv: no such file"):
        read_measurements("nowhere.csv")


def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(OutputError, match=r"holds thesis\.tex"):
        open_directory(tmp_path, force=False)
    assert open_directory(tmp_path, force=True).name == ANSWERS
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        open_directory(tmp_path / "file", force=True)


def test_report_and_page_say_the_error_and_hold_every_row(tmp_path: Path) -> None:
    from sim.analysis.training import training_answer

    answer = training_answer(validate_training(read_measurements(written(tmp_path, ROWS)), workers=1))
    answer = json.loads(json.dumps(answer))
    report, page = validation_report(answer), truth_page(answer)
    assert max(map(len, report.splitlines())) <= 80
    assert f"{100 * answer['mape']:.1f} %" in report
    assert all(row["id"] in page for row in answer["rows"])
    assert "TPU-v4" in page
