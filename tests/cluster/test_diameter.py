"""The diameter of a grid is that of searches from all endpoints, whatever part of its places they fill."""

from math import prod

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cluster.contract import endpoints_of
from sim.cluster.diameter import diameter_hops
from sim.cluster.skeleton import ON_CHIP, skeleton
from topologies import hyperx, torus

SHAPES = st.lists(st.integers(2, 5), min_size=1, max_size=3)


def searched(graph):
    """Return the most hops between two endpoints, by a search from each; what lies on a chip is no hop."""
    for _, _, link in graph.edges(data=True):
        link["hops"] = 0 if link["medium"] == ON_CHIP else 1
    ends = endpoints_of(graph)
    ways = (nx.single_source_dijkstra_path_length(graph, end, weight="hops") for end in ends)
    return max((way[end] for way in ways for end in ends if end in way), default=0)


def found(graph):
    return diameter_hops(skeleton(graph, endpoints_of(graph)))


@settings(max_examples=60, deadline=None)
@given(shape=SHAPES, part=st.floats(0, 1), mesh=st.booleans())
def test_chips_of_a_torus_or_mesh_are_as_far_apart_as_searches_say(shape, part, mesh):
    graph = (hyperx if mesh else torus)(shape=shape, endpoints=max(1, round(part * prod(shape))))
    assert found(graph) == searched(graph)


@settings(max_examples=30, deadline=None)
@given(shape=SHAPES, part=st.floats(0, 1))
def test_boxes_with_cables_to_their_endpoints_are_too(shape, part):
    graph = hyperx(shape=shape, p=2, endpoints=max(1, round(part * 2 * prod(shape))))
    assert found(graph) == searched(graph)


@pytest.mark.parametrize("wrap", [False, [True, False]])
def test_a_grid_with_borders_is_too(wrap):
    graph = torus(shape=[4, 3], wrap=wrap)
    assert found(graph) == searched(graph)


def test_a_grid_that_lacks_a_link_is_too():
    graph = torus(shape=[4, 3])
    graph.remove_edge("router-0-0", "router-0-1")
    assert found(graph) == searched(graph)
