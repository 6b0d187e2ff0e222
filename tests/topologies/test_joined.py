"""Sites and generations are fabrics of their own, joined at border leaves by what was asked for."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.contract import check_graph
from sim.cluster.describe import describe
from tests.topologies.reference import ports, switches
from topologies import mixed, multi_site


def crossing(graph, mark):
    """Cables between parts, by the two parts."""
    found = {}
    for near, far, link in graph.edges(data=True):
        ends = tuple(sorted((graph.nodes[near][mark], graph.nodes[far][mark])))
        if ends[0] != ends[1]:
            found.setdefault(ends, []).append(link)
    return found


@given(
    sites=st.integers(2, 4),
    wan_links=st.integers(1, 5),
    tiers=st.sampled_from([2, 3]),
    nodes=st.integers(8, 40),
)
def test_any_two_sites_are_joined_by_the_lines_asked_for(sites, wan_links, tiers, nodes):
    graph = multi_site(
        endpoints=2 * sites * nodes, nics_per_node=2, sites=sites, radix=16, tiers=tiers, wan_links=wan_links
    )
    check_graph(graph, 2 * sites * nodes)
    lines = crossing(graph, "site")
    assert len(lines) == sites * (sites - 1) // 2
    assert {sum(link["count"] for link in each) for each in lines.values()} == {wan_links}
    assert all(ports(graph, switch) <= 16 for tier in (1, 2, 3) for switch in switches(graph, tier))
    borders = [leaf for leaf, border in graph.nodes(data="border") if border]
    assert borders
    assert not any(graph.nodes[other]["kind"] == "nic" for leaf in borders for other in graph[leaf])


def test_lines_have_the_bandwidth_and_latency_of_the_wan_and_its_length():
    graph = multi_site(endpoints=64, radix=16, wan_bandwidth_bytes_per_s=12.5e9, wan_latency_s=5e-3, wan_links=3)
    (lines,) = crossing(graph, "site").values()
    assert lines == [{"bandwidth_bytes_per_s": 12.5e9, "latency_s": 5e-3, "count": 3, "medium": "wan", "length_m": 1e6}]
    assert describe(graph)["bisection_bytes_per_s"] == 3 * 12.5e9


def test_endpoints_fill_site_by_site_in_whole_nodes():
    graph = multi_site(endpoints=40, nics_per_node=8, sites=3, radix=16)
    own = [graph.nodes[nic]["site"] for nic in switches(graph, 0)]
    assert own == [0] * 16 + [1] * 16 + [2] * 8
    assert nx.get_node_attributes(graph, "node")["nic-000039"] == 4


@given(nodes=st.integers(2, 30), joining=st.integers(1, 20))
def test_two_generations_are_joined_by_the_slower_cable(nodes, joining):
    graph = mixed(endpoints=4 * nodes, nics_per_node=4, radix=16, joining_links=joining)
    check_graph(graph, 4 * nodes)
    (links,) = crossing(graph, "generation").values()
    assert sum(link["count"] for link in links) == joining
    assert {link["bandwidth_bytes_per_s"] for link in links} == {50e9}
    assert all(ports(graph, switch) <= 16 for tier in (1, 2) for switch in switches(graph, tier))
    own = {
        (graph.nodes[nic]["generation"], link["bandwidth_bytes_per_s"])
        for nic in switches(graph, 0)
        for link in graph[nic].values()
    }
    assert own == {(0, 50e9), (1, 100e9)}


def test_the_second_generation_may_be_any_part():
    graph = mixed(endpoints=512, second_endpoints=64)
    own = [graph.nodes[nic]["generation"] for nic in switches(graph, 0)]
    assert own == [0] * 448 + [1] * 64


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (multi_site, {"sites": 1}, "sites: got 1, expected an integer >= 2"),
        (multi_site, {"sites": 4, "endpoints": 3}, "sites: got 4, expected at most one for each of 3 nodes"),
        (multi_site, {"endpoints": 8000}, "endpoints: got 4,000 of one fabric, but a Clos of 2 tiers with radix 64"),
        (multi_site, {"wan_latency_s": 0}, "wan_latency_s: got 0, expected a finite number > 0"),
        (
            multi_site,
            {"wan_bandwidth_bytes_per_s": 0},
            "wan_bandwidth_bytes_per_s: got 0, expected a finite number > 0",
        ),
        (multi_site, {"wan_links": 0}, "wan_links: got 0, expected an integer >= 1"),
        (mixed, {"endpoints": 64, "second_endpoints": 64}, "second_endpoints: got 64 of 64, expected some and not all"),
        (
            mixed,
            {"second_endpoints": 12},
            "second_endpoints: got 12 of 2,048, expected some and not all, in whole nodes",
        ),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(function, arguments, message):
    with pytest.raises(ValueError, match="got") as error:
        function(**arguments)
    assert str(error.value).startswith(message)
