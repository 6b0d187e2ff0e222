"""Packed placement, and the groups of every dimension."""

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.placement import ORDER, PLACEMENTS, groups, in_order, packed, placed
from sim.cluster.records import Cluster
from sim.errors import InputError, LayoutError
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


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("tensor-tensor", "lacks context, pipeline, data and names tensor twice"),
        ("data-tensor-context", "lacks pipeline; .* nearest is data-tensor-context-pipeline$"),
        ("data-tensor-context-tensor-pipeline", "names tensor twice; .* nearest is data-tensor-context-pipeline$"),
        ("tp-cp-dp-pp", "unknown dimension 'tp'; did you mean 'tensor', as in tensor-context-data-pipeline"),
        ("tensor-context-data-pipline", "unknown dimension 'pipline'; did you mean 'pipeline'"),
        (
            "tensor-context-expert-data-pipeline",
            "got expert, but experts fold into tensor, context and data",
        ),
    ],
)
def test_an_order_names_every_dimension_once(order: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        in_order(np.arange(1), dict.fromkeys(ORDER, 1), order.split("-"))


@given(
    order=st.permutations(ORDER),
    sizes=st.fixed_dictionaries({name: st.sampled_from([1, 2, 3]) for name in ORDER}),
)
def test_every_order_cuts_the_ranks_into_groups_of_the_right_sizes(order: list[str], sizes: dict[str, int]) -> None:
    ranks = int(np.prod(list(sizes.values())))
    placement = in_order(np.arange(ranks), sizes, order)
    made = groups(sizes["tensor"], sizes["pipeline"], sizes["data"], placement, context=sizes["context"])
    expected = {"tensor": sizes["tensor"], "context": sizes["context"], "data": sizes["data"] * sizes["context"]}
    for name, size in expected.items():
        members = getattr(made, name)
        assert members.shape == (ranks // size, size)
        assert sorted(members.ravel().tolist()) == list(range(ranks))
    stride = int(np.prod([sizes[name] for name in order[: order.index("tensor")]]))
    assert (np.diff(made.tensor, axis=1) == stride).all()


def fabric(nodes: int, nodes_per_leaf: int, **changes: Any) -> Cluster:
    """Return nodes of 8 GPUs and NICs, so many to a leaf."""
    graph = nx.Graph()
    endpoints = tuple(f"nic{i}" for i in range(8 * nodes))
    graph.add_edges_from((name, f"leaf{i // 8 // nodes_per_leaf}") for i, name in enumerate(endpoints))
    return Cluster(graph=graph, endpoints=endpoints, node=node(**changes), accelerator=accelerator(), nodes=nodes)


def test_spread_deals_nodes_from_leaf_to_leaf() -> None:
    gpus = placed("spread", 48, fabric(8, 3), seed=1)
    assert (gpus.reshape(-1, 8)[:, 0] // 8).tolist() == [0, 3, 1, 4, 2, 5]


def test_random_orders_nodes_by_the_seed() -> None:
    orders = {seed: placed("random", 128, cluster(20), seed).reshape(-1, 8)[:, 0].tolist() for seed in (1, 2)}
    assert orders[1] != orders[2] != sorted(orders[2])
    assert placed("random", 128, cluster(20), 1).reshape(-1, 8)[:, 0].tolist() == orders[1]


@pytest.mark.parametrize("kind", PLACEMENTS)
@given(nodes=st.integers(1, 12), per_leaf=st.integers(1, 4), domain=st.sampled_from([8, 32]), seed=st.integers(0, 9))
def test_every_placement_keeps_nodes_and_domains_whole_and_spares_out(
    kind: str, nodes: int, per_leaf: int, domain: int, seed: int
) -> None:
    gpus = placed(kind, 8 * nodes, fabric(nodes + 2, per_leaf, scale_up_domain=domain), seed)
    assert sorted(gpus.tolist()) == list(range(8 * nodes))
    blocks = gpus[: 8 * nodes - 8 * nodes % domain].reshape(-1, domain)
    assert (np.diff(blocks, axis=1) == 1).all()
    assert (blocks[:, 0] % domain == 0).all()


def test_packed_with_tensor_innermost_numbers_ranks_as_gpus() -> None:
    sizes = {"tensor": 8, "context": 1, "pipeline": 2, "data": 3}
    assert in_order(placed("packed", 48, cluster(6), 1), sizes, ORDER).tolist() == list(range(48))


def test_an_unknown_placement_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"cluster\.placement\.kind: unknown placement 'spred'; did you mean 'spread'"):
        placed("spred", 8, cluster(1), 1)


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
