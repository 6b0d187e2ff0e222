"""How schedules alternate between forwards and backwards, and what that costs, as arrays: the input of the estimate.

Every schedule here gives stage s a warm-up of forwards, then pairs of one forward and one backward (and, where it is
apart, a weight gradient), then the backwards left; so a handful of numbers stands for its whole order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.workload.operations import OpCost
from sim.workload.step_plan import StepPlan

Ints = npt.NDArray[np.int64]

NEVER = -(1 << 60)
"""Earlier than anything in a step: the arrival of what is always there."""

COVERED = ("gpipe", "1f1b", "interleaved", "zb-h1", "zb-h2")
"""Schedules that alternate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternation:
    """How a schedule alternates: forwards before the first pair, and weight gradients it is behind, both by stage.

    pace: levels from one pair of a stage to its next.
    """

    warm_up: Ints
    lag: Ints
    pace: int = 1


def alternation(schedule: str, stages: int, microbatches: int, chunks: int) -> Alternation:
    """Return how a covered schedule alternates.

    >>> alternation("1f1b", 4, 8, 1).warm_up.tolist(), alternation("interleaved", 4, 8, 2).warm_up.tolist()
    ([3, 2, 1, 0], [10, 8, 6, 4])
    """
    behind = np.arange(stages - 1, -1, -1)
    none = np.zeros_like(behind)
    warm_ups = {
        "gpipe": Alternation(warm_up=microbatches + 2 * behind, lag=none),
        "1f1b": Alternation(warm_up=behind, lag=none, pace=2),
        "interleaved": Alternation(warm_up=2 * behind + (chunks - 1) * groups(stages, microbatches)[1], lag=none),
        "zb-h1": Alternation(warm_up=behind, lag=stages - 1 - behind, pace=2),
        "zb-h2": Alternation(warm_up=2 * behind, lag=2 * (stages - 1 - behind)),
    }
    return warm_ups[schedule]


def groups(stages: int, microbatches: int) -> tuple[int, int]:
    """Return how many groups of p microbatches pass chunk after chunk, and how long the last one is.

    A group of fewer microbatches than stages leaves slots empty, which is the same order.

    >>> groups(4, 8), groups(4, 11), groups(4, 3)
    ((2, 4), (2, 7), (1, 4))
    """
    count = max(1, microbatches // stages)
    return count, max(stages, microbatches - (count - 1) * stages)


def chunk_order(stages: int, microbatches: int, chunks: int) -> Ints:
    """Return the chunk of every forward slot, `chunks` where it is empty.

    >>> chunk_order(2, 3, 2).tolist(), chunk_order(2, 1, 2).tolist()
    ([0, 0, 0, 1, 1, 1], [0, 2, 1, 2])
    """
    count, longest = groups(stages, microbatches)
    tail = np.full((chunks, longest), chunks)
    tail[:, : microbatches - (count - 1) * stages] = np.arange(chunks)[:, None]
    return np.concatenate([np.tile(np.repeat(np.arange(chunks), stages), count - 1), tail.ravel()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Durations and messages by [stage][chunk], with a last column for empty slots.

    message_in: how long an input travels; NEVER where none is needed. message_out: -1 where nothing is sent.
    """

    duration: Ints
    message_in: Ints
    message_out: Ints


def forward_costs(plan: StepPlan) -> Costs:
    """Return what forwards cost: from the first chunk of the first stage around the ring to the last of the last."""
    durations = durations_ns(plan.forward)
    inward = np.array([_around_ns(plan), *plan.boundary_ns[:-1]])[: plan.stages]
    outward = np.array([*plan.boundary_ns[:-1], _around_ns(plan)])[: plan.stages]
    return _costs(durations, inward, outward, (0, 0), (plan.stages - 1, plan.chunks - 1))


def backward_costs(plan: StepPlan) -> Costs:
    """Return what backwards cost, whose gradients go the other way around."""
    durations = durations_ns(plan.backward)
    inward = np.array([*plan.boundary_ns[:-1], _around_ns(plan)])[: plan.stages]
    outward = np.array([_around_ns(plan), *plan.boundary_ns[:-1]])[: plan.stages]
    return _costs(durations, inward, outward, (plan.stages - 1, plan.chunks - 1), (0, 0))


def _costs(durations: Ints, inward: Ints, outward: Ints, source: tuple[int, int], sink: tuple[int, int]) -> Costs:
    message_in, message_out = (np.repeat(each[:, None], durations.shape[1], axis=1) for each in (inward, outward))
    message_in[:, -1], message_out[:, -1] = NEVER, -1
    message_in[source], message_out[sink] = NEVER, -1
    if len(durations) == 1:  # a stage's outputs to itself take no time and no network
        message_out[:] = -1
    return Costs(duration=durations, message_in=message_in, message_out=message_out)


def durations_ns(grid: Sequence[Sequence[OpCost]]) -> Ints:
    """Return durations by [stage][chunk] and a last column of zeros; records that repeat are read once."""
    known: dict[int, int] = {}
    for row in grid:
        for cost in row:
            if id(cost) not in known:
                known[id(cost)] = cost.duration_ns
    return np.array([[*(known[id(cost)] for cost in row), 0] for row in grid], dtype=np.int64)


def _around_ns(plan: StepPlan) -> int:
    """Return the time of a message from the last stage to the first: that of neighbours where there are two."""
    return 0 if plan.stages == 1 else plan.boundary_ns[0 if plan.stages == 2 else -1]
