"""Drawings of fabrics: well-formed, the same each time, no text on another, and what they show is in the graph."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple
from xml.etree import ElementTree

import networkx as nx
import pytest

from sim.cluster.build import build_bare, endpoint_cluster
from sim.cluster.describe import describe
from sim.cluster.health import Fault, Health
from sim.cluster.records import Cluster
from sim.report.drawing.picture import fabric_svg, subject_of
from sim.report.svg import spaced
from tests.topologies.test_families import ARGUMENTS

SVG = "{http://www.w3.org/2000/svg}"

SMALL: dict[str, tuple[str, dict[str, Any]]] = {
    "fat tree": ("fat-tree", {"k": 4}),
    "rails": ("rail-optimized", {"endpoints": 64, "radix": 16}),
    "planes": ("multi-plane", {"endpoints": 32, "planes": 2, "nics_per_node": 8, "radix": 8}),
    "sites": ("multi-site", {"endpoints": 48, "radix": 8, "wan_links": 4}),
    "generations": ("mixed", {"endpoints": 64, "radix": 16, "joining_links": 4}),
    "dragonfly": ("dragonfly", {"p": 2, "a": 4, "h": 2}),
    "dragonfly+": ("dragonfly-plus", {"p": 2, "leaves": 2, "spines": 2, "h": 2}),
    "ring": ("torus", {"shape": [12]}),
    "torus": ("torus", {"shape": [4, 4]}),
    "cube": ("torus", {"shape": [4, 4, 4]}),
    "open grid": ("torus", {"shape": [3, 4], "wrap": False}),
    "full mesh": ("hyperx", {"shape": [8]}),
    "hyperx": ("hyperx", {"shape": [4, 4], "p": 2}),
    "slim fly": ("slim-fly", {"q": 5}),
    "jellyfish": ("jellyfish", {"switches": 20, "ports": 8, "degree": 5, "seed": 1}),
}
LARGE: dict[str, tuple[str, dict[str, Any]]] = {kind: (kind, own) for kind, own in ARGUMENTS.items()} | {
    "pods that are not full": ("fat-tree", {"k": 16, "endpoints": 500}),
    "sites of three tiers": ("multi-site", {"sites": 3, "tiers": 3, "radix": 16, "endpoints": 3000}),
    "more than a pod": ("alibaba-hpn", {"segments": 16}),
    "a long grid": ("torus", {"shape": [2, 40, 30]}),
    "four dimensions": ("hyperx", {"shape": [4, 4, 3, 3]}),
}
ALL = {**{f"small {name}": each for name, each in SMALL.items()}, **LARGE}


def cluster_of(name: str) -> Cluster:
    kind, own = ALL[name]
    return endpoint_cluster(build_bare(kind, own))


def facts_of(cluster: Cluster, bottleneck: str = "nic") -> dict[str, Any]:
    """Return what a drawing reads of a topology's JSON, without routing anything."""
    asked = {"kind": "all-reduce", "bottleneck": bottleneck, "load": 1.0}
    return {**describe(cluster.graph, cluster.gpus), "busbw": {"all-reduce": 45e9}, "collective": asked}


def drawn(cluster: Cluster, bottleneck: str = "nic", name: str = "example") -> str:
    facts = facts_of(cluster, bottleneck)
    return fabric_svg(name, subject_of(cluster, facts), facts)


class Box(NamedTuple):
    content: str
    left: float
    right: float
    top: float
    bottom: float


def boxes(root: ElementTree.Element, x: float = 0, y: float = 0) -> Iterator[Box]:
    """Yield where every upright text stands, its letters being half as wide as high, which is less than they are."""
    for each in root:
        moved = re.fullmatch(r"translate\(([-\d.]+),([-\d.]+)\)", each.attrib.get("transform", ""))
        if each.tag == f"{SVG}text":
            size = float(each.attrib.get("font-size", 12))
            width = 0.5 * size * len(each.text or "")
            kinds = each.attrib.get("class", "").split()
            left = x + float(each.attrib["x"]) - width * (0.5 if "m" in kinds else 1 if "e" in kinds else 0)
            base = y + float(each.attrib["y"])
            yield Box(each.text or "", left, left + width, base - 0.7 * size, base)
        elif each.tag == f"{SVG}g" and (moved or "transform" not in each.attrib):
            dx, dy = map(float, moved.groups()) if moved else (0.0, 0.0)
            yield from boxes(each, x + dx, y + dy)


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def pieces(svg: str, kind: str) -> int:
    """Return how many lines of a class are drawn, samples of the legend apart."""
    paths = [each for each in ElementTree.fromstring(svg).iter(f"{SVG}path") if each.attrib["class"] == f"s {kind}"]
    return sum(each.attrib["d"].count("M") for each in paths if each.attrib["d"] != "M0 0L30 0")


@pytest.mark.parametrize("name", ALL)
def test_a_drawing_is_well_formed_and_the_same_each_time(name: str) -> None:
    svg = drawn(cluster_of(name))
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"
    assert svg == drawn(cluster_of(name))
    assert 'class="bg"' in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", ALL)
def test_no_text_lies_on_another_or_beyond_the_edge(name: str) -> None:
    root = ElementTree.fromstring(drawn(cluster_of(name)))
    found = list(boxes(root))
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    assert [each.content for each in found if each.left < 0 or each.right > width or each.bottom > height] == []
    overlapping = [
        (one.content, other.content)
        for one, other in combinations(found, 2)
        if one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom
    ]
    assert overlapping == []


@pytest.mark.parametrize("name", ["fat tree", "rails", "planes", "sites", "generations"])
def test_every_link_of_a_small_fabric_of_tiers_is_drawn_once(name: str) -> None:
    cluster = cluster_of(f"small {name}")
    svg = drawn(cluster)
    media = Counter(link["medium"] for _, _, link in cluster.graph.edges(data=True))
    assert {medium: pieces(svg, medium) for medium in media} == media
    shown = texts(svg)
    assert all(name in shown for name, kind in cluster.graph.nodes(data="kind") if kind == "switch")


@pytest.mark.parametrize("name", ["torus", "cube", "open grid", "hyperx", "dragonfly", "dragonfly+"])
def test_every_link_between_switches_of_a_small_direct_network_is_drawn_once(name: str) -> None:
    cluster = cluster_of(f"small {name}")
    graph, svg = cluster.graph, drawn(cluster)
    nics = set(cluster.endpoints)
    media = Counter(link["medium"] for one, other, link in graph.edges(data=True) if not nics & {one, other})
    assert {medium: pieces(svg, medium) for medium in media} == media


@pytest.mark.parametrize("name", ["slim fly", "jellyfish", "ring", "full mesh"])
def test_a_small_flat_network_is_drawn_whole_with_its_endpoints(name: str) -> None:
    cluster = cluster_of(f"small {name}")
    svg = drawn(cluster)
    assert sum(pieces(svg, medium) for medium in ("copper", "optic", "on-chip")) == cluster.graph.number_of_edges()
    assert svg.count('<circle class="nic"') == len(cluster.endpoints)


def test_the_links_that_bind_lie_on_a_band() -> None:
    cluster = cluster_of("small fat tree")
    assert [pieces(drawn(cluster, each), "hot") for each in ("nic", "leaf-spine", "spine-core")] == [16, 16, 16]
    assert pieces(drawn(cluster_of("small rails"), "scale-up"), "hot") == 0
    assert drawn(cluster_of("small rails"), "scale-up").count('class="lit"') == 8


def test_what_is_lost_is_dashed_and_what_is_slow_is_dotted() -> None:
    whole = cluster_of("small fat tree")
    health = Health(
        faults=(
            Fault(what="vertex", name="core-0-0"),
            Fault(what="link", name="leaf-0-0 - spine-0-1"),
            Fault(what="link", name="leaf-1-0 - spine-1-1", factor=0.5),
        )
    )
    svg = drawn(replace(whole, health=health))
    assert (pieces(svg, "lost"), pieces(svg, "slow")) == (4 + 1, 1)
    assert svg.count('<rect class="dead"') == 1
    assert {"lost", "degraded, or some of its cables lost"} <= set(texts(svg))
    assert not {"lost", "degraded, or some of its cables lost"} & set(texts(drawn(whole)))


def test_a_large_fabric_counts_what_is_lost() -> None:
    whole = cluster_of("clos")
    health = Health(
        faults=(Fault(what="class", name="spine", count=3), Fault(what="class", name="nic", count=2)), seed=1
    )
    shown = texts(drawn(replace(whole, health=health)))
    assert (
        sum(int(found[1]) for each in shown if (found := re.search(r"(\d+) lost$", each)) and "in all" in each) == 3 + 2
    )


def test_of_a_large_grid_the_slice_is_drawn_in_which_something_is_lost() -> None:
    whole = cluster_of("tpu-v5p")
    health = Health(faults=(Fault(what="link", name="router-5-2-3 - router-5-2-4"),))
    svg = drawn(replace(whole, health=health))
    assert "dimension 0: 16, rings close: the slice at 5 is drawn" in texts(svg)
    assert (pieces(svg, "lost"), pieces(drawn(whole), "lost")) == (1, 0)


def test_of_a_large_dragonfly_the_group_is_drawn_in_which_something_is_lost() -> None:
    whole = cluster_of("dragonfly")
    links = [f"router-7-0 - router-7-{place}" for place in (1, 2)]
    health = Health(faults=tuple(Fault(what="link", name=each) for each in links))
    svg = drawn(replace(whole, health=health))
    assert "group 7 of 33: 8 switches" in texts(svg)
    assert pieces(svg, "lost") == 2
    assert svg.count('<circle class="dead"') == 1
    assert "group 0 of 33: 8 switches" in texts(drawn(whole))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("meta-24k", ["pod x 8", "192 leaves", "3,072 x 400 Gbit/s", "x 8 = 9.83 Pbit/s", "1:6.98", "oversubscribed"]),
        ("more than a pod", ["plane x 2", "pod x 1", "120 leaves", "1,920 nodes", "16 NICs each, on 16 switches"]),
        ("rail-only", ["rail x 8", "8 spines", "16 leaves", "128 nodes", "8 NICs each, on 8 switches"]),
        (
            "tpu-v5p",
            ["dimension 0: 16, rings close: the slice at 0 is drawn", "410 Tbit/s across its middle: thinnest"],
        ),
        ("dragonfly", ["within groups: 924 cables = 370 Tbit/s", "between groups: 528 cables = 211 Tbit/s"]),
        ("sites of three tiers", ["site x 3", "2 border leaves"]),
        ("small torus", ["16 x 400 Gbit/s along it", "3.2 Tbit/s across its middle"]),
    ],
)
def test_a_drawing_says_what_is_wired_to_what(name: str, expected: list[str]) -> None:
    shown = texts(drawn(cluster_of(name)))
    assert [each for each in expected if each not in shown] == []


def test_names_are_escaped() -> None:
    names = {"leaf-0-0": "<leaf & 'co'>"}
    cluster = cluster_of("small fat tree")
    graph: nx.Graph[str] = nx.relabel_nodes(cluster.graph, names)
    svg = drawn(replace(cluster, graph=graph), name="a <b> & c")
    assert "<leaf & 'co'>" in texts(svg)
    assert any(each.startswith("a <b> & c: fat-tree") for each in texts(svg))


def test_an_imported_fabric_without_pods_is_drawn_by_its_tiers() -> None:
    graph = build_bare("leaf-spine", {"radix": 32})
    for own in (graph.graph, *(own for _, own in graph.nodes(data=True))):
        for name in ("family", "pod", "node"):
            own.pop(name, None)
    shown = texts(drawn(endpoint_cluster(graph)))
    assert {"16 spines", "32 leaves", "512 NICs", "512 x 400 Gbit/s"} <= set(shown)


def test_marks_of_an_imported_fabric_may_be_any_text() -> None:
    graph = build_bare("fat-tree", {"k": 4})
    for _, own in graph.nodes(data=True):
        if "pod" in own:
            own["pod"] = f"hall <{own['pod']}>"
    svg = drawn(endpoint_cluster(graph))
    assert "pod hall <3>" in texts(svg)
    assert pieces(svg, "optic") == 32


def test_a_grid_with_a_link_across_is_drawn_on_a_circle() -> None:
    graph = build_bare("torus", {"shape": [4, 4]})
    graph.add_edge("router-0-0", "router-1-1", **graph.edges["router-0-0", "router-0-1"])
    svg = drawn(endpoint_cluster(graph))
    assert sum(pieces(svg, medium) for medium in ("copper", "optic", "on-chip")) == 16 + 33


def test_places_stay_where_they_are_wanted_unless_too_near() -> None:
    assert spaced([5.0, 9.0], [3.0]) == [5.0, 9.0]
    assert spaced([4.0, 4.0, 4.0], [2.0, 2.0]) == [2.0, 4.0, 6.0]
