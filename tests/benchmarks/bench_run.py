"""The run engine: replicas per second with and without their ledgers, and what they cost in bare SimPy events.

Beside every case runs a loop of bare events, at the same time: what both do in a second of CPU time is compared.
"""

import inspect
import sys
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from time import process_time

import simpy

from sim.engine.collector import rare_collections
from sim.engine.plain.run import PlainRun
from sim.engine.run import simulate_run
from sim.ledger.time.columns import columned
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.time_ledger import time_ledger
from sim.ledger.time.trace import RunTrace
from sim.reliability.plan import check_plan
from sim.reliability.records import RunPlan
from sim.workload.profile import STEP_STATES
from tests.benchmarks.beside import beside
from tests.engine.run_cases import llama_plan
from tests.engine.test_run_counts import passed_by
from tests.ledger.traces import profile_of
from tests.validation.test_reliability_oracles import airesim_s1


def with_ledger(plan: RunPlan) -> RunTrace:
    """Simulate a run and enter its time by item and state, checked."""
    trace = simulate_run(plan)
    profile = profile_of({state: 10**9 + 7 * index for index, state in enumerate(STEP_STATES[:10])})
    columns = columned(trace)
    check_conservation(columns, time_ledger(columns, [profile] * len(plan.phases)))
    return trace


# By case: the plan, what is done with it, replicas, and the budget in replicas a second.
CASES: dict[str, tuple[RunPlan, Callable[[RunPlan], RunTrace], int, float]] = {
    "S1": (airesim_s1(0), simulate_run, 1000, 200),
    "16,384 GPUs, 54 days": (llama_plan(seed=0), simulate_run, 500, 100),
    "16,384 GPUs, 54 days, ledger": (llama_plan(seed=0), with_ledger, 500, 100),
    "131,072 GPUs, 54 days": (
        llama_plan(nodes=16_384, spare_nodes=1_200, every_min=5, crews=64, seed=0),
        simulate_run,
        50,
        12,
    ),
    "1,048,576 GPUs, 180 days": (
        llama_plan(nodes=131_072, spare_nodes=10_000, days=180, every_min=5, crews=512, seed=0),
        simulate_run,
        2,
        1 / 60,
    ),
}

BARE_EVENTS = 30_000

# Of the machine that the budgets are for.
REFERENCE_EVENTS_PER_S = 1_900_000


def bare_events_per_second(events: int = BARE_EVENTS) -> float:
    """Return how many timeouts a second one SimPy process passes: what the machine can do."""
    env = simpy.Environment()

    def wait() -> Generator[simpy.Event, None, None]:
        for _ in range(events):
            yield env.timeout(1)

    env.process(wait())
    start = process_time()
    env.run()
    return events / (process_time() - start)


def events_of(plan: RunPlan) -> int:
    """Return how many SimPy events a run passes, which is plain."""
    check_plan(plan)
    run = PlainRun(plan)
    return passed_by(run, run.done)


def measure() -> dict[str, float]:
    """Return by case replicas per second, and bare SimPy events' worth of time and SimPy events a run and a failure.

    By the ratio, how many replicas a second the reference machine makes, over the budget: 1 or more holds it.
    """
    compiled = "_compiled" in inspect.getfile(sys.modules[PlainRun.__module__])
    results: dict[str, float] = {"run: the engine of plain runs is compiled (1) or not (0)": compiled}
    for name, (plan, _, _, budget_per_s) in CASES.items():
        trace = simulate_run(plan)
        failures = sum(event.kind == "failure" for event in trace.events)
        per_s, (events_per_s,) = beside(partial(replicas_per_second, name), bare_loop)
        bare = events_per_s / per_s
        results |= {
            f"run {name}: replicas per second": per_s,
            f"run {name}: failures": failures,
            f"run {name}: SimPy events a failure": events_of(plan) / failures,
            f"run {name}: bare events a run": bare,
            f"run {name}: bare events a failure": bare / failures,
            f"run {name}: reference machine over budget": REFERENCE_EVENTS_PER_S / bare / budget_per_s,
        }
    return results


def replicas_per_second(name: str) -> float:
    """Return how many replicas of a case are made in a second of CPU time, each of another seed."""
    plan, simulate, replicas, _ = CASES[name]
    # As a batch does: a run makes many rows and few cycles.
    with rare_collections():
        simulate(plan)
        start_s = process_time()
        for seed in range(replicas):
            simulate(replace(plan, seed=seed))
        return replicas / (process_time() - start_s)


def bare_loop() -> Callable[[Callable[[], bool]], float]:
    """Return what passes bare events until something is over, and says how many in a second of CPU time."""

    def loop(over: Callable[[], bool]) -> float:
        passes, start_s = 0, process_time()
        while not over():
            bare_events_per_second()
            passes += 1
        return passes * BARE_EVENTS / (process_time() - start_s)

    return loop
