"""Shapes of models give the published numbers of parameters."""

import pytest

from sim import catalog
from sim.catalog.records import Model


def dense_parameters(model: Model) -> float:
    """Count weights of a dense decoder by hand: attention, feed-forward, two norms a layer, embedding and head."""
    attention = model.hidden * model.head_dim * (2 * model.heads + 2 * model.kv_heads)
    feed_forward = (3 if model.gated_ffn else 2) * model.hidden * model.ffn_hidden
    tables = (1 if model.tied_embeddings else 2) * model.vocab * model.hidden
    return model.layers * (attention + feed_forward + 2 * model.hidden) + tables


@pytest.mark.parametrize(
    ("name", "published"),
    [("gpt3-175b", 175e9), ("llama3-8b", 8.03e9), ("llama3-70b", 70.6e9), ("llama3-405b", 405.9e9)],
)
def test_dense_shapes_give_the_published_parameters(name: str, published: float) -> None:
    assert dense_parameters(catalog.model(name)) == pytest.approx(published, rel=0.005)


def test_deepseek_v3_gives_671_billion_parameters() -> None:
    m = catalog.model("deepseek-v3")
    width, nope, rope = m.heads * m.head_dim, m.head_dim, m.rope_head_dim
    query = m.hidden * m.q_lora_rank + m.q_lora_rank * m.heads * (nope + rope)
    key_value = m.hidden * (m.kv_lora_rank + rope) + m.kv_lora_rank * 2 * width
    attention = query + key_value + width * m.hidden
    expert = 3 * m.hidden * m.expert_ffn_hidden
    sparse = (m.experts + m.shared_experts) * expert + m.hidden * m.experts
    dense = 3 * m.hidden * m.ffn_hidden
    total = m.layers * attention + m.dense_layers * dense + (m.layers - m.dense_layers) * sparse
    assert total + 2 * m.vocab * m.hidden == pytest.approx(671e9, rel=0.005)


@pytest.mark.parametrize("name", catalog.names("model"))
def test_heads_fill_the_hidden_size_or_the_attention_is_latent(name: str) -> None:
    model = catalog.model(name)
    assert model.attention == "mla" or model.heads * model.head_dim == model.hidden
    assert model.heads % model.kv_heads == 0
