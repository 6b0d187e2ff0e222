"""The layouts of a scenario as it is, or of a model on so many GPUs: the best by estimate, and those by simulation."""

from collections.abc import Sequence
from dataclasses import replace

from sim import catalog
from sim.analysis.plan.layouts.records import Job, Progress, Ranking, Space
from sim.analysis.plan.layouts.search import search_layouts, verified
from sim.errors import ScenarioError
from sim.machine import build_machine
from sim.scenario import Scenario, scenario_of
from sim.scenario.source import Tree, overridden, read_scenario
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
    """Return a scenario's job, or that of another model or number of GPUs, whose own layout is then no input."""
    asked = [*overrides, *([] if model is None else [f"model.preset={model}"])]
    tree = {key: value for key, value in overridden(read_scenario(source), asked).items() if key != "calibration"}
    scenario = scenario_of(tree, source) if gpus is None and model is None else _without_layout(tree, source, gpus)
    machine = build_machine(scenario)
    if scenario.training is None or machine is None:
        raise ScenarioError("a layout needs a [model] and [cluster] topology; this scenario gives training.step_time")
    return Job(scenario=scenario, machine=machine, phase=scenario.training.phases[main_phase(scenario.training)])


def _without_layout(tree: Tree, source: str, gpus: int | None) -> Scenario:
    """Return a scenario of one phase in some layout that is valid on any number of GPUs, with the batch as it is."""
    cluster, training = tree["cluster"], tree["training"]
    each = int(cluster.get("node_gpus") or catalog.node(cluster["node"]).accelerators)
    if gpus is not None and gpus % each:
        raise ScenarioError(f"--gpus: got {gpus:,}, expected a multiple of the {each} GPUs of a node")
    nodes = int(cluster["nodes"]) if gpus is None else gpus // each
    plain = {"phases": [], "global_batch": nodes * each, "micro_batch": 1, "recompute": "none"}
    kept = {key: value for key, value in tree.items() if key not in ("published", "parallelism")}
    keys = {**kept, "training": {**training, **plain}, "cluster": {**cluster, "nodes": nodes}}
    scenario = scenario_of(keys, source)
    assert scenario.training is not None, "a layout is that of a model"
    phase = scenario.training.phases[0]
    own = replace(phase, batch=replace(phase.batch, global_batch=int(training["global_batch"])))
    return replace(scenario, training=replace(scenario.training, phases=(own,)))
