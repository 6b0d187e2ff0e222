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
    """The ranks of a job: which one each GPU holds (-1: none), and their factors without and with throttling.

    Factors are those of slow nodes and of throttling that last; what GPUs of a kind differ by is left out, so that slow
    GPUs at like places make like replicas.
    """

    layout: Layout
    rank_of: IntArray
    own: FloatArray
    throttled: FloatArray


def ranks_of(speed: Speed, layout: Layout, placement: GpuArray, node_gpus: int, seed: int) -> Ranks:
    """Return the ranks of a layout; placement: the GPU of each.

    >>> ranks_of(Speed(slow_nodes=((0, 1.2),)), Layout(data=4), np.array([3, 2, 1, 0]), 2, seed=1).own.tolist()
    [1.0, 1.0, 1.2, 1.2]
    """
    gpus = int(placement.max()) + 1
    even = Speed(slow_nodes=speed.slow_nodes)
    own = own_factors(even, gpus, node_gpus, seed)
    rank_of = np.full(gpus, -1, dtype=np.int64)
    rank_of[placement] = np.arange(placement.size)
    throttled = own * throttle_factors(speed, gpus, seed)
    return Ranks(layout=layout, rank_of=rank_of, own=own[placement], throttled=throttled[placement])


def slowed_rows(ranks: Ranks, factors: Mapping[int, tuple[float, float]]) -> tuple[set[Row], set[Row]]:
    """Return the rows of the replicas that have a slow GPU, without and with what throttles, once where alike.

    factors: of a slow GPU on its time, without what throttles and of what throttles.

    >>> pair = ranks_of(Speed(), Layout(pipeline=2, data=2), np.arange(4), 2, seed=1)
    >>> slowed_rows(pair, {1: (1.2, 1.0), 3: (1.0, 1.5)})
    ({(1000, 1200), (1000, 1000)}, {(1000, 1200), (1000, 1500)})
    """
    layout = ranks.layout
    length = replicas_in_step(layout) * layout.pipeline * layout.context * layout.tensor
    hit: dict[int, list[tuple[int, float, float]]] = {}
    for gpu, (own, hot) in factors.items():
        rank = int(ranks.rank_of[gpu]) if gpu < ranks.rank_of.size else -1
        if rank >= 0:
            hit.setdefault(rank // length, []).append((rank % length, own, own * hot))
    parts = [slice(row * length, (row + 1) * length) for row in hit]
    slow = [*hit.values()]
    return (
        {
            _row(ranks.own[part], [(i, own) for i, own, _ in each], layout)
            for part, each in zip(parts, slow, strict=True)
        },
        {
            _row(ranks.throttled[part], [(i, hot) for i, _, hot in each], layout)
            for part, each in zip(parts, slow, strict=True)
        },
    )


def _row(factors: FloatArray, slow: list[tuple[int, float]], layout: Layout) -> Row:
    own = factors.copy()
    for index, factor in slow:
        own[index] *= factor
    return tuple(np.rint(stage_factors(own, layout)[0] * GRAINS).astype(np.int64).tolist())
