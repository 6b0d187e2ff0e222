"""Runs in which nodes fail together: the graph says which, and networks that share racks share their lives."""

from dataclasses import replace
from typing import Any

import pytest

from sim.errors import ScenarioError
from sim.ledger.files.tables import time_table
from sim.report.run.answers import run_json
from sim.scenario import scenario_of
from sim.simulate import RunResult, planned, prepare, simulate

BASE: dict[str, Any] = {
    "name": "racks",
    "training": {"step_time": "10 s"},
    "cluster": {"node": "gb200-nvl72", "nodes": 54, "spare_nodes": 18, "topology": {"kind": "nvl72"}},
    "recovery": {"detect": "1 min", "replace": "5 min", "initialize": "3 min"},
    "repair": {"crews": 0, "automatic": {"time": "6 h", "success": 1}, "manual": {"time": "1 d", "success": 1}},
    "run": {"horizon": "60 d"},
}
RACK = {"component": "rack", "name": "busbar", "kind": "exponential", "mean": "40 d"}
GPU = {"component": "gpu", "name": "GPU", "kind": "exponential", "mean": "300 d"}
TOGETHER = {"domain": "rack", "share": 0.4, "hit": 0.2}


def run(*causes: dict[str, Any], topology: dict[str, Any] | None = None, **cluster: Any) -> RunResult:
    wired = {**BASE["cluster"], **({} if topology is None else {"topology": topology}), **cluster}
    return simulate(scenario_of({**BASE, "cluster": wired, "failures": {"causes": list(causes)}}, "file.toml"))


def lives(result: RunResult) -> set[tuple[str, int, int]]:
    return {
        (event.component, event.component_index, event.time_us)
        for event in result.trace.events
        if event.kind == "failure" and event.ordinal == 0
    }


def test_a_rack_of_an_nvl72_takes_its_18_trays_along() -> None:
    result = run(RACK)
    (failure,) = result.plan.failures
    assert failure.names == ("rack-0", "rack-1", "rack-2", "rack-3")
    first = next(event for event in result.trace.events if event.kind == "failure")
    gone = {stay.node for stay in result.trace.stays if stay.event == first.event and stay.place == "repair"}
    assert gone == {*failure.holds[first.component_index]}
    assert len(gone) == 18


def test_runs_of_a_job_share_what_a_domain_holds_and_other_spares_are_another_cluster() -> None:
    cluster = {**BASE["cluster"], "topology": {"kind": "rail-optimized"}, "domains": {"rack": {"nodes": 18}}}
    job = prepare(scenario_of({**BASE, "cluster": cluster, "failures": {"causes": [RACK]}}, "file.toml"))
    one = planned(job).plan.failures
    other_seed = replace(job, scenario=replace(job.scenario, seed=2))
    assert planned(other_seed).plan.failures is one
    machines = replace(job.scenario.machines, spare_nodes=17)
    fewer = planned(replace(job, scenario=replace(job.scenario, machines=machines))).plan.failures
    assert [len(rack) for rack in one[0].holds] == [18, 18, 18, 18]
    assert [len(rack) for rack in fewer[0].holds] == [18, 18, 18, 17]


def test_networks_that_share_racks_share_the_lives_of_racks() -> None:
    trays = run(RACK)
    rails = run(RACK, topology={"kind": "rail-optimized"}, domains={"rack": {"nodes": 18}})
    assert lives(trays) and lives(trays) == lives(rails)


def test_rails_without_a_size_of_racks_are_refused() -> None:
    with pytest.raises(
        ScenarioError, match=r"cluster\.domains\.rack: is missing, and the graph does not say which rack"
    ):
        run(RACK, topology={"kind": "rail-optimized"})


def test_a_rack_that_is_out_is_idle_and_no_damage_to_the_network() -> None:
    result = run({**RACK, "repair": "8 h"})
    answer = run_json(result)
    assert answer["network"] is None
    assert answer["states"]["idle"] > 0 == answer["states"]["repair"]


def test_interruptions_are_those_expected_where_gpus_fail_together() -> None:
    answer = run_json(run({**GPU, "correlated": TOGETHER}))
    seen, expected = sum(answer["interruptions"].values()), answer["interruptions_expected"]
    assert abs(seen - expected) < 4 * expected**0.5
    assert sum(answer["failures"].values()) > seen


def test_a_share_of_nothing_gives_the_same_rows() -> None:
    apart, none = run(GPU), run({**GPU, "correlated": {**TOGETHER, "share": 0}})
    assert none.run_id == apart.run_id
    assert none.trace == apart.trace
    assert time_table("run", none.ledger).equals(time_table("run", apart.ledger))


def test_a_job_that_would_fail_with_its_racks_every_second_is_refused() -> None:
    with pytest.raises(ScenarioError, match="the job would fail every"):
        run({**RACK, "mean": "1 s"})
