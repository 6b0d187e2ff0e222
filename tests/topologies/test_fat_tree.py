"""Fat trees have the counts of Al-Fares et al., full or not."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.topologies.reference import cables, network, oracles, ports, switches
from topologies import fat_tree
from topologies.fat_tree import fat_tree_plan

SMALL = [oracle for oracle in oracles("fat_tree_3tier") if oracle["params"]["k"] <= 32]
LARGE = [oracle for oracle in oracles("fat_tree_3tier") if oracle["params"]["k"] > 32]


def check_built(oracle):
    graph = fat_tree(k=oracle["params"]["k"])
    tiers = [len(switches(graph, tier)) for tier in range(4)]
    assert tiers == [oracle["hosts"], oracle["edge"], oracle["agg"], oracle["core"]]
    between = cables(graph, 1, 2) + cables(graph, 2, 3)
    assert between == oracle["links_switch_switch"]
    assert between + cables(graph, 0, 1) == oracle["links_total"]


@pytest.mark.parametrize("oracle", SMALL, ids=lambda oracle: f"k={oracle['params']['k']}")
def test_full_tree_has_the_published_counts(oracle):
    check_built(oracle)


@pytest.mark.slow
@pytest.mark.parametrize("oracle", LARGE, ids=lambda oracle: f"k={oracle['params']['k']}")
def test_large_full_tree_has_the_published_counts(oracle):
    check_built(oracle)


@pytest.mark.parametrize("oracle", SMALL + LARGE, ids=lambda oracle: f"k={oracle['params']['k']}")
def test_dimensions_without_a_graph_are_the_published_counts(oracle):
    plan = fat_tree_plan(k=oracle["params"]["k"])
    assert (plan.endpoints, plan.switches, plan.cables) == (
        oracle["hosts"],
        oracle["switches"],
        oracle["links_switch_switch"],
    )


def test_deepseek_three_tier_fat_tree_has_the_published_counts():
    row = network()["published_cluster_tables"]["deepseek_isca25_table3"]["rows"]["FT3"]
    plan = fat_tree_plan(k=64)
    assert (plan.endpoints, plan.switches, plan.cables) == (row["endpoints"], row["switches"], row["links"])


@pytest.mark.parametrize("row", network()["derived_rail_only_vs_clos_radix64"], ids=lambda row: str(row["gpus"]))
def test_part_of_a_tree_takes_only_the_cores_that_its_uplinks_fill(row):
    if row["gpus"] > 2048:
        plan = fat_tree_plan(k=64, endpoints=row["gpus"])
        assert (plan.switches, plan.cables) == (row["clos_switches"], row["clos_links"])


@pytest.mark.parametrize("oracle", SMALL[:2], ids=lambda oracle: f"k={oracle['params']['k']}")
def test_shortest_paths_between_leaves_number_as_published(oracle):
    graph = fat_tree(k=oracle["params"]["k"])
    within = list(nx.all_shortest_paths(graph, "leaf-0-0", "leaf-0-1"))
    across = list(nx.all_shortest_paths(graph, "leaf-0-0", "leaf-1-1"))
    assert (len(within), len(across)) == (oracle["ecmp_paths_intrapod"], oracle["ecmp_paths_interpod"])
    assert {len(path) - 1 for path in across} == {oracle["switch_diameter"]}


def test_every_switch_of_a_full_tree_uses_all_its_ports():
    graph = fat_tree(k=6)
    assert {ports(graph, switch) for tier in (1, 2, 3) for switch in switches(graph, tier)} == {6}


@given(
    k=st.sampled_from([2, 4, 6, 8, 12]),
    share=st.floats(0.01, 1.0),
    leaf=st.sampled_from([1, 1.5, 2, 3, 7]),
    spine=st.sampled_from([1, 1.125, 2, 7]),
)
def test_any_part_of_any_tree_is_connected_within_its_ports_and_ratios(k, share, leaf, spine):
    ratios = [1, leaf, spine]
    full = fat_tree_plan(k=k, oversubscription=ratios).endpoints
    endpoints = max(1, round(share * full))
    plan = fat_tree_plan(k=k, endpoints=endpoints, oversubscription=ratios)
    graph = fat_tree(k=k, endpoints=endpoints, oversubscription=ratios)
    assert nx.is_connected(graph)
    assert all(ports(graph, switch) <= k for tier in (1, 2, 3) for switch in switches(graph, tier))
    assert plan.leaf_down <= leaf * plan.leaf_up
    assert plan.leaf_up == 1 or plan.leaf_down > leaf * (plan.leaf_up - 1)
    assert len(graph) - endpoints == plan.switches
    assert cables(graph, 1, 2) + cables(graph, 2, 3) == plan.cables


def test_oversubscription_thins_the_cables_of_its_own_tier_only():
    leaf, top = fat_tree(k=16, oversubscription=[1, 3, 1]), fat_tree(k=16, oversubscription=[1, 1, 3])
    assert cables(leaf, 0, 1) / cables(leaf, 1, 2) == 3
    assert cables(leaf, 1, 2) == cables(leaf, 2, 3)
    assert cables(top, 0, 1) == cables(top, 1, 2)
    assert cables(top, 1, 2) / cables(top, 2, 3) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 5}, "k: got 5, expected an even integer"),
        ({"k": "4"}, "k: got '4', expected an integer >= 2"),
        ({"k": 0}, "k: got 0, expected an integer >= 2"),
        ({"k": 4, "endpoints": 17}, "endpoints: got 17, but a fat tree of k = 4 holds at most 16"),
        ({"k": 4, "endpoints": 0}, "endpoints: got 0, expected an integer >= 1"),
        ({"k": 4, "endpoints": 6, "nics_per_node": 4}, "endpoints: got 6, expected a multiple of nics_per_node = 4"),
        ({"k": 4, "oversubscription": [1, 2]}, "oversubscription: got [1, 2], expected 3 ratios"),
        ({"k": 4, "oversubscription": [1, 0.5, 1]}, "oversubscription[1]: got 0.5, expected a ratio >= 1"),
        ({"k": 4, "oversubscription": [2, 1, 1]}, "oversubscription[0]: got 2, expected 1"),
        ({"k": 4, "oversubscription": "2"}, "oversubscription: got '2', expected 3 ratios"),
        ({"k": 4, "bandwidth_bytes_per_s": 0}, "bandwidth_bytes_per_s: got 0, expected a finite number > 0"),
        ({"k": 4, "latency_s": float("nan")}, "latency_s: got nan, expected a finite number >= 0"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(arguments, message):
    with pytest.raises(ValueError, match=r"expected|holds") as error:
        fat_tree(**arguments)
    assert str(error.value).startswith(message)
