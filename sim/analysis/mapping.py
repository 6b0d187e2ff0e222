"""From a measured row to the scenario that it describes, with the rules that filled what it leaves open."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sim.analysis.measurements import Measured
from sim.analysis.rules import Rules, rules
from sim.catalog.records import Model, Node, Provenance, SoftwareProfile
from sim.errors import InputError
from sim.scenario import scenario_of
from sim.scenario.records import Scenario
from sim.workload.layout import Batch, Layout
from sim.workload.memory import stage_memory

SCHEDULES = ("zb-v", "zb-h1", "zb-h2", "zb-1p", "zb-2p", "dualpipev", "dualpipe", "gpipe")
"""Schedules by the start of their name; the longer of two that start alike comes first."""

ONE_BY_ONE = ("none", "1f1b", "interleaved", "pipeline")
"""Starts of names of one forward, one backward, whose interleaving is a column of its own."""

ETHERNET = r"RoCE|Ethernet|Tomahawk"
"""What names a network that hashes queue pairs over its paths, where a node has InfiniBand."""

NEWER = ("megatron-core", "mlperf", "megascale", "deepseek", "meta")
"""Software from 2023 on, which interleaves and divides sequences unless told otherwise."""


OFFLOADS_BYTES_PER_S = 100e9
"""Bandwidth to the host's memory from which activations that do not fit go there instead of being made again."""


class SkippedError(Exception):
    """A row that cannot be simulated, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A row's scenario, and the names of the rules that filled what it leaves open."""

    scenario: Scenario
    filled: tuple[str, ...]


def scenario_of_row(row: Measured) -> Mapped:
    """Return the scenario of a row. Raises SkippedError with the reason where there is none."""
    _check_kind(row)
    table = rules()
    filled: list[str] = []
    try:
        node = _node_name(row, table)
        software = table.profile_noted(row) or table.software(row)
        tree = {
            "name": "row",
            "model": _model(row, table, filled),
            "training": _training(row, table, software, filled),
            "parallelism": _parallelism(row, software, filled),
            "cluster": _cluster(row, node, filled),
        }
        scenario = scenario_of(tree, row.text("id"))
    except InputError as error:
        raise SkippedError(f"refused: {_short(error, row)}") from None
    return Mapped(scenario=_as_measured(scenario, row, table, filled), filled=tuple(filled))


def _check_kind(row: Measured) -> None:
    if row.step_time_s is None:
        raise SkippedError("no step time")
    if row.text("core") == "context":
        raise SkippedError("context only: old software, other accelerators, incomplete layout or totals of a run")
    if row.text("measure_type") not in ("", "step_benchmark", "steady_state_production"):
        raise SkippedError(f"measures something else than steps: {row.text('measure_type')}")
    missing = [
        name
        for name in ("n_gpus", "tp", "pp", "global_batch", "seq_len", "layers", "hidden", "heads")
        if not row.text(name)
    ]
    if missing:
        raise SkippedError(f"not stated: {', '.join(missing)}")


def _node_name(row: Measured, table: Rules) -> str:
    node = table.node(row.text("gpu"))
    if node is None:
        raise SkippedError(f"no rule for GPU '{row.text('gpu')}'")
    return node


def _model(row: Measured, table: Rules, filled: list[str]) -> dict[str, Any]:
    hidden, heads = row.count("hidden"), row.count("heads")
    kv_heads, ffn = row.count("kv_heads"), row.count("ffn_hidden")
    assert hidden and heads
    if kv_heads is None or ffn is None:
        raise SkippedError("not stated: kv_heads or ffn_hidden")
    experts = row.count("experts")
    # GPTs have 4 h and no gate, and share embedding and head.
    gpt = ffn == 4 * hidden and not experts
    facts = table.facts(row.text("model"))
    if "head_dim" not in facts and hidden % heads:
        raise SkippedError(f"head size is not known: hidden {hidden} is no multiple of {heads} heads")
    model: dict[str, Any] = {
        "layers": row.count("layers"),
        "hidden": hidden,
        "heads": heads,
        "kv_heads": kv_heads,
        "head_dim": hidden // heads,
        "ffn_hidden": ffn,
        "gated_ffn": not gpt,
        "vocab": _filled(row.count("vocab"), 51_200, "vocab", filled),
        "tied_embeddings": gpt,
        "attention": "mha" if kv_heads == heads else "gqa",
    }
    if experts:
        _note("routing", filled)
        model |= {"experts": experts, "experts_per_token": row.count("topk"), "expert_ffn_hidden": ffn}
    return model | facts | table.noted(row, "model")


def _training(row: Measured, table: Rules, software: str, filled: list[str]) -> dict[str, Any]:
    return {
        "tokens": 10**12,
        "sequence_length": row.count("seq_len"),
        "global_batch": row.count("global_batch"),
        "micro_batch": _filled(row.count("micro_batch"), 1, "micro_batch", filled),
        "precision": _precision(row, table),
        "recompute": _recompute(row, software, filled),
        "software": software,
    }


def _precision(row: Measured, table: Rules) -> str:
    found = table.precision(row.text("precision"), row.text("gpu"))
    if found is None:
        raise SkippedError(f"no rule for precision '{row.text('precision')}'")
    return found


def _recompute(row: Measured, software: str, filled: list[str]) -> Any:
    text = row.text("recompute").lower()
    if not text or text == "n/s":
        _note("recompute", filled)
        return "none"
    if text.startswith("none"):
        return "none"
    if text.startswith("full"):
        return "full"
    if text.startswith("selective"):
        layers = row.count("layers")
        if software.startswith("fsdp") and layers:
            _note("selective", filled)
            return {"kind": "full", "layers": max(1, layers // 2)}
        return "selective"
    return text.split("+")


def _parallelism(row: Measured, software: str, filled: list[str]) -> dict[str, Any]:
    tensor, pipeline = row.count("tp") or 1, row.count("pp") or 1
    layout: dict[str, Any] = {
        "tensor": tensor,
        "pipeline": pipeline,
        "context": row.count("cp") or 1,
        "expert": row.count("ep") or 1,
        "schedule": _schedule(row, software, filled),
        "sequence_parallel": tensor > 1 and _sequence_parallel(row, software, filled),
        **_sharding(row.text("fsdp_zero")),
    }
    if row.count("experts"):
        layout["expert_tensor"] = _expert_tensor(row, tensor, filled)
    return layout


def _expert_tensor(row: Measured, tensor: int, filled: list[str]) -> int:
    stated = re.search(r"ETP[ =](\d+)", row.text("notes"))
    if stated:
        return int(stated[1])
    _note("expert_tensor", filled)
    one = re.search(rules().tables["expert_tensor_one"], row.text("source"))
    return 1 if one or _sharding(row.text("fsdp_zero")).get("sharding") == "zero3" else tensor


_SAID = {True: ("yes", "true", "1", "on"), False: ("no", "false", "0", "off")}
"""What stands in a cell for yes and for no."""


def _sequence_parallel(row: Measured, software: str, filled: list[str]) -> bool:
    text = row.text("sequence_parallel").lower()
    if text:
        said = next((said for said, words in _SAID.items() if text.split()[0].strip(",;(") in words), None)
        if said is None:
            raise SkippedError(f"no rule for sequence_parallel '{row.text('sequence_parallel')}'")
        return said
    _note("sequence_parallel", filled)
    return software != "megatron-2021"


def _schedule(row: Measured, software: str, filled: list[str]) -> dict[str, Any]:
    text, pipeline = row.text("schedule").lower(), row.count("pp") or 1
    if pipeline == 1:
        return {"kind": "1f1b"}
    for name in SCHEDULES:
        if text.startswith(name):
            return {"kind": name}
    if text and not text.startswith(ONE_BY_ONE):
        raise SkippedError(f"no rule for schedule '{row.text('schedule')}'")
    chunks = row.count("vpp")
    if chunks is None:
        _note("vpp", filled)
        chunks = _usual_chunks(row, pipeline) if software.startswith(NEWER) else 1
    return {"kind": "interleaved", "chunks": chunks} if chunks > 1 else {"kind": "1f1b"}


def _usual_chunks(row: Measured, pipeline: int) -> int:
    layers = row.count("layers") or 1
    # Layers that do not divide are dealt with embedding and head as one each.
    slots = layers if layers % pipeline == 0 else layers + 2
    return max((chunks for chunks in range(1, 9) if slots % (pipeline * chunks) == 0), default=1)


def _sharding(text: str) -> dict[str, Any]:
    upper = text.upper()
    if "NO RESHARD" in upper or "ZERO-2" in upper:
        return {"sharding": "zero2"}
    if "HSDP" in upper:
        return {"sharding": "hsdp"}
    if "SHARD_GRAD_OP" in upper:
        return {"sharding": "zero3", "reshard_after_forward": False}
    if "FSDP" in upper or "ZERO-3" in upper or "FULL_SHARD" in upper:
        return {"sharding": "zero3"}
    if "ZERO-1" in upper or "DISTRIBUTED OPTIMIZER" in upper:
        return {"sharding": "zero1"}
    if upper and not upper.startswith(("0", "ZERO-0", "DDP", "NONE", "NO")):
        raise SkippedError(f"no rule for sharding '{text}'")
    return {"sharding": "ddp"}


def _cluster(row: Measured, node: str, filled: list[str]) -> dict[str, Any]:
    gpus = row.count("n_gpus") or 1
    per_node = _per_node(row)
    _check_degrees(row, gpus)
    if gpus > per_node and gpus % per_node:
        raise SkippedError(f"{gpus} GPUs are no whole nodes of {per_node}")
    cluster: dict[str, Any] = {
        "node": node,
        "nodes": max(1, gpus // per_node),
        "topology": {"kind": "rail-optimized", "radix": 64},
    }
    if min(gpus, per_node) < _node_gpus(row):
        cluster["node_gpus"] = min(gpus, per_node)
    if row.text("gpu").startswith("GB") and gpus % 64 == 0:
        _note("domain", filled)
        cluster["domain_gpus"] = 64
    return cluster


def _check_degrees(row: Measured, gpus: int) -> None:
    """Refuse degrees that do not make up the GPUs: the data degree is derived, and would hide it."""
    data, others = row.count("dp"), [row.count(name) or 1 for name in ("tp", "pp", "cp")]
    if data and data * math.prod(others) != gpus:
        degrees = " x ".join(map(str, [*others, data]))
        raise SkippedError(f"contradicts itself: tp x pp x cp x dp = {degrees}, but {gpus} GPUs")


def _per_node(row: Measured) -> int:
    """Return the GPUs of a node as stated, at most those that it has; one of 72 GPUs is a rack of nodes of 4."""
    ours, stated = _node_gpus(row), row.count("gpus_per_node")
    if stated is None or (ours == 4 and stated == 72):
        return ours
    if ours % stated:
        raise SkippedError(f"nodes of {stated} GPUs: that of {row.text('gpu')} has {ours}")
    return stated


def _node_gpus(row: Measured) -> int:
    return 4 if row.text("gpu").startswith("GB") else 8


def _as_measured(scenario: Scenario, row: Measured, table: Rules, filled: list[str]) -> Scenario:
    """Return the scenario with the row's NIC, its part of a node, its notes on the software, and room for any layout.

    Whether a layout fits is judged apart: what was measured did fit.
    """
    machines, training = scenario.machines, scenario.training
    assert training is not None, "rows have models"
    node = _row_node(machines.node, row, filled)
    noted = table.noted(row, "software")
    own = Provenance(source="notes of the row", date="", kind="derived")
    software = replace(training.software, **noted, sources={**training.software.sources, **dict.fromkeys(noted, own)})
    phase = training.phases[0]
    if "recompute" in filled and machines.node.host_to_device_bandwidth_bytes_per_s < OFFLOADS_BYTES_PER_S:
        capacity_bytes = machines.accelerator.hbm_bytes
        phase = replace(phase, batch=fitting_batch(training.model, phase.batch, phase.layout, software, capacity_bytes))
    roomy = replace(machines.accelerator, hbm_bytes=1e15)
    return replace(
        scenario,
        machines=replace(machines, node=node, accelerator=roomy),
        training=replace(training, software=software, phases=(phase,)),
    )


def fitting_batch(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, capacity_bytes: float
) -> Batch:
    """Return a batch with the least recomputation that fits: none, the attention core, cheap modules, whole layers."""
    core = () if software.flash_attention else (("core_attn",),)
    lean = replace(software, gradient_bytes=2.0)
    for modules in ((), *core, ("layernorm", "activation", "moe_act")):
        tried = replace(batch, recompute="selective" if modules else "none", recompute_modules=modules)
        peak = max(stage.total for stage in stage_memory(model, tried, layout, lean))
        if peak <= capacity_bytes:
            return tried
    return replace(batch, recompute="full", recompute_modules=())


def _row_node(node: Node, row: Measured, filled: list[str]) -> Node:
    text = row.text("network").replace("bidir/GPU", "")
    if re.search(ETHERNET, text):
        node = replace(node, network_technology="ethernet")
    stated = re.search(r"(\d+(?:\.\d+)?) ?GB/s/GPU", text)
    if stated is None:
        _note("network", filled)
        return node
    return replace(node, nic_bandwidth_bytes_per_s=float(stated[1]) * 1e9)


def _filled(value: int | None, default: int, rule: str, filled: list[str]) -> int:
    if value is None:
        _note(rule, filled)
        return default
    return value


def _note(rule: str, filled: list[str]) -> None:
    if rule not in filled:
        filled.append(rule)


def _short(error: InputError, row: Measured) -> str:
    line = str(error).splitlines()[0].removeprefix(f"{row.text('id')}: ")
    return line if len(line) <= 160 else line[:157] + "..."


def stated_software(scenario: Scenario) -> Mapping[str, float]:
    """Return the numbers of a scenario's software profile, for a fit to change."""
    assert scenario.training is not None
    profile = scenario.training.software
    values = {field.name: getattr(profile, field.name) for field in fields(profile)}
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
