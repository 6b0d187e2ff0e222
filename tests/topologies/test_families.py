"""What every family promises: one signature, the attributes, names that do not move, and speed."""

from inspect import Parameter, signature

import pytest

from sim.cluster.contract import EDGE_ATTRIBUTES, check_graph
from topologies import FAMILIES

ARGUMENTS = {
    "alibaba-hpn": {"nics_per_node": 16},
    "clos": {"radix": 16},
    "dragonfly": {"p": 4, "a": 8, "h": 4},
    "dragonfly-plus": {},
    "fat-tree": {"k": 16},
    "hyperx": {"shape": [10, 10, 10]},
    "jellyfish": {"switches": 64, "ports": 24, "degree": 8, "seed": 3},
    "leaf-spine": {"radix": 64},
    "meta-24k": {},
    "mixed": {"second_bandwidth_bytes_per_s": 25e9},
    "multi-plane": {"planes": 4, "radix": 32},
    "multi-site": {},
    "nvl72": {"nics_per_node": 4},
    "rail-only": {"radix": 16},
    "rail-optimized": {"radix": 16},
    "slim-fly": {"q": 13},
    "superpod-b200": {},
    "superpod-h100": {},
    "torus": {"shape": [10, 10, 10]},
    "tpu-v4": {},
    "tpu-v5p": {},
}
SHARED = {"endpoints", "nics_per_node", "bandwidth_bytes_per_s", "latency_s"}
KINDS = sorted({*FAMILIES} - {"imported"})
"""Those that need no file."""
CHIPS = ("hyperx", "torus", "tpu-v4", "tpu-v5p")
"""Whose routers are part of a chip."""
TIERED = ("clos", "fat-tree", "leaf-spine", "meta-24k", "multi-plane", "rail-only", "rail-optimized")
FIBRE_TO_NICS = ("nvl72", "rail-only", "rail-optimized", "superpod-b200", "superpod-h100")


def build(kind, endpoints, **more):
    return FAMILIES[kind](**{"endpoints": endpoints, "nics_per_node": 8} | ARGUMENTS[kind] | more)


def nics_of_a_node(kind):
    return ARGUMENTS[kind].get("nics_per_node", 8)


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_all_arguments_are_keywords_and_the_shared_ones_are_there(kind):
    parameters = signature(FAMILIES[kind]).parameters
    assert set(parameters) >= SHARED
    assert all(parameter.kind is Parameter.KEYWORD_ONLY for parameter in parameters.values())


@pytest.mark.parametrize("kind", KINDS)
def test_graphs_honour_the_contract(kind):
    graph = build(kind, 480)
    check_graph(graph, 480, nics_of_a_node(kind))
    assert graph.graph["family"] == kind


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_arguments_give_the_same_graph(kind):
    one, other = build(kind, 480), build(kind, 480)
    assert list(one.nodes(data=True)) == list(other.nodes(data=True))
    assert list(one.edges(data=True)) == list(other.edges(data=True))
    assert one.graph == other.graph


@pytest.mark.parametrize("kind", sorted({*KINDS} - {*CHIPS, "alibaba-hpn", "multi-site"}))
def test_every_cable_has_the_bandwidth_and_latency_asked_for(kind):
    graph = build(kind, 160, bandwidth_bytes_per_s=25e9, latency_s=1e-6)
    links = {(link["bandwidth_bytes_per_s"], link["latency_s"]) for _, _, link in graph.edges(data=True)}
    assert links == {(25e9, 1e-6)}


@pytest.mark.parametrize("kind", CHIPS)
def test_a_chip_divides_its_bandwidth_over_its_links(kind):
    graph = build(kind, 160, bandwidth_bytes_per_s=540e9, latency_s=1e-6)
    degree = 27 if kind == "hyperx" else 6
    links = {tuple(link[name] for name in (*EDGE_ATTRIBUTES[:2], "medium")) for _, _, link in graph.edges(data=True)}
    assert {(540e9, 0.0, "on-chip"), (540e9 / degree, 1e-6, "copper")} <= links
    assert {link[:2] for link in links} == {(540e9, 0.0), (540e9 / degree, 1e-6)}


@pytest.mark.parametrize("kind", KINDS)
def test_nics_come_first_in_order_and_know_their_node(kind):
    graph = build(kind, 160)
    nics = list(graph)[:160]
    assert nics == [f"nic-{endpoint:06d}" for endpoint in range(160)]
    assert [graph.nodes[nic]["node"] for nic in nics] == [endpoint // nics_of_a_node(kind) for endpoint in range(160)]


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"mixed", "multi-site"}))
def test_a_larger_fabric_keeps_the_names_and_the_leaf_of_every_endpoint(kind):
    small, large = build(kind, 160), build(kind, 960)
    assert set(small) <= set(large)
    for endpoint in range(160):
        nic = f"nic-{endpoint:06d}"
        assert list(small[nic]) == list(large[nic])


@pytest.mark.parametrize("kind", TIERED)
def test_cables_grow_longer_tier_by_tier(kind):
    graph = build(kind, 480)
    lengths = {}
    for near, far, link in graph.edges(data=True):
        tier = max(graph.nodes[near]["tier"], graph.nodes[far]["tier"])
        lengths.setdefault(tier, set()).add((link["length_m"], link["medium"]))
    nic = (30.0, "optic") if kind in FIBRE_TO_NICS else (2.0, "copper")
    expected = {1: {nic}, 2: {(30.0, "optic")}, 3: {(100.0, "optic")}}
    assert lengths == {tier: expected[tier] for tier in lengths}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clos", "fat-tree", "rail-optimized"])
def test_131072_endpoints_have_the_counts_of_their_formula(kind):
    name = "k" if kind == "fat-tree" else "radix"
    graph = FAMILIES[kind](endpoints=131072, nics_per_node=8, **{name: 128})
    assert len(graph) - 131072 == 2048 + 2048 + 1024
    assert sum(link["count"] for _, _, link in graph.edges(data=True)) == 3 * 131072


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("alibaba-hpn", {"nics_per_node": 16}),
        ("meta-24k", {}),
        ("multi-plane", {"radix": 256}),
        ("nvl72", {"nics_per_node": 4, "radix": 144}),
        ("rail-only", {"radix": 128}),
    ],
)
def test_131072_endpoints_of_other_trees_honour_the_contract(kind, arguments):
    graph = FAMILIES[kind](**{"endpoints": 131072, "nics_per_node": 8} | arguments)
    check_graph(graph, 131072, arguments.get("nics_per_node", 8))


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
