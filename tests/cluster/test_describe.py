"""Counts, diameter and bisection equal the published ones, and independent computations on the whole graph."""

from itertools import combinations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cluster.describe import describe
from tests.topologies.reference import oracles
from topologies import (
    clos,
    dragonfly,
    fat_tree,
    hyperx,
    jellyfish,
    leaf_spine,
    multi_site,
    rail_only,
    rail_optimized,
    torus,
)

LINK = {"bandwidth_bytes_per_s": 1.0, "latency_s": 0.0, "count": 1, "medium": "optic", "length_m": 1.0}


def minimum_cut(graph, first):
    """Capacity between some endpoints and the others, by a maximum flow over every vertex."""
    flows = nx.DiGraph()
    for near, far, link in graph.edges(data=True):
        capacity = link["count"] * link["bandwidth_bytes_per_s"]
        flows.add_edge(near, far, capacity=capacity)
        flows.add_edge(far, near, capacity=capacity)
    for vertex, kind in graph.nodes(data="kind"):
        if kind == "nic":
            flows.add_edge(*(("source", vertex) if vertex in first else (vertex, "sink")))
    return nx.maximum_flow_value(flows, "source", "sink")


def nics(graph):
    return [vertex for vertex, kind in graph.nodes(data="kind") if kind == "nic"]


@pytest.mark.parametrize(
    "oracle", [o for o in oracles("fat_tree") if o["params"]["k"] <= 32], ids=lambda o: f"k={o['params']['k']}"
)
def test_fat_tree_is_described_as_published(oracle):
    facts = describe(fat_tree(k=oracle["params"]["k"]))
    assert facts["hosts"] == facts["gpus"] == oracle["hosts"]
    assert facts["switches"] == oracle["switches"]
    assert facts["switches_by_tier"] == {"leaf": oracle["edge"], "spine": oracle["agg"], "core": oracle["core"]}
    assert facts["links_total"] == oracle["links_total"]
    assert facts["links_switch_switch"] == oracle["links_switch_switch"]
    assert facts["diameter_hops"] == oracle["host_diameter_hops"]
    assert facts["bisection_bytes_per_s"] == oracle["bisection_links"] * 50e9
    assert facts["oversubscription"] == [1, 1, 1]


@pytest.mark.parametrize("oracle", oracles("leaf_spine"), ids=lambda o: f"radix={o['params']['radix']}")
def test_leaf_spine_is_described_as_published(oracle):
    facts = describe(leaf_spine(radix=oracle["params"]["radix"]))
    assert facts["switches_by_tier"] == {"leaf": oracle["leaf"], "spine": oracle["spine"]}
    assert facts["links_total"] == oracle["links_total"]
    assert facts["links_switch_switch"] == oracle["links_switch_switch"]
    assert facts["diameter_hops"] == oracle["host_diameter_hops"]
    assert facts["bisection_bytes_per_s"] == oracle["bisection_links"] * 50e9


def test_llama_cluster_has_a_seventh_of_its_bisection():
    llama = {"radix": [64, 576, 576], "rack": 16, "pod": 3072}
    thin = describe(clos(endpoints=24576, oversubscription=[1, 1, 7], **llama))
    assert thin["bisection_bytes_per_s"] == 4 * 8 * 55 * 50e9  # half of the pods' uplinks
    assert thin["bisection_bytes_per_s"] == pytest.approx(24576 / 2 * 50e9 / 7, rel=0.003)
    assert thin["oversubscription"] == pytest.approx([1, 1, 7], rel=0.003)
    full = describe(clos(endpoints=24576, radix=[64, 384, 384], rack=16, pod=3072 // 2))
    assert full["bisection_bytes_per_s"] == 24576 / 2 * 50e9


@pytest.mark.parametrize(
    ("graph", "hops"),
    [
        (leaf_spine(radix=64, endpoints=1), 0),
        (leaf_spine(radix=64, endpoints=2), 2),
        (leaf_spine(radix=64, endpoints=33), 4),
        (fat_tree(k=4, endpoints=4), 4),
        (fat_tree(k=4, endpoints=5), 6),
        (rail_optimized(endpoints=8), 4),
        (rail_optimized(endpoints=2048, radix=64), 4),
        (rail_optimized(endpoints=2056, radix=64), 6),
    ],
)
def test_diameter_by_hand(graph, hops):
    assert describe(graph)["diameter_hops"] == hops


def test_diameter_and_bisection_of_a_ring_of_switches():
    graph = nx.Graph()
    for place in range(8):
        graph.add_node(f"router-{place}", kind="switch", tier=1)
        graph.add_node(f"nic-{place}", kind="nic", tier=0)
        graph.add_edge(f"nic-{place}", f"router-{place}", **LINK)
        graph.add_edge(f"router-{place}", f"router-{(place + 1) % 8}", **LINK)
    facts = describe(graph)
    assert (facts["diameter_hops"], facts["bisection_bytes_per_s"], facts["family"]) == (6, 2.0, "imported")


@settings(max_examples=40)
@given(
    family=st.sampled_from(["fat-tree", "leaf-spine", "rail-optimized", "clos"]),
    share=st.floats(0.05, 1.0),
    ratios=st.lists(st.sampled_from([1, 1.5, 2, 3]), min_size=2, max_size=2),
)
def test_diameter_and_bisection_equal_those_of_the_whole_graph(family, share, ratios):
    count = max(1, round(share * 32))
    graph = {
        "fat-tree": lambda: fat_tree(k=6, endpoints=count, oversubscription=[1, *ratios]),
        "leaf-spine": lambda: leaf_spine(radix=8, endpoints=count),
        "rail-optimized": lambda: rail_optimized(endpoints=2 * count, nics_per_node=2, radix=8),
        "clos": lambda: clos(endpoints=count, radix=[8, 12, 8], oversubscription=[1, *ratios], rack=3),
    }[family]()
    facts, endpoints = describe(graph), nics(graph)
    hops = dict(nx.all_pairs_shortest_path_length(graph))
    assert facts["diameter_hops"] == max(hops[a][b] for a in endpoints for b in endpoints)
    if len(endpoints) > 1:
        first = set(endpoints[: len(endpoints) // 2])
        assert facts["bisection_bytes_per_s"] == pytest.approx(minimum_cut(graph, first))


@pytest.mark.parametrize(
    "graph",
    [
        leaf_spine(radix=4),
        leaf_spine(radix=4, leaves=4, spines=1, down=2, up=1),
        fat_tree(k=4, endpoints=8),
        fat_tree(k=4, endpoints=8, oversubscription=[1, 1, 3]),
    ],
)
def test_no_other_halving_of_a_full_fabric_cuts_less(graph):
    endpoints = nics(graph)
    least = min(minimum_cut(graph, set(first)) for first in combinations(endpoints, len(endpoints) // 2))
    assert describe(graph)["bisection_bytes_per_s"] == pytest.approx(least)


def test_gpus_may_outnumber_endpoints():
    assert describe(leaf_spine(radix=8), gpus=64)["gpus"] == 64


def test_a_broken_cable_lowers_the_bisection_by_what_it_carried():
    graph = leaf_spine(radix=8)
    graph.remove_edge("leaf-0-0", "spine-0-0")
    first = set(nics(graph)[:16])
    assert describe(graph)["bisection_bytes_per_s"] == minimum_cut(graph, first) == 15 * 50e9


@pytest.mark.parametrize(
    "graph",
    [
        dragonfly(p=1, a=3, h=1),
        dragonfly(p=2, a=2, h=1, g=2),
        jellyfish(switches=12, ports=6, degree=3, seed=5),
        multi_site(endpoints=40, radix=8, wan_links=3, wan_bandwidth_bytes_per_s=12.5e9),
        hyperx(shape=[3, 3], p=2),
        multi_site(endpoints=40, radix=8, wan_bandwidth_bytes_per_s=12.5e9 / 3),
    ],
)
def test_facts_without_symmetry_equal_those_of_the_whole_graph(graph):
    facts, endpoints = describe(graph), nics(graph)
    hops = dict(nx.all_pairs_shortest_path_length(graph))
    assert facts["diameter_hops"] == max(hops[a][b] for a in endpoints for b in endpoints)
    first = set(endpoints[: len(endpoints) // 2])
    assert facts["bisection_bytes_per_s"] == pytest.approx(minimum_cut(graph, first))


def test_the_diameter_is_of_endpoints_that_the_graph_joins():
    assert describe(rail_only(endpoints=256, radix=8))["diameter_hops"] == 4


def test_endpoints_of_one_switch_are_two_links_apart_and_of_one_chip_none():
    assert describe(torus(shape=[1]))["diameter_hops"] == 0
    assert describe(torus(shape=[2]))["diameter_hops"] == 1
    assert describe(hyperx(shape=[1], p=3))["diameter_hops"] == 2
