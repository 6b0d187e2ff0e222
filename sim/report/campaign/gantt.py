"""The picture of a campaign: runs on a calendar, and how full each cluster is below them (SVG)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sim.report.campaign.screen import Line, lines_of
from sim.report.svg import FONT, box, text
from sim.report.text import Result, cut, short, short_usd

COLORS = {
    "final": "#009E73",
    "ablation": "#0072B2",
    "partial": "#56B4E9",
    "failed": "#D55E00",
    "restart": "#E69F00",
    "evaluation": "#CC79A7",
    "safety": "#882255",
    "post-training": "#F0E442",
    "distillation": "#B59A00",
    "data": "#8C6BB1",
    "others": "#999999",
}
"""By kind of run: colours of Okabe and Ito (2008), and three more."""

_WIDTH, _LEFT, _CHART, _TOP, _ROW, _STRIP = 1000, 190, 610, 92, 26, 60
_TICKS = 8


def gantt_svg(result: Result) -> str:
    """Return a campaign as SVG: a row an entry and a box a run, with nodes in use below."""
    lines, span_s = lines_of(result), result["wall_time_s"]
    bottom = _TOP + _ROW * len(lines)
    height = bottom + 34 + (_STRIP + 30) * len(result["assets"]) + 40
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'font-family="{FONT}" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        "<style>" + "".join(f".{kind}{{fill:{color}}}" for kind, color in COLORS.items()) + "</style>",
        text(20, 32, _title(result), size=18, style='font-weight="bold"'),
        text(20, 56, _subtitle(result), style='fill="#444444"'),
        *_axis(result, span_s, bottom),
        *(drawn for row, line in enumerate(lines) for drawn in _row(row, line, span_s)),
        *(drawn for i, asset in enumerate(result["assets"]) for drawn in _strip(result, asset, i, bottom + 34)),
        *_legend(result, height - 14),
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


def _title(result: Result) -> str:
    return f"{result['name']}: {result['start']} to {result['end'][:10]}, {short_usd(result['cost_usd'])}"


def _subtitle(result: Result) -> str:
    found, hours = result["multiplier"]["gpu_hours"], short(result["gpu_hours"])
    told = "no final run" if found is None else f"{found:.2f} x the final runs"
    return f"{hours} GPU-hours of runs, {told}; {short(result['idle_gpu_hours'])} GPU-hours idle"


def _x(at_s: float, span_s: float) -> float:
    return _LEFT + _CHART * at_s / span_s


def _axis(result: Result, span_s: float, bottom: float) -> Iterator[str]:
    """Draw days: at equal distances, of whole days where the campaign has as many."""
    days = span_s / 86_400
    step = max(1, round(days / _TICKS)) if days > 2 else days / 4
    first = date.fromisoformat(result["start"])
    at = 0.0
    while at <= days:
        x = _x(at * 86_400, span_s)
        label = (first + timedelta(days=at)).isoformat() if days > 2 else f"{24 * at:.3g} h"
        end = bottom + 34 + (_STRIP + 30) * len(result["assets"]) - 30
        yield f'<line x1="{x:.1f}" y1="{_TOP - 8}" x2="{x:.1f}" y2="{end}" stroke="#E8E8E8"/>'
        yield text(x, _TOP - 14, label, size=11, style='fill="#666666" text-anchor="middle"')
        at += step


def _row(row: int, line: Line, span_s: float) -> Iterator[str]:
    """Draw the runs of an entry: side by side in lanes where they overlap."""
    top, lanes = _TOP + _ROW * row, lanes_of(line.runs)
    count = max(lanes, default=0) + 1
    height = (_ROW - 6) / count
    yield text(_LEFT - 8, top + 15, cut(line.name, 26), style='text-anchor="end"')
    for run, lane in zip(line.runs, lanes, strict=True):
        x, end = _x(run["start_s"], span_s), _x(run["end_s"], span_s)
        hint = f"{run['name']}: {run['start']} to {run['end']}, {run['nodes']:,} nodes, {run['ended']}"
        yield box(run["kind"], x, top + 2 + lane * height, max(end - x, 1.0), max(height - 0.4, 0.6), hint, round_px=1)
    told = f"{short(line.total('gpu_hours'))} GPU-h, {short_usd(line.total('cost_usd'))}"
    yield text(_WIDTH - 12, top + 15, told, size=12, style='text-anchor="end"')


def lanes_of(runs: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return a lane for each run, so that runs in one lane do not overlap; in order of their start, the first free one.

    >>> lanes_of([{"start_s": 0, "end_s": 2}, {"start_s": 1, "end_s": 3}, {"start_s": 2, "end_s": 3}])
    [0, 1, 0]
    """
    ends: list[float] = []
    lanes = [0] * len(runs)
    for index in sorted(range(len(runs)), key=lambda i: (runs[i]["start_s"], i)):
        free = next((lane for lane, end in enumerate(ends) if end <= runs[index]["start_s"]), len(ends))
        ends[free : free + 1] = [runs[index]["end_s"]]
        lanes[index] = free
    return lanes


def _strip(result: Result, asset: Mapping[str, Any], index: int, top: float) -> Iterator[str]:
    """Draw how many nodes of an asset are in use, as a staircase."""
    span_s, base = result["wall_time_s"], top + (_STRIP + 30) * index + _STRIP
    changes: dict[float, int] = {0.0: 0, span_s: 0}
    for run in result["runs"]:
        if run["asset"] == asset["name"]:
            changes[run["start_s"]] = changes.get(run["start_s"], 0) + run["nodes"]
            changes[run["end_s"]] = changes.get(run["end_s"], 0) - run["nodes"]
    path, nodes = f"M{_LEFT} {base:.1f}", 0
    for at_s in sorted(changes):
        x = _x(min(at_s, span_s), span_s)
        path += f"L{x:.1f} {base - _STRIP * nodes / asset['nodes']:.1f}"
        nodes += changes[at_s]
        path += f"L{x:.1f} {base - _STRIP * nodes / asset['nodes']:.1f}"
    yield f'<rect x="{_LEFT}" y="{base - _STRIP:.1f}" width="{_CHART}" height="{_STRIP}" fill="#F4F4F4"/>'
    yield f'<path d="{path}L{_x(span_s, span_s):.1f} {base:.1f}Z" fill="#7F9DB9"/>'
    yield text(_LEFT - 8, base - _STRIP / 2 + 4, f"{asset['nodes']:,} nodes in use", style='text-anchor="end"')
    told = f"{100 * (1 - asset['idle_gpu_hours'] / asset['gpu_hours']) if asset['gpu_hours'] else 0:.0f} % used"
    yield text(_WIDTH - 12, base - _STRIP / 2 + 4, told, size=12, style='text-anchor="end"')


def _legend(result: Result, y: float) -> Iterator[str]:
    x = float(_LEFT)
    for kind in dict.fromkeys(run["kind"] for run in result["runs"]):
        yield box(kind, x, y - 10, 12, 12, round_px=2)
        yield text(x + 16, y, kind, size=12)
        x += 30 + 7.2 * len(kind)
