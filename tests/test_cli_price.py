"""`price` on the command line: what it prints and writes, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sim.cli import app
from sim.report.text import WIDTH


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("priced")
    for seed in (1, 2):
        assert call("run", "tiny", "--seed", str(seed), "--out", str(folder / f"run-{seed}")).exit_code == 0
    return folder


def test_one_run_is_shown_beside_what_it_cost(results: Path) -> None:
    shown = call("price", str(results / "run-1"), "--prices", "2026-rented", "--acquisition", "on-demand")
    assert shown.exit_code == 0, shown.output
    assert "at the prices of 2026-rented (on-demand)" in shown.stdout
    assert all(len(line) <= WIDTH for line in shown.stdout.splitlines())
    answer = json.loads(call("price", str(results / "run-1"), "--prices", "2026-owned", "--json").stdout)
    assert answer["acquisition"] == answer["before"]["acquisition"] == "own"
    assert {"cost_usd", "cost", "pool_usd", "lost_gpu_hour", "shadow_usd", "unpriced"} <= {*answer}


def test_an_override_moves_its_item_only(results: Path) -> None:
    base = ("price", str(results / "run-1"), "--prices", "2026-owned", "--json")
    plain, dear = (json.loads(call(*base, *more).stdout) for more in ((), ("--override", "storage/nvme-server=1e7")))
    moved = {item for item in plain["cost"] if plain["cost"][item] != dear["cost"][item]}
    assert moved == {"storage"}


def test_many_runs_are_rows_and_one_table(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "costs.parquet"
    answer = json.loads(call("price", str(results), "--prices", "2026-owned", "--out", str(out), "--json").stdout)
    written = pq.read_table(out)
    for row in answer["rows"]:
        own = [
            usd
            for run, usd in zip(*map(written.column, ("run_id", "cost_usd")), strict=True)
            if run.as_py() == row["run_id"]
        ]
        assert float(sum(usd.as_py() for usd in own)) == pytest.approx(row["cost_usd"], abs=1e-6)
    assert len(answer["rows"]) == 2
    assert "2 runs" in call("price", str(results), "--prices", "2026-owned").stdout
    again = call("price", str(results), "--prices", "2026-owned", "--out", str(out))
    assert (again.exit_code, "exists already" in again.output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("nowhere", "--prices", "2026-owned"), "nowhere: no results; expected the directory of a run"),
        (("RUN", "--prices", "2026-ownd"), "did you mean '2026-owned'"),
        (("RUN", "--prices", "2026-owned", "--acquisition", "hire"), "unknown acquisition 'hire'"),
        (
            ("RUN", "--prices", "2026-owned", "--acquisition", "reserved"),
            "no prices of dgx-h100 for acquisition 'reserved'; expected --acquisition own or colocation",
        ),
        (
            ("RUN", "--prices", "2026-rented"),
            "no prices of dgx-h100 for acquisition 'own'; expected --acquisition reserved, on-demand or spot",
        ),
        (("RUN", "--prices", "2026-owned", "--start", "2031-01-01"), "expected a date from 2026-01-01"),
        (("RUN", "--prices", "2026-owned", "--start", "soon"), "expected a date like 2026-01-31"),
        (("RUN", "--prices", "2026-owned", "--override", "energy/kwh=much"), "got 'much'; expected KEY=NUMBER"),
        (("RUN", "--prices", "2026-owned", "--override", "energy/kw=1"), "did you mean 'energy/kwh'"),
        (("RUN", "--prices", "2026-owned", "--override", "energy/kwh=-1"), "got -1; expected 0 to"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(results: Path, arguments: tuple[str, ...], expected: str) -> None:
    got = call("price", *(str(results / "run-1") if each == "RUN" else each for each in arguments))
    assert got.exit_code == 2
    assert expected in got.output
    assert len(got.output.strip().splitlines()) == 1
