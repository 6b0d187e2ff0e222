"""The feed-forward part of one layer on one GPU: a dense network, or a mixture of experts and what moves its tokens."""

from dataclasses import dataclass

from sim.catalog.records import Model, SoftwareProfile
from sim.workload.layout import Batch, Layout, local_tokens, norm_tokens, routed_rows
from sim.workload.passes import Kernel, Product, forward_kernel, memory
from sim.workload.transformer import ACTIVATION_BYTES, shared_width

ROUTER_LAUNCHES = 12
"""Small kernels of a router and its bookkeeping (softmax, top-k, masks, counts, losses); assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedForward:
    """A layer's feed-forward part: its products, and memory-bound passes before and after the forward ones."""

    products: tuple[Product, ...]
    forward: tuple[Kernel, ...]
    backward: tuple[Kernel, ...]


def feed_forward(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, kind: str) -> FeedForward:
    """Return the feed-forward part of a layer of a kind, without its norm."""
    tokens = local_tokens(batch, layout)
    if kind == "moe":
        return _mixture(model, batch, layout, software)
    products = _network(model, tokens, model.ffn_hidden // layout.tensor, "")
    return FeedForward(
        products=products,
        forward=(
            forward_kernel(products[0]),
            *_activation(model, tokens, products[1].k, software, "activation"),
            forward_kernel(products[1]),
        ),
        backward=_activation_gradient(model, tokens, products[1].k, "activation"),
    )


def _network(model: Model, tokens: int, width: int, prefix: str) -> tuple[Product, Product]:
    """Return the two products of a network of a width on this rank: up (with its gate) and down."""
    up = (2 if model.gated_ffn else 1) * width
    return (
        Product(name=f"{prefix}up", m=tokens, n=up, k=model.hidden, cast="norm"),
        Product(name=f"{prefix}down", m=tokens, n=model.hidden, k=width),
    )


def _mixture(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile) -> FeedForward:
    tokens = local_tokens(batch, layout)
    own = norm_tokens(tokens, layout)
    # Without sequence parallelism every rank of a tensor group routes the same tokens.
    alike = tokens / (layout.tensor * own)
    router = Product(name="router", m=own, n=model.experts, k=model.hidden, cast="wide", useful=alike)
    experts = _experts(model, batch, layout)
    shared = _network(model, tokens, shared_width(model) // layout.tensor, "shared-") if model.shared_experts else ()
    routed = experts[0].rows
    moved = _moved(model, own, routed, software)
    return FeedForward(
        products=(router, *experts, *shared),
        forward=(
            forward_kernel(router),
            *memory("router", 16.0 * model.experts, own, launches=ROUTER_LAUNCHES),
            *moved,
            forward_kernel(experts[0]),
            *_activation(model, routed, experts[1].k, software, "expert-activation"),
            forward_kernel(experts[1]),
            *(_shared_forward(model, tokens, shared, software)),
        ),
        backward=(
            *moved,
            *memory("router", 16.0 * model.experts, own, launches=ROUTER_LAUNCHES),
            *_activation_gradient(model, routed, experts[1].k, "expert-activation"),
            *(_activation_gradient(model, tokens, shared[1].k, "shared-activation") if shared else ()),
        ),
    )


def _experts(model: Model, batch: Batch, layout: Layout) -> tuple[Product, Product]:
    """Return the grouped products of the busiest rank's experts, on which uneven routing puts more tokens."""
    groups = model.experts // layout.expert
    rows = max(1, round(routed_rows(model, batch, layout) / groups))
    width = model.expert_ffn_hidden // layout.expert_tensor
    up = (2 if model.gated_ffn else 1) * width
    useful = 1.0 / batch.expert_imbalance
    return (
        Product(name="expert-up", m=rows, n=up, k=model.hidden, groups=groups, useful=useful),
        Product(name="expert-down", m=rows, n=model.hidden, k=width, groups=groups, useful=useful),
    )


def _moved(model: Model, own: int, routed: int, software: SoftwareProfile) -> tuple[Kernel, ...]:
    """Return the passes that put tokens in order for their experts, and back with their weights.

    A copy of each token for each of its experts, read and written, and the weighted sum at the end; a stack that does
    not sort by expert as part of the exchange also sorts what arrives, and undoes that.
    """
    copies = float(own * model.experts_per_token)
    element = ACTIVATION_BYTES * model.hidden
    out = (*memory("permute", 2 * element, copies), *memory("combine", element, copies + own))
    if software.permutation_fused:
        return out
    return (*out, *memory("sort", 2 * element, routed, count=2))


def _shared_forward(
    model: Model, tokens: int, shared: tuple[Product, ...], software: SoftwareProfile
) -> tuple[Kernel, ...]:
    if not shared:
        return ()
    up, down = shared
    activation = _activation(model, tokens, down.k, software, "shared-activation")
    return (forward_kernel(up), *activation, forward_kernel(down))


def _activation(model: Model, tokens: int, width: int, software: SoftwareProfile, name: str) -> tuple[Kernel, ...]:
    """Return the feed-forward non-linearity: SwiGLU reads gate and up, writes their product; unfused, two passes."""
    one = ACTIVATION_BYTES * width
    if not model.gated_ffn:
        return memory(name, 2 * one, tokens)
    if software.elementwise_fused:
        return memory(name, 3 * one, tokens)
    return (*memory(name, 2 * one, tokens), *memory(name, 3 * one, tokens))


def _activation_gradient(model: Model, tokens: int, width: int, name: str) -> tuple[Kernel, ...]:
    return memory(name, ACTIVATION_BYTES * (5 if model.gated_ffn else 3) * width, tokens)
