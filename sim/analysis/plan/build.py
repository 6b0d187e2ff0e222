"""From a node, a number of GPUs and a model to a scenario that can be searched and run, on top of a base scenario."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields, replace
from math import ceil, log2, prod
from typing import Any

from sim import catalog
from sim.analysis.plan.layouts.records import Job
from sim.catalog.records import Model, Node
from sim.errors import InputError
from sim.machine import build_machine
from sim.scenario import Scenario, scenario_of
from sim.scenario.form import ModelForm
from sim.scenario.source import overridden, read_scenario
from sim.scenario.training import model_of
from sim.workload.scaling.solve import training_flop
from sim.workload.transformer import matmul_parameters

SPARES = 0.01
"""Spare nodes over those of the job (Llama 3 405B: 24 of 2,048; assumed)."""

NODES_PER_CREW = 256
"""Nodes that a repair crew looks after, as in the presets (assumed)."""

RADIXES = (64, 128, 144)
"""Switches that fabrics are built of, the smallest that hold the nodes (QM9700, SN5600, Q3400)."""

BATCH_EXPONENT = 0.3271
"""Growth of the batch with compute."""

KEPT = ("storage", "speed", "placement")
"""Of the base's cluster."""

RACK = 72
"""GPUs of a rack that is a scale-up domain; jobs use 64 of them where 72 does not divide the job."""


DECIDED = (
    *("name", "model", "parallelism", "calibration", "published", "cost.prices", "cost.power_cap"),
    *("training.tokens", "training.phases", "training.micro_batch", "training.recompute"),
    *("run.horizon", "run.work"),
)
"""Keys that a plan decides or has options for; an override of them would be ignored."""


def _check_overrides(overrides: tuple[str, ...]) -> None:
    """Raise InputError for an override of what a plan decides itself."""
    for override in overrides:
        key = override.partition("=")[0].strip()
        parts = key.split(".")
        own = any(key == each or key.startswith(f"{each}.") for each in DECIDED)
        if own or (parts[0] == "cluster" and parts[1:2] and parts[1] not in KEPT):
            raise InputError(
                f"--set {key}: a plan decides it, or has an option for it; expected a key of failures, recovery, "
                f"repair, checkpoint, cost, or of cluster: {', '.join(KEPT)}"
            )


def base_tree(name: str, overrides: tuple[str, ...]) -> dict[str, Any]:
    """Return the keys of the base with its overrides. Raises InputError for one without a model or a bill."""
    _check_overrides(overrides)
    tree = overridden(read_scenario(name), overrides)
    missing = [key for key in ("model", "training", "cluster", "cost") if key not in tree]
    if missing:
        raise InputError(f"{name}: a plan needs [{missing[0]}]; expected a scenario with model, cluster and cost")
    if "global_batch" not in tree["training"] or "sequence_length" not in tree["training"]:
        raise InputError(f"{name}: a plan needs training.global_batch and training.sequence_length")
    return tree


def plan_job(tree: Mapping[str, Any], node: str, gpus: int, model: Model, tokens: float, book: str) -> Job:
    """Return the job of a plan on a non-blocking rail-optimized fabric, its layout still open.

    Raises InputError for what does not fit together.
    """
    scenario = _with_store(scenario_of(_keys(tree, catalog.node(node), gpus, model, tokens, book), "plan"), tree)
    assert scenario.training is not None, "a plan has a model"
    machine = build_machine(scenario)
    assert machine is not None, "a plan has a topology"
    phase = scenario.training.phases[0]
    batch = replace(phase.batch, global_batch=batch_sequences(tree, model, tokens))
    return Job(scenario=scenario, machine=machine, phase=replace(phase, batch=batch))


def _with_store(scenario: Scenario, tree: Mapping[str, Any]) -> Scenario:
    """Return a scenario whose store is to its nodes as the base's is to the base's, in size, speed and servers."""
    store, cluster = scenario.machines.storage, tree["cluster"]
    if store is None:
        return scenario
    part = scenario.machines.gpus / (int(cluster["nodes"]) * catalog.node(cluster["node"]).accelerators)
    scaled = replace(
        store,
        capacity_bytes=part * store.capacity_bytes,
        write_bandwidth_bytes_per_s=part * store.write_bandwidth_bytes_per_s,
        read_bandwidth_bytes_per_s=part * store.read_bandwidth_bytes_per_s,
        servers=max(1, round(part * store.servers)),
    )
    return replace(scenario, machines=replace(scenario.machines, storage=scaled))


def batch_sequences(tree: Mapping[str, Any], model: Model, tokens: float) -> int:
    """Return the sequences of a batch: the base's, times the ratio of computes to the power 0.3271.

    The exponent is that of DeepSeek LLM (arXiv 2401.02954, figure 3: B = 0.2920 C^0.3271 tokens), the level the base's;
    the nearest power of two, so that replicas divide it.
    """
    training = tree["training"]
    base = model_of(ModelForm.model_validate(tree["model"]), "base")
    own_flop = training_flop(matmul_parameters(base), float(training.get("tokens", tokens)))
    ratio = training_flop(matmul_parameters(model), tokens) / own_flop
    return int(2 ** max(0, round(log2(int(training["global_batch"]) * ratio**BATCH_EXPONENT))))


def _keys(tree: Mapping[str, Any], node: Node, gpus: int, model: Model, tokens: float, book: str) -> dict[str, Any]:
    nodes = ceil(gpus / node.accelerators)
    training = {key: value for key, value in tree["training"].items() if key != "phases"}
    changed = {"tokens": max(1, round(tokens)), "global_batch": gpus, "micro_batch": 1, "recompute": "none"}
    cluster = {key: tree["cluster"][key] for key in KEPT if key in tree["cluster"]}
    cluster |= {
        "node": node.name,
        "nodes": nodes,
        "spare_nodes": ceil(SPARES * nodes),
        "topology": _fabric(node, nodes + ceil(SPARES * nodes)),
    }
    if node.scale_up_domain == RACK and gpus % RACK:
        cluster["domain_gpus"] = 64
    kept = {key: value for key, value in tree.items() if key not in ("published", "calibration", "parallelism")}
    keys = deepcopy(kept) | {
        "name": "plan",
        "model": _model_keys(model),
        "training": training | changed,
        "cluster": cluster,
        "cost": _cost_keys(tree["cost"], book),
        "run": {key: value for key, value in tree.get("run", {}).items() if key in ("seed", "start")},
    }
    if "repair" in keys:
        keys["repair"]["crews"] = max(1, ceil(nodes / NODES_PER_CREW))
    return keys


def _fabric(node: Node, nodes: int) -> dict[str, Any]:
    """Return the fabric of a node's NICs, spares included, of the smallest switches that hold them in three tiers."""
    radix = next((r for r in RADIXES if nodes * node.nics <= _holds(r, node.nics)), None)
    if radix is None:
        most = _holds(RADIXES[-1], node.nics) // node.nics
        raise InputError(
            f"plan: {nodes:,} nodes of {node.name} are more than a rail-optimized fabric of radix {RADIXES[-1]} "
            f"holds; expected at most {most:,} nodes"
        )
    return {"kind": "rail-optimized", "radix": radix}


def _holds(radix: int, rails: int) -> int:
    """Return the NICs of three tiers: radix pods of as many groups of radix / 2 nodes as their leaves allow."""
    return prod((radix, radix // 2 // rails, rails, radix // 2))


def _model_keys(model: Model) -> dict[str, Any]:
    if model.name in catalog.names("model"):
        return {"preset": model.name}
    return {field.name: getattr(model, field.name) for field in fields(Model) if field.name not in ("name", "sources")}


def _cost_keys(cost: Mapping[str, Any], book: str) -> dict[str, Any]:
    """Return the base's bill by a book; a book of the other kind says how the hardware is acquired."""
    owned = book.endswith("-owned")
    alike = (cost.get("acquisition") in ("own", "colocation")) == owned
    acquisition = cost["acquisition"] if alike else "own" if owned else "on-demand"
    kept = {key: value for key, value in cost.items() if key != "power_cap"}
    return {**kept, "prices": book, "acquisition": acquisition}
