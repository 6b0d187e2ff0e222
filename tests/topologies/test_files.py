"""Graphs go to files and come back the same; what is no graph is refused in one line."""

import networkx as nx
import pytest

from sim.cluster.contract import check_graph
from sim.cluster.describe import describe
from topologies import fat_tree, hyperx, imported, rail_only, superpod_h100, torus
from topologies.files import WRITERS, read_graph, write_graph

GRAPHS = {
    "fat-tree": fat_tree(k=4),
    "rail-only": rail_only(endpoints=64, radix=16),
    "superpod-h100": superpod_h100(units=1),
    "torus": torus(shape=[3, 4], wrap=[True, False]),
}
RING = "topology: [ {block} ]\nnpus_count: [ 8 ]\nbandwidth: [ 50.0 ]  # GB/s\nlatency: [ 500.0 ]  # ns\n"


@pytest.mark.parametrize("ending", [".json", ".graphml"])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_comes_back_the_same(name, ending, tmp_path):
    graph = GRAPHS[name]
    path = tmp_path / f"graph{ending}"
    path.write_text(write_graph(graph, ending))
    found = imported(file=str(path))
    assert dict(found.nodes(data=True)) == dict(graph.nodes(data=True))
    assert dict(found.adjacency()) == dict(graph.adjacency())
    assert list(found) == list(graph)
    assert found.graph == graph.graph
    assert describe(found) == describe(graph)


@pytest.mark.parametrize("name", ["fat-tree", "torus"])
def test_ns3_files_keep_what_a_fabric_is(name):
    graph = GRAPHS[name]
    facts, other = describe(graph), describe(read_graph(write_graph(graph, ".txt"), ".txt"))
    keys = ("hosts", "switches", "links_total", "links_switch_switch", "diameter_hops", "switches_by_tier")
    assert {key: other[key] for key in keys} == {key: facts[key] for key in keys}


def test_an_ns3_file_by_hand():
    graph = read_graph("4 2 5\n2 3\n0 2 400Gbps 0.0005ms 0\n1 3 400Gbps 500ns 0\n" + "2 3 200Gbps 1us 0\n" * 3, ".txt")
    check_graph(graph, 2)
    assert graph.edges["switch-2", "switch-3"] == {
        "bandwidth_bytes_per_s": 25e9,
        "latency_s": 1e-6,
        "count": 3,
        "medium": "optic",
        "length_m": 30.0,
    }
    assert graph["nic-000000"]["switch-2"]["latency_s"] == pytest.approx(5e-7)


def test_dot_has_a_line_for_every_vertex_and_link():
    lines = write_graph(fat_tree(k=4), ".dot").splitlines()
    assert len(lines) == 36 + 48 + 2
    assert '  "nic-000000" -- "leaf-0-0" [label="1 x 400 Gbit/s"];' in lines


@pytest.mark.parametrize(
    ("block", "links", "hops", "switches"), [("Ring", 8, 4, 0), ("FullyConnected", 28, 1, 0), ("Switch", 8, 2, 1)]
)
def test_analytical_building_blocks_have_the_links_of_their_formula(block, links, hops, switches):
    graph = read_graph(RING.format(block=block), ".yml")
    check_graph(graph, 8)
    facts = describe(graph)
    assert (facts["hosts"], facts["links_total"], facts["diameter_hops"]) == (8, links, hops)
    assert facts["switches"] == switches
    speeds = {
        (link["bandwidth_bytes_per_s"], link["latency_s"]) for *_, link in graph.edges(data=True) if link["latency_s"]
    }
    assert speeds == {(50.0 * 2**30, 500e-9)}


def test_dimensions_of_an_analytical_network_multiply():
    text = "topology: [ Ring, FullyConnected, Switch ]\nnpus_count: [ 4, 3, 2 ]\n"
    graph = read_graph(text + "bandwidth: [ 100, 50, 25 ]\nlatency: [ 1, 2, 3 ]\n", ".yaml")
    check_graph(graph, 24)
    facts = describe(graph)
    assert (facts["hosts"], facts["switches"], facts["links_total"]) == (24, 12, 24 + 24 + 24)
    assert facts["diameter_hops"] == 2 + 1 + 2
    assert list(graph["nic-000001"]) == ["router-1-0-0"]  # the first dimension runs fastest


@pytest.mark.parametrize("graph", [torus(shape=[4, 6]), hyperx(shape=[4, 3])], ids=["torus", "hyperx"])
def test_analytical_networks_come_back_the_same(graph):
    found = read_graph(write_graph(graph, ".yml"), ".yml")
    assert {**describe(found), "family": ""} == {**describe(graph), "family": ""}


def test_only_rings_and_meshes_of_chips_are_analytical():
    with pytest.raises(ValueError, match=r"^export: got a graph that is no closed torus or HyperX of chips"):
        write_graph(fat_tree(k=4), ".yml")
    with pytest.raises(ValueError, match=r"^export: got a graph that is no closed torus"):
        write_graph(torus(shape=[4, 4], wrap=False), ".yml")


def test_an_unknown_ending_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"^export: got a name that ends in '.png', expected one of .dot, .graphml"):
        write_graph(fat_tree(k=4), ".png")
    assert set(WRITERS) == {".dot", ".graphml", ".json", ".txt", ".yaml", ".yml"}


def test_endpoints_and_nodes_of_a_file_may_be_chosen(tmp_path):
    path = tmp_path / "tree.json"
    path.write_text(write_graph(fat_tree(k=4), ".json"))
    graph = imported(file=str(path), endpoints=8, nics_per_node=4, bandwidth_bytes_per_s=50e9)
    check_graph(graph, 8)
    assert [graph.nodes[f"nic-{e:06d}"]["node"] for e in range(8)] == [0] * 4 + [1] * 4


def test_what_links_lack_is_filled(tmp_path):
    bare = nx.create_empty_copy(fat_tree(k=4))
    for near, far, link in fat_tree(k=4).edges(data=True):
        bare.add_edge(near, far, count=link["count"], medium=link["medium"], length_m=link["length_m"])
    path = tmp_path / "tree.json"
    path.write_text(write_graph(bare, ".json"))
    check_graph(imported(file=str(path), bandwidth_bytes_per_s=25e9, latency_s=1e-6), 16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"endpoints": 17}, "endpoints: got 17, but the file holds 16"),
        ({"bandwidth_bytes_per_s": 25e9}, "bandwidth_bytes_per_s: got 2.5e+10, but nic-000000 of the file has 5e+10"),
        ({"latency_s": 1e-6}, "latency_s: got 1e-06, but every link of the file has its own"),
        ({"endpoints": 0}, "endpoints: got 0, expected an integer >= 1"),
    ],
)
def test_arguments_that_the_file_contradicts_are_refused(arguments, message, tmp_path):
    path = tmp_path / "tree.json"
    path.write_text(write_graph(fat_tree(k=4), ".json"))
    with pytest.raises(ValueError, match="got") as error:
        imported(file=str(path), **arguments)
    assert str(error.value).startswith(message)


TWICE = '{"nodes": [{"id": 1}, {"id": 2}], "links": [{"source": 1, "target": 2}, {"source": 2, "target": 1}]}'


@pytest.mark.parametrize(
    ("ending", "text", "message"),
    [
        (".png", "", "file: got a name that ends in '.png', expected one of .graphml, .json"),
        (".json", "{", "file: got no node-link JSON"),
        (".json", "[]", "file: got no node-link JSON"),
        (".json", '{"directed": true}', "file: got a directed graph or a multigraph"),
        (".json", TWICE, "file: got the link 2 - 1 twice, expected once with its count"),
        (
            ".json",
            '{"nodes": [], "links": [{"source": 1, "target": 2}]}',
            "file: got a link of '1', which is no vertex",
        ),
        (".graphml", "<graphml", "file: got no GraphML"),
        (".graphml", "<html></html>", "file: got no GraphML"),
        (".yml", "topology: [ Ring ]", "file: got topology, expected topology, npus_count, bandwidth, latency"),
        (".yml", RING.format(block="Rign"), "file: topology: got 'Rign', expected one of FullyConnected, Ring, Switch"),
        (".yml", RING.format(block="Ring").replace("8", "x"), "file: npus_count: got 'x', expected an integer"),
        (".yml", RING.format(block="Ring").replace("500.0", "-5"), "file: latency: got ['-5'], expected numbers >= 0"),
        (".txt", "hello", "file: got no ns-3 topology of ASTRA-sim"),
        (".txt", "3 1 2\n2\n0 2 400Gb 1us 0\n1 2 400Gbps 1us 0", "file: got no ns-3 topology of ASTRA-sim ('400Gb' is"),
        (".txt", "3 1 3\n2\n0 2 400Gbps 1us 0\n1 2 400Gbps 1us 0", "file: got 1 switches and 2 links, but its first"),
        (".txt", "3 1 1\n2\n0 7 400Gbps 1us 0", "file: got a link 0 - 7, expected two of the 3 vertices"),
    ],
)
def test_what_is_no_graph_is_refused(ending, text, message):
    with pytest.raises(ValueError, match="file") as error:
        read_graph(text, ending)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
