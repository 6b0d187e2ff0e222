"""A collective's records: groups in ring order, messages between GPUs, phases; and the conventions of its size.

Sizes are those of nccl-tests: all-reduce and all-to-all the buffer of a rank, all-gather the whole output,
reduce-scatter the whole input, p2p the message. Weights below are bytes sent per byte of that size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.cluster.fabric.arrays import FloatArray, IntArray
from sim.cluster.records import GpuArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """Groups of GPUs in ring order: those of one scale-up domain together, domains by first appearance.

    members: GPUs, shape (G, n). A block is one group's GPUs in one domain; blocks are numbered along the flattened
    members, shape (B,). per_block: GPUs of every block, 0 if they differ; blocks: the most blocks of a group.
    """

    members: GpuArray
    block_start: IntArray
    block_size: IntArray
    block_group: IntArray
    next_block: IntArray
    blocks_of_group: IntArray
    blocks: int
    per_block: int

    @property
    def ranks(self) -> int:
        """GPUs of a group."""
        return int(self.members.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Messages between GPUs, all at once: source and target (F,), group, and bytes per byte of size."""

    source: GpuArray
    target: GpuArray
    group: IntArray
    weight: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One part of an algorithm; phases run one after another.

    pattern: who sends to whom, over `groups`. share: scales the pattern's weights. Latency: steps over scale-up and
    over the network, and network messages that a rank posts one by one besides. reduces: an all-reduce.
    """

    pattern: str
    groups: GpuArray
    share: float
    scale_up_steps: int = 0
    network_steps: int = 0
    messages: int = 0
    reduces: bool = False


def arrange(groups: GpuArray, domain_size: int) -> Arrangement:
    """Return groups in ring order; GPU i is in scale-up domain i // domain_size.

    >>> arrange(np.array([[0, 8, 1, 9]]), 8).members.tolist()
    [[0, 1, 8, 9]]
    """
    order = _by_first_appearance(groups // domain_size)
    members = np.take_along_axis(groups, order, axis=1)
    first = _changes(members // domain_size)
    start = np.flatnonzero(first)
    size = np.diff(start, append=members.size)
    group = start // groups.shape[1]
    count = first.sum(axis=1)
    following = np.arange(1, start.size + 1)
    last = np.cumsum(count) - 1
    following[last] -= count
    return Arrangement(
        members=members,
        block_start=start,
        block_size=size,
        block_group=group,
        next_block=following,
        blocks_of_group=count,
        blocks=int(count.max()),
        per_block=int(size[0]) if np.all(size == size[0]) else 0,
    )


def _changes(labels: IntArray) -> NDArray[np.bool_]:
    """Return where a row's label differs from the one before."""
    first = np.ones(labels.shape, dtype=np.bool_)
    first[:, 1:] = labels[:, 1:] != labels[:, :-1]
    return first


def _by_first_appearance(labels: IntArray) -> IntArray:
    """Return the order of each row that puts equal labels together, in the order in which they first appear."""
    order = np.argsort(labels, axis=1, kind="stable")
    starts = _changes(np.take_along_axis(labels, order, axis=1))
    begin = np.maximum.accumulate(np.where(starts, np.arange(labels.shape[1]), 0), axis=1)
    first = np.empty_like(order)
    np.put_along_axis(first, order, np.take_along_axis(order, begin, axis=1), axis=1)
    return np.argsort(first, axis=1, kind="stable")


def join(one: Flows, other: Flows) -> Flows:
    """Return the messages of both."""
    return Flows(
        source=np.concatenate([one.source, other.source]),
        target=np.concatenate([one.target, other.target]),
        group=np.concatenate([one.group, other.group]),
        weight=np.concatenate([one.weight, other.weight]),
    )


def select(flows: Flows, which: NDArray[np.bool_]) -> Flows:
    return Flows(
        source=flows.source[which], target=flows.target[which], group=flows.group[which], weight=flows.weight[which]
    )


def busbw_factor(kind: str, ranks: int) -> float:
    """Return busbw over size / time, by the convention of nccl-tests.

    >>> busbw_factor("all-reduce", 8), busbw_factor("all-gather", 8), busbw_factor("p2p", 2)
    (1.75, 0.875, 1.0)
    """
    return {"all-reduce": 2 * (ranks - 1) / ranks, "p2p": 1.0}.get(kind, (ranks - 1) / ranks)


def cut_bytes(kind: str, ranks: int, inside: IntArray) -> FloatArray:
    """Return bytes per byte of size that must enter, or leave, a part that holds `inside` of a group's ranks.

    All-gather: a part lacks the outputs of the others; reduce-scatter is its mirror. All-reduce, without reduction
    in the network: the sum of all must come in, and the part's own must go out.

    >>> cut_bytes("all-gather", 8, np.array([2, 8])).tolist()
    [0.75, 0.0]
    """
    outside = ranks - inside
    if kind in ("all-reduce", "p2p"):
        return (outside > 0).astype(np.float64)
    return outside / ranks * (inside if kind == "all-to-all" else 1.0)
