"""The picture of `interval`: the curve with its band, the optimum with its interval, and where each rule stands."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import floor, log, log10
from typing import Any

from sim.report.interval.amounts import NAMES, RULES, amount, difference, duration, on_curve
from sim.report.svg import FONT, box, dot, spaced, straight, text, text_width
from sim.report.text import Result

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 960, 540, 100, 40, 118, 96

_STYLE = """.bg{fill:#fff}text{fill:#222}.soft{fill:#5a5a5a}.grid{stroke:#ddd}.band{fill:#2F7FC1;fill-opacity:.2}
.curve{stroke:#2F7FC1;stroke-width:2;fill:none}.on{fill:#2F7FC1}.optimum{fill:#1B9E77;fill-opacity:.16}
.best{stroke:#1B9E77;stroke-width:2}.rule{stroke:#B35806;stroke-dasharray:4 3}.name{fill:#B35806}.good{fill:#1B7A5C}
.form{stroke:#888;stroke-width:1.5;fill:none;stroke-dasharray:2 3}
@media(prefers-color-scheme:dark){.bg{fill:#14171a}text{fill:#e4e4e4}.soft{fill:#a8a8a8}.grid{stroke:#3a4047}
.name{fill:#E8A15C}.rule{stroke:#E8A15C}.good{fill:#63C9A6}.curve{stroke:#6CB2EB}.on{fill:#6CB2EB}}"""


def interval_picture(result: Result) -> str:
    """Return an SVG of a sweep's JSON: the metric against the interval, on a logarithmic axis.

    The band is the 95 % interval of the paired difference to the best: the level, which all intervals share, is left
    out of it.
    """
    rows, ends = _banded(result)
    places = [row["value"] for row in rows] + [each["value"] for each in result["rules"]]
    across = _Axis(min(places), max(places))
    up = _Up(ends)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
            f'font-family="{FONT}" font-size="12">',
            f"<style>{_STYLE}</style>",
            f'<rect class="bg" width="{_WIDTH}" height="{_HEIGHT}"/>',
            text(_LEFT, 28, _title(result), size=16, style='font-weight="bold"'),
            text(_LEFT, 48, _subtitle(result), "soft"),
            *_grid(result, across, up),
            *_optimum(result, across),
            *_rules(result, across),
            *_line(result, rows, across, up),
            *_feet(len(_seen(rows, up)) > 1),
            "</svg>",
            "",
        ]
    )


class _Axis:
    """Intervals on a logarithmic line of pixels."""

    def __init__(self, low: float, high: float) -> None:
        margin = (high / low) ** 0.04 if high > low else 1.2
        self.low, self.high = low / margin, high * margin

    def __call__(self, value: float) -> float:
        share = log(min(max(value, self.low), self.high) / self.low) / log(self.high / self.low)
        return _LEFT + share * (_WIDTH - _RIGHT - _LEFT)

    @property
    def ticks(self) -> list[float]:
        """Round durations in the axis' range, thinned to nine at most."""
        seconds = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800)
        inside = [each for each in seconds if self.low <= each <= self.high]
        return [float(each) for each in inside[:: -(-len(inside) // 9) or 1]] or [self.low, self.high]


class _Up:
    """Values on an upright line of pixels, with round ticks."""

    def __init__(self, values: Sequence[float]) -> None:
        low, high = min(values), max(values)
        margin = (high - low) * 0.08 or abs(high) * 0.02 or 1.0
        self.low, self.high = low - margin, high + margin

    def __call__(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)

    @property
    def ticks(self) -> list[float]:
        rough = (self.high - self.low) / 5
        power = 10.0 ** floor(log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
        first = floor(self.low / step) + 1
        return [step * index for index in range(first, floor(self.high / step) + 1)]


def _banded(result: Result) -> tuple[list[Mapping[str, Any]], list[float]]:
    """Return the rows of the curve with the ends of its band, and all values that the picture must hold."""
    best = next(row["mean"] for row in result["rows"] if row["value"] == result["best"])
    sign = -1 if result["higher_is_better"] else 1
    rows: list[Mapping[str, Any]] = []
    for row in on_curve(result) if len(result["rules"]) > 1 else result["rows"]:
        ends = [row["regret"] if row[name] is None else row[name] for name in ("regret_low", "regret_high")]
        low, high = sorted(best + sign * end for end in ends)
        rows.append({**row, "band_low": low, "band_high": high})
    return rows, [row[name] for row in rows for name in ("mean", "band_low", "band_high")]


def _grid(result: Result, across: _Axis, up: _Up) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    lines = []
    for value in across.ticks:
        x = across(value)
        lines.append(f'<path class="grid" d="{straight(x, _TOP, x, bottom)}"/>')
        lines.append(text(x, bottom + 20, duration(value), "soft", style='text-anchor="middle"'))
    for value in up.ticks:
        y = up(value)
        lines.append(f'<path class="grid" d="{straight(_LEFT, y, right, y)}"/>')
        lines.append(text(_LEFT - 8, y + 4, amount(result, value), "soft", style='text-anchor="end"'))
    return lines


def _optimum(result: Result, across: _Axis) -> list[str]:
    found = result["optimum"]
    if found is None:
        return []
    low, high, x = (across(found[name]) for name in ("ci_low_s", "ci_high_s", "interval_s"))
    height = _HEIGHT - _BOTTOM - _TOP
    return [
        box("optimum", low, _TOP, max(high - low, 1), height, round_px=0),
        f'<path class="best" d="{straight(x, _TOP, x, _HEIGHT - _BOTTOM)}"/>',
    ]


def _rules(result: Result, across: _Axis) -> list[str]:
    """Draw an upright line a rule, with names above that do not hide each other."""
    alike: dict[float, list[str]] = {}
    losses: dict[float, str] = {}
    for each in result["rules"]:
        alike.setdefault(round(across(each["value"]), 0), []).append(RULES[each["rule"]])
        if each["differs"] and each["regret"] > 0:
            losses[round(across(each["value"]), 0)] = f": -{difference(result, each['regret'])}"
    names = {x: f"{', '.join(alike[x])}{losses.get(x, '')}" for x in sorted(alike)}
    widths = [text_width(name) for name in names.values()]
    gaps = [(one + other) / 2 + 14 for one, other in pairwise(widths)]
    lines = []
    for (x, name), at, width in zip(names.items(), spaced(list(names), gaps), widths, strict=True):
        middle = min(max(at, _LEFT - 60 + width / 2), _WIDTH - 8 - width / 2)
        lines.append(f'<path class="rule" d="{straight(x, _TOP, x, _HEIGHT - _BOTTOM)}"/>')
        lines.append(f'<path class="rule" d="{straight(middle, _TOP - 22, x, _TOP)}"/>')
        lines.append(text(middle, _TOP - 28, name, "name", style='text-anchor="middle"'))
    return lines


def _line(result: Result, rows: Sequence[Mapping[str, Any]], across: _Axis, up: _Up) -> list[str]:
    upper = [(across(row["value"]), up(row["band_high"])) for row in rows]
    lower = [(across(row["value"]), up(row["band_low"])) for row in reversed(rows)]
    means = [(across(row["value"]), up(row["mean"])) for row in rows]
    formed = [(across(row["value"]), up(row["closed_form"])) for row in _seen(rows, up)]
    hints = [f"{duration(row['value'])}: {amount(result, row['mean'])}" for row in rows]
    return [
        f'<polygon class="band" points="{_points([*upper, *lower])}"/>',
        *([f'<polyline class="form" points="{_points(formed)}"/>'] if len(formed) > 1 else []),
        f'<polyline class="curve" points="{_points(means)}"/>',
        *(dot("on", x, y, 4, hint) for (x, y), hint in zip(means, hints, strict=True)),
    ]


def _seen(rows: Sequence[Mapping[str, Any]], up: _Up) -> list[Mapping[str, Any]]:
    """Return the rows whose closed form lies in the picture."""
    return [row for row in rows if row["closed_form"] is not None and up.low <= row["closed_form"] <= up.high]


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _title(result: Result) -> str:
    return f"{result['scenario']}: {NAMES[result['metric']]} by checkpoint interval"


def _subtitle(result: Result) -> str:
    found = result["optimum"]
    runs = f"{result['replicas']} runs each, under the same seeds"
    if found is None:
        return f"best of those simulated: {duration(result['best'])}; {runs}"
    sure = f"{duration(found['ci_low_s'])} to {duration(found['ci_high_s'])}"
    return f"best: {duration(found['interval_s'])} (95 % interval {sure}, green); {runs}"


def _feet(formed: bool) -> list[str]:
    lines = ["across: work between two checkpoints, logarithmic; dashed: rules, and this scenario's own interval"]
    told = "band: 95 % of the paired difference to the best, not of the level"
    lines.append(f"{told}{'; dotted: the closed form, where it lies in this range' if formed else ''}")
    return [text(_LEFT, _HEIGHT - 44 + 18 * index, line, "soft") for index, line in enumerate(lines)]
