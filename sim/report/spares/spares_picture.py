"""The picture of `spares`: what each change is worth, a bar each, with its interval."""

from xml.sax.saxutils import escape

from sim.quantities import show
from sim.report.text import Result, short_usd

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 960, 180, 200, 70, 34, 16

_STYLE = """.bg{fill:#fff}text{fill:#222;font:13px sans-serif}.soft{fill:#5a5a5a}.axis{stroke:#999}
.gain{fill:#2F7FC1}.loss{fill:#C1502F}.none{fill:#b5b5b5}.band{stroke:#222;stroke-width:1.5}
@media(prefers-color-scheme:dark){.bg{fill:#14171a}text{fill:#e4e4e4}.soft{fill:#a8a8a8}.band{stroke:#e4e4e4}}"""


def spares_picture(result: Result) -> str:
    """Return an SVG of a study of changes: dollars where something is billed, else hours; grey: not told apart from 0.

    Reads `rows`, `metric` and `scenario` of its JSON.
    """
    rows = [row for row in result["rows"] if row["metric"] == result["metric"] and row["over"] == "as it is"]
    ends = [0.0, *(row[end] for row in rows for end in ("mean", "ci_low", "ci_high") if row[end] is not None)]
    low, high = min(ends), max(ends)
    scale = (_WIDTH - _LEFT - _RIGHT) / ((high - low) or 1.0)
    height = _TOP + _ROW * len(rows) + 40
    zero = _LEFT - low * scale
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="bg" width="{_WIDTH}" height="{height}"/>',
        f'<text x="24" y="28" style="font-weight:bold">{escape(result["scenario"])}: what each change is worth</text>',
        f'<text class="soft" x="24" y="50">{escape(_told(result))}</text>',
        f'<line class="axis" x1="{zero:.1f}" x2="{zero:.1f}" y1="{_TOP - 6}" y2="{height - 34}"/>',
    ]
    for index, row in enumerate(rows):
        parts += _bar(row, _TOP + _ROW * index, zero, scale, result["metric"])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _told(result: Result) -> str:
    unit = "US dollars" if result["metric"] == "usd_gained" else "hours"
    return f"{unit} gained, {result['replicas']} runs of each under the same failures; grey: may be nothing"


def _bar(row: Result, top: float, zero: float, scale: float, metric: str) -> list[str]:
    end = zero + row["mean"] * scale
    kind = "none" if not row["differs"] else "gain" if row["mean"] > 0 else "loss"
    middle = top + _BAR / 2
    parts = [
        f'<text x="{_LEFT - 160}" y="{middle + 5:.1f}">{escape(row["value"])}</text>',
        f'<rect class="{kind}" x="{min(zero, end):.1f}" y="{top}" width="{abs(end - zero):.1f}" height="{_BAR}"/>',
    ]
    right = max(zero, end)
    if row["ci_low"] is not None:
        low, high = (zero + row[name] * scale for name in ("ci_low", "ci_high"))
        parts.append(f'<line class="band" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>')
        right = max(right, high)
    parts.append(f'<text class="soft" x="{right + 8:.1f}" y="{middle + 5:.1f}">{_amount(row["mean"], metric)}</text>')
    return parts


def _amount(value: float, metric: str) -> str:
    """Return a gain in few digits.

    >>> _amount(-1234.0, "usd_gained"), _amount(0.5, "hours_gained")
    ('-$1.23 k', '30 min')
    """
    sign = "-" if value < 0 else ""
    return sign + (short_usd(abs(value)) if metric == "usd_gained" else show(round(3600 * abs(value), 6), "time"))
