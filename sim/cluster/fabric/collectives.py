"""Collectives as traffic: who sends how much to whom in each phase of an algorithm, and in how many steps.

Sizes are those of nccl-tests: all-reduce and all-to-all the buffer of a rank, all-gather the whole output,
reduce-scatter the whole input, p2p the message. Weights below are bytes sent per byte of that size.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.cluster.fabric.arrays import FloatArray, IntArray
from sim.cluster.fabric.routing import ragged
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


Planner = Callable[[Arrangement], tuple[Phase, ...]]
"""Phases of an algorithm on groups so arranged; none where it does not apply."""


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


def ring_flows(ring: Arrangement) -> Flows:
    """Return a ring's messages, one unit along every edge, channels together.

    A group has a channel for each GPU of its largest block. Channel j leaves and enters every domain by the NIC of
    the GPU at position j (modulo the block), as NCCL's rings with one NIC each; within a domain each channel visits
    all GPUs, so each sends on over scale-up in all channels but the one in which it leaves.
    """
    members = ring.members.ravel()
    row, place = ragged(ring.block_start, ring.block_size)
    size, begin = ring.block_size[row], ring.block_start[row]
    group = ring.block_group[row]
    inside = Flows(
        source=members[place],
        target=members[begin + (place - begin + 1) % size],
        group=group,
        weight=np.where(ring.blocks_of_group[group] == 1, 1.0, (size - 1) / size),
    )
    return join(_select(inside, size > 1), _across(ring, members))


def _across(ring: Arrangement, members: GpuArray) -> Flows:
    """Return the messages from each block to the next, one a channel."""
    channels = np.zeros_like(ring.blocks_of_group)
    np.maximum.at(channels, ring.block_group, ring.block_size)
    channels[ring.blocks_of_group == 1] = 0
    block, channel = ragged(np.zeros_like(ring.block_start), channels[ring.block_group])
    after, group = ring.next_block[block], ring.block_group[block]
    return Flows(
        source=members[ring.block_start[block] + channel % ring.block_size[block]],
        target=members[ring.block_start[after] + channel % ring.block_size[after]],
        group=group,
        weight=1.0 / channels[group],
    )


def tree_flows(tree: Arrangement) -> Flows:
    """Return the messages of an all-reduce over double binary trees (Sanders, Speck and Traeff, 2009), both ways.

    Each tree carries half: every domain is a leaf in one and inner in the other. Each GPU of a domain is one
    channel's root there, the domain's others a chain behind it. Blocks must be of one size.
    """
    rows, size = tree.members.shape[0], tree.per_block
    members = tree.members.reshape(rows, tree.blocks, size)
    edges = np.array(_double_tree(tree.blocks))
    group = np.arange(rows)[:, None, None]
    between = _broadcast(members[:, edges[:, 0]], members[:, edges[:, 1]], group, 0.5 / size)
    chain = _broadcast(members, np.roll(members, -1, axis=2), group, (size - 1) / size)
    up = join(between, _select(chain, chain.weight > 0))
    return join(up, Flows(source=up.target, target=up.source, group=up.group, weight=up.weight))


def _broadcast(source: GpuArray, target: GpuArray, group: IntArray, weight: float) -> Flows:
    """Return flat messages of one weight; group is broadcast to the sources."""
    return Flows(
        source=source.ravel(),
        target=target.ravel(),
        group=np.broadcast_to(group, source.shape).ravel(),
        weight=np.full(source.size, weight),
    )


def _double_tree(nodes: int) -> list[tuple[int, int]]:
    """Return (child, parent) of two binary trees over 0 .. nodes - 1; the second is the first mirrored or shifted.

    >>> _double_tree(4)
    [(1, 2), (2, 0), (3, 2), (2, 1), (1, 3), (0, 1)]
    """
    first = [(child, _parent(child, nodes)) for child in range(1, nodes)]
    if nodes % 2:
        return first + [((child + 1) % nodes, (parent + 1) % nodes) for child, parent in first]
    return first + [(nodes - 1 - child, nodes - 1 - parent) for child, parent in first]


def _parent(child: int, nodes: int) -> int:
    """Return the parent in NCCL's binary tree: odd ones are leaves, 0 the root with one child."""
    bit = child & -child
    parent = (child ^ bit) | (bit << 1)
    return parent if parent < nodes else child ^ bit


def all_pairs_flows(groups: Arrangement) -> Flows:
    """Return one message of 1/n from every GPU of a group to every other."""
    ranks = groups.ranks
    one, other = np.nonzero(~np.eye(ranks, dtype=np.bool_))
    rows = np.arange(groups.members.shape[0])[:, None]
    return _broadcast(groups.members[:, one], groups.members[:, other], rows, 1.0 / ranks)


def pair_flows(groups: Arrangement) -> Flows:
    """Return one whole message from column 0 to column 1."""
    rows = np.arange(groups.members.shape[0])
    return Flows(source=groups.members[:, 0], target=groups.members[:, 1], group=rows, weight=np.ones(rows.size))


PATTERNS: Mapping[str, Callable[[Arrangement], Flows]] = {
    "ring": ring_flows,
    "tree": tree_flows,
    "all-pairs": all_pairs_flows,
    "pair": pair_flows,
}


def join(one: Flows, other: Flows) -> Flows:
    """Return the messages of both."""
    return Flows(
        source=np.concatenate([one.source, other.source]),
        target=np.concatenate([one.target, other.target]),
        group=np.concatenate([one.group, other.group]),
        weight=np.concatenate([one.weight, other.weight]),
    )


def _select(flows: Flows, which: NDArray[np.bool_]) -> Flows:
    return Flows(
        source=flows.source[which], target=flows.target[which], group=flows.group[which], weight=flows.weight[which]
    )


def ring_all_reduce(ring: Arrangement) -> tuple[Phase, ...]:
    """Return 2(n - 1) steps of S/n around one ring: of k domains, about two rounds of k steps cross the network."""
    steps = 2 * (ring.ranks - 1)
    across = min(2 * ring.blocks, steps) if ring.blocks > 1 else 0
    return (_ring(ring.members, steps / ring.ranks, steps, across, reduces=True),)


def ring_half(ring: Arrangement) -> tuple[Phase, ...]:
    """Return an all-gather or a reduce-scatter: n - 1 steps of S/n, of which k - 1 cross the network."""
    steps = ring.ranks - 1
    return (_ring(ring.members, steps / ring.ranks, steps, ring.blocks - 1),)


def _ring(groups: GpuArray, share: float, steps: int, across: int, *, reduces: bool = False) -> Phase:
    return Phase(
        pattern="ring",
        groups=groups,
        share=share,
        scale_up_steps=steps - across,
        network_steps=across,
        reduces=reduces and across > 0,
    )


def tree_all_reduce(tree: Arrangement) -> tuple[Phase, ...]:
    """Return double binary trees over the domains, chains within: up and down, log2 k steps each across the network."""
    if not tree.per_block or tree.blocks == 1:
        return ()
    depth = tree.blocks.bit_length() - 1
    return (
        Phase(
            pattern="tree",
            groups=tree.members,
            share=1.0,
            scale_up_steps=2 * (tree.per_block - 1),
            network_steps=2 * depth,
        ),
    )


def hierarchical_all_reduce(groups: Arrangement) -> tuple[Phase, ...]:
    """Return a reduce-scatter within each domain, an all-reduce of S/g across, an all-gather within."""
    within = _within_domains(groups)
    return (*within, *_across_domains(groups, 2), *within)


def hierarchical_reduce_scatter(groups: Arrangement) -> tuple[Phase, ...]:
    """Return a reduce-scatter within each domain, then one of S/g across on every position."""
    return (*_within_domains(groups), *_across_domains(groups, 1))


def hierarchical_all_gather(groups: Arrangement) -> tuple[Phase, ...]:
    """Return an all-gather of S/g across on every position, then one within each domain."""
    return (*_across_domains(groups, 1), *_within_domains(groups))


def _within_domains(groups: Arrangement) -> tuple[Phase, ...]:
    if groups.per_block < 2 or groups.blocks == 1:
        return ()
    steps = groups.per_block - 1
    return (_ring(groups.members.reshape(-1, groups.per_block), steps / groups.per_block, steps, 0),)


def _across_domains(groups: Arrangement, rounds: int) -> tuple[Phase, ...]:
    if groups.per_block < 2 or groups.blocks == 1:
        return ()
    members = groups.members.reshape(-1, groups.blocks, groups.per_block)
    positions = np.ascontiguousarray(members.swapaxes(1, 2)).reshape(-1, groups.blocks)
    steps = rounds * (groups.blocks - 1)
    return (_ring(positions, steps / groups.blocks / groups.per_block, steps, steps, reduces=rounds == 2),)


def pairwise_all_to_all(groups: Arrangement) -> tuple[Phase, ...]:
    """Return all messages at once, each rank posting those that leave its domain one by one."""
    outside = groups.ranks - int(groups.block_size.min())
    return (
        Phase(
            pattern="all-pairs",
            groups=groups.members,
            share=1.0,
            scale_up_steps=int(not outside),
            network_steps=int(outside > 0),
            messages=outside,
        ),
    )


def direct(groups: Arrangement) -> tuple[Phase, ...]:
    """Return one message from column 0 to column 1 of every pair."""
    outside = int(groups.blocks > 1)
    return (
        Phase(
            pattern="pair",
            groups=groups.members,
            share=1.0,
            scale_up_steps=1 - outside,
            network_steps=outside,
            messages=outside,
        ),
    )


ALGORITHMS: Mapping[str, Mapping[str, Planner]] = {
    "all-reduce": {"ring": ring_all_reduce, "tree": tree_all_reduce, "hierarchical": hierarchical_all_reduce},
    "all-gather": {"ring": ring_half, "hierarchical": hierarchical_all_gather},
    "reduce-scatter": {"ring": ring_half, "hierarchical": hierarchical_reduce_scatter},
    "all-to-all": {"pairwise": pairwise_all_to_all},
    "p2p": {"direct": direct},
}


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
