"""The run engine: replicas per second with and without their ledgers, and what they cost in bare SimPy events.

A machine that is shared runs at one speed now and at another then: every replica is set against a loop of bare events
right before and after it, and the median of these ratios is told.
"""

import inspect
import sys
from collections.abc import Callable, Generator
from statistics import median
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
from tests.engine.run_cases import llama_plan
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
    "S1": (airesim_s1(0), simulate_run, 24, 200),
    "16,384 GPUs, 54 days": (llama_plan(seed=0), simulate_run, 24, 100),
    "16,384 GPUs, 54 days, ledger": (llama_plan(seed=0), with_ledger, 24, 100),
    "131,072 GPUs, 54 days": (
        llama_plan(nodes=16_384, spare_nodes=1_200, every_min=5, crews=64, seed=0),
        simulate_run,
        6,
        12,
    ),
    "1,048,576 GPUs, 180 days": (
        llama_plan(nodes=131_072, spare_nodes=10_000, days=180, every_min=5, crews=512, seed=0),
        simulate_run,
        1,
        1 / 60,
    ),
}

# Of the machine that the budgets are for.
_REFERENCE_EVENTS_PER_S = 1_900_000


def bare_events_per_second(events: int = 30_000) -> float:
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
    run.begin()
    passed = 0
    while run.done.callbacks is not None:
        run.env.step()
        passed += 1
    return passed


def measure() -> dict[str, float]:
    """Return by case replicas per second, and bare SimPy events' worth of time and SimPy events a run and a failure.

    By the ratio, how many replicas a second the reference machine makes, over the budget: 1 or more holds it.
    """
    compiled = "_compiled" in inspect.getfile(sys.modules[PlainRun.__module__])
    results: dict[str, float] = {"run: the engine of plain runs is compiled (1) or not (0)": compiled}
    # As a batch does: a run makes many rows and few cycles.
    with rare_collections():
        for name, (plan, simulate, replicas, budget_per_s) in CASES.items():
            trace, seconds, bare = _paired(plan, simulate, replicas)
            failures = sum(event.kind == "failure" for event in trace.events)
            results |= {
                f"run {name}: replicas per second": 1 / seconds,
                f"run {name}: failures": failures,
                f"run {name}: SimPy events a failure": events_of(plan) / failures,
                f"run {name}: bare events a run": bare,
                f"run {name}: bare events a failure": bare / failures,
                f"run {name}: reference machine over budget": _REFERENCE_EVENTS_PER_S / bare / budget_per_s,
            }
    return results


def _paired(plan: RunPlan, simulate: Callable[[RunPlan], RunTrace], replicas: int) -> tuple[RunTrace, float, float]:
    """Return a trace, the shortest time of several replicas, and the median of their times in bare events."""
    times, ratios = [], []
    before = bare_events_per_second()
    for _ in range(replicas):
        start = process_time()
        trace = simulate(plan)
        times.append(process_time() - start)
        after = bare_events_per_second()
        ratios.append(times[-1] * (before + after) / 2)
        before = after
    return trace, min(times), median(ratios)
