"""Fabrics of 16,384 GPUs compared, losses included, on all cores; bills of materials; replicas with their ledgers."""

import resource
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from sim.batch.study import compare_study, load_study
from sim.cluster.describe import describe
from sim.machine import build_machine, materials
from sim.scenario import load_scenario
from sim.simulate import prepare, simulate_prepared

BUDGET_S = 30.0
WINDOW = ("run.horizon=54 d", "training.phases=[]")


def measure() -> dict[str, float]:
    """Return seconds of ten fabrics and of all of the study, and what a bill and a replica cost beside the machine."""
    study = load_study("topologies")
    ten = replace(study, variants=study.variants[:10])
    before_s = _children_s()
    ten_s = _timed(lambda: compare_study(ten, overrides=WINDOW, replicas=1))
    busy_s = _children_s() - before_s
    all_s = _timed(lambda: compare_study(study, overrides=WINDOW, replicas=1))
    return {
        "compare ten fabrics of 16,384 GPUs with their losses: seconds": ten_s,
        "compare ten fabrics of 16,384 GPUs with their losses: CPU seconds": busy_s,
        "compare ten fabrics of 16,384 GPUs with their losses: over budget": ten_s / BUDGET_S,
        f"compare all {len(study.variants)} fabrics of the study, direct ones with Valiant routing: seconds": all_s,
        **_machine(),
        **_replicas(),
    }


def _children_s() -> float:
    """Return the CPU time of the workers that have ended: what other work on the machine does not lengthen much."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _machine() -> dict[str, float]:
    """Return what a machine's bill and description cost, over what it takes to wire it and read its network."""
    scenario = load_scenario("llama3-405b-54d")
    machine = build_machine(scenario)
    assert machine is not None
    graph = machine.cluster.graph
    wired_s = _best(lambda: build_machine(scenario))
    return {
        "bill of materials, 16,384 GPUs: seconds": (bill_s := _best(lambda: materials(machine))),
        "bill of materials, 16,384 GPUs: over wiring": bill_s / wired_s,
        "description, 16,384 GPUs: over wiring": _best(lambda: describe(graph)) / wired_s,
    }


def _replicas() -> dict[str, float]:
    prepared = prepare(load_scenario("llama3-405b-54d"))
    return {
        "run 16,384 GPUs, 54 days, with its ledgers: replicas per second": 1
        / _best(lambda: simulate_prepared(prepared))
    }


def _best(call: Callable[[], object], repeats: int = 5) -> float:
    return min(_timed(call) for _ in range(repeats))


def _timed(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start
