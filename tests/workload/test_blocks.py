"""Blocks: parts of a chunk that sum to it exactly, in layers, bytes and time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.workload.apportion import divide
from sim.workload.blocks import block_parameters
from sim.workload.chunks import Chunk, split_chunk
from sim.workload.examples import gpt, mixture
from sim.workload.layout import Layout
from sim.workload.memory import chunk_parameters
from sim.workload.sharding import BUCKET_PARAMETERS, MOST_BLOCKS, block_count

chunks = st.builds(Chunk, layers=st.integers(1, 40), embedding=st.booleans(), head=st.booleans())


@given(chunks, st.integers(1, 50))
def test_parts_hold_every_layer_once_and_the_tables_at_the_ends(chunk: Chunk, parts: int) -> None:
    blocks = split_chunk(chunk, parts)
    assert sum(block.layers for block in blocks) == chunk.layers
    assert max(block.layers for block in blocks) - min(block.layers for block in blocks) <= 1
    assert [block.embedding for block in blocks] == [chunk.embedding] + [False] * (len(blocks) - 1)
    assert [block.head for block in blocks] == [False] * (len(blocks) - 1) + [chunk.head]


def test_a_chunk_without_layers_is_one_block() -> None:
    assert split_chunk(Chunk(layers=0, head=True), 12) == (Chunk(layers=0, head=True),)


@given(chunks, st.integers(1, 50), st.booleans(), st.sampled_from([1, 2, 8]))
def test_parameters_of_blocks_sum_to_the_chunks_exactly(chunk: Chunk, parts: int, tied: bool, tensor: int) -> None:
    model = gpt(layers=40, hidden=512, heads=8, vocab=1000, tied=tied)
    layout = Layout(tensor=tensor)
    blocks = [part.shared for part in block_parameters(model, split_chunk(chunk, parts), layout)]
    assert sum(blocks) == chunk_parameters(model, chunk, layout).total
    assert min(blocks) > 0


@given(st.integers(1, 9), st.integers(0, 9), st.integers(1, 12), st.booleans())
def test_experts_of_blocks_are_those_of_their_layers(layers: int, moe: int, parts: int, last: bool) -> None:
    """Dense layers come first; a prediction module goes with the last block."""
    model = mixture(layers=9, hidden=64, experts=4)
    chunk = Chunk(layers=layers, moe=min(moe, layers), head=last, mtp=int(last))
    layout = Layout(data=4, expert=2)
    blocks = split_chunk(chunk, parts)
    assert sum(block.moe for block in blocks) == chunk.moe
    assert sum(block.mtp for block in blocks) == chunk.mtp
    held = block_parameters(model, blocks, layout)
    assert sum(part.experts for part in held) == chunk_parameters(model, chunk, layout).experts
    each = 4 * 8 * 64**2 / 2
    assert [part.experts for part in held] == [each * (block.moe + block.mtp) for block in blocks]


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_a_time_is_divided_exactly_and_in_proportion(total: int, weights: list[int]) -> None:
    parts = divide(total, weights)
    assert sum(parts) == total
    if any(weights):
        assert all(
            abs(part - total * w / sum(weights)) <= 1 + 1e-6 * total for part, w in zip(parts, weights, strict=True)
        )


@pytest.mark.parametrize(("layers", "hidden", "expected"), [(2, 512, 1), (4, 12288, 4), (96, 12288, MOST_BLOCKS)])
def test_blocks_are_buckets_of_40_million_parameters_and_12_at_most(layers: int, hidden: int, expected: int) -> None:
    parameters = 12 * hidden**2 * layers
    assert block_count(Layout(), layers, parameters, overlap=True) == expected
    assert block_count(Layout(), layers, parameters, overlap=False) == 1
    assert block_count(Layout(sharding="zero3"), layers, parameters, overlap=False) == layers
    assert BUCKET_PARAMETERS > 2 * 12 * 512**2
