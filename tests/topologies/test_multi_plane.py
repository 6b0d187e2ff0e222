"""Multi-plane fat trees have DeepSeek's counts, and planes that nothing joins but the nodes."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.contract import check_graph
from sim.cluster.describe import describe
from tests.topologies.reference import network, ports, switches
from topologies import leaf_spine, multi_plane
from topologies.multi_plane import multi_plane_plan

TABLES = network()["published_cluster_tables"]


def test_deepseek_planes_have_the_published_counts():
    row = TABLES["deepseek_isca25_table3"]["rows"]["MPFT"]
    facts = describe(multi_plane(planes=8, radix=64))
    assert (facts["hosts"], facts["switches"]) == (row["endpoints"], row["switches"])
    assert facts["links_switch_switch"] == row["links"]
    assert facts["diameter_hops"] == 4


def test_a_two_tier_fat_tree_is_one_plane():
    row = TABLES["deepseek_isca25_table3"]["rows"]["FT2"]
    plan = multi_plane_plan(planes=1, nics_per_node=1)
    assert (plan.endpoints, plan.switches, plan.cables) == (row["endpoints"], row["switches"], row["links"])
    facts, other = describe(multi_plane(planes=1, radix=8)), describe(leaf_spine(radix=8))
    assert {**facts, "family": ""} == {**other, "family": ""}


def test_b300_has_each_gpu_on_both_planes():
    row = TABLES["dgx_b300"]
    graph = multi_plane(
        endpoints=row["full_nodes"] * 16, nics_per_node=16, planes=row["planes"], radix=128, bandwidth_bytes_per_s=50e9
    )
    assert {graph.nodes[f"nic-{port:06d}"]["plane"] for port in (6, 7)} == {0, 1}
    assert nx.number_connected_components(graph) == row["planes"]
    lost = graph.subgraph(v for v, own in graph.nodes(data=True) if own.get("plane") == 0)
    assert sum(kind == "nic" for _, kind in lost.nodes(data="kind")) == 512 * 8  # half of the bandwidth is left


@given(planes=st.integers(1, 4), rails=st.integers(1, 3), radix=st.sampled_from([4, 8]), share=st.floats(0.05, 1.0))
def test_any_multi_plane_fabric_is_joined_by_its_nodes_within_its_ports(planes, rails, radix, share):
    nics = planes * rails
    nodes = max(1, int(share * radix**2 / 2 / rails))
    plan = multi_plane_plan(endpoints=nodes * nics, nics_per_node=nics, planes=planes, radix=radix)
    graph = multi_plane(endpoints=nodes * nics, nics_per_node=nics, planes=planes, radix=radix)
    check_graph(graph, nodes * nics, nics)
    assert nx.number_connected_components(graph) == planes
    assert len(graph) - nodes * nics == plan.switches
    assert all(ports(graph, switch) <= radix for tier in (1, 2) for switch in switches(graph, tier))
    for nic in switches(graph, 0):
        assert graph.nodes[nic]["plane"] == int(nic[4:]) % nics % planes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"planes": 3, "nics_per_node": 8}, "planes: got 3, expected a divisor of the 8 NICs of a node"),
        (
            {"endpoints": 16392},
            "endpoints: got 16,392, but a multi-plane fabric of 8 planes with radix 64 holds at most",
        ),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(arguments, message):
    with pytest.raises(ValueError, match="got") as error:
        multi_plane(**arguments)
    assert str(error.value).startswith(message)
