"""Recomputation: which outputs of a layer are not kept, and so which kernels its backward pass runs again."""

from collections.abc import Mapping

from sim.catalog.records import Model, SoftwareProfile
from sim.errors import LayoutError
from sim.workload.layout import Batch
from sim.workload.transformer import dense_layers

MODULES: Mapping[str, frozenset[str]] = {
    "core_attn": frozenset({"attention", "scores"}),
    "layernorm": frozenset({"norm"}),
    "activation": frozenset({"activation", "shared-activation"}),
    "mla_up_proj": frozenset({"q-up", "kv-up", "rotary"}),
    "mlp": frozenset({"up", "activation", "down"}),
    "moe_act": frozenset({"expert-activation"}),
    "moe": frozenset(
        {"router", "permute", "sort", "combine", "expert-up", "expert-activation", "expert-down"}
        | {"shared-up", "shared-activation", "shared-down"}
    ),
}
"""Modules by the names of Megatron-Core (recompute_modules), and the kernels that each runs again."""


CHEAP = ("layernorm", "activation", "moe_act")
"""Modules whose outputs a stack that discards cheap ones does not keep."""


def check_modules(model: Model, batch: Batch, software: SoftwareProfile) -> None:
    """Raise LayoutError for a module that the model has not, or modules none of which the stack keeps anyway.

    >>> from sim import catalog
    >>> from sim.workload.examples import gpt
    >>> batch = Batch(sequence_length=8, global_batch=1, recompute="selective", recompute_modules=("moe_act",))
    >>> check_modules(gpt(layers=1, hidden=8), batch, catalog.software("megatron-2021"))
    Traceback (most recent call last):
    sim.errors.LayoutError: training.recompute.modules: gpt has no 'moe_act': it has no experts; expected modules of: \
activation, core_attn, layernorm, mlp
    """
    lacks: dict[str, str] = {}
    if not model.experts:
        lacks |= {"moe": "no experts", "moe_act": "no experts"}
    if not dense_layers(model):
        lacks["mlp"] = "no dense layer"
        if not model.shared_experts:
            lacks["activation"] = "no dense layer and no shared expert"
    if model.attention != "mla":
        lacks["mla_up_proj"] = "no latent attention (mla)"
    for module in batch.recompute_modules:
        if module in lacks:
            raise LayoutError(
                f"training.recompute.modules: {model.name} has no '{module}': it has {lacks[module]}; expected modules "
                f"of: {', '.join(sorted(MODULES.keys() - lacks.keys()))}"
            )
    if software.discard_cheap and batch.recompute_modules and set(batch.recompute_modules) <= set(CHEAP):
        raise LayoutError(
            f"training.recompute.modules: '{software.name}' keeps no outputs of {', '.join(batch.recompute_modules)} "
            "whatever is asked; expected other modules, or 'none'"
        )


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
        names |= {"norm", "activation", "shared-activation", "expert-activation"}
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
