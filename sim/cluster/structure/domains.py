"""Nodes or scale-up domains as a fabric sees them: how many NICs of each hang on which part, on how many switches."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx


MOST_KINDS = 4
"""With more kinds than this all domains are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domains:
    """Domains alike: how many, the NICs of all by part, and on how many switches one has its NICs, fewest and most."""

    count: int
    nics: tuple[tuple[int, int], ...]
    switches: tuple[int, int]


def domains_of(
    graph: "nx.Graph[str]", endpoints: Sequence[str], part_of: Sequence[int], nics_per_domain: int
) -> tuple[Domains, ...]:
    """Return the kinds of domains, most first; consecutive endpoints make a domain, and the last may have fewer.

    Rails: the 4 NICs of each node are on 4 leaves.

    >>> from topologies import rail_optimized
    >>> graph = rail_optimized(endpoints=16, nics_per_node=4, radix=8)
    >>> nics = [name for name, kind in graph.nodes(data="kind") if kind == "nic"]
    >>> domains_of(graph, nics, [own["tier"] for _, own in graph.nodes(data=True)], 4)
    (Domains(count=4, nics=((0, 16),), switches=(4, 4)),)
    """
    ordinal = dict(zip(graph, part_of, strict=True))
    kinds: Counter[tuple[tuple[tuple[int, int], ...], int]] = Counter()
    for first in range(0, len(endpoints), nics_per_domain):
        own = endpoints[first : first + nics_per_domain]
        switches = {switch for nic in own for switch in graph.adj[nic]}
        kinds[tuple(sorted(Counter(ordinal[nic] for nic in own).items())), len(switches)] += 1
    if len(kinds) <= MOST_KINDS:
        return tuple(
            Domains(count=count, nics=tuple((part, each * count) for part, each in nics), switches=(on, on))
            for (nics, on), count in kinds.most_common()
        )
    every: Counter[int] = Counter()
    for (nics, _), count in kinds.items():
        every.update({part: each * count for part, each in nics})
    on = [switches for _, switches in kinds]
    return (Domains(count=kinds.total(), nics=tuple(sorted(every.items())), switches=(min(on), max(on))),)
