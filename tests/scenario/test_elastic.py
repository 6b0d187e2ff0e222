"""[recovery] mode elastic: a job without a model goes on with the replicas that are whole, at equal hardware."""

from typing import Any

import pytest

from sim.errors import ScenarioError
from sim.reliability.recovery.records import ElasticPlan
from sim.scenario import scenario_of
from sim.simulate import RunResult, simulate
from tests.scenario.trees import WITH_MODEL


def tree(**recovery: Any) -> dict[str, Any]:
    """Sixteen nodes without spares that fail every 20 days each, and are repaired in hours or days."""
    return {
        "name": "elastic",
        "training": {"step_time": "10 s"},
        "cluster": {"node": "dgx-h100", "nodes": 16},
        "failures": {
            "clock": "operating",
            "causes": [{"component": "node", "name": "node", "kind": "exponential", "mean": "20 d"}],
        },
        "recovery": {"detect": "2 min", "replace": "5 min", "initialize": "3 min", **recovery},
        "repair": {
            "crews": 8,
            "automatic": {"time": "2 h", "success": 0.6},
            "manual": {"time": "1 d", "success": 0.8},
        },
        "checkpoint": {
            "interval": {"kind": "fixed", "every": "10 min"},
            "block": "1 s",
            "durable_after": "10 s",
            "restore": "10 s",
        },
        "run": {"horizon": "54 d", "seed": 1},
    }


def ran(**recovery: Any) -> RunResult:
    return simulate(scenario_of(tree(**recovery), "file.toml"))


def test_an_elastic_job_gets_further_than_one_that_waits_on_the_same_nodes() -> None:
    waiting, elastic = ran(mode="requeue"), ran(mode="elastic", replicas=4)
    assert elastic.summary.gpu_hours == waiting.summary.gpu_hours
    assert waiting.summary.states["wait_for_node"] > 0 == waiting.summary.states["idle"]
    assert elastic.summary.states["idle"] > 0
    assert elastic.summary.steps > 1.05 * waiting.summary.steps
    assert elastic.summary.planned_stops["regrow"] > 0


def test_a_job_that_needs_all_of_its_replicas_waits_as_any_other() -> None:
    waiting, needing = ran(mode="requeue"), ran(mode="elastic", replicas=4, min_replicas=4)
    assert needing.trace.segments == waiting.trace.segments
    assert needing.trace.events == waiting.trace.events


def test_replicas_and_the_fewest_of_them_are_read() -> None:
    scenario = scenario_of(tree(mode="elastic", replicas=4, min_replicas=2), "file.toml")
    assert scenario.recovery is not None
    assert scenario.recovery.elastic == ElasticPlan(replicas=4, min_replicas=2)


@pytest.mark.parametrize(
    ("recovery", "told"),
    [
        ({"mode": "elastic"}, "recovery.replicas: is missing"),
        ({"mode": "elastic", "replicas": 3}, "got 3; expected a divisor of cluster.nodes = 16"),
        ({"mode": "elastic", "replicas": 4, "min_replicas": 5}, "min_replicas: got 5; expected 1 to 4"),
        ({"mode": "requeue", "replicas": 4}, "recovery.replicas: mode 'requeue' keeps all"),
        ({"min_replicas": 1}, "recovery.min_replicas: mode 'requeue' keeps all"),
        ({"regrow": "at-restart"}, "recovery.regrow: mode 'requeue' keeps all"),
    ],
)
def test_replicas_that_cannot_be_are_refused(recovery: dict[str, Any], told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        scenario_of(tree(**recovery), "file.toml")


def test_the_replicas_of_a_model_are_its_data_parallel_ones_and_as_few_as_fit_may_be_left() -> None:
    faults = {key: value for key, value in tree(mode="elastic").items() if key in ("failures", "recovery", "repair")}
    scenario = scenario_of({**WITH_MODEL, **faults}, "file.toml")
    assert scenario.recovery is not None
    assert scenario.recovery.elastic == ElasticPlan(replicas=4, min_replicas=0)
