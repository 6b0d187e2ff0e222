"""Mixtures of experts and latent attention: weights, FLOP, rows, traffic and memory against published closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import catalog
from sim.cluster.network import distinct_domains
from sim.cluster.placement import groups
from sim.errors import LayoutError
from sim.workload.activations import layer_activation_bytes
from sim.workload.chunks import Chunk, deal_model
from sim.workload.examples import gpt, mixture, plain_stack
from sim.workload.layers import layer_backward, layer_forward
from sim.workload.layout import Batch, Layout, routed_rows
from sim.workload.layout_checks import check_experts
from sim.workload.memory import chunk_parameters
from sim.workload.operations import Machine, OpCost, chunk_costs, kernel_flop
from sim.workload.passes import PassKernels
from sim.workload.traffic import dispatch_bytes
from sim.workload.transformer import active_parameters, matmul_parameters, model_flop_per_token, total_parameters

STACK = plain_stack(flash=True)
V3 = catalog.model("deepseek-v3")


def flop(one: PassKernels, model, batch: Batch, layout: Layout) -> float:
    return sum(kernel_flop(model, batch, layout, kernel) for kernel in one.kernels)


def test_deepseek_v3_has_671_billion_weights_of_which_a_token_meets_37() -> None:
    """arXiv 2412.19437: 671B in all, 37B for each token (embedding not counted); a module of 11.5B on disk."""
    assert total_parameters(V3) == pytest.approx(671e9, rel=2e-3)
    assert matmul_parameters(V3) == pytest.approx(37e9, rel=0.015)
    module = total_parameters(replace(V3, mtp_layers=1)) - total_parameters(V3)
    assert module == pytest.approx(11.6e9, rel=0.02)


def test_a_module_adds_the_published_share_of_flop() -> None:
    """Published TFLOP/s of DeepSeek-V3 with one module count 3.9 % more FLOP a token."""
    with_module = model_flop_per_token(replace(V3, mtp_layers=1), 4096)
    assert with_module / model_flop_per_token(V3, 4096) == pytest.approx(1.039, abs=0.004)


@pytest.mark.parametrize("recompute", ["none", "full"])
@given(st.sampled_from([(1, 1), (2, 1), (4, 1), (2, 2)]), st.integers(1, 4), st.booleans())
def test_a_layer_executes_two_flop_a_weight_that_a_token_meets(
    recompute: str, folded: tuple[int, int], visits: int, shared: bool
) -> None:
    expert, expert_tensor = folded
    model = mixture(layers=1, hidden=32, experts=4, experts_per_token=visits, shared_experts=int(shared))
    batch = Batch(sequence_length=64, global_batch=8, recompute=recompute)
    layout = Layout(data=8, expert=expert, expert_tensor=expert_tensor)
    products = 2 * 64 * active_parameters(model, "moe")
    core = 2 * 64 * 64 * 32
    # Two ranks that share experts work on the tokens of both, each on half of the width.
    forward = flop(layer_forward(model, batch, layout, STACK, "moe"), model, batch, layout)
    backward = flop(layer_backward(model, batch, layout, STACK, "moe"), model, batch, layout)
    assert forward == pytest.approx(products + core)
    again = forward if recompute == "full" else 0
    assert backward == pytest.approx(2 * (products + core) + again)


@given(st.sampled_from([(1, 1), (2, 1), (4, 1), (1, 2), (2, 2), (8, 1), (4, 2)]))
def test_experts_hold_every_routed_token_once(folded: tuple[int, int]) -> None:
    """Rows over all ranks of a stage are tokens x experts_per_token x the ranks that share an expert."""
    expert, expert_tensor = folded
    model = mixture(layers=1, hidden=8, experts=8, experts_per_token=3)
    layout = Layout(tensor=2, context=2, data=4, expert=expert, expert_tensor=expert_tensor, sequence_parallel=True)
    batch = Batch(sequence_length=64, global_batch=4)
    assert routed_rows(model, batch, layout) * layout.gpus == 4 * 64 * 3 * expert_tensor


@pytest.mark.parametrize(("expert", "tensor"), [(8, 1), (16, 1), (8, 2)])
def test_volume_of_dispatch_and_combine(expert: int, tensor: int) -> None:
    """ORACLES: 4 (b s / t) topk h 2 (EP - 1) / EP bytes a layer and microbatch, forward and backward."""
    model = mixture(layers=1, hidden=16, experts=16, experts_per_token=2)
    batch = Batch(sequence_length=64, global_batch=16, micro_batch=2)
    layout = Layout(tensor=tensor, data=16, expert=expert, sequence_parallel=tensor > 1)
    forward = layer_forward(model, batch, layout, STACK, "moe")
    backward = layer_backward(model, batch, layout, STACK, "moe")
    moves = sum(one.dispatches + one.combines for one in (forward, backward))
    each = dispatch_bytes(model, batch, layout, 2.0) * (expert - 1) / expert
    assert moves * each == 4 * (2 * 64 / tensor) * 2 * 16 * 2 * (expert - 1) / expert


def test_recomputed_mixtures_exchange_tokens_again() -> None:
    model, layout = mixture(layers=1, hidden=8, experts=4), Layout(data=4, expert=4)
    batch = Batch(sequence_length=8, global_batch=4, recompute="selective", recompute_modules=("moe",))
    assert layer_backward(model, batch, layout, STACK, "moe").dispatches == 2
    activation = replace(batch, recompute_modules=("moe_act",))
    assert layer_backward(model, activation, layout, STACK, "moe").dispatches == 1


def test_uneven_routing_stretches_the_busiest_rank_and_adds_no_model_flop() -> None:
    model, layout = mixture(layers=1, hidden=8, experts=4), Layout(data=4, expert=4)
    even = Batch(sequence_length=64, global_batch=4)
    uneven = replace(even, expert_imbalance=1.5)
    assert routed_rows(model, uneven, layout) == 1.5 * routed_rows(model, even, layout)

    def useful(batch: Batch) -> float:
        kernels = layer_forward(model, batch, layout, STACK, "moe").kernels
        return sum(kernel_flop(model, batch, layout, kernel) * kernel.useful for kernel in kernels)

    assert useful(uneven) == pytest.approx(useful(even))


@given(st.sampled_from([(1, 1), (4, 1), (2, 2), (8, 1)]), st.sampled_from([1, 2]))
def test_weights_of_a_chunk_over_all_ranks_are_the_models_times_its_copies(
    folded: tuple[int, int], tensor: int
) -> None:
    expert, expert_tensor = folded
    layout = Layout(tensor=tensor, data=8, expert=expert, expert_tensor=expert_tensor, sequence_parallel=True)
    model = replace(V3, layers=5)
    chunk = Chunk(layers=5, moe=2, embedding=True, head=True)
    held = chunk_parameters(model, chunk, layout)
    routed = 2 * 256 * 3 * 7168 * 2048
    assert held.experts * layout.gpus == pytest.approx(routed * layout.expert_data)
    if tensor == 1:
        assert held.shared == pytest.approx(total_parameters(model) - routed)


def test_latent_attention_keeps_latents_where_projections_up_are_made_again() -> None:
    batch, layout = Batch(sequence_length=4096, global_batch=1), Layout()
    again = replace(batch, recompute="selective", recompute_modules=("mla_up_proj",))
    saved = [layer_activation_bytes(V3, each, layout, flash=True) for each in (batch, again)]
    # Queries and keys of 192, values of 128, for 128 heads, in 16 bit.
    assert saved[0] - saved[1] == 2 * 4096 * 128 * (192 + 192 + 128)


def test_dense_first_layers_come_first() -> None:
    dealt = deal_model(V3, Layout(pipeline=4), ())
    assert [[(kind, n) for kind, n in chunk.kinds] for stage in dealt for chunk in stage] == [
        [("dense", 3), ("moe", 12)],
        [("moe", 16)],
        [("moe", 15)],
        [("moe", 15)],
    ]


def test_expert_groups_fold_into_tensor_context_and_data() -> None:
    """arXiv 2504.14960: attention's tensor 2 and context 2 and experts' 8 on the same eight ranks of a stage."""
    made = groups(2, 2, 4, np.arange(32), context=2, expert=8, expert_tensor=1)
    assert made.expert[0].tolist() == [0, 1, 2, 3, 8, 9, 10, 11]
    assert made.expert_data[0].tolist() == [0, 16]
    for members in (made.expert, made.expert_tensor, made.expert_data):
        assert sorted(members.ravel().tolist()) == list(range(32))


@pytest.mark.parametrize(("domains", "visits", "most"), [(8, 8, 0), (8, 8, 4), (4, 2, 0)])
def test_domains_that_a_token_visits(domains: int, visits: int, most: int) -> None:
    """By simulation: each visit falls on one of at most `most` domains alike."""
    among = min(domains, most or domains)
    drawn = np.random.default_rng(1).integers(0, among, (20_000, visits))
    seen = np.mean([len(set(row)) for row in drawn.tolist()])
    assert distinct_domains(domains, visits, most) == pytest.approx(seen, rel=0.02)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (
            Layout(data=24, expert=24),
            "parallelism.expert: 24 does not divide model.experts = 16; nearest that does: 16",
        ),
        (Layout(data=4, expert=8), "does not divide the tensor x context x data = 4 ranks of a stage; nearest"),
        (Layout(tensor=2, data=4, expert=4), "needs sequence_parallel = true"),
        (Layout(data=5, expert_tensor=5), "parallelism.expert_tensor: 5 does not divide model.expert_ffn_hidden = 32"),
    ],
)
def test_bad_expert_layouts_name_the_nearest_that_fits(layout: Layout, expected: str) -> None:
    model, batch = mixture(layers=1, hidden=8, experts=16), Batch(sequence_length=8, global_batch=24)
    with pytest.raises(LayoutError) as caught:
        check_experts(model, batch, layout)
    assert expected in str(caught.value)


@pytest.mark.parametrize(("expert", "imbalance", "fits"), [(4, 4.0, True), (4, 4.1, False), (1, 1.5, False)])
def test_the_busiest_group_gets_every_token_at_most(expert: int, imbalance: float, fits: bool) -> None:
    model, layout = mixture(layers=1, hidden=8, experts=4), Layout(data=4, expert=expert)
    batch = Batch(sequence_length=8, global_batch=4, expert_imbalance=imbalance)
    if fits:
        check_experts(model, batch, layout)
        return
    with pytest.raises(LayoutError, match=rf"training\.expert_imbalance: got {imbalance}, .* at most {expert}$"):
        check_experts(model, batch, layout)


def test_uneven_routing_executes_no_more_flop_on_average() -> None:
    """HFU counts what all GPUs execute, not the busiest one times their number."""
    model, layout = mixture(layers=1, hidden=1024, experts=4), Layout(data=4, expert=4)
    even = Batch(sequence_length=1024, global_batch=4, recompute="full")

    def costs(batch: Batch) -> tuple[OpCost, ...]:
        machine = Machine(
            accelerator=catalog.accelerator("h100-sxm"),
            software=STACK,
            batch=batch,
            model=model,
            layout=layout,
            tensor_collective_s=0.0,
        )
        return chunk_costs(machine, Chunk(layers=1, moe=1))

    for one, other in zip(costs(even), costs(replace(even, expert_imbalance=2.0)), strict=True):
        assert other.duration_ns > one.duration_ns
        assert other.flop == pytest.approx(one.flop)
        # What is not recomputed and takes twice as long is half waiting, on the mean GPU.
        assert other.state_ns["imbalance"] > one.state_ns["imbalance"] == 0


def test_experts_of_a_dense_model_are_refused() -> None:
    with pytest.raises(LayoutError, match=r"parallelism\.expert: gpt has no experts; expected 1"):
        check_experts(gpt(layers=1, hidden=8), Batch(sequence_length=8, global_batch=2), Layout(data=2, expert=2))
