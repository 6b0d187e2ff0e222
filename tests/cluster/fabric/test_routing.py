"""Routing follows shortest paths only, splits evenly over all of them, and hashes uniformly."""

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cluster.fabric.arrays import FloatArray, IntArray, fabric_arrays
from sim.cluster.fabric.d_mod_k import d_mod_k_pick
from sim.cluster.fabric.hashing import Pick, ecmp_pick
from sim.cluster.fabric.routing import Router, hashed_paths, split_loads, split_paths
from sim.errors import TopologyError
from tests.cluster.graphs import endpoints_of, folded


def router(graph: "nx.Graph[str]") -> Router:
    return Router(fabric_arrays(graph, endpoints_of(graph), 50e9))


def walk(routes: Router, source: IntArray, target: IntArray, pick: Pick) -> list[list[int]]:
    paths: list[list[int]] = [[] for _ in source]
    for flow, cable in hashed_paths(routes, source, target, pick):
        for each, hop in zip(flow.tolist(), cable.tolist(), strict=True):
            paths[each].append(hop)
    return paths


def spread_by_enumeration(graph: "nx.Graph[str]", routes: Router, one: str, other: str) -> FloatArray:
    """Give each shortest path, weighted by the choices among its parallel cables, the same part of a unit."""
    index = {name: position for position, name in enumerate(routes.fabric.switches)}
    switches = graph.subgraph(routes.fabric.switches)
    loads = np.zeros(routes.fabric.source.size)
    paths = [list(pairwise(path)) for path in nx.all_shortest_paths(switches, one, other)]
    multiplicity = [np.prod([graph.edges[edge]["count"] for edge in path]) for path in paths]
    for path, copies in zip(paths, multiplicity, strict=True):
        for a, b in path:
            first, count = routes.between(np.array([index[a]]), np.array([index[b]]))
            loads[first[0] : first[0] + count[0]] += copies / sum(multiplicity) / count[0]
    return loads


def degraded(seed: int, lost: int) -> "nx.Graph[str]":
    """Return a three-tier tree with a few links lost, still connected."""
    graph = folded(leaves=3, down=1, spines=2, count=2, pods=2, cores_per_spine=2)
    rng = np.random.default_rng(seed)
    edges = [edge for edge in sorted(graph.edges) if not any(end.startswith("nic") for end in edge)]
    for position in rng.permutation(len(edges))[:lost]:
        data = dict(graph.edges[edges[position]])
        graph.remove_edge(*edges[position])
        if not nx.is_connected(graph):
            graph.add_edge(*edges[position], **data)
    return graph


@given(st.integers(0, 1000), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_split_equals_enumeration_of_all_shortest_paths(seed: int, lost: int) -> None:
    graph = degraded(seed, lost)
    routes = router(graph)
    leaves = np.unique(routes.fabric.leaf)
    source, target = (each.ravel() for each in np.meshgrid(leaves, leaves))
    weight = np.random.default_rng(seed).random(source.size)
    expected = sum(
        (
            w * spread_by_enumeration(graph, routes, routes.fabric.switches[s], routes.fabric.switches[t])
            for s, t, w in zip(source.tolist(), target.tolist(), weight.tolist(), strict=True)
            if s != t
        ),
        np.zeros(routes.fabric.source.size),
    )
    loads, _ = split_loads(routes, source, target, weight)
    np.testing.assert_allclose(loads, expected, atol=1e-12)
    pair, cable, fraction = split_paths(routes, source, target)
    np.testing.assert_allclose(np.bincount(cable, weight[pair] * fraction, loads.size), expected, atol=1e-12)


def test_neighbouring_leaves_use_the_cables_between_them() -> None:
    graph: nx.Graph[str] = nx.Graph()
    names = ["leaf-0", "leaf-1", "leaf-2"]
    for position, name in enumerate(names):
        graph.add_node(name, kind="switch", tier=1)
        graph.add_node(f"nic-{position}", kind="nic", tier=0)
        graph.add_edge(f"nic-{position}", name, bandwidth_bytes_per_s=50e9, latency_s=1e-6, count=1)
    for one, other in [(0, 1), (1, 2), (0, 2)]:
        graph.add_edge(names[one], names[other], bandwidth_bytes_per_s=50e9, latency_s=1e-6, count=2)
    loads, latency_s = split_loads(router(graph), np.array([0]), np.array([1]), np.array([1.0]))
    assert loads.tolist() == [0.5, 0.5] + [0.0] * 10
    assert latency_s.tolist() == [1e-6]


def test_latency_adds_up_along_the_path() -> None:
    routes = router(folded(leaves=2, down=1, spines=2, pods=2, cores_per_spine=2))
    leaf = routes.fabric.leaf
    _, latency_s = split_loads(routes, leaf[[0, 0, 0]], leaf[[0, 1, 2]], np.ones(3))
    np.testing.assert_allclose(latency_s, [0.0, 2 * 500e-9, 4 * 500e-9])


def test_twins_are_one_class_a_pod_and_a_lost_link_makes_its_leaf_a_class_of_its_own() -> None:
    graph = folded(leaves=4, down=1, spines=2, pods=3, cores_per_spine=1)
    assert len(router(graph).twins) == 3
    graph.remove_edge("leaf-1-2", "spine-1-0")
    assert len(router(graph).twins) == 4


@given(st.integers(0, 1000), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_hashed_flows_take_one_shortest_path(seed: int, lost: int) -> None:
    graph = degraded(seed, lost)
    routes = router(graph)
    leaves = np.unique(routes.fabric.leaf)
    source, target = (each.ravel() for each in np.meshgrid(leaves, leaves))
    pick = ecmp_pick(source, target, np.zeros_like(source), seed)
    hops = dict(nx.all_pairs_shortest_path_length(graph.subgraph(routes.fabric.switches)))
    names = routes.fabric.switches
    for s, t, path in zip(source.tolist(), target.tolist(), walk(routes, source, target, pick), strict=True):
        assert len(path) == hops[names[s]][names[t]]
        ends = [s, *routes.fabric.target[path].tolist()]
        assert routes.fabric.source[path].tolist() == ends[:-1]
        assert ends[-1] == t


@pytest.mark.parametrize(
    ("flows", "queue_pairs", "throughput"),
    [(4, 1, 0.511), (8, 4, 0.585), (16, 1, 0.344), (16, 4, 0.519), (16, 16, 0.688), (64, 4, 0.434)],
)
def test_ecmp_collisions_match_the_monte_carlo_of_uniform_hashing(
    flows: int, queue_pairs: int, throughput: float
) -> None:
    """m flows on m uplinks, q sub-flows each: mean of 1 / most loaded uplink (`ecmp_collision_montecarlo`), z < 4."""
    routes = router(folded(leaves=2, down=flows, spines=flows))
    endpoints = np.repeat(np.arange(flows), queue_pairs)
    queue_pair = np.tile(np.arange(queue_pairs), flows)
    source, target = routes.fabric.leaf[endpoints], routes.fabric.leaf[endpoints + flows]
    rates = []
    for seed in range(400):
        _, cable = next(hashed_paths(routes, source, target, ecmp_pick(endpoints, endpoints + flows, queue_pair, seed)))
        rates.append(queue_pairs / np.bincount(cable).max())
    error = np.std(rates) / np.sqrt(len(rates))
    assert abs(np.mean(rates) - throughput) < 4 * error + 0.001


def test_the_second_tier_does_not_repeat_the_choice_of_the_first() -> None:
    """With polarised hashes, flows that meet in one spine would all take one core of it."""
    routes = router(folded(leaves=1, down=512, spines=4, pods=2, cores_per_spine=4))
    endpoint = np.arange(512)
    pick = ecmp_pick(endpoint, endpoint + 512, np.zeros_like(endpoint), 0)
    hops = list(hashed_paths(routes, routes.fabric.leaf[endpoint], routes.fabric.leaf[endpoint + 512], pick))
    up = np.bincount(hops[1][1])
    used = up[up > 0]
    assert used.size == 16
    assert used.max() < 2 * used.mean()


def test_hashes_depend_on_seed_and_queue_pair_but_not_on_the_order_of_flows() -> None:
    routes = router(folded(leaves=2, down=64, spines=8))
    endpoint = np.arange(64)
    source, target = routes.fabric.leaf[endpoint], routes.fabric.leaf[endpoint + 64]

    def first_hops(order: IntArray, queue_pair: int, seed: int) -> list[int]:
        pick = ecmp_pick(endpoint[order], endpoint[order] + 64, np.full(64, queue_pair), seed)
        return [path[0] for path in walk(routes, source, target, pick)]

    straight = first_hops(endpoint, 0, 0)
    assert straight == first_hops(endpoint, 0, 0)
    assert straight == first_hops(endpoint[::-1], 0, 0)[::-1]
    assert straight != first_hops(endpoint, 1, 0)
    assert straight != first_hops(endpoint, 0, 1)


@pytest.mark.parametrize("shift", [1, 3, 4, 8, 12])
def test_d_mod_k_carries_a_shift_without_contention(shift: int) -> None:
    """Zahavi (2010): a shift permutation on a non-blocking tree loads no cable twice."""
    routes = router(folded(leaves=2, down=4, spines=4, pods=2, cores_per_spine=4))
    endpoint = np.arange(16)
    destination = (endpoint + shift) % 16
    paths = walk(routes, routes.fabric.leaf[endpoint], routes.fabric.leaf[destination], d_mod_k_pick(destination))
    loads = np.bincount([cable for path in paths for cable in path], minlength=1)
    assert loads.max() == 1


def test_a_cut_fabric_has_no_path() -> None:
    graph = folded(leaves=2, down=1, spines=1)
    graph.remove_edge("leaf-0-1", "spine-0-0")
    routes = router(graph)
    ends = routes.fabric.leaf[[0]], routes.fabric.leaf[[1]]
    with pytest.raises(TopologyError, match="no path from switch leaf-0-0 to switch leaf-0-1"):
        split_loads(routes, *ends, np.ones(1))
    with pytest.raises(TopologyError, match="no path"):
        walk(routes, *ends, ecmp_pick(np.array([0]), np.array([1]), np.array([0]), 0))
