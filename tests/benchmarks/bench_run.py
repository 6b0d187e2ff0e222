"""The run engine: replicas per second with their traces, SimPy events a failure, and the ratio to a bare SimPy loop."""

import gc
from collections.abc import Generator
from time import perf_counter

import simpy

from sim.engine.run import RunSimulation, simulate_run
from sim.ledger.trace import RunTrace
from sim.reliability.plan import check_plan
from sim.reliability.records import RunPlan
from tests.engine.run_cases import llama_plan

CASES = {
    "16,384 GPUs, 54 days, 10-min checkpoints": (llama_plan(seed=0), 20),
    "131,072 GPUs, 54 days, 5-min checkpoints": (
        llama_plan(nodes=16_384, spare_nodes=1_200, every_min=5, crews=64, seed=0),
        6,
    ),
    "1,048,576 GPUs, 180 days, 5-min checkpoints": (
        llama_plan(nodes=131_072, spare_nodes=10_000, days=180, every_min=5, crews=512, seed=0),
        1,
    ),
}


def bare_events_per_second(events: int = 300_000) -> float:
    """Return how many timeouts a second one SimPy process passes: what the machine can do."""
    env = simpy.Environment()

    def wait() -> Generator[simpy.Event, None, None]:
        for _ in range(events):
            yield env.timeout(1)

    env.process(wait())
    start = perf_counter()
    env.run()
    return events / (perf_counter() - start)


def events_of(plan: RunPlan) -> int:
    """Return how many events SimPy schedules for a run."""
    check_plan(plan)
    run = RunSimulation(plan, "dormant", explicit=False)
    run.trace()
    return next(run.env._eid)


def _best(plan: RunPlan, replicas: int) -> tuple[RunTrace, float]:
    """Return a trace and the shortest time of several replicas: other work on the machine only adds to it."""
    times = []
    for _ in range(replicas):
        start = perf_counter()
        trace = simulate_run(plan, "dormant")
        times.append(perf_counter() - start)
    return trace, min(times)


def measure() -> dict[str, float]:
    """Return by case replicas per second, failures and SimPy events a replica, and its bare events' worth of time."""
    before = gc.get_threshold()
    # As a batch does: a run makes many rows and few cycles.
    gc.set_threshold(100_000, 50, 1000)
    results: dict[str, float] = {}
    for name, (plan, replicas) in CASES.items():
        trace, run_s = _best(plan, replicas)
        failures = sum(event.kind == "failure" for event in trace.events)
        results |= {
            f"run {name}: replicas per second": 1 / run_s,
            f"run {name}: failures": failures,
            f"run {name}: SimPy events a failure": events_of(plan) / failures,
            f"run {name}: bare SimPy events' time a failure": run_s * bare_events_per_second() / failures,
        }
    gc.set_threshold(*before)
    return results
