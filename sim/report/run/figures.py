"""The picture of a run: its waterfall as SVG, written as text so that it costs a run nothing."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sim.quantities import show, show_count
from sim.report.run.waterfall import MILESTONES, Bar, waterfall_bars
from sim.report.svg import FONT, text
from sim.report.text import Result, percent, short, tenths

COLORS = {
    "": "#009E73",
    "outside the job": "#999999",
    "not stepping": "#E69F00",
    "reclassified": "#D55E00",
    "in the step": "#0072B2",
}
"""By group of losses and for the useful rest: colours of Okabe and Ito (2008), told apart by colour-blind eyes too."""

MILESTONE_COLOR = "#DDDDDD"
THINNEST = 0.25
"""Percent; a bar thinner than this is drawn this thick, so that it is seen."""

_WIDTH, _LEFT, _CHART, _TOP, _ROW, _BAR = 960, 190, 545, 84, 28, 20
_SHARE_X, _HOURS_X = 812, 940
_ROOM = 20


class Row(NamedTuple):
    """One row of the cascade: label, from and to in percent, and what it holds."""

    label: str
    start: float
    end: float
    tenths: int
    gpu_hours: float
    color: str
    group: str
    milestone: bool


def waterfall_svg(result: Result) -> str:
    """Return the waterfall of a run as SVG: a cascade from peak to useful FLOP with percent and GPU-hours."""
    rows = cascade(result)
    height = _TOP + _ROW * len(rows) + 36
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'font-family="{FONT}" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        text(20, 32, _title(result), size=18, style='font-weight="bold"'),
        text(20, 58, _subtitle(result), style='fill="#444444"'),
        *_axis(len(rows)),
        *(line for y, row in enumerate(rows) for line in _drawn(y, row, last=y + 1 == len(rows))),
        *_group_names(rows),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def cascade(result: Result) -> list[Row]:
    """Return the rows from top to bottom: peak, each loss that occurred, and what is left after each group."""
    bars, hours = waterfall_bars(result["waterfall"]), result["states"]
    rows = [Row("peak", 0, 100, 1000, result["gpu_hours"], MILESTONE_COLOR, "", milestone=True)]
    left = result["gpu_hours"]
    for index, bar in enumerate(bars):
        if not bar.group:
            continue
        left -= hours[bar.state]
        if bar.fraction:
            rows.append(_loss(bar, hours[bar.state]))
        if bars[index + 1].group != bar.group:
            rows.append(_milestone(bar, bars[index + 1 :], left))
    return rows


def _loss(bar: Bar, gpu_hours: float) -> Row:
    start, end = bar.left / 10, (bar.left + bar.tenths) / 10
    return Row(bar.state, start, max(end, start + THINNEST), bar.tenths, gpu_hours, COLORS[bar.group], bar.group, False)


def _milestone(bar: Bar, remaining: Sequence[Bar], gpu_hours: float) -> Row:
    last = not any(other.group for other in remaining)
    label = MILESTONES[bar.group]
    color = COLORS[""] if last else MILESTONE_COLOR
    return Row(label, 0, bar.left / 10, bar.left, gpu_hours, color, "", milestone=True)


def _x(share: float) -> float:
    """Return the place of a percentage on the axis."""
    return _LEFT + _CHART * share / 100


def _axis(rows: int) -> Iterator[str]:
    bottom = _TOP + _ROW * rows
    for tick in range(0, 101, 20):
        yield f'<line x1="{_x(tick):g}" y1="{_TOP - 6}" x2="{_x(tick):g}" y2="{bottom}" stroke="#EEEEEE"/>'
        yield text(_x(tick), bottom + 20, f"{tick} %", style='text-anchor="middle"')


def _drawn(y: int, row: Row, last: bool) -> Iterator[str]:
    """Draw one row: its bar, what it is, how much it holds, and the line down to the next."""
    top, base = _TOP + _ROW * y, _TOP + _ROW * y + 15
    weight = 'font-weight="bold" ' if row.milestone else ""
    share = tenths(row.tenths) if row.tenths else "<0.1 %"
    width = _CHART * (row.end - row.start) / 100
    yield f'<rect x="{_x(row.start):g}" y="{top}" width="{width:g}" height="{_BAR}" fill="{row.color}"/>'
    yield text(_LEFT - 8, base, row.label, style=f'{weight}text-anchor="end"')
    yield text(_SHARE_X, base, share, style=f'{weight}text-anchor="end"')
    yield text(_HOURS_X, base, f"{short(row.gpu_hours)} GPU-h", style=f'{weight}text-anchor="end"')
    if not last:
        edge = _x(row.end if row.milestone else row.start)
        yield f'<line x1="{edge:g}" y1="{top + _BAR}" x2="{edge:g}" y2="{top + _ROW}" stroke="#888888"/>'


def _group_names(rows: Sequence[Row]) -> Iterator[str]:
    """Write each group of losses beside its first bar, where the cascade leaves room for it."""
    for group in (name for name in COLORS if name):
        first = next((y for y, row in enumerate(rows) if row.group == group), None)
        if first is not None and rows[first].start > _ROOM:
            yield text(_LEFT + 6, _TOP + _ROW * first + 15, group, style=f'fill="{COLORS[group]}"')


def _title(result: Result) -> str:
    what = result["model"] or "given step time"
    gpus = f"{show_count(result['job_gpus'])} {result['accelerator']}"
    return f"{result['name']}: {what} on {gpus}, {show(result['wall_time_s'], 'time')}"


def _subtitle(result: Result) -> str:
    """Return the identity that the milestones are made of."""
    held = f"of {short(result['gpu_hours'])} GPU-hours held"
    outside = f"goodput {percent(result['goodput'])} x allocation {percent(result['allocation'])}"
    if result["step_mfu"] is None:
        return f"{outside} = {percent(result['goodput'] * result['allocation'])} {held} in retained steps"
    return (
        f"step MFU {percent(result['step_mfu'])} x {outside} = effective MFU {percent(result['effective_mfu'])} {held}"
    )
