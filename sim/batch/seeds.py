"""One job under many seeds: prepared once in each process, and again only where a seed decides something of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sim.scenario import Scenario
from sim.simulate import Prepared, prepare, reseeded

KEPT = 4
"""Prepared jobs that a process keeps: a scenario and what it is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A scenario and where it comes from; key: what determines its runs, by which processes keep it prepared."""

    key: str
    scenario: Scenario = field(compare=False)
    source: str
    overrides: tuple[str, ...]
    allow_plugins: bool = False


def seeded(prepared: Prepared, source: str, overrides: Sequence[str], seed: int) -> Prepared:
    """Return a prepared job under another seed, which may draw what of its network is lost.

    source, overrides: those that the job's scenario was loaded from.
    """
    scenario = replace(prepared.scenario, seed=seed)
    if scenario.machines.health is not None:
        from sim.scenario import load_scenario

        health = load_scenario(source, [*overrides, f"run.seed={seed}"]).machines.health
        scenario = replace(scenario, machines=replace(scenario.machines, health=health))
    return reseeded(prepared, scenario)


@lru_cache(maxsize=KEPT)
def prepared_job(job: Job) -> Prepared:
    """Return a job before its runs, kept for a process' next task."""
    return prepare(job.scenario, allow_plugins=job.allow_plugins)


def of_seed(job: Job, prepared: Prepared, seed: int) -> Prepared:
    """Return a prepared job under a seed; its step is simulated anew only where the seed decides something of it."""
    same = seed == prepared.scenario.seed
    return prepared if same else seeded(prepared, job.source, job.overrides, seed)
