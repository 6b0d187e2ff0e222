"""A store that fails in a scenario: which keys go together, and what follows from them."""

from typing import Any

import pytest

from sim.errors import InputError
from sim.planning import run_plan
from sim.reliability.failures.exposure import job_mtbf_s
from sim.reliability.records import Law
from sim.scenario import Scenario, canonical_text, scenario_of, scenario_schema
from tests.scenario.trees import WITHOUT_MODEL, changed

SAVED = changed(
    WITHOUT_MODEL,
    checkpoint={"interval": {"kind": "fixed", "every": "10 min"}, "block": "1 s", "restore": "30 s"},
    checkpoint__durable_after="20 s",
)
STORE = {"component": "storage", "name": "file system", "kind": "exponential", "mean": "60 d", "repair": "6 h"}
(NODE,) = WITHOUT_MODEL["failures"]["causes"]


def resolved(*causes: dict[str, Any], tree: dict[str, Any] = SAVED, **changes: Any) -> Scenario:
    return scenario_of(changed(tree, failures__causes=list(causes), **changes), "file.toml")


def test_a_store_is_one_component_that_is_out_for_its_repair_and_stops_no_job() -> None:
    node, store = resolved(NODE, STORE).failures.classes
    assert (store.component, store.per_node, store.replace, store.stops) == ("storage", 1, False, False)
    assert (store.outage, store.data_loss) == (Law(kind="constant", mean_s=21_600.0), False)
    assert job_mtbf_s([node, store], 512) == job_mtbf_s([node], 512)


def test_data_loss_is_read_and_names_another_run() -> None:
    kept, lost = resolved(NODE, STORE), resolved(NODE, {**STORE, "data_loss": True})
    assert lost.failures.classes[1].data_loss
    assert canonical_text(kept) != canonical_text(lost)
    # Runs without it keep the name that they had before there was such a key.
    assert "data_loss" not in canonical_text(kept)


def test_data_loss_stands_in_the_schema() -> None:
    assert scenario_schema()["$defs"]["CauseForm"]["properties"]["data_loss"]["type"] == "boolean"


@pytest.mark.parametrize("asynchronous", [True, False])
def test_the_plan_says_whether_the_job_waits_for_what_it_writes(asynchronous: bool) -> None:
    tree = SAVED if asynchronous else changed(SAVED, checkpoint__asynchronous=False, checkpoint__durable_after=None)
    assert run_plan(resolved(NODE, STORE, tree=tree), (), None).checkpoint.synchronous is not asynchronous


@pytest.mark.parametrize(
    ("cause", "changes", "expected"),
    [
        ({**STORE, "repair": None}, {}, "'file system': got no repair; expected how long a storage is out"),
        ({**STORE, "component": "storrage"}, {}, "did you mean 'storage'"),
        ({**STORE, "data_los": True}, {}, "did you mean 'data_loss'"),
        ({**STORE, "data_loss": "often"}, {}, "data_loss"),
        (
            {**NODE, "name": "node", "data_loss": True},
            {},
            "data_loss belongs to component 'storage'; a node",
        ),
        ({**STORE, "replace": True}, {}, "got both repair, which leaves nodes where they are, and replace"),
        ({**STORE, "per_node": 2}, {}, "a storage is counted by itself: 1"),
        ({**STORE, "found": "1 h"}, {}, "'file system': got found and repair; expected one of them"),
        ({**STORE, "slow": 1.2}, {}, "a storage cannot be slow"),
        (STORE, {"checkpoint": None}, "the store holds checkpoints, and none are taken; expected a [checkpoint]"),
        (STORE, {"failures__lemons": {"fraction": 0.1, "factor": 2, "causes": ["file system"]}}, "which no node holds"),
        (
            STORE,
            {"recovery__detect_by_cause": {"file system": "1 min"}},
            "recovery.detect_by_cause: 'file system' stops no job and needs no detection",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(cause: dict[str, Any], changes: dict[str, Any], expected: str) -> None:
    given = {key: value for key, value in cause.items() if value is not None}
    with pytest.raises(InputError) as caught:
        resolved(NODE, given, **changes)
    assert expected in str(caught.value)
