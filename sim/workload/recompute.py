"""Recomputation: which outputs of a layer are not kept, and so which kernels its backward pass runs again."""

from collections.abc import Mapping

from sim.catalog.records import SoftwareProfile
from sim.workload.layout import Batch

MODULES: Mapping[str, frozenset[str]] = {
    "core_attn": frozenset({"attention", "scores"}),
    "layernorm": frozenset({"norm"}),
    "activation": frozenset({"activation"}),
    "mla_up_proj": frozenset({"q-up", "kv-up", "rotary"}),
    "mlp": frozenset({"up", "activation", "down"}),
    "moe_act": frozenset({"expert-activation"}),
    "moe": frozenset(
        {"router", "permute", "sort", "combine", "expert-up", "expert-activation", "expert-down"}
        | {"shared-up", "shared-down"}
    ),
}
"""Modules by the names of Megatron-Core (recompute_modules), and the kernels that each runs again."""


def modules(batch: Batch) -> frozenset[str]:
    """Return the modules that are recomputed; selective stands for the attention core.

    >>> sorted(modules(Batch(sequence_length=8, global_batch=1, recompute="selective")))
    ['core_attn']
    """
    if batch.recompute != "selective":
        return frozenset()
    return frozenset(batch.recompute_modules or ("core_attn",))


def discarded_kernels(batch: Batch, software: SoftwareProfile) -> frozenset[str]:
    """Return the names of the kernels that run again where a layer is not repeated as a whole."""
    names: frozenset[str] = frozenset().union(*(MODULES[module] for module in modules(batch)))
    if software.discard_cheap:
        names |= {"norm", "activation", "expert-activation"}
    return names


def recomputes_experts(batch: Batch) -> bool:
    """Return whether the exchange of tokens between experts is repeated too."""
    return "moe" in modules(batch)


def recomputed_layers(batch: Batch, layers: int) -> int:
    """Return how many of a chunk's layers run their whole forward again; by default all under full recomputation.

    >>> recomputed_layers(Batch(sequence_length=8, global_batch=1, recompute="full", recompute_layers=2), 6)
    2
    """
    if batch.recompute != "full":
        return 0
    return layers if batch.recompute_layers is None else min(layers, batch.recompute_layers)
