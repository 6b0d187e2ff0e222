"""The layouts of a scenario as it is, or of a model on so many GPUs: the best by estimate, and those by simulation."""

from collections.abc import Sequence
from dataclasses import replace

from sim.analysis.plan.layouts.records import Job, Progress, Ranking, Space
from sim.analysis.plan.layouts.search import search_layouts, verified
from sim.errors import ScenarioError
from sim.machine import build_machine
from sim.scenario import scenario_of
from sim.scenario.source import overridden, read_scenario
from sim.steps import main_phase

VERIFIED = 3
"""Layouts that are simulated after the search."""


def ranked_layouts(
    source: str,
    overrides: Sequence[str],
    gpus: int | None,
    model: str | None,
    best: int,
    limit_s: float,
    progress: Progress,
) -> tuple[Ranking, Job]:
    """Return the ranking of the main phase's layouts, the first of them verified, and the job.

    gpus, model: instead of the scenario's. The batch stays exactly what it is. Raises InputError.
    """
    job = _job(source, overrides, gpus, model)
    ranking = search_layouts(job, Space(), best=best, limit_s=limit_s, progress=progress)
    first = []
    for number, each in enumerate(ranking.best[:VERIFIED]):
        progress(number / VERIFIED, f"simulating layout {number + 1} of {VERIFIED}")
        first.append(verified(job, each))
    first.sort(key=lambda each: each.per_sequence_s)
    return replace(ranking, best=(*first, *ranking.best[VERIFIED:])), job


def _job(source: str, overrides: Sequence[str], gpus: int | None, model: str | None) -> Job:
    """Return a scenario's job; what its own layout says is no input, so that other GPUs or models do not clash with it."""
    asked = list(overrides)
    if model is not None:
        asked.append(f"model.preset={model}")
    tree = overridden(read_scenario(source), asked)
    own = (
        scenario_of({key: value for key, value in tree.items() if key != "calibration"}, source)
        if not (gpus or model)
        else None
    )
    if own is None:
        each = int(tree["cluster"].get("node_gpus") or 0) or _node_gpus(tree["cluster"]["node"])
        if gpus is not None:
            tree = overridden(tree, [f"cluster.nodes={gpus // each}"])
        total = int(tree["cluster"]["nodes"]) * each
        batch = int(tree["training"]["global_batch"])
        training = {**tree["training"], "phases": [], "global_batch": total, "micro_batch": 1, "recompute": "none"}
        kept = {key: value for key, value in tree.items() if key not in ("published", "calibration", "parallelism")}
        own = scenario_of({**kept, "training": training}, source)
        assert own.training is not None, "a layout is that of a model"
        phase = own.training.phases[0]
        phases = (replace(phase, batch=replace(phase.batch, global_batch=batch)),)
        own = replace(own, training=replace(own.training, phases=phases))
    machine = build_machine(own)
    if own.training is None or machine is None:
        raise ScenarioError("a layout needs a [model] and [cluster] topology; this scenario gives training.step_time")
    return Job(scenario=own, machine=machine, phase=own.training.phases[main_phase(own.training)])


def _node_gpus(name: str) -> int:
    from sim import catalog

    return catalog.node(name).accelerators
