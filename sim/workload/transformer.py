"""Transformer arithmetic: the weights of a model and the FLOP of a token.

A layer is dense or a mixture of experts (`kind`); both have the same attention. Shapes follow Megatron-style tensor
parallelism (arXiv 1909.08053, 2205.05198) and, for latent attention and mixtures, DeepSeek-V2 and V3 (arXiv 2405.04434,
2412.19437).
"""

from sim.catalog.records import Model

ACTIVATION_BYTES = 2.0
"""Bytes of one activation element (16-bit)."""

KINDS = ("dense", "moe")
"""Kinds of layers."""


def dense_layers(model: Model) -> int:
    """Return how many layers, at the start, are dense: all without experts.

    >>> from sim.workload.examples import gpt, mixture
    >>> dense_layers(gpt(layers=3, hidden=8)), dense_layers(mixture(layers=3, hidden=8, experts=4, dense_layers=1))
    (3, 1)
    """
    return min(model.dense_layers, model.layers) if model.experts else model.layers


def query_width(model: Model) -> int:
    """Return the width of all queries: heads x (head_dim, and the rotary part where it is apart)."""
    return model.heads * (model.head_dim + model.rope_head_dim)


def value_head_dim(model: Model) -> int:
    """Return the width of one head's values."""
    return model.v_head_dim or model.head_dim


def core_head_dim(model: Model) -> int:
    """Return the head dimension of the attention core: the mean of queries' and values', which counts its FLOP.

    >>> from sim import catalog
    >>> core_head_dim(catalog.model("llama3-8b")), core_head_dim(catalog.model("deepseek-v3"))
    (128, 160)
    """
    return (model.head_dim + model.rope_head_dim + value_head_dim(model)) // 2


def attention_width(model: Model) -> int:
    """Return heads x the head dimension of the attention core."""
    return model.heads * core_head_dim(model)


def qkv_width(model: Model) -> int:
    """Return the width of queries, keys and values of all heads together."""
    return query_width(model) + model.kv_heads * kv_head_width(model)


def kv_head_width(model: Model) -> int:
    """Return the width of one head's key and value."""
    return model.head_dim + model.rope_head_dim + value_head_dim(model)


def output_width(model: Model) -> int:
    """Return the width of the attention output of all heads, before its projection."""
    return model.heads * value_head_dim(model)


def attention_parameters(model: Model) -> int:
    """Return the weights of one layer's attention that enter matrix products.

    Latent attention (MLA) projects hidden states down to latents, and these up to heads: h r_q + r_q q + h (r_kv + d_r)
    + r_kv (k + v) + o h (DeepSeek-V2, arXiv 2405.04434, section 2.1); without q_lora_rank queries come from h.
    """
    out = output_width(model) * model.hidden
    if model.attention != "mla":
        return model.hidden * qkv_width(model) + out
    return latent_parameters(model) + up_parameters(model) + out


def latent_parameters(model: Model) -> int:
    """Return the weights of latent attention's projections down, which every tensor-parallel rank holds whole."""
    return model.hidden * (model.q_lora_rank + model.kv_lora_rank + model.rope_head_dim)


def up_parameters(model: Model) -> int:
    """Return the weights of latent attention's projections up to heads, divided by tensor parallelism."""
    keys_and_values = model.heads * (model.head_dim + value_head_dim(model))
    return (model.q_lora_rank or model.hidden) * query_width(model) + model.kv_lora_rank * keys_and_values


def ffn_parameters(model: Model, width: int) -> int:
    """Return the weights of a feed-forward network of a width: two matrices, three with a gate."""
    return (3 if model.gated_ffn else 2) * model.hidden * width


def shared_width(model: Model) -> int:
    """Return the width of a mixture layer's shared experts together."""
    return model.shared_experts * model.expert_ffn_hidden


def expert_parameters(model: Model) -> int:
    """Return the weights of one routed expert."""
    return ffn_parameters(model, model.expert_ffn_hidden)


def router_parameters(model: Model) -> int:
    """Return the weights of one layer's router."""
    return model.hidden * model.experts


def shared_parameters(model: Model, kind: str = "dense") -> int:
    """Return the matrix weights of one layer outside its routed experts.

    >>> from sim.workload.examples import gpt
    >>> shared_parameters(gpt(layers=1, hidden=10)) == 12 * 10**2
    True
    """
    if kind == "dense":
        return attention_parameters(model) + ffn_parameters(model, model.ffn_hidden)
    return attention_parameters(model) + router_parameters(model) + ffn_parameters(model, shared_width(model))


def active_parameters(model: Model, kind: str = "dense") -> int:
    """Return the matrix weights of one layer that a token meets: of the routed experts, those that it visits."""
    routed = model.experts_per_token * expert_parameters(model) if kind == "moe" else 0
    return shared_parameters(model, kind) + routed


def layer_parameters(model: Model, kind: str = "dense") -> int:
    """Return all weights of one layer, with its norms (latent attention normalises its latents too)."""
    routed = model.experts * expert_parameters(model) if kind == "moe" else 0
    return shared_parameters(model, kind) + routed + norm_parameters(model)


def norm_parameters(model: Model) -> int:
    """Return the weights of one layer's norms."""
    return 2 * model.hidden + model.q_lora_rank + model.kv_lora_rank


def head_parameters(model: Model) -> int:
    """Return the weights of the LM head (the embedding table has as many)."""
    return model.hidden * model.vocab


def last_kind(model: Model) -> str:
    """Return the kind of the last layers, which a multi-token prediction module repeats."""
    return "moe" if model.experts else "dense"


def matmul_parameters(model: Model) -> int:
    """Return the weights that a token meets in matrix products: layers and LM head, not the embedding.

    A multi-token prediction module is one more layer, a projection from 2 h to h and a second pass of the head
    (DeepSeek-V3, arXiv 2412.19437, section 2.2).
    """
    dense = dense_layers(model)
    layers = dense * active_parameters(model) + (model.layers - dense) * active_parameters(model, last_kind(model))
    module = active_parameters(model, last_kind(model)) + 2 * model.hidden**2 + head_parameters(model)
    return layers + head_parameters(model) + model.mtp_layers * module


def total_parameters(model: Model) -> int:
    """Return all weights: layers with their norms, final norm, embedding, and the head unless tied.

    A multi-token prediction module shares embedding and head, and has three norms of its own.

    >>> from sim import catalog
    >>> round(total_parameters(catalog.model("deepseek-v3")) / 1e9)
    671
    """
    dense, tables = dense_layers(model), head_parameters(model) * (1 if model.tied_embeddings else 2)
    layers = dense * layer_parameters(model) + (model.layers - dense) * layer_parameters(model, last_kind(model))
    return layers + model.hidden + tables + model.mtp_layers * module_parameters(model)


def module_parameters(model: Model) -> int:
    """Return the weights of one multi-token prediction module: a layer, its projection, three norms."""
    return layer_parameters(model, last_kind(model)) + 2 * model.hidden**2 + 3 * model.hidden


def model_flop_per_token(model: Model, sequence_length: int, causal: bool = True) -> float:
    """Return model FLOP per token, forward and backward: 6 N_matmul + 6 L s h_attention (causal; full attention: 12).

    Source: Kaplan et al. arXiv 2001.08361 and PaLM arXiv 2204.02311, appendix B; the causal mask halves attention. Of
    a mixture N counts what a token meets.
    """
    layers = model.layers + model.mtp_layers
    seen = attended_share(model, sequence_length) * sequence_length
    attention = (6 if causal else 12) * layers * seen * attention_width(model)
    return 6.0 * matmul_parameters(model) + attention


def attended_share(model: Model, sequence_length: int) -> float:
    """Return the scores under the causal mask that windows leave, in the mean over layers.

    A query sees w keys at most: w s - w^2 / 2 of s^2 / 2 scores.

    >>> from dataclasses import replace
    >>> from sim.workload.examples import gpt
    >>> attended_share(replace(gpt(layers=2, hidden=8), sliding_window=4, windowed_layers=1), 8)
    0.875
    """
    window = min(model.sliding_window or sequence_length, sequence_length)
    within = window * (2 * sequence_length - window) / sequence_length**2
    return 1 - (1 - within) * model.windowed_layers / model.layers
