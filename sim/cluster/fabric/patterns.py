"""Patterns of messages: who sends how much to whom in each phase of an algorithm."""

from collections.abc import Callable, Mapping
from math import isqrt

import numpy as np

from sim.cluster.fabric.arrays import IntArray
from sim.cluster.fabric.collectives import Arrangement, Flows, join, select
from sim.cluster.fabric.routing import ragged
from sim.cluster.records import GpuArray
from sim.errors import LayoutError


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
    return join(select(inside, size > 1), across(ring))


def across(ring: Arrangement) -> Flows:
    """Return the messages from each block to the next, one a channel."""
    members = ring.members.ravel()
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
    group = np.arange(rows)[:, None, None]
    chain = _broadcast(members, np.roll(members, -1, axis=2), group, (size - 1) / size)
    return _both_ways(join(_between(tree), select(chain, chain.weight > 0)))


def _between(tree: Arrangement) -> Flows:
    """Return the messages up both trees over the domains, a channel a GPU."""
    rows, size = tree.members.shape[0], tree.per_block
    members = tree.members.reshape(rows, tree.blocks, size)
    edges = np.array(_double_tree(tree.blocks))
    return _broadcast(members[:, edges[:, 0]], members[:, edges[:, 1]], np.arange(rows)[:, None, None], 0.5 / size)


def _both_ways(up: Flows) -> Flows:
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


def in_switch_flows(groups: Arrangement) -> Flows:
    """Return what an all-reduce inside the scale-up switches sends over each port (NVLS): 1 + 1/g, in and out.

    Each of g GPUs owns 1/g of the buffer. To reduce it the switch reads that part from every GPU, so that a port
    sends S and its GPU receives S/g; the sum goes back as one write of S/g that the switch copies to all, so that a
    port receives S (NVIDIA's multimem instructions; NCCL, src/device/all_reduce.h, RunWorkNvls).
    """
    members = groups.members.ravel()
    row, place = ragged(groups.block_start, groups.block_size)
    size, begin = groups.block_size[row], groups.block_start[row]
    flows = Flows(
        source=members[place],
        target=members[begin + (place - begin + 1) % size],
        group=groups.block_group[row],
        weight=1 + 1 / size,
    )
    return select(flows, size > 1)


def in_switch_tree_flows(tree: Arrangement) -> Flows:
    """Return reductions in the switch of every domain, and double binary trees of the sums between domains."""
    return join(in_switch_flows(tree), _both_ways(_between(tree)))


def in_network_flows(groups: Arrangement) -> Flows:
    """Return reductions in the switches of every domain, and sums that the network's switches reduce once more.

    Each NIC of a domain of g sends S/g up and receives S/g: a tree of switches passes one copy over every link, as a
    ring does that enters and leaves what hangs below a switch once.
    """
    return join(in_switch_flows(groups), across(groups))


def direct_in_network_flows(groups: Arrangement) -> Flows:
    """Return exchanges of 1/g within each domain, both ways, around sums that the network's switches reduce."""
    members = groups.members.reshape(-1, groups.per_block)
    one, other = np.nonzero(~np.eye(groups.per_block, dtype=np.bool_))
    rows = np.arange(members.shape[0])[:, None] // groups.blocks
    inside = _broadcast(members[:, one], members[:, other], rows, 2.0 / groups.per_block)
    return join(inside, across(groups))


MOST_MESSAGES = 1 << 25
"""Messages of one phase: what a computer places on links within minutes and some gigabytes."""


def all_pairs_flows(groups: Arrangement) -> Flows:
    """Return one message of 1/n from every GPU of a group to every other. Raises LayoutError for too many of them."""
    ranks, rows_count = groups.ranks, groups.members.shape[0]
    messages = rows_count * ranks * (ranks - 1)
    if messages > MOST_MESSAGES:
        raise LayoutError(
            f"all-to-all: got {rows_count:,} groups of {ranks:,} GPUs, which are {messages:,} messages; "
            f"expected at most {MOST_MESSAGES:,}, such as one group of {isqrt(MOST_MESSAGES):,}"
        )
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
    "nvls": in_switch_flows,
    "nvls-tree": in_switch_tree_flows,
    "nvls-sharp": in_network_flows,
    "collnet": direct_in_network_flows,
    "all-pairs": all_pairs_flows,
    "pair": pair_flows,
}

RELAYED = ("all-pairs", "pair")
"""Patterns whose messages take the rail of their target (PXN); rings and trees keep to the rail that they are on."""
