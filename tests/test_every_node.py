"""Every node of the catalog runs a step, and what no measurement scores says so."""

import json
from typing import Any

import pytest

from sim import catalog
from sim.catalog.assumed import OUT_OF_CLAIMS, scored
from sim.report.run.answers import step_json
from sim.scenario.load import scenario_of
from sim.steps import simulate_step_of

GPUS = 16
MODEL = {
    "layers": 8,
    "hidden": 2048,
    "heads": 16,
    "kv_heads": 8,
    "head_dim": 128,
    "ffn_hidden": 5632,
    "gated_ffn": True,
    "vocab": 32000,
    "tied_embeddings": False,
    "attention": "gqa",
}


def fabric_of(name: str) -> dict[str, Any]:
    """Return the torus of a TPU, and two tiers of switches for all else."""
    if catalog.node(name).scale_up_domain > 1:
        return {"kind": "leaf-spine", "radix": 64}
    if name in ("tpu-v4", "tpu-v5p"):
        return {"kind": name, "shape": [4, 4, 4]}
    return {"kind": "torus", "shape": [8, 8]}


def scenario_on(name: str) -> Any:
    node = catalog.node(name)
    wide = "bf16" if "bf16" in catalog.accelerator(node.accelerator).peak_flops_per_s else "fp16"
    training = {"tokens": 1e9, "sequence_length": 2048, "global_batch": 64, "micro_batch": 1, "precision": wide}
    tree = {
        "name": f"step-{name}",
        "model": MODEL,
        "training": training | {"software": "megatron-core-2024"},
        "parallelism": {"tensor": 2, "pipeline": 2, "sharding": "zero1", "sequence_parallel": True},
        "cluster": {"node": name, "nodes": max(1, GPUS // node.accelerators), "topology": fabric_of(name)},
    }
    return scenario_of(tree, name)


@pytest.mark.parametrize("name", catalog.names("node"))
def test_every_node_runs_a_step_and_says_what_it_rests_on(name: str) -> None:
    scenario = scenario_on(name)
    answer = step_json(simulate_step_of(scenario), scenario)
    json.dumps(answer, allow_nan=False)
    assert 0.05 < answer["mfu"] < 0.8
    assert answer["mfu_bf16_peak"] == pytest.approx(answer["mfu"])
    accelerator = scenario.machines.accelerator
    out_of_claims = f"{accelerator.name}: assumed: {OUT_OF_CLAIMS}"
    assert (out_of_claims in answer["assumed"]) is not scored(accelerator)
    assert (answer["step_time_band"] is None) is not scored(accelerator)


def test_collectives_take_nothing_from_kernels_where_they_have_engines_of_their_own() -> None:
    own, shared = (simulate_step_of(scenario_on(name)).built.plan for name in ("tpu-v4", "dgx-1-v100"))
    assert (own.slowdown, own.pair_slowdown) == (1.0, 1.0)
    assert shared.pair_slowdown == 80 / (80 - 20)
    assert shared.slowdown > 1
