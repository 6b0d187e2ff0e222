"""Failure domains: which nodes a rack, a power domain, a cooling unit or a site takes along."""

from collections import Counter

import networkx as nx
import pytest

from sim.cluster.contract import endpoints_of
from sim.cluster.domains import DOMAINS, DomainSize, FailureDomains, failure_domains
from sim.cluster.examples import accelerator, node
from sim.cluster.records import Cluster
from sim.errors import ScenarioError
from topologies import FAMILIES


def drawn(kind: str, nodes: int, nics: int = 8, **arguments: object) -> Cluster:
    """A family's graph with so many nodes."""
    graph = FAMILIES[kind](endpoints=nodes * nics, nics_per_node=nics, **arguments)
    return wired(graph, nics)


def wired(graph: "nx.Graph[str]", nics: int) -> Cluster:
    names = endpoints_of(graph)
    each = node(gpus=nics, nics=nics)
    return Cluster(graph=graph, endpoints=names, node=each, accelerator=accelerator(), nodes=len(names) // nics)


def held(domains: FailureDomains) -> list[list[int]]:
    return [own.tolist() for own in domains.nodes]


def racks_of(cluster: Cluster) -> list[list[int]]:
    return held(failure_domains("rack", cluster.nodes, {}, cluster))


# Family, nodes, NICs of a node, arguments; nodes of each rack by hand: ports of a leaf over NICs of a node.
RACKS: list[tuple[str, int, int, dict[str, object], list[int]]] = [
    ("clos", 32, 8, {"rack": 16}, [2] * 16),
    ("meta-24k", 32, 8, {}, [2] * 16),
    ("leaf-spine", 10, 8, {"radix": 64}, [4, 4, 2]),
    ("fat-tree", 64, 1, {"k": 8}, [4] * 16),
    ("nvl72", 40, 4, {}, [18, 18, 4]),
    ("multi-site", 16, 8, {"radix": 64}, [4, 4, 4, 4]),
    ("mixed", 16, 8, {"radix": 64}, [4, 4, 4, 4]),
    ("dragonfly", 16, 2, {"p": 4, "a": 8, "h": 4}, [2] * 8),
    ("dragonfly-plus", 16, 8, {}, [1] * 16),
    ("jellyfish", 16, 1, {"switches": 64, "ports": 24, "degree": 8, "seed": 3}, [16]),
    ("slim-fly", 18, 9, {"q": 5, "p": 9}, [1] * 18),
]

NO_RACKS: list[tuple[str, int, dict[str, object]]] = [
    ("rail-optimized", 8, {}),
    ("rail-only", 8, {}),
    ("superpod-h100", 8, {}),
    ("superpod-b200", 8, {}),
    ("multi-plane", 8, {"planes": 4, "radix": 32}),
    ("alibaba-hpn", 16, {}),
    ("hyperx", 8, {"shape": [4, 4, 4]}),
    ("torus", 8, {"shape": [4, 4, 8]}),
    ("torus", 1, {"shape": [4, 4, 8]}),
    ("tpu-v4", 4, {}),
    ("tpu-v5p", 4, {}),
    ("fat-tree", 8, {"k": 8}),
]


@pytest.mark.parametrize(("kind", "nodes", "nics", "arguments", "sizes"), RACKS)
def test_a_rack_is_what_the_graph_says_or_the_nodes_under_a_leaf(
    kind: str, nodes: int, nics: int, arguments: dict[str, object], sizes: list[int]
) -> None:
    racks = racks_of(drawn(kind, nodes, nics, **arguments))
    assert sorted(member for own in racks for member in own) == list(range(nodes))
    assert [len(own) for own in racks] == sizes
    assert racks == sorted(racks)


def test_trays_know_the_rack_that_they_are_in() -> None:
    domains = failure_domains("rack", 40, {}, drawn("nvl72", 40, 4))
    assert domains.names == ("rack-0", "rack-1", "rack-2")
    assert held(domains)[1] == list(range(18, 36))


@pytest.mark.parametrize(("kind", "nics", "arguments"), NO_RACKS)
def test_rails_planes_and_chips_do_not_say_which_rack_a_node_is_in(
    kind: str, nics: int, arguments: dict[str, object]
) -> None:
    cluster = drawn(kind, 8, nics, **arguments)
    with pytest.raises(ScenarioError, match=r"cluster\.domains\.rack: is missing, and the graph does not say"):
        racks_of(cluster)
    stated = failure_domains("rack", 8, {"rack": DomainSize(nodes=3)}, cluster)
    assert held(stated) == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_every_family_is_covered_above() -> None:
    assert {row[0] for row in (*RACKS, *NO_RACKS)} == {*FAMILIES} - {"imported"}


def test_sites_are_those_of_the_graph() -> None:
    cluster = drawn("multi-site", 10, 8, sites=2, radix=64)
    sites = failure_domains("site", 10, {}, cluster)
    assert (sites.names, held(sites)) == (("site-0", "site-1"), [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]])


def test_stated_domains_end_where_a_site_does() -> None:
    cluster = drawn("multi-site", 10, 8, sites=2, radix=64)
    racks = failure_domains("rack", 10, {"rack": DomainSize(nodes=2)}, cluster)
    assert held(racks) == [[0, 1], [2, 3], [4], [5, 6], [7, 8], [9]]
    power = failure_domains(
        "power-domain", 10, {"rack": DomainSize(nodes=2), "power-domain": DomainSize(racks=2)}, cluster
    )
    assert held(power) == [[0, 1, 2, 3], [4], [5, 6, 7, 8], [9]]


def test_a_power_domain_of_racks_takes_the_graphs_racks() -> None:
    power = failure_domains("power-domain", 40, {"power-domain": DomainSize(racks=2)}, drawn("nvl72", 40, 4))
    assert held(power) == [list(range(36)), [36, 37, 38, 39]]


def test_what_is_stated_of_leaves_wins_and_what_contradicts_a_graph_is_refused() -> None:
    leaves = drawn("leaf-spine", 8, 8, radix=64)
    assert held(failure_domains("rack", 8, {"rack": DomainSize(nodes=2)}, leaves)) == [[0, 1], [2, 3], [4, 5], [6, 7]]
    trays = drawn("nvl72", 36, 4)
    agrees = failure_domains("rack", 36, {"rack": DomainSize(nodes=18)}, trays)
    assert held(agrees) == racks_of(trays)
    with pytest.raises(
        ScenarioError, match=r"cluster\.domains\.rack: the graph says which rack a node is in, and anoth"
    ):
        failure_domains("rack", 36, {"rack": DomainSize(nodes=16)}, trays)


def test_a_graph_of_ones_own_says_all_domains_by_name() -> None:
    graph = FAMILIES["leaf-spine"](endpoints=16, nics_per_node=4, radix=8)
    for position, nic in enumerate(endpoints_of(graph)):
        graph.nodes[nic].update(power_domain="feed A" if position < 8 else "feed B", cooling_unit=position // 12)
    cluster = wired(graph, 4)
    power = failure_domains("power-domain", 4, {}, cluster)
    assert (power.names, held(power)) == (("feed A", "feed B"), [[0, 1], [2, 3]])
    cooling = failure_domains("cooling-unit", 4, {}, cluster)
    assert (cooling.names, held(cooling)) == (("cooling-unit-0", "cooling-unit-1"), [[0, 1, 2], [3]])


def test_a_node_in_two_racks_is_refused() -> None:
    graph = FAMILIES["leaf-spine"](endpoints=16, nics_per_node=4, radix=8)
    for position, nic in enumerate(endpoints_of(graph)):
        graph.nodes[nic]["rack"] = position // 6
    with pytest.raises(ScenarioError, match="rack of the NICs of node 1: got 0, 1; expected one, the same for all"):
        racks_of(wired(graph, 4))


@pytest.mark.parametrize("kind", DOMAINS)
def test_without_a_graph_and_a_size_the_error_says_what_to_state(kind: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        failure_domains(kind, 8, {})
    assert f"cluster.domains.{kind}: is missing, and there is no cluster.topology" in str(caught.value)
    assert f"such as {kind} = {{ " in str(caught.value)


def test_every_node_is_in_one_domain_whatever_is_stated() -> None:
    for size in range(1, 12):
        sizes = {"rack": DomainSize(nodes=size), "power-domain": DomainSize(racks=3)}
        for kind in sizes:
            counts = Counter(member for own in held(failure_domains(kind, 10, sizes)) for member in own)
            assert counts == dict.fromkeys(range(10), 1)


def test_a_node_is_a_domain_of_its_own() -> None:
    assert held(failure_domains("node", 3, {})) == [[0], [1], [2]]
