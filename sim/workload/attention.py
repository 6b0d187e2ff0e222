"""The attention of one layer on one GPU: projections, rotary embedding and the core, forward and backward."""

from collections.abc import Sequence
from dataclasses import replace

from sim.catalog.records import Model, SoftwareProfile
from sim.workload.layout import Batch, Layout, local_kv_heads, local_kv_width, local_tokens, norm_tokens
from sim.workload.passes import Kernel, Product, forward_kernel, memory
from sim.workload.transformer import (
    ACTIVATION_BYTES,
    core_head_dim,
    kv_head_width,
    output_width,
    query_width,
    value_head_dim,
)


def projections(model: Model, batch: Batch, layout: Layout) -> tuple[Product, ...]:
    """Return the products of a layer's attention in forward order; the last is the output projection.

    Latent attention projects down on every rank of the tensor group alike (its latents are small), then up to the
    heads of the rank. Of what ranks of a tensor group do alike (copies of key-value heads, latents of tokens that all
    hold), each does its share of the model's work.
    """
    tokens, t = local_tokens(batch, layout), layout.tensor
    out = Product(name="out", m=tokens, n=model.hidden, k=output_width(model) // t)
    queries = query_width(model) // t
    if model.attention != "mla":
        width = queries + local_kv_width(model, layout)
        useful = (queries + model.kv_heads * kv_head_width(model) / t) / width
        return Product(name="qkv", m=tokens, n=width, k=model.hidden, cast="norm", useful=useful), out
    rows = norm_tokens(tokens, layout)
    alike = tokens / (t * rows)
    latents = model.kv_lora_rank + model.rope_head_dim
    down = Product(name="kv-down", m=rows, n=latents, k=model.hidden, cast="norm", useful=alike)
    up_width = model.heads * (model.head_dim + value_head_dim(model)) // t
    up = Product(name="kv-up", m=tokens, n=up_width, k=model.kv_lora_rank, cast="norm")
    if not model.q_lora_rank:
        query = (Product(name="q-up", m=tokens, n=queries, k=model.hidden, cast="done"),)
        return (down, *query, up, out)
    latent = Product(name="q-down", m=rows, n=model.q_lora_rank, k=model.hidden, cast="done", useful=alike)
    query_up = Product(name="q-up", m=tokens, n=queries, k=model.q_lora_rank, cast="norm")
    return down, latent, query_up, up, out


def attention_forward(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, products: Sequence[Product]
) -> tuple[Kernel, ...]:
    """Return the forward kernels of a layer's attention, its norm included."""
    tokens = local_tokens(batch, layout)
    return (
        *norms(model, layout, tokens, 4.0),
        *(forward_kernel(product) for product in products[:-1]),
        *rotary(model, layout, tokens),
        *core(model, batch, layout, software, backward=False),
        forward_kernel(products[-1]),
    )


def norms(model: Model, layout: Layout, tokens: int, bytes_per_element: float) -> tuple[Kernel, ...]:
    """Return the passes of the norm before attention, and of those of the latents."""
    latents = model.q_lora_rank + model.kv_lora_rank
    rows = norm_tokens(tokens, layout)
    inner = memory("norm", bytes_per_element * latents, rows) if latents else ()
    return (*memory("norm", bytes_per_element * model.hidden, rows), *inner)


def rotary(model: Model, layout: Layout, tokens: int) -> tuple[Kernel, ...]:
    """Return the rotary embedding: a pass over queries and keys, of latent attention over their rotary part.

    Latent attention writes queries and keys anew, both parts put together.
    """
    heads = model.heads // layout.tensor
    if model.attention == "mla":
        return memory("rotary", 4.0 * heads * 2 * (model.head_dim + model.rope_head_dim), tokens)
    return memory("rotary", 4.0 * (heads + local_kv_heads(model, layout)) * model.head_dim, tokens)


def core(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, backward: bool) -> tuple[Kernel, ...]:
    """Return the attention core: one flash kernel, or products over the whole square of scores and passes over them.

    Without flash the causal mask saves nothing: half of the FLOP are no model FLOP; scores are read and written twice
    (softmax and dropout). A backward has two products for each of a forward.
    """
    if software.flash_attention:
        return (Kernel(kind="attention", name="attention", backward=backward),)
    s, heads = batch.sequence_length, batch.micro_batch * model.heads // layout.tensor
    queries = s // layout.context
    scored = Kernel(kind="gemm", name="attention", m=queries, n=s, k=core_head_dim(model), batch=heads, useful=0.5)
    products = (scored, replace(scored, n=core_head_dim(model), k=s))
    scores = Kernel(kind="memory", name="scores", size_bytes=4 * ACTIVATION_BYTES * heads * float(queries) * s)
    return (*products * (2 if backward else 1), scores)
