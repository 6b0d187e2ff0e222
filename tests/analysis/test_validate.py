"""Running rows: the same answers whatever the workers, and nothing twice."""

import json
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from sim.analysis import validate
from sim.analysis.measurements import Measured
from sim.analysis.validate import validate_training
from sim.errors import SimulationError
from tests.analysis.rows import row

ROWS = [row(id=f"row{i}", global_batch=str(8 * i), step_time_s=str(0.1 * i)) for i in range(1, 10)]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of rows to which every simulated one is added."""
    seen: list[str] = []
    answer = validate._answer

    def count(task: tuple[int, Measured]) -> Any:
        seen.append(task[1].text("id"))
        return answer(task)

    monkeypatch.setattr(validate, "_answer", count)
    return seen


def test_answers_keep_the_order_of_rows_and_say_why_one_is_missing() -> None:
    # Simulated by size of machine, the larger last.
    large = row(id="large", n_gpus="16", dp="8", global_batch="16")
    answers = validate_training([large, row(id="skipped", gpu="TPUv4"), row(id="small")], workers=1)
    assert [each["id"] for each in answers] == ["large", "skipped", "small"]
    assert answers[1]["skipped"] == "no rule for GPU 'TPUv4'"
    for each in (answers[0], answers[2]):
        assert each["error"] == pytest.approx(each["simulated"] / 0.1 - 1)


def test_answers_do_not_depend_on_the_workers() -> None:
    assert validate_training(ROWS, workers=1) == validate_training(ROWS, workers=2)


def test_an_answer_does_not_depend_on_its_neighbours() -> None:
    alone = [validate_training([each], workers=1)[0] for each in ROWS[:3]]
    assert validate_training(list(reversed(ROWS[:3])), workers=1) == list(reversed(alone))


def test_two_nics_are_two_machines() -> None:
    rows = [row(id=f"{rate}", n_gpus="16", dp="8", global_batch="16", network=f"{rate} GB/s/GPU") for rate in (50, 5)]
    fast, slow = validate_training(rows, workers=1)
    assert slow["simulated"] > fast["simulated"]


def test_rows_that_are_known_are_not_simulated_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, seen = tmp_path / "answers.jsonl", counted(monkeypatch)
    first = validate_training(ROWS[:2], workers=1, cache=cache)
    again = validate_training(ROWS[:3], workers=1, cache=cache)
    assert seen == ["row1", "row2", "row3"]
    assert again[:2] == first


@pytest.mark.parametrize("change", [{"step_time_s": "0.3"}, {"tp": "1", "dp": "8"}, {"notes": "no overlap"}])
def test_a_row_that_changed_is_simulated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    cache = tmp_path / "answers.jsonl"
    validate_training([row()], workers=1, cache=cache)
    seen = counted(monkeypatch)
    validate_training([row(**change)], workers=1, cache=cache)
    assert seen == ["one"]


def test_another_version_of_the_models_simulates_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "answers.jsonl"
    validate_training([row()], workers=1, cache=cache)
    monkeypatch.setattr(validate, "MODEL_VERSION", "another")
    seen = counted(monkeypatch)
    validate_training([row()], workers=1, cache=cache)
    assert seen == ["one"]


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_file_cut_off_by_a_kill_costs_its_last_row_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: float
) -> None:
    cache = tmp_path / "answers.jsonl"
    expected = validate_training(ROWS[:2], workers=1, cache=cache)
    first, last = cache.read_text().splitlines(keepends=True)
    cache.write_text(first + last[: int(kept * len(last))])
    seen = counted(monkeypatch)
    assert validate_training(ROWS[:2], workers=1, cache=cache) == expected
    assert validate_training(ROWS[:2], workers=1, cache=cache) == expected
    assert seen == ["row2"], "what was written after the cut is read the next time"


def test_every_line_of_the_cache_is_json(tmp_path: Path) -> None:
    cache = tmp_path / "answers.jsonl"
    validate_training(ROWS[:2], workers=1, cache=cache)
    assert all(set(json.loads(line)) == {"key", "answer"} for line in cache.read_text().splitlines())


def test_progress_ends_with_all_rows() -> None:
    calls: list[tuple[int, int]] = []
    validate_training(
        [*ROWS[:2], row(id="x", core="context")], workers=1, progress=lambda done, of: calls.append((done, of))
    )
    assert calls == [(2, 3), (3, 3)]


def test_a_dead_worker_is_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dead:
        def __init__(self, *arguments: object, **settings: object) -> None:
            raise BrokenProcessPool

    monkeypatch.setattr(validate, "executor_of", Dead)
    with pytest.raises(SimulationError, match="a worker process died; run it again"):
        validate_training(ROWS, workers=2)
