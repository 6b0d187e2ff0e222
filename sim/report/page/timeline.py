"""The picture of when a run lost GPU-time: a column a span of the calendar, and its failures below."""

from collections.abc import Iterator
from datetime import date, timedelta

from sim.report.page.days import Spans
from sim.report.run.figures import COLORS
from sim.report.svg import FONT, box, text
from sim.report.text import percent

WIDTH, _LEFT, _CHART, _TOP, _TALL, _FAILED = 960, 70, 790, 44, 190, 46
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
_ROUND_H = (
    *(minutes / 60 for minutes in (1, 2, 5, 10, 15, 30)),
    *(1, 2, 3, 6, 12),
    *(24 * days for days in (1, 2, 5, 10, 14, 20, 28, 50, 56, 84, 100, 112)),
)
"""Times between two labels, hours."""

_NAMES = {"outside the job": "out of the job", "not stepping": "not stepping", "reclassified": "steps lost"}
"""From the lowest part of a column to the uppermost."""


def timeline_svg(spans: Spans, start: str | None) -> str:
    """Return the picture; start: the day on which the run began, for dates on the axis.

    Heights are shares of the GPU-time held in the span; what is left above them, to 100 %, was stepping.
    """
    most = max(sum(float(share[i]) for share in spans.lost.values()) for i in range(len(spans.held_h)))
    height = _TOP + _TALL + _FAILED + 60
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="{FONT}" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *_legend(),
        *_scale(max(most, 1e-4)),
        *_columns(spans, max(most, 1e-4)),
        *_failures(spans),
        *_calendar(spans, start, height - 14),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _legend() -> Iterator[str]:
    x = float(_LEFT)
    for group, name in _NAMES.items():
        yield f'<rect x="{x:g}" y="12" width="12" height="12" fill="{COLORS[group]}"/>'
        yield text(x + 18, 22, name)
        x += 130
    yield text(_LEFT + _CHART, 22, "share of GPU-time held", style='text-anchor="end" fill="#444444"')


def _scale(most: float) -> Iterator[str]:
    """Draw a line at some two to five shares."""
    tick = next((tick for tick in _TICKS if most / tick <= 5), _TICKS[-1])
    share = 0.0
    while share <= most * 1.0001:
        y = _TOP + _TALL * (1 - share / most)
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + _CHART}" y2="{y:.1f}" stroke="#E4E4E4"/>'
        yield text(_LEFT - 8, y + 4, percent(share, 0), style='text-anchor="end"')
        share += tick


def _columns(spans: Spans, most: float) -> Iterator[str]:
    count = len(spans.held_h)
    width = _CHART / count
    for i in range(count):
        y = float(_TOP + _TALL)
        for group, name in _NAMES.items():
            share = float(spans.lost[group][i])
            tall = _TALL * share / most
            y -= tall
            if tall > 0:
                hint = f"{_span(spans, i)}: {percent(share)} {name}"
                yield (
                    f'<rect x="{_LEFT + i * width:.2f}" y="{y:.2f}" width="{max(width - 1, width * 0.8):.2f}" '
                    f'height="{tall:.2f}" fill="{COLORS[group]}"><title>{hint}</title></rect>'
                )


def _failures(spans: Spans) -> Iterator[str]:
    """Draw how many failures there were in each span; those that stopped the job in full colour."""
    count = len(spans.held_h)
    width, base = _CHART / count, _TOP + _TALL + 14 + _FAILED
    most = max(int(spans.failures.max()), 1)
    yield text(_LEFT - 8, base - _FAILED + 8, str(most), style='text-anchor="end"')
    yield text(_LEFT - 8, base, "failures", style='text-anchor="end"')
    for i in range(count):
        for number, fill in ((int(spans.failures[i]), "#CC79A7"), (int(spans.interruptions[i]), "#7B3F61")):
            if number:
                hint = f"{_span(spans, i)}: {spans.failures[i]} failures, {spans.interruptions[i]} stopped the job"
                tall = _FAILED * number / most
                yield (
                    f'<rect x="{_LEFT + i * width:.2f}" y="{base - tall:.2f}" '
                    f'width="{max(width - 1, width * 0.8):.2f}" height="{tall:.2f}" fill="{fill}">'
                    f"<title>{hint}</title></rect>"
                )
    yield box("", _LEFT, base, _CHART, 1)


def _span(spans: Spans, i: int) -> str:
    if spans.hours % 24 == 0:
        days = int(spans.hours // 24)
        return f"day {i + 1}" if days == 1 else f"days {i * days + 1} to {(i + 1) * days}"
    return f"hour {i * spans.hours:g} to {(i + 1) * spans.hours:g}"


def _every(count: int, hours: float) -> int:
    """Return how many spans lie between two labels: a round time, and nine labels at most.

    >>> _every(87, 0.25), _every(79, 24), _every(100, 1 / 12)
    (12, 10, 12)
    """
    spans = range(max(-(-count // 9), 1), count + 1)
    return next((each for each in spans if any(abs(each * hours - time) < 1e-6 for time in _ROUND_H)), spans[0])


def _calendar(spans: Spans, start: str | None, y: float) -> Iterator[str]:
    """Write some eight days, or dates where the start is known, below the columns."""
    count = len(spans.held_h)
    width = _CHART / count
    every, long = _every(count, spans.hours), count * spans.hours > 72
    for i in range(0, count, every):
        hours = i * spans.hours
        if start is not None and long:
            label = (date.fromisoformat(start) + timedelta(hours=hours)).isoformat()
        else:
            label = f"day {hours / 24:.3g}" if long else f"{hours:.3g} h"
        yield text(_LEFT + i * width, y, label)
