"""A failure log as the events of an earlier run."""

import json
from typing import Any

import pytest

from sim.errors import InputError
from sim.reliability.replay.readers.events import COLUMNS, read_events
from sim.reliability.replay.seats import REPLAYED

ROWS: list[tuple[int, str, str, str, int, int, int]] = [
    (5, "failure", "gpu", "gpu", 17, 0, 2),
    (6, "replaced", "", "", -1, -1, 4),
    (7, "failure", "bug", "job", 0, 0, -1),
    (8, "failure", "leaf", "leaf", 3, 0, -1),
    (9, "restored", "leaf", "leaf", 3, 0, -1),
    (10, "failure", "leaf", "leaf", 3, 1, -1),
    (20, "horizon", "", "", -1, -1, -1),
]
SCENARIO = json.dumps(
    {
        "failures": {
            "classes": [
                {"cause": "leaf", "component": "leaf", "per_node": 1, "replace": False, "outage": {"mean_s": 1.0}},
                {"cause": "bug", "component": "job", "per_node": 1, "replace": False},
                {"cause": "gpu", "component": "gpu", "per_node": 8, "replace": False},
            ]
        }
    }
)


def columns() -> dict[str, list[Any]]:
    return {name: [row[at] for row in ROWS] for at, name in enumerate(COLUMNS)}


def test_failures_keep_their_instants_nodes_and_components() -> None:
    log = read_events(columns(), SCENARIO, REPLAYED)
    assert (log.end_us, log.indexed, log.causes) == (20, True, ("leaf", "bug", "gpu"))
    gpu, bug, *leaves = log.entries
    assert (gpu.at_us, gpu.nodes, gpu.index, gpu.replace, gpu.away_us) == (5, ("2",), 1, False, -1)
    assert (bug.at_us, bug.nodes, bug.component) == (7, (), "job")
    # The second is out beyond the end of the run.
    assert [(each.index, each.away_us) for each in leaves] == [(3, 1), (3, 11)]


def test_without_its_scenario_a_component_keeps_its_node() -> None:
    gpu = read_events(columns(), None, REPLAYED).entries[0]
    assert (gpu.nodes, gpu.index, gpu.replace) == (("2",), -1, None)


def test_a_missing_column_is_named() -> None:
    table = columns()
    del table["node"]
    with pytest.raises(InputError, match=r"missing column 'node'"):
        read_events(table, None, REPLAYED)


def test_a_cause_that_did_more_than_its_events_tell_is_refused() -> None:
    classes = json.loads(SCENARIO)["failures"]["classes"]
    classes[2] |= {"lemons": {"factor": 5.0}, "silent": {"recall": 1.0}}
    with pytest.raises(InputError, match=r"cause 'gpu' has silent in the run, which a log does not replay"):
        read_events(columns(), json.dumps({"failures": {"classes": classes}}), REPLAYED)
    classes[2]["cause"] = "never struck"
    assert len(read_events(columns(), json.dumps({"failures": {"classes": classes}}), REPLAYED).entries) == 4


@pytest.mark.parametrize(("kind", "key"), [("slowed", "slowing"), ("planned", "planned")])
def test_what_slowed_or_was_planned_is_not_left_out_unnoticed(kind: str, key: str) -> None:
    classes = json.loads(SCENARIO)["failures"]["classes"]
    classes += [{"cause": "other", "component": "node", "per_node": 1, "replace": False, key: {"mean_s": 0.0}}]
    table, scenario = columns(), json.dumps({"failures": {"classes": classes}})
    assert len(read_events(table, scenario, REPLAYED).entries) == 4
    for name, value in zip(COLUMNS, (11, kind, "other", "node", 1, 0, 1), strict=True):
        table[name].append(value)
    with pytest.raises(InputError, match=rf"cause 'other' has {key} in the run, which a log does not replay"):
        read_events(table, scenario, REPLAYED)


def test_a_component_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match=r"^event 0: a gpu failed, which .* not replay; expected one of: job, leaf$"):
        read_events(columns(), None, ("job", "leaf"))
