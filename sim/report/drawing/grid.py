"""A torus or HyperX as a grid: all of a small one, a slice of a large one, and what crosses the middle of each way."""

from collections.abc import Iterator, Sequence
from typing import Any

from sim.cluster.structure.dimensions import Dimension
from sim.quantities import show
from sim.report.drawing.ring import between, facts_beside, switches_of
from sim.report.drawing.subject import Subject, cables, class_of, stroked
from sim.report.svg import Sketch, Stroke, arc, box, dot, straight, strokes, text

MOST_DRAWN = 128
"""Places of a grid of two or three dimensions that is drawn whole."""

MOST_LINKS = 600

MOST_ACROSS = 26
"""Places along an edge of a slice; a longer one is cut off."""

_LEFT, _TOP, _TEXT = 110, 60, 330

At = tuple[int, ...]
Link = tuple[str, str, dict[str, Any]]


def grid_picture(subject: Subject, axes: Sequence[Dimension]) -> Sketch:
    """Return the grid; the last dimension runs to the right, the one before it down, another one into the depth.

    axes: its dimensions, two or more.
    """
    switches = switches_of(subject)
    every = between(subject, switches)
    whole = len(axes) <= 3 and len(switches) <= MOST_DRAWN and len(every) <= MOST_LINKS
    plan = _Plan(subject, axes, whole, _example(subject, every))
    named = [name for name in switches if plan.holds(plan.at(name))]
    inside = set(named)
    drawn = [stroke for each in every if each[0] in inside and each[1] in inside for stroke in plan.link(each)]
    lines = [*plan.cards(), *strokes(drawn), *(line for name in named for line in plan.place(name)), *plan.ways()]
    beside, below = facts_beside(subject, plan.right + 40, _TOP)
    lines += [*beside, *_cuts(axes, plan.right + 40, below)]
    height = max(plan.bottom + 60, below + 64 * len(axes))
    return Sketch(plan.right + 40 + _TEXT, height, tuple(lines), tuple(plan.notes()))


def _example(subject: Subject, every: Sequence[Link]) -> str:
    """Return a switch of the slice to be drawn: at the first link that has lost something, or the first of all."""
    hurt = (each for each in every if subject.damage.of(each[0], each[1]).left < 1)
    return next(hurt, every[0])[0]


class _Plan:
    """Where places of a grid stand: columns, rows, and slices one behind the other."""

    def __init__(self, subject: Subject, axes: Sequence[Dimension], whole: bool, example: str) -> None:
        """Plan a grid; example: a switch of the slice that is drawn where not all are."""
        self._subject, self._axes, self._whole = subject, axes, whole
        self._slice = self.at(example)[:-2]
        self._outer, (rows, columns) = axes[:-2], axes[-2:]
        self._rows, self._columns = min(rows.size, MOST_ACROSS), min(columns.size, MOST_ACROSS)
        self._depth = self._outer[0].size if whole and self._outer else 1
        self._cell = 96.0 if self._depth == 1 else 128.0
        if not whole:
            self._cell = max(24.0, min(60.0, 560 / max(self._rows, self._columns)))
        self.right = _LEFT + self._cell * (self._columns - 1) + self._shift(self._depth - 1)[0] + 50
        self.bottom = self._base + self._cell * (self._rows - 1) + 40

    @property
    def _base(self) -> float:
        return _TOP + 20 - self._shift(self._depth - 1)[1]

    def _shift(self, slice_: int) -> tuple[float, float]:
        return 0.74 * self._cell / self._depth * slice_, -0.52 * self._cell / self._depth * slice_

    def at(self, name: str) -> At:
        """Return the coordinates of a switch along the dimensions longer than 1."""
        own = self._subject.graph.nodes[name]["at"]
        return tuple(int(own[each.axis]) for each in self._axes)

    def holds(self, at: At) -> bool:
        """Return whether a place is drawn: all, or the first slice up to where it is cut off."""
        if self._whole:
            return True
        return at[:-2] == self._slice and at[-2] < self._rows and at[-1] < self._columns

    def _xy(self, at: At) -> tuple[float, float]:
        right, up = self._shift(at[-3] if self._whole and len(at) > 2 else 0)
        return _LEFT + self._cell * at[-1] + right, self._base + self._cell * at[-2] + up

    def link(self, link: Link) -> Iterator[Stroke]:
        """Yield a link: straight to a neighbour, a curve past others, stubs where a long ring closes in good health."""
        one, other, own = link
        near, far = self.at(one), self.at(other)
        way = next(place for place in range(len(near)) if near[place] != far[place])
        steps, (x1, y1), (x2, y2) = abs(near[way] - far[way]), self._xy(near), self._xy(far)
        width = min(1.3 * own["count"], 6)
        look = (width, own["medium"], class_of(self._subject.graph, one, other) == self._subject.bottleneck)
        hit = self._subject.damage.of(one, other)
        if steps == 1:
            yield from stroked(straight(x1, y1, x2, y2), *look, hit)
        elif self._whole or hit.left < 1 or (self._axes[way].closes is None and not self._dense(near, way)):
            bulge = (0.2 if way == len(near) - 1 else -0.2) * ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
            bulge = max(-34.0, min(34.0, bulge))
            yield from stroked(arc(x1, y1, x2, y2, bulge * (1 if near[way] < far[way] else -1)), *look, hit)
        elif self._axes[way].closes:
            for (xa, ya), (xb, yb) in (((x1, y1), (x2, y2)), ((x2, y2), (x1, y1))):
                reach = 14 / max(abs(xb - xa) + abs(yb - ya), 1)
                yield from stroked(straight(xa, ya, xa + (xa - xb) * reach, ya + (ya - yb) * reach), *look, hit)

    def _dense(self, at: At, way: int) -> bool:
        """Return whether a full mesh along this row or column is left out, for the first one shows it."""
        return at[-2 if way == len(at) - 1 else -1] > 0

    def place(self, name: str) -> Iterator[str]:
        """Draw one place, with its coordinates where there is room."""
        at, (x, y) = self.at(name), self._xy(self.at(name))
        dead = name in self._subject.damage.vertices
        if self._whole and self._depth == 1:
            yield box("dead" if dead else "box", x - 17, y - 11, 34, 22, name)
            yield text(x, y + 4, ",".join(map(str, at)), "m", 10)
        else:
            yield dot("dead" if dead else "box", x, y, 5.5 if self._whole else max(3.0, self._cell / 7), name)

    def cards(self) -> Iterator[str]:
        """Draw outlines behind a slice that stands for several."""
        if self._whole or not self._outer:
            return
        x, y = _LEFT - 24.0, self._base - 24
        width, height = self._cell * (self._columns - 1) + 48, self._cell * (self._rows - 1) + 48
        for card in (3, 2, 1, 0):
            yield box("card", x + 7 * card, y - 7 * card, width, height, "", 8)

    def ways(self) -> Iterator[str]:
        """Name the dimensions at the edges, and how many slices there are."""
        rows, columns = self._axes[-2:]
        bottom = self._base + self._cell * (self._rows - 1) + 44
        yield text(_LEFT + self._cell * (self._columns - 1) / 2, bottom, f"{_way(columns)}, to the right", "m soft")
        x, y = 42.0, self._base + self._cell * (self._rows - 1) / 2
        label = text(x, y, f"{_way(rows)}, downwards", "m soft")
        yield f'<g transform="rotate(-90 {x:.1f} {y:.1f})">{label}</g>'
        if self._outer:
            place = ", ".join(map(str, self._slice))
            where = "into the depth" if self._whole else f"the slice at {place} is drawn"
            yield text(20, _TOP - 40, "; ".join(map(_way, self._outer)) + f": {where}", "soft")

    def notes(self) -> Iterator[str]:
        """Yield what is left out."""
        if any(each.size > most for each, most in zip(self._axes[-2:], (self._rows, self._columns), strict=True)):
            yield f"The slice is longer than drawn: only its first {MOST_ACROSS} places are shown."
        if not self._whole and self._outer:
            yield "Every place is joined to its like in the other slices, as the dimensions at the right say."
        if not self._whole and any(each.closes is None for each in self._axes[-2:]):
            yield "Full meshes are drawn along the first row and the first column; all others are alike."
        if not self._whole and any(each.closes for each in self._axes[-2:]):
            yield "Stubs at the edges: rings close, each to the other end of its row or column."


def _way(dimension: Dimension) -> str:
    closing = {True: "rings close", False: "open", None: "full mesh"}[dimension.closes]
    return f"dimension {dimension.axis}: {dimension.size}, {closing}"


def _cuts(axes: Sequence[Dimension], x: float, y: float) -> Iterator[str]:
    """Write what each dimension has, and which is the thinnest."""
    cuts = {each.cut_bytes_per_s for each in axes}
    for place, each in enumerate(axes):
        thin = len(cuts) > 1 and each.cut_bytes_per_s == min(cuts)
        line = y + 64 * place
        yield text(x, line, _way(each), "b")
        yield text(x, line + 17, f"{cables(each.cables, each.cable_bytes_per_s)} along it")
        words = f"{show(each.cut_bytes_per_s, 'bandwidth')} across its middle{': thinnest' if thin else ''}"
        yield text(x, line + 34, words, "thin" if thin else "")
