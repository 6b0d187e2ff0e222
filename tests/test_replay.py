"""Runs that replay a failure log, from the scenario to the report."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sim.cli import app
from sim.errors import InputError, ScenarioError
from sim.ledger.time.trace import RunTrace
from sim.reliability.replay.readers.slurm import KINDS, STATES
from sim.reliability.replay.readers.table import ALIASES
from sim.reliability.replay.seats import RULES
from sim.report.run.answers import run_json
from sim.report.run.results import write_run
from sim.scenario import load_scenario, scenario_of
from sim.scenario.faults.log import LogForm
from sim.simulate import RunResult, simulate
from tests.scenario.trees import WITHOUT_MODEL, changed

EXAMPLE = Path(__file__).parent.parent / "experiments/logs/tiny-2d.csv"

SMALL: dict[str, Any] = changed(
    WITHOUT_MODEL,
    cluster={"node": "dgx-h100", "nodes": 3, "spare_nodes": 1},
    checkpoint={
        "interval": {"kind": "fixed", "every": "10 min"},
        "block": "5 s",
        "durable_after": "20 s",
        "restore": "30 s",
    },
    run={"horizon": "2 d"},
)

Failure = tuple[int, str, int, int]


def failures(trace: RunTrace) -> list[Failure]:
    rows = (each for each in trace.events if each.kind == "failure")
    return [(each.time_us, each.cause, each.component_index, each.node) for each in rows]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, Path]:
    """A run with clocks, and where its results are."""
    result = simulate(load_scenario("tiny"))
    directory = tmp_path_factory.mktemp("results") / "tiny"
    write_run(result, run_json(result), directory, force=False)
    return result, directory


def test_a_run_replays_its_own_events_exactly(tiny: tuple[RunResult, Path]) -> None:
    result, directory = tiny
    again = simulate(load_scenario("tiny", [f"failures.log={directory}"]))
    assert len(failures(result.trace)) > 3
    assert again.trace == result.trace
    assert again.run_id != result.run_id


def test_another_policy_meets_the_same_failures(tiny: tuple[RunResult, Path]) -> None:
    result, directory = tiny
    overrides = [f"failures.log={directory}/events.parquet", "failures.log.after=nothing", "run.seed=9"]
    other = simulate(load_scenario("tiny", [*overrides, "checkpoint.interval.every=1 h", "recovery.replace=30 min"]))
    common = min(result.trace.end_us, other.trace.end_us)
    before, after = ([row for row in failures(each.trace) if row[0] < common] for each in (result, other))
    assert before == after
    assert other.trace.lost_steps != result.trace.lost_steps


def test_the_example_runs_and_its_report_says_what_it_replays(tmp_path: Path) -> None:
    command = ["run", "tiny", "--set", f"failures.log={EXAMPLE}", "--out", str(tmp_path / "out")]
    screen = " ".join(CliRunner().invoke(app, command).output.split())
    assert f"Failures: replayed from {EXAMPLE} (7 events over 2 d)" in screen
    assert "clocks of 3 causes set aside" in screen
    answer = json.loads(CliRunner().invoke(app, [*command, "--json"]).output)
    assert answer["replay"]["failures"] == 7
    assert answer["failures"]["Software bug"] == 2
    assert answer["complete"]


def test_the_example_hits_at_its_times_and_keeps_nodes_away_as_long_as_it_says() -> None:
    trace = simulate(load_scenario("tiny", [f"failures.log={EXAMPLE}"])).trace
    seconds = [(3 * 60 + 12) * 60 + 40, (5 * 60 + 47) * 60 + 5, (9 * 60 + 30) * 60, (13 * 60 + 2) * 60 + 11]
    assert [row[0] // 1_000_000 for row in failures(trace)][:4] == seconds
    (repair,) = [stay for stay in trace.stays if stay.place == "repair" and stay.node == 0]
    assert repair.end_us - repair.start_us == 8 * 3_600_000_000


def test_what_is_said_of_logs_names_every_column_key_and_state() -> None:
    text = (EXAMPLE.parent / "README.md").read_text(encoding="utf-8")
    said = set(re.findall(r"`(\w+)`", text))
    assert {*ALIASES, *LogForm.model_fields, *RULES, *KINDS} <= said
    failed = {
        match[0]: set(re.findall(r"`([A-Z_]+)`", match[1])) for match in re.findall(r"(node|job) failed: ([^.]*)", text)
    }
    assert failed == {kind: {state for state, each in STATES.items() if each == kind} for kind in ("node", "job")}


def small(tmp_path: Path, *lines: str, **changes: Any) -> RunResult:
    file = tmp_path / "log.csv"
    file.write_text("\n".join(["time,component,cause,node,duration", *lines]) + "\n")
    keys = {"file": str(file), "after": "nothing"} | changes.pop("log", {})
    tree = changed(SMALL, failures={"log": keys}, **changes)
    return simulate(scenario_of(tree, "small.toml"))


def test_a_log_that_ends_before_its_run_is_refused_unless_it_says_what_then(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"failures.log: ends after 5 h, and the run takes at least 2 d"):
        small(tmp_path, "5 h,job,bug,,", log={"after": None})
    assert len(failures(small(tmp_path, "5 h,job,bug,,", log={"after": None, "end": "2 d"}).trace)) == 1
    again = small(tmp_path, "5 h,job,bug,,", log={"after": None, "repeat": True, "end": "10 h"})
    assert [row[0] / 3.6e9 for row in failures(again.trace)] == [5, 15, 25, 35, 45]
    assert run_json(again)["replay"]["then"] == "repeat"


def test_interval_policies_reckon_with_the_rate_of_the_log(tmp_path: Path) -> None:
    lines = [f"{hour} h,job,bug,," for hour in range(1, 25)]
    plan = small(tmp_path, *lines, checkpoint__interval={"kind": "young"}).plan
    # 24 failures in the two days of the run, and a checkpoint blocks for 5 s.
    assert plan.checkpoint.interval_us * 1e-6 == pytest.approx((2 * 5 * 2 * 86_400 / 24) ** 0.5)


def test_accounts_of_slurm_drive_a_run(tmp_path: Path) -> None:
    file = tmp_path / "jobs.txt"
    file.write_text(
        "JobID|JobName|State|Start|End|Elapsed|NodeList|ExitCode\n"
        "1|llm|NODE_FAIL|2024-03-01T00:00:00|2024-03-01T06:00:00|06:00:00|gpu[01-03]|1:0\n"
        "1.batch|batch|CANCELLED|2024-03-01T00:00:00|2024-03-01T06:00:00|06:00:00|gpu01|0:15\n"
        "2|llm|TIMEOUT|2024-03-01T06:10:00|2024-03-02T06:00:00|23:50:00|gpu[02-04]|0:0\n"
        "3|llm|CANCELLED by 1001|2024-03-02T06:10:00|2024-03-03T00:00:00|17:50:00|gpu[02-04]|0:0\n"
    )
    tree = changed(SMALL, failures={"log": {"file": str(file), "states": {"TIMEOUT": "job"}}})
    result = simulate(scenario_of(tree, "small.toml"))
    assert [(row[0] / 3.6e9, row[1]) for row in failures(result.trace)] == [(6, "NODE_FAIL"), (30, "TIMEOUT")]
    assert run_json(result)["replay"]["passed_over"] == {"CANCELLED": 1}
    assert run_json(result)["replay"]["span_s"] == 2 * 86_400


def test_a_lost_leaf_of_a_log_cuts_its_nodes_off_for_as_long_as_it_was_out(tmp_path: Path) -> None:
    topology = {"kind": "leaf-spine", "radix": 16}
    result = small(tmp_path, "5 h,leaf,Leaf lost,leaf-a,90 min", cluster__topology=topology)
    (lost,) = [each for each in result.trace.events if each.kind == "failure"]
    (back,) = [each for each in result.trace.events if each.kind == "restored"]
    assert (lost.component, lost.interrupted, lost.time_us) == ("leaf", True, 5 * 3_600_000_000)
    assert back.time_us - lost.time_us == 90 * 60_000_000
    idle = [each for each in result.trace.stays if each.place == "idle"]
    assert {each.end_us for each in idle} == {back.time_us}


def test_a_store_of_a_log_is_out_for_as_long_as_it_says(tmp_path: Path) -> None:
    result = small(tmp_path, "5 h,storage,file system,,2 h", "6 h,job,bug,,")
    (lost,) = [each for each in result.trace.events if (each.kind, each.component) == ("failure", "storage")]
    (back,) = [each for each in result.trace.events if each.kind == "restored"]
    assert (lost.interrupted, lost.time_us, back.time_us) == (False, 5 * 3_600_000_000, 7 * 3_600_000_000)
    waits = [each for each in result.trace.segments if each.cause == "file system"]
    assert [(each.state, each.end_us) for each in waits] == [("restore", back.time_us)]
    with pytest.raises(InputError, match="got no duration; expected how long the storage is out"):
        small(tmp_path, "5 h,storage,file system,,")


def test_a_run_whose_store_failed_replays_its_own_events_exactly(tmp_path: Path) -> None:
    store = {"component": "storage", "name": "store", "kind": "exponential", "mean": "10 h", "repair": "90 min"}
    crash = {"component": "job", "name": "bug", "kind": "exponential", "mean": "5 h"}
    result = simulate(scenario_of(changed(SMALL, failures={"causes": [crash, store]}, repair=None), "small.toml"))
    write_run(result, run_json(result), tmp_path / "run", force=False)
    log = {"file": str(tmp_path / "run")}
    again = simulate(scenario_of(changed(SMALL, failures={"log": log}, repair=None), "small.toml"))
    assert any(each.cause == "store" for each in result.trace.segments)
    assert again.trace == result.trace


def test_a_leaf_that_fails_without_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"'Leaf lost' is an outage of the network; expected a cluster.topology"):
        small(tmp_path, "5 h,leaf,Leaf lost,leaf-a,90 min")


COMPONENTS = st.sampled_from(["gpu", "node", "link", "job"])


@st.composite
def rows(draw: st.DrawFn) -> str:
    component = draw(COMPONENTS)
    minutes = draw(st.integers(0, 3_000))
    node = "" if component == "job" else draw(st.sampled_from(["", "a", "b", "c"]))
    away = "" if component == "job" else draw(st.sampled_from(["", "0 s", "3 h"]))
    return f"{minutes} min,{component},{component} {draw(st.sampled_from('xy'))},{node},{away}"


@given(st.lists(rows(), min_size=1, max_size=15, unique=True), st.sampled_from(["restart", "queue"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_logged_failure_before_the_horizon_is_an_event(tmp_path: Path, lines: list[str], rule: str) -> None:
    by_key = {tuple(line.split(",")[:4]): line for line in lines}
    result = small(tmp_path, *by_key.values(), recovery__on_failure=rule)
    expected = Counter(
        (int(minutes.split()[0]) * 60_000_000, cause)
        for minutes, _, cause, _ in by_key
        if int(minutes.split()[0]) < 2 * 1_440
    )
    assert Counter(row[:2] for row in failures(result.trace)) == expected


def test_a_seed_moves_no_logged_failure(tmp_path: Path) -> None:
    lines = ["5 h,gpu,Xid,a,", "7 h,node,lost,b,2 h", "9 h,job,bug,,"]
    detect = {"kind": "exponential", "mean": "10 min"}
    runs = [{"horizon": "2 d", "seed": seed} for seed in (1, 2)]
    one, two = (small(tmp_path, *lines, run=run, recovery__detect=detect).trace for run in runs)
    assert [(row[0], row[3]) for row in failures(one)] == [(row[0], row[3]) for row in failures(two)]
    assert replace(one, events=()) != replace(two, events=())
