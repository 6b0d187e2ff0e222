"""Transformer arithmetic: parameters, FLOP, and the kernels that one GPU runs for a layer, the embedding and the head.

Shapes follow Megatron-style tensor parallelism (arXiv 1909.08053, 2205.05198): the first product of attention
and of the feed-forward network is split by columns, the second by rows.
"""

from dataclasses import dataclass, replace

from sim.catalog.records import Model, SoftwareProfile
from sim.workload.kernels import ELEMENT_BYTES
from sim.workload.layout import Batch, Layout, local_tokens

ACTIVATION_BYTES = 2.0
"""Bytes of one activation element (16-bit)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One kernel of one GPU for one microbatch: a matrix product, an attention core or a memory-bound pass.

    kind: gemm (m, n, k, batch, accumulate), attention (flash, backward or not) or memory (size_bytes). useful: the part
    of its FLOP that are model FLOP; repeated: it only repeats a forward kernel (recomputation); weight: it makes a
    weight gradient.
    """

    kind: str
    name: str
    m: int = 0
    n: int = 0
    k: int = 0
    batch: int = 1
    useful: float = 1.0
    accumulate: bool = False
    backward: bool = False
    size_bytes: float = 0.0
    repeated: bool = False
    weight: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PassKernels:
    """The kernels of a pass, and the collectives in between.

    collectives: of the tensor group, in units of one of a layer's: an all-gather or reduce-scatter with sequence
    parallelism, an all-reduce without. exchanges: of keys and values in the context group.
    """

    kernels: tuple[Kernel, ...]
    collectives: float
    exchanges: int = 0


def attention_width(model: Model) -> int:
    """Return heads x head_dim, the width of the attention core."""
    return model.heads * model.head_dim


def qkv_width(model: Model) -> int:
    """Return the output width of the fused query, key and value projection."""
    return (model.heads + 2 * model.kv_heads) * model.head_dim


def layer_matmul_parameters(model: Model) -> int:
    """Return the weights of one layer that enter matrix products.

    >>> from sim.workload.examples import gpt
    >>> layer_matmul_parameters(gpt(layers=1, hidden=10)) == 12 * 10**2
    True
    """
    attention = model.hidden * (qkv_width(model) + attention_width(model))
    products = 3 if model.gated_ffn else 2
    return attention + products * model.hidden * model.ffn_hidden


def head_parameters(model: Model) -> int:
    """Return the weights of the LM head (the embedding table has as many)."""
    return model.hidden * model.vocab


def matmul_parameters(model: Model) -> int:
    """Return the weights that enter matrix products: layers and LM head, not the embedding."""
    return model.layers * layer_matmul_parameters(model) + head_parameters(model)


def total_parameters(model: Model) -> int:
    """Return all weights: layers with their two norms, final norm, embedding, and the head unless tied."""
    tables = head_parameters(model) * (1 if model.tied_embeddings else 2)
    return model.layers * (layer_matmul_parameters(model) + 2 * model.hidden) + model.hidden + tables


def model_flop_per_token(model: Model, sequence_length: int, causal: bool = True) -> float:
    """Return model FLOP per token, forward and backward: 6 N_matmul + 6 L s h_attention (causal; full attention: 12).

    Source: Kaplan et al. arXiv 2001.08361 and PaLM arXiv 2204.02311, appendix B; the causal mask halves attention.
    """
    attention = (6 if causal else 12) * model.layers * sequence_length * attention_width(model)
    return 6.0 * matmul_parameters(model) + attention


def layer_forward(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile) -> PassKernels:
    """Return the forward kernels of one layer on one GPU of a tensor-parallel group, for one microbatch."""
    tokens, t = local_tokens(batch, layout), layout.tensor
    products = _forward_products(model, tokens, t)
    kernels = (
        *_memory("norm", 4.0 * model.hidden, _norm_tokens(tokens, layout), count=2),
        products[0],
        *_memory("rotary", 4.0 * (model.heads + model.kv_heads) * model.head_dim / t, tokens),
        *_attention(model, batch, layout, software, backward=False),
        products[1],
        products[2],
        *_activation(model, tokens, t, software),
        products[3],
        *_input_casts(products, batch.precision),
        *_memory("residual", 6.0 * model.hidden, _norm_tokens(tokens, layout), count=2),
    )
    return PassKernels(kernels=kernels, collectives=_collectives(layout), exchanges=int(layout.context > 1))


def layer_backward(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile) -> PassKernels:
    """Return the backward kernels of one layer (input and weight gradients), with what recomputation repeats."""
    tokens, t = local_tokens(batch, layout), layout.tensor
    products = _forward_products(model, tokens, t)
    gradients = [_gradients(product, software) for product in products]
    kernels = (
        *_gradient_casts(products, batch.precision),
        *(kernel for pair in reversed(gradients) for kernel in pair),
        *_attention(model, batch, layout, software, backward=True),
        *_memory("activation", ACTIVATION_BYTES * (5 if model.gated_ffn else 3) * model.ffn_hidden / t, tokens),
        *_memory("rotary", 4.0 * (model.heads + model.kv_heads) * model.head_dim / t, tokens),
        *_memory("norm", 6.0 * model.hidden, _norm_tokens(tokens, layout), count=2),
        *_memory("residual", 6.0 * model.hidden, _norm_tokens(tokens, layout), count=2),
    )
    repeated, repeated_collectives, repeated_exchanges = recomputed(model, batch, layout, software)
    # A stage keeps only its shard of what a column-parallel product read, and gathers it again for the weight gradient.
    gathered_again = 2 if layout.sequence_parallel and layout.tensor > 1 else 0
    collectives = _collectives(layout) + gathered_again + repeated_collectives
    # Keys and values are gathered again, and their gradients reduced.
    exchanges = (2 if layout.context > 1 else 0) + repeated_exchanges
    return PassKernels(kernels=repeated + kernels, collectives=collectives, exchanges=exchanges)


def recomputed(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile
) -> tuple[tuple[Kernel, ...], float, int]:
    """Return the forward kernels that a layer's backward pass runs again, their collectives and their exchanges.

    full: the whole layer; selective: the attention core (Korthikanti et al. arXiv 2205.05198); a stack that
    discards cheap outputs repeats normalisation and activation.
    """
    forward = layer_forward(model, batch, layout, software)
    if batch.recompute == "full":
        return tuple(_again(kernel) for kernel in forward.kernels), forward.collectives, forward.exchanges
    names = {"attention", "scores"} if batch.recompute == "selective" else set()
    if software.discard_cheap:
        names |= {"norm", "activation"}
    return tuple(_again(kernel) for kernel in forward.kernels if kernel.name in names), 0, 0


def embedding_pass(model: Model, batch: Batch, layout: Layout, backward: bool = False) -> PassKernels:
    """Return the table look-up, one memory-bound pass: read and write the hidden state of every token.

    Each GPU holds a part of the table: its forward ends with a collective, as its backward begins with one where
    the sequence is sharded.
    """
    tokens = local_tokens(batch, layout)
    collectives = int(layout.tensor > 1 and (layout.sequence_parallel or not backward))
    return PassKernels(kernels=_memory("embedding", 4.0 * model.hidden, tokens), collectives=collectives)


def head_forward(model: Model, batch: Batch, layout: Layout) -> PassKernels:
    """Return the LM head and its loss: a product over the vocabulary, and softmax cross-entropy in FP32."""
    tokens = local_tokens(batch, layout)
    vocab = -(-model.vocab // layout.tensor)
    return PassKernels(
        kernels=(
            *_memory("norm", 4.0 * model.hidden, _norm_tokens(tokens, layout)),
            Kernel(kind="gemm", name="head", m=tokens, n=vocab, k=model.hidden),
            *_memory("loss", 10.0 * vocab, tokens),
        ),
        collectives=1 if layout.tensor > 1 and layout.sequence_parallel else 0,
    )


def head_backward(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile) -> PassKernels:
    """Return the gradients of the LM head and its loss."""
    tokens = local_tokens(batch, layout)
    vocab = -(-model.vocab // layout.tensor)
    product = Kernel(kind="gemm", name="head", m=tokens, n=vocab, k=model.hidden)
    return PassKernels(
        kernels=(
            *_memory("loss", 6.0 * vocab, tokens),
            *_gradients(product, software),
            *_memory("norm", 6.0 * model.hidden, _norm_tokens(tokens, layout)),
        ),
        # The input gradient is reduced; a sharded input is also gathered again for the weight gradient.
        collectives=0 if layout.tensor == 1 else (2 if layout.sequence_parallel else 1),
    )


def _forward_products(model: Model, tokens: int, t: int) -> tuple[Kernel, Kernel, Kernel, Kernel]:
    """Return the four products of a layer: qkv, attention output, feed-forward up (with gate) and down."""
    up = (2 if model.gated_ffn else 1) * model.ffn_hidden // t
    return (
        Kernel(kind="gemm", name="qkv", m=tokens, n=qkv_width(model) // t, k=model.hidden),
        Kernel(kind="gemm", name="out", m=tokens, n=model.hidden, k=attention_width(model) // t),
        Kernel(kind="gemm", name="up", m=tokens, n=up, k=model.hidden),
        Kernel(kind="gemm", name="down", m=tokens, n=model.hidden, k=model.ffn_hidden // t),
    )


def _gradients(product: Kernel, software: SoftwareProfile) -> tuple[Kernel, ...]:
    """Return the input-gradient and weight-gradient products of a forward product y[m, n] = x[m, k] w[k, n]."""
    fused = software.fused_gradient_accumulation
    inputs = Kernel(kind="gemm", name=product.name, m=product.m, n=product.k, k=product.n)
    weights = replace(product, m=product.n, n=product.k, k=product.m, accumulate=fused, weight=True)
    if fused:
        return inputs, weights
    # Read the 16-bit gradient, read and write the main gradient.
    add = (ACTIVATION_BYTES + 2 * software.gradient_bytes) * product.n * product.k
    return inputs, weights, Kernel(kind="memory", name="accumulate", size_bytes=add, weight=True)


def _input_casts(products: tuple[Kernel, ...], precision: str) -> tuple[Kernel, ...]:
    """Return the passes that make inputs of products in 8 bit or less, none in 16 bit.

    The weight gradient reads its inputs transposed, or scaled along the other side, so that each tensor is written
    twice (Micikevicius et al. arXiv 2209.05433; Transformer Engine, "Using FP8"). The normalisation before qkv and up
    writes the first copy itself; before out and down a pass reads 16 bit and writes both.
    """
    size = ELEMENT_BYTES[precision]
    if size >= ACTIVATION_BYTES:
        return ()
    per_element = {
        "qkv": 2 * size,
        "up": 2 * size,
        "out": ACTIVATION_BYTES + 2 * size,
        "down": ACTIVATION_BYTES + 2 * size,
    }
    return tuple(
        kernel for product in products for kernel in _memory("cast", per_element[product.name] * product.k, product.m)
    )


def _gradient_casts(products: tuple[Kernel, ...], precision: str) -> tuple[Kernel, ...]:
    """Return the passes that read the 16-bit gradients of products' outputs and write both copies, as above."""
    size = ELEMENT_BYTES[precision]
    if size >= ACTIVATION_BYTES:
        return ()
    per_element = ACTIVATION_BYTES + 2 * size
    return tuple(kernel for product in products for kernel in _memory("cast", per_element * product.n, product.m))


def _activation(model: Model, tokens: int, t: int, software: SoftwareProfile) -> tuple[Kernel, ...]:
    """Return the feed-forward non-linearity: SwiGLU reads gate and up, writes their product; unfused, two passes."""
    width = ACTIVATION_BYTES * model.ffn_hidden / t
    if not model.gated_ffn:
        return _memory("activation", 2 * width, tokens)
    if software.elementwise_fused:
        return _memory("activation", 3 * width, tokens)
    return (*_memory("activation", 2 * width, tokens), *_memory("activation", 3 * width, tokens))


def _attention(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, backward: bool
) -> tuple[Kernel, ...]:
    """Return the attention core: one flash kernel, or products over the whole square of scores and passes over them.

    Without flash the causal mask saves nothing: half of the FLOP are no model FLOP; scores are read and written twice
    (softmax and dropout). A backward has two products for each of a forward.
    """
    if software.flash_attention:
        return (Kernel(kind="attention", name="attention", backward=backward),)
    s, heads = batch.sequence_length, batch.micro_batch * model.heads // layout.tensor
    queries = s // layout.context
    scored = Kernel(kind="gemm", name="attention", m=queries, n=s, k=model.head_dim, batch=heads, useful=0.5)
    products = (scored, replace(scored, n=model.head_dim, k=s))
    scores = Kernel(kind="memory", name="scores", size_bytes=4 * ACTIVATION_BYTES * heads * float(queries) * s)
    return (*products * (2 if backward else 1), scores)


def _memory(name: str, bytes_per_token: float, tokens: float, count: int = 1) -> tuple[Kernel, ...]:
    return (Kernel(kind="memory", name=name, size_bytes=bytes_per_token * tokens),) * count


def _norm_tokens(tokens: int, layout: Layout) -> float:
    return tokens / layout.tensor if layout.sequence_parallel else float(tokens)


def _collectives(layout: Layout) -> int:
    """Return the collectives of one pass: 2 all-reduces, or as many pairs of all-gather and reduce-scatter."""
    return 0 if layout.tensor == 1 else (4 if layout.sequence_parallel else 2)


def _again(kernel: Kernel) -> Kernel:
    return replace(kernel, repeated=True)
