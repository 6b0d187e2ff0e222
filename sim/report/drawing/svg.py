"""What all drawings share: text, boxes, and strokes that are drawn together where they look alike."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple
from xml.sax.saxutils import escape

FONT = "DejaVu Sans, Helvetica, Arial, sans-serif"

STYLE = """.bg{fill:#fff}text{fill:#222}.soft{fill:#5a5a5a}.b{font-weight:bold}.m{text-anchor:middle}.e{text-anchor:end}
.halo{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}.thin{fill:#A65E00;font-weight:bold}
.gone{fill:#C81E1E;font-weight:bold}.box{fill:#eef2f6;stroke:#51606e}.nic{fill:#dfe8d8;stroke:#5d7350}
.card{fill:#fff;stroke:#b6bec6}.frame{fill:none;stroke:#8a949e;stroke-dasharray:6 4}.home{fill:#f4f6ee;stroke:#9aa58a}
.lit{fill:none;stroke:#FFC107;stroke-opacity:.7;stroke-width:5}
.dead{fill:#fff;stroke:#C81E1E;stroke-width:2;stroke-dasharray:4 3}
.s{fill:none}.copper{stroke:#B5651D}.optic{stroke:#2F7FC1}.nvlink{stroke:#4F8F00}.pcie{stroke:#7d7d7d}
.wan{stroke:#8E5BD0}.on-chip{stroke:#9aa0a6}.hot{stroke:#FFC107;stroke-opacity:.6}.scale-up{stroke:#4F8F00}
.lost{stroke:#C81E1E;stroke-dasharray:6 5}.slow{stroke:#C81E1E;stroke-dasharray:2 3}
@media(prefers-color-scheme:dark){.bg{fill:#14171a}text{fill:#e4e4e4}.soft{fill:#a8a8a8}.halo{stroke:#14171a}
.thin{fill:#FFC45C}.gone{fill:#FF7A70}.box{fill:#27313b;stroke:#8fa0b0}.nic{fill:#2b3626;stroke:#93ab84}
.card{fill:#14171a;stroke:#4d5760}.frame{stroke:#77828d}.home{fill:#1d2119;stroke:#66705a}
.dead{fill:#14171a;stroke:#FF7A70}.copper{stroke:#D98B4A}.optic{stroke:#5AA5E0}.nvlink,.scale-up{stroke:#86C440}
.pcie{stroke:#a0a0a0}.wan{stroke:#B690EC}.on-chip{stroke:#7d858c}.lost,.slow{stroke:#FF7A70}}"""


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


def text(x: float, y: float, content: str, kind: str = "", size: float = 0, hint: str = "") -> str:
    """Return a text at its baseline, with what shows under the pointer.

    >>> text(1, 2, "a<b", "m")
    '<text x="1" y="2" class="m">a&lt;b</text>'
    """
    attributes = (f' class="{kind}"' if kind else "") + (f' font-size="{size:g}"' if size else "")
    title = f"<title>{escape(hint)}</title>" if hint else ""
    return f'<text x="{_number(x)}" y="{_number(y)}"{attributes}>{escape(content)}{title}</text>'


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
