"""What cutting a buffer into chunks costs: chunks wait for each other where one stage of a pipeline feeds the next."""

import math

NVLS_CHUNK_BYTES = 128 * 2**10
"""Most bytes that one channel passes to one GPU's part at once (NCCL_NVLS_CHUNKSIZE)."""

_NVLS_RULE = ((64, 64 * 2**10), (8, 32 * 2**10), (2, 16 * 2**10))
"""Below so many rounds of the present chunk, a chunk of at most so many bytes."""


def nvls_chunk_bytes(size_bytes: float, lanes: int) -> int:
    """Return the chunk with which a buffer passes the switch: smaller ones for small buffers, to fill the pipeline.

    lanes: channels x GPUs that work at once. NCCL, src/enqueue.cc, calcCollChunking.

    >>> [nvls_chunk_bytes(mib * 2**20, lanes=16 * 8) // 2**10 for mib in (4, 16, 256, 1024)]
    [16, 32, 64, 128]
    """
    chunk = NVLS_CHUNK_BYTES
    for rounds, smaller in _NVLS_RULE:
        if size_bytes < rounds * lanes * chunk:
            chunk = min(chunk, smaller)
    return chunk


def nvls_rounds(size_bytes: float, lanes: int) -> int:
    """Return how often all lanes take a chunk; each round waits for the switch once.

    >>> nvls_rounds(4 * 2**20, lanes=16 * 8), nvls_rounds(2**30, lanes=16 * 8)
    (2, 64)
    """
    return max(1, math.ceil(size_bytes / (lanes * nvls_chunk_bytes(size_bytes, lanes))))


def nvls_fill_bytes(size_bytes: float, lanes: int, share: float) -> float:
    """Return the bytes that are copied in before any can be reduced: a slice of the first round, if there are more.

    >>> nvls_fill_bytes(2**20, lanes=16 * 8, share=0.5), nvls_fill_bytes(2**30, lanes=16 * 8, share=0.5) / 2**20
    (0.0, 8.0)
    """
    if nvls_rounds(size_bytes, lanes) == 1:
        return 0.0
    return share * lanes * nvls_chunk_bytes(size_bytes, lanes)


def ring_fill_bytes(step_bytes: float, share: float, most_bytes: float) -> float:
    """Return the bytes of a ring's step that must have arrived before its rank can begin to send them on.

    A rank forwards slices, `share` of a chunk each; a chunk is a step's bytes, at most `most_bytes` over all channels.

    >>> ring_fill_bytes(1e6, 0.5, 4e6), ring_fill_bytes(1e9, 0.5, 4e6)
    (500000.0, 2000000.0)
    """
    return share * min(step_bytes, most_bytes)
