"""`campaign` on the command line: what it prints and writes, and how it refuses."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sim.cli import app

CLI = CliRunner()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("campaign") / "out"
    done = CLI.invoke(app, ["campaign", "small", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stdout.rstrip().endswith(f"Written: {out}")
    return out


def test_a_campaign_is_written_with_the_results_of_its_runs(written: Path) -> None:
    answer = json.loads((written / "campaign.json").read_text("utf-8"))
    simulated = [run["name"] for run in answer["runs"] if run["simulated"]]
    assert sorted(path.name for path in (written / "runs").iterdir()) == sorted(simulated)
    table = pq.read_table(written / "charges.parquet").to_pydict()
    of_campaign = [
        usd for usd, account in zip(table["cost_usd"], table["account"], strict=True) if account == "campaign"
    ]
    assert float(sum(of_campaign)) == answer["cost_usd"]
    assert (written / "calendar.svg").read_text("utf-8").startswith("<svg")


def test_runs_of_a_campaign_are_priced_again_and_explained(written: Path) -> None:
    priced = CLI.invoke(app, ["price", str(written / "runs"), "--prices", "2026-owned", "--json"])
    assert len(json.loads(priced.stdout)["rows"]) == 11
    assert CLI.invoke(app, ["explain", str(written / "runs" / "student")]).exit_code == 0


def test_a_campaign_is_never_written_over_without_force(written: Path, tmp_path: Path) -> None:
    again = CLI.invoke(app, ["campaign", "small", "--out", str(written)])
    assert (again.exit_code, "use --force" in again.output) == (2, True)
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    other = CLI.invoke(app, ["campaign", "small", "--out", str(tmp_path), "--force"])
    assert (other.exit_code, "holds no campaign" in other.output) == (2, True)


def test_the_same_campaign_is_written_byte_for_byte(written: Path) -> None:
    before = {path: path.read_bytes() for path in sorted(written.rglob("*")) if path.is_file()}
    assert CLI.invoke(app, ["campaign", "small", "--out", str(written), "--force"]).exit_code == 0
    assert before == {path: path.read_bytes() for path in sorted(written.rglob("*")) if path.is_file()}


def test_nothing_is_left_where_a_campaign_fails(tmp_path: Path) -> None:
    late = ["--set", "assets.main.until=2026-03-02"]
    failed = CLI.invoke(app, ["campaign", "small", *late, "--out", str(tmp_path / "out")])
    assert failed.exit_code == 1
    assert "is given back" in failed.output
    assert list(tmp_path.iterdir()) == []


def test_the_seed_decides_what_fails() -> None:
    answers = [json.loads(CLI.invoke(app, ["campaign", "small", "--seed", seed, "--json"]).stdout) for seed in "52"]
    assert [sum(run["kind"] == "failed" for run in answer["runs"]) for answer in answers] == [1, 0]


def test_bad_input_is_one_line_each() -> None:
    done = CLI.invoke(app, ["campaign", "small", "--set", "runs.ablation.cont=3"])
    assert done.exit_code == 2
    (line,) = done.output.splitlines()
    assert line.startswith("trainwright: small: runs.0.cont: unknown key 'cont'; did you mean 'count'?")
