"""Fabrics side by side, each with border leaves whose ports lead to the others."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import ceil

import networkx as nx

from topologies.clos import clos_plan
from topologies.folded import Plan, add_fabric, leaf_names
from topologies.hosts import add_counted_cables
from topologies.wiring import Cabling


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A fabric that is joined to others: its plan, border leaves included, how many these are, and its marks."""

    plan: Plan
    borders: int
    prefix: str
    marks: Mapping[str, object]

    @property
    def border_leaves(self) -> list[str]:
        """Leaves without endpoints, the last of the plan."""
        return leaf_names(self.plan, self.prefix)[self.plan.leaves - self.borders :]


def part_plan(
    endpoints: int | None, outward: int, *, tiers: int, radix: int, oversubscription: Sequence[float] | None
) -> tuple[Plan, int]:
    """Return a Clos for the endpoints (default: all it holds) and border leaves of `outward` cables, and their number.

    >>> plan, borders = part_plan(64, 8, tiers=2, radix=16, oversubscription=None)
    >>> plan.leaves, borders
    (9, 1)
    """
    full = clos_plan(tiers=tiers, radix=radix, oversubscription=oversubscription)
    borders = ceil(outward / full.leaf_down)
    room = full.endpoints - borders * full.leaf_down
    count = room if endpoints is None else endpoints
    if count > room or count < 1:
        raise ValueError(
            f"endpoints: got {max(count, 1):,} of one fabric, but a Clos of {tiers} tiers with radix {radix} and "
            f"{outward} cables to others holds at most {max(room, 0):,}"
        )
    leaves = ceil(count / full.leaf_down) + borders
    plan = clos_plan(endpoints=leaves * full.leaf_down, tiers=tiers, radix=radix, oversubscription=oversubscription)
    return replace(plan, endpoints=count), borders


def add_part(graph: "nx.Graph[str]", part: Part, nics: Sequence[str], nic: Cabling) -> None:
    """Add a fabric; its NICs are there and fill its leaves in order."""
    add_fabric(
        graph,
        part.plan,
        nics=nics,
        leaf_of=[place // part.plan.leaf_down for place in range(len(nics))],
        leaf_names=leaf_names(part.plan, part.prefix),
        nic=nic,
        prefix=part.prefix,
        marks=part.marks,
    )
    for leaf in part.border_leaves:
        graph.nodes[leaf]["border"] = True


def join_parts(graph: "nx.Graph[str]", parts: Iterable[Part], count: int, cabling: Cabling) -> None:
    """Join every two fabrics by `count` cables, a border port each, border leaves being filled in order."""
    used: Counter[str] = Counter()
    cables: Counter[tuple[str, str]] = Counter()
    for one, other in combinations(parts, 2):
        for _ in range(count):
            cables[_next_port(one, used), _next_port(other, used)] += 1
    add_counted_cables(graph, cables, cabling)


def _next_port(part: Part, used: Counter[str]) -> str:
    leaf = part.border_leaves[used[part.prefix] // part.plan.leaf_down]
    used[part.prefix] += 1
    return leaf
