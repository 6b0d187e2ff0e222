"""Common random numbers of whole runs: policies, spares and networks move no life, and pairs share their noise."""

from typing import Any

import numpy as np
import pytest

from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import RunPlan
from sim.scenario import scenario_of
from sim.simulate import RunResult, simulate
from tests.engine.run_cases import llama_plan

Key = tuple[str, str, int]

NODE = {"component": "node", "name": "host", "kind": "exponential", "mean": "20 d"}
GPU = {"component": "gpu", "name": "GPU", "kind": "exponential", "mean": "160 d"}
NIC = {"component": "nic", "name": "NIC", "kind": "exponential", "mean": "300 d", "replace": True}
LEAF = {"component": "leaf", "name": "ToR", "kind": "exponential", "mean": "4 d", "repair": "1 h"}
BASE: dict[str, Any] = {
    "name": "paired",
    "training": {"step_time": "10 s"},
    "cluster": {"node": "dgx-h100", "nodes": 32, "spare_nodes": 8, "topology": {"kind": "fat-tree", "k": 16}},
    "failures": {"causes": [NODE, GPU, NIC, LEAF]},
    "recovery": {"detect": "1 min", "replace": "5 min", "initialize": "3 min"},
    "repair": {"crews": 0, "automatic": {"time": "6 h", "success": 1}, "manual": {"time": "1 d", "success": 1}},
    "checkpoint": {
        "interval": {"kind": "fixed", "every": "30 min"},
        "block": "5 s",
        "durable_after": "30 s",
        "restore": "1 min",
    },
    "run": {"horizon": "20 d"},
}


def run(**changes: Any) -> RunResult:
    """Return the run with tables changed, or keys of them."""
    tree = {**BASE, **{name: {**BASE[name], **table} for name, table in changes.items()}}
    return simulate(scenario_of(tree, "paired.toml"))


def topology(**kind: Any) -> dict[str, Any]:
    return {"cluster": {**BASE["cluster"], "topology": kind}}


CHANGES: dict[str, dict[str, Any]] = {
    "checkpoints every 3 h": {"checkpoint": {"interval": {"kind": "fixed", "every": "3 h"}}},
    "two tiers": {
        "checkpoint": {
            "tiers": [
                {"kind": "host-memory", "replicas": 1, "block": "1 s", "durable_after": "2 s", "restore": "5 s"},
                {"kind": "remote", "every": 4},
            ]
        }
    },
    "16 spares, half of them hot": {
        "cluster": {"spare_nodes": 16},
        "recovery": {"spares": {"hot": {"nodes": 8, "replace": "10 s"}}},
    },
    "another recovery": {"recovery": {"mode": "in-job", "on_failure": "queue", "detect": "9 min", "diagnose": "2 min"}},
    "rails": topology(kind="rail-optimized"),
    "leaf-spine": topology(kind="leaf-spine", radix=32),
}


def named(result: RunResult, event: Any) -> str:
    """Return the part that an event names: of the network by its name, of nodes by its number."""
    names = {failure.cause: failure.names for failure in result.plan.failures}[event.cause]
    return names[event.component_index] if names else str(event.component_index)


def epochs(result: RunResult) -> dict[Key, int]:
    """Return when each life ended, by cause, part and ordinal."""
    return {
        (event.cause, named(result, event), event.ordinal): event.time_us
        for event in result.trace.events
        if event.kind == "failure"
    }


def lengths(result: RunResult) -> dict[Key, int]:
    """Return how long each life lasted: from the start, or from when its part was last renewed."""
    found: dict[Key, int] = {}
    begun: dict[tuple[str, str], int] = {}
    broken: dict[int, set[tuple[str, str]]] = {}
    for event in result.trace.events:
        if event.kind == "failure":
            key = event.cause, named(result, event)
            found[*key, event.ordinal] = event.time_us - begun.get(key, 0)
            broken.setdefault(event.node, set()).add(key)
        elif event.kind == "repaired":
            begun |= dict.fromkeys(broken.pop(event.node, ()), event.time_us)
        elif event.kind == "restored":
            begun[event.cause, named(result, event)] = event.time_us
    return found


@pytest.fixture(scope="module")
def base() -> RunResult:
    return run()


@pytest.mark.parametrize("change", CHANGES)
def test_each_life_of_a_component_lasts_as_long_whatever_else_changes(base: RunResult, change: str) -> None:
    here, there = lengths(base), lengths(run(**CHANGES[change]))
    shared = here.keys() & there.keys()
    assert len([key for key in shared if key[0] != "ToR"]) > 30
    assert {key[0] for key in shared} >= {"host", "GPU", "NIC"}
    assert {key: there[key] for key in shared} == {key: here[key] for key in shared}


@pytest.mark.parametrize("change", CHANGES)
def test_first_failures_of_nodes_gpus_and_nics_come_at_the_same_time(base: RunResult, change: str) -> None:
    here, there = epochs(base), epochs(run(**CHANGES[change]))
    first = {key for key in here if key[2] == 0 and key[0] != "ToR"}
    assert len(first) > 30
    assert {key: there.get(key) for key in first} == {key: here[key] for key in first}


def test_switches_of_the_same_name_share_their_first_failures() -> None:
    rails, leaves = run(**CHANGES["rails"]), run(**CHANGES["leaf-spine"])
    shared = {key for key in epochs(rails).keys() & epochs(leaves).keys() if key[0] == "ToR" and key[2] == 0}
    assert shared
    assert {epochs(rails)[key] for key in shared} == {epochs(leaves)[key] for key in shared}


def retained_us(plan: RunPlan) -> int:
    """Return the step time that a run keeps."""
    trace: RunTrace = simulate_run(plan)
    stepped = sum(row.duration_us for row in trace.segments if row.state == "step")
    return stepped - sum(row.duration_us for row in trace.reversals)


def test_the_difference_of_two_intervals_on_16384_gpus_varies_3_times_less_in_pairs() -> None:
    def kept(every_min: int, seed: int) -> int:
        return retained_us(llama_plan(days=6, every_min=every_min, seed=seed))

    short, long = (np.array([kept(every, seed) for seed in range(24)]) for every in (10, 20))
    paired = np.var(short - long, ddof=1)
    apart = np.var(short, ddof=1) + np.var(long, ddof=1)
    assert apart > 3 * paired
