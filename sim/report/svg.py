"""SVG written by hand: text, boxes, and strokes that are drawn together where they look alike."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple
from xml.sax.saxutils import escape

FONT = "DejaVu Sans, Helvetica, Arial, sans-serif"


class Sketch(NamedTuple):
    """A drawing with its origin in the upper left corner: its size, its lines of SVG, and what is said of it below.

    notes: lines of text; scale_up: what a line of the class "scale-up" means in it, if there are any.
    """

    width: float
    height: float
    lines: tuple[str, ...]
    notes: tuple[str, ...] = ()
    scale_up: str = ""


class Stroke(NamedTuple):
    """A line: its class, its width in pixels, and its path."""

    kind: str
    width: float
    path: str


ORDER = ("hot", "on-chip", "pcie", "copper", "optic", "nvlink", "scale-up", "wan", "slow", "lost")
"""Classes of strokes from the lowest to the uppermost."""


def text(x: float, y: float, content: str, kind: str = "", size: float = 0, style: str = "") -> str:
    """Return a text at its baseline; kind: its classes; style: further attributes.

    >>> text(1, 2, "a<b", "m")
    '<text x="1" y="2" class="m">a&lt;b</text>'
    """
    attributes = (f' class="{kind}"' if kind else "") + (f' font-size="{size:g}"' if size else "")
    further = f" {style}" if style else ""
    return f'<text x="{_number(x)}" y="{_number(y)}"{attributes}{further}>{escape(content)}</text>'


def box(kind: str, x: float, y: float, width: float, height: float, hint: str = "", round_px: float = 4) -> str:
    """Return a rectangle by its upper left corner.

    >>> box("box", 0, 0, 10, 5)
    '<rect class="box" x="0" y="0" width="10" height="5" rx="4"/>'
    """
    shape = (
        f'<rect class="{kind}" x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'
    )
    return _closed(f'{shape} rx="{round_px:g}"', "rect", hint)


def dot(kind: str, x: float, y: float, radius: float, hint: str = "") -> str:
    """Return a circle by its centre."""
    return _closed(f'<circle class="{kind}" cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"', "circle", hint)


def _closed(shape: str, tag: str, hint: str) -> str:
    return f"{shape}><title>{escape(hint)}</title></{tag}>" if hint else f"{shape}/>"


def straight(x1: float, y1: float, x2: float, y2: float) -> str:
    """Return the path of a line.

    >>> straight(0, 0, 3, 4.25)
    'M0 0L3 4.2'
    """
    return f"M{_number(x1)} {_number(y1)}L{_number(x2)} {_number(y2)}"


def arc(x1: float, y1: float, x2: float, y2: float, bulge: float) -> str:
    """Return the path of a curve that leaves the straight line by `bulge` pixels, to the left of its way."""
    length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1e-9)
    cx = (x1 + x2) / 2 + 2 * bulge * (y2 - y1) / length
    cy = (y1 + y2) / 2 - 2 * bulge * (x2 - x1) / length
    return f"M{_number(x1)} {_number(y1)}Q{_number(cx)} {_number(cy)} {_number(x2)} {_number(y2)}"


def strokes(drawn: Iterable[Stroke]) -> list[str]:
    """Return lines of SVG: one path for all strokes of a class and width, from the lowest to the uppermost.

    >>> strokes([Stroke("lost", 1, "M0 0"), Stroke("optic", 1, "M1 1"), Stroke("lost", 1, "M2 2")])[1]
    '<path class="s lost" stroke-width="1" d="M0 0M2 2"/>'
    """
    alike: dict[tuple[int, float, str], list[str]] = {}
    for each in drawn:
        alike.setdefault((ORDER.index(each.kind), round(each.width, 1), each.kind), []).append(each.path)
    return [
        f'<path class="s {kind}" stroke-width="{width:g}" d="{"".join(paths)}"/>'
        for (_, width, kind), paths in sorted(alike.items())
    ]


def text_width(content: str, size: float = 12) -> float:
    """Return about how many pixels a text takes in DejaVu Sans, rather more than fewer."""
    return 0.57 * size * len(content)


def spaced(desired: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Return places in the same order, at least the gaps apart, and as near to those desired as can be (least squares).

    gaps: one fewer than places. Pools adjacent violators (Ayer et al., 1955).

    >>> spaced([0, 0, 10], [2, 2])
    [-1.0, 1.0, 10.0]
    """
    offsets = list(accumulate(gaps, initial=0.0))[: len(desired)]
    pools: list[tuple[float, int]] = []
    for wanted, offset in zip(desired, offsets, strict=True):
        mean, count = float(wanted - offset), 1
        while pools and pools[-1][0] > mean:
            before, members = pools.pop()
            mean, count = (before * members + mean * count) / (members + count), members + count
        pools.append((mean, count))
    level = [mean for mean, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(level, offsets, strict=True)]


def moved(lines: Iterable[str], x: float, y: float) -> list[str]:
    """Return lines of SVG at another place."""
    return [f'<g transform="translate({_number(x)},{_number(y)})">', *lines, "</g>"]


def _number(value: float) -> str:
    shown = f"{value:.1f}"
    return shown[:-2] if shown.endswith(".0") else shown
