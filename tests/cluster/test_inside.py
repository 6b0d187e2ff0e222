"""Inside a node: what the graph holds, what binds a NIC, and what a fault there leaves."""

from collections import Counter
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import catalog
from sim.cluster.build import build_cluster
from sim.cluster.contract import EDGE_ATTRIBUTES, MEDIA
from sim.cluster.damage import damage
from sim.cluster.fabric.protocols import FLUID
from sim.cluster.health import Fault, Health
from sim.cluster.inside import affinity, nic_rates, node_graph, whole_graph
from sim.cluster.network import Network
from sim.cluster.records import Cluster, NetworkSettings
from sim.errors import ScenarioError, TopologyError, UnknownNameError


def built(name: str = "dgx-h100", nodes: int = 4) -> Cluster:
    each = catalog.node(name)
    return build_cluster("leaf-spine", {"radix": 64}, each, catalog.accelerator(each.accelerator), nodes)


def hit(cluster: Cluster, **faults: float) -> Cluster:
    """Return the cluster with factors by name; " - " in a name makes it a link."""
    kinds = {name: "link" if " - " in name else "vertex" for name in faults}
    every = tuple(Fault(what=kinds[name], name=name, factor=factor) for name, factor in faults.items())
    return replace(cluster, health=Health(faults=every))


def busbw(cluster: Cluster, kind: str, groups: np.ndarray, size: float = 1e12) -> float:
    return Network(cluster, NetworkSettings(), (FLUID,)).cost(kind, groups, size, "ring").busbw_bytes_per_s


@pytest.mark.parametrize("name", catalog.names("node"))
def test_a_node_has_its_gpus_nics_and_switches_and_keeps_the_contract(name: str) -> None:
    node = catalog.node(name)
    chip = catalog.accelerator(node.accelerator)
    graph = node_graph(node, chip)
    kinds = Counter(kind for _, kind in graph.nodes(data="kind"))
    assert kinds == Counter(
        gpu=node.accelerators,
        nic=node.nics,
        nvswitch=node.scale_up_switches,
        pcie=node.pcie_switches,
        cpu=node.cpus,
    )
    for _, _, link in graph.edges(data=True):
        assert set(EDGE_ATTRIBUTES) <= set(link)
        assert link["medium"] in MEDIA
        assert link["bandwidth_bytes_per_s"] > 0
    for gpu in range(node.accelerators):
        port = sum(link["bandwidth_bytes_per_s"] for link in graph[f"gpu-{gpu}"].values() if link["medium"] == "nvlink")
        # Chips without a scale-up domain reach one another by their NICs alone.
        assert port == pytest.approx(chip.scale_up_bandwidth_bytes_per_s if node.scale_up_domain > 1 else 0.0)


@pytest.mark.parametrize("name", catalog.names("node"))
def test_no_slot_of_the_catalog_holds_its_nic_back(name: str) -> None:
    node = catalog.node(name)
    rates = nic_rates(node_graph(node, catalog.accelerator(node.accelerator)), node)
    assert rates.tolist() == [node.nic_bandwidth_bytes_per_s] * node.nics


@pytest.mark.parametrize("name", catalog.names("node"))
def test_every_gpu_is_nearest_to_the_nics_that_it_uses(name: str) -> None:
    """NICs of a GPU are those of the network model; none that it does not use is nearer."""
    node = catalog.node(name)
    graph = node_graph(node, catalog.accelerator(node.accelerator))
    far = ["PIX", "PHB", "SYS"]
    for gpu in range(node.accelerators):
        ranks = [far.index(affinity(graph, f"gpu-{gpu}", f"nic-{nic}")) for nic in range(node.nics)]
        assert ranks[gpu * node.nics // node.accelerators] == min(ranks)


@pytest.mark.parametrize(("line", "slot", "gpus", "nics", "expected"), [
    (100e9, 63e9, 8, 8, 63e9),  # a NIC faster than its slot
    (50e9, 63e9, 8, 16, 31.5e9),  # a GPU divides its own link between two NICs
    (50e9, 63e9, 8, 4, 50e9),  # two GPUs share a NIC
    (100e9, 63e9, 8, 4, 63e9),
])  # fmt: skip
def test_a_nic_carries_the_least_of_its_line_its_slot_and_its_gpus(
    line: float, slot: float, gpus: int, nics: int, expected: float
) -> None:
    node = replace(
        catalog.node("dgx-h100"),
        accelerators=gpus,
        nics=nics,
        nic_bandwidth_bytes_per_s=line,
        pcie_bandwidth_bytes_per_s=slot,
    )
    rates = nic_rates(node_graph(node, catalog.accelerator("h100-sxm")), node)
    np.testing.assert_allclose(rates, expected)
    wired = build_cluster("leaf-spine", {"radix": 64}, node, catalog.accelerator("h100-sxm"), 2)
    np.testing.assert_allclose(Network(wired, NetworkSettings()).fabric.nic_capacity_bytes_per_s, expected)


def test_a_slot_at_half_its_lanes_slows_the_rings_that_use_it_and_no_other() -> None:
    """PCIe 5.0 x8 gives 31.5 GB/s to a NIC of 50: one ring of eight is bound by it."""
    slow = hit(built(), **{"node-1/nic-3 - node-1/pcie-1": 0.5})
    rings = np.arange(32).reshape(4, 8).T
    rates = Network(slow, NetworkSettings(), (FLUID,)).group_rates("all-gather", rings)
    np.testing.assert_allclose(np.delete(rates, 3), 50e9, rtol=1e-6)
    assert rates[3] == pytest.approx(31.5e9)


def test_a_lost_pcie_switch_or_gpu_stops_a_job_that_has_a_rank_there_and_no_other() -> None:
    rings = np.arange(32).reshape(4, 8).T
    for name, lost in (("node-2/pcie-0", [0, 1]), ("node-2/gpu-1", [1]), ("node-2/cpu-0", [*range(8)])):
        network = Network(hit(built(), **{name: 0.0}), NetworkSettings(), (FLUID,))
        for ring in range(8):
            if ring in lost:
                with pytest.raises(TopologyError, match="job stops"):
                    network.cost("all-gather", rings[ring : ring + 1], 1e9)
            else:
                network.cost("all-gather", rings[ring : ring + 1], 1e9)


def test_a_gpu_that_shares_its_nic_is_missed_too() -> None:
    """On four NICs for eight GPUs the NIC of a lost GPU goes on; a job with a rank there still stops."""
    network = Network(hit(built("hgx-a100-4x200g"), **{"node-0/gpu-1": 0.0}), NetworkSettings())
    network.cost("all-gather", np.array([[0, 8, 16]]), 1e9)
    with pytest.raises(TopologyError, match="node-0/gpu-1 is lost"):
        network.cost("all-gather", np.array([[1, 9, 17]]), 1e9)


def test_lost_nvswitches_take_their_part_of_every_port() -> None:
    """One of four leaves 3/4, two 2/4, as the class of faults that counts them; a cable takes its GPU's part alone."""
    inside = np.arange(8)[None]
    whole = busbw(built(), "all-gather", inside)
    for lost in (1, 2, 3):
        names = {f"node-0/nvswitch-{switch}": 0.0 for switch in range(lost)}
        left = busbw(hit(built(), **names), "all-gather", inside)
        assert left / whole == pytest.approx(1 - lost / 4, rel=1e-4)
        counted = Health(faults=(Fault(what="nvswitch", name="0", count=lost),))
        assert left == pytest.approx(busbw(replace(built(), health=counted), "all-gather", inside), rel=1e-9)
    cable = hit(built(), **{"node-0/gpu-2 - node-0/nvswitch-1": 0.0})
    np.testing.assert_allclose(damage(cable).ports[:8], [1, 1, 0.75, 1, 1, 1, 1, 1])


def test_a_switch_of_a_rack_is_a_part_of_every_port_in_it() -> None:
    rack = built("gb200-nvl72", nodes=36)
    left = damage(hit(rack, **{"node-5/nvswitch-0": 0.0})).ports
    np.testing.assert_allclose(left[:72], 17 / 18)
    np.testing.assert_allclose(left[72:], 1)
    own = damage(hit(rack, **{"node-5/gpu-1": 0.0})).ports
    np.testing.assert_allclose(np.delete(own, 21), 1)


@given(
    st.dictionaries(
        st.sampled_from(["gpu-0", "gpu-5", "nvswitch-0", "nvswitch-3", "pcie-1", "nic-2", "nic-3"]),
        st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    )
)
def test_nothing_is_better_for_being_hit_and_factors_of_one_change_nothing(factors: dict[str, float]) -> None:
    left = damage(hit(built(nodes=2), **{f"node-1/{name}": factor for name, factor in factors.items()}))
    assert np.all((left.nics >= 0) & (left.nics <= 1))
    assert np.all((left.ports >= 0) & (left.ports <= 1))
    assert np.all(left.nics[:8] == 1)
    assert np.all(left.ports[:8] == 1)
    if all(factor == 1.0 for factor in factors.values()):
        assert np.all(left.nics == 1)
        assert np.all(left.ports == 1)


def test_the_whole_graph_is_the_fabric_with_every_node_in_it() -> None:
    cluster = built(nodes=3)
    whole, inside = whole_graph(cluster), node_graph(cluster.node, cluster.accelerator)
    assert len(whole) == len(cluster.graph) + 3 * (len(inside) - cluster.node.nics)
    assert whole.number_of_edges() == cluster.graph.number_of_edges() + 3 * inside.number_of_edges()
    assert nx.is_connected(whole)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("node-9/gpu-0", "got node 9"),
        ("node-0/gpu-0 - node-0/nic-0", "there is no such link; node-0/gpu-0 is linked to node-0/nvswitch-0"),
        ("node-0/gpu-0 - node-1/gpu-0", "there is no such link"),
        ("node-0/gpu-0 - leaf-0-0", "expected a vertex of a node"),
        ("node-0/pcie-0 - node-0/cpu-0", "nothing that is simulated crosses it"),
    ],
)
def test_parts_that_are_not_there_are_refused(name: str, expected: str) -> None:
    with pytest.raises(ScenarioError, match=expected):
        damage(hit(built(), **{name: 0.0}))


def test_the_nearest_part_is_named() -> None:
    with pytest.raises(UnknownNameError, match="node-0/nvswitch-0"):
        damage(hit(built(), **{"node-0/nvswich-0": 0.0}))
    counted = Health(faults=(Fault(what="vertex", name="node-0/gpu-0", count=2),))
    with pytest.raises(ScenarioError, match="got count 2"):
        damage(replace(built(), health=counted))


def test_a_lost_host_or_pcie_switch_stops_what_stays_on_nvlink_too() -> None:
    for name, group in (("node-0/pcie-1", [2, 4]), ("node-0/cpu-1", [0, 1])):
        network = Network(hit(built(), **{name: 0.0}), NetworkSettings())
        with pytest.raises(TopologyError, match=f"{name} is lost"):
            network.cost("all-gather", np.array([group]), 1e9)
    network = Network(hit(built(), **{"node-0/pcie-1": 0.0}), NetworkSettings())
    network.cost("all-gather", np.array([[0, 4]]), 1e9)


def test_a_slow_cpu_is_refused_where_nothing_crosses_it() -> None:
    with pytest.raises(ScenarioError, match="nothing that is simulated crosses it"):
        damage(hit(built(), **{"node-0/cpu-0": 0.5}))
    assert damage(hit(built("gb200-nvl72", nodes=18), **{"node-0/cpu-0": 0.5})).nics.min() < 1
