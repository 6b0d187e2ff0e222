"""A graph that breaks the attribute contract is refused, one line a fault."""

from collections import Counter

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.contract import check_graph, endpoints_of, link_counts, links
from sim.errors import TopologyError
from topologies import fat_tree, leaf_spine

LINK = {"bandwidth_bytes_per_s": 50e9, "latency_s": 5e-7, "count": 1, "medium": "copper", "length_m": 2.0}


def star(endpoints=2):
    graph = nx.Graph()
    graph.add_node("leaf-0", kind="switch", tier=1)
    for endpoint in range(endpoints):
        graph.add_node(f"nic-{endpoint}", kind="nic", tier=0)
        graph.add_edge(f"nic-{endpoint}", "leaf-0", **LINK)
    return graph


def message_of(graph, endpoints=2):
    with pytest.raises(TopologyError) as error:
        check_graph(graph, endpoints)
    return str(error.value)


def test_the_smallest_star_passes():
    check_graph(star(), 2)


def test_endpoints_keep_the_order_of_the_graph():
    graph = star(3)
    assert endpoints_of(graph) == ("nic-0", "nic-1", "nic-2")


@pytest.mark.parametrize("attribute", sorted(LINK))
def test_a_missing_link_attribute_is_named(attribute):
    graph = star()
    del graph.edges["nic-1", "leaf-0"][attribute]
    assert f"attribute {attribute} is missing" in message_of(graph)


@pytest.mark.parametrize("attribute", ["kind", "tier"])
def test_a_missing_vertex_attribute_is_named(attribute):
    graph = star()
    del graph.nodes["leaf-0"][attribute]
    assert message_of(graph) == f"vertex leaf-0: attribute {attribute} is missing"


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("bandwidth_bytes_per_s", 0.0),
        ("bandwidth_bytes_per_s", -1.0),
        ("bandwidth_bytes_per_s", float("nan")),
        ("bandwidth_bytes_per_s", float("inf")),
        ("bandwidth_bytes_per_s", "50e9"),
        ("latency_s", -1e-9),
        ("count", 0),
        ("count", 1.5),
        ("length_m", 0.0),
    ],
)
def test_a_link_value_out_of_range_is_named_with_its_link(attribute, value):
    graph = star()
    graph.edges["nic-1", "leaf-0"][attribute] = value
    text = message_of(graph)
    assert "\n" not in text
    assert attribute in text
    assert repr(value) in text
    assert "nic-1" in text


def test_no_latency_is_allowed():
    graph = star()
    graph.edges["nic-0", "leaf-0"]["latency_s"] = 0
    check_graph(graph, 2)


def test_an_unknown_kind_or_medium_names_the_nearest():
    graph = star()
    graph.nodes["leaf-0"]["kind"] = "swich"
    graph.edges["nic-0", "leaf-0"]["medium"] = "optics"
    kind, medium = message_of(graph).splitlines()
    assert "did you mean 'switch'?" in kind
    assert "did you mean 'optic'?" in medium


@pytest.mark.parametrize("tier", [-1, 0.5, "1"])
def test_a_tier_is_a_count(tier):
    graph = star()
    graph.nodes["leaf-0"]["tier"] = tier
    assert f"tier is {tier!r}, expected an integer >= 0" in message_of(graph)


def test_a_nic_is_tier_zero():
    graph = star()
    graph.nodes["nic-0"]["tier"] = 1
    assert message_of(graph) == "vertex nic-0: tier is 1, expected 0 for a NIC"


def test_a_link_to_itself_is_refused():
    graph = star()
    graph.add_edge("leaf-0", "leaf-0", **LINK)
    assert message_of(graph) == "link leaf-0 - leaf-0: a link to itself"


def test_an_endpoint_has_one_link():
    lonely, double, bundled = star(), star(), star()
    lonely.remove_edge("nic-1", "leaf-0")
    double.add_node("leaf-1", kind="switch", tier=1)
    double.add_edge("nic-1", "leaf-1", **LINK)
    bundled.edges["nic-1", "leaf-0"]["count"] = 2
    assert message_of(lonely).startswith("vertex nic-1: 0 links, expected 1")
    assert message_of(double) == message_of(bundled) == "vertex nic-1: 2 links, expected 1: an endpoint is one NIC port"


def test_endpoints_out_of_reach_are_counted_with_an_example():
    apart = nx.union(star(2), nx.relabel_nodes(star(3), lambda vertex: f"far-{vertex}"))
    assert message_of(apart, 5) == "endpoints: 3 of 5 cannot be reached from nic-0, the first is far-nic-0"


def test_endpoints_of_one_domain_reach_one_another_beside_the_graph():
    apart = nx.union(star(2), nx.relabel_nodes(star(4), lambda vertex: f"far-{vertex}"))
    check_graph(apart, 6, nics_per_domain=3)
    assert message_of_domains(apart, 6, 2) == "endpoints: 4 of 6 cannot be reached from nic-0, the first is far-nic-0"


def test_domains_chain_rails_that_share_no_domain():
    chain = nx.union_all(nx.relabel_nodes(star(2), lambda vertex, s=site: f"{s}-{vertex}") for site in range(4))
    order = ["0-nic-0", "1-nic-0", "1-nic-1", "2-nic-0", "2-nic-1", "3-nic-0", "3-nic-1", "0-nic-1"]
    graph = nx.Graph()
    graph.add_nodes_from((nic, chain.nodes[nic]) for nic in order)
    graph.update(chain)
    check_graph(graph, 8, nics_per_domain=2)


def message_of_domains(graph, endpoints, nics_per_domain):
    with pytest.raises(TopologyError) as error:
        check_graph(graph, endpoints, nics_per_domain)
    return str(error.value)


def test_values_that_cannot_be_compared_are_named():
    graph = star()
    graph.edges["nic-0", "leaf-0"]["length_m"] = [1, 2]
    assert "length_m is [1, 2], expected a finite number > 0" in message_of(graph)


@pytest.mark.parametrize("expected", [1, 3])
def test_another_number_of_endpoints_is_refused(expected):
    assert message_of(star(2), expected) == f"endpoints: the graph has 2, expected {expected}"


def test_a_switch_without_endpoints_below_may_be_idle():
    graph = star()
    graph.add_node("leaf-9", kind="switch", tier=1)
    check_graph(graph, 2)


def test_every_fault_has_its_line_and_many_are_summed_up():
    graph = star(30)
    for endpoint in range(30):
        graph.edges[f"nic-{endpoint}", "leaf-0"]["latency_s"] = -float(endpoint + 1)
    lines = message_of(graph, 30).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "and 20 more"


def test_a_fault_shared_by_all_links_is_told_once():
    graph = fat_tree(k=4)
    nx.set_edge_attributes(graph, 0.0, "bandwidth_bytes_per_s")
    assert len(message_of(graph, 16).splitlines()) == 3  # one for each length and medium


@pytest.mark.parametrize("kind", [nx.DiGraph, nx.MultiGraph])
def test_directed_graphs_and_parallel_edges_are_refused(kind):
    assert message_of(kind(leaf_spine(radix=4)), 8).startswith(f"graph: got {kind.__name__}")


def test_links_are_those_of_networkx_in_its_order_a_link_to_itself_once():
    graph = fat_tree(k=4)
    graph.add_edge("spine-0-0", "spine-0-0", **LINK)
    assert links(graph) == list(graph.edges(data=True))


@given(endpoints=st.integers(1, 24), cables=st.integers(1, 3))
def test_link_counts_are_those_of_all_links_one_by_one(endpoints, cables):
    graph = leaf_spine(radix=16, endpoints=endpoints, down=6, up=2 * cables, spines=2)
    attributes = ("medium", "length_m", "count")
    assert link_counts(graph, *attributes) == Counter(tuple(link[a] for a in attributes) for _, _, link in links(graph))
