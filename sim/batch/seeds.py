"""The same job under another seed."""

from collections.abc import Sequence
from dataclasses import replace

from sim.scenario import load_scenario
from sim.simulate import Prepared, reseeded


def seeded(prepared: Prepared, source: str, overrides: Sequence[str], seed: int) -> Prepared:
    """Return a prepared job under another seed, which may draw what of its network is lost.

    source, overrides: those that the job's scenario was loaded from.
    """
    scenario = replace(prepared.scenario, seed=seed)
    if scenario.machines.health is not None:
        health = load_scenario(source, [*overrides, f"run.seed={seed}"]).machines.health
        scenario = replace(scenario, machines=replace(scenario.machines, health=health))
    return reseeded(prepared, scenario)
