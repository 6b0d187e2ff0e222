"""The bill of materials holds every switch, cable and server once, in the smallest catalog entry that fits."""

from decimal import Decimal

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.bom import bill_of_materials, capex_usd, port_use, power_w
from sim.cluster.records import BomLine
from sim.errors import PriceError, TopologyError, UnknownNameError
from tests.cluster.hardware import cable, node, price_book, switch
from topologies import alibaba_hpn, clos, fat_tree, leaf_spine, multi_site, rail_optimized, torus

SWITCHES = [
    switch("small", 4),
    switch("large", 64, power_w=2000.0),
    switch("fast", 64, gbit=800),
    switch("chassis", 576),
    switch("ib", 64, technology="infiniband"),
]
CABLES = [
    cable("copper", "copper", 3, power_w=0.0),
    cable("fibre-50", "optic", 50, power_w=16.0),
    cable("fibre-500", "optic", 500, power_w=20.0),
    cable("fibre-800g", "optic", 500, gbit=800),
]


def materials(graph, technology="ethernet", switches=SWITCHES, cables=CABLES, **servers):
    return bill_of_materials(graph, technology=technology, switches=switches, cables=cables, **servers)


def counts(bom):
    return {f"{line.item}/{line.name}": line.count for line in bom}


def test_a_fat_tree_of_4_takes_20_switches_and_48_cables_by_length():
    assert counts(materials(fat_tree(k=4))) == {
        "switch/small": 20,
        "cable/copper": 16,
        "cable/fibre-50": 16,
        "cable/fibre-500": 16,
    }


def test_a_switch_is_the_smallest_that_has_the_ports():
    assert counts(materials(leaf_spine(radix=64)))["switch/large"] == 96
    llama = clos(endpoints=6144, radix=[64, 576, 576], oversubscription=[1, 1, 7], rack=16, pod=3072)
    bom = counts(materials(llama))
    assert (bom["switch/large"], bom["switch/chassis"]) == (384, 16 + 8)


def test_a_switch_carries_the_fastest_cable_at_it():
    graph = leaf_spine(radix=4, bandwidth_bytes_per_s=100e9)
    fast = [*CABLES, cable("copper-800g", "copper", 2, gbit=800)]
    bom = counts(materials(graph, cables=fast))
    assert bom == {"switch/fast": 6, "cable/copper-800g": 8, "cable/fibre-800g": 8}


def test_parallel_cables_are_counted_each():
    assert counts(materials(rail_optimized(endpoints=248), "infiniband"))["cable/fibre-50"] == 248 + 256


def test_technology_chooses_among_switches():
    assert counts(materials(leaf_spine(radix=8), "infiniband"))["switch/ib"] == 12


def test_servers_join_when_a_node_is_given():
    bom = materials(leaf_spine(endpoints=16), node=node(), nodes=2)
    assert bom[-1] == BomLine(item="server", name="box", count=2, power_w=10_000.0)


def test_ports_used_and_left_add_up_to_the_ports_bought():
    graph = leaf_spine(radix=8, endpoints=30)
    (use,) = port_use(graph, technology="infiniband", switches=SWITCHES)
    assert use.used == 30 + 2 * 32
    assert use.used + use.left == 12 * 64


def test_a_router_of_a_chip_and_what_joins_it_are_not_bought():
    graph = torus(shape=[4, 4])
    assert counts(materials(graph)) == {"cable/copper": 24, "cable/fibre-50": 8}
    assert port_use(graph, technology="ethernet", switches=SWITCHES) == ()


def test_slower_cables_share_a_port_of_the_fastest():
    graph = alibaba_hpn(segments=1, backup_hosts=8)
    wide = [*SWITCHES, switch("wide", 128)]
    cables = [*CABLES, cable("copper-200g", "copper", 3, gbit=200)]
    bom = counts(materials(graph, switches=wide, cables=cables))
    assert bom == {"switch/wide": 16, "switch/large": 120, "cable/copper-200g": 2176, "cable/fibre-50": 960}


def test_lines_of_a_wan_belong_to_others():
    graph = multi_site(endpoints=64, radix=16, wan_links=3)
    bought = sum(line.count for line in materials(graph) if line.item == "cable")
    assert bought == graph.size(weight="count") - 3


@given(endpoints=st.integers(1, 128))
def test_the_bill_holds_each_switch_and_cable_of_the_graph_once(endpoints):
    graph = fat_tree(k=8, endpoints=endpoints)
    bom = materials(graph)
    assert sum(line.count for line in bom if line.item == "switch") == len(graph) - endpoints
    assert sum(line.count for line in bom if line.item == "cable") == graph.size(weight="count")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"switches": SWITCHES[:1]}, "no ethernet switch of the catalog has 8 ports of 400 Gbit/s; it has 4 x 400"),
        ({"cables": CABLES[1:]}, "no copper cable of the catalog carries 400 Gbit/s over 2 m; it has none"),
        ({"cables": CABLES[:2]}, "no optic cable of the catalog carries 400 Gbit/s over 100 m; it has 400 Gbit/s over"),
    ],
)
def test_nothing_that_fits_is_an_error_with_what_there_is(changes, message):
    with pytest.raises(TopologyError) as error:
        materials(fat_tree(k=8), **changes)
    assert message in str(error.value)


def test_an_unknown_technology_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'infiniband'"):
        materials(fat_tree(k=4), "infiniban")


def test_a_graph_without_switches_has_none_in_its_bill():
    assert materials(nx.Graph()) == ()


def test_capex_is_the_sum_of_counts_times_prices():
    bom = materials(fat_tree(k=4), node=node(), nodes=2)
    book = price_book(
        {"switch/small": 100.1, "cable/copper": 1, "cable/fibre-50": 10, "cable/fibre-500": 20, "server/box": 1000}
    )
    assert capex_usd(bom, book) == Decimal("2002.0") + 16 + 160 + 320 + 2000


def test_power_is_the_sum_of_counts_times_nameplates():
    assert power_w(materials(fat_tree(k=4), node=node(), nodes=2)) == 20 * 1000 + 16 * 16 + 16 * 20 + 2 * 10_000


def test_a_missing_price_is_an_error_that_names_the_nearest():
    bom = materials(fat_tree(k=4))
    with pytest.raises(PriceError, match=r"price book 'book': .*'switch/small'; did you mean 'switch/smal'\?"):
        capex_usd(bom, price_book({"switch/smal": 1.0}))


def test_prices_in_another_currency_are_refused():
    with pytest.raises(PriceError, match="currency is EUR, expected USD"):
        capex_usd((), price_book({}, currency="EUR"))
