"""Tori, HyperX and TPU pods have the counts of their formulas; their routers are no boxes."""

from math import prod

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.describe import describe
from tests.topologies.reference import network, oracles, switches
from topologies import hyperx, torus, tpu_v4, tpu_v5p

TPU = network()["published_cluster_tables"]["tpu"]
SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=3)


@pytest.mark.parametrize("oracle", oracles("torus"), ids=lambda oracle: str(oracle["params"]["dims"]))
def test_torus_is_described_as_published(oracle):
    graph = torus(shape=oracle["params"]["dims"], link_bandwidth_bytes_per_s=25e9)
    facts = describe(graph)
    assert facts["hosts"] == oracle["nodes"]
    assert facts["switches"] == 0
    assert facts["links_total"] == facts["links_switch_switch"] == oracle["links"]
    assert facts["diameter_hops"] == oracle["diameter"]
    assert facts["bisection_bytes_per_s"] == oracle["bisection_links"] * 25e9
    assert {graph.degree(router) - 1 for router in switches(graph, 1)} == {oracle["degree"]}


@pytest.mark.parametrize("oracle", oracles("hyperx"), ids=lambda oracle: str(oracle["params"]["S"]))
def test_hyperx_is_described_as_published(oracle):
    graph = hyperx(shape=oracle["params"]["S"])
    facts = describe(graph)
    assert (facts["hosts"], facts["switches"]) == (oracle["nodes"], 0)
    assert facts["links_total"] == facts["links_switch_switch"] == oracle["links"]
    assert facts["diameter_hops"] == oracle["diameter"]
    assert facts["bisection_bytes_per_s"] == oracle["bisection_links_dimension_cut"] * 50e9
    assert {graph.degree(router) - 1 for router in switches(graph, 1)} == {oracle["degree"]}


@pytest.mark.parametrize(("shape", "links"), [((16, 16, 24), 2 * 6144 / 24), ((24, 16, 16), 2 * 6144 / 24)])
def test_the_bisection_lies_across_the_longest_dimension(shape, links):
    assert describe(tpu_v5p(shape=shape))["bisection_bytes_per_s"] == links * 100e9


def test_tpu_v4_pod_is_the_published_torus_with_48_optical_switches():
    row = TPU["v4"]
    graph = tpu_v4()
    facts = describe(graph)
    assert graph.graph["shape"] == tuple(row["torus"])
    assert (facts["hosts"], facts["links_total"]) == (row["chips"], 3 * row["chips"])
    assert (facts["diameter_hops"], facts["bisection_bytes_per_s"]) == (24, 512 * 50e9)
    assert facts["optical_circuit_switches"] == row["ocs"]
    assert graph.graph["optical_ports_used"] == row["ocs_ports_used"] == 2 * row["cubes"]
    optical = sum(link["medium"] == "optic" for _, _, link in graph.edges(data=True))
    assert 2 * optical == row["cubes"] * 96 == row["ocs"] * row["ocs_ports_used"]


def test_tpu_v5p_slice_has_the_published_shape_and_bandwidth():
    row = TPU["v5p"]
    graph = tpu_v5p()
    assert list(graph.graph["shape"]) == row["max_slice"]
    both_ways = 2 * graph["nic-000000"]["router-0-0-0"]["bandwidth_bytes_per_s"]
    assert both_ways == row["ici_GBps_bidir_per_chip"] * 1e9
    assert describe(tpu_v5p(shape=[16, 20, 28]))["hosts"] == row["pod_chips"]


@given(shape=SHAPES, wrap=st.lists(st.booleans(), min_size=3, max_size=3))
def test_any_torus_has_the_counts_of_its_formula(shape, wrap):
    wrap = wrap[: len(shape)]
    graph = torus(shape=shape, wrap=wrap)
    routers = graph.subgraph(switches(graph, 1))
    count = prod(shape)
    rings = [size if closed and size > 2 else size - 1 for size, closed in zip(shape, wrap, strict=True)]
    assert routers.number_of_edges() == sum(count // size * links for size, links in zip(shape, rings, strict=True))
    hops = [size // 2 if closed else size - 1 for size, closed in zip(shape, wrap, strict=True)]
    assert describe(graph)["diameter_hops"] == sum(hops) == nx.diameter(routers)
    for one, other in routers.edges:
        differ = [d for d in range(len(shape)) if routers.nodes[one]["at"][d] != routers.nodes[other]["at"][d]]
        assert len(differ) == 1


@given(shape=SHAPES, p=st.none() | st.integers(1, 3))
def test_any_hyperx_has_the_counts_of_its_formula(shape, p):
    graph = hyperx(shape=shape, p=p)
    facts = describe(graph)
    assert facts["hosts"] == prod(shape) * (p or 1)
    assert facts["links_switch_switch"] == prod(shape) * sum(size - 1 for size in shape) // 2
    assert facts["switches"] == (prod(shape) if p else 0)
    hops = sum(size > 1 for size in shape)
    assert facts["diameter_hops"] == (hops if p is None else hops + 2 if hops or p > 1 else 0)


def test_every_router_is_marked_and_knows_its_place():
    graph = torus(shape=[3, 4], wrap=[True, False])
    assert graph.graph["shape"] == (3, 4)
    assert graph.graph["wrap"] == (True, False)
    for ordinal, router in enumerate(switches(graph, 1)):
        own = graph.nodes[router]
        assert (own["kind"], own["router"], own["at"]) == ("switch", True, divmod(ordinal, 4))
        assert f"nic-{ordinal:06d}" in graph[router]


def test_chips_beyond_the_endpoints_asked_for_forward_only():
    graph = torus(shape=[4, 4], endpoints=6)
    assert (len(switches(graph, 0)), len(switches(graph, 1))) == (6, 16)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (torus, {"shape": []}, "shape: got [], expected the size of every dimension"),
        (torus, {"shape": [4, -1]}, "shape[1]: got -1, expected an integer >= 1"),
        (torus, {"shape": [4, 4], "wrap": [True]}, "wrap: got [True], expected true or false, or 2 of them"),
        (torus, {"shape": [4, 4], "endpoints": 17}, "endpoints: got 17, but a grid of 4 x 4 chips holds at most 16"),
        (torus, {"shape": [2048, 2048]}, "shape: got 4,194,304 routers, expected at most 1,048,576"),
        (
            torus,
            {"shape": [4], "link_bandwidth_bytes_per_s": 0},
            "link_bandwidth_bytes_per_s: got 0, expected a finite",
        ),
        (hyperx, {"shape": "4x4"}, "shape: got '4x4', expected the size of every dimension"),
        (hyperx, {"shape": [4], "p": 0}, "p: got 0, expected an integer >= 1"),
        (tpu_v4, {"shape": [4, 4, 6]}, "shape: got [4, 4, 6], expected 3 multiples of 4: whole cubes"),
        (tpu_v4, {"shape": [16, 16, 24]}, "shape: got 6,144 chips, but a pod has 4,096"),
        (tpu_v5p, {"shape": [32, 32, 32]}, "shape: got 32,768 chips, but a pod has 8,960"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(function, arguments, message):
    with pytest.raises(ValueError, match="got") as error:
        function(**arguments)
    assert str(error.value).startswith(message)
