"""`batch` and `results` on the command line: exit codes, what goes where, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sim.batch.drive import lanes
from sim.batch.work import run_chunk
from sim.cli import app
from sim.errors import SimulationError
from sim.simulate import simulate_prepared
from tests.batch.studies import InlineLanes, contents, written


@pytest.fixture(autouse=True)
def _inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let chunks be simulated in this process."""
    monkeypatch.setattr(lanes, "LocalLanes", lambda workers: InlineLanes())


def asked(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def batch(folder: Path, *more: object) -> Result:
    return asked("batch", written(folder), "--out", folder / "out", *more)


def test_a_batch_says_its_plan_and_where_results_are(tmp_path: Path) -> None:
    result = batch(tmp_path)
    assert result.exit_code == 0
    assert result.stdout == (f"short: 12 of 12 runs done in 6 of 6 chunks, 0 failed\nResults: {tmp_path / 'out'}\n")
    assert "short: 12 runs: 3 variants x 4 seeds in 6 chunks, detail summary" in result.stderr
    assert "estimate: " in result.stderr


def test_events_for_programs_are_json_to_the_last_line(tmp_path: Path) -> None:
    result = batch(tmp_path, "--json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events if event["event"] != "progress"] == [
        *("plan", "estimate", *["chunk"] * 6, "finished"),
    ]
    assert (events[-1]["complete"], events[-1]["runs_done"], result.stderr) == (True, 12, "")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    result = batch(tmp_path, "--dry-run", "--json", "--replicas", 7)
    told = json.loads(result.stdout)
    assert (told["runs"], told["runs_left"], told["chunks_left"]) == (21, 21, 12)
    assert told["estimate"]["run_s"] > 0 and told["estimate"]["bytes"] > 0
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_what_of_a_batch_is_left(tmp_path: Path) -> None:
    batch(tmp_path, "--shard", "1/2")
    assert "to do: 6 runs in 3 chunks" in batch(tmp_path, "--dry-run").stdout
    assert "to do: 0 runs in 0 chunks" in batch(tmp_path, "--dry-run", "--shard", "1/2").stdout
    assert "to do" not in batch(tmp_path, "--dry-run", "--force").stdout


def test_force_begins_anew(tmp_path: Path) -> None:
    assert batch(tmp_path).exit_code == 0
    other = batch(tmp_path, "--set", "run.work=3 d")
    assert other.exit_code == 2
    assert "expected another --out, or --force to begin anew" in other.stderr
    assert batch(tmp_path, "--set", "run.work=3 d", "--force").exit_code == 0


def test_shards_together_are_the_whole(tmp_path: Path) -> None:
    for shard in ("2/3", "3/3", "1/3"):
        result = batch(tmp_path / "parts", "--shard", shard)
        assert result.exit_code == 0
    batch(tmp_path / "whole")
    assert contents(tmp_path / "parts" / "out") == contents(tmp_path / "whole" / "out")


def test_failed_runs_are_told_and_end_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def simulate(prepared: Any) -> Any:
        if prepared.scenario.seed == 4:
            raise SimulationError("no way")
        return simulate_prepared(prepared)

    monkeypatch.setattr(run_chunk, "simulate_prepared", simulate)
    result = batch(tmp_path)
    assert result.exit_code == 1
    assert "chunk 1: 1 run failed: 0: seed 4: no way" in result.stderr
    assert "3 failed" in result.stdout
    monkeypatch.undo()
    assert batch(tmp_path, "--dry-run").exit_code == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--shard", "0/4"], "--shard 0/4: expected I/N"),
        (["--shard", "5/4"], "--shard 5/4: expected I/N"),
        (["--shard", "x"], "--shard x: expected I/N"),
        (["--engine", "dusk"], "--engine: unknown engine 'dusk'; did you mean 'dask'"),
        (["--scheduler", "tcp://a:1"], "--scheduler tcp://a:1: is Dask's; expected --engine dask"),
        (["--engine", "dask", "--scheduler", "tcp://a:1", "--workers", "2"], "--workers 2: are those of the cluster"),
        (["--detail", "event"], "--detail: unknown detail 'event'; did you mean 'events'"),
        (["--time-limit", "5"], "--time-limit: '5' has no unit"),
        (["--memory-limit", "4 Gb"], "--memory-limit: '4 Gb' is ambiguous"),
        (["--set", "cluster.node=x"], "x"),
    ],
)
def test_what_is_wrong_is_bad_input_and_nothing_is_written(tmp_path: Path, more: list[str], said: str) -> None:
    result = batch(tmp_path, *more)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_results_of_a_batch(tmp_path: Path) -> None:
    batch(tmp_path)
    shown = asked("results", tmp_path / "out")
    assert shown.exit_code == 0 and "scenarios" in shown.stdout
    facts = json.loads(asked("results", tmp_path / "out", "--json").stdout)
    assert facts["tables"]["runs"]["rows"] == 12
    assert json.loads(asked("results", tmp_path / "out", "--status", "--json").stdout)["complete"] is True
    assert asked("results", tmp_path / "out", "--compact").exit_code == 0
    assert "Written:" in asked("results", tmp_path / "out", "--compact").stdout


def test_results_of_a_query(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    batch(tmp_path)
    asking = ("results", tmp_path / "out", "--sql", "SELECT count(*) AS runs FROM runs")
    assert asked(*asking).stdout == "runs\n  12\n"
    assert json.loads(asked(*asking, "--json").stdout) == [{"runs": 12}]


def test_one_question_at_a_time(tmp_path: Path) -> None:
    result = asked("results", tmp_path, "--status", "--compact")
    assert result.exit_code == 2
    assert "expected one" in result.stderr


def test_what_a_study_asks_of_compare_is_said_to_be_left_to_it(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = path.read_text()
    path.write_text('best = { metric = "ettr", within = 0.01 }\n' + text)
    said = "best and prices are for `compare`"
    assert said in asked("batch", path, "--out", tmp_path / "out", "--dry-run").stderr
    path.write_text(text)
    assert said not in asked("batch", path, "--out", tmp_path / "out", "--dry-run").stderr
