"""What `results` says of a directory, and how programs read it as it is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sim.batch.store.compact import compact, compacted, files_of
from sim.batch.store.query import query
from sim.batch.store.status import status_of
from sim.errors import InputError, OutputError
from sim.ledger.files.schema import SCHEMAS
from sim.report.batch.batch_answer import results_json, status_json
from sim.report.batch.batch_report import results_report, status_lines
from sim.report.run.results import write_run
from sim.scenario import load_scenario
from sim.simulate import simulate
from tests.batch.studies import SHORT, contents, plan_from, run

BILLED = """
name = "billed"
question = "What does a spare cost?"
base = "tiny"
replicas = 2
metrics = ["cost_usd", "ettr"]

[[axes]]
key = "cluster.spare_nodes"
values = [0, 1]

[batch]
chunk = 2
detail = "events"
"""


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("short")
    run(plan_from(folder, SHORT), folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("billed")
    run(plan_from(folder, BILLED), folder / "out")
    return folder / "out"


def test_events_keep_every_table_of_a_run_with_its_name_in_the_first_column(billed: Path) -> None:
    answer = results_json(billed)
    assert set(answer["tables"]) == {*SCHEMAS, "scenarios"}
    for name in set(SCHEMAS) - {"runs"}:
        assert pq.read_table(billed / name).schema.remove_metadata() == SCHEMAS[name]
    assert pq.read_schema(billed / "runs" / "chunk-00000.parquet").names[0] == "run_id"


def test_results_of_variants_with_quotes_in_their_names_are_read(tmp_path: Path) -> None:
    """So variants of texts were called once."""
    plan = plan_from(tmp_path, SHORT)
    named = [replace(each, name=f'"{each.name}"') for each in plan.variants]
    run(replace(plan, variants=tuple(named)), tmp_path / "out")
    told = dict.fromkeys(row["variant"] for row in results_json(tmp_path / "out")["rows"])
    assert [*told] == ['"0"', '"2"', '"4"']
    with pytest.raises(OutputError, match="holds this study with other variants; expected another --out"):
        run(plan, tmp_path / "out")


def test_a_chunk_holds_what_single_runs_hold(billed: Path, tmp_path: Path) -> None:
    """Rows of every table of one run, read from its chunk, are those that `run` writes."""
    result = simulate(load_scenario("tiny", ["cluster.spare_nodes=1", "run.seed=2"]))
    write_run(result, answer_of(result), tmp_path / "run", False)
    for name in SCHEMAS:
        alone = pq.read_table(tmp_path / "run" / f"{name}.parquet").replace_schema_metadata(None)
        chunk = pq.read_table(billed / name, filters=[("run_id", "=", result.run_id)]).select(alone.schema.names)
        assert chunk.replace_schema_metadata(None).to_pylist() == alone.to_pylist()


def test_results_of_a_single_run_are_its_tables(tmp_path: Path) -> None:
    result = simulate(load_scenario("tiny", ["run.horizon=1 h"]))
    write_run(result, answer_of(result), tmp_path / "run", False)
    answer = results_json(tmp_path / "run")
    assert (answer["kind"], answer["run_id"], set(answer["tables"])) == ("run", result.run_id, set(SCHEMAS))
    assert results_report(answer).startswith(f"run {result.run_id}, models ")


def answer_of(result: Any) -> dict[str, Any]:
    from sim.report.run.answers import run_json

    return run_json(result)


def test_ledgers_of_a_batch_add_up_to_its_runs(billed: Path) -> None:
    costs = pq.read_table(billed / "cost_ledger").to_pylist()
    for row in pq.read_table(billed / "runs").to_pylist():
        posted = [c["cost_usd"] for c in costs if c["run_id"] == row["run_id"] and c["account"] == "run"]
        assert sum(posted) == row["cost_usd"]


def test_less_detail_keeps_fewer_tables(tmp_path: Path) -> None:
    run(plan_from(tmp_path, BILLED, detail="ledger", replicas=1), tmp_path / "ledger")
    run(plan_from(tmp_path, BILLED, detail="summary", replicas=1), tmp_path / "summary")
    assert set(results_json(tmp_path / "summary")["tables"]) == {"runs", "scenarios"}
    assert set(results_json(tmp_path / "ledger")["tables"]) == {
        *("runs", "scenarios", "time_ledger", "cost_ledger", "usage", "assets", "price_book")
    }
    rows = [pq.read_table(tmp_path / name / "runs").to_pylist() for name in ("ledger", "summary")]
    assert rows[0] == rows[1]


def test_outcomes_are_means_over_seeds_of_the_metrics_that_the_study_names(billed: Path) -> None:
    rows = results_json(billed)["rows"]
    assert [(row["variant"], row["metric"], row["replicas"]) for row in rows] == [
        *(("0", "cost_usd", 2), ("0", "ettr", 2), ("1", "cost_usd", 2), ("1", "ettr", 2)),
    ]
    costs = [float(row["cost_usd"]) for row in pq.read_table(billed / "runs").to_pylist() if row["variant"] == 1]
    assert rows[2]["mean"] == pytest.approx(sum(costs) / 2, rel=1e-12)
    assert rows[2]["ci_low"] < rows[2]["mean"] < rows[2]["ci_high"]


def test_the_screen_shows_tables_and_outcomes(billed: Path) -> None:
    text = results_report(results_json(billed))
    assert text.startswith("What does a spare cost?\nbilled: 4 of 4 runs done in 2 of 2 chunks, 0 failed\n")
    assert "cost_ledger" in text and "ettr" in text


def test_status_is_read_while_others_work(short: Path) -> None:
    claims = short / ".claims"
    claims.mkdir(exist_ok=True)
    (claims / "5").write_text('{"host": "node-7", "pid": 41, "runs": 2}\n.')
    path = short / "runs" / "chunk-00005.parquet"
    content = path.read_bytes()
    path.unlink()
    try:
        facts = status_json(status_of(short))
        assert (facts["runs_done"], facts["runs_in_flight"], facts["complete"]) == (10, 1, False)
        assert "chunk 5: 1 of 2 runs by process 41 on node-7" in status_lines(facts)
        json.dumps(facts, allow_nan=False)
    finally:
        path.write_bytes(content)
        (claims / "5").unlink()


def test_compaction_keeps_every_row_and_the_chunks(short: Path) -> None:
    before = contents(short)
    rows = compact(short)
    assert rows == {"runs": 12, "scenarios": 6}
    whole = pq.read_table(short / "compact" / "runs.parquet")
    assert whole.to_pylist() == pq.read_table(short / "runs").to_pylist()
    assert files_of(short, "runs") == [short / "compact" / "runs.parquet"]
    assert {name: hashed for name, hashed in contents(short).items() if not name.startswith("compact")} == before
    assert compact(short) == rows


def test_a_compact_file_that_lacks_a_chunk_is_not_read(tmp_path: Path) -> None:
    plan = plan_from(tmp_path)
    run(plan, tmp_path / "out", shard=(1, 2))
    compact(tmp_path / "out")
    assert compacted(tmp_path / "out", "runs") is not None
    run(plan, tmp_path / "out")
    assert compacted(tmp_path / "out", "runs") is None
    assert results_json(tmp_path / "out")["tables"]["runs"]["rows"] == 12


def test_nothing_done_is_nothing_to_compact(tmp_path: Path) -> None:
    from sim.batch.store.plan_file import begin

    begin(tmp_path / "out", plan_from(tmp_path))
    with pytest.raises(OutputError, match="no chunk is done"):
        compact(tmp_path / "out")
    assert results_json(tmp_path / "out")["rows"] == []


def test_sql_sees_every_table(billed: Path) -> None:
    pytest.importorskip("duckdb")
    asked = (
        'SELECT "cluster.spare_nodes" AS spares, count(*) AS runs, sum(cost_usd) AS usd FROM runs GROUP BY 1 ORDER BY 1'
    )
    rows = query(billed, asked)
    assert [(row["spares"], row["runs"]) for row in rows] == [(0, 2), (1, 2)]
    spent = query(billed, "SELECT sum(cost_usd) AS usd FROM cost_ledger WHERE account = 'run'")
    assert spent[0]["usd"] == pytest.approx(sum(row["usd"] for row in rows), abs=1e-6)


@pytest.mark.parametrize(
    ("sql", "said"),
    [("SELECT nothing FROM runs", "Binder Error"), ("SELEC 1", "Parser Error"), ("SELECT 1 FROM run", "run")],
)
def test_what_duckdb_refuses_is_one_line(short: Path, sql: str, said: str) -> None:
    pytest.importorskip("duckdb")
    with pytest.raises(InputError, match=said) as refused:
        query(short, sql)
    assert "\n" not in str(refused.value)


def test_without_duckdb_the_extra_is_named(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(InputError, match=r"--sql: DuckDB is not installed; expected the extra: .*trainwright\[sql\]"):
        query(short, "SELECT 1")


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.batch.drive.dask_lanes import DaskLanes

    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(
        InputError, match=r"--engine dask: Dask is not installed; expected the extra: .*trainwright\[dask\]"
    ):
        DaskLanes(None, 1)


def test_a_directory_without_results_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no results"):
        results_json(tmp_path)
    with pytest.raises(InputError, match=r"holds no batch: there is no plan\.json"):
        status_of(tmp_path)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(InputError, match="is no plan of a batch"):
        status_of(tmp_path)
