"""The arrays hold the graph: every cable twice, parallel cables apart, classes by tier."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.fabric.arrays import fabric_arrays
from sim.errors import TopologyError
from tests.cluster.graphs import endpoints_of, folded


def test_every_cable_is_two_directed_ones_and_parallel_cables_stand_apart() -> None:
    graph = folded(leaves=2, down=2, spines=2, count=3)
    fabric = fabric_arrays(graph, endpoints_of(graph), 50e9)
    assert fabric.source.size == 2 * (2 * 2 * 3)
    assert np.array_equal(np.diff(fabric.start), [6, 6, 6, 6])
    assert fabric.classes == ("leaf-spine",)


def test_classes_are_named_by_tier() -> None:
    graph = folded(leaves=2, down=1, spines=2, pods=2, cores_per_spine=1)
    fabric = fabric_arrays(graph, endpoints_of(graph), 50e9)
    assert fabric.classes == ("leaf-spine", "spine-core")
    counts = np.bincount(fabric.link_class)
    assert counts.tolist() == [2 * 8, 2 * 4]


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_reverse_is_an_involution_that_swaps_ends(leaves: int, spines: int, count: int, pods: int) -> None:
    graph = folded(leaves=leaves, down=1, spines=spines, count=count, pods=pods, cores_per_spine=pods - 1)
    fabric = fabric_arrays(graph, endpoints_of(graph), 50e9)
    cables = np.arange(fabric.source.size)
    assert np.array_equal(fabric.reverse[fabric.reverse], cables)
    assert np.array_equal(fabric.source[fabric.reverse], fabric.target)
    assert np.array_equal(fabric.target[fabric.reverse], fabric.source)
    assert np.array_equal(np.repeat(np.arange(len(fabric.switches)), np.diff(fabric.start)), fabric.source)


def test_a_nic_slower_than_its_link_sets_the_capacity() -> None:
    graph = folded(leaves=1, down=2, spines=0)
    fabric = fabric_arrays(graph, endpoints_of(graph), 25e9)
    assert fabric.nic_capacity_bytes_per_s.tolist() == [25e9, 25e9]
    assert fabric.leaf.tolist() == [0, 0]


def test_a_lost_link_leaves_its_endpoint_without_a_leaf() -> None:
    graph = folded(leaves=1, down=2, spines=1)
    graph.remove_edge("nic-000001", "leaf-0-0")
    assert fabric_arrays(graph, endpoints_of(graph), 50e9).leaf[1] == -1


def test_an_endpoint_has_one_link() -> None:
    graph = folded(leaves=2, down=1, spines=1)
    graph.add_edge("nic-000000", "leaf-0-1", bandwidth_bytes_per_s=1.0, latency_s=0.0, count=1)
    with pytest.raises(TopologyError, match="nic-000000: got two links"):
        fabric_arrays(graph, endpoints_of(graph), 50e9)


def test_endpoints_meet_only_switches() -> None:
    graph = folded(leaves=1, down=2, spines=1)
    graph.add_edge("nic-000000", "nic-000001", bandwidth_bytes_per_s=1.0, latency_s=0.0, count=1)
    with pytest.raises(TopologyError, match="two endpoints"):
        fabric_arrays(graph, endpoints_of(graph), 50e9)


def test_a_missing_attribute_is_named() -> None:
    graph = folded(leaves=1, down=1, spines=1)
    del graph.edges["leaf-0-0", "spine-0-0"]["latency_s"]
    with pytest.raises(TopologyError, match="latency_s is None"):
        fabric_arrays(graph, endpoints_of(graph), 50e9)
