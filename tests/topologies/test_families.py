"""What every family promises: one signature, the attributes, names that do not move, and speed."""

from inspect import Parameter, signature

import pytest

from sim.cluster.contract import check_graph
from topologies import FAMILIES

ARGUMENTS = {"clos": {"radix": 16}, "fat-tree": {"k": 16}, "leaf-spine": {"radix": 64}, "rail-optimized": {"radix": 16}}
SHARED = {"endpoints", "nics_per_node", "bandwidth_bytes_per_s", "latency_s"}
KINDS = sorted(FAMILIES)


@pytest.mark.parametrize("kind", KINDS)
def test_all_arguments_are_keywords_and_the_shared_ones_are_there(kind):
    parameters = signature(FAMILIES[kind]).parameters
    assert set(parameters) >= SHARED
    assert all(parameter.kind is Parameter.KEYWORD_ONLY for parameter in parameters.values())


@pytest.mark.parametrize("kind", KINDS)
def test_graphs_honour_the_contract(kind):
    graph = FAMILIES[kind](endpoints=488, nics_per_node=8, **ARGUMENTS[kind])
    check_graph(graph, 488)
    assert graph.graph["family"] == kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_cable_has_the_bandwidth_and_latency_asked_for(kind):
    graph = FAMILIES[kind](
        endpoints=160, nics_per_node=8, bandwidth_bytes_per_s=25e9, latency_s=1e-6, **ARGUMENTS[kind]
    )
    links = {(link["bandwidth_bytes_per_s"], link["latency_s"]) for _, _, link in graph.edges(data=True)}
    assert links == {(25e9, 1e-6)}


@pytest.mark.parametrize("kind", KINDS)
def test_nics_come_first_in_order_and_know_their_node(kind):
    graph = FAMILIES[kind](endpoints=160, nics_per_node=8, **ARGUMENTS[kind])
    nics = list(graph)[:160]
    assert nics == [f"nic-{endpoint:06d}" for endpoint in range(160)]
    assert [graph.nodes[nic]["node"] for nic in nics] == [endpoint // 8 for endpoint in range(160)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_larger_fabric_keeps_the_names_and_the_leaf_of_every_endpoint(kind):
    small = FAMILIES[kind](endpoints=160, nics_per_node=8, **ARGUMENTS[kind])
    large = FAMILIES[kind](endpoints=960, nics_per_node=8, **ARGUMENTS[kind])
    assert set(small) <= set(large)
    for endpoint in range(160):
        nic = f"nic-{endpoint:06d}"
        assert list(small[nic]) == list(large[nic])


@pytest.mark.parametrize("kind", KINDS)
def test_cables_grow_longer_tier_by_tier(kind):
    graph = FAMILIES[kind](endpoints=480, nics_per_node=8, **ARGUMENTS[kind])
    lengths = {}
    for near, far, link in graph.edges(data=True):
        tier = max(graph.nodes[near]["tier"], graph.nodes[far]["tier"])
        lengths.setdefault(tier, set()).add((link["length_m"], link["medium"]))
    nic = (30.0, "optic") if kind == "rail-optimized" else (2.0, "copper")
    expected = {1: {nic}, 2: {(30.0, "optic")}, 3: {(100.0, "optic")}}
    assert lengths == {tier: expected[tier] for tier in lengths}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clos", "fat-tree", "rail-optimized"])
def test_131072_endpoints_have_the_counts_of_their_formula(kind):
    name = "k" if kind == "fat-tree" else "radix"
    graph = FAMILIES[kind](endpoints=131072, nics_per_node=8, **{name: 128})
    assert len(graph) - 131072 == 2048 + 2048 + 1024
    assert sum(link["count"] for _, _, link in graph.edges(data=True)) == 3 * 131072


@pytest.mark.parametrize(
    ("family", "arguments", "expected"),
    [
        ("fat-tree", {"k": 10**11}, "k: got 100000000000, expected at most 65,536"),
        ("leaf-spine", {"radix": 10**11}, "radix: got 100000000000, expected at most 65,536"),
        ("rail-optimized", {"radix": 10**11}, "radix: got 100000000000, expected at most 65,536"),
        ("clos", {"radix": [64, 64, 10**11]}, "radix: got 100000000000, expected at most 65,536"),
        ("fat-tree", {"k": 256}, "endpoints: got 4,194,304, expected at most 1,048,576; state fewer"),
        ("leaf-spine", {"radix": 2048}, "endpoints: got 2,097,152, expected at most 1,048,576; state fewer"),
    ],
)
def test_a_graph_that_no_memory_holds_is_refused(family, arguments, expected):
    with pytest.raises(ValueError, match=expected):
        FAMILIES[family](**arguments)
