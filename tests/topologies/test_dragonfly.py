"""Dragonflies have the counts of their formulas, and every two groups a cable."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.describe import describe
from tests.topologies.reference import network, oracles, ports, switches
from topologies import dragonfly, dragonfly_plus
from topologies.dragonfly import dragonfly_plan, dragonfly_plus_plan, global_ports

ORACLES = oracles("dragonfly")
SMALL = [oracle for oracle in ORACLES if oracle["routers"] < 1000]


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: f"g={oracle['params']['g']}")
def test_dimensions_are_the_published_counts(oracle):
    plan = dragonfly_plan(**oracle["params"])
    assert (plan.endpoints, plan.switches) == (oracle["hosts"], oracle["routers"])
    assert (plan.local, plan.globals) == (oracle["local_links"], oracle["global_links"])
    assert plan.cables == oracle["links_switch_switch"]


@pytest.mark.parametrize("oracle", SMALL, ids=lambda oracle: f"g={oracle['params']['g']}")
def test_graphs_are_described_as_published(oracle):
    graph = dragonfly(**oracle["params"])
    facts = describe(graph)
    assert (facts["hosts"], facts["switches"]) == (oracle["hosts"], oracle["routers"])
    assert facts["links_switch_switch"] == oracle["links_switch_switch"]
    assert facts["diameter_hops"] == oracle["router_diameter"] + 2
    assert {ports(graph, router) for router in switches(graph, 1)} == {oracle["router_radix"]}


@pytest.mark.slow
def test_deepseek_dragonfly_is_described_as_published():
    oracle = ORACLES[-1]
    facts = describe(dragonfly(**oracle["params"]))
    row = network()["published_cluster_tables"]["deepseek_isca25_table3"]["rows"]["DF"]
    assert (facts["hosts"], facts["switches"]) == (row["endpoints"], row["switches"])
    assert facts["links_switch_switch"] == row["links"]
    assert facts["diameter_hops"] == oracle["router_diameter"] + 2


@given(p=st.integers(1, 3), a=st.integers(1, 5), h=st.integers(1, 4), share=st.floats(0, 1))
def test_any_dragonfly_joins_every_two_groups_within_its_ports(p, a, h, share):
    g = max(2, round(share * (a * h + 1)))
    graph, plan = dragonfly(p=p, a=a, h=h, g=g), dragonfly_plan(p=p, a=a, h=h, g=g)
    routers = graph.subgraph(switches(graph, 1))
    assert len(routers) == plan.switches
    assert routers.size(weight="count") == plan.cables
    assert plan.globals == g * a * h // 2 if g % 2 == 0 or a * h % 2 == 0 else g * (a * h - 1) // 2
    assert all(ports(graph, router) <= p + a - 1 + h for router in routers)
    groups = nx.quotient_graph(routers, lambda one, other: routers.nodes[one]["pod"] == routers.nodes[other]["pod"])
    assert groups.number_of_edges() == g * (g - 1) // 2
    assert nx.diameter(routers) <= 3


@given(
    p=st.integers(1, 3), leaves=st.integers(1, 4), spines=st.integers(1, 4), h=st.integers(1, 3), share=st.floats(0, 1)
)
def test_any_dragonfly_plus_has_the_counts_of_its_formula(p, leaves, spines, h, share):
    g = max(2, round(share * (spines * h + 1)))
    arguments = {"p": p, "leaves": leaves, "spines": spines, "h": h, "g": g}
    graph, plan = dragonfly_plus(**arguments), dragonfly_plus_plan(**arguments)
    between = graph.subgraph([*switches(graph, 1), *switches(graph, 2)])
    assert plan.endpoints == g * leaves * p == len(switches(graph, 0))
    assert plan.local == g * leaves * spines
    assert between.size(weight="count") == plan.local + plan.globals
    assert nx.is_connected(graph)
    assert all(ports(graph, leaf) == p + spines for leaf in switches(graph, 1))
    assert all(ports(graph, spine) <= leaves + h for spine in switches(graph, 2))


@given(groups=st.integers(2, 20), ports_of_group=st.integers(1, 24))
def test_a_global_port_takes_one_cable(groups, ports_of_group):
    ends = [end for cable in global_ports(groups, ports_of_group) for end in cable]
    assert len(ends) == len(set(ends))
    assert all(one[0] != other[0] for one, other in global_ports(groups, ports_of_group))
    assert len(ends) == groups * ports_of_group - (groups if groups * ports_of_group % 2 else 0)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (dragonfly, {"p": 1, "a": 2, "h": 1, "g": 4}, "g: got 4, but 2 global ports of a group join at most 3 groups"),
        (dragonfly, {"p": 1, "a": 2, "h": 0}, "h: got 0, expected an integer >= 1"),
        (dragonfly, {"p": 1, "a": 70_000, "h": 1}, "p + a - 1 + h: got 1 + 70000 - 1 + 1, expected at most 65,536"),
        (dragonfly, {"p": 2, "a": 4, "h": 2, "endpoints": 73}, "endpoints: got 73, but a dragonfly of 9 groups of 4"),
        (dragonfly_plus, {"g": 66}, "g: got 66, but 64 global ports of a group join at most 65 groups"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(function, arguments, message):
    with pytest.raises(ValueError, match="got") as error:
        function(**arguments)
    assert str(error.value).startswith(message)
