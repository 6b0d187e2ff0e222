"""The quotient of a graph: alike vertices become one part, all links between two parts one bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.cluster.contract import links
from sim.cluster.structure.damage import WHOLE, Damage

if TYPE_CHECKING:
    import networkx as nx

_TIER_NAMES = {1: "leaf", 2: "spine", 3: "core"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Vertices that stand for one another: how many, what they are (of the first), and how many of them are lost."""

    name: str
    kind: str
    tier: int
    router: bool
    border: bool
    vertices: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """All links of one medium between two parts, or within one: near <= far, ordinals of parts.

    cables: with parallel ones; lost: of these. bandwidth_bytes_per_s: one direction of all together, as bought, and
    left_bytes_per_s what is left of it; of the slowest and of the fastest single cable in cable_bytes_per_s.
    """

    near: int
    far: int
    medium: str
    link_class: str
    links: int
    cables: int
    lost: int
    bandwidth_bytes_per_s: float
    left_bytes_per_s: float
    cable_bytes_per_s: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotient:
    """Parts in order of their ordinals, and bundles sorted by them."""

    parts: tuple[Part, ...]
    bundles: tuple[Bundle, ...]


def quotient(graph: "nx.Graph[str]", part_of: Sequence[int], damage: Damage = WHOLE) -> Quotient:
    """Return the quotient of a graph by a partition: the ordinal of each vertex' part, in the graph's order.

    Vertices of the parts sum to the graph's; links, cables and bandwidths of the bundles to those of its links.

    >>> from topologies import leaf_spine
    >>> graph = leaf_spine(radix=4)
    >>> found = quotient(graph, [own["tier"] for _, own in graph.nodes(data=True)])
    >>> [(part.kind, part.vertices) for part in found.parts]
    [('nic', 8), ('switch', 4), ('switch', 2)]
    >>> [(each.link_class, each.cables, each.bandwidth_bytes_per_s / 50e9) for each in found.bundles]
    [('nic', 8, 8.0), ('leaf-spine', 8, 8.0)]
    """
    ordinal = dict(zip(graph, part_of, strict=True))
    members: dict[int, list[str]] = {}
    for name, part in ordinal.items():
        members.setdefault(part, []).append(name)
    parts = tuple(_part(graph, members[part], damage) for part in sorted(members))
    groups: dict[tuple[int, int, str], list[tuple[str, str, Mapping[str, float]]]] = {}
    for one, other, link in links(graph):
        near, far = ordinal[one], ordinal[other]
        groups.setdefault((min(near, far), max(near, far), link["medium"]), []).append((one, other, link))
    bundles = (_bundle(key, groups[key], parts, damage) for key in sorted(groups))
    return Quotient(parts=parts, bundles=tuple(bundles))


def link_class(near: tuple[str, int], far: tuple[str, int]) -> str:
    """Return the class of a link by kind and tier of its ends, as bottlenecks are named.

    >>> link_class(("switch", 2), ("switch", 1)), link_class(("nic", 0), ("switch", 1))
    ('leaf-spine', 'nic')
    >>> link_class(("storage", 0), ("switch", 1))
    'leaf-storage'
    """
    kinds = {near[0], far[0]}
    if "nic" in kinds:
        return "nic"
    if kinds == {"switch"}:
        low, high = sorted((near[1], far[1]))
        return f"{tier_name(low)}-{tier_name(high)}"
    named = sorted(tier_name(tier) if kind == "switch" else kind for kind, tier in (near, far))
    return "-".join(named)


def tier_name(tier: int) -> str:
    """Return what switches of a tier are called.

    >>> tier_name(3), tier_name(4)
    ('core', 'tier4')
    """
    return _TIER_NAMES.get(tier, f"tier{tier}")


def _part(graph: "nx.Graph[str]", members: Sequence[str], damage: Damage) -> Part:
    first = graph.nodes[members[0]]
    return Part(
        name=members[0],
        kind=first["kind"],
        tier=first["tier"],
        router=bool(first.get("router")),
        border=bool(first.get("border")),
        vertices=len(members),
        lost=len(damage.vertices.intersection(members)) if damage.vertices else 0,
    )


def _bundle(
    key: tuple[int, int, str],
    members: Sequence[tuple[str, str, Mapping[str, float]]],
    parts: Sequence[Part],
    damage: Damage,
) -> Bundle:
    near, far, medium = key
    rates = [link["bandwidth_bytes_per_s"] for _, _, link in members]
    totals = [link["count"] * link["bandwidth_bytes_per_s"] for _, _, link in members]
    lost, gone_bytes_per_s = 0, 0.0
    if damage.links:
        for (one, other, _), total in zip(members, totals, strict=True):
            hit = damage.of(one, other)
            lost += hit.lost
            gone_bytes_per_s += total * (1 - hit.left)
    ends = [(parts[each].kind, parts[each].tier) for each in (near, far)]
    return Bundle(
        near=near,
        far=far,
        medium=medium,
        link_class=link_class(*ends),
        links=len(members),
        cables=sum(int(link["count"]) for _, _, link in members),
        lost=lost,
        bandwidth_bytes_per_s=sum(totals),
        left_bytes_per_s=sum(totals) - gone_bytes_per_s,
        cable_bytes_per_s=(min(rates), max(rates)),
    )
