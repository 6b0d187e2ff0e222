"""How runs fall into chunks: by the plan alone, whatever the workers."""

from collections.abc import Iterator
from dataclasses import dataclass

MOST = 100
"""Runs of a chunk at most, where a study does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Replications of one variant, one after the other: seeds first, first + 1, ... after the variant's own."""

    variant: int
    first: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Runs that one worker takes in one go, and whose results are one file a table."""

    index: int
    blocks: tuple[Block, ...]

    @property
    def runs(self) -> int:
        """How many runs it holds."""
        return sum(block.count for block in self.blocks)


def chunks_of(variants: int, first: int, count: int, size: int, index: int = 0) -> tuple[Chunk, ...]:
    """Return replications first to first + count - 1 of every variant in chunks of `size` runs at most.

    A variant of more replications than that is cut into as few blocks as it takes, nearly alike; of fewer, whole
    variants share a chunk. index: of the first chunk.

    >>> [chunk.runs for chunk in chunks_of(2, 0, 5, size=3)], [chunk.runs for chunk in chunks_of(5, 0, 2, size=5)]
    ([3, 2, 3, 2], [4, 4, 2])
    """
    shared = _whole(variants, first, count, size) if count <= size else _cut(variants, first, count, size)
    return tuple(Chunk(index=number, blocks=blocks) for number, blocks in enumerate(shared, start=index))


def chunk_size(variants: int, replicas: int) -> int:
    """Return the most runs of a chunk where a study does not say: enough chunks for many workers, few for readers.

    About 64 chunks, of 100 runs at most; replications of one variant stay together, for each chunk prepares its
    variants anew, as long as 16 chunks are left.

    >>> chunk_size(15, 3), chunk_size(1, 200), chunk_size(1, 10_000), chunk_size(3, 4)
    (3, 13, 100, 1)
    """
    runs = variants * replicas
    return min(MOST, max(-(-runs // 64), min(replicas, -(-runs // 16))))


def shard_of(chunks: tuple[Chunk, ...], shard: int, shards: int) -> tuple[Chunk, ...]:
    """Return the chunks of shard 1 to `shards`: each is in exactly one.

    >>> [[chunk.index for chunk in shard_of(chunks_of(5, 0, 1, size=1), shard, 2)] for shard in (1, 2)]
    [[0, 2, 4], [1, 3]]
    """
    return tuple(chunk for chunk in chunks if chunk.index % shards == shard - 1)


def _whole(variants: int, first: int, count: int, size: int) -> Iterator[tuple[Block, ...]]:
    together = size // count
    for start in range(0, variants, together):
        members = range(start, min(start + together, variants))
        yield tuple(Block(variant=variant, first=first, count=count) for variant in members)


def _cut(variants: int, first: int, count: int, size: int) -> Iterator[tuple[Block, ...]]:
    parts = -(-count // size)
    sizes = [count // parts + (part < count % parts) for part in range(parts)]
    for variant in range(variants):
        start = first
        for each in sizes:
            yield (Block(variant=variant, first=start, count=each),)
            start += each
