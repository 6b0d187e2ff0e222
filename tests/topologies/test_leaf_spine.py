"""Leaf-spine fabrics have the counts of the two-tier Clos, full, partial or as asked."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.topologies.reference import cables, network, oracles, ports, switches
from topologies import leaf_spine


@pytest.mark.parametrize("oracle", oracles("leaf_spine"), ids=lambda oracle: f"radix={oracle['params']['radix']}")
def test_full_fabric_has_the_published_counts(oracle):
    graph = leaf_spine(radix=oracle["params"]["radix"])
    assert [len(switches(graph, tier)) for tier in range(3)] == [oracle["hosts"], oracle["leaf"], oracle["spine"]]
    assert cables(graph, 1, 2) == oracle["links_switch_switch"]
    assert cables(graph, 0, 1) + cables(graph, 1, 2) == oracle["links_total"]
    paths = list(nx.all_shortest_paths(graph, "leaf-0-0", "leaf-0-1"))
    assert len(paths) == oracle["ecmp_paths_interleaf"]


def test_deepseek_two_tier_fat_tree_has_the_published_counts():
    row = network()["published_cluster_tables"]["deepseek_isca25_table3"]["rows"]["FT2"]
    graph = leaf_spine(radix=64, endpoints=row["endpoints"])
    assert (len(graph) - row["endpoints"], cables(graph, 1, 2)) == (row["switches"], row["links"])


def test_explicit_counts_are_built_as_asked():
    graph = leaf_spine(radix=16, leaves=6, spines=2, down=12, up=4)
    assert [len(switches(graph, tier)) for tier in range(3)] == [72, 6, 2]
    assert graph.edges["leaf-0-5", "spine-0-1"]["count"] == 2
    assert cables(graph, 0, 1) / cables(graph, 1, 2) == 3


def test_ports_not_given_follow_from_those_given():
    assert cables(leaf_spine(radix=64, leaves=2, down=48), 1, 2) == 2 * 16
    assert cables(leaf_spine(radix=64, leaves=2, down=16), 1, 2) == 2 * 16
    assert cables(leaf_spine(radix=64, leaves=2, up=8), 0, 1) == 2 * 56


def test_one_leaf_needs_no_spine():
    graph = leaf_spine(radix=64, endpoints=16)
    assert switches(graph, 1) == ["leaf-0-0"]
    assert switches(graph, 2) == []


@given(radix=st.integers(2, 20), share=st.floats(0.01, 1.0))
def test_any_part_is_connected_within_its_ports_and_non_blocking(radix, share):
    endpoints = max(1, round(share * radix * (radix // 2)))
    graph = leaf_spine(radix=radix, endpoints=endpoints)
    assert len(switches(graph, 0)) == endpoints
    assert nx.is_connected(graph)
    assert all(ports(graph, switch) <= radix for tier in (1, 2) for switch in switches(graph, tier))
    if switches(graph, 2):
        assert cables(graph, 1, 2) >= cables(graph, 0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radix": 1}, "radix: got 1, expected an integer >= 2"),
        ({"radix": 8, "endpoints": 33}, "endpoints: got 33, but a leaf-spine of 8 leaves with 4 endpoints each holds"),
        ({"radix": 8, "down": 6, "up": 3}, "down + up: got 6 + 3, expected at least 1 each and 8 (radix) in all"),
        ({"radix": 8, "down": 8}, "down + up: got 8 + 0"),
        ({"radix": 8, "leaves": 4, "spines": 3}, "spines: got 3, expected a divisor of the 4 uplinks"),
        ({"radix": 8, "leaves": 4, "spines": 1}, "spines: got 1, which need 16 ports each; the radix is 8"),
        ({"radix": 8, "leaves": 9}, "leaves: got 9, but a spine of 8 ports joins at most 8"),
        ({"radix": 8, "leaves": 2, "endpoints": 9}, "endpoints: got 9, but a leaf-spine of 2 leaves"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(arguments, message):
    with pytest.raises(ValueError, match="got") as error:
        leaf_spine(**arguments)
    assert str(error.value).startswith(message)
