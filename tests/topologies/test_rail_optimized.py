"""Rail-optimized fabrics have the published counts of DGX SuperPODs, and a leaf for each rail of a group."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.topologies.reference import cables, network, ports, switches
from topologies import rail_optimized
from topologies.rail_optimized import rail_plan

TABLES = network()["published_cluster_tables"]


@pytest.mark.parametrize("row", TABLES["dgx_h100_superpod"]["rows"], ids=lambda row: f"{row['su']} units")
def test_h100_units_have_the_published_switches_and_cables(row):
    graph = rail_optimized(endpoints=row["gpus"])
    assert [len(switches(graph, tier)) for tier in (1, 2, 3)] == [row["leaf"], row["spine"], 0]
    assert cables(graph, 1, 2) == row["cables_spine_leaf"]
    assert cables(graph, 0, 1) == row["cables_compute_and_ufm"] - 4


@pytest.mark.parametrize("row", TABLES["dgx_b200_superpod"]["rows"], ids=lambda row: f"{row['su']} units")
def test_b200_units_have_the_published_switches_and_cables(row):
    graph = rail_optimized(endpoints=row["gpus"])
    assert [len(switches(graph, tier)) for tier in (1, 2, 3)] == [row["leaf"], row["spine"], row["core"]]
    published = [row["node_leaf"], row["leaf_spine"], row["spine_core"]]
    assert [cables(graph, tier, tier + 1) for tier in range(3)] == published


def test_a_leaf_holds_one_rail_of_its_group():
    graph = rail_optimized(endpoints=3 * 4 * 8, nics_per_node=4, radix=16)
    for leaf in switches(graph, 1):
        _, group, rail = leaf.split("-")
        below = [nic for nic in graph[leaf] if graph.nodes[nic]["tier"] == 0]
        assert {int(nic[4:]) % 4 for nic in below} == {int(rail)}
        assert [graph.nodes[nic]["node"] for nic in below] == list(range(8 * int(group), 8 * int(group) + 8))


def test_nics_of_one_rail_are_two_hops_apart_within_a_group_and_rails_meet_above():
    graph = rail_optimized(endpoints=512, radix=64)
    assert nx.shortest_path_length(graph, "nic-000003", "nic-000011") == 2
    assert nx.shortest_path_length(graph, "nic-000003", "nic-000004") == 4
    assert nx.shortest_path_length(graph, "nic-000003", "nic-000259") == 4


@given(nics=st.integers(1, 4), radix=st.sampled_from([8, 12, 16]), share=st.floats(0.01, 1.0))
def test_any_size_is_connected_within_its_ports_and_non_blocking(nics, radix, share):
    pods = radix // 2 // nics * radix
    nodes = max(1, round(share * pods * radix // 2))
    plan = rail_plan(endpoints=nodes * nics, nics_per_node=nics, radix=radix)
    graph = rail_optimized(endpoints=nodes * nics, nics_per_node=nics, radix=radix)
    assert nx.is_connected(graph)
    assert all(ports(graph, switch) <= radix for tier in (1, 2, 3) for switch in switches(graph, tier))
    assert len(graph) - nodes * nics == plan.switches
    assert (plan.leaves > radix) == bool(switches(graph, 3))
    for tier in (1, 2):
        assert not switches(graph, tier + 1) or cables(graph, tier, tier + 1) >= cables(graph, 0, 1)


def test_default_is_the_largest_two_tier_fabric():
    plan = rail_plan(radix=64)
    assert (plan.endpoints, plan.leaves, plan.spines, plan.cores) == (2048, 64, 32, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"endpoints": 12}, "endpoints: got 12, expected a multiple of nics_per_node = 8"),
        ({"endpoints": 8, "radix": 4}, "endpoints: got 8, but a rail-optimized fabric of radix 4 with 8 rails holds"),
        ({"endpoints": 65536 + 8}, "endpoints: got 65,544, but a rail-optimized fabric of radix 64 with 8 rails holds"),
        ({"nics_per_node": 0}, "nics_per_node: got 0, expected an integer >= 1"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(arguments, message):
    with pytest.raises(ValueError, match="got") as error:
        rail_optimized(**arguments)
    assert str(error.value).startswith(message)
