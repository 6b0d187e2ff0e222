"""The generic Clos builds pods, racks and ratios as asked."""

import networkx as nx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.topologies.reference import cables, network, ports, switches
from topologies import clos, fat_tree, leaf_spine, meta_24k
from topologies.clos import clos_plan

META = network()["published_cluster_tables"]["meta_24k"]
LLAMA = {
    "radix": [64, 576, 576],
    "oversubscription": [1, 1, 7],
    "rack": META["params"]["gpus_per_rack"],
    "pod": META["params"]["pod_gpus"],
}


def test_llama_cluster_has_the_published_pods_and_racks():
    graph = clos(endpoints=META["params"]["gpus"], nics_per_node=8, **LLAMA)
    leaves = switches(graph, 1)
    assert len(leaves) == META["derived"]["racks"]
    assert {graph.nodes[leaf]["pod"] for leaf in leaves} == set(range(META["params"]["pods"]))
    assert sum(graph.nodes[leaf]["pod"] == 3 for leaf in leaves) == META["params"]["racks_per_pod"]
    assert sum(graph.nodes[nic]["pod"] == 3 for nic in switches(graph, 0)) == META["params"]["pod_gpus"]


def test_llama_cluster_is_non_blocking_in_the_pod_and_one_to_seven_at_the_top():
    graph = clos(endpoints=24576, **LLAMA)
    assert cables(graph, 0, 1) == cables(graph, 1, 2) == 24576
    assert cables(graph, 2, 3) == 8 * 8 * 55  # 384 / 7 = 54.9: the fewest uplinks that keep the ratio
    assert cables(graph, 1, 2) / cables(graph, 2, 3) == pytest.approx(7, rel=0.003)


def test_meta_24k_is_that_cluster():
    graph, other = meta_24k(), clos(endpoints=24576, nics_per_node=8, **LLAMA)
    assert dict(graph.nodes(data=True)) == dict(other.nodes(data=True))
    assert dict(graph.adjacency()) == dict(other.adjacency())
    assert graph.graph["family"] == "meta-24k"


def test_two_tiers_are_the_leaf_spine():
    two, other = clos(tiers=2, radix=16), leaf_spine(radix=16)
    assert dict(two.nodes(data=True)) == dict(other.nodes(data=True))
    assert {frozenset(edge) for edge in two.edges} == {frozenset(edge) for edge in other.edges}


@pytest.mark.parametrize("endpoints", [None, 5, 60])
def test_three_tiers_of_one_radix_are_the_fat_tree(endpoints):
    three, tree = clos(radix=8, endpoints=endpoints), fat_tree(k=8, endpoints=endpoints)
    assert dict(three.nodes(data=True)) == dict(tree.nodes(data=True))
    assert {frozenset(edge) for edge in three.edges} == {frozenset(edge) for edge in tree.edges}


def test_a_single_pod_has_no_cores():
    assert switches(clos(endpoints=3072, **LLAMA), 3) == []
    assert switches(clos(endpoints=3073, **LLAMA), 3) != []


@given(
    tiers=st.sampled_from([2, 3]),
    radix=st.lists(st.integers(4, 12), min_size=3, max_size=3),
    ratios=st.lists(st.sampled_from([1, 1.5, 2, 3]), min_size=2, max_size=2),
    rack=st.integers(1, 4),
    racks=st.none() | st.integers(1, 5),
    share=st.floats(0.05, 1.0),
)
def test_any_clos_is_connected_within_its_ports_and_ratios(tiers, radix, ratios, rack, racks, share):
    arguments = {
        "tiers": tiers,
        "radix": radix[:tiers],
        "oversubscription": [1, *ratios[: tiers - 1]],
        "rack": rack,
        "pod": racks * rack if racks and tiers == 3 else None,
    }
    try:
        full = clos_plan(**arguments).endpoints
    except ValueError:
        assume(False)
    endpoints = max(1, round(share * full))
    plan, graph = clos_plan(endpoints=endpoints, **arguments), clos(endpoints=endpoints, **arguments)
    assert nx.is_connected(graph)
    assert len(graph) == endpoints + plan.switches
    assert all(ports(graph, s) <= radix[tier - 1] for tier in range(1, tiers + 1) for s in switches(graph, tier))
    assert 0 <= plan.leaf_up - rack / ratios[0] < 1
    if plan.cores:
        down = plan.leaves_per_pod * plan.leaf_up // plan.spines
        assert 0 <= plan.spine_up - down / ratios[1] < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tiers": 4}, "tiers: got 4, expected 2 or 3"),
        ({"tiers": 2, "oversubscription": [1, 1, 7]}, "oversubscription: got [1, 1, 7], expected 2 ratios"),
        ({"tiers": 2, "pod": 64}, "pod: got 64, but pods need three tiers"),
        ({"radix": [64, 64]}, "radix: got [64, 64], expected one integer, or 3"),
        ({"radix": 64, "pod": 1000}, "pod: got 1,000, expected a multiple of the 32 endpoints of a leaf"),
        ({"radix": 64, "rack": 40}, "rack: got 40, which takes 40 + 40 ports of a leaf; its radix is 64"),
        ({"radix": 64, "pod": 3072}, "radix: a spine of 64 ports joins at most 32 leaves, a pod has 96"),
        ({"radix": 8, "endpoints": 129}, "endpoints: got 129, but a Clos of 3 tiers with pods of 16 holds at most 128"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(arguments, message):
    with pytest.raises(ValueError, match=r"got|joins") as error:
        clos(**arguments)
    assert str(error.value).startswith(message)
