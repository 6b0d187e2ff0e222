"""Parts of a network by name, and what the graph says of their loss."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.build import build_cluster
from sim.cluster.examples import accelerator, node
from sim.cluster.health import Health
from sim.cluster.network import Network
from sim.cluster.parts import cable_names, cut_off, faults_of, parts_of, switch_names
from sim.cluster.records import Cluster, NetworkSettings
from tests.cluster.graphs import cluster, folded


def hpn(nodes: int = 32) -> Cluster:
    """Eight GPUs a node, two ports each, on two leaves."""
    return build_cluster("alibaba-hpn", {}, node(gpus=8, nics=16), accelerator(), nodes)


def lost_nodes(built: Cluster, vertices: list[str], cables: list[str], members: range) -> list[int]:
    """Return the nodes that an outage cuts off from the job."""
    whole = Network(built, NetworkSettings())
    left = whole.changed(health=Health(faults=faults_of(vertices, cables)))
    parts = (parts_of(whole.fabric), parts_of(left.fabric))
    return sorted(cut_off(*parts, members, built.node.nics, built.node.accelerators))


def test_every_switch_and_every_cable_between_switches_has_a_name_of_its_own() -> None:
    fabric = Network(cluster(folded(leaves=2, down=4, spines=3, count=2), node()), NetworkSettings()).fabric
    assert {name: len(names) for name, names in switch_names(fabric).items()} == {"leaf": 2, "spine": 3, "core": 0}
    names = cable_names(fabric)
    assert len({*names}) == len(names) == 2 * 3 * 2
    assert Counter(name[-2:] for name in names) == {"#0": 6, "#1": 6}
    assert "leaf-0-0 - spine-0-2 #1" in names


def test_what_two_networks_both_have_is_called_the_same() -> None:
    small, large = (
        Network(cluster(folded(leaves=leaves, down=4, spines=3), node()), NetworkSettings()).fabric for leaves in (2, 4)
    )
    assert {*cable_names(small)} < {*cable_names(large)}


@pytest.mark.parametrize(
    ("vertices", "cables", "expected"),
    [
        (["nic-000003"], [], [3]),
        (["leaf-0-1"], [], [4, 5, 6, 7]),
        (["spine-0-0"], [], []),
        ([], ["leaf-0-0 - spine-0-0 #0"], []),
        # A leaf without uplinks is an island, and the job keeps the side where most of it is.
        ([], ["leaf-0-0 - spine-0-0 #0", "leaf-0-0 - spine-0-1 #0"], [0, 1, 2, 3]),
        (["spine-0-0", "spine-0-1"], [], [4, 5, 6, 7, 8, 9, 10, 11]),
    ],
)
def test_a_single_tor_cuts_off_what_hangs_on_it(vertices: list[str], cables: list[str], expected: list[int]) -> None:
    built = cluster(folded(leaves=3, down=4, spines=2), node())
    assert lost_nodes(built, vertices, cables, range(12)) == expected


def test_the_job_keeps_its_own_side() -> None:
    built = cluster(folded(leaves=3, down=4, spines=2), node())
    island = ["leaf-0-0 - spine-0-0 #0", "leaf-0-0 - spine-0-1 #0"]
    assert lost_nodes(built, [], island, range(4)) == [4, 5, 6, 7, 8, 9, 10, 11]


def test_dual_tor_keeps_a_gpu_that_has_one_of_its_ports() -> None:
    built = hpn()
    leaf, other = "plane-0-leaf-0-3", "plane-1-leaf-0-3"
    assert lost_nodes(built, ["nic-000000"], [], range(32)) == []
    assert lost_nodes(built, [leaf], [], range(32)) == []
    assert lost_nodes(built, ["nic-000000", "nic-000001"], [], range(32)) == [0]
    assert lost_nodes(built, [leaf, other], [], range(32)) == [*range(32)]


def test_rails_are_apart_from_the_start_and_cut_nobody_off() -> None:
    built = build_cluster("rail-only", {}, node(gpus=8, nics=8), accelerator(), 32)
    assert lost_nodes(built, [], [], range(32)) == []
    first = built.endpoints[0]
    assert lost_nodes(built, [first], [], range(32)) == [0]


@given(st.sets(st.integers(0, 511), max_size=40))
def test_a_node_of_hpn_is_lost_exactly_with_both_ports_of_a_gpu(ports: set[int]) -> None:
    whole = np.arange(512) % 2
    left = np.where(np.isin(np.arange(512), [*ports]), -1, whole)
    expected = {port // 16 for port in ports if port ^ 1 in ports}
    assert cut_off(whole, left, range(32), 16, 8) == expected


def test_a_damaged_cluster_keeps_its_own_health_besides() -> None:
    built = replace(hpn(), health=Health(faults=faults_of(["nic-000000"], [])))
    whole = Network(built, NetworkSettings())
    assert parts_of(whole.fabric)[0] == -1
