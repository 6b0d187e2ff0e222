"""Valiant's routing loads every link alike, whatever the pattern, at twice the path length."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cluster.examples import node
from sim.cluster.fabric.arrays import FloatArray, IntArray, fabric_arrays
from sim.cluster.fabric.dimensions import dimension_ordered_paths
from sim.cluster.fabric.protocols import FLUID
from sim.cluster.fabric.routing import Router, split_loads
from sim.cluster.fabric.valiant import valiant_loads
from sim.cluster.network import Network
from sim.cluster.records import NetworkSettings
from sim.errors import TopologyError
from tests.cluster.graphs import cluster, direct, endpoints_of, folded, lattice

VALIANT = NetworkSettings(routing="valiant")


def router(graph: "nx.Graph[str]") -> Router:
    return Router(fabric_arrays(graph, endpoints_of(graph), 50e9))


def two_phases(routes: Router, source: IntArray, target: IntArray, weight: FloatArray, ordered: bool) -> FloatArray:
    """Route every flow to each router and on from it, one by one."""
    switches, loads = len(routes.fabric.switches), np.zeros(routes.fabric.source.size)
    for middle in range(switches):
        by_way = np.full_like(source, middle)
        for one, other in ((source, by_way), (by_way, target)):
            if ordered:
                pair, cable, fraction = dimension_ordered_paths(routes, one, other)
                loads += np.bincount(cable, fraction * weight[pair] / switches, loads.size)
            else:
                loads += split_loads(routes, one, other, weight / switches)[0]
    return loads


@given(st.integers(0, 1000), st.sampled_from(["torus", "mesh", "hyperx", "ring of 2", "random"]))
@settings(max_examples=40, deadline=None)
def test_loads_equal_two_phases_by_way_of_every_router(seed: int, kind: str) -> None:
    graph = {
        "torus": lambda: lattice(3, 4, 2, count=2),
        "mesh": lambda: lattice(3, 4, wrap=(False, True)),
        "hyperx": lambda: lattice(3, 4, full=True),
        "ring of 2": lambda: lattice(2, 5),
        "random": lambda: direct(nx.random_regular_graph(3, 12, seed=5)),
    }[kind]()
    routes = router(graph)
    rng = np.random.default_rng(seed)
    source, target = rng.permutation(len(routes.fabric.switches))[:8].reshape(2, 4)
    weight = rng.random(4)
    loads, _ = valiant_loads(routes, source, target, weight)
    ordered = kind != "random"
    np.testing.assert_allclose(loads, two_phases(routes, source, target, weight, ordered), atol=1e-12)


def test_the_worst_pattern_of_a_ring_costs_no_more_than_any_other() -> None:
    """Half-way round, every flow shares its way with n/2 others; by way of random routers with as many as any shift."""
    built = cluster(lattice(16), node())

    def load_of(routing: str, shift: int) -> float:
        pairs = np.stack([np.arange(16), (np.arange(16) + shift) % 16], axis=1)
        return Network(built, NetworkSettings(routing=routing), (FLUID,)).cost("p2p", pairs, 1e9).load

    assert load_of("valiant", 7) == pytest.approx(load_of("valiant", 1))
    assert load_of("adaptive", 1) < load_of("valiant", 1) < load_of("adaptive", 7)


def test_latency_is_that_of_two_mean_paths() -> None:
    """On a complete graph of 5, a way by a random router crosses 2 x 4/5 links in the mean; two NIC links besides."""
    built = cluster(lattice(5, full=True), node())
    cost = Network(built, VALIANT, (FLUID,)).cost("p2p", np.array([[0, 1]]), 0.0)
    assert cost.time_s == pytest.approx((2 + 2 * 4 / 5) * 500e-9)


def test_all_groups_keep_one_pace() -> None:
    built = cluster(lattice(4, 4), node())
    network = Network(built, VALIANT, (FLUID,))
    groups = np.arange(16).reshape(4, 4)
    assert len(set(network.times("all-gather", groups, 1e9).tolist())) == 1
    busbw = network.cost("all-gather", groups, 1e15).busbw_bytes_per_s
    np.testing.assert_allclose(network.group_rates("all-gather", groups), busbw, rtol=1e-4)


def test_a_tree_needs_none() -> None:
    with pytest.raises(TopologyError, match="valiant needs links between switches of one tier"):
        Network(cluster(folded(leaves=2, down=2, spines=2), node()), VALIANT)


def test_a_lattice_that_lacks_a_link_has_no_dimension_ordered_phases() -> None:
    graph = lattice(4, 4)
    graph.remove_edge("router-0", "router-1")
    with pytest.raises(TopologyError, match="link router-0 - router-1, which is not there"):
        valiant_loads(router(graph), np.array([2]), np.array([3]), np.ones(1))
