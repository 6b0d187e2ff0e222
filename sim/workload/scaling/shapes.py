"""The shape of a dense model of so many parameters, as Llama 3's are, and what laws count of a model."""

from dataclasses import replace
from math import log

from sim.catalog.records import Model, Provenance
from sim.errors import InputError
from sim.workload.scaling.records import Law
from sim.workload.transformer import head_parameters, matmul_parameters, total_parameters

HEAD_DIM, KV_HEADS, VOCABULARY = 128, 8, 128_256
"""Of all Llama 3 models (arXiv 2407.21783, table 3, and the public configurations)."""

ASPECT = (90.0, 175.0)
"""Width over layers: 102 (70B) to 130 (405B) in Llama 3."""

_WIDTHS = (1024, 1536, *range(2048, 65_537, 1024))
"""Heads divide among 8 GPUs from a width of 2,048 on."""


def dense_model(parameters: float, law: Law | None = None) -> Model:
    """Return a dense model of about so many parameters, as a law counts them (default: all).

    Gated feed-forward networks of 3.5 widths, grouped queries, untied embedding. Layers, alone or with embedding and
    head, divide among 8 stages, as in Llama 3 (arXiv 2407.21783, section 3.3.2). Raises InputError for a size outside
    400M to 30T.

    >>> model = dense_model(405e9)
    >>> model.layers, model.hidden, round(total_parameters(model) / 1e9)
    (118, 16384, 404)
    """
    if not 4e8 <= parameters <= 3e13:
        raise InputError(
            f"a model of {parameters / 1e6:,.0f} M parameters is what was asked for, or what the limits lead to; "
            "expected 400 M to 30,000,000 M"
        )
    shapes = [_shape(width, layers) for width in _WIDTHS for layers in _depths(width)]
    return min(shapes, key=lambda model: abs(log(counted(model, law) / parameters)))


def _depths(width: int) -> list[int]:
    low, high = (width / aspect for aspect in reversed(ASPECT))
    return [layers for layers in range(max(6, int(low)), int(high) + 8) if layers % 8 in (0, 6)]


def _shape(width: int, layers: int) -> Model:
    heads = width // HEAD_DIM
    return Model(
        name=f"dense, {layers} layers of {width:,}",
        layers=layers,
        hidden=width,
        heads=heads,
        kv_heads=next(kv for kv in (KV_HEADS, 4, 2, 1) if heads % kv == 0),
        head_dim=HEAD_DIM,
        ffn_hidden=7 * width // 2,
        gated_ffn=True,
        vocab=VOCABULARY,
        tied_embeddings=False,
        attention="gqa",
        sources={"*": Provenance(source="shape of Llama 3, arXiv 2407.21783, table 3", date="2024-07", kind="derived")},
    )


def mixture_model(active: float, experts: int, law: Law) -> Model:
    """Return a mixture of which a token meets so many parameters: the dense model of that size, its networks repeated.

    Each layer has experts as large as the dense network, of which a token visits one (arXiv 2502.05172, section 3).

    >>> from sim.workload.scaling.load import law
    >>> model = mixture_model(8e9, 8, law("joint-moe-2025"))
    >>> model.experts_per_token, round(total_parameters(model) / 1e9)
    (1, 47)
    """
    dense = dense_model(active, law)
    return replace(
        dense,
        name=f"{experts} experts, {dense.layers} layers of {dense.hidden:,}",
        experts=experts,
        experts_per_token=1,
        expert_ffn_hidden=dense.ffn_hidden,
    )


def counted(model: Model, law: Law | None = None) -> float:
    """Return the parameters of a model that a law means: all, those outside embeddings, or those that a token meets.

    >>> from sim import catalog
    >>> from sim.workload.scaling.load import law
    >>> round(counted(catalog.model("deepseek-v3"), law("joint-moe-2025")) / 1e9)
    38
    """
    if law is None or law.counts == "total":
        return float(total_parameters(model))
    tables = head_parameters(model) * (1 if model.tied_embeddings else 2)
    if law.counts == "non-embedding":
        return float(total_parameters(model) - tables)
    return float(matmul_parameters(model) + head_parameters(model) * (not model.tied_embeddings))


def experts_of(model: Model) -> float:
    """Return the experts of a law whose tokens visit one: total over visited (granularity is left out).

    >>> from sim import catalog
    >>> experts_of(catalog.model("deepseek-v3")), experts_of(catalog.model("llama3-8b"))
    (32.0, 1.0)
    """
    return model.experts / model.experts_per_token if model.experts else 1.0
