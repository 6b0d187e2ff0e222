"""Steps of a job some of whose GPUs are slow for a while: the replicas that this changes, as rows of factors."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.cluster.records import GpuArray
from sim.workload.layout import Layout
from sim.workload.stragglers import (
    GRAINS,
    FloatArray,
    IntArray,
    Speed,
    own_factors,
    replicas_in_step,
    stage_factors,
    throttle_factors,
)

Row = tuple[int, ...]
"""Factors of the stages of replicas in step, in grains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """The ranks of a job: which one each GPU holds (-1: none), their factors, and the rows of all replicas in step.

    own: without throttling, throttled: with it. Factors are those of slow nodes and of throttling that last; what GPUs
    of a kind differ by is left out, so that slow GPUs at like places make like replicas.
    """

    layout: Layout
    rank_of: IntArray
    own: FloatArray
    throttled: FloatArray
    own_rows: IntArray
    throttled_rows: IntArray


def ranks_of(speed: Speed, layout: Layout, placement: GpuArray, node_gpus: int, seed: int) -> Ranks:
    """Return the ranks of a layout; placement: the GPU of each.

    >>> ranks_of(Speed(slow_nodes=((0, 1.2),)), Layout(data=4), np.array([3, 2, 1, 0]), 2, seed=1).own.tolist()
    [1.0, 1.0, 1.2, 1.2]
    """
    gpus = int(placement.max()) + 1
    own = own_factors(Speed(slow_nodes=speed.slow_nodes), gpus, node_gpus, seed)
    throttled = (own * throttle_factors(speed, gpus, seed))[placement]
    own = own[placement]
    rank_of = np.full(gpus, -1, dtype=np.int64)
    rank_of[placement] = np.arange(placement.size)
    rows = (np.rint(stage_factors(each, layout) * GRAINS).astype(np.int64) for each in (own, throttled))
    own_rows, throttled_rows = rows
    return Ranks(
        layout=layout,
        rank_of=rank_of,
        own=own,
        throttled=throttled,
        own_rows=own_rows,
        throttled_rows=throttled_rows,
    )


def row_of(ranks: Ranks, gpu: int) -> int:
    """Return the row of the replicas that a GPU of the cluster is in, -1 if it holds no rank of the job.

    >>> row_of(ranks_of(Speed(), Layout(pipeline=2, data=2), np.arange(4), 2, seed=1), 3)
    1
    """
    rank = int(ranks.rank_of[gpu]) if gpu < ranks.rank_of.size else -1
    return rank if rank < 0 else rank // _length(ranks.layout)


def slowed_rows(ranks: Ranks, factors: Mapping[int, tuple[float, float]]) -> dict[int, tuple[Row, Row]]:
    """Return the rows of the replicas that have a slow GPU, without and with what throttles, by their numbers.

    factors: of a slow GPU on its time, without what throttles and of what throttles.

    >>> pair = ranks_of(Speed(), Layout(pipeline=2, data=2), np.arange(4), 2, seed=1)
    >>> slowed_rows(pair, {1: (1.2, 1.0), 3: (1.0, 1.5)})
    {0: ((1000, 1200), (1000, 1200)), 1: ((1000, 1000), (1000, 1500))}
    """
    layout = ranks.layout
    own: dict[int, list[int]] = {}
    hot: dict[int, list[int]] = {}
    for gpu, (slow, throttle) in factors.items():
        row = row_of(ranks, gpu)
        if row < 0:
            continue
        rank = int(ranks.rank_of[gpu])
        stage = rank // (layout.context * layout.tensor) % layout.pipeline
        _raise(own, ranks.own_rows, row, stage, float(ranks.own[rank]) * slow)
        _raise(hot, ranks.throttled_rows, row, stage, float(ranks.throttled[rank]) * slow * throttle)
    return {row: (tuple(own[row]), tuple(hot[row])) for row in own}


def _length(layout: Layout) -> int:
    """Return the ranks of the replicas that are one row."""
    return replicas_in_step(layout) * layout.pipeline * layout.context * layout.tensor


def _raise(rows: dict[int, list[int]], all_rows: IntArray, row: int, stage: int, factor: float) -> None:
    """Let a stage of a row wait for a GPU of that factor."""
    held = rows.get(row) or rows.setdefault(row, all_rows[row].tolist())
    held[stage] = max(held[stage], round(factor * GRAINS))
