"""Activations: the tensors that a layer keeps for its backward pass, one by one."""

from collections.abc import Iterator
from dataclasses import dataclass

from sim.catalog.records import Model
from sim.workload.kernels import ELEMENT_BYTES
from sim.workload.layout import Batch, Layout, local_kv_width, local_tokens, norm_tokens, routed_rows
from sim.workload.recompute import CHEAP, modules
from sim.workload.transformer import (
    ACTIVATION_BYTES,
    output_width,
    query_width,
    shared_width,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A tensor that one GPU keeps from forward to backward, and the modules whose recomputation frees it.

    weight: whether a weight gradient reads it, so that it stays until then where that is apart. Inputs of products that
    nothing else reads are kept in the products' precision (Transformer Engine; DeepSeek-V3, arXiv 2412.19437, 3.3.3).
    """

    size_bytes: float
    freed_by: frozenset[str] = frozenset()
    weight: bool = False


def layer_activation_bytes(
    model: Model,
    batch: Batch,
    layout: Layout,
    *,
    flash: bool,
    discard_cheap: bool = False,
    dropout: bool = False,
    kind: str = "dense",
) -> float:
    """Return the bytes that one layer keeps for its backward pass, for one microbatch on one GPU.

    Counted tensor by tensor after Korthikanti et al. arXiv 2205.05198, section 4; for their GPT this gives
    s b h (10 + 24/t + 5 a s / (h t)), with sequence parallelism s b h / t (34 + 5 a s / h), 34 s b h / t when
    selective, and 2 s b h (over t with sequence parallelism) when full. discard_cheap: outputs of normalisation and
    activation are not kept.

    >>> from sim.workload.examples import gpt
    >>> model, batch = gpt(layers=1, hidden=64, heads=4), Batch(sequence_length=32, global_batch=1)
    >>> layer_activation_bytes(model, batch, Layout(), flash=True, dropout=True) / (32 * 64)
    34.0
    """
    if batch.recompute == "full":
        return boundary_activation_bytes(model, batch, layout)
    freed = modules(batch) | (frozenset(CHEAP) if discard_cheap else frozenset())
    kept = kept_tensors(model, batch, layout, kind, flash=flash, dropout=dropout)
    return sum(tensor.size_bytes for tensor in kept if not tensor.freed_by & freed)


def boundary_activation_bytes(model: Model, batch: Batch, layout: Layout) -> float:
    """Return the bytes of a layer's input, all that a layer keeps that runs its whole forward again."""
    return ACTIVATION_BYTES * norm_tokens(local_tokens(batch, layout), layout) * model.hidden


def weight_share(model: Model, batch: Batch, layout: Layout, *, flash: bool, discard_cheap: bool, kind: str) -> float:
    """Return the part of a layer's activations that its weight gradients need: inputs of products and their gradients.

    A stack that splits them off holds this part from B to W. For the GPT of arXiv 2401.10241: 32 h of 34 h + 5 a s / h.
    Outputs that are discarded have to be made again for it, so that it may be everything.
    """
    layer = layer_activation_bytes(model, batch, layout, flash=flash, discard_cheap=discard_cheap, kind=kind)
    kept = kept_tensors(model, batch, layout, kind, flash=flash, dropout=False)
    return min(1.0, sum(tensor.size_bytes for tensor in kept if tensor.weight) / layer)


def kept_tensors(
    model: Model, batch: Batch, layout: Layout, kind: str, *, flash: bool, dropout: bool
) -> tuple[Kept, ...]:
    """Return what one layer keeps for one microbatch on one GPU when nothing is recomputed."""
    feed = _mixture(model, batch, layout) if kind == "moe" else _network(model, batch, layout, model.ffn_hidden, "mlp")
    return (*_residual(model, batch, layout, dropout), *_attention(model, batch, layout, flash, dropout), *feed)


def _residual(model: Model, batch: Batch, layout: Layout, dropout: bool) -> Iterator[Kept]:
    """Yield the inputs of both norms, their outputs, and the masks of two dropouts, one byte an element."""
    own = float(norm_tokens(local_tokens(batch, layout), layout)) * model.hidden
    # The gradients of what the norms read stand in for them once the input gradients are done.
    halves = 1 if model.parallel_block else 2
    yield Kept(size_bytes=halves * ACTIVATION_BYTES * own, weight=True)
    yield Kept(size_bytes=halves * _input_bytes(batch) * own, freed_by=frozenset({"layernorm"}), weight=True)
    if dropout:
        yield Kept(size_bytes=halves * own)


def _attention(model: Model, batch: Batch, layout: Layout, flash: bool, dropout: bool) -> Iterator[Kept]:
    tokens, t = float(local_tokens(batch, layout)), layout.tensor
    keys_and_values = local_kv_width(model, layout)
    heads = ACTIVATION_BYTES * tokens * (query_width(model) / t + keys_and_values)
    if model.attention == "mla":
        latents = model.q_lora_rank + model.kv_lora_rank + model.rope_head_dim
        own = norm_tokens(local_tokens(batch, layout), layout)
        yield Kept(size_bytes=ACTIVATION_BYTES * own * latents, weight=True)
        yield Kept(size_bytes=_input_bytes(batch) * own * latents, freed_by=frozenset({"layernorm"}))
        yield Kept(size_bytes=heads, freed_by=frozenset({"mla_up_proj"}), weight=True)
    else:
        yield Kept(size_bytes=heads, weight=True)
    yield Kept(size_bytes=ACTIVATION_BYTES * tokens * output_width(model) / t, weight=True)
    if not flash:
        # Scores, their softmax and what dropout leaves of it; a byte of mask with dropout.
        scores = (5 if dropout else 4) * tokens * batch.sequence_length * model.heads / t
        yield Kept(size_bytes=scores, freed_by=frozenset({"core_attn"}))


def _network(model: Model, batch: Batch, layout: Layout, width: int, module: str) -> Iterator[Kept]:
    """Yield the outputs of a network's first product and of its activation."""
    elements = local_tokens(batch, layout) * width / layout.tensor
    first = (2 if model.gated_ffn else 1) * ACTIVATION_BYTES * elements
    yield Kept(size_bytes=first, freed_by=frozenset({module}), weight=True)
    yield Kept(size_bytes=_input_bytes(batch) * elements, freed_by=frozenset({module, "activation"}), weight=True)


def _mixture(model: Model, batch: Batch, layout: Layout) -> Iterator[Kept]:
    """Yield what routed experts keep: their tokens, first products and activations; and the shared experts' part."""
    rows, inputs = routed_rows(model, batch, layout), _input_bytes(batch)
    width = model.expert_ffn_hidden / layout.expert_tensor
    first = (2 if model.gated_ffn else 1) * ACTIVATION_BYTES * width
    yield Kept(size_bytes=inputs * rows * model.hidden, freed_by=frozenset({"moe"}), weight=True)
    yield Kept(size_bytes=rows * first, freed_by=frozenset({"moe"}), weight=True)
    yield Kept(size_bytes=inputs * rows * width, freed_by=frozenset({"moe", "moe_act"}), weight=True)
    # Router scores in FP32.
    yield Kept(size_bytes=4.0 * norm_tokens(local_tokens(batch, layout), layout) * model.experts)
    yield from _network(model, batch, layout, shared_width(model), "moe")


def _input_bytes(batch: Batch) -> float:
    """Return the bytes of one element of a product's input."""
    return min(ACTIVATION_BYTES, ELEMENT_BYTES[batch.precision])
