"""The blocks that a fabric repeats: sites, planes, rails and pods, found in its wiring, and the parts they consist of.

A site or a generation is what its vertices say. Within, a connected fabric of its own is a plane or a rail; and what
stays connected without the switches of the top tier is a pod, and so on downwards to tier 2. Blocks that hold equally
many vertices of each colour are one, so many times; colours come from `equitable_cells`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.cluster.contract import links
from sim.cluster.fabric.arrays import components
from sim.cluster.structure.refine import Indices, equitable_cells

if TYPE_CHECKING:
    import networkx as nx

MOST_PARTS = 20
"""With more parts than this, vertices of a kind and tier are alike, whatever surrounds them."""

APART = ("site", "generation")
"""Attributes whose values are fabrics apart, whatever joins them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """`count` blocks alike, over the whole fabric: the ordinals of their own parts, and the blocks inside them."""

    name: str
    count: int
    parts: tuple[int, ...]
    inside: tuple["Block", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """The whole fabric as a block, and the part of every vertex in the graph's order."""

    root: Block
    part_of: tuple[int, ...]


def blocks_of(graph: "nx.Graph[str]", most_parts: int = MOST_PARTS) -> Blocks:
    """Return the blocks of a graph that honours the contract.

    A fat tree of k = 4 has 4 pods alike of 2 leaves, 2 spines and 4 NICs, under 4 cores:

    >>> from topologies import fat_tree
    >>> found = blocks_of(fat_tree(k=4))
    >>> [(each.name, each.count, each.parts) for each in found.root.inside], found.root.parts
    ([('pod', 4, (0, 1, 2))], (3,))
    >>> Counter(found.part_of)
    Counter({0: 16, 1: 8, 2: 8, 3: 4})
    """
    wiring = _wiring(graph)
    levels = _levels(graph, wiring)
    fine = _assembled(wiring, levels, _alike(wiring), exact=True)
    if len(set(fine.part_of)) <= most_parts:
        return fine
    return _assembled(wiring, levels, wiring.colours.tolist(), exact=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wiring:
    """Arrays over all vertices (V,) and links (L,): who is a NIC, tiers, first colours, ends and kinds of the links."""

    names: tuple[str, ...]
    nic: Indices
    tier: Indices
    colours: Indices
    near: Indices
    far: Indices
    kinds: Indices


def _wiring(graph: "nx.Graph[str]") -> _Wiring:
    ordinal = {name: place for place, name in enumerate(graph)}
    colour, kind = _Numbers(), _Numbers()
    own = [attributes for _, attributes in graph.nodes(data=True)]
    looks = [
        (each["tier"], each["kind"], bool(each.get("router")), bool(each.get("border")), _apart(each)) for each in own
    ]
    found = links(graph)
    return _Wiring(
        names=tuple(ordinal),
        nic=np.array([each["kind"] == "nic" for each in own], dtype=np.int64),
        tier=np.array([each["tier"] for each in own], dtype=np.int64),
        colours=np.array([colour(each) for each in looks], dtype=np.int64),
        near=np.array([ordinal[one] for one, _, _ in found], dtype=np.int64),
        far=np.array([ordinal[other] for _, other, _ in found], dtype=np.int64),
        kinds=np.array(
            [kind((each["bandwidth_bytes_per_s"], each["count"], each["medium"])) for *_, each in found], dtype=np.int64
        ),
    )


def _apart(attributes: Mapping[str, Any]) -> object:
    """Return a generation, for two of them are never alike; sites may be."""
    return attributes.get("generation")


class _Numbers(dict[Any, int]):
    """Numbers things in the order in which they are first met."""

    def __call__(self, thing: Any) -> int:
        return self.setdefault(thing, len(self))


def _alike(wiring: _Wiring) -> list[int]:
    cells: list[int] = equitable_cells(wiring.colours, wiring.near, wiring.far, wiring.kinds).tolist()
    return cells


def _levels(graph: "nx.Graph[str]", wiring: _Wiring) -> list[tuple[Callable[[Sequence[int]], str], list[int]]]:
    """Return, from the outermost, how each level names a block of some vertices, and every vertex' block (-1: none)."""
    apart = next((name for name in APART if any(name in own for _, own in graph.nodes(data=True))), None)
    site = [-1] * len(graph) if apart is None else _values(graph, apart)
    within = np.array(site)[wiring.near] == np.array(site)[wiring.far]
    levels: list[tuple[Callable[[Sequence[int]], str], list[int]]] = []
    if apart is not None:
        levels.append((partial(_apart_name, graph, wiring, apart), site))
    if "groups" in graph.graph:
        return [*levels, (partial(_named, "group"), _values(graph, "pod"))]
    top = int(wiring.tier.max(initial=0))
    for below in (top + 1, *range(top, 2, -1)):
        label = "pod" if below == 3 else "block"
        named = _fabric_name(graph, wiring) if below > top else partial(_named, label)
        levels.append((named, _components(wiring, within, below)))
    return levels


def _named(name: str, _: Sequence[int]) -> str:
    return name


def _apart_name(graph: "nx.Graph[str]", wiring: _Wiring, attribute: str, members: Sequence[int]) -> str:
    """Return the attribute's name, with its value where no two of them are ever alike."""
    value = graph.nodes[wiring.names[members[0]]][attribute]
    return f"{attribute} {value}" if attribute == "generation" else attribute


def _values(graph: "nx.Graph[str]", attribute: str) -> list[int]:
    """Return an attribute of all vertices, its values numbered as they are met; -1 where there is none."""
    number = _Numbers()
    return [number(own[attribute]) if attribute in own else -1 for _, own in graph.nodes(data=True)]


def _fabric_name(graph: "nx.Graph[str]", wiring: _Wiring) -> Callable[[Sequence[int]], str]:
    def named(members: Sequence[int]) -> str:
        own = [graph.nodes[wiring.names[each]] for each in members if not wiring.nic[each]]
        for name in ("plane", "rail"):
            if len({each.get(name) for each in own}) == 1 and name in own[0]:
                return name
        return "fabric"

    return named


def _components(wiring: _Wiring, within: Any, below: int) -> list[int]:
    """Return the component of every vertex among tiers below one; others belong where all their neighbours do."""
    member = (wiring.tier >= 1) & (wiring.tier < below)
    inner = within & member[wiring.near] & member[wiring.far]
    found = np.where(member, components(wiring.near[inner], wiring.far[inner], len(wiring.names)), -1)
    ends, others = np.concatenate([wiring.near, wiring.far]), np.concatenate([wiring.far, wiring.near])
    hanging = (wiring.tier[ends] == 0) & (wiring.tier[others] > 0)
    low = np.full(len(wiring.names), np.iinfo(np.int64).max)
    high = np.full(len(wiring.names), -1)
    np.minimum.at(low, ends[hanging], found[others[hanging]])
    np.maximum.at(high, ends[hanging], found[others[hanging]])
    labels: list[int] = np.where(wiring.tier == 0, np.where(low == high, high, -1), found).tolist()
    return labels


@dataclass(slots=True)
class _Kind:
    """Blocks alike, while they are counted: own vertices by colour, and kinds inside."""

    name: str
    count: int
    own: dict[int, list[int]]
    inside: dict[Any, "_Kind"]


def _assembled(
    wiring: _Wiring,
    levels: Sequence[tuple[Callable[[Sequence[int]], str], list[int]]],
    colours: Sequence[int],
    *,
    exact: bool,
) -> Blocks:
    """Return blocks of vertices of the same colours; exact: in the same numbers too."""
    _, root = _kind("", range(len(wiring.names)), levels, colours, exact)
    part_of = [0] * len(wiring.names)
    numbers = iter(range(len(wiring.names)))
    block = _numbered(root, numbers, part_of)
    return Blocks(root=block, part_of=tuple(part_of))


def _kind(
    name: str,
    members: Sequence[int],
    levels: Sequence[tuple[Callable[[Sequence[int]], str], list[int]]],
    colours: Sequence[int],
    exact: bool,
) -> tuple[Any, _Kind]:
    """Return what tells a block from others, and the block."""
    own, split = _split(members, levels)
    kind = _Kind(name, 1, {}, {})
    for each in own:
        kind.own.setdefault(colours[each], []).append(each)
    for label, group, deeper in split:
        key, child = _kind(label, group, deeper, colours, exact)
        _merge(kind.inside, key, child)
    counted = sorted((colour, len(each) if exact else 1) for colour, each in kind.own.items())
    children = sorted((repr(key), child.count if exact else 1) for key, child in kind.inside.items())
    return (name, tuple(counted), tuple(children)), kind


def _split(
    members: Sequence[int], levels: Sequence[tuple[Callable[[Sequence[int]], str], list[int]]]
) -> tuple[Sequence[int], list[tuple[str, list[int], Any]]]:
    """Return the vertices that are a block's own, and the blocks of the next level that does not hold just all."""
    for place, (named, label) in enumerate(levels):
        groups: dict[int, list[int]] = {}
        for each in members:
            groups.setdefault(label[each], []).append(each)
        own = groups.pop(-1, [])
        if groups and (own or len(groups) > 1):
            deeper = levels[place + 1 :]
            return own, [(named(group), group, deeper) for group in groups.values()]
    return members, []


def _merge(kinds: dict[Any, _Kind], key: Any, new: _Kind) -> None:
    known = kinds.setdefault(key, new)
    if known is new:
        return
    known.count += new.count
    for colour, members in new.own.items():
        known.own.setdefault(colour, []).extend(members)
    for inner, child in new.inside.items():
        _merge(known.inside, inner, child)


def _numbered(kind: _Kind, numbers: Iterable[int], part_of: list[int]) -> Block:
    """Return a block with its parts numbered: what is inside first, then its own by tier."""
    inside = tuple(_numbered(child, numbers, part_of) for child in kind.inside.values())
    parts = []
    for _, members in sorted(kind.own.items(), key=lambda item: item[1][0]):
        part = next(iter(numbers))
        parts.append(part)
        for each in members:
            part_of[each] = part
    return Block(name=kind.name, count=kind.count, parts=tuple(parts), inside=inside)


def part_counts(blocks: Blocks) -> Counter[int]:
    """Return how many vertices each part holds."""
    return Counter(blocks.part_of)
