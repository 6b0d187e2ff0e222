"""Dimension-ordered routing corrects one coordinate after the other, and goes where there are coordinates only."""

from itertools import product

import numpy as np
import pytest

from sim.cluster.examples import node
from sim.cluster.fabric.arrays import fabric_arrays
from sim.cluster.fabric.dimensions import dimension_ordered_paths, steps_forward
from sim.cluster.fabric.protocols import FLUID
from sim.cluster.fabric.routing import Router
from sim.cluster.network import Network
from sim.cluster.records import NetworkSettings
from sim.errors import TopologyError
from tests.cluster.graphs import cluster, endpoints_of, folded, lattice

ORDERED = NetworkSettings(routing="dimension-ordered")


def router(graph) -> Router:
    return Router(fabric_arrays(graph, endpoints_of(graph), 50e9))


def hops(routes: Router, source: int, target: int) -> list[tuple[int, int]]:
    _, cable, fraction = dimension_ordered_paths(routes, np.array([source]), np.array([target]))
    assert np.all(fraction == 1)
    return [(int(routes.fabric.source[each]), int(routes.fabric.target[each])) for each in cable]


def test_a_mesh_goes_along_its_rows_first() -> None:
    routes = router(lattice(3, 3, wrap=(False, False)))
    assert hops(routes, 0, 8) == [(0, 3), (3, 6), (6, 7), (7, 8)]


def test_a_torus_goes_the_shorter_way_round() -> None:
    routes = router(lattice(5, 4))
    assert hops(routes, 0, 4 * 4) == [(0, 16)]
    assert hops(routes, 0, 2) == [(0, 1), (1, 2)]
    assert hops(routes, 1, 3) == [(1, 0), (0, 3)]


def test_a_hyperx_takes_one_hop_a_coordinate() -> None:
    routes = router(lattice(3, 4, full=True))
    assert hops(routes, 0, 2 * 4 + 3) == [(0, 8), (8, 11)]


def test_no_way_is_longer_than_the_shortest() -> None:
    for size, wraps in product((2, 3, 4, 7), (True, False)):
        one, other = (each.ravel() for each in np.meshgrid(np.arange(size), np.arange(size)))
        steps = steps_forward(size, wraps, one, other)
        assert np.all((one + steps) % size == other)
        shortest = np.abs(one - other)
        assert np.all(np.abs(steps) == (np.minimum(shortest, size - shortest) if wraps else shortest))


def test_parallel_cables_share_evenly() -> None:
    routes = router(lattice(4, 4, count=2))
    _, _, fraction = dimension_ordered_paths(routes, np.array([0]), np.array([5]))
    assert fraction.tolist() == [0.5] * 4


def test_a_lost_link_on_the_way_is_named() -> None:
    graph = lattice(4, 4)
    graph.remove_edge("router-0", "router-4")
    with pytest.raises(TopologyError, match="link router-0 - router-4, which is not there"):
        dimension_ordered_paths(router(graph), np.array([0]), np.array([5]))


def test_neighbours_of_a_torus_have_their_link_to_themselves() -> None:
    built = cluster(lattice(4, 4), node())
    shift = np.stack([np.arange(16), (np.arange(16) + 4) % 16], axis=1)
    for routing in ("dimension-ordered", "adaptive"):
        cost = Network(built, NetworkSettings(routing=routing), (FLUID,)).cost("p2p", shift, 1e9)
        assert cost.time_s == pytest.approx(3 * 500e-9 + 1e9 / 50e9)


def test_groups_differ_by_the_links_that_they_meet() -> None:
    """Two flows cross the link 0 - 1 of a line, the third is alone: half the time of the slowest."""
    built = cluster(lattice(4, wrap=(False,), down=2), node())
    pairs = np.array([[0, 2], [1, 4], [6, 5]])
    network = Network(built, ORDERED, (FLUID,))
    times = network.times("p2p", pairs, 1e15)
    np.testing.assert_allclose(times / times.max(), [1.0, 1.0, 0.5], rtol=1e-6)
    np.testing.assert_allclose(network.group_rates("p2p", pairs), [25e9, 25e9, 50e9])


def test_a_tree_has_no_dimensions_and_a_torus_is_no_tree() -> None:
    with pytest.raises(TopologyError, match="dimension-ordered needs a torus, mesh or HyperX"):
        Network(cluster(folded(leaves=2, down=2, spines=2), node()), ORDERED)
    with pytest.raises(TopologyError, match="d-mod-k needs a tree"):
        Network(cluster(lattice(3, 3), node()), NetworkSettings(routing="d-mod-k"))
