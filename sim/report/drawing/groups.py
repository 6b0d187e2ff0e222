"""A dragonfly: groups on a ring with the global cables between them, and one group at the side."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from sim.cluster.structure.damage import Hit
from sim.quantities import show, show_count
from sim.report.drawing.ring import Place, between, chord, circle, facts_beside, switches_of
from sim.report.drawing.subject import Subject, class_of, stroked
from sim.report.svg import Sketch, Stroke, dot, straight, strokes, text

MOST_SWITCHES, MOST_LINKS = 80, 500
"""Beyond these a group is one dot."""

MOST_CHORDS = 420
"""With more pairs of groups than this, only those of the first group are drawn."""

_RADIUS, _MARGIN, _SIDE, _TOP = 250, 96, 330, 6

Groups = Mapping[int, Sequence[str]]
Link = tuple[str, str, dict[str, Any]]


def is_grouped(subject: Subject) -> bool:
    """Return whether the graph says that its pods are groups, joined to one another directly."""
    graph = subject.graph
    return "groups" in graph.graph and all(
        isinstance(graph.nodes[name].get("pod"), int) for name in switches_of(subject)
    )


def groups_picture(subject: Subject) -> Sketch:
    """Return groups on a ring in their order, every switch of a small fabric, and what there is at the side."""
    groups: dict[int, list[str]] = {}
    for name in switches_of(subject):
        groups.setdefault(subject.graph.nodes[name]["pod"], []).append(name)
    every = between(subject, switches_of(subject))
    small = sum(map(len, groups.values())) <= MOST_SWITCHES and len(every) <= MOST_LINKS
    middle = (_MARGIN + _RADIUS, _TOP + _MARGIN + _RADIUS)
    centres = circle([str(group) for group in groups], middle, _RADIUS)
    at = {group: centres[str(group)] for group in groups}
    lines, notes = (_whole if small else _coarse)(subject, groups, at, every)
    side = 2 * (_RADIUS + _MARGIN)
    beside, below = facts_beside(subject, side + 10, _TOP + 24)
    lines += [*beside, *_kinds(subject, every, side + 10, below)]
    if not small:
        hurt = sorted(_hurt(subject, every))
        lines += _one_group(subject, groups, hurt[0] if hurt else min(groups), every, (side + 150, below + 220))
        return Sketch(side + _SIDE, max(_TOP + side, below + 360), tuple(lines), tuple(notes))
    return Sketch(side + _SIDE, _TOP + side, tuple(lines), tuple(notes))


def _kinds(subject: Subject, every: Sequence[Link], x: float, y: float) -> Iterator[str]:
    """Write how much of the links between switches lies within groups, and how much joins them."""
    totals = {True: [0, 0.0], False: [0, 0.0]}
    for one, other, link in every:
        total = totals[_group_of(subject, one) == _group_of(subject, other)]
        total[0] += link["count"]
        total[1] += link["count"] * link["bandwidth_bytes_per_s"]
    for place, (within, words) in enumerate(((True, "within groups"), (False, "between groups"))):
        count, bandwidth = totals[within]
        line = f"{words}: {show_count(count)} cables = {show(bandwidth, 'bandwidth')}"
        yield text(x, y + 18 * place, line, "b" if within or bandwidth >= totals[True][1] else "thin")


def _group_of(subject: Subject, name: str) -> int:
    return int(subject.graph.nodes[name]["pod"])


def _whole(
    subject: Subject, groups: Groups, at: Mapping[int, Place], every: Sequence[Link]
) -> tuple[list[str], list[str]]:
    """Draw every switch of every group."""
    radius = min(56.0, 2.4 * _RADIUS / max(len(groups), 3))
    places: dict[str, Place] = {}
    for group, names in groups.items():
        places |= circle(names, at[group], radius)
    lines = [dot("home", *at[group], radius + 14, f"group {group}") for group in groups]
    lines += strokes([stroke for each in every for stroke in chord(subject, places, each)])
    for name, (x, y) in places.items():
        lines.append(dot("dead" if name in subject.damage.vertices else "box", x, y, 6, name))
    lines += [text(*_outside(at, group, radius + 26), f"{group}", "m soft b") for group in groups]
    return lines, []


def _outside(at: Mapping[int, Place], group: int, away: float) -> Place:
    """Return a place beyond a group, seen from the middle of the ring."""
    middle = (_MARGIN + _RADIUS, _TOP + _MARGIN + _RADIUS)
    x, y = at[group]
    return x + (x - middle[0]) / _RADIUS * away, y + (y - middle[1]) / _RADIUS * away + 4


def _coarse(
    subject: Subject, groups: Groups, at: Mapping[int, Place], every: Sequence[Link]
) -> tuple[list[str], list[str]]:
    """Draw a dot a group, and between two groups all of their cables as one."""
    pairs: dict[tuple[int, int], list[Link]] = {}
    for each in every:
        ends = sorted(_group_of(subject, name) for name in each[:2])
        if ends[0] != ends[1]:
            pairs.setdefault((ends[0], ends[1]), []).append(each)
    first = min(groups)
    some = len(pairs) > MOST_CHORDS
    drawn = [
        stroke
        for pair, own in pairs.items()
        if not some or first in pair or any(subject.damage.of(*each[:2]).left < 1 for each in own)
        for stroke in _joined(subject, at, pair, own)
    ]
    lines = strokes(drawn)
    size = min(15.0, 2.6 * _RADIUS / len(groups))
    hurt = _hurt(subject, every)
    for group in groups:
        lines.append(dot("dead" if group in hurt else "box", *at[group], size, f"group {group}"))
    every_nth = ceil(len(groups) / 40)
    numbered = [group for group in groups if group % every_nth == 0 and group + every_nth <= len(groups)]
    lines += [text(*_outside(at, group, size + 14), f"{group}", "m soft", 10) for group in numbered]
    counts = Counter(sum(link["count"] for _, _, link in own) for own in pairs.values())
    shared = " or ".join(show_count(count) for count in sorted(counts))
    missing = len(groups) * (len(groups) - 1) // 2 - len(pairs)
    notes = [
        f"{'Every two groups' if not missing else f'{len(pairs):,} pairs of groups'} share {shared} "
        f"global cable{'' if shared == '1' else 's'}" + (f"; drawn are those of group {first}." if some else ".")
    ]
    if hurt:
        notes.append("Something is lost or slow within the groups with a broken outline; one of them is drawn beside.")
    return lines, notes


def _joined(subject: Subject, at: Mapping[int, Place], pair: tuple[int, int], own: Sequence[Link]) -> Iterator[Stroke]:
    hits = [subject.damage.of(one, other) for one, other, _ in own]
    totals = [link["count"] * link["bandwidth_bytes_per_s"] for *_, link in own]
    left = sum(hit.left * total for hit, total in zip(hits, totals, strict=True)) / sum(totals)
    one, other, link = own[0]
    hot = class_of(subject.graph, one, other) == subject.bottleneck
    width = min(1.0 * sum(each["count"] for _, _, each in own) ** 0.5, 5)
    hit = Hit(sum(each.lost for each in hits), left)
    yield from stroked(straight(*at[pair[0]], *at[pair[1]]), width, link["medium"], hot, hit)


def _hurt(subject: Subject, every: Sequence[Link]) -> set[int]:
    """Return the groups within which something is lost or slow."""
    ends = [link[:2] for link in every if subject.damage.of(link[0], link[1]).left < 1]
    pairs = [(_group_of(subject, one), _group_of(subject, other)) for one, other in ends]
    return {one for one, other in pairs if one == other}


def _one_group(subject: Subject, groups: Groups, group: int, every: Sequence[Link], centre: Place) -> Iterator[str]:
    """Draw the switches of one group, leaves inside of spines where it has both."""
    names = groups[group]
    yield dot("home", *centre, 128)
    outer = [name for name in names if subject.graph.nodes[name]["tier"] == subject.graph.nodes[names[-1]]["tier"]]
    inner = [name for name in names if name not in outer]
    places = {**circle(outer, centre, 104), **circle(inner, centre, 52)}
    local = [each for each in every if each[0] in places and each[1] in places]
    yield from strokes([stroke for each in local for stroke in chord(subject, places, each)])
    for name, (x, y) in places.items():
        yield dot(
            "dead" if name in subject.damage.vertices else "box", x, y, max(2.5, min(7.0, 160 / len(names))), name
        )
    words = f"{len(inner)} leaves inside {len(outer)} spines" if inner else f"{len(outer)} switches"
    yield text(centre[0], centre[1] - 140, f"group {group} of {len(groups)}: {words}", "m b")
