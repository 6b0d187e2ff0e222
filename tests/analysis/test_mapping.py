"""Rows become scenarios by rules: what is stated stands, a blank is filled and named, what is strange is skipped."""

import re
from typing import Any

import pytest

from sim.analysis.mapping import Mapped, SkippedError, scenario_of_row
from sim.analysis.measurements import Measured, read_measurements
from sim.analysis.rules import BLANKS, rules
from sim.scenario import canonical_text
from sim.scenario.records import Scenario
from sim.workload.layout import Layout
from tests.analysis.rows import row

MIXTURE = {"experts": "8", "topk": "2", "ep": "2", "dp": "4", "ffn_hidden": "1024"}


def layout_of(mapped: Mapped) -> Layout:
    assert mapped.scenario.training is not None
    return mapped.scenario.training.phases[0].layout


def training_of(mapped: Mapped) -> Any:
    assert mapped.scenario.training is not None
    return mapped.scenario.training


def mapped(**cells: str) -> Mapped:
    return scenario_of_row(row(**cells))


def test_a_row_that_states_everything_needs_no_rule() -> None:
    found = mapped()
    assert found.filled == ()
    layout = layout_of(found)
    assert (layout.tensor, layout.data, layout.sharding, layout.sequence_parallel) == (2, 4, "zero1", True)


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"micro_batch": ""}, "micro_batch"),
        ({"recompute": ""}, "recompute"),
        ({"recompute": "n/s"}, "recompute"),
        ({"vocab": ""}, "vocab"),
        ({"network": ""}, "network"),
        ({"sequence_parallel": ""}, "sequence_parallel"),
        ({"pp": "2", "dp": "2", "vpp": ""}, "vpp"),
    ],
)
def test_a_blank_is_filled_by_the_rule_of_its_column(cells: dict[str, str], rule: str) -> None:
    assert mapped(**cells).filled == (rule,)


def test_every_rule_that_fills_has_words() -> None:
    names: set[str] = set()
    for measured in read_measurements(None):
        try:
            names |= set(scenario_of_row(measured).filled)
        except SkippedError:
            continue
    assert names == set(BLANKS)


def test_no_scenario_depends_on_the_name_of_its_row() -> None:
    for measured in read_measurements(None)[::7]:
        other = Measured(cells={**measured.cells, "id": "renamed", "sweep": ""})
        try:
            expected = scenario_of_row(measured).scenario
        except SkippedError:
            with pytest.raises(SkippedError):
                scenario_of_row(other)
            continue
        assert canonical_text(scenario_of_row(other).scenario) == canonical_text(expected)


def test_no_scenario_depends_on_what_was_measured() -> None:
    def text(**cells: str) -> str:
        return canonical_text(mapped(**cells).scenario)

    assert text(step_time_s="0.2") == text() == text(step_time_s="", calc_step_time_s="7")


@pytest.mark.parametrize(
    ("name", "gpu", "expected"),
    [
        ("FP8-CS", "B200", "fp8"),
        ("FP8-MX", "GB200", "mxfp8"),
        ("MXFP8", "H100", "fp8"),
        ("nvfp4 (inferred)", "GB300", "nvfp4"),
        ("amp_bf16", "H100", "bf16"),
        ("fp16 (mixed)", "A100-80GB", "fp16"),
        ("fp16/bf16 (not stated)", "A100-80GB", "bf16"),
        ("mixed (not stated)", "H100", "bf16"),
        ("", "H100", "bf16"),
        ("int4", "H100", None),
        ("tf32", "H100", None),
    ],
)
def test_precisions_by_name(name: str, gpu: str, expected: str | None) -> None:
    assert rules().precision(name, gpu) == expected


@pytest.mark.parametrize(
    ("text", "sharding", "resharded"),
    [
        ("", "ddp", True),
        ("0 (DDP)", "ddp", True),
        ("ZeRO-1 (distributed optimizer)", "zero1", True),
        ("distributed optimizer", "zero1", True),
        ("FSDP: optimizer+grads sharded, no reshard after fwd (ZeRO-2)", "zero2", True),
        ("FSDP FULL_SHARD (MixedPrecision DEFAULT)", "zero3", True),
        ("FSDP SHARD_GRAD_OP (MixedPrecision DEFAULT)", "zero3", False),
        ("ZeRO-3 (DeepSpeed)", "zero3", True),
        ("HSDP", "hsdp", True),
    ],
)
def test_sharding_by_name(text: str, sharding: str, resharded: bool) -> None:
    layout = layout_of(mapped(fsdp_zero=text, tp="1", dp="8"))
    assert (layout.sharding, layout.reshard_after_forward) == (sharding, resharded)


@pytest.mark.parametrize(
    ("text", "vpp", "kind", "chunks"),
    [
        ("1F1B (DeepSpeed)", "1", "1f1b", 1),
        ("interleaved-1F1B", "2", "interleaved", 2),
        ("ZB-1p", "1", "zb-1p", 1),
        ("ZB-2p*", "1", "zb-2p", 1),
        ("ZB-V", "1", "zb-v", 2),
        ("DualPipe", "", "dualpipe", 2),
        ("DualPipeV", "", "dualpipev", 2),
        ("GPipe", "1", "gpipe", 1),
    ],
)
def test_schedules_by_name(text: str, vpp: str, kind: str, chunks: int) -> None:
    schedule = layout_of(mapped(pp="2", dp="2", vpp=vpp, schedule=text)).schedule
    assert (schedule.kind, schedule.chunks) == (kind, chunks)


def test_a_pipeline_that_does_not_say_interleaves_as_far_as_layers_divide() -> None:
    def chunks(source: str, layers: str) -> int:
        cells = {"pp": "2", "dp": "2", "vpp": "", "schedule": "pipeline (VPP not stated)"}
        return layout_of(mapped(**cells, source=source, layers=layers)).schedule.chunks

    assert chunks("Somebody (2024)", "12") == 6
    assert chunks("Somebody (2024)", "10") == 5
    # Eleven layers with embedding and head are thirteen: nothing divides them.
    assert chunks("Somebody (2021)", "12") == 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Narayanan2021 (arXiv 2104.04473)", "megatron-2021"),
        ("MosaicML llm-foundry benchmarks", "fsdp-2023"),
        ("MLPerf Training v5.1 (NVIDIA)", "mlperf-2025"),
        ("A paper of 2021", "megatron-2021"),
        ("A paper of 2025", "megatron-core-2025"),
        ("A paper of 2025, printed 2026", "megatron-core-2026"),
        ("A preprint (arXiv 2503.01234)", "megatron-core-2025"),
        ("A tool, release 26.02", "megatron-core-2026"),
        ("NeMo 25.04 performance summary", "megatron-core-2025"),
        ("NeMo 24.07 performance summary", "megatron-core-2024"),
        ("A blog without a date", "megatron-core-2024"),
    ],
)
def test_any_source_gets_a_software_profile(source: str, expected: str) -> None:
    assert training_of(mapped(source=source)).software.name == expected


def test_the_nic_is_that_of_the_row() -> None:
    def nic(network: str) -> float:
        return mapped(network=network).scenario.machines.node.nic_bandwidth_bytes_per_s

    assert nic("4x200Gb/s HDR = 12.5 GB/s/GPU; fat tree") == 12.5e9
    assert nic("NVLink3 600GB/s bidir/GPU; 8x200Gb/s = 25 GB/s/GPU") == 25e9
    assert nic("...GB/s/GPU") == 50e9


def test_a_part_of_a_node_is_a_part_of_a_node() -> None:
    machines = mapped(n_gpus="2", dp="1").scenario.machines
    assert (machines.nodes, machines.node.accelerators, machines.gpus) == (1, 2, 2)


def test_nodes_may_have_fewer_gpus_than_the_one_that_is_known() -> None:
    machines = mapped(gpus_per_node="4", n_gpus="16", dp="8").scenario.machines
    assert (machines.nodes, machines.node.accelerators, machines.node.scale_up_domain) == (4, 4, 4)


def test_racks_of_72_have_nodes_of_four_and_whole_groups() -> None:
    found = mapped(gpu="GB200", n_gpus="128", gpus_per_node="4", dp="64", global_batch="64")
    node = found.scenario.machines.node
    assert (node.accelerators, node.scale_up_domain, found.scenario.machines.nodes) == (4, 64, 32)
    assert found.filled == ("domain",)
    assert mapped(gpu="GB200", gpus_per_node="72").scenario.machines.node.scale_up_domain == 72


def test_a_gpt_has_no_gate_and_shares_its_embedding_and_others_do_not() -> None:
    gpt, llama = (training_of(mapped(ffn_hidden=ffn)).model for ffn in ("4096", "2816"))
    assert (gpt.gated_ffn, gpt.tied_embeddings) == (False, True)
    assert (llama.gated_ffn, llama.tied_embeddings) == (True, False)
    assert not training_of(mapped(model="Nemotron-4")).model.gated_ffn


def test_experts_come_from_columns_and_from_what_is_known_of_the_model() -> None:
    model = training_of(mapped(**MIXTURE)).model
    assert (model.experts, model.experts_per_token, model.expert_ffn_hidden, model.shared_experts) == (8, 2, 1024, 0)
    assert training_of(mapped(**MIXTURE, model="Qwen3-30B-A3B")).model.head_dim == 128


def test_expert_tensor_parallelism_is_that_of_the_notes_then_of_the_source_then_of_attention() -> None:
    assert layout_of(mapped(**MIXTURE, notes="ETP=2")).expert_tensor == 2
    assert layout_of(mapped(**MIXTURE, source="Megatron-Bridge perf summary 26.02")).expert_tensor == 1
    assert layout_of(mapped(**MIXTURE, source="A paper of 2026")).expert_tensor == 2


def test_what_was_measured_did_fit() -> None:
    def capacity(scenario: Scenario) -> float:
        return scenario.machines.accelerator.hbm_bytes

    assert capacity(mapped().scenario) > 1e14


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"step_time_s": ""}, "no step time"),
        ({"core": "context"}, "context only"),
        ({"measure_type": "layer_microbench"}, "measures something else than steps: layer_microbench"),
        ({"tp": "", "global_batch": ""}, "not stated: tp, global_batch"),
        ({"hidden": ""}, "not stated: hidden"),
        ({"kv_heads": ""}, "not stated: kv_heads or ffn_hidden"),
        ({"gpu": "TPUv4"}, "no rule for GPU 'TPUv4'"),
        ({"precision": "int4"}, "no rule for precision 'int4'"),
        ({"pp": "2", "dp": "2", "schedule": "sideways"}, "no rule for schedule 'sideways'"),
        ({"fsdp_zero": "rubbish"}, "no rule for sharding 'rubbish'"),
        ({"n_gpus": "12", "dp": "6"}, "12 GPUs are no whole nodes of 8"),
        ({"gpus_per_node": "16"}, "nodes of 16 GPUs: that of H100 has 8"),
        ({"dp": "7"}, "contradicts itself: tp x pp x cp x dp = 2 x 1 x 1 x 7, but 8 GPUs"),
        ({"hidden": "1025"}, "head size is not known: hidden 1025 is no multiple of 8 heads"),
        ({"recompute": "banana"}, "refused: training.recompute.modules.0: unknown module 'banana'"),
        ({"kv_heads": "3"}, "refused: model.kv_heads: got 3, expected a divisor of heads = 8"),
    ],
)
def test_a_row_that_no_rule_reaches_is_skipped_with_the_reason(cells: dict[str, str], reason: str) -> None:
    with pytest.raises(SkippedError, match=f"^{re.escape(reason)}"):
        mapped(**cells)


def test_rows_whose_convention_is_open_stand_apart_where_it_matters() -> None:
    open_row = {"step_time_s": "", "calc_step_time_s": "1", "flop_convention": "6nd?"}
    flops = {"calc_flops_per_token_causal": "1.0e9", "calc_flops_per_token_full": "1.1e9"}
    assert "10 % between full and causal" in (rules().excluded(row(**open_row, **flops)) or "")
    assert rules().excluded(row(**open_row, **{**flops, "calc_flops_per_token_full": "1.05e9"})) is None
    assert rules().excluded(row(**{**open_row, "step_time_s": "1"}, **flops)) is None


def test_reasons_for_standing_apart_each_meet_a_row() -> None:
    reasons = {rules().excluded(measured) for measured in read_measurements(None)}
    assert {entry["reason"] for entry in rules().tables["exclude"]} <= reasons
