"""Pictures of a run. matplotlib is loaded where it draws, without pyplot: there is no screen and no global state."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from sim.quantities import show, show_count
from sim.report.text import Result, percent, short, tenths
from sim.report.waterfall import MILESTONES, Bar, waterfall_bars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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

DPI = 120
_ROOM = 20


class Row(NamedTuple):
    """One row of the cascade: label, from and to in percent, and what it holds."""

    label: str
    start: float
    end: float
    tenths: int
    gpu_hours: float
    color: str
    milestone: bool


def waterfall_png(result: Result) -> bytes:
    """Return the waterfall of a run as a PNG: a cascade from peak to useful FLOP with percent and GPU-hours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = cascade(result)
    figure = Figure(figsize=(10, 1.3 + 0.29 * len(rows)), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    height = figure.get_figheight()
    axes = figure.add_axes((0.185, 0.42 / height, 0.57, 1 - 1.3 / height))
    _draw(axes, rows)
    figure.text(0.02, 1 - 0.33 / height, _title(result), fontsize=13, fontweight="bold", va="center")
    figure.text(0.02, 1 - 0.65 / height, _subtitle(result), fontsize=10, color="#444444", va="center")
    image = BytesIO()
    figure.savefig(image, format="png", dpi=DPI)
    return image.getvalue()


def cascade(result: Result) -> list[Row]:
    """Return the rows from top to bottom: peak, each loss that occurred, and what is left after each group."""
    bars, hours = waterfall_bars(result["waterfall"]), result["states"]
    rows = [Row("peak", 0, 100, 1000, result["gpu_hours"], MILESTONE_COLOR, milestone=True)]
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
    return Row(bar.state, start, max(end, start + THINNEST), bar.tenths, gpu_hours, COLORS[bar.group], milestone=False)


def _milestone(bar: Bar, remaining: Sequence[Bar], gpu_hours: float) -> Row:
    last = not any(other.group for other in remaining)
    label = MILESTONES[bar.group]
    return Row(label, 0, bar.left / 10, bar.left, gpu_hours, COLORS[""] if last else MILESTONE_COLOR, milestone=True)


def _draw(axes: "Axes", rows: Sequence[Row]) -> None:
    for y, row in enumerate(rows):
        axes.barh(y, row.end - row.start, left=row.start, height=0.72, color=row.color, linewidth=0)
        weight = "bold" if row.milestone else "normal"
        share = tenths(row.tenths) if row.tenths else "<0.1 %"
        for x, text in ((112.5, share), (133.5, f"{short(row.gpu_hours)} GPU-h")):
            axes.text(x, y, text, ha="right", va="center_baseline", fontsize=9, fontweight=weight)
        if y + 1 < len(rows):
            edge = row.end if row.milestone else row.start
            axes.plot([edge, edge], [y + 0.36, y + 0.64], color="#888888", linewidth=0.7)
    _name_groups(axes, rows)
    axes.set_xlim(0, 100)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=9)
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.milestone else "normal")
    axes.set_xticks(range(0, 101, 20), [f"{tick} %" for tick in range(0, 101, 20)], fontsize=9)
    axes.tick_params(length=0)
    axes.grid(axis="x", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)


def _name_groups(axes: "Axes", rows: Sequence[Row]) -> None:
    """Write each group of losses beside its first bar, where the cascade leaves room for it."""
    for group, color in COLORS.items():
        first = next((y for y, row in enumerate(rows) if row.color == color and not row.milestone), None)
        if first is not None and rows[first].start > _ROOM:
            axes.text(0.8, first, group, ha="left", va="center_baseline", fontsize=9, color=color)


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
