"""What mechanisms cost: 54 days of Llama 3 with all of them on and without, with the ledger and without it."""

import gc
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from time import perf_counter

from sim.engine.run import simulate_run
from sim.scenario import load_scenario
from sim.simulate import Prepared, planned, prepare, simulate_prepared
from tests.benchmarks.bench_run import bare_events_per_second

PRESETS = {"plain": "llama3-405b-54d", "all mechanisms": "llama3-405b-54d-all"}


def _per_second(run: Callable[[int], object], replicas: int) -> float:
    """Return runs a second by the fastest of several seeds: other work on the machine only adds to it."""
    seeds = count(1)
    times = []
    for _ in range(replicas):
        start = perf_counter()
        run(next(seeds))
        times.append(perf_counter() - start)
    return 1 / min(times)


def _seeded(prepared: Prepared, seed: int) -> Prepared:
    """Return a job under another seed, after set-up: with the steps that were simulated, which runs share."""
    return replace(prepared, scenario=replace(prepared.scenario, seed=seed))


def measure(replicas: int = 8) -> dict[str, float]:
    """Return by preset replicas a second without and with the ledger, and bare SimPy events' worth of time for one."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 1000)
    bare = bare_events_per_second()
    results: dict[str, float] = {}
    for name, preset in PRESETS.items():
        prepared = prepare(load_scenario(preset))

        def traced(seed: int, job: Prepared = prepared) -> None:
            ready = planned(_seeded(job, seed))
            simulate_run(ready.plan, judge=ready.judge, pacer=ready.pacer)

        def whole(seed: int, job: Prepared = prepared) -> None:
            simulate_prepared(_seeded(job, seed))

        traced(0)
        for what, run in {"without the ledger": traced, "with it": whole}.items():
            rate = _per_second(run, replicas)
            results |= {
                f"54 days, {name}: replicas per second {what}": rate,
                f"54 days, {name}: bare SimPy events' time a replica {what}": bare / rate,
            }
    gc.set_threshold(*before)
    return results
