"""The picture of `generations`: cost by date on a logarithmic scale, bands, what is published, and growth."""

from collections.abc import Iterator, Mapping
from datetime import date
from math import ceil, floor, log10
from typing import Any
from xml.sax.saxutils import escape

from sim.report.svg import dot, spaced, text
from sim.report.text import Result, short_usd

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 980, 620, 80, 190, 64, 84

_STYLE = """.bg{fill:#fff}text{fill:#222;font:13px sans-serif}.soft{fill:#5a5a5a}.grid{stroke:#ddd}
.band{stroke:#2F7FC1;stroke-width:7;opacity:.35}.on{fill:#2F7FC1}.said{stroke:#C1542F;stroke-width:2;fill:none}
.fit{stroke:#2F7FC1;stroke-width:1.5;stroke-dasharray:6 4}
.lead{stroke:#999;stroke-width:.7;fill:none;opacity:.7}.wedge{fill:#C1542F;opacity:.10}
@media(prefers-color-scheme:dark){.bg{fill:#14171a}text{fill:#e4e4e4}.soft{fill:#a8a8a8}.grid{stroke:#3a4047}}"""

_DAYS = 365.2425
"""Of a mean year of the calendar."""

_LINE = 20
"""Pixels between names."""


class _Axes:
    """Years across and logarithms of dollars up, in pixels."""

    def __init__(self, result: Result) -> None:
        dates = [_year(row["date"]) for row in result["rows"]]
        bills = [_bill(row) for row in result["rows"]]
        ends = [bill[name] for bill in bills for name in ("p5", "p95")]
        ends += [end for row in result["rows"] for each in _said(row) for end in each["published"]]
        self.first, self.last = floor(min(dates)), ceil(max(dates) + 0.2)
        self.low, self.high = floor(log10(min(ends))), ceil(log10(max(ends)))

    def x(self, year: float) -> float:
        return _LEFT + (year - self.first) / (self.last - self.first) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, usd: float) -> float:
        share = (log10(usd) - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def generations_picture(result: Result) -> str:
    """Return an SVG of bills by date with their 5 to 95 % bands, published dollars, and growth fitted and published.

    Reads `rows`, `growth` and `published_growth` of the JSON.
    """
    axes = _Axes(result)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="bg" width="{_WIDTH}" height="{_HEIGHT}"/>',
        text(_LEFT, 26, "What a frontier run costs, by simulation", style='font-weight="bold"'),
        text(_LEFT, 46, "blue: the bill, 5 to 95 %; rust: published, under any method", "soft"),
        *_grid(axes),
        *_trends(result, axes),
        *_rows(result, axes),
        *_legend(result),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _year(day: str) -> float:
    """Return a day as a year and its fraction.

    >>> round(_year("2020-07-01"), 1)
    2020.5
    """
    return 1 + (date.fromisoformat(day).toordinal() - 1) / _DAYS


def _bill(row: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(each for each in row["methods"] if each["method"] == "bill")
    return found


def _said(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for each in row["methods"] if each.get("published") and each["unit"] != "GPU-hour"]


def _grid(axes: _Axes) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for year in range(axes.first, axes.last + 1):
        x = axes.x(year)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}"/>'
        yield text(x, bottom + 18, str(year), "soft", style='text-anchor="middle"')
    for power in range(axes.low, axes.high + 1):
        y = axes.y(10.0**power)
        yield f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield text(_LEFT - 8, y + 4, short_usd(10.0**power, 1).removesuffix(".00"), "soft", style='text-anchor="end"')


def _trends(result: Result, axes: _Axes) -> Iterator[str]:
    """Yield the fit over frontier runs, and the wedge of what is published, from where that fit begins."""
    fit = next((each for each in result["growth"] if (each["what"], each["rows"]) == ("bill", "frontier")), None)
    if fit is None:
        return
    (start, end), (first, last) = map(_year, fit["ends"]), (fit["first"], fit["last"])
    wide = [each for each in result["published_growth"] if each["unit"] != "months"]
    low, high = min(each["low"] for each in wide), max(each["high"] for each in wide)
    tips = [min(first * growth ** (end - start), 10.0**axes.high) for growth in (low, high)]
    corners = [(start, first), *((end, tip) for tip in tips)]
    points = " ".join(f"{axes.x(year):.1f},{axes.y(usd):.1f}" for year, usd in corners)
    yield f'<polygon class="wedge" points="{points}"/>'
    yield (
        f'<line class="fit" x1="{axes.x(start):.1f}" y1="{axes.y(first):.1f}" '
        f'x2="{axes.x(end):.1f}" y2="{axes.y(last):.1f}"/>'
    )


def _rows(result: Result, axes: _Axes) -> Iterator[str]:
    for row in result["rows"]:
        x, bill = axes.x(_year(row["date"])), _bill(row)
        low, middle, high = (axes.y(bill[name]) for name in ("p5", "p50", "p95"))
        yield f'<line class="band" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
        yield dot("on", x, middle, 5, short_usd(bill["p50"]))
        for each in _said(row):
            yield from _mark(x, each, axes)
    yield from _names(result, axes)


def _names(result: Result, axes: _Axes) -> Iterator[str]:
    """Yield names at the right edge, in the order of their bills, each with a leader from its dot."""
    rows = sorted(result["rows"], key=lambda row: -_bill(row)["p50"])
    wanted = [axes.y(_bill(row)["p50"]) for row in rows]
    edge = _WIDTH - _RIGHT
    for row, level, place in zip(rows, wanted, spaced(wanted, [_LINE] * (len(rows) - 1)), strict=True):
        x = axes.x(_year(row["date"])) + 8
        yield f'<path class="lead" d="M{x:.1f} {level:.1f}L{edge} {place:.1f}h8"/>'
        yield text(edge + 12, place + 4, row["name"] + ("*" if row["assumed"] else ""))


def _mark(x: float, method: Mapping[str, Any], axes: _Axes) -> Iterator[str]:
    """Yield a published figure as a dash, a range as a bar beside its row."""
    low, high = (axes.y(usd) for usd in method["published"])
    hint = escape(f"{method['method']}: {short_usd(method['published'][0])}")
    yield f'<path class="said" d="M{x - 9:.1f} {low:.1f}h18"><title>{hint}</title></path>'
    if low != high:
        yield f'<path class="said" d="M{x - 9:.1f} {high:.1f}h18M{x:.1f} {low:.1f}V{high:.1f}"/>'


def _legend(result: Result) -> Iterator[str]:
    fits = [each for each in result["growth"] if each["what"] in ("bill", "compute") and each["rows"] == "frontier"]
    told = [f"{each['what']} x{each['p50']:.1f} a year ({each['p5']:.1f} to {each['p95']:.1f})" for each in fits]
    wide = [each for each in result["published_growth"] if each["unit"] != "months"]
    low, high = min(each["low"] for each in wide), max(each["high"] for each in wide)
    line = f"dashed: frontier runs, {', '.join(told)}; shaded: published growth of cost, x{low:.1f} to {high:.1f}"
    yield text(_LEFT, _HEIGHT - 34, line, "soft")
    yield text(_LEFT, _HEIGHT - 14, "* architecture, tokens or layout assumed: never published", "soft")
