"""Results are whole or not there, and read back exactly as they were written."""

import dataclasses
import errno
import hashlib
from decimal import Decimal
from pathlib import Path

import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.cluster.records import Cluster
from sim.errors import OutputError
from sim.ledger.bill.cost import price
from sim.ledger.bill.usage import Assets, Usage
from sim.ledger.files.parquet import check_free, is_complete, read_metadata, read_results, write_results
from sim.ledger.files.schema import SCHEMA_VERSION, SCHEMAS
from sim.ledger.files.tables import Bill, links_table, tables
from sim.ledger.power.energy import energy_ledger, nameplate_w
from sim.ledger.time.states import STATES
from sim.ledger.time.summary import summarize
from sim.ledger.time.time_ledger import net_gpu_us, time_ledger
from sim.ledger.time.trace import RunTrace
from sim.workload.profile import StepProfile
from tests.cluster.hardware import price_book
from tests.ledger.hardware import ACCELERATOR, BILL, NODE, OWNED, STORAGE
from tests.ledger.traces import Incident, long_trace, profile_of, profiles, trace_of, traces

HALF = profile_of({"compute_ideal": 500, "bubble": 500})
METADATA = {"run_id": "abc", "scenario": '{"name":"test"}', "version": "0"}


def fabric() -> Cluster:
    """Two leaves with two hosts each, and a spine behind two parallel cables."""
    graph: nx.Graph[str] = nx.Graph()
    graph.add_node("spine", kind="switch", tier=2)
    for leaf in ("leaf-0", "leaf-1"):
        graph.add_node(leaf, kind="switch", tier=1)
        graph.add_edge(leaf, "spine", **link(medium="optic", length_m=30.0, count=2))
        for host in (f"{leaf}-nic-0", f"{leaf}-nic-1"):
            graph.add_node(host, kind="nic", tier=0)
            graph.add_edge(host, leaf, **link(medium="copper", length_m=2.0, count=1))
    return Cluster(graph=graph, endpoints=(), node=NODE, accelerator=ACCELERATOR, nodes=3)


def link(medium: str, length_m: float, count: int) -> dict[str, object]:
    return {
        "medium": medium,
        "length_m": length_m,
        "count": count,
        "bandwidth_bytes_per_s": 50e9,
        "latency_s": 5e-7,
    }


def tables_of(trace: RunTrace, profile: StepProfile | None = HALF) -> dict[str, pa.Table]:
    ledger = time_ledger(trace, [profile, profile])
    energy = energy_ledger(ledger, [profile, profile], NODE, ACCELERATOR, BILL, STORAGE)
    nodes = trace.nodes + trace.spare_nodes
    assets = Assets(
        node="box",
        nodes=nodes,
        gpus_per_node=trace.gpus_per_node,
        bill=BILL,
        storage="shelf",
        nameplate_w=nameplate_w(NODE, nodes, BILL, STORAGE),
    )
    book = price_book(OWNED)
    usage = Usage(gpus=ledger.gpus, wall_us=ledger.wall_us, time=net_gpu_us(ledger), energy=energy, assets=assets)
    costs = price(usage, book, "own")
    summary = summarize(trace, ledger, [profile, profile])
    return tables("abc", trace, summary, ledger, Bill(usage=usage, costs=costs, book=book), fabric())


def small(steps: int = 10) -> dict[str, pa.Table]:
    one = Incident(0, steps, 0, 100, 2, "gpu", 50, 70, 10**6, replaced=True)
    return tables_of(trace_of([one, one], nodes=2, spares=1, gpus_per_node=8))


def digests(directory: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(trace=traces(), profile=st.none() | profiles)
def test_every_integer_and_decimal_survives_the_round_trip(
    tmp_path: Path, trace: RunTrace, profile: StepProfile | None
) -> None:
    written = tables_of(trace, profile)
    write_results(tmp_path / "results", written, METADATA, force=True)
    read = read_results(tmp_path / "results")
    assert {name: table.to_pylist() for name, table in read.items()} == {
        name: table.to_pylist() for name, table in written.items()
    }
    assert all(read[name].schema.equals(schema) for name, schema in SCHEMAS.items())


def test_the_tables_hold_the_ledgers() -> None:
    trace = trace_of([Incident(0, 9, 5, 7, 3, "gpu", 1, 1, 10, True)] * 3, nodes=2, spares=1, gpus_per_node=8)
    of = tables_of(trace)
    run = of["runs"].to_pylist()[0]
    assert run["held_gpu_us"] == trace.end_us * 24 == sum(of["time_ledger"]["gpu_us"].to_pylist())
    assert run["cost_usd"] == sum(of["cost_ledger"]["cost_usd"].to_pylist())
    assert set(of["time_ledger"]["state"].to_pylist()) <= set(STATES)
    assert of["events"].num_rows == len(trace.events)
    assert of["nodes"].num_rows == len(trace.stays)
    assert of["price_book"]["key"].to_pylist() == sorted(OWNED)
    assert all(table.schema.names[0] == "run_id" for table in of.values())


def test_totals_and_money_of_the_largest_run_fit_their_columns() -> None:
    gpu_us = 1_048_576 * 180 * 86_400 * 10**6
    assert pa.array([gpu_us], SCHEMAS["runs"].field("held_gpu_us").type)[0].as_py() == gpu_us > 2**63
    dollars = Decimal("999999999999.999999")
    assert pa.array([dollars], SCHEMAS["runs"].field("cost_usd").type)[0].as_py() == dollars


def test_links_are_counted_by_class() -> None:
    rows = links_table("abc", fabric()).to_pylist()
    assert [(row["lower"], row["upper"], row["links"], row["cables"]) for row in rows] == [
        ("nic-0", "switch-1", 4, 4),
        ("switch-1", "switch-2", 2, 4),
    ]


def test_an_empty_ledger_of_events_is_a_table_without_rows() -> None:
    trace = trace_of([Incident(0, 9, 0, 0, 0, "", 0, 0, 1, False)], nodes=1, spares=0, gpus_per_node=8)
    written = tables_of(dataclasses.replace(trace, events=()))
    assert written["events"].num_rows == 0
    assert written["events"].schema.equals(SCHEMAS["events"])


def test_the_same_results_are_the_same_bytes(tmp_path: Path) -> None:
    write_results(tmp_path / "a", small(), METADATA)
    write_results(tmp_path / "b", small(), dict(reversed(METADATA.items())))
    write_results(tmp_path / "c", small(11), METADATA)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")


def test_metadata_holds_the_run_and_the_version_of_the_schema(tmp_path: Path) -> None:
    write_results(tmp_path / "a", small(), METADATA)
    about = read_metadata(tmp_path / "a")
    assert {key: about[key] for key in METADATA} == METADATA
    assert about["schema_version"] == SCHEMA_VERSION


def test_existing_results_need_force(tmp_path: Path) -> None:
    write_results(tmp_path / "a", small(), METADATA)
    before = digests(tmp_path / "a")
    with pytest.raises(OutputError, match="exists already; use --force"):
        write_results(tmp_path / "a", small(11), METADATA)
    assert digests(tmp_path / "a") == before
    write_results(tmp_path / "a", small(11), METADATA, force=True)
    assert digests(tmp_path / "a") != before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_force_never_replaces_what_is_not_results(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="holds no results"):
        write_results(tmp_path / "home", small(), METADATA, force=True)
    with pytest.raises(OutputError, match="cannot be written: Not a directory"):
        write_results(tmp_path / "home" / "letter.txt", small(), METADATA, force=True)
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"


def test_an_empty_directory_is_free(tmp_path: Path) -> None:
    check_free(tmp_path, force=False)
    check_free(tmp_path / "new", force=False)
    write_results(tmp_path, small(), METADATA)
    assert is_complete(tmp_path, "abc")


@pytest.mark.parametrize("force", [False, True])
def test_a_full_disk_leaves_nothing_behind_and_keeps_the_old_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    if force:
        write_results(tmp_path / "a", small(), METADATA)
    before = {path.name: digests(path) for path in tmp_path.iterdir()}
    write = pq.write_table
    written: list[object] = []

    def until_full(*arguments: object, **options: object) -> None:
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(arguments)
        write(*arguments, **options)

    monkeypatch.setattr(pq, "write_table", until_full)
    with pytest.raises(OutputError, match=r"a: cannot be written: No space left on device"):
        write_results(tmp_path / "a", small(11), METADATA, force=force)
    assert {path.name: digests(path) for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("refused", ["a", ".a.partial-"])
def test_a_failed_exchange_puts_the_old_results_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    write_results(tmp_path / "a", small(), METADATA)
    before = digests(tmp_path / "a")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name.startswith(refused):
            raise OSError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        write_results(tmp_path / "a", small(11), METADATA, force=True)
    assert digests(tmp_path / "a") == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_parent_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_results(tmp_path / "file" / "results", small(), METADATA)


def test_tables_outside_the_schema_are_refused(tmp_path: Path) -> None:
    written = small()
    with pytest.raises(OutputError, match=r"got tables .*; expected runs, time_ledger"):
        write_results(tmp_path / "a", {"runs": written["runs"]}, METADATA)
    with pytest.raises(OutputError, match="table 'events': got"):
        write_results(tmp_path / "a", written | {"events": written["nodes"]}, METADATA)
    assert not (tmp_path / "a").exists()


def test_results_are_complete_only_with_every_table_of_the_run(tmp_path: Path) -> None:
    assert not is_complete(tmp_path / "a", "abc")
    write_results(tmp_path / "a", small(), METADATA)
    assert is_complete(tmp_path / "a", "abc")
    assert not is_complete(tmp_path / "a", "abd")
    whole = (tmp_path / "a" / "links.parquet").read_bytes()
    (tmp_path / "a" / "links.parquet").write_bytes(whole[:-7])
    assert not is_complete(tmp_path / "a", "abc")
    with pytest.raises(OutputError, match="table 'links' is missing or unreadable"):
        read_results(tmp_path / "a")


def test_a_directory_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no readable results"):
        read_metadata(tmp_path)


def test_a_row_of_a_long_ledger_takes_less_than_60_bytes(tmp_path: Path) -> None:
    written = tables_of(long_trace(failures=419, nodes=128, spares=16, days=54))
    write_results(tmp_path / "a", written, METADATA)
    ledger_bytes = (tmp_path / "a" / "time_ledger.parquet").stat().st_size
    assert ledger_bytes < 60 * written["time_ledger"].num_rows
    assert sum(path.stat().st_size for path in (tmp_path / "a").iterdir()) < 5e6
