"""A small fabric of tiers, vertex by vertex: NICs in their nodes at the bottom, leaves, spines and cores above."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from statistics import fmean

from sim.cluster.contract import links
from sim.cluster.structure.quotient import tier_name
from sim.report.drawing.subject import Subject, class_of, counted, link_hint, stroked, tiers_of
from sim.report.svg import Sketch, Stroke, arc, box, spaced, straight, strokes, text, text_width

MOST_NICS, MOST_SWITCHES, MOST_LINKS = 128, 96, 1100
"""Beyond these, vertices can no longer be told apart."""

APART = ("site", "generation", "plane", "rail")
"""Attributes of switches that stand together, and are framed with their pod where there are several."""

_PITCH, _TOP, _LEFT, _NIC, _GAP, _SWITCH, _BETWEEN = 130, 30, 140, 9, 3, 22, 12
_WIDEST, _APART_PX, _SPREAD, _NAMED = 9.0, 18, 0.8, 8

Places = Mapping[str, tuple[float, float]]
Middle = Callable[[int], float]


def fits_layered(subject: Subject) -> bool:
    """Return whether a fabric is small enough to be drawn vertex by vertex."""
    switches = len(subject.graph) - len(subject.endpoints)
    few = len(subject.endpoints) <= MOST_NICS and switches <= MOST_SWITCHES
    return few and subject.graph.number_of_edges() <= MOST_LINKS


def layered(subject: Subject) -> Sketch:
    """Return the drawing of a fabric of tiers; widths of links are in proportion to their bandwidth."""
    tiers = tiers_of(subject.graph)
    across = _across(subject, tiers)
    top = max(tiers, default=0)
    places = {name: (x, _row(subject.graph.nodes[name]["tier"], top)) for name, x in across.items()}
    right = max(x for x, _ in places.values()) + 70
    wide = _wide(tiers)
    drawn = [stroke for link in links(subject.graph) for stroke in _link(subject, places, link)]
    framed = list(_frames(subject, tiers, places, wide))
    lines = [
        *_homes(subject, places),
        *(line for line in framed if line.startswith("<rect")),
        *strokes(drawn),
        *(line for line in framed if line.startswith("<text")),
        *_hints(subject, places),
        *(line for names in tiers.values() for line in _switches(subject, names, places, wide)),
        *_nics(subject, places),
        *_rows(subject, tiers, top),
    ]
    return Sketch(right, _row(0, top) + 66, tuple(lines), tuple(weak_note(subject)))


def weak_note(subject: Subject) -> Iterator[str]:
    """Yield what a domain with a broken outline is, if there is one."""
    if subject.weak:
        names = ", ".join(map(str, sorted(subject.weak)[:_NAMED]))
        more = f" and {len(subject.weak) - _NAMED:,} more" if len(subject.weak) > _NAMED else ""
        yield f"NVSwitches are lost in {subject.domain} {names}{more}."


def _row(tier: int, top: int) -> float:
    return _TOP + 20 + _PITCH * (top - tier)


def _wide(tiers: Mapping[int, Sequence[str]]) -> float:
    """Return how wide a switch is, for the longest of the names."""
    return max([40.0, *(text_width(name, 9) + 6 for names in tiers.values() for name in names)])


def _across(subject: Subject, tiers: Mapping[int, Sequence[str]]) -> dict[str, float]:
    """Return where every vertex stands: NICs in order, each switch as near as can be above what hangs on it."""
    graph, pitch = subject.graph, _wide(tiers) + _BETWEEN
    keys = _groups(subject, [name for tier in sorted(tiers) for name in tiers[tier]])
    groups = {keys[name] for name in tiers.get(1, ())}
    found = _nics_across(subject, len(tiers.get(1, ())) * pitch + len(groups) * _APART_PX)
    end = max(found.values(), default=0.0)
    for tier in sorted(tiers):
        wanted: dict[str, float] = {}
        last = 0.0
        for name in tiers[tier]:
            below = [found[other] for other in graph.adj[name] if other in found and graph.nodes[other]["tier"] < tier]
            last = wanted[name] = fmean(below) if below else last
        if not tier:
            found |= {name: end + 40 + pitch * (place + 0.5) for place, name in enumerate(wanted)}
            continue
        names = sorted(wanted, key=lambda each: (keys[each], wanted[each]))
        least = max(pitch, _SPREAD * end / len(names))
        gaps = [least + _APART_PX * (keys[one] != keys[other]) for one, other in pairwise(names)]
        found.update(zip(names, spaced([wanted[name] for name in names], gaps), strict=True))
    shift = _LEFT + 30 - min(place - pitch / 2 * (name in keys) for name, place in found.items())
    return {name: place + shift for name, place in found.items()}


def _nics_across(subject: Subject, room: float) -> dict[str, float]:
    """Return where the NICs stand, with a gap between domains, or else leaves; as far apart as the leaves have room."""
    parted = [ordinal > 0 and _parted(subject, ordinal) for ordinal in range(len(subject.endpoints))]
    step = min(max((room - 12 * sum(parted)) / len(parted), _NIC + _GAP), 4.0 * _NIC)
    steps = accumulate(step + 12 * each for each in parted)
    return dict(zip(subject.endpoints, steps, strict=True))


def _parted(subject: Subject, ordinal: int) -> bool:
    if subject.nics_per_domain > 1:
        return ordinal % subject.nics_per_domain == 0
    here, before = (set(subject.graph.adj[subject.endpoints[each]]) for each in (ordinal, ordinal - 1))
    return here != before


def _groups(subject: Subject, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return what switches stand together by: their marks, numbered as they are first met, none being before all."""
    met: dict[str, dict[object, int]] = {mark: {None: 0} for mark in (*APART, "pod")}
    keys = {}
    for name in names:
        own = subject.graph.nodes[name]
        keys[name] = tuple(known.setdefault(own.get(mark), len(known)) for mark, known in met.items())
    return keys


def _link(subject: Subject, places: Places, link: tuple[str, str, Mapping[str, float]]) -> Iterator[Stroke]:
    one, other, attributes = link
    (x1, y1), (x2, y2) = places[one], places[other]
    level = y1 == y2
    path = arc(min(x1, x2), y1, max(x1, x2), y2, min(46, 14 + abs(x2 - x1) / 12)) if level else straight(x1, y1, x2, y2)
    width = _width(subject, attributes["count"] * attributes["bandwidth_bytes_per_s"])
    hot = class_of(subject.graph, one, other) == subject.bottleneck
    yield from stroked(path, width, str(attributes["medium"]), hot, subject.damage.of(one, other))


def _width(subject: Subject, bytes_per_s: float) -> float:
    """Return 1.3 pixels for the bandwidth of a NIC."""
    (own,) = subject.graph.adj[subject.endpoints[0]].values()
    return min(1.3 * bytes_per_s / float(own["bandwidth_bytes_per_s"]), _WIDEST)


def _hints(subject: Subject, places: Places) -> Iterator[str]:
    """Yield invisible lines that say under the pointer what a link between switches is."""
    for one, other, link in links(subject.graph):
        if "nic" in (subject.graph.nodes[one]["kind"], subject.graph.nodes[other]["kind"]):
            continue
        hint = link_hint(one, other, link, subject.damage.of(one, other))
        (x1, y1), (x2, y2) = places[one], places[other]
        target = box("", (x1 + x2) / 2 - 3, (y1 + y2) / 2 - 3, 6, 6, hint)
        yield target.replace('class=""', 'fill="#000" fill-opacity="0"')


def _switches(subject: Subject, names: Sequence[str], places: Places, width: float) -> Iterator[str]:
    for name in names:
        x, y = places[name]
        kind = "dead" if name in subject.damage.vertices else "box"
        hint = f"{name}: {subject.graph.degree(name)} links" + (", lost" if kind == "dead" else "")
        yield box(kind, x - width / 2, y - _SWITCH / 2, width, _SWITCH, hint)
        yield text(x, y + 3.2, name, "m gone" if kind == "dead" else "m", 9)


def _nics(subject: Subject, places: Places) -> Iterator[str]:
    for nic in subject.endpoints:
        x, y = places[nic]
        kind = "dead" if nic in subject.damage.vertices else "nic"
        yield box(kind, x - _NIC / 2, y - _NIC / 2, _NIC, _NIC, nic, 1.5)


def _homes(subject: Subject, places: Places) -> Iterator[str]:
    """Draw a box around the NICs of every node or scale-up domain."""
    per = subject.nics_per_domain
    if per == 1:
        return
    for ordinal, first in enumerate(range(0, len(subject.endpoints), per)):
        own = [places[nic] for nic in subject.endpoints[first : first + per]]
        x, width = own[0][0] - 9, own[-1][0] - own[0][0] + 18
        yield box("dead" if ordinal in subject.weak else "home", x, own[0][1] - 11, width, 40)
        if subject.bottleneck == "scale-up":
            yield box("lit", x, own[0][1] - 11, width, 40)
        full = f"{subject.domain} {ordinal}"
        label = full if text_width(full, 10) <= width else str(ordinal)
        yield text(x + width / 2, own[0][1] + 23, label, "m soft", 10)


def _frames(subject: Subject, tiers: Mapping[int, Sequence[str]], places: Places, wide: float) -> Iterator[str]:
    """Draw a frame around the switches of every plane, site or pod, where there are several of more than one."""
    groups: dict[tuple[tuple[str, object], ...], list[str]] = {}
    for name in (name for tier in sorted(tiers) if tier for name in tiers[tier]):
        own = subject.graph.nodes[name]
        marks = tuple((mark, own[mark]) for mark in (*APART, "pod") if mark in own)
        if marks and (own["tier"] < max(tiers) or marks[0][0] != "pod"):
            groups.setdefault(marks if "pod" in own else marks[:1], []).append(name)
    pods = len({own["pod"] for _, own in subject.graph.nodes(data=True) if "pod" in own})
    framed = {marks: names for marks, names in groups.items() if len(names) > 1}
    if len(framed) < 2:
        return
    for marks, names in framed.items():
        xs, ys = zip(*(places[name] for name in names), strict=True)
        half = wide / 2 + 6
        x, y = min(xs) - half, min(ys) - 24
        yield box("frame", x, y, max(xs) - min(xs) + 2 * half, max(ys) - y + 20, "", 8)
        shown = [f"{mark} {value}" for mark, value in marks if mark != "pod" or pods > 1]
        yield text(x + 2, y - 4, ", ".join(shown), "soft halo", 10)


def _rows(subject: Subject, tiers: Mapping[int, Sequence[str]], top: int) -> Iterator[str]:
    """Name every tier at the left, and say between two of them how thin it is there."""
    yield from tier_counts(subject, tiers, lambda tier: _row(tier, top))
    yield from ratios(subject, lambda tier: (_row(tier, top) + _row(tier - 1, top)) / 2, top)


def tier_counts(subject: Subject, tiers: Mapping[int, Sequence[str]], row: Middle) -> Iterator[str]:
    """Yield how many vertices of each kind a tier holds, switches first."""
    for tier in sorted({0, *tiers}):
        kinds = Counter(subject.graph.nodes[name]["kind"] for name in tiers.get(tier, ()))
        switches = {tier_name(tier): kinds.pop("switch")} if "switch" in kinds else {}
        nics = {"NIC": len(subject.endpoints)} if tier == 0 else {}
        for place, (noun, count) in enumerate({**nics, **switches, **dict(sorted(kinds.items()))}.items()):
            yield text(20, row(tier) + 4 + 17 * place, counted(count, noun), "b")


def ratios(subject: Subject, middle: Middle, top: int) -> Iterator[str]:
    """Yield the oversubscription below each tier: bandwidth beneath over the bandwidth that joins the two."""
    for tier, ratio in enumerate(subject.oversubscription, start=1):
        if tier > 1 and tier <= top:
            thin = ratio > 1.005
            words = "oversubscribed" if thin else "full bandwidth" if ratio > 0.995 else "more above"
            yield text(20, middle(tier) - 3, f"1:{ratio:.3g}", "thin" if thin else "soft", 13)
            yield text(20, middle(tier) + 13, words, "thin" if thin else "soft", 11)
