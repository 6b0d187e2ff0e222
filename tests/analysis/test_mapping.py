"""Rows become scenarios by stated rules; what is stated is taken, what is blank is filled and named."""

from typing import Any

import pytest

from sim.analysis.mapping import SkippedError, scenario_of_row
from sim.analysis.rules import BLANKS, rules
from sim.scenario.records import Phase, Scenario
from tests.analysis.rows import row


def scenario(**changes: str) -> Scenario:
    return scenario_of_row(row(**changes)).scenario


def phase(**changes: str) -> Phase:
    training = scenario(**changes).training
    assert training is not None
    return training.phases[0]


def test_what_a_row_states_is_taken() -> None:
    mapped = scenario_of_row(row())
    training = mapped.scenario.training
    assert training is not None
    batch, layout = training.phases[0].batch, training.phases[0].layout
    assert (batch.global_batch, batch.sequence_length, batch.precision, batch.recompute) == (16, 2048, "bf16", "none")
    assert (layout.tensor, layout.data, layout.sharding) == (1, 8, "zero1")
    assert training.model.gated_ffn
    assert not training.model.tied_embeddings
    assert mapped.filled == ()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"micro_batch": ""}, "micro_batch"),
        ({"recompute": ""}, "recompute"),
        ({"vocab": ""}, "vocab"),
        ({"network": "not stated"}, "network"),
        ({"pp": "2"}, "vpp"),
        ({"tp": "2"}, "sequence_parallel"),
    ],
)
def test_what_is_blank_is_filled_by_a_named_rule(changes: dict[str, str], rule: str) -> None:
    assert rule in scenario_of_row(row(**changes)).filled
    assert rule in BLANKS


@pytest.mark.parametrize(
    ("name", "gpu", "expected"),
    [
        ("FP8-MX", "B200", "mxfp8"),
        ("FP8-MX", "H100", "fp8"),
        ("FP8-CS", "GB200", "fp8"),
        ("nvfp4 (inferred)", "GB200", "nvfp4"),
        ("amp_bf16", "H100", "bf16"),
        ("fp16/bf16 (not stated)", "A100-80GB", "bf16"),
        ("", "A100-80GB", "bf16"),
        ("fp16 (mixed)", "A100-80GB", "fp16"),
    ],
)
def test_precision_names(name: str, gpu: str, expected: str) -> None:
    assert rules().precision(name, gpu) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"source": "Narayanan2021"}, "megatron-2021"),
        ({"source": "My logs of 2025"}, "megatron-core-2025"),
        ({"source": "My logs of 2031"}, "megatron-core-2026"),
        ({"source": "My logs"}, "megatron-core-2024"),
        ({"source": "My logs of 2025", "fsdp_zero": "FSDP2"}, "fsdp-2024"),
    ],
)
def test_a_source_that_no_rule_names_gets_its_years_software(changes: dict[str, str], expected: str) -> None:
    assert rules().software(row(**changes)) == expected


def test_a_stated_nic_replaces_the_nodes() -> None:
    assert scenario(network="4 x 200 = 12.5 GB/s/GPU").machines.node.nic_bandwidth_bytes_per_s == 12.5e9
    both = "NVLink3 600GB/s bidir/GPU (NVSwitch); 8x200Gb/s HDR IB per 8-GPU node = 25 GB/s/GPU"
    assert scenario(network=both).machines.node.nic_bandwidth_bytes_per_s == 25e9


def test_a_part_of_a_node_is_a_smaller_node() -> None:
    machines = scenario(n_gpus="2").machines
    assert (machines.gpus, machines.node.scale_up_domain) == (2, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ZeRO-1 (distributed optimizer)", {"sharding": "zero1"}),
        ("FSDP2 (ZeRO-3)", {"sharding": "zero3"}),
        ("FSDP SHARD_GRAD_OP", {"sharding": "zero3", "reshard_after_forward": False}),
        ("FSDP: no reshard after fwd (ZeRO-2)", {"sharding": "zero2"}),
        ("HSDP", {"sharding": "hsdp"}),
        ("0 (DDP)", {"sharding": "ddp"}),
        ("", {"sharding": "ddp"}),
    ],
)
def test_sharding_names(text: str, expected: dict[str, Any]) -> None:
    layout = phase(fsdp_zero=text, n_gpus="16").layout
    assert {key: getattr(layout, key) for key in expected} == expected


@pytest.mark.parametrize(("schedule", "kind"), [("ZB-V", "zb-v"), ("ZB-1p", "zb-1p"), ("ZB-2p*", "zb-2p")])
def test_schedule_names(schedule: str, kind: str) -> None:
    assert phase(schedule=schedule, pp="2", global_batch="64").layout.schedule.kind == kind


def test_blank_interleaving_takes_chunks_that_divide_a_stages_layers() -> None:
    assert phase(pp="2", layers="12", global_batch="64").layout.schedule.chunks == 6
    assert phase(pp="2", layers="12", vpp="3", global_batch="64").layout.schedule.chunks == 3
    older = phase(pp="2", layers="12", global_batch="64", source="Narayanan2021")
    assert older.layout.schedule.chunks == 1


def test_blank_recomputation_is_the_least_that_fits() -> None:
    assert phase(recompute="").batch.recompute == "none"
    large = phase(
        recompute="",
        layers="80",
        hidden="8192",
        heads="64",
        kv_heads="64",
        ffn_hidden="28672",
        n_gpus="64",
        global_batch="64",
    )
    assert large.batch.recompute == "full"
    # Onto the host over NVLink-C2C instead.
    host = {"gpu": "GB200", "precision": "bf16", "layers": "80", "hidden": "8192", "heads": "64", "kv_heads": "64"}
    assert phase(recompute="", ffn_hidden="28672", n_gpus="64", global_batch="64", **host).batch.recompute == "none"


def test_experts_and_latent_attention_come_from_columns_and_model_facts() -> None:
    training = scenario(
        model="DeepSeek-V3", experts="8", topk="2", ep="8", heads="8", ffn_hidden="2048", source="Megatron-Bridge 26.06"
    ).training
    assert training is not None
    model, layout = training.model, training.phases[0].layout
    assert (model.experts, model.experts_per_token, model.expert_ffn_hidden) == (8, 2, 2048)
    assert (model.attention, model.dense_layers, model.ffn_hidden) == ("mla", 3, 18432)
    assert (layout.expert, layout.expert_tensor) == (8, 1)


def test_notes_set_the_stack_and_the_model() -> None:
    training = scenario(notes="Megatron-LM, no overlap. DeepSeek trains with MTP.").training
    assert training is not None
    assert training.software.tensor_overlap == 0
    assert not training.software.data_overlap
    assert training.model.mtp_layers == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"step_time_s": ""}, "no step time"),
        ({"core": "context"}, "context only"),
        ({"measure_type": "layer_microbench"}, "measures something else"),
        ({"gpu": "TPU-v4"}, "no rule for GPU 'TPU-v4'"),
        ({"heads": ""}, "not stated: heads"),
        ({"n_gpus": "12"}, "12 GPUs are no whole nodes of 8"),
        ({"tp": "3", "n_gpus": "24"}, "refused: "),
    ],
)
def test_a_row_that_cannot_be_simulated_says_why(changes: dict[str, str], reason: str) -> None:
    with pytest.raises(SkippedError) as caught:
        scenario_of_row(row(**changes))
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"id": "nar21-t2-zero3-x"}, "ZeRO-3 of 2021"),
        ({"notes": "Known-slow path"}, "documented as a slow path"),
        ({"fsdp_zero": "FSDP/ZeRO-3", "micro_batch": ""}, "hangs on its size"),
        (
            {
                "step_time_s": "",
                "calc_step_time_s": "1.0",
                "flop_convention": "full_attn?",
                "calc_flops_per_token_full": "1.5",
                "calc_flops_per_token_causal": "1.0",
            },
            "unstated convention: 50 %",
        ),
    ],
)
def test_rows_shown_apart_have_a_reason(changes: dict[str, str], expected: str | None) -> None:
    found = rules().excluded(row(**changes))
    assert found == expected if expected is None else expected in str(found)
