"""A fabric of switches without tiers, on a circle: every link of a small one, those of one switch of a large one."""

from collections.abc import Iterator, Mapping, Sequence
from math import cos, pi, sin
from typing import Any

from sim.cluster.contract import links
from sim.cluster.structure.quotient import Bundle, quotient
from sim.quantities import show, show_count
from sim.report.drawing.subject import Subject, cables, class_of, counted, noun_of, stroked
from sim.report.svg import Sketch, Stroke, dot, straight, strokes, text, text_width

MOST_CHORDS = 420
"""With more links than this between switches, only those of one switch can be followed."""

MOST_NAMED, MOST_FANNED = 24, 64
"""Switches that are named, and of which the endpoints are drawn."""

_RADIUS, _MARGIN, _TOP, _TEXT = 250, 92, 10, 300

Place = tuple[float, float]


def is_flat(subject: Subject) -> bool:
    """Return whether all switches are of one tier, and joined to one another."""
    switches = switches_of(subject)
    tiers = {subject.graph.nodes[name]["tier"] for name in switches}
    return len(tiers) == 1 and any(other in switches for name in switches for other in subject.graph.adj[name])


def ring_picture(subject: Subject) -> Sketch:
    """Return switches on a circle in their order, endpoints outside, and beside it what a switch has."""
    switches = list(switches_of(subject))
    margin = _MARGIN if len(switches) > MOST_NAMED else 56 + max(text_width(name, 10) for name in switches)
    centre = (margin + _RADIUS, _TOP + _MARGIN + _RADIUS)
    places = circle(switches, centre, _RADIUS)
    every = between(subject, switches_of(subject))
    all_drawn = len(every) <= MOST_CHORDS
    shown = every if all_drawn else [each for each in every if switches[0] in each[:2] or _hurt(subject, each)]
    drawn = [stroke for each in shown for stroke in chord(subject, places, each)]
    lines = [*strokes([*drawn, *_endpoint_strokes(subject, places, centre)]), *_dots(subject, places, centre)]
    side = 2 * (_RADIUS + margin)
    lines += facts_beside(subject, side + 10, _TOP + _MARGIN)[0]
    notes = () if all_drawn else (f"Drawn are the links of {switches[0]}, and those that are hurt; each has as many.",)
    return Sketch(side + _TEXT, _TOP + 2 * (_RADIUS + _MARGIN), tuple(lines), notes)


def switches_of(subject: Subject) -> dict[str, None]:
    """Return the switches in the graph's order."""
    return dict.fromkeys(name for name, own in subject.graph.nodes(data=True) if own["kind"] == "switch")


def between(subject: Subject, among: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the links between some vertices."""
    return [each for each in links(subject.graph) if each[0] in among and each[1] in among]


def circle(names: Sequence[str], centre: Place, radius: float) -> dict[str, Place]:
    """Return places on a circle from its top on, clockwise.

    >>> [(round(x), round(y)) for x, y in circle(["a", "b"], (0, 0), 10).values()]
    [(0, -10), (0, 10)]
    """
    turns = [2 * pi * place / len(names) for place in range(len(names))]
    return {
        name: (centre[0] + radius * sin(turn), centre[1] - radius * cos(turn))
        for name, turn in zip(names, turns, strict=True)
    }


def chord(subject: Subject, places: Mapping[str, Place], link: tuple[str, str, Mapping[str, Any]]) -> Iterator[Stroke]:
    """Yield a link as a straight line; 1.2 pixels for the narrowest cable of the fabric's switches."""
    one, other, attributes = link
    path = straight(*places[one], *places[other])
    hot = class_of(subject.graph, one, other) == subject.bottleneck
    width = min(1.2 * attributes["count"] ** 0.5, 5)
    yield from stroked(path, width, attributes["medium"], hot, subject.damage.of(one, other))


def _hurt(subject: Subject, link: tuple[str, str, Mapping[str, Any]]) -> bool:
    return subject.damage.of(link[0], link[1]).left < 1


def _endpoint_strokes(subject: Subject, places: Mapping[str, Place], centre: Place) -> Iterator[Stroke]:
    """Yield a stub outwards for the endpoints of every switch, where switches are few enough."""
    if len(places) > MOST_FANNED:
        return
    for name, (x, y) in places.items():
        for nic, (nx_, ny) in _fanned(subject, name, (x, y), centre):
            link = subject.graph.edges[nic, name]
            hot = subject.bottleneck == "nic"
            yield from stroked(straight(x, y, nx_, ny), 1.0, link["medium"], hot, subject.damage.of(nic, name))


def _fanned(subject: Subject, name: str, at: Place, centre: Place) -> Iterator[tuple[str, Place]]:
    """Yield the endpoints of a switch and where they stand, side by side outside the circle."""
    nics = [other for other in subject.graph.adj[name] if subject.graph.nodes[other]["kind"] == "nic"]
    away = ((at[0] - centre[0]) / _RADIUS, (at[1] - centre[1]) / _RADIUS)
    step = min(9.0, 22.0 / max(len(nics), 1) + 2)
    for place, nic in enumerate(nics):
        aside = (place - (len(nics) - 1) / 2) * step
        yield nic, (at[0] + 34 * away[0] - aside * away[1], at[1] + 34 * away[1] + aside * away[0])


def _dots(subject: Subject, places: Mapping[str, Place], centre: Place) -> Iterator[str]:
    few = len(places) <= MOST_FANNED
    for name, (x, y) in places.items():
        dead = "dead" if name in subject.damage.vertices else "box"
        yield dot(dead, x, y, 7 if few else max(1.5, 280 / len(places)), name)
        if not few:
            continue
        for nic, (nx_, ny) in _fanned(subject, name, (x, y), centre):
            yield dot("dead" if nic in subject.damage.vertices else "nic", nx_, ny, 2.6, nic)
        if len(places) <= MOST_NAMED:
            away = ((x - centre[0]) / _RADIUS, (y - centre[1]) / _RADIUS)
            anchor = "m" if abs(away[0]) < 0.3 else "" if away[0] > 0 else "e"
            yield text(x + 46 * away[0], y + 46 * away[1] + 4, name, anchor, 10)


def facts_beside(subject: Subject, x: float, y: float) -> tuple[list[str], float]:
    """Return what the fabric consists of, its switches by tier and links by medium and class, and where it ends."""
    facts = _fact_lines(subject)
    shown = [text(x, y + 18 * place, line, kind) for place, (line, kind) in enumerate(facts) if line]
    return shown, y + 18 * (len(facts) + 1)


def _fact_lines(subject: Subject) -> list[tuple[str, str]]:
    """Return lines and their classes; see `facts_beside`."""
    kinds = [(own["tier"], own["kind"]) for _, own in subject.graph.nodes(data=True)]
    order = sorted(set(kinds))
    found = quotient(subject.graph, [order.index(each) for each in kinds], subject.damage)
    lines: list[tuple[str, str]] = []
    for part in reversed(found.parts):
        noun = "endpoint" if part.kind == "nic" else "switch" if len(order) == 2 and not part.router else noun_of(part)
        lines.append((counted(part.vertices, noun), "b"))
        if part.lost:
            lines.append((f"{show_count(part.lost)} lost", "gone"))
    for bundle in found.bundles:
        lines += [("", ""), *_bundle_lines(subject, bundle, found.parts[bundle.near].vertices)]
    return lines


def _bundle_lines(subject: Subject, bundle: Bundle, near: int) -> Iterator[tuple[str, str]]:
    ends = f", {_each(2 * bundle.cables, near)}" if bundle.near == bundle.far else ""
    yield f"{bundle.medium}, {'to endpoints' if bundle.link_class == 'nic' else bundle.link_class}{ends}", "b"
    yield cables(bundle.cables, *bundle.cable_bytes_per_s), ""
    yield f"= {show(bundle.bandwidth_bytes_per_s, 'bandwidth')}", ""
    if bundle.link_class == subject.bottleneck:
        yield "binds the collective", "thin"
    if bundle.left_bytes_per_s < bundle.bandwidth_bytes_per_s:
        lost = f"{show_count(bundle.lost)} lost, " if bundle.lost else ""
        yield f"{lost}{show(bundle.left_bytes_per_s, 'bandwidth')} left", "gone"


def _each(total: int, among: int) -> str:
    return f"{total / among:.3g} each"
