"""Blocks: the parts of a chunk, groups of consecutive layers, whose collectives run beside other layers' compute.

A framework waits for a layer's parameters only before that layer, and sends a bucket of gradients as soon as the
backward of its layers has ended. Buckets of Megatron-LM hold 40 million parameters or more; FSDP wraps each layer. The
embedding belongs to the first block, the head to the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from sim.catalog.records import Model
from sim.workload.chunks import Chunk, split_chunk
from sim.workload.layout import Layout
from sim.workload.memory import Parameters, chunk_parameters
from sim.workload.sharding import block_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A chunk's blocks in the order of the forward: relative times of their passes, and their collectives.

    forward, backward, weight: nanoseconds if each block ran alone; an operation's own time is divided in proportion.
    gather_ns, reduce_ns: parameter all-gather and gradient reduction of each block.
    """

    forward: tuple[int, ...]
    backward: tuple[int, ...]
    weight: tuple[int, ...] = ()
    gather_ns: tuple[int, ...]
    reduce_ns: tuple[int, ...]


def deal_blocks(
    model: Model, layout: Layout, dealt: Sequence[Sequence[Chunk]], overlap: bool
) -> tuple[tuple[tuple[Chunk, ...], ...], ...]:
    """Return the blocks of every chunk, by [stage][chunk][block]."""
    return tuple(
        tuple(
            split_chunk(chunk, block_count(layout, chunk.layers, chunk_parameters(model, chunk, layout).total, overlap))
            for chunk in stage
        )
        for stage in dealt
    )


def block_parameters(model: Model, blocks: Sequence[Chunk], layout: Layout) -> tuple[Parameters, ...]:
    """Return the weights of each block on one GPU; they sum to the chunk's exactly.

    A table that embedding and head share counts with the embedding, whose backward completes its gradient.

    >>> from sim.workload.examples import gpt
    >>> model = gpt(layers=2, hidden=8, vocab=10)
    >>> blocks = split_chunk(Chunk(layers=2, embedding=True, head=True), 2)
    >>> [part.shared for part in block_parameters(model, blocks, Layout())]
    [864.0, 792.0]
    """
    totals = [Parameters(0.0, 0.0), *(chunk_parameters(model, chunk, layout) for chunk in accumulate(blocks, _joined))]
    return tuple(
        Parameters(after.shared - before.shared, after.experts - before.experts) for before, after in pairwise(totals)
    )


def _joined(one: Chunk, two: Chunk) -> Chunk:
    layers, moe = one.layers + two.layers, one.moe + two.moe
    return Chunk(layers=layers, moe=moe, embedding=one.embedding, head=two.head, mtp=two.mtp)
