"""The picture of a comparison: what ranks its variants against time, tokens or cost, and which nothing beats."""

from collections.abc import Callable, Sequence
from math import floor, log10
from textwrap import wrap
from typing import Any
from xml.sax.saxutils import escape

from sim.batch.metrics import HIGHER_IS_BETTER
from sim.quantities import UNITS, show
from sim.report.comparison.label_places import Box, label_places
from sim.report.text import Result, short, short_usd

_WIDTH, _LEFT, _RIGHT, _PLOT = 960, 110, 130, 420

_DOT, _LINE, _LETTERS = 5, 18, 118
"""Pixels: radius of a dot, height of a line of text; letters in such a line."""

_DIGITS = 9
"""The most that a tick is shown in: rounding to these drops what is not exact in binary."""

_STYLE = """.bg{fill:#fff}text{fill:#222;font:13px sans-serif}.soft{fill:#5a5a5a}.grid{stroke:#ddd}
.front{stroke:#2F7FC1;fill:none;stroke-width:1.5;stroke-dasharray:5 4}.on{fill:#2F7FC1}.off{fill:#9a9a9a}
.band{stroke-width:2}.band.on{stroke:#2F7FC1}.band.off{stroke:#9a9a9a}
@media(prefers-color-scheme:dark){.bg{fill:#14171a}text{fill:#e4e4e4}.soft{fill:#a8a8a8}.grid{stroke:#3a4047}}"""

_NAMES = {
    "usd_per_trillion_tokens": "USD per trillion tokens",
    "cost_usd": "cost",
    "step_time_s": "step time",
    "wall_time_s": "wall time",
    "tokens": "tokens retained",
    "ettr": "ETTR",
}


def pareto_picture(result: Result) -> str:
    """Return an SVG of a comparison's headline against `against`: a dot a variant, with its interval, and the front.

    Reads `question`, `rows`, `headline`, `against` and `pareto` of a comparison's JSON; one without `against` was set
    against the step wherever it has one.
    """
    metrics = {row["metric"] for row in result["rows"]}
    other = result.get("against", "step_time_s" if "step_time_s" in metrics else "wall_time_s")
    x = [row for row in result["rows"] if row["metric"] == other]
    y = [row for row in result["rows"] if row["metric"] == result["headline"]]
    head = wrap(result.get("question") or "", _LETTERS)
    top = 62 + _LINE * len(head)
    bottom = top + _PLOT
    across = _Scale([row["mean"] for row in x], _LEFT, _WIDTH - _RIGHT, _unit(other, x))
    ends = [row[end] for row in y for end in ("mean", "ci_low", "ci_high") if row[end] is not None]
    up = _Scale(ends, bottom, top, _unit(result["headline"], y))
    foot = [line for said in _caption(result, other, y) for line in wrap(said, _LETTERS)]
    height = bottom + 62 + _LINE * len(foot)
    title = f"{result['scenario']}: {_NAMES[result['headline']]} against {_NAMES[other]}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="bg" width="{_WIDTH}" height="{height}"/>',
        f'<text x="{_LEFT}" y="26" style="font-weight:bold">{escape(title)}</text>',
        *_lines(head, 26 + _LINE),
        *_grid(across, up, _amounts(other, across.ticks), _amounts(result["headline"], up.ticks)),
        *_axes(_NAMES[other], _NAMES[result["headline"]], top, bottom),
        *_front(result, x, y, across, up),
        *_dots(result, x, y, across, up),
        *_lines(foot, bottom + 66),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Scale:
    """Values on a line of pixels, with a margin, and ticks that are round in a unit."""

    def __init__(self, values: Sequence[float], first: float, last: float, unit: float) -> None:
        low, high = min(values), max(values)
        margin = (high - low) * 0.08 or abs(high) * 0.02 or 1.0
        self._low, self._high, self._unit = low - margin, high + margin, unit
        self.first, self.last = first, last

    def __call__(self, value: float) -> float:
        return self.first + (value - self._low) / (self._high - self._low) * (self.last - self.first)

    @property
    def ticks(self) -> list[float]:
        rough = (self._high - self._low) / 5 / self._unit
        power = 10 ** floor(log10(rough))
        step = self._unit * next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
        start = floor(self._low / step) + 1
        return [step * index for index in range(start, floor(self._high / step) + 1)]


def _unit(metric: str, rows: Sequence[Any]) -> float:
    """Return the unit that a metric is shown in, in its own: days of long runs, not units of 100,000 s."""
    if not metric.endswith("_s"):
        return 1.0
    named = show(max(abs(row["mean"]) for row in rows), "time").split()[-1]
    return float(UNITS["time"][named])


def _caption(result: Result, other: str, y: Sequence[Any]) -> list[str]:
    """Return what the picture says in words: why time is not across where it is not, what is better, what bars are."""
    better = "right" if other in HIGHER_IS_BETTER else "left"
    level = "higher" if result["headline"] in HIGHER_IS_BETTER else "lower"
    lines = [f"Better is further {better} and {level}; blue: no variant is better in both."]
    if not other.endswith("_s"):
        what = "what they had retained by then" if other == "tokens" else "what they had cost by then"
        ends = next(row["mean"] for row in result["rows"] if row["metric"] == "wall_time_s")
        lines.append(f"All runs end at their horizon, after {show(ends, 'time')}: across is {what}.")
    if y[0]["ci_low"] is not None:
        lines.append(
            "Bars: 95 % intervals of each mean. Variants meet the same failures, so differences are known better than "
            "that: the printed table has them."
        )
    return lines


def _lines(lines: Sequence[str], y: float) -> list[str]:
    return [
        f'<text class="soft" x="{_LEFT}" y="{y + _LINE * index}">{escape(line)}</text>'
        for index, line in enumerate(lines)
    ]


def _axes(across: str, up: str, top: float, bottom: float) -> list[str]:
    return [
        f'<text x="{_WIDTH - _RIGHT}" y="{bottom + 40}" text-anchor="end">{escape(across)}</text>',
        f'<text x="16" y="{top - 8}">{escape(up)}</text>',
    ]


def _grid(across: _Scale, up: _Scale, under: Sequence[str], beside: Sequence[str]) -> list[str]:
    upright = [
        f'<line class="grid" x1="{across(value):.1f}" x2="{across(value):.1f}" y1="{up.last}" y2="{up.first}"/>'
        f'<text class="soft" x="{across(value):.1f}" y="{up.first + 20}" text-anchor="middle">{shown}</text>'
        for value, shown in zip(across.ticks, under, strict=True)
    ]
    level = [
        f'<line class="grid" x1="{across.first}" x2="{across.last}" y1="{up(value):.1f}" y2="{up(value):.1f}"/>'
        f'<text class="soft" x="{_LEFT - 8}" y="{up(value) + 4:.1f}" text-anchor="end">{shown}</text>'
        for value, shown in zip(up.ticks, beside, strict=True)
    ]
    return upright + level


def _amounts(metric: str, values: Sequence[float]) -> list[str]:
    """Return how the ticks of a metric are shown: in as few digits as are not wrong, three at least.

    >>> _amounts("cost_usd", [1.0005e8, 1.001e8]), _amounts("wall_time_s", [86400, 129600])
    (['$100.05 M', '$100.10 M'], ['1 d', '1.5 d'])
    """
    amount = _amount(metric)
    fine = [_number(amount(value, _DIGITS)) for value in values]
    digits = next((n for n in range(3, _DIGITS) if [_number(amount(each, n)) for each in values] == fine), _DIGITS)
    return [amount(value, digits) for value in values]


def _number(shown: str) -> float:
    return float(shown.replace("$", "").split()[0])


def _amount(metric: str) -> Callable[[float, int], str]:
    if "usd" in metric:
        return short_usd
    if metric == "tokens":
        return short
    return lambda value, digits: show(value, "fraction" if metric == "ettr" else "time", digits)


def _front(result: Result, x: Sequence[Any], y: Sequence[Any], across: _Scale, up: _Scale) -> list[str]:
    points = sorted((a["mean"], b["mean"]) for a, b in zip(x, y, strict=True) if a["value"] in result["pareto"])
    path = " ".join(f"{across(one):.1f},{up(other):.1f}" for one, other in points)
    return [f'<polyline class="front" points="{path}"/>'] if len(points) > 1 else []


def _dots(result: Result, x: Sequence[Any], y: Sequence[Any], across: _Scale, up: _Scale) -> list[str]:
    places = [(across(a["mean"]), up(b["mean"])) for a, b in zip(x, y, strict=True)]
    parts, boxes = [], list[Box]()
    for (cx, cy), b in zip(places, y, strict=True):
        boxes.append((cx - _DOT, cy - _DOT, cx + _DOT, cy + _DOT))
        kind = "on" if b["value"] in result["pareto"] else "off"
        if b["ci_low"] is not None:
            high, low = up(b["ci_high"]), up(b["ci_low"])
            boxes.append((cx - 2, high, cx + 2, low))
            parts.append(f'<line class="band {kind}" x1="{cx:.1f}" x2="{cx:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>')
        parts.append(f'<circle class="{kind}" cx="{cx:.1f}" cy="{cy:.1f}" r="{_DOT}"/>')
    names = [str(b["value"]) for b in y]
    for name, (left, middle) in zip(names, label_places(names, places, boxes, _LEFT, _WIDTH), strict=True):
        parts.append(f'<text x="{left:.1f}" y="{middle + 4:.1f}">{escape(name)}</text>')
    return parts
