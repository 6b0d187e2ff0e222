"""What of an elastic job leaves it together: nodes of a data-parallel replica, and replicas that need each other."""

from collections.abc import Sequence

import numpy as np

from sim.cluster.records import GpuArray
from sim.errors import ScenarioError
from sim.steps.phase import groups_of
from sim.workload.layout import Layout

Block = tuple[int, ...]
"""Nodes that leave a job together."""


def tied_blocks(layouts: Sequence[tuple[Layout, GpuArray]], nodes: int, node_gpus: int) -> tuple[Block, ...]:
    """Return the blocks of nodes that a job can do without one by one, in the order of their first nodes.

    A replica that lacks a GPU is of no use; replicas that share a node, experts or a shard group (hsdp) need each
    other. Shards of zero1 to zero3 are over all replicas and tie none: those that are left divide the state anew, when
    they restore it. layouts: of every phase, with the GPU of each rank. Raises ScenarioError where nothing can be left
    out, or blocks are not alike.

    >>> two = Layout(tensor=8, pipeline=2, data=2)
    >>> tied_blocks([(two, np.arange(32))], 4, 8)
    ((0, 1), (2, 3))
    >>> tied_blocks([(Layout(tensor=4, data=4), np.arange(16))], 2, 8)
    ((0,), (1,))
    """
    label = np.arange(nodes)
    ties = [tie // node_gpus for layout, ranks in layouts for tie in _ties(layout, ranks)]
    before = np.full(nodes, -1)
    while not np.array_equal(before, label):
        before = label.copy()
        for tie in ties:
            np.minimum.at(label, tie, label[tie].min(axis=1, keepdims=True))
    blocks = tuple(tuple(np.flatnonzero(label == first).tolist()) for first in np.unique(label))
    _check_blocks(blocks, [layout for layout, _ in layouts])
    return blocks


def first_replicas(layout: Layout, ranks: GpuArray, blocks: Sequence[Block], node_gpus: int) -> GpuArray:
    """Return the GPU of each rank of the replicas that lie on some blocks.

    >>> first_replicas(Layout(tensor=8, data=2), np.arange(16), [(0,)], 8).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    held = [node for block in blocks for node in block]
    by_replica = ranks.reshape(layout.data, -1)
    return np.asarray(by_replica[np.isin(by_replica[:, 0] // node_gpus, held)].ravel())


def _ties(layout: Layout, ranks: GpuArray) -> list[GpuArray]:
    """Return arrays each of whose rows holds GPUs that need each other."""
    found = groups_of(layout, ranks)
    sharded = [found.shard] if layout.sharding == "hsdp" else []
    return [ranks.reshape(layout.data, -1), found.expert, found.expert_tensor, *sharded]


def _check_blocks(blocks: Sequence[Block], layouts: Sequence[Layout]) -> None:
    if len(blocks) == 1:
        raise ScenarioError(
            "recovery.mode: 'elastic' has nothing to leave out: nodes, experts or shard groups tie all data-parallel "
            "replicas together; expected more replicas, or another mode"
        )
    odd = [layout.data for layout in layouts if layout.data % len(blocks)]
    if odd or len({*map(len, blocks)}) > 1:
        raise ScenarioError(
            f"recovery.mode: 'elastic' needs blocks of nodes that hold as many whole replicas each; got "
            f"{len(blocks):,} blocks of {min(map(len, blocks)):,} to {max(map(len, blocks)):,} nodes"
        )
