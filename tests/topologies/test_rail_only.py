"""Rail-only fabrics have the published saving, and rails that nothing joins but the nodes."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.contract import check_graph
from sim.cluster.describe import describe
from tests.topologies.reference import cables, network, ports, switches
from topologies import rail_only
from topologies.rail_only import rail_only_plan

ROWS = network()["derived_rail_only_vs_clos_radix64"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['gpus']}-{row['hb_domain']}")
def test_switches_and_cables_are_those_of_the_derived_table(row):
    plan = rail_only_plan(endpoints=row["gpus"], rails=row["hb_domain"])
    assert (plan.switches, plan.cables) == (row["rail_only_switches"], row["rail_only_links"])
    saving = 100 * (1 - plan.switches / row["clos_switches"])
    assert saving == pytest.approx(row["switch_saving_pct"], abs=0.05)


@pytest.mark.parametrize("row", ROWS[:3], ids=lambda row: f"{row['gpus']}-{row['hb_domain']}")
def test_the_graph_has_the_counts_of_its_plan(row):
    facts = describe(rail_only(endpoints=row["gpus"], rails=row["hb_domain"]))
    assert (facts["hosts"], facts["switches"]) == (row["gpus"], row["rail_only_switches"])
    assert facts["links_switch_switch"] == row["rail_only_links"]


def test_no_link_joins_two_rails():
    graph = rail_only(endpoints=1024, radix=16)
    parts = list(nx.connected_components(graph))
    assert len(parts) == 8
    for part in parts:
        assert len({graph.nodes[vertex]["rail"] for vertex in part}) == 1


def test_rails_that_share_a_switch_fill_its_ports():
    graph = rail_only(endpoints=2048, rails=256)
    assert {ports(graph, switch) for switch in switches(graph, 1)} == {64}
    assert sorted({graph.nodes[nic]["rail"] for nic in graph["rail-8-leaf-0-0"]}) == list(range(8, 16))


@given(
    rails=st.sampled_from([1, 2, 4, 8]),
    radix=st.sampled_from([4, 6, 8, 16]),
    share=st.floats(0.02, 1.0),
)
def test_any_rail_only_fabric_is_joined_by_its_nodes_within_its_ports(rails, radix, share):
    nodes = max(1, round(share * radix**3 // 4))
    graph = rail_only(endpoints=nodes * rails, nics_per_node=rails, radix=radix)
    plan = rail_only_plan(endpoints=nodes * rails, nics_per_node=rails, radix=radix)
    check_graph(graph, nodes * rails, rails)
    every = [switch for tier in (1, 2, 3) for switch in switches(graph, tier)]
    assert len(every) == plan.switches
    assert cables(graph, 1, 2) + cables(graph, 2, 3) == plan.cables
    assert all(ports(graph, switch) <= radix for switch in every)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"endpoints": 8, "rails": 16}, "endpoints: got 8, expected at least one for each of 16 rails"),
        ({"rails": 0}, "rails: got 0, expected an integer >= 1"),
        (
            {"radix": 4, "endpoints": 136},
            "endpoints: got 136, but a rail-only network of 8 rails with radix 4 holds at",
        ),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(arguments, message):
    with pytest.raises(ValueError, match="got") as error:
        rail_only(**arguments)
    assert str(error.value).startswith(message)
