"""What of an elastic job leaves it together follows from who sits where, and who needs whom."""

import numpy as np
import pytest

from sim.cluster.placement import in_order
from sim.errors import ScenarioError
from sim.steps.blocks import first_replicas, tied_blocks
from sim.workload.layout import Layout


def test_a_replica_of_whole_nodes_is_a_block() -> None:
    layout = Layout(tensor=8, pipeline=3, data=4)
    assert tied_blocks([(layout, np.arange(96))], 12, 8) == ((0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10, 11))


def test_stages_that_lie_far_apart_are_one_block_and_replicas_that_share_its_nodes_too() -> None:
    layout = Layout(tensor=4, pipeline=2, data=8)
    sizes = {"tensor": 4, "context": 1, "pipeline": 2, "data": 8}
    ranks = in_order(np.arange(64), sizes, ("tensor", "context", "data", "pipeline"))
    blocks = tied_blocks([(layout, ranks)], 8, 8)
    assert blocks == ((0, 4), (1, 5), (2, 6), (3, 7))
    left = first_replicas(layout, ranks, blocks[:2], 8)
    assert sorted(set((left // 8).tolist())) == [0, 1, 4, 5]
    assert left.size == layout.gpus // 2


def test_replicas_that_share_experts_need_each_other() -> None:
    layout = Layout(tensor=8, data=8, expert=16, sequence_parallel=True)
    assert tied_blocks([(layout, np.arange(64))], 8, 8) == ((0, 1), (2, 3), (4, 5), (6, 7))
    alone = Layout(tensor=8, data=8, expert=8, sequence_parallel=True)
    assert len(tied_blocks([(alone, np.arange(64))], 8, 8)) == 8


def test_shard_groups_of_hsdp_need_all_their_replicas_and_shards_over_all_replicas_tie_none() -> None:
    layout = Layout(tensor=8, data=8, sharding="hsdp", shard=4)
    assert tied_blocks([(layout, np.arange(64))], 8, 8) == ((0, 1, 2, 3), (4, 5, 6, 7))
    zero = Layout(tensor=8, data=8, sharding="zero3")
    assert len(tied_blocks([(zero, np.arange(64))], 8, 8)) == 8


def test_blocks_are_those_of_the_phase_whose_replicas_are_largest() -> None:
    short, long = Layout(tensor=8, data=8), Layout(tensor=8, context=4, data=2)
    assert tied_blocks([(short, np.arange(64)), (long, np.arange(64))], 8, 8) == ((0, 1, 2, 3), (4, 5, 6, 7))


def test_a_job_all_of_whose_replicas_are_tied_is_refused() -> None:
    with pytest.raises(ScenarioError, match="nothing to leave out: nodes, experts or shard groups tie all"):
        tied_blocks([(Layout(tensor=8, data=4, expert=32), np.arange(32))], 4, 8)


def test_blocks_of_unlike_sizes_are_refused() -> None:
    # Six replicas of two thirds of a node tie nodes by twos; with tensor groups of 4 the last node is alone.
    ranks = np.arange(24)
    with pytest.raises(ScenarioError, match="hold as many whole replicas each; got 2 blocks of 1 to 2 nodes"):
        tied_blocks([(Layout(tensor=12, data=1), ranks[:12]), (Layout(tensor=4, data=2), ranks[16:])], 3, 8)
