"""Runs of a model with slow nodes: a step with a slow node is that of a cluster that has always had it."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from sim.engine.run import simulate_run
from sim.engine.stages.replica import ReplicaTimer
from sim.ledger.time.summary import US_PER_HOUR
from sim.reliability.failures.slow import Slowed
from sim.report.run.answers import run_json
from sim.scenario import Scenario, load_scenario, scenario_of
from sim.simulate import RunResult, pacer_of, planned, prepare, run_plan, simulate, simulate_step_of
from sim.workload.slowed import Row
from tests.scenario.trees import WITH_MODEL, WITHOUT_MODEL, changed

EVEN = {"distribution": "none"}
JOB: dict[str, Any] = changed(
    WITH_MODEL,
    cluster__speed=EVEN,
    cluster__spare_nodes=2,
    training__tokens=200_000_000_000,
    recovery={"detect": "2 min", "replace": "1 min", "initialize": "1 min"},
    repair=WITHOUT_MODEL["repair"],
)
THERMAL = {
    "component": "gpu",
    "name": "thermal",
    "kind": "exponential",
    "mean": "20 d",
    "slow": 1.2,
    "state": "throttle",
    "repair": "1 h",
}
SLOW = {"component": "node", "name": "slow host", "kind": "exponential", "mean": "3 d", "slow": 1.1, "repair": "2 h"}
NIC = {"component": "nic", "name": "lame NIC", "kind": "exponential", "mean": "9 d", "bandwidth": 0.25, "repair": "2 h"}


def scenario(*causes: dict[str, Any], **changes: Any) -> Scenario:
    tree = changed(JOB, failures={"causes": list(causes)}, **changes)
    if not causes:
        tree = changed(tree, failures=None, recovery=None, repair=None)
    return scenario_of(tree, "file.toml")


@cache
def prepared() -> Any:
    return prepare(scenario(SLOW))


def paced(*slow: Slowed) -> tuple[int, int]:
    """Return the time of a step with slow GPUs, and of it without."""
    ready = prepared()
    pacer = pacer_of(ready, run_plan(ready.scenario, ready.steps, ready.machine), lambda _: ready.steps)
    return pacer.step_us(pacer.condition(0, slow, False))[0], pacer.step_us(0)[0]


@pytest.mark.parametrize("node", [0, 3])
@pytest.mark.parametrize("factor", [1.1, 1.5])
def test_a_node_that_becomes_slow_costs_what_one_does_that_was_always(node: int, factor: float) -> None:
    always = scenario(cluster__speed={**EVEN, "slow_nodes": [{"node": node, "factor": factor}]})
    expected_ns = simulate_step_of(always).profile.step_time_ns
    slow_us, whole_us = paced(Slowed(node, -1, round(1000 * factor), False))
    assert slow_us == round(expected_ns / 1000) > whole_us


def test_one_slow_gpu_makes_its_tensor_group_wait_and_no_more_than_its_node_would() -> None:
    gpu, _ = paced(Slowed(1, 5, 1300, False))
    node, whole = paced(Slowed(1, -1, 1300, False))
    assert whole < gpu <= node


def test_slow_gpus_at_like_places_share_a_profile_and_are_timed_once() -> None:
    ready = prepared()
    pacer = pacer_of(ready, run_plan(ready.scenario, ready.steps, ready.machine), lambda _: ready.steps)
    conditions = {pacer.condition(0, [Slowed(seat, gpu, 1170, False)], False) for seat in range(4) for gpu in range(8)}
    assert len(conditions) == 2  # A slow GPU is in the first stage of a replica or in the last.
    assert sorted(row for row in ready.known[0].known if 1170 in row) == [(1000, 1170), (1170, 1000)]


def test_a_lame_nic_costs_what_the_graph_says() -> None:
    result = simulate(scenario(NIC, cluster__network={"sharing": "max-min"}))
    lame = {"degraded": [{"vertex": "nic-000000", "factor": 0.25}]}
    always = simulate_step_of(scenario(cluster__health=lame, cluster__network={"sharing": "max-min"}))
    assert always.profile.step_time_ns > result.steps[0].profile.step_time_ns
    assert always.profile.step_time_ns in {pace.step_ns[0] for pace in result.paces}
    answer = run_json(result)
    assert answer["network"]["damaged_s"] > 0 and answer["stragglers"]["seconds"] == 0
    assert sum(event.kind == "slowed" for event in result.trace.events) > 2
    assert answer["failures"] == {} and answer["interruptions_expected"] == 0


@pytest.fixture(scope="module")
def thermal() -> RunResult:
    return simulate(scenario(THERMAL, SLOW))


def test_what_slow_nodes_cost_is_straggler_or_throttle_by_their_cause(thermal: RunResult) -> None:
    whole, states = simulate(scenario()).summary, thermal.summary.states
    assert whole.states["straggler"] == whole.states["throttle"] == 0 < min(states["straggler"], states["throttle"])
    answer = run_json(thermal)["stragglers"]
    assert answer["gpu_hours"] == pytest.approx(states["straggler"] + states["throttle"], rel=1e-3)
    assert answer["evicted"] == answer["detected"] == answer["false_alarms"] == 0
    # The same steps are retained, so all that they take longer is there.
    assert thermal.summary.steps == whole.steps
    longer = sum(states[state] - whole.states[state] for state in thermal.steps[0].profile.state_ns)
    assert longer == pytest.approx(answer["gpu_hours"], rel=1e-3)


def test_who_looks_for_slow_nodes_evicts_them() -> None:
    asked = scenario(THERMAL, SLOW, recovery__stragglers={"threshold": 1.02, "delay": "10 min", "false_alarms": "12 h"})
    result = simulate(asked)
    found = run_json(result)["stragglers"]
    events = [event for event in result.trace.events if event.kind == "evicted"]
    assert found["evicted"] == found["detected"] > 2
    assert len(events) == found["evicted"] + found["false_alarms"]
    repaired = sum(stay.place == "repair" for stay in result.trace.stays)
    assert repaired == len(events)
    assert result.summary.states["detect"] == 0 < result.summary.states["initialize"]


def test_the_heat_of_the_day_is_throttle_and_apart_from_slow_nodes(thermal: RunResult) -> None:
    noon = {**EVEN, "diurnal": {"from": "06:00", "to": "18:00", "factor": 1.02}}
    alone = simulate(scenario(cluster__speed=noon))
    answer = run_json(alone)
    assert answer["stragglers"] is None and answer["network"] is None
    assert answer["diurnal"]["gpu_hours"] == pytest.approx(alone.summary.states["throttle"], rel=1e-3)
    assert answer["diurnal"]["seconds"] > 86_400
    both = run_json(simulate(scenario(THERMAL, SLOW, cluster__speed=noon)))
    assert both["diurnal"]["gpu_hours"] == pytest.approx(answer["diurnal"]["gpu_hours"], rel=0.1)
    assert both["stragglers"]["gpu_hours"] == pytest.approx(run_json(thermal)["stragglers"]["gpu_hours"], rel=0.3)


def test_network_day_and_slow_nodes_share_what_steps_take_longer_and_leave_no_rest() -> None:
    noon = {**EVEN, "diurnal": {"from": "06:00", "to": "18:00", "factor": 1.02}}
    fair = {"sharing": "max-min"}
    result = simulate(scenario(NIC, SLOW, THERMAL, cluster__speed=noon, cluster__network=fair))
    whole = simulate(scenario(cluster__network=fair)).summary
    answer = run_json(result)
    assert result.summary.steps == whole.steps and {pace.damaged for pace in result.paces} == {False, True}
    states = result.steps[0].profile.state_ns
    longer = sum(result.summary.states[state] - whole.states[state] for state in states)
    parts = [answer["network"]["slowdown_gpu_hours"], answer["stragglers"]["gpu_hours"], answer["diurnal"]["gpu_hours"]]
    assert sum(parts) == pytest.approx(longer, rel=1e-3) and min(parts) > 0
    slow = sum(result.summary.states[state] for state in ("straggler", "throttle"))
    assert slow == pytest.approx(parts[1] + parts[2], rel=1e-3)


def test_with_a_given_step_time_all_wait_for_the_slowest_node() -> None:
    causes = [{**SLOW, "mean": "400 d"}, WITHOUT_MODEL["failures"]["causes"][0]]
    tree = changed(WITHOUT_MODEL, failures={"causes": causes})
    result = simulate(scenario_of(tree, "file.toml"))
    answer = run_json(result)["stragglers"]
    slowly = [segment for segment in result.trace.segments if segment.state == "step" and segment.condition]
    stepped_us = sum(segment.duration_us for segment in slowly)
    assert answer["seconds"] == pytest.approx(stepped_us * 1e-6)
    assert answer["gpu_hours"] == pytest.approx(stepped_us * (1 - 1 / 1.1) * 4096 / US_PER_HOUR)


def test_the_same_scenario_and_seed_give_the_same_trace(thermal: RunResult) -> None:
    assert simulate(scenario(THERMAL, SLOW)).trace == thermal.trace


def test_a_run_with_all_mechanisms_times_few_replicas_alone_and_a_job_ever_fewer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timed: list[Row] = []
    step_ns = ReplicaTimer.step_ns

    def counted(timer: ReplicaTimer, row: Row) -> int:
        timed.append(row)
        return step_ns(timer, row)

    monkeypatch.setattr(ReplicaTimer, "step_ns", counted)
    job = prepare(load_scenario("llama3-405b-54d-all"))
    counts = []
    for seed in range(6):
        timed.clear()
        ready = planned(replace(job, scenario=replace(job.scenario, seed=seed)))
        simulate_run(ready.plan, judge=ready.judge, pacer=ready.pacer)
        counts.append(len(timed))
    assert counts[0] <= 20 and sum(counts[3:]) <= 24
