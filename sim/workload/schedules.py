"""Plain pipeline schedules: stages x microbatches x chunks -> the order of operations of every stage."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple


class Op(NamedTuple):
    """One operation of a stage: kind "F" (forward), "B" (backward) or "W" (weight gradient, where it is apart)."""

    kind: str
    microbatch: int
    chunk: int


Order = tuple[tuple[Op, ...], ...]
"""order[stage] is the sequence in which the stage runs its operations."""

Route = tuple[tuple[int, int], ...]
"""The (stage, chunk) places that a microbatch's forward passes; its backward passes them in reverse."""


def gpipe(stages: int, microbatches: int, chunks: int) -> Order:
    """Return all forwards, then all backwards in reverse (Huang et al. arXiv 1811.06965).

    >>> [(op.kind, op.microbatch) for op in gpipe(1, 2, 1)[0]]
    [('F', 0), ('F', 1), ('B', 1), ('B', 0)]
    """
    forward = tuple(Op("F", i, 0) for i in range(microbatches))
    backward = tuple(Op("B", i, 0) for i in reversed(range(microbatches)))
    return (forward + backward,) * stages


def one_forward_one_backward(stages: int, microbatches: int, chunks: int) -> Order:
    """Return 1F1B: stage i warms up with min(p - 1 - i, m) forwards, then alternates (Narayanan et al. 2104.04473).

    >>> [op.kind for op in one_forward_one_backward(2, 3, 1)[0]]
    ['F', 'F', 'B', 'F', 'B', 'B']
    """
    return tuple(
        _alternate(
            [Op("F", i, 0) for i in range(microbatches)],
            [Op("B", i, 0) for i in range(microbatches)],
            stages - 1 - stage,
        )
        for stage in range(stages)
    )


def interleaved(stages: int, microbatches: int, chunks: int) -> Order:
    """Return the interleaved 1F1B order of Megatron-LM: groups of p microbatches, warm-up 2(p - 1 - i) + (v - 1) p.

    Microbatches that are no multiple of the stages make the last group longer (a short one would deadlock), and fewer
    microbatches than stages form one group: Llama 3's flexible schedule (arXiv 2407.21783, section 3.3.2).

    >>> [(op.kind, op.microbatch, op.chunk) for op in interleaved(2, 2, 2)[1]][:4]
    [('F', 0, 0), ('F', 1, 0), ('F', 0, 1), ('B', 0, 1)]
    """
    group = min(stages, microbatches)
    edges = [*range(0, microbatches - group + 1, group), microbatches]
    longest = microbatches - edges[-2]
    forward = [Op("F", i, c) for i, c in _grouped(edges, range(chunks))]
    backward = [Op("B", i, c) for i, c in _grouped(edges, range(chunks - 1, -1, -1))]
    return tuple(
        _alternate(forward, backward, 2 * (stages - 1 - stage) + (chunks - 1) * longest) for stage in range(stages)
    )


def looped_route(stages: int, chunks: int) -> Route:
    """Return the route through all stages, chunk after chunk: virtual stage v is chunk v // stages of stage v % stages.

    >>> looped_route(2, 2)
    ((0, 0), (1, 0), (0, 1), (1, 1))
    """
    return tuple((v % stages, v // stages) for v in range(stages * chunks))


def looped_routes(stages: int, microbatches: int, chunks: int) -> tuple[Route, ...]:
    """Return the route of every microbatch: all stages in turn, chunk after chunk.

    >>> looped_routes(2, 2, 1)
    (((0, 0), (1, 0)), ((0, 0), (1, 0)))
    """
    return (looped_route(stages, chunks),) * microbatches


def _alternate(forward: Sequence[Op], backward: Sequence[Op], warm_up: int) -> tuple[Op, ...]:
    warm_up = min(warm_up, len(forward))
    steady = [op for pair in zip(forward[warm_up:], backward, strict=False) for op in pair]
    return (*forward[:warm_up], *steady, *backward[len(forward) - warm_up :])


def _grouped(edges: Sequence[int], chunks: range) -> list[tuple[int, int]]:
    return [(i, c) for start, end in pairwise(edges) for c in chunks for i in range(start, end)]
