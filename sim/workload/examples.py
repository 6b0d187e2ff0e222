"""Small models and stacks for doctests and tests; nothing here is catalog data."""

from dataclasses import replace

from sim.catalog.records import Model, Provenance, SoftwareProfile

_EXAMPLE = {"*": Provenance(source="example", date="2026-01-01", kind="assumed")}


def gpt(*, layers: int, hidden: int, heads: int = 1, vocab: int = 0, tied: bool = True) -> Model:
    """Return a GPT of Korthikanti et al. (arXiv 2205.05198): multi-head attention, feed-forward 4 h.

    >>> gpt(layers=2, hidden=8, heads=2).ffn_hidden
    32
    """
    return Model(
        name="gpt",
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        head_dim=hidden // heads,
        ffn_hidden=4 * hidden,
        gated_ffn=False,
        vocab=vocab,
        tied_embeddings=tied,
        attention="mha",
        sources=_EXAMPLE,
    )


def mixture(
    *,
    layers: int,
    hidden: int,
    experts: int,
    experts_per_token: int = 1,
    shared_experts: int = 0,
    dense_layers: int = 0,
    vocab: int = 0,
) -> Model:
    """Return a GPT with experts of 4 h in all layers but the first dense_layers.

    >>> mixture(layers=2, hidden=8, experts=4).expert_ffn_hidden
    32
    """
    return replace(
        gpt(layers=layers, hidden=hidden, vocab=vocab),
        name="mixture",
        experts=experts,
        experts_per_token=experts_per_token,
        shared_experts=shared_experts,
        expert_ffn_hidden=4 * hidden,
        dense_layers=dense_layers,
    )


def plain_stack(*, flash: bool = False, discard_cheap: bool = False, data_overlap: bool = True) -> SoftwareProfile:
    """Return a stack without overheads, overlap of tensor parallelism or slow-down.

    >>> plain_stack().launch_s
    0.0
    """
    return SoftwareProfile(
        name="plain",
        tensor_overlap=0.0,
        context_ring=False,
        data_overlap=data_overlap,
        pipeline_overlap=True,
        gradient_bytes=4.0,
        reduce_bytes=4.0,
        fused_gradient_accumulation=True,
        discard_cheap=discard_cheap,
        recompute_stops_early=False,
        elementwise_fused=True,
        attention_kernel="best",
        fp8_scaling="delayed",
        loss_fused=False,
        flash_attention=flash,
        launch_s=0.0,
        step_overhead_s=0.0,
        serialise_bytes_per_s=1e9,
        expert_overlap=0.0,
        expert_exchange="pairwise",
        dispatch_bytes=2.0,
        grouped_products=True,
        permutation_fused=True,
        kernel_launch="queued",
        rank_order="tensor-context-pipeline-data",
        kernel_level=1.0,
        sources=_EXAMPLE,
    )
