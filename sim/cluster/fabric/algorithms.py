"""Algorithms of collectives: in which phases, over which groups and in how many steps each one moves its bytes."""

from collections.abc import Callable, Mapping

import numpy as np

from sim.cluster.fabric.collectives import Arrangement, Phase
from sim.cluster.records import GpuArray

Planner = Callable[[Arrangement], tuple[Phase, ...]]
"""Phases of an algorithm on groups so arranged; none where it does not apply."""

SMALLEST_IN_SWITCH = 3
"""GPUs of a domain below which nothing is reduced in its switch (NCCL, src/transport/nvls.cc, ncclNvlsInit)."""


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
        reduces=reduces,
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


def in_switch_all_reduce(groups: Arrangement) -> tuple[Phase, ...]:
    """Return one step through the switch of the scale-up domain that holds the whole group (NVLS)."""
    if groups.blocks > 1 or groups.ranks < SMALLEST_IN_SWITCH:
        return ()
    return (Phase(pattern="nvls", groups=groups.members, share=1.0, scale_up_steps=1),)


def in_switch_tree_all_reduce(groups: Arrangement) -> tuple[Phase, ...]:
    """Return reductions in the domains' switches, and trees of 2 log2 k steps between them, at once (NVLSTree)."""
    if groups.blocks == 1 or groups.per_block < SMALLEST_IN_SWITCH:
        return ()
    steps = 2 * (groups.blocks.bit_length() - 1)
    return (Phase(pattern="nvls-tree", groups=groups.members, share=1.0, scale_up_steps=1, network_steps=steps),)


def in_network_all_reduce(groups: Arrangement) -> tuple[Phase, ...]:
    """Return reductions in the switches of the domains and of the network, at once (NVLS with SHARP)."""
    if groups.blocks == 1 or groups.per_block < SMALLEST_IN_SWITCH:
        return ()
    return (Phase(pattern="nvls-sharp", groups=groups.members, share=1.0, scale_up_steps=1, network_steps=1),)


def direct_in_network_all_reduce(groups: Arrangement) -> tuple[Phase, ...]:
    """Return exchanges within each domain around a reduction in the network's switches (CollNet with SHARP)."""
    if groups.blocks == 1 or not groups.per_block:
        return ()
    steps = 2 * int(groups.per_block > 1)
    return (Phase(pattern="collnet", groups=groups.members, share=1.0, scale_up_steps=steps, network_steps=1),)


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
    "all-reduce": {
        "ring": ring_all_reduce,
        "tree": tree_all_reduce,
        "hierarchical": hierarchical_all_reduce,
        "nvls": in_switch_all_reduce,
        "nvls-tree": in_switch_tree_all_reduce,
        "nvls-sharp": in_network_all_reduce,
        "collnet": direct_in_network_all_reduce,
    },
    "all-gather": {"ring": ring_half, "hierarchical": hierarchical_all_gather},
    "reduce-scatter": {"ring": ring_half, "hierarchical": hierarchical_reduce_scatter},
    "all-to-all": {"pairwise": pairwise_all_to_all},
    "p2p": {"direct": direct},
}
"""Algorithms by collective; the first of each is flat and works anywhere."""

SCALE_UP_REDUCTION, NETWORK_REDUCTION = "scale-up switches that reduce", "network switches that reduce"

NEEDS: Mapping[str, tuple[str, ...]] = {
    "nvls": (SCALE_UP_REDUCTION,),
    "nvls-tree": (SCALE_UP_REDUCTION,),
    "nvls-sharp": (SCALE_UP_REDUCTION, NETWORK_REDUCTION),
    "collnet": (NETWORK_REDUCTION,),
}
"""What the hardware must be able to do for an algorithm; nothing for those that are not here."""
