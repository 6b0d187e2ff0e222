"""Clusters and sites: networks by their bills, power at each level, prices of sites."""

from typing import Any

import pytest

from sim import catalog
from sim.analysis.cost.answer import cost_answer
from sim.analysis.cost.machines import book_price, capex, gpus_of_site, network, node_of, power, whole_pods
from sim.analysis.cost.rules.sites import count_of
from tests.analysis.cost.examples import known, only, record


def rows_of(*names: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in cost_answer(known(*names), articles=False)["rows"]}


def test_the_network_of_100_gpus_is_the_bill_of_its_topology() -> None:
    rows = rows_of("seed_100gpu_net")
    leaf_spine = rows["seed_100gpu_net (leaf-spine)"]
    # 13 nodes of 8 NICs: 4 leaves of 32 ports down, 2 spines.
    counts = {"qm9700": 6, "aoc-400g": 128, "dac-400g": 104}
    assert leaf_spine["inputs"] == {"nodes": 13, **counts}
    prices = {name: book_price(f"{'switch' if name == 'qm9700' else 'cable'}/{name}") for name in counts}
    assert leaf_spine["simulated"] == sum(counts[name] * prices[name] for name in counts)
    rails, both = (rows[f"seed_100gpu_net ({name})"]["simulated"] for name in ("rail-only", "rail-optimized"))
    assert rails < leaf_spine["simulated"] < both


def test_published_networks_count_switches_as_we_do_but_for_one_size() -> None:
    errors = {name: row["error"] for name, row in rows_of("ttcto_512", "ttcto_1024", "ttcto_2048").items()}
    assert all(-0.05 < error < 0 for error in errors.values())


@pytest.mark.slow
def test_two_tiers_of_64_ports_do_not_reach_16384_gpus() -> None:
    row = rows_of("ttcto_16384")["ttcto_16384"]
    assert row["error"] == pytest.approx(0.54, abs=0.01)
    assert "two tiers, whose 64 ports end at 2,048 GPUs" in row["note"]


def test_whole_pods_have_five_switches_for_each_64_endpoints() -> None:
    pods = network("dgx-h100", whole_pods(catalog.node("dgx-h100")))
    switches = sum(line.count for line in pods.bill if line.item == "switch")
    assert switches == 5 * 16_384 / 64


def test_a_network_beyond_three_tiers_is_scaled() -> None:
    node = catalog.node("dgx-h100")
    beyond = network("dgx-h100", 12_500)
    assert beyond.topology == "clos, scaled up"
    assert beyond.power_w / 12_500 == pytest.approx(network("dgx-h100", whole_pods(node)).power_w / whole_pods(node))


def test_power_rises_from_chips_to_the_meter_and_doubles_with_gpus() -> None:
    node = catalog.node("dgx-h100")
    one, two = power(node, 16_384, 1.15), power(node, 8192, 1.15)
    assert one.chips_w < one.nodes_w < one.it_w < one.facility_w
    assert one.facility_w == pytest.approx(1.15 * one.it_w)
    assert one.nodes_w == pytest.approx(2 * two.nodes_w)


@pytest.mark.slow
def test_50000_gpus_fit_30_to_50_mw_as_chips_and_need_more_at_the_meter() -> None:
    rows = rows_of("seed_50k")
    assert rows["seed_50k (chips)"]["simulated"] == pytest.approx(50_000 * 595e-6, rel=0.1)
    assert 58 < rows["seed_50k (at the meter)"]["simulated"] < 80
    assert [name for name, row in rows.items() if row["scored"]] == ["seed_50k (at the meter)"]


def test_a_unit_of_32_dgx_b200_is_its_nameplates() -> None:
    assert rows_of("b200_su")["b200_su"]["simulated"] == pytest.approx(457.6)


def test_ratios_of_servers_come_from_the_same_sheets() -> None:
    rows = rows_of("epoch_chip_to_server_H100", "epoch_chip_to_server_A100")
    assert {row["section"] for row in rows.values()} == {"arithmetic"}
    assert rows["epoch_chip_to_server_A100"]["simulated"] == 2.03125


def test_a_gigawatt_feeds_hundreds_of_thousands_of_gpus() -> None:
    for name in ("dgx-h100", "dgx-b200", "gb200-nvl72"):
        found = gpus_of_site(catalog.node(name), 1e9, 1.15)
        assert 450_000 <= found <= 710_000
        assert gpus_of_site(catalog.node(name), 2e9, 1.15) == pytest.approx(2 * found)


def test_a_site_costs_its_servers_network_and_facility() -> None:
    items = capex(catalog.node("dgx-h100"), 16)
    node = catalog.node("dgx-h100")
    assert items["server"] == 16 * book_price("server/dgx-h100")
    watts = 16 * node.nameplate_w + network("dgx-h100", 16).power_w
    assert items["facility"] == pytest.approx(book_price("facility/watt") * watts)


@pytest.mark.slow
def test_a_gigawatt_site_is_priced_between_two_published_sums() -> None:
    rows = rows_of("bernstein_gw", "nvidia_gw", "bernstein_share_me", "bernstein_share_networking")
    assert rows["bernstein_gw"]["error"] == pytest.approx(0.18, abs=0.1)
    assert rows["nvidia_gw"]["beyond"] == pytest.approx(-0.17, abs=0.1)
    assert sum(rows["bernstein_gw"]["terms"].values()) == pytest.approx(rows["bernstein_gw"]["simulated"])


def test_clusters_of_ones_own_are_read_by_name_and_unit() -> None:
    mine = record(category="power", unit="MW", name="1,000 B200 cluster", value=2.0)
    rows = cost_answer(only(mine), articles=False)["rows"]
    assert [row["id"] for row in rows][:2] == ["mine (chips)", "mine (nodes)"]
    assert rows[0]["simulated"] == pytest.approx(0.85)
    net = record(id="net", category="cluster_capex", name="256-GPU cluster interconnect", unit="USD", value=8e5)
    assert len(cost_answer(only(net), articles=False)["rows"]) == 3


def test_counts_and_nodes_are_told_by_names() -> None:
    assert count_of("1024 H100 cluster: switches+cables per GPU") == 1024
    assert count_of("Cluster of 8") is None
    assert node_of("GB200 NVL72") == catalog.node("gb200-nvl72")
    assert node_of("MI300X") is None
