"""What mechanisms cost: 54 days of Llama 3 without any, with stragglers, with all; with the ledger and without it."""

from dataclasses import replace
from functools import partial
from time import process_time

from sim.engine.collector import rare_collections
from sim.engine.run import simulate_run
from sim.scenario import load_scenario
from sim.simulate import Prepared, planned, prepare, simulate_prepared
from tests.benchmarks.bench_run import REFERENCE_EVENTS_PER_S, bare_loop
from tests.benchmarks.beside import beside

PRESETS = {
    "plain": "llama3-405b-54d",
    "stragglers": "llama3-405b-54d-stragglers",
    "all mechanisms": "llama3-405b-54d-all",
}

WARM, REPLICAS = 12, 60
"""Runs before the measured ones, which share the steps that were simulated, as those of a batch do; and these."""


def measure() -> dict[str, float]:
    """Return by preset replicas a second without and with the ledger, as measured and on the reference machine."""
    results: dict[str, float] = {}
    for name, preset in PRESETS.items():
        for what, ledger in {"without the ledger": False, "with it": True}.items():
            per_s, (events_per_s,) = beside(partial(replicas_per_second, preset, ledger=ledger), bare_loop)
            results |= {
                f"54 days, {name}: replicas per second {what}": per_s,
                f"54 days, {name}: on the reference machine {what}": per_s * REFERENCE_EVENTS_PER_S / events_per_s,
            }
    return results


def replicas_per_second(preset: str, *, ledger: bool) -> float:
    """Return how many runs of a preset are made in a second of CPU time, each of another seed."""
    prepared = prepare(load_scenario(preset))
    with rare_collections():
        for seed in range(WARM):
            _simulate(_seeded(prepared, seed), ledger)
        start_s = process_time()
        for seed in range(WARM, WARM + REPLICAS):
            _simulate(_seeded(prepared, seed), ledger)
        return REPLICAS / (process_time() - start_s)


def _simulate(prepared: Prepared, ledger: bool) -> None:
    if ledger:
        simulate_prepared(prepared)
        return
    ready = planned(prepared)
    simulate_run(ready.plan, judge=ready.judge, pacer=ready.pacer)


def _seeded(prepared: Prepared, seed: int) -> Prepared:
    """Return a job under another seed, after set-up: with the steps that were simulated, which runs share."""
    return replace(prepared, scenario=replace(prepared.scenario, seed=seed))
