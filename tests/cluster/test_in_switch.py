"""Reductions in switches: NVLS, NVLSTree, SHARP; and what chunks that wait cost."""

import numpy as np
import pytest

from sim import catalog
from sim.cluster.build import build_cluster
from sim.cluster.fabric.protocols import FLUID
from sim.cluster.network import Network
from sim.cluster.records import NetworkSettings
from sim.errors import ScenarioError


def network(node: str, nodes: int = 1, sharp: bool = False, fluid: bool = False) -> Network:
    each = catalog.node(node)
    built = build_cluster("leaf-spine", {"radix": 64}, each, catalog.accelerator(each.accelerator), nodes)
    settings = NetworkSettings(in_network_reduction=sharp)
    return Network(built, settings, (FLUID,)) if fluid else Network(built, settings)


def test_nvls_sends_one_plus_one_nth_of_the_buffer_over_each_port() -> None:
    cost = network("dgx-h100", fluid=True).cost("all-reduce", np.arange(8)[None], 8e9, "nvls")
    assert cost.time_s == pytest.approx(0.6e-6 + 9 / 8 * 8e9 / (450e9 * 0.822), rel=1e-9)
    assert cost.lower_bound_s == pytest.approx(8e9 / 450e9)


def test_an_a100_has_no_switch_that_reduces() -> None:
    with pytest.raises(ScenarioError, match="needs scale-up switches that reduce"):
        network("dgx-a100").cost("all-reduce", np.arange(8)[None], 1e9, "nvls")
    assert network("dgx-a100").cost("all-reduce", np.arange(8)[None], 1e9).algorithm == "ring"


@pytest.mark.parametrize(("ranks", "algorithm"), [(2, "ring"), (3, "ring"), (8, "nvls")])
def test_large_sums_on_h100_take_the_switch_where_it_is_faster(ranks: int, algorithm: str) -> None:
    assert network("dgx-h100").cost("all-reduce", np.arange(ranks)[None], 2**33).algorithm == algorithm


def test_sharp_halves_what_a_nic_carries_and_meets_its_own_bound() -> None:
    """S / (g B) with reduction in the network, 2 (k - 1) / k S / (g B) without; 4 nodes of 8."""
    groups = np.arange(32)[None]
    cost = network("dgx-h100", 4, sharp=True, fluid=True).cost("all-reduce", groups, 8e11, "collnet")
    assert cost.lower_bound_s <= cost.time_s
    plain = network("dgx-h100", 4, fluid=True).cost("all-reduce", groups, 8e11)
    assert plain.lower_bound_s == pytest.approx(1.5 * 8e11 / 400e9)
    assert network("dgx-h100", 4, sharp=True).cost("all-reduce", groups, 8e11).time_s < plain.time_s
    with pytest.raises(ScenarioError, match="network switches that reduce"):
        network("dgx-h100", 4).cost("all-reduce", groups, 1e9, "collnet")


def test_nvls_tree_does_not_beat_the_bound_of_the_nics() -> None:
    cost = network("dgx-h100", 4, fluid=True).cost("all-reduce", np.arange(32)[None], 8e9, "nvls-tree")
    assert cost.time_s >= cost.lower_bound_s


def test_an_algorithm_of_the_settings_is_taken_where_groups_allow_it_and_missed_where_none_does() -> None:
    plain = network("dgx-h100", 4)
    asked = plain.changed()
    for name, groups in (("tree", np.arange(32)[None]), ("nvls", np.arange(8)[None])):
        preset = Network(plain.cluster, NetworkSettings(algorithms=(("all-reduce", name),)))
        assert preset.unused_algorithms == (("all-reduce", name),)
        cost = preset.cost("all-reduce", groups, 1e9)
        assert cost == asked.cost("all-reduce", groups, 1e9, name)
        assert preset.unused_algorithms == ()
    tree = Network(plain.cluster, NetworkSettings(algorithms=(("all-reduce", "tree"),)))
    assert tree.cost("all-reduce", np.arange(8)[None], 1e9) == asked.cost("all-reduce", np.arange(8)[None], 1e9)
    assert tree.unused_algorithms == (("all-reduce", "tree"),)
