"""A quotient loses nothing: vertices, links, cables and bandwidth of the parts sum to those of the graph."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cluster.contract import endpoints_of
from sim.cluster.fabric.arrays import fabric_arrays
from sim.cluster.structure.blocks import Block, blocks_of
from sim.cluster.structure.quotient import Quotient, link_class, quotient
from tests.topologies.test_families import KINDS, build, nics_of_a_node
from topologies import alibaba_hpn, clos, fat_tree, meta_24k, mixed, multi_plane, multi_site, rail_only, superpod_h100


def all_blocks(block: Block) -> Iterator[Block]:
    yield block
    for each in block.inside:
        yield from all_blocks(each)


def shape(block: Block, found: Quotient, parent: int = 1) -> tuple[object, ...]:
    """Return a block as (name, how many in one block around it, vertices of each part in one, blocks inside)."""
    own = [
        (found.parts[part].kind, found.parts[part].tier, found.parts[part].vertices / block.count)
        for part in block.parts
    ]
    inside = [shape(each, found, block.count) for each in block.inside]
    return (block.name, block.count / parent, sorted(own), inside)


def quotient_of(graph: "nx.Graph[str]") -> tuple[Block, Quotient]:
    blocks = blocks_of(graph)
    return blocks.root, quotient(graph, blocks.part_of)


def check_conserved(graph: "nx.Graph[str]", part_of: tuple[int, ...]) -> None:
    found = quotient(graph, part_of)
    links = [link for _, _, link in graph.edges(data=True)]
    assert sum(part.vertices for part in found.parts) == len(graph)
    assert sum(each.links for each in found.bundles) == len(links)
    assert sum(each.cables for each in found.bundles) == sum(link["count"] for link in links)
    bought = sum(link["count"] * link["bandwidth_bytes_per_s"] for link in links)
    assert sum(each.bandwidth_bytes_per_s for each in found.bundles) == pytest.approx(bought, rel=1e-12)
    assert all(each.left_bytes_per_s == each.bandwidth_bytes_per_s and each.lost == 0 for each in found.bundles)
    media = Counter[str]()
    for link in links:
        media[link["medium"]] += link["count"]
    assert media == sum((Counter({each.medium: each.cables}) for each in found.bundles), Counter())


@pytest.mark.parametrize("kind", KINDS)
@given(nodes=st.integers(4, 40))
@settings(deadline=None, max_examples=3)
def test_parts_and_bundles_sum_to_the_graph(kind: str, nodes: int) -> None:
    graph = build(kind, nodes * nics_of_a_node(kind))
    for most_parts in (20, 1):
        check_conserved(graph, blocks_of(graph, most_parts).part_of)


@given(parts=st.lists(st.integers(0, 5), min_size=36, max_size=36))
def test_any_partition_conserves(parts: list[int]) -> None:
    used = sorted(set(parts))
    check_conserved(fat_tree(k=4), tuple(used.index(part) for part in parts))


@pytest.mark.parametrize("kind", KINDS)
@given(nodes=st.integers(4, 40))
@settings(deadline=None, max_examples=3)
def test_every_part_belongs_to_one_block_that_holds_a_whole_number_of_its_vertices(kind: str, nodes: int) -> None:
    graph = build(kind, nodes * nics_of_a_node(kind))
    blocks = blocks_of(graph, most_parts=10**9)
    counts = Counter(blocks.part_of)
    every = [part for block in all_blocks(blocks.root) for part in block.parts]
    assert sorted(every) == sorted(counts)
    assert all(counts[part] % block.count == 0 for block in all_blocks(blocks.root) for part in block.parts)


@pytest.mark.parametrize("kind", KINDS)
def test_vertices_of_a_part_have_equally_many_cables_to_every_part(kind: str) -> None:
    graph = build(kind, 240)
    part_of = dict(zip(graph, blocks_of(graph, most_parts=10**9).part_of, strict=True))
    seen: dict[int, set[tuple[tuple[object, int], ...]]] = defaultdict(set)
    for name in graph:
        cables = Counter[object]()
        for other, link in graph.adj[name].items():
            cables[part_of[other], link["medium"], link["bandwidth_bytes_per_s"]] += link["count"]
        seen[part_of[name]].add(tuple(sorted(cables.items())))
    assert {len(ways) for ways in seen.values()} == {1}


@pytest.mark.parametrize("kind", KINDS)
def test_classes_of_links_are_those_that_a_bottleneck_is_named_by(kind: str) -> None:
    graph = build(kind, 240)
    fabric = fabric_arrays(graph, endpoints_of(graph), 50e9)
    found = quotient(graph, blocks_of(graph).part_of)
    switched = [
        each for each in found.bundles if {found.parts[each.near].kind, found.parts[each.far].kind} == {"switch"}
    ]
    assert {each.link_class for each in switched} == set(fabric.classes)
    for ordinal, name in enumerate(fabric.classes):
        cables = int((fabric.link_class == ordinal).sum()) // 2
        assert sum(each.cables for each in switched if each.link_class == name) == cables


def test_what_is_no_switch_names_its_class_by_kind() -> None:
    assert link_class(("manager", 0), ("switch", 1)) == "leaf-manager"
    assert link_class(("switch", 4), ("switch", 3)) == "core-tier4"


def test_llamas_cluster_is_eight_pods_under_eight_cores() -> None:
    root, found = quotient_of(meta_24k())
    pod = ("pod", 8, [("nic", 0, 3072), ("switch", 1, 192), ("switch", 2, 8)], [])
    assert shape(root, found) == ("", 1, [("switch", 3, 8)], [pod])
    assert [(each.link_class, each.cables) for each in found.bundles] == [
        ("nic", 24576),
        ("leaf-spine", 24576),
        ("spine-core", 8 * 8 * 55),
    ]


def test_a_pod_that_is_not_full_stands_beside_the_full_ones() -> None:
    graph = clos(endpoints=7168, radix=[64, 576, 576], oversubscription=[1, 1, 7], rack=16, pod=3072)
    root, found = quotient_of(graph)
    assert [(each.name, each.count) for each in root.inside] == [("pod", 2), ("pod", 1)]
    assert [found.parts[block.parts[0]].vertices / block.count for block in root.inside] == [3072, 1024]


def test_planes_hold_their_pods() -> None:
    root, found = quotient_of(alibaba_hpn(segments=30))
    pod = ("pod", 2, [("nic", 0, 15360), ("switch", 1, 120), ("switch", 2, 60)], [])
    assert shape(root, found) == ("", 1, [], [("plane", 2, [("switch", 3, 60)], [pod])])


@pytest.mark.parametrize(
    ("graph", "blocks"),
    [
        (multi_plane(planes=4, radix=8), [("plane", 4)]),
        (rail_only(endpoints=256, radix=16), [("rail", 8)]),
        (multi_site(endpoints=96, radix=16, sites=3, wan_links=4), [("site", 3)]),
        (mixed(endpoints=64, radix=16, joining_links=4), [("generation 0", 1), ("generation 1", 1)]),
        (superpod_h100(units=1), []),
    ],
    ids=["planes", "rails", "sites", "generations", "none"],
)
def test_blocks_are_what_is_joined_apart_from_the_rest(graph: "nx.Graph[str]", blocks: list[tuple[str, int]]) -> None:
    root, _ = quotient_of(graph)
    assert [(each.name, each.count) for each in root.inside] == blocks


def test_with_too_many_parts_vertices_of_a_tier_are_alike() -> None:
    graph = fat_tree(k=8, endpoints=90)
    assert len(set(blocks_of(graph).part_of)) > 4
    coarse = blocks_of(graph, most_parts=4)
    found = quotient(graph, coarse.part_of)
    assert [(part.kind, part.tier) for part in found.parts] == [("nic", 0), ("switch", 1), ("switch", 2), ("switch", 3)]
    assert [(each.name, each.count) for each in coarse.root.inside] == [("pod", 6)]
