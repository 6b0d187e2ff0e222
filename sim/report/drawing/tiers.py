"""A large fabric of tiers: one box for all vertices alike, and each block that repeats once, with how often it does."""

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from sim.cluster.structure.blocks import Block, blocks_of
from sim.cluster.structure.damage import Hit
from sim.cluster.structure.domains import Domains, domains_of
from sim.cluster.structure.quotient import Bundle, quotient
from sim.quantities import show, show_count
from sim.report.drawing.layered import ratios, tier_counts, weak_note
from sim.report.drawing.layout import (
    CARDS,
    COLUMN,
    HIGH,
    PAD,
    WIDE,
    Labels,
    Layout,
    Spot,
    all_parts,
    depth_of,
    downwards,
    hangs,
    place_block,
    rows_of,
    sideways,
)
from sim.report.drawing.subject import Subject, cables, counted, noun_of, percent_left, stroked, tiers_of
from sim.report.svg import Sketch, Stroke, box, spaced, straight, strokes, text, text_width

_LEFT = 160
_WIDEST = 22.0
"""Pixels, of all NICs' links together."""


def tiers_picture(subject: Subject) -> Sketch:
    """Return the drawing of a fabric's quotient: what a box says holds for one of the blocks around it.

    Widths of the lines are in proportion to the bandwidth of all links together.
    """
    blocks = blocks_of(subject.graph)
    found = quotient(subject.graph, blocks.part_of, subject.damage)
    layout = Layout(found)
    top = max(part.tier for part in found.parts)
    right = place_block(layout, blocks.root, blocks.root, 0, _LEFT + PAD)
    homes = domains_of(subject.graph, subject.endpoints, blocks.part_of, subject.nics_per_domain)
    middles = _homes_at(homes, layout) if subject.nics_per_domain > 1 else []
    right = max([right, *(x + COLUMN / 2 for x in middles)])
    scale = _WIDEST / max(sum(each.bandwidth_bytes_per_s for each in found.bundles if each.link_class == "nic"), 1)
    row = rows_of(top, depth_of(blocks.root))
    drawn, named = _bundles(subject, layout, row, scale)
    bottom = row(0) + HIGH / 2 + PAD * (depth_of(blocks.root) + 1)
    lines = [
        *(line for each in reversed(layout.frames) for line in _frame(layout, row, *each)),
        *strokes(drawn),
        *(line for part in layout.at for line in _part(layout, part, row)),
        *named,
        *_homes(subject, homes, middles, layout, row, bottom),
        *_margin(subject, row, top),
    ]
    height = bottom + (130 if middles else 20)
    notes = (
        "Boxes in a frame count what one of its blocks holds; lines are as wide as the bandwidth of all of them.",
        *weak_note(subject),
    )
    return Sketch(right + PAD, height, tuple(lines), notes, f"NICs of a {subject.domain}" if middles else "")


def _frame(
    layout: Layout, row: Callable[[int], float], block: Block, parent: Block, depth: int, left: float, right: float
) -> Iterator[str]:
    """Draw the frame of a block, with outlines behind it where it stands for several, and how often it is there."""
    tiers = [layout.found.parts[part].tier for part in all_parts([block])]
    inner = depth_of(block)
    y = row(max(tiers)) - HIGH / 2 - 12 - PAD * (inner + 0.5)
    bottom = row(min(tiers)) + HIGH / 2 + PAD * (inner + 0.6)
    several = block.count > parent.count
    for card in range(CARDS if several else 0, 0, -1):
        yield box("card", left + 5 * card, y + 5 * card, right - left, bottom - y, "", 8)
    yield box("card" if several else "frame", left, y, right - left, bottom - y, "", 8)
    yield text(left + 10, y + 16, _times(block.name, block.count / parent.count), "b")


def _times(name: str, count: float) -> str:
    """Return how often a block is there; one of a name of its own is there once."""
    if count != int(count):
        return f"about {count:,.3g} of {name}"
    return name if " " in name else f"{name} x {show_count(count)}"


def _part(layout: Layout, part: int, row: Callable[[int], float]) -> Iterator[str]:
    """Draw a part: how many one block holds, and in all."""
    found, share = layout.found.parts[part], layout.shares[part]
    x, y = layout.at[part], row(found.tier)
    kind = "dead" if found.lost == found.vertices else "nic" if found.kind == "nic" else "box"
    yield box(kind, x - WIDE / 2, y - HIGH / 2, WIDE, HIGH, f"the first is {found.name}")
    second = [f"{show_count(found.vertices)} in all"] if share > 1 else []
    if found.lost:
        second.append(f"{show_count(found.lost)} lost")
    yield text(x, y + (-3 if second else 4), counted(found.vertices / share, noun_of(found)), "m b", 13)
    if second:
        yield text(x, y + 14, ", ".join(second), "m gone" if found.lost else "m soft", 11)


def _bundles(
    subject: Subject, layout: Layout, row: Callable[[int], float], scale: float
) -> tuple[list[Stroke], list[str]]:
    """Return the lines between parts, and what each says: cables, bandwidth of all of them, and what is lost."""
    drawn: list[Stroke] = []
    named: list[str] = []
    labels = Labels()
    upright = sorted(layout.found.bundles, key=lambda each: abs(layout.at[each.near] - layout.at[each.far]) > 20)
    for bundle in upright:
        width = max(bundle.bandwidth_bytes_per_s * scale, 1.2)
        hit = Hit(bundle.lost, bundle.left_bytes_per_s / bundle.bandwidth_bytes_per_s)
        low, high = sorted((bundle.near, bundle.far), key=lambda each: layout.found.parts[each].tier)
        ends = [(layout.at[each], row(layout.found.parts[each].tier)) for each in (high, low)]
        level = ends[0][1] == ends[1][1]
        path, spots = sideways(ends[0], ends[1], hangs(layout, low)) if level else downwards(ends[0], ends[1], width)
        drawn += stroked(path, width, bundle.medium, bundle.link_class == subject.bottleneck, hit)
        shares = {layout.shares[each] for each in (bundle.near, bundle.far)}
        named += _label(bundle, hit, shares.pop() if len(shares) == 1 else 1, spots, labels)
    return drawn, named


def _label(bundle: Bundle, hit: Hit, share: int, spots: Sequence[Spot], labels: Labels) -> Iterator[str]:
    """Write what a bundle is, within one block, and in all where there are several."""
    each = bundle.cables / share
    first = cables(each, *bundle.cable_bytes_per_s)
    total = show(bundle.bandwidth_bytes_per_s, "bandwidth")
    second = f"x {show_count(share)} = {total}" if share > 1 else f"= {total}"
    gone = f"{show_count(bundle.lost)} lost" if bundle.lost else f"{percent_left(hit.left)} left" * (hit.left < 1)
    width = max(text_width(line, 11) for line in (first, second))
    spot = next((each for each in spots if labels.free(each, width)), spots[0])
    for place, (line, kind) in enumerate(((first, ""), (second, "soft"), (gone, "gone"))):
        if line:
            yield text(spot.x, spot.y + 14 * place, line, f"halo {spot.anchor} {kind}".replace("  ", " ").strip(), 11)


def _homes_at(homes: Sequence[Domains], layout: Layout) -> list[float]:
    wanted = [fmean(layout.at[part] for part, _ in each.nics) for each in homes]
    order = sorted(range(len(homes)), key=lambda place: wanted[place])
    places = dict(zip(order, spaced([wanted[place] for place in order], [COLUMN] * (len(order) - 1)), strict=True))
    least = min(places.values(), default=0.0) - _LEFT - COLUMN / 2
    return [places[place] - min(least, 0) for place in range(len(homes))]


def _homes(
    subject: Subject,
    homes: Sequence[Domains],
    middles: Sequence[float],
    layout: Layout,
    row: Callable[[int], float],
    bottom: float,
) -> Iterator[str]:
    """Draw the nodes or scale-up domains that NICs belong to, below all frames."""
    for each, x in zip(homes, middles, strict=False):
        y = bottom + 84
        total = sum(count for _, count in each.nics)
        lines = [
            Stroke("scale-up", 1.6, straight(layout.at[part], row(0) + HIGH / 2, x, y - HIGH / 2))
            for part, _ in each.nics
        ]
        hot = [Stroke("hot", 6, each.path) for each in lines if subject.bottleneck == "scale-up"]
        yield from strokes([*hot, *lines])
        yield box("dead" if subject.weak else "home", x - COLUMN / 2 + 4, y - HIGH / 2, COLUMN - 8, HIGH)
        yield text(x, y - 3, counted(each.count, subject.domain), "m b", 13)
        fewest, most = each.switches
        upto = f"{fewest} to " if fewest < most else ""
        on = f"{total / each.count:.3g} NICs each, on {upto}{counted(most, 'switch')}"
        yield text(x, y + 14, on, "m soft", 11)


def _margin(subject: Subject, row: Callable[[int], float], top: int) -> Iterator[str]:
    tiers = tiers_of(subject.graph)
    yield from tier_counts(subject, tiers, row)
    yield from ratios(subject, lambda tier: (row(tier) + row(tier - 1)) / 2, top)
