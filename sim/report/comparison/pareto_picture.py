"""The picture of a comparison: what a token costs against the time of a step, and which variants nothing beats."""

from collections.abc import Sequence
from math import floor, log10
from typing import Any
from xml.sax.saxutils import escape

from sim.quantities import show
from sim.report.text import Result, short_usd

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 960, 560, 110, 130, 56, 80

_DOT, _LETTER, _LINE = 5, 7, 14
"""Pixels: radius of a dot, mean width of a letter, height of a line."""

_LINES = (0, 1, -1, 2, -2, 3, -3)
"""How many lines below its dot a name may stand, by preference."""

_Box = tuple[float, float, float, float]

_STYLE = """.bg{fill:#fff}text{fill:#222;font:13px sans-serif}.soft{fill:#5a5a5a}.grid{stroke:#ddd}
.front{stroke:#2F7FC1;fill:none;stroke-width:1.5;stroke-dasharray:5 4}.on{fill:#2F7FC1}.off{fill:#9a9a9a}
.band{stroke:#2F7FC1;stroke-width:2}
@media(prefers-color-scheme:dark){.bg{fill:#14171a}text{fill:#e4e4e4}.soft{fill:#a8a8a8}.grid{stroke:#3a4047}}"""


def pareto_picture(result: Result) -> str:
    """Return an SVG of the comparison's headline against its time: a dot a variant, with its interval, and the front.

    Reads `rows`, `headline`, `against` and `pareto` of a comparison's JSON; one without `against` was set against the
    step wherever it has one.
    """
    metrics = {row["metric"] for row in result["rows"]}
    time = result.get("against", "step_time_s" if "step_time_s" in metrics else "wall_time_s")
    x = [row for row in result["rows"] if row["metric"] == time]
    y = [row for row in result["rows"] if row["metric"] == result["headline"]]
    across = _Scale([row["mean"] for row in x], _LEFT, _WIDTH - _RIGHT)
    ends = [row[end] for row in y for end in ("mean", "ci_low", "ci_high") if row[end] is not None]
    up = _Scale(ends, _HEIGHT - _BOTTOM, _TOP)
    money = "usd" in result["headline"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="bg" width="{_WIDTH}" height="{_HEIGHT}"/>',
        f'<text x="{_LEFT}" y="26" style="font-weight:bold">{escape(str(result["scenario"]))}: '
        f"{escape(_name(result['headline']))} against {escape(_name(time))}</text>",
        *_grid(across, up, money),
        *_front(result, x, y, across, up),
        *_dots(result, x, y, across, up),
        f'<text class="soft" x="{_LEFT}" y="{_HEIGHT - 24}">across: {escape(_name(time))}; up: '
        f"{escape(_name(result['headline']))}; blue: nothing is better in both</text>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Scale:
    """Values on a line of pixels, with round ticks and a margin."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        low, high = min(values), max(values)
        margin = (high - low) * 0.08 or abs(high) * 0.02 or 1.0
        self._low, self._high, self._first, self._last = low - margin, high + margin, first, last

    def __call__(self, value: float) -> float:
        return self._first + (value - self._low) / (self._high - self._low) * (self._last - self._first)

    @property
    def ticks(self) -> list[float]:
        rough = (self._high - self._low) / 5
        power = 10 ** floor(log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
        start = floor(self._low / step) + 1
        return [step * index for index in range(start, floor(self._high / step) + 1)]


def _grid(across: _Scale, up: _Scale, money: bool) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    upright = [
        f'<line class="grid" x1="{across(value):.1f}" x2="{across(value):.1f}" y1="{_TOP}" y2="{bottom}"/>'
        f'<text class="soft" x="{across(value):.1f}" y="{bottom + 20}" text-anchor="middle">'
        f"{show(value, 'time')}</text>"
        for value in across.ticks
    ]
    level = [
        f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{up(value):.1f}" y2="{up(value):.1f}"/>'
        f'<text class="soft" x="{_LEFT - 8}" y="{up(value) + 4:.1f}" text-anchor="end">'
        f"{short_usd(value) if money else show(value, 'time')}</text>"
        for value in up.ticks
    ]
    return upright + level


def _front(result: Result, x: Sequence[Any], y: Sequence[Any], across: _Scale, up: _Scale) -> list[str]:
    points = sorted((a["mean"], b["mean"]) for a, b in zip(x, y, strict=True) if a["value"] in result["pareto"])
    path = " ".join(f"{across(one):.1f},{up(other):.1f}" for one, other in points)
    return [f'<polyline class="front" points="{path}"/>'] if len(points) > 1 else []


def _dots(result: Result, x: Sequence[Any], y: Sequence[Any], across: _Scale, up: _Scale) -> list[str]:
    places = [(across(a["mean"]), up(b["mean"])) for a, b in zip(x, y, strict=True)]
    parts, boxes = [], []
    for (cx, cy), b in zip(places, y, strict=True):
        boxes.append((cx - _DOT, cy - _DOT, cx + _DOT, cy + _DOT))
        if b["ci_low"] is not None:
            top, bottom = up(b["ci_high"]), up(b["ci_low"])
            boxes.append((cx - 2, top, cx + 2, bottom))
            parts.append(f'<line class="band" x1="{cx:.1f}" x2="{cx:.1f}" y1="{bottom:.1f}" y2="{top:.1f}"/>')
        kind = "on" if b["value"] in result["pareto"] else "off"
        parts.append(f'<circle class="{kind}" cx="{cx:.1f}" cy="{cy:.1f}" r="{_DOT}"/>')
    names = [str(b["value"]) for b in y]
    for name, (left, middle) in zip(names, _label_places(names, places, boxes), strict=True):
        parts.append(f'<text x="{left:.1f}" y="{middle + 4:.1f}">{escape(name)}</text>')
    return parts


def _label_places(
    names: Sequence[str], places: Sequence[tuple[float, float]], drawn: Sequence[_Box]
) -> list[tuple[float, float]]:
    """Return the left end and middle height of each dot's name, where it hides nothing drawn and no other name.

    Names are placed from the top; right of the dot if that is free, else left, above, below, and further away.

    >>> _label_places(["a", "b"], [(200.0, 50.0), (200.0, 50.0)], [])
    [(210.0, 50.0), (183.0, 50.0)]
    """
    taken: list[_Box] = []
    found = {}
    for index in sorted(range(len(names)), key=lambda index: (places[index][1], places[index][0])):
        cx, cy = places[index]
        width = _LETTER * len(names[index])
        ways = [(left, cy + lines * _LINE) for lines in _LINES for left in (cx + 10, cx - 10 - width)]
        boxes = [(left, middle - _LINE / 2, left + width, middle + _LINE / 2) for left, middle in ways]
        hidden = [(box[0] < _LEFT) + sum(_meet(box, other) for other in (*drawn, *taken)) for box in boxes]
        best = hidden.index(min(hidden))
        taken.append(boxes[best])
        found[index] = ways[best]
    return [found[index] for index in range(len(names))]


def _meet(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _name(metric: str) -> str:
    return {
        "usd_per_trillion_tokens": "USD per trillion tokens",
        "cost_usd": "cost",
        "step_time_s": "step time",
        "wall_time_s": "wall time",
    }[metric]
