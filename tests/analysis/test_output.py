"""What a validation writes: whole files or none, nothing of others touched."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sim.analysis import output
from sim.analysis.output import OURS, open_directory, write_validation
from sim.analysis.training import training_answer
from sim.errors import OutputError
from tests.analysis.test_scores import answer

ROW = answer("a", 1.0, 1.1) | {"filled": ["vpp", "network"], "waterfall": {"bubble": 0.25, "optimizer": 0.75}}


def test_a_directory_is_made_and_holds_every_file(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "deep"
    open_directory(directory, force=False)
    facts = training_answer([ROW])
    write_validation(directory, facts, "<html>")
    assert sorted(path.name for path in directory.iterdir()) == sorted({*OURS} - {"answers.jsonl"})
    assert json.loads((directory / "validation.json").read_text()) == facts
    [row] = pq.read_table(directory / "rows.parquet").to_pylist()
    assert (row["id"], row["filled"], row["fraction_bubble"]) == ("a", "vpp, network", 0.25)
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o644}


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_validation(open_directory(tmp_path / name, force=False).parent, training_answer([ROW]), "<html>")
    for name in ("rows.parquet", "validation.json", "page.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_validation_goes_on_in_its_directory_also_where_it_was_killed_while_writing(tmp_path: Path) -> None:
    for name in (*OURS, ".rows.parquet.ab12", ".page.html.x"):
        (tmp_path / name).touch()
    assert open_directory(tmp_path, force=False) == tmp_path / "answers.jsonl"


@pytest.mark.parametrize("name", ["thesis.tex", "rows.parquet.bak", ".hidden"])
def test_a_directory_of_others_is_refused_without_force(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(OutputError, match=f"holds {name}, which no validation wrote"):
        open_directory(tmp_path, force=False)
    open_directory(tmp_path, force=True)
    assert (tmp_path / name).exists()


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file; expected a directory"):
        open_directory(tmp_path / "file", force=True)
    with pytest.raises(OutputError, match="cannot be written"):
        open_directory(tmp_path / "file" / "below", force=True)


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    write_validation(tmp_path, training_answer([ROW]), "old")
    monkeypatch.setattr(output.Path, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_validation(tmp_path, training_answer([ROW]), "new")
    assert (tmp_path / "page.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_force_simulates_every_row_anew(tmp_path: Path) -> None:
    cache = open_directory(tmp_path, force=False)
    cache.write_text("{}\n")
    assert open_directory(tmp_path, force=False).exists()
    assert not open_directory(tmp_path, force=True).exists()
