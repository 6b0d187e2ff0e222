"""SuperPODs have the switches and cables of NVIDIA's tables."""

import pytest

from sim.cluster.describe import describe
from tests.topologies.reference import cables, network, ports, switches
from topologies import nvl72, superpod_b200, superpod_h100
from topologies.nvl72 import nvl72_plan
from topologies.superpod import superpod_b200_plan

TABLES = network()["published_cluster_tables"]


def managers(graph):
    return [vertex for vertex, kind in graph.nodes(data="kind") if kind == "manager"]


@pytest.mark.parametrize("row", TABLES["dgx_h100_superpod"]["rows"], ids=lambda row: f"{row['su']} units")
def test_h100_units_have_the_published_counts(row):
    graph = superpod_h100(units=row["su"])
    facts = describe(graph)
    assert facts["hosts"] == row["gpus"] == 8 * row["nodes"]
    assert facts["switches_by_tier"] == {"leaf": row["leaf"], "spine": row["spine"]}
    assert facts["links_switch_switch"] == row["cables_spine_leaf"]
    assert facts["links_total"] - facts["links_switch_switch"] == row["cables_compute_and_ufm"]
    assert all(ports(graph, switch) <= 64 for tier in (1, 2) for switch in switches(graph, tier))


def test_the_manager_takes_one_port_each_of_four_rails_of_the_last_unit():
    graph = superpod_h100(units=2)
    leaves = [leaf for manager in managers(graph) for leaf in graph[manager]]
    assert leaves == [f"leaf-1-{rail}" for rail in range(4)]
    assert [ports(graph, f"leaf-1-{rail}") for rail in range(8)] == [64] * 4 + [63] * 4


@pytest.mark.parametrize("row", TABLES["dgx_b200_superpod"]["rows"], ids=lambda row: f"{row['su']} units")
def test_b200_units_have_the_published_counts(row):
    graph = superpod_b200(units=row["su"])
    tiers = [len(switches(graph, tier)) for tier in range(4)]
    assert tiers == [row["gpus"], row["leaf"], row["spine"], row["core"]]
    wired = (cables(graph, 0, 1), cables(graph, 1, 2), cables(graph, 2, 3))
    assert wired == (row["node_leaf"], row["leaf_spine"], row["spine_core"])
    assert managers(graph) == []


@pytest.mark.parametrize(("units", "leaf", "spine", "core"), [(16, 128, 128, 64), (64, 512, 512, 256)])
def test_b200_units_of_the_same_table_beyond_the_reference_rows(units, leaf, spine, core):
    plan = superpod_b200_plan(units=units)
    assert (plan.leaves, plan.pods * plan.spines, plan.spines * plan.cores) == (leaf, spine, core)


def test_units_follow_from_the_endpoints():
    assert len(switches(superpod_h100(endpoints=31 * 8), 1)) == 8
    assert len(switches(superpod_h100(endpoints=32 * 8), 1)) == 16
    assert len(switches(superpod_b200(endpoints=32 * 8), 1)) == 8


@pytest.mark.parametrize("units", [1, 2])
def test_an_nvl72_unit_is_eight_racks(units):
    table = TABLES["nvl72"]
    graph = nvl72(units=units)
    nics = switches(graph, 0)
    assert len(nics) == units * table["su_gpus"]
    assert len({graph.nodes[nic]["rack"] for nic in nics}) == units * table["su_racks"]
    assert sum(graph.nodes[nic]["rack"] == 3 for nic in nics) == table["gpus"]
    assert len({graph.nodes[nic]["node"] for nic in nics if graph.nodes[nic]["rack"] == 3}) == table["compute_trays"]
    assert all(
        len({graph.nodes[nic]["rail"] for nic in graph[leaf] if nic in set(nics)}) == 1 for leaf in switches(graph, 1)
    )
    assert all(ports(graph, switch) <= 64 for tier in (1, 2) for switch in switches(graph, tier))


def test_gb300_switches_of_144_ports_take_a_unit_with_8_leaves_and_4_spines():
    plan = nvl72_plan(units=1, radix=144)
    assert (plan.leaves, plan.spines, plan.cables) == (8, 4, 576)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (
            superpod_h100,
            {"units": 1, "endpoints": 256},
            "endpoints: got 256, but a SuperPOD of 1 unit holds at most 248",
        ),
        (superpod_h100, {"nics_per_node": 4}, "nics_per_node: got 4, expected 8"),
        (superpod_b200, {"units": 0}, "units: got 0, expected an integer >= 1"),
        (nvl72, {"nics_per_node": 8}, "nics_per_node: got 8, expected 4"),
        (
            nvl72,
            {"units": 1, "endpoints": 580},
            "endpoints: got 580, but an NVL72 SuperPOD of 1 unit holds at most 576",
        ),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(function, arguments, message):
    with pytest.raises(ValueError, match="got") as error:
        function(**arguments)
    assert str(error.value).startswith(message)
