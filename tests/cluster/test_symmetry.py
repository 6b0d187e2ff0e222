"""Symmetries are proven on the graph: what is alike is found, and what is not is kept apart."""

import networkx as nx
import pytest

from sim.cluster.contract import endpoints_of
from sim.cluster.diameter import diameter_hops
from sim.cluster.skeleton import skeleton
from sim.cluster.symmetry import one_of_each_orbit
from topologies import fat_tree, hyperx, torus


def orbits(graph: "nx.Graph[str]") -> int:
    return int(one_of_each_orbit(skeleton(graph, endpoints_of(graph))).sum())


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        (torus(shape=[5, 4, 3]), 1),
        (hyperx(shape=[3, 4], p=2), 1),
        (torus(shape=[5, 4], wrap=[True, False]), 2),
        (torus(shape=[5, 4], wrap=False), 3 * 2),
        (torus(shape=[2, 2, 2]), 1),
    ],
)
def test_orbits_of_grids_by_hand(graph: "nx.Graph[str]", expected: int) -> None:
    assert orbits(graph) == expected


def test_a_lost_link_or_endpoint_ends_the_symmetry_that_it_broke() -> None:
    graph = torus(shape=[4, 4])
    graph.remove_edge("router-0-0", "router-3-0")
    # Only the mirror image in which rows 0 and 3 change places keeps the lost link.
    assert orbits(graph) == 16 / 2
    graph.remove_edge("router-0-0", "router-0-1")
    assert orbits(graph) == 16
    assert orbits(torus(shape=[4, 4], endpoints=15)) == 16
    assert orbits(torus(shape=[4, 4], endpoints=12)) == 4


def test_a_name_proves_nothing() -> None:
    graph = torus(shape=[4, 4])
    graph.add_edge("router-0-0", "router-2-2", **graph.edges["router-0-0", "router-0-1"])
    assert graph.graph["family"] == "torus"
    assert orbits(graph) == 16


def test_without_coordinates_every_switch_is_its_own() -> None:
    assert orbits(fat_tree(k=4)) == 20


@pytest.mark.parametrize("endpoints", [30, 24, 17])
@pytest.mark.parametrize("wrap", [True, False, [True, False]])
def test_the_diameter_from_one_of_each_orbit_is_that_from_all(endpoints: int, wrap: bool | list[bool]) -> None:
    graph = torus(shape=[6, 5], wrap=wrap, endpoints=endpoints)
    routers = [next(iter(graph.adj[nic])) for nic in endpoints_of(graph)]
    hops = dict(nx.all_pairs_shortest_path_length(graph.subgraph(set(graph) - set(endpoints_of(graph)))))
    assert diameter_hops(skeleton(graph, endpoints_of(graph))) == max(hops[a][b] for a in routers for b in routers)
