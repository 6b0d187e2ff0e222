"""Routers that are all different are routed as leaves of a class are, and fast on direct networks."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cluster.fabric.arrays import Fabric, fabric_arrays
from sim.cluster.fabric.direct import direct_hashed, direct_loads, direct_paths
from sim.cluster.fabric.hashing import ecmp_pick
from sim.cluster.fabric.routing import Router, hashed_paths, split_loads
from sim.errors import TopologyError
from tests.cluster.graphs import direct, endpoints_of, lattice


def fabric_of(graph: "nx.Graph[str]") -> Fabric:
    return fabric_arrays(graph, endpoints_of(graph), 50e9)


def random_regular(seed: int, switches: int = 14, count: int = 1) -> Fabric:
    return fabric_of(direct(nx.random_regular_graph(3, switches, seed=seed), count=count))


@given(st.integers(0, 1000), st.integers(1, 2))
@settings(max_examples=25, deadline=None)
def test_direct_loads_and_paths_equal_those_by_class(seed: int, count: int) -> None:
    fabric = random_regular(seed, count=count)
    rng = np.random.default_rng(seed)
    source, target = rng.integers(0, 14, (2, 40))
    weight = rng.random(40)
    by_class, latency_s = split_loads(Router(fabric), source, target, weight)
    loads, own_s = direct_loads(Router(fabric), source, target, weight)
    np.testing.assert_allclose(loads, by_class, atol=1e-12)
    np.testing.assert_allclose(own_s, latency_s)
    pair, cable, fraction = direct_paths(Router(fabric), source, target)
    np.testing.assert_allclose(np.bincount(cable, fraction * weight[pair], loads.size), loads, atol=1e-12)


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_direct_hashing_takes_the_very_paths_of_hashing_by_class(seed: int) -> None:
    fabric = random_regular(seed, count=2)
    rng = np.random.default_rng(seed)
    source, target = rng.integers(0, 14, (2, 60))
    pick = ecmp_pick(source, target, np.arange(60) % 4, seed)
    taken = [
        sorted(
            (flow, cable) for flows, cables in walk for flow, cable in zip(flows.tolist(), cables.tolist(), strict=True)
        )
        for walk in (
            hashed_paths(Router(fabric), source, target, pick),
            direct_hashed(Router(fabric), source, target, pick),
        )
    ]
    assert taken[0] == taken[1]


def test_a_cut_network_has_no_path() -> None:
    fabric = fabric_of(direct(nx.disjoint_union(nx.complete_graph(2), nx.complete_graph(2))))
    with pytest.raises(TopologyError, match="no path from switch router-1 to switch router-2"):
        direct_loads(Router(fabric), np.array([1]), np.array([2]), np.ones(1))


def test_many_targets_are_searched_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    fabric = random_regular(3)
    source, target = np.divmod(np.arange(14 * 14), 14)
    whole, _ = direct_loads(Router(fabric), source, target, np.ones(source.size))
    monkeypatch.setattr("sim.cluster.fabric.direct._BLOCK", 3)
    np.testing.assert_allclose(direct_loads(Router(fabric), source, target, np.ones(source.size))[0], whole)


@pytest.mark.parametrize("lost", [[], [("router-0", "router-1")], [("router-0", "router-1"), ("router-5", "router-9")]])
@pytest.mark.parametrize("shape", ["torus", "mesh", "hyperx"])
def test_coordinates_tell_the_same_paths_as_a_search(shape: str, lost: list[tuple[str, str]]) -> None:
    graph = lattice(4, 4, wrap=(shape == "torus",) * 2, full=shape == "hyperx", count=2)
    graph.remove_edges_from(lost)
    fabric = fabric_of(graph)
    searching = Router(fabric)
    assert searching.grid is not None
    searching.grid = None
    source, target = np.divmod(np.arange(256), 16)
    weight = np.random.default_rng(1).random(256)
    loads, latency_s = direct_loads(Router(fabric), source, target, weight)
    searched, searched_s = direct_loads(searching, source, target, weight)
    np.testing.assert_allclose(loads, searched, atol=1e-12)
    np.testing.assert_allclose(latency_s, searched_s)


SHAPES = [(4, 4), (5, 3, 2), (2, 2), (6,), (3, 4, 4), (1, 5), (2, 3, 2, 4)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["torus", "mesh", "one dimension closed", "hyperx"])
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_templates_and_steps_on_a_lattice_equal_a_search(shape: tuple[int, ...], kind: str, lost: int) -> None:
    wraps = tuple(kind == "torus" or (kind != "mesh" and not axis) for axis in range(len(shape)))
    graph = lattice(*shape, wrap=wraps, full=kind == "hyperx", count=2)
    links = [ends for ends in graph.edges if "nic" not in "".join(ends)]
    graph.edges[links[-1]]["latency_s"] = 3e-6
    graph.remove_edges_from(links[:lost])
    if not nx.is_connected(graph):
        pytest.skip("the loss cuts so small a lattice")
    fabric = fabric_of(graph)
    router, searching = Router(fabric), Router(fabric)
    assert router.grid is not None
    searching.grid = None
    switches = len(fabric.switches)
    source, target = np.divmod(np.arange(switches**2), switches)
    weight = np.random.default_rng(1).random(source.size)
    (loads, latency_s), (searched, searched_s) = (
        direct_loads(each, source, target, weight) for each in (router, searching)
    )
    np.testing.assert_allclose(loads, searched, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(latency_s, searched_s, rtol=1e-9)
    pair, cable, fraction = direct_paths(router, source, target)
    np.testing.assert_allclose(np.bincount(cable, fraction * weight[pair], loads.size), loads, atol=1e-12)
    pick = ecmp_pick(source, target, source % 3, 7)
    taken = [
        sorted(
            (flow, cable)
            for flows, on in direct_hashed(each, source, target, pick)
            for flow, cable in zip(flows.tolist(), on.tolist(), strict=True)
        )
        for each in (router, searching)
    ]
    assert taken[0] == taken[1]
