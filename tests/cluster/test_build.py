"""Building turns a scenario's topology into a checked cluster, or one clear line."""

import networkx as nx
import pytest

from sim.cluster.build import build_bare, build_cluster, endpoint_cluster
from sim.cluster.contract import endpoints_of
from sim.errors import InputError, TopologyError, UnknownNameError
from tests.cluster.hardware import accelerator, node


def build(kind, arguments, nodes=4, **options):
    return build_cluster(kind, arguments, options.pop("node", node()), accelerator(), nodes, **options)


def unconnected(*, endpoints, nics_per_node, bandwidth_bytes_per_s):
    """A topology that breaks the contract, to be named as a plugin."""
    graph = nx.Graph()
    graph.add_nodes_from((f"nic-{e}" for e in range(endpoints)), kind="nic", tier=0)
    return graph


def graphless(*, endpoints, nics_per_node, bandwidth_bytes_per_s):
    """A topology that returns no graph."""
    return endpoints


def broken(*, endpoints, nics_per_node, bandwidth_bytes_per_s):
    """A topology with a defect of its own."""
    raise KeyError("leaf")


def empty():
    """A graph of nothing."""
    return nx.Graph()


def test_endpoint_e_belongs_to_node_e_over_nics():
    cluster = build("rail-optimized", {"radix": 16}, nodes=9)
    assert len(cluster.endpoints) == 72
    assert [cluster.graph.nodes[nic]["node"] for nic in cluster.endpoints] == [e // 8 for e in range(72)]
    assert cluster.gpus == 72


def test_nics_have_the_bandwidth_of_the_node():
    cluster = build("fat-tree", {"k": 8}, node=node(nic_bandwidth_bytes_per_s=25e9))
    assert {link["bandwidth_bytes_per_s"] for _, _, link in cluster.graph.edges(data=True)} == {25e9}


def test_a_node_with_fewer_nics_than_gpus_has_fewer_endpoints():
    cluster = build("leaf-spine", {}, nodes=3, node=node(nics=4))
    assert (len(cluster.endpoints), cluster.gpus) == (12, 24)


def test_llama_cluster_builds_with_its_spares():
    arguments = {"radix": [64, 576, 576], "oversubscription": [1, 1, 7], "pod": 3072, "rack": 16}
    cluster = build("clos", arguments, nodes=2048 + 24)
    assert len(cluster.endpoints) == 16576
    assert {attributes.get("pod") for _, attributes in cluster.graph.nodes(data=True)} == {*range(6), None}


def test_llama_cluster_builds_from_its_ratios_alone():
    assert len(build("clos", {"oversubscription": [1, 1, 7]}, nodes=2072).endpoints) == 16576


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"^cluster.topology.kind: .*'fat-tre'; did you mean 'fat-tree'\?"):
        build("fat-tre", {"k": 8})


def test_an_unknown_argument_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"^cluster.topology: .*'radx'; did you mean 'radix'\?"):
        build("leaf-spine", {"radx": 64})


def test_a_missing_argument_is_named():
    with pytest.raises(InputError, match=r"^cluster.topology: fat_tree needs k"):
        build("fat-tree", {})


@pytest.mark.parametrize("argument", ["endpoints", "nics_per_node", "bandwidth_bytes_per_s"])
def test_what_the_node_decides_is_not_an_argument(argument):
    with pytest.raises(TopologyError, match=rf"^cluster.topology.{argument}: got 4, but it follows from cluster.node"):
        build("leaf-spine", {argument: 4})


def test_too_many_nodes_are_refused_with_what_the_fabric_holds():
    with pytest.raises(TopologyError) as error:
        build("fat-tree", {"k": 8}, nodes=17)
    assert str(error.value) == (
        "cluster.topology: fat-tree: endpoints: got 136, but a fat tree of k = 8 holds at most 128; "
        "17 nodes 'box' x 8 NICs = 136 endpoints"
    )


def test_arguments_that_a_family_refuses_name_the_key():
    with pytest.raises(TopologyError, match=r"^cluster.topology: fat-tree: k: got 5, expected an even integer"):
        build("fat-tree", {"k": 5})


def test_a_plugin_needs_permission():
    plugin = f"{__name__}:unconnected"
    with pytest.raises(InputError, match="--allow-plugins"):
        build(plugin, {})


def test_a_plugin_is_held_to_the_contract():
    with pytest.raises(TopologyError, match=r"^cluster.topology: vertex nic-0: 0 links, expected 1"):
        build(f"{__name__}:unconnected", {}, allow_plugins=True)


def test_a_plugin_that_returns_no_graph_is_refused():
    with pytest.raises(TopologyError, match="returned int, expected a networkx Graph"):
        build(f"{__name__}:graphless", {}, allow_plugins=True)


@pytest.mark.parametrize(
    ("kind", "arguments", "hosts"),
    [
        ("fat-tree", {"k": 4}, 16),
        ("leaf-spine", {"radix": 64}, 2048),
        ("rail-optimized", {}, 2048),
        ("clos", {"radix": 8}, 128),
        ("fat-tree", {"k": 64, "endpoints": 100}, 100),
    ],
)
def test_a_bare_topology_has_its_natural_size_or_the_endpoints_asked_for(kind, arguments, hosts):
    assert len(endpoints_of(build_bare(kind, arguments))) == hosts


def test_a_plugin_that_fails_is_named_in_one_line():
    with pytest.raises(TopologyError, match=r"cluster\.topology: .*:broken: raised KeyError: 'leaf'; 4 nodes"):
        build(f"{__name__}:broken", {}, allow_plugins=True)


def test_a_bare_topology_without_endpoints_is_refused():
    with pytest.raises(TopologyError, match=r"endpoints: the graph has 0, expected 1"):
        build_bare(f"{__name__}:empty", {}, allow_plugins=True)


def test_a_bare_topology_has_the_same_errors():
    with pytest.raises(TopologyError, match=r"^cluster.topology: fat-tree: k: got 5"):
        build_bare("fat-tree", {"k": 5})
    with pytest.raises(UnknownNameError, match=r"did you mean 'k'|Known"):
        build_bare("fat-tree", {"kk": 4})


@pytest.mark.parametrize(("kind", "arguments"), [("rail-only", {}), ("multi-plane", {"planes": 4})])
def test_rails_and_planes_are_joined_by_the_nodes(kind, arguments):
    assert build(kind, arguments, nodes=40).gpus == 320


def test_more_rails_than_a_domain_has_nics_are_not_joined():
    with pytest.raises(TopologyError, match=r"^cluster.topology: endpoints: .* cannot be reached from nic-000000"):
        build("rail-only", {"rails": 16, "radix": 4}, nodes=16)


def test_a_domain_of_several_nodes_joins_the_rails_of_all():
    tray = node(accelerators=4, nics=4, scale_up_domain=8)
    assert build("rail-only", {"rails": 8}, nodes=16, node=tray).gpus == 64


@pytest.mark.parametrize(
    ("kind", "arguments", "gpus", "nodes"),
    [
        ("alibaba-hpn", {"segments": 1}, 1024, 128),
        ("rail-only", {"endpoints": 64}, 64, 8),
        ("multi-plane", {"planes": 2, "radix": 8}, 64, 32),
        ("torus", {"shape": [4, 4]}, 16, 16),
    ],
)
def test_a_bare_topology_has_the_nodes_that_its_family_needs(kind, arguments, gpus, nodes):
    cluster = endpoint_cluster(build_bare(kind, arguments))
    assert (cluster.gpus, cluster.nodes) == (gpus, nodes)


def test_nodes_that_the_family_cannot_fill_are_refused():
    with pytest.raises(TopologyError, match=r"endpoints: got 36, expected whole nodes of 8"):
        endpoint_cluster(build_bare("rail-only", {"endpoints": 36, "nics_per_node": 4, "rails": 8}))
