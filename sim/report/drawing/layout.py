"""Where the boxes of a quotient stand, and where there is room for text between them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import NamedTuple

from sim.cluster.structure.blocks import Block
from sim.cluster.structure.quotient import Quotient
from sim.report.svg import arc, spaced, straight

COLUMN, WIDE, HIGH, PAD = 266, 156, 46, 16
"""Pixels: from a box to the next, width and height of a box, and the distance of a frame to what it holds."""

CARDS = 2
"""Outlines behind a block that stands for several."""

_PITCH, _TOP = 138, 30


@dataclass(slots=True)
class Layout:
    """Where things stand while they are being placed: centres of parts, and frames (block, parent, depth, from, to)."""

    found: Quotient
    shares: dict[int, int] = field(default_factory=dict)
    at: dict[int, float] = field(default_factory=dict)
    frames: list[tuple[Block, Block, int, float, float]] = field(default_factory=list)


def rows_of(top: int, depth: int) -> Callable[[int], float]:
    """Return where the boxes of a tier have their middle."""
    return lambda tier: _TOP + PAD * depth + 14 + _PITCH * (top - tier)


def depth_of(block: Block) -> int:
    return max((1 + depth_of(each) for each in block.inside), default=0)


def place_block(layout: Layout, block: Block, parent: Block, depth: int, x: float) -> float:
    """Place a block from x on: blocks inside beside each other, its own parts above; return its right end."""
    left, start = x, x
    for inside in block.inside:
        start = place_block(layout, inside, block, depth + 1, start + (PAD if depth or len(block.inside) > 1 else 0))
    beside = max((layout.found.parts[each].tier for each in all_parts(block.inside)), default=-1)
    rows: dict[int, list[int]] = {}
    for part in block.parts:
        rows.setdefault(layout.found.parts[part].tier, []).append(part)
        layout.shares[part] = block.count
    low = {tier: rows[tier] for tier in sorted(rows) if tier <= beside or not block.inside}
    wide = max((len(each) for each in low.values()), default=0) * COLUMN
    right = max(start + wide, left + COLUMN)
    for parts in sorted(low.values(), key=len, reverse=True):
        _stood(layout, parts, start, start + wide)
    high = {tier: rows[tier] for tier in sorted(rows) if tier not in low}
    right = max(right, left + max((len(each) for each in high.values()), default=0) * COLUMN)
    for parts in high.values():
        _stood(layout, parts, left, right)
    right += 2 * PAD if depth else 0
    for part in all_parts([block]):
        layout.at[part] += PAD if depth else 0
    if depth:
        layout.frames.append((block, parent, depth, left + 4, right - 4))
    return right + (CARDS * 5 if block.count > 1 else 0)


def all_parts(blocks: Sequence[Block]) -> Iterator[int]:
    for block in blocks:
        yield from block.parts
        yield from all_parts(block.inside)


def _stood(layout: Layout, parts: Sequence[int], left: float, right: float) -> None:
    """Place parts of one tier between two limits, near those of other tiers that they are joined to."""
    middle = (left + right) / 2
    wanted = {part: _near(layout, part, middle) for part in parts}
    order = sorted(parts, key=lambda part: (wanted[part], part))
    if all(wanted[part] == middle for part in parts):
        step = (right - left) / len(parts)
        places = [left + step * (place + 0.5) for place in range(len(parts))]
    else:
        places = spaced([wanted[part] for part in order], [COLUMN] * (len(parts) - 1))
        least, most = left + COLUMN / 2, right - COLUMN * (len(parts) - 0.5)
        places = [min(max(x, least + COLUMN * i), most + COLUMN * i) for i, x in enumerate(places)]
    layout.at.update(zip(order, places, strict=True))


def _near(layout: Layout, part: int, middle: float) -> float:
    """Return the mean place of what a part is joined to in other tiers and stands already."""
    tier = layout.found.parts[part].tier
    ends = [(each.near, each.far) for each in layout.found.bundles if part in (each.near, each.far)]
    others = [far if near == part else near for near, far in ends]
    known = [layout.at[each] for each in others if each in layout.at and layout.found.parts[each].tier != tier]
    return fmean(known) if known else middle


class Spot(NamedTuple):
    """Where a text may stand: its anchor (m, e or nothing for its start), and its baseline."""

    x: float
    y: float
    anchor: str


class Labels:
    """Where texts already stand, so that no two overlap."""

    def __init__(self) -> None:
        self._taken: list[tuple[float, float, float]] = []

    def free(self, spot: Spot, width: float) -> bool:
        """Return whether nothing stands there, and take the place if so."""
        middle = spot.x + {"m": 0.0, "e": -width / 2, "": width / 2}[spot.anchor]
        for place, other, wide in self._taken:
            if abs(spot.y - other) < 32 and abs(middle - place) < (width + wide) / 2 + 8:
                return False
        self._taken.append((middle, spot.y, width))
        return True


def downwards(high: tuple[float, float], low: tuple[float, float], width: float) -> tuple[str, list[Spot]]:
    """Return the path from a part down to another, and where its text may stand: beside it, or on it if it is thin."""
    (x1, y1), (x2, y2) = (high[0], high[1] + HIGH / 2), (low[0], low[1] - HIGH / 2)
    slope = (x2 - x1) / (y2 - y1)
    side = width / 2 + 6 + 16 * abs(slope)
    spots = []
    for t in (0.45, 0.6, 0.3, 0.75, 0.15):
        x, y = x1 + (x2 - x1) * t, y1 + (y2 - y1) * t
        if abs(slope) < 0.2:
            spots += [Spot(x + side, y, ""), Spot(x - side, y, "e")]
        elif width < 6:
            spots.append(Spot(x, y, "m"))
        else:
            spots.append(Spot(x - side, y, "e") if slope < 0 else Spot(x + side, y, ""))
    return straight(x1, y1, x2, y2), spots


def hangs(layout: Layout, part: int) -> bool:
    """Return whether anything hangs below a part."""
    tiers = [each.tier for each in layout.found.parts]
    ends = [(each.near, each.far) for each in layout.found.bundles if part in (each.near, each.far)]
    return any(min(tiers[near], tiers[far]) < tiers[part] for near, far in ends)


def sideways(one: tuple[float, float], other: tuple[float, float], hangs: bool) -> tuple[str, list[Spot]]:
    """Return the path of a bundle within a part, a loop at its shoulder, or to another part beside it.

    The text of a loop stands below the part if nothing hangs there.
    """
    (x1, y), (x2, _) = sorted((one, other))
    top = y - HIGH / 2
    if x1 != x2:
        middle, lift = (x1 + x2) / 2, 34.0
        spots = [Spot(middle, top - lift - 22 - 18 * place, "m") for place in range(3)]
        return arc(x1, top, x2, top, lift), spots
    edge = x1 + WIDE / 2
    path = (
        f"M{edge - 40:.0f} {top:.0f}C{edge - 40:.0f} {top - 40:.0f} {edge + 30:.0f} {top - 30:.0f} {edge:.0f} {y:.0f}"
    )
    above, below = Spot(edge - 50, top - 22, "e"), Spot(x1, y + HIGH / 2 + 18, "m")
    return path, [above, below] if hangs else [below, above]
