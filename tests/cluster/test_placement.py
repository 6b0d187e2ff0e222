"""Packed placement, and the groups of every dimension."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.placement import ORDER, groups, in_order, packed
from sim.cluster.records import Cluster
from sim.errors import LayoutError
from tests.cluster.hardware import accelerator, node

DEGREE = st.integers(1, 6)


@given(
    st.permutations(ORDER),
    st.fixed_dictionaries({name: st.sampled_from([1, 2, 3]) for name in ORDER}),
)
def test_any_order_keeps_every_gpu_and_puts_its_first_dimension_side_by_side(
    order: list[str], sizes: dict[str, int]
) -> None:
    ranks = int(np.prod(list(sizes.values())))
    placed = in_order(np.arange(ranks), sizes, order)
    assert sorted(placed.tolist()) == list(range(ranks))
    grid = placed.reshape(sizes["data"], sizes["pipeline"], sizes["context"], sizes["tensor"])
    along = np.moveaxis(grid, ["data", "pipeline", "context", "tensor"].index(order[0]), -1)
    assert np.all(np.diff(along, axis=-1) == 1)


def test_the_order_of_llama_is_the_one_ranks_are_numbered_in() -> None:
    sizes = {"tensor": 2, "context": 2, "pipeline": 3, "data": 2}
    assert in_order(np.arange(24), sizes, ORDER).tolist() == list(range(24))


def test_an_order_names_every_dimension_once() -> None:
    with pytest.raises(LayoutError, match="got tensor, tensor; expected each of tensor, context, pipeline, data once"):
        in_order(np.arange(1), dict.fromkeys(ORDER, 1), ("tensor", "tensor"))


def cluster(nodes):
    return Cluster(graph=nx.Graph(), endpoints=(), node=node(), accelerator=accelerator(), nodes=nodes)


def test_packed_puts_rank_r_on_gpu_r_and_leaves_the_spares_last():
    assert packed(16, cluster(3)).tolist() == list(range(16))


def test_a_layout_larger_than_the_cluster_is_refused():
    with pytest.raises(LayoutError, match=r"needs 32 GPUs, the cluster has 24 \(3 nodes x 8\)"):
        packed(32, cluster(3))


def test_tensor_groups_stay_within_a_node():
    tensor = groups(8, 2, 3, packed(48, cluster(6))).tensor
    assert (tensor // 8 == tensor[:, :1] // 8).all()


def test_groups_of_llama_have_their_published_shapes_and_strides():
    made = groups(8, 16, 128, np.arange(16384))
    assert made.tensor.shape == (2048, 8)
    assert made.data.shape == (128, 128)
    assert made.pipeline.shape == (128 * 15 * 8, 2)
    assert (np.diff(made.data, axis=1) == 128).all()
    assert (np.diff(made.pipeline, axis=1) == 8).all()


def test_wrapping_adds_the_pair_from_the_last_stage_to_the_first():
    plain, wrapped = groups(1, 3, 1, np.arange(3)), groups(1, 3, 1, np.arange(3), wrap=True)
    assert plain.pipeline.tolist() == [[0, 1], [1, 2]]
    assert wrapped.pipeline.tolist() == [[0, 1], [1, 2], [2, 0]]


def test_one_stage_sends_nothing():
    assert groups(2, 1, 2, np.arange(4), wrap=True).pipeline.shape == (0, 2)


@given(tensor=DEGREE, pipeline=DEGREE, data=DEGREE, seed=st.integers(0, 9))
def test_each_gpu_is_in_one_group_of_each_dimension(tensor, pipeline, data, seed):
    placement = np.random.default_rng(seed).permutation(tensor * pipeline * data)
    made = groups(tensor, pipeline, data, placement, wrap=True)
    everyone = sorted(placement.tolist())
    assert sorted(made.tensor.ravel().tolist()) == everyone
    assert sorted(made.data.ravel().tolist()) == everyone
    if pipeline > 1:
        assert sorted(made.pipeline[:, 0].tolist()) == sorted(made.pipeline[:, 1].tolist()) == everyone


@given(tensor=DEGREE, pipeline=DEGREE, data=DEGREE)
def test_group_members_differ_in_their_own_coordinate_only(tensor, pipeline, data):
    made = groups(tensor, pipeline, data, np.arange(tensor * pipeline * data))
    d, p, t = made.data // (tensor * pipeline), made.data // tensor % pipeline, made.data % tensor
    assert (d == np.arange(data)).all()
    assert (p == p[:, :1]).all()
    assert (t == t[:, :1]).all()
    assert (made.pipeline[:, 1] - made.pipeline[:, 0] == tensor).all()


def test_a_placement_of_another_size_is_refused():
    with pytest.raises(LayoutError, match="tensor 2 x context 1 x pipeline 2 x data 2 = 8 ranks, but 7 are placed"):
        groups(2, 2, 2, np.arange(7))


def test_context_ranks_lie_between_tensor_and_pipeline_and_share_weights():
    made = groups(2, 2, 2, np.arange(16), context=2)
    assert made.tensor[:2].tolist() == [[0, 1], [2, 3]]
    assert made.context[:2].tolist() == [[0, 2], [1, 3]]
    assert made.pipeline[0].tolist() == [0, 4]
    assert made.data.tolist() == [[0, 2, 8, 10], [1, 3, 9, 11], [4, 6, 12, 14], [5, 7, 13, 15]]
