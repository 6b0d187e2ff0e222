"""[failures] log: a file of failures beside a scenario."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from sim.errors import InputError, ScenarioError
from sim.scenario import Scenario, canonical_text, load_scenario, scenario_of, scenario_schema
from tests.scenario.trees import WITHOUT_MODEL, changed

TEXT = "time,component,cause,node\n1 d,node,any,a\n2 d,job,bug,\n30 d,gpu,Xid 79,b\n"


def written(folder: Path, text: str = TEXT, name: str = "failures.csv") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def resolved(log: Any, **changes: Any) -> Scenario:
    tree = changed(WITHOUT_MODEL, failures={"log": log}, **changes)
    return scenario_of(tree, "file.toml")


def causes(scenario: Scenario) -> list[str]:
    return [each.cause for each in scenario.failures.classes]


def test_a_log_takes_the_place_of_causes(tmp_path: Path) -> None:
    file = written(tmp_path, TEXT.replace("any", "node lost"))
    both = changed(WITHOUT_MODEL, failures__log={"file": file})
    alone = scenario_of(both, "file.toml")
    assert causes(alone) == ["node lost", "bug", "Xid 79"]
    assert alone.failures.provenance is not None
    assert alone.failures.provenance.set_aside == 1
    both["failures"]["log"]["with_causes"] = True
    assert causes(scenario_of(both, "file.toml")) == ["any", "node lost", "bug", "Xid 79"]


def test_a_cause_of_both_log_and_scenario_is_refused(tmp_path: Path) -> None:
    log = {"file": written(tmp_path), "with_causes": True}
    with pytest.raises(ScenarioError, match=r"failures.log: 'any' is a cause of the scenario too"):
        scenario_of(changed(WITHOUT_MODEL, failures__log=log), "file.toml")


def test_the_content_of_a_log_and_not_its_path_names_the_run(tmp_path: Path) -> None:
    one, same = written(tmp_path), written(tmp_path, "# another comment\n" + TEXT, "other.csv")
    other = written(tmp_path, TEXT.replace("1 d", "1.5 d"), "third.csv")
    texts = [canonical_text(resolved(file)) for file in (one, same, other)]
    assert texts[0] == texts[1] != texts[2]
    assert "failures.csv" not in texts[0]


def test_a_file_names_its_log_from_its_own_folder(tmp_path: Path) -> None:
    written(tmp_path)
    for number, log in enumerate(('"failures.csv"', '{ file = "failures.csv" }')):
        text = f'name = "mine"\nextends = "tiny"\n[failures]\nlog = {log}\n'
        (tmp_path / f"mine{number}.toml").write_text(text)
        assert causes(load_scenario(str(tmp_path / f"mine{number}.toml"))) == ["any", "bug", "Xid 79"]


def test_a_log_that_is_not_there_is_an_error_that_says_where_it_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\nextends = "tiny"\n[failures]\nlog = "failures.csv"\n')
    with pytest.raises(InputError, match=rf"failures.log: {tmp_path}/failures.csv: no such file"):
        load_scenario(str(tmp_path / "mine.toml"))


def test_keys_of_a_log_that_is_only_named_can_be_set(tmp_path: Path) -> None:
    given = [f"failures.log={written(tmp_path)}", "failures.log.after=nothing", "failures.log.end=40 d"]
    replay = load_scenario("tiny", given).failures.replay
    assert replay is not None
    assert (replay.then, replay.end_us) == ("nothing", 40 * 86_400_000_000)


def test_every_part_of_a_node_is_replayed_and_those_that_nothing_counts_are_as_many_as_the_log_numbers(
    tmp_path: Path,
) -> None:
    text = "time,component,cause,node,index\n1 d,hbm,ECC,a,\n2 d,psu,PSU,a,5\n3 d,psu,PSU,b,1\n4 d,ssd,SSD,b,\n"
    file = written(tmp_path, text + "5 d,cpu,CPU,a,1\n6 d,nvlink,NVLink,b,\n30 d,node,dead,a,\n")
    found = {each.cause: each for each in resolved(file).failures.classes}
    assert {cause: each.per_node for cause, each in found.items()} == {
        "ECC": 8,
        "PSU": 6,
        "SSD": 1,
        "CPU": 2,
        "NVLink": 1,
        "dead": 1,
    }
    assert [each.component for each in found["PSU"].logged or ()] == [5, 7]
    with pytest.raises(InputError, match=r"index: got 2, expected 0 to 1: a node has 2 cpu"):
        resolved(written(tmp_path, "time,component,cause,node,index\n30 d,cpu,CPU,a,2\n"))


def test_failures_beyond_the_horizon_are_left_out(tmp_path: Path) -> None:
    scenario = resolved(written(tmp_path), run={"horizon": "3 d"})
    assert causes(scenario) == ["any", "bug"]
    assert scenario.failures.provenance is not None
    assert (scenario.failures.provenance.failures, scenario.failures.provenance.left_out) == (2, 1)


def test_detection_by_cause_may_name_causes_of_the_log_and_those_set_aside(tmp_path: Path) -> None:
    by_cause = {"bug": "1 min", "any": "2 min", "Xid 79": "3 min"}
    scenario = resolved(written(tmp_path), recovery__detect_by_cause=by_cause, run={"horizon": "3 d"})
    assert scenario.recovery is not None
    assert list(scenario.recovery.detect_by_cause) == ["any", "bug"]
    with pytest.raises(InputError, match=r"unknown cause 'bugs'; did you mean 'bug'"):
        resolved(written(tmp_path), recovery__detect_by_cause={"bugs": "1 min"})


@pytest.mark.parametrize("start", ["2024-03-01", "2024-03-01T00:00:00", date(2024, 3, 1), datetime(2024, 3, 1)])
def test_the_start_of_a_log_is_a_date_of_toml_or_text(tmp_path: Path, start: Any) -> None:
    text = "time,component,cause\n2024-03-02,job,bug\n"
    (failure,) = resolved({"file": written(tmp_path, text), "start": start}).failures.classes
    assert [each.at_us for each in failure.logged or ()] == [86_400_000_000]


def test_a_scale_of_zero_switches_the_log_off(tmp_path: Path) -> None:
    off = scenario_of(changed(WITHOUT_MODEL, failures={"log": written(tmp_path), "scale": 0}), "file.toml")
    assert (off.failures.classes, off.failures.replay) == ((), None)


def test_the_schema_knows_a_log_by_its_file_or_as_a_table() -> None:
    validator = Draft202012Validator(scenario_schema())
    table = {"file": "jobs.txt", "format": "sacct", "end": "54 d", "states": {"TIMEOUT": "job"}}
    for log, fits in (("failures.csv", True), (table, True), (3, False), ({"path": "x"}, False)):
        assert validator.is_valid(changed(WITHOUT_MODEL, failures={"log": log})) == fits


SACCT = "JobID|State|Start|End|NodeList\n1|TIMEOUT|2024-03-01T00:00:00|2024-03-02T00:00:00|n[1-4]\n"


def test_formats_are_told_by_what_a_file_holds(tmp_path: Path) -> None:
    log = {"file": written(tmp_path, SACCT), "states": {"TIMEOUT": "job"}, "after": "nothing"}
    assert causes(resolved(log)) == ["TIMEOUT"]


@pytest.mark.parametrize(
    ("text", "keys", "message"),
    [
        (TEXT, {"with_cause": True}, r"failures.log.with_cause: unknown key 'with_cause'; did you mean 'with_causes'"),
        (TEXT, {"format": "cvs"}, r"failures.log.format: unknown format of a log 'cvs'; did you mean 'csv'"),
        (TEXT, {"nodes": "sample"}, r"""nodes = "sample" and log_nodes, of how many nodes the log is, go together"""),
        (TEXT, {"nodes": "sample", "log_nodes": 9}, r"log_nodes: got 9, expected at least the 520 nodes"),
        (TEXT, {"repeat": True, "after": "nothing"}, r"failures.log: got both repeat and after"),
        (TEXT, {"start": "soon"}, r"failures.log.start: got 'soon', expected a time such as"),
        (TEXT, {"end": 54}, r"failures.log.end: got '54', expected a time such as"),
        (TEXT, {"states": {"FAILED": "job"}}, r"csv: states: belongs to a log of format sacct, and this one is csv"),
        (SACCT, {"ignore": ["Start"]}, r"ignore: belongs to a log of format csv, and this one is sacct"),
        (TEXT.replace("gpu", "gup"), {}, r"failures.csv: line 4: component: unknown component 'gup'"),
        (TEXT, {"format": "sacct"}, r"failures.csv: line 1: missing column 'JobID'"),
        (TEXT, {"format": "events"}, r"failures.csv: is no readable Parquet file"),
        (
            TEXT.replace("1 d", "0 s").replace("2 d", "0 s").replace("30 d", "1 s"),
            {"repeat": True},
            r"repeats 3 failures",
        ),
        (TEXT.replace(",a", ",999"), {"nodes": "index"}, r"line 2: got node '999', expected a number from 0 to 519"),
    ],
)
def test_what_is_wrong_with_a_log_is_said_with_key_file_and_line(
    tmp_path: Path, text: str, keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        resolved({"file": written(tmp_path, text), **keys})


@pytest.mark.parametrize(
    ("failures", "message"),
    [
        ({"clock": "operating"}, r"failures.clock: got 'operating' with a log"),
        ({"scale": 0.5}, r"failures.scale: got 0.5 with a log, whose failures are as many as they were"),
    ],
)
def test_clocks_and_rates_of_their_own_logs_have_not(tmp_path: Path, failures: dict[str, Any], message: str) -> None:
    tree = changed(WITHOUT_MODEL, failures={"log": written(tmp_path), **failures})
    with pytest.raises(ScenarioError, match=message):
        scenario_of(tree, "file.toml")


def test_a_table_that_is_not_of_events_is_refused(tmp_path: Path) -> None:
    for table, message in (
        ({"time_us": [1.5]}, r"column 'time_us' is of type double; expected int64"),
        ({"time_us": [1, None]}, r"column 'time_us' is of type int64; expected int64, and nowhere null"),
        ({"a": [1]}, r"events: missing column 'time_us'"),
    ):
        pq.write_table(pa.table(table), tmp_path / "events.parquet")
        with pytest.raises(InputError, match=message):
            resolved(str(tmp_path))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "failures.csv"
    path.write_bytes(b"time,component,cause\n1 d,job,\xff\n")
    with pytest.raises(InputError, match=r"failures.csv: cannot be read: it is not UTF-8 text"):
        resolved(str(path))
