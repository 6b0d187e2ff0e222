"""What one GPU runs for one microbatch: layers, the embedding, the head with its loss, multi-token prediction."""

from dataclasses import replace

from sim.catalog.records import Model, SoftwareProfile
from sim.workload.attention import attention_forward, core, norms, projections, rotary
from sim.workload.feed_forward import feed_forward
from sim.workload.layout import Batch, Layout, local_tokens, norm_tokens
from sim.workload.passes import (
    Kernel,
    PassKernels,
    Product,
    again,
    forward_kernel,
    gradient_casts,
    gradient_kernels,
    input_casts,
    memory,
)
from sim.workload.recompute import discarded_kernels, recomputes_experts
from sim.workload.transformer import last_kind


def layer_forward(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, kind: str = "dense"
) -> PassKernels:
    """Return the forward kernels of one layer on one GPU of a tensor-parallel group, for one microbatch."""
    tokens = local_tokens(batch, layout)
    attention, ffn = projections(model, batch, layout), feed_forward(model, batch, layout, software, kind)
    own = norm_tokens(tokens, layout)
    kernels = (
        *attention_forward(model, batch, layout, software, attention),
        *memory("norm", 4.0 * model.hidden, own, count=_halves(model) - 1),
        *ffn.forward,
        *input_casts((*attention, *ffn.products), batch.precision, software.fp8_scaling),
        *memory("residual", 6.0 * model.hidden, own, count=_halves(model)),
    )
    moe = kind == "moe"
    return PassKernels(
        kernels=kernels,
        collectives=_collectives(model, layout, kind),
        exchanges=int(layout.context > 1),
        dispatches=int(moe and layout.expert > 1),
        combines=int(moe and layout.expert > 1),
        gathers=2 if moe and _shares_experts(layout) else 0,
    )


def layer_backward(
    model: Model,
    batch: Batch,
    layout: Layout,
    software: SoftwareProfile,
    kind: str = "dense",
    whole: bool | None = None,
) -> PassKernels:
    """Return the backward kernels of one layer (input and weight gradients), with what recomputation repeats.

    whole: whether the layer runs its whole forward again; by default as the batch says.
    """
    tokens = local_tokens(batch, layout)
    attention, ffn = projections(model, batch, layout), feed_forward(model, batch, layout, software, kind)
    products = (*attention, *ffn.products)
    own = norm_tokens(tokens, layout)
    forward = layer_forward(model, batch, layout, software, kind)
    repeated = recomputed(forward, batch, software, whole)
    kernels = (
        *gradient_casts(products, batch.precision, software.fp8_scaling),
        *(kernel for product in reversed(products) for kernel in gradient_kernels(product, software)),
        *core(model, batch, layout, software, backward=True),
        *ffn.backward,
        *rotary(model, layout, tokens),
        *norms(model, layout, tokens, 6.0),
        *memory("norm", 6.0 * model.hidden, own, count=_halves(model) - 1),
        *memory("residual", 6.0 * model.hidden, own, count=_halves(model)),
    )
    return PassKernels(
        kernels=repeated.kernels + kernels,
        collectives=forward.collectives + _gathered_again(model, layout, kind) + repeated.collectives,
        # Keys and values are gathered again, and their gradients reduced; heads go out and come back as in the forward.
        exchanges=(1 if layout.context_exchange == "all-to-all" else 2) * forward.exchanges + repeated.exchanges,
        dispatches=forward.dispatches + repeated.dispatches,
        combines=forward.combines + repeated.combines,
        gathers=forward.gathers + repeated.gathers,
    )


def recomputed(forward: PassKernels, batch: Batch, software: SoftwareProfile, whole: bool | None = None) -> PassKernels:
    """Return the part of a layer's forward pass that its backward pass runs again.

    full: the whole layer; selective: the attention core (Korthikanti et al. arXiv 2205.05198), or the modules named; a
    stack that discards cheap outputs repeats normalisation and activation.
    """
    if batch.recompute == "full" if whole is None else whole:
        return _early(forward) if software.recompute_stops_early else replace(forward, kernels=again(forward.kernels))
    names = discarded_kernels(batch, software)
    moves = recomputes_experts(batch)
    return PassKernels(
        kernels=again(kernel for kernel in forward.kernels if kernel.name in names),
        dispatches=forward.dispatches if moves else 0,
        combines=forward.combines if moves else 0,
        gathers=forward.gathers if moves else 0,
    )


def _early(forward: PassKernels) -> PassKernels:
    """Return a layer's forward up to its last product: what it writes no gradient needs, nor what adds it up.

    A mixture's last products are needed, for the gradient of the weights of their sum.
    """
    kernels = again(kernel for kernel in forward.kernels if kernel.name not in ("down", "residual"))
    added = next(kernel for kernel in forward.kernels if kernel.name == "residual")
    last = any(kernel.name == "down" for kernel in forward.kernels)
    return replace(forward, kernels=(*kernels, *again((added,))), collectives=max(0, forward.collectives - last))


def embedding_pass(model: Model, batch: Batch, layout: Layout, backward: bool = False) -> PassKernels:
    """Return the table look-up, one memory-bound pass: read and write the hidden state of every token.

    Each GPU holds a part of the table: its forward ends with a collective, as its backward begins with one where
    the sequence is sharded.
    """
    tokens = local_tokens(batch, layout)
    collectives = int(layout.tensor > 1 and (layout.sequence_parallel or not backward))
    return PassKernels(kernels=memory("embedding", 4.0 * model.hidden, tokens), collectives=collectives)


def head_forward(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile) -> PassKernels:
    """Return the LM head and its loss: a product over the vocabulary, and softmax cross-entropy in FP32.

    Fused, the loss reads the 16-bit logits, and writes their gradient over them.
    """
    tokens = local_tokens(batch, layout)
    product = _head(model, batch, layout)
    return PassKernels(
        kernels=(
            *memory("norm", 4.0 * model.hidden, norm_tokens(tokens, layout)),
            forward_kernel(product),
            *memory("loss", (6.0 if software.loss_fused else 10.0) * product.n, tokens),
        ),
        collectives=1 if layout.tensor > 1 and layout.sequence_parallel else 0,
    )


def head_backward(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile) -> PassKernels:
    """Return the gradients of the LM head and its loss."""
    tokens = local_tokens(batch, layout)
    product = _head(model, batch, layout)
    return PassKernels(
        kernels=(
            *memory("loss", (2.0 if software.loss_fused else 6.0) * product.n, tokens),
            *gradient_kernels(product, software),
            *memory("norm", 6.0 * model.hidden, norm_tokens(tokens, layout)),
        ),
        # The input gradient is reduced; a sharded input is also gathered again for the weight gradient.
        collectives=0 if layout.tensor == 1 else (2 if layout.sequence_parallel else 1),
    )


def module_forward(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile) -> tuple[PassKernels, ...]:
    """Return one multi-token prediction module: two norms, a projection from 2 h to h, a layer, the head again."""
    joined = PassKernels(
        kernels=(*_module_norms(model, batch, layout, 4.0), forward_kernel(_joint(model, batch, layout)))
    )
    layer = layer_forward(model, batch, layout, software, last_kind(model))
    return joined, layer, head_forward(model, batch, layout, software)


def module_backward(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile) -> tuple[PassKernels, ...]:
    """Return the gradients of one multi-token prediction module."""
    products = gradient_kernels(_joint(model, batch, layout), software)
    joined = PassKernels(kernels=(*_module_norms(model, batch, layout, 6.0), *products))
    layer = layer_backward(model, batch, layout, software, last_kind(model))
    return joined, layer, head_backward(model, batch, layout, software)


def _module_norms(model: Model, batch: Batch, layout: Layout, bytes_per_element: float) -> tuple[Kernel, ...]:
    return memory("norm", bytes_per_element * model.hidden, norm_tokens(local_tokens(batch, layout), layout), count=2)


def _joint(model: Model, batch: Batch, layout: Layout) -> Product:
    """Return a module's projection, divided by columns; it stays in 16 bit."""
    tokens = local_tokens(batch, layout)
    return Product(name="mtp", m=tokens, n=model.hidden // layout.tensor, k=2 * model.hidden, cast="wide")


def _head(model: Model, batch: Batch, layout: Layout) -> Product:
    """Return the LM head; it stays in 16 bit (Transformer Engine; DeepSeek-V3, arXiv 2412.19437, section 3.3.1)."""
    vocab = -(-model.vocab // layout.tensor)
    return Product(name="head", m=local_tokens(batch, layout), n=vocab, k=model.hidden, cast="wide")


def _collectives(model: Model, layout: Layout, kind: str) -> float:
    """Return the collectives of one pass: 2 all-reduces, or as many pairs of all-gather and reduce-scatter.

    Around a mixture the second serves its shared experts, or tokens that all ranks of the tensor group hold alike;
    routed tokens of a divided sequence are gathered and reduced in copies, one for each of their experts
    (Megatron-Core, all-to-all dispatcher with expert tensor parallelism).
    """
    if layout.tensor == 1:
        return 0
    pair = 2 if layout.sequence_parallel else 1
    apart = _halves(model) == 2 and _feeds_whole_tokens(model, layout, kind)
    return pair + (pair if apart else 0)


def _gathered_again(model: Model, layout: Layout, kind: str) -> int:
    """Return the gathers of what column-parallel products read, of which a rank keeps its shard of the sequence."""
    if layout.tensor == 1 or not layout.sequence_parallel:
        return 0
    return 1 + int(_halves(model) == 2 and _feeds_whole_tokens(model, layout, kind))


def _halves(model: Model) -> int:
    """Return how often a layer normalises, adds to the residual and meets its tensor group."""
    return 1 if model.parallel_block else 2


def _feeds_whole_tokens(model: Model, layout: Layout, kind: str) -> bool:
    """Return whether the feed-forward part reads all tokens of the tensor group."""
    return kind == "dense" or model.shared_experts > 0 or not layout.sequence_parallel


def _shares_experts(layout: Layout) -> bool:
    """Return whether ranks that share experts gather the tokens that each of them routed."""
    return layout.expert_tensor > 1 and (layout.sequence_parallel or layout.tensor == 1)
