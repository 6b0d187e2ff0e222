"""What is drawn: a fabric's graph with what is known of it, and how each of its links looks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx

from sim.cluster.structure.damage import Damage, Hit
from sim.cluster.structure.quotient import Part, link_class, tier_name
from sim.quantities import show, show_count
from sim.report.svg import Stroke

PLURAL = {"leaf": "leaves", "spine": "spines", "core": "cores", "NIC": "NICs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A fabric to be drawn.

    nics_per_domain: consecutive endpoints of a node or scale-up domain, called `domain`. bottleneck: class of the
    links that bind the collective. oversubscription: by tier from the bottom. weak: ordinals of domains that have lost
    some of their NVSwitches.
    """

    graph: "nx.Graph[str]"
    endpoints: tuple[str, ...]
    nics_per_domain: int
    domain: str
    damage: Damage
    bottleneck: str
    oversubscription: tuple[float, ...]
    weak: frozenset[int]


def class_of(graph: "nx.Graph[str]", one: str, other: str) -> str:
    """Return the class of a link of a graph."""
    near, far = graph.nodes[one], graph.nodes[other]
    return link_class((near["kind"], near["tier"]), (far["kind"], far["tier"]))


def stroked(path: str, width: float, medium: str, hot: bool, hit: Hit) -> Iterator[Stroke]:
    """Yield how a link is drawn: its medium, wider beneath where it binds, and what it has lost."""
    if hit.left == 0:
        yield Stroke("lost", max(width, 1.6), path)
        return
    if hot:
        yield Stroke("hot", min(width + 4, 3 * width), path)
    yield Stroke(medium, max(width * hit.left, 0.8), path)
    if hit.left < 1:
        yield Stroke("slow", 2.4, path)


def link_hint(one: str, other: str, link: Mapping[str, Any], hit: Hit) -> str:
    """Return what a link is, in words."""
    lost = f"; {percent_left(hit.left)} left" if hit.left < 1 else ""
    return f"{one} - {other}: {cables(link['count'], link['bandwidth_bytes_per_s'])} {link['medium']}{lost}"


def percent_left(left: float) -> str:
    """Return a fraction in percent, in few digits.

    >>> percent_left(0.5), percent_left(0.9996)
    ('50 %', '>99.9 %')
    """
    return ">99.9 %" if 0.9995 <= left < 1 else f"{100 * left:.3g} %"


def cables(count: float, slowest: float, fastest: float | None = None) -> str:
    """Return a number of cables with the bandwidth of one.

    >>> cables(1536, 50e9), cables(2, 25e9, 50e9)
    ('1,536 x 400 Gbit/s', '2 x 200 Gbit/s to 400 Gbit/s')
    """
    upto = f" to {show(fastest, 'bandwidth')}" if fastest is not None and fastest > slowest else ""
    shown = show_count(count) if count == int(count) else f"about {count:,.3g}"
    return f"{shown} x {show(slowest, 'bandwidth')}{upto}"


def counted(count: float, noun: str) -> str:
    """Return a number of things; one that is no whole number is a mean.

    >>> counted(1, "leaf"), counted(192, "leaf"), counted(8, "switch"), counted(2.5, "border leaf")
    ('1 leaf', '192 leaves', '8 switches', 'about 2.5 border leaves')
    """
    before, _, last = noun.rpartition(" ")
    plural = f"{before} {PLURAL.get(last, last + ('es' if last.endswith('ch') else 's'))}".strip()
    if count != int(count):
        return f"about {count:,.3g} {plural}"
    return f"{show_count(count)} {noun if count == 1 else plural}"


def noun_of(part: Part) -> str:
    """Return what one vertex of a part is called."""
    if part.kind == "nic":
        return "NIC"
    if part.kind != "switch":
        return part.kind
    return f"border {tier_name(part.tier)}" if part.border else "chip" if part.router else tier_name(part.tier)


def tiers_of(graph: "nx.Graph[str]", names: Sequence[str] | None = None) -> dict[int, list[str]]:
    """Return vertices other than NICs by tier, in the graph's order."""
    tiers: dict[int, list[str]] = {}
    for name in graph if names is None else names:
        own = graph.nodes[name]
        if own["kind"] != "nic":
            tiers.setdefault(own["tier"], []).append(name)
    return tiers
