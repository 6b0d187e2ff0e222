"""The truth page of a validation: one self-contained HTML file, pictures drawn as SVG."""

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log10
from typing import Any

from sim.report.page.html import cards, page, table
from sim.report.text import Result, percent, signed
from sim.report.validation.validation_report import out_of_sample_text

COLOURS = {"dense 16-bit": "#2f6fb5", "dense 8/4-bit": "#c4622d", "MoE": "#3a8f5c"}
"""A colour a kind, told apart in print and by most eyes."""


def truth_page(result: Result) -> str:
    """Return the page of a validation from its JSON."""
    return page(
        "Measured and simulated steps",
        [
            "<h1>Measured against simulated training steps</h1>",
            *_summary(result),
            "<h2>Every row</h2>",
            scatter(result["rows"]),
            "<h2>Errors by source</h2>",
            strips(result["rows"]),
            *_groups(result),
            *_sweeps(result),
            *_rows(result),
            *_apart(result),
            *_skipped(result),
            *_rules(result),
        ],
    )


def _summary(result: Result) -> list[str]:
    shown = [
        (percent(scores["mape"]), kind, f"{scores['count']} rows, bias {signed(scores['bias'])}")
        for kind, scores in result["by_kind"].items()
    ]
    order, every = result["order"], result["all"]
    ranked = (
        f"Of {order['pairs']} pairs of layouts of one job that differ by more than 5 %, {percent(order['share'])} are "
        f"ranked right; the layout ranked first is at most {percent(order['first_over_best'])} slower than the best."
        if order["pairs"]
        else ""
    )
    return [
        "<p>Mean absolute error of simulated step times, rows that are shown apart left out:</p>",
        cards(shown),
        *(f"<p>{escape(line)}</p>" for line in [" ".join(out_of_sample_text(result))] if line),
        f"<p>All {every['count']} rows: {percent(every['mape'])}, bias {signed(every['bias'])}. {ranked}</p>",
    ]


def scatter(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return measured against simulated seconds on logarithmic axes; points on the line are exact."""
    low = floor(log10(min(min(row["measured"], row["simulated"]) for row in rows)))
    high = floor(log10(max(max(row["measured"], row["simulated"]) for row in rows))) + 1
    size, left, top = 420, 60, 16

    def place(value: float) -> float:
        return (log10(value) - low) / (high - low) * size

    parts = [f'<svg viewBox="0 0 {left + size + 190} {top + size + 50}" width="{left + size + 190}" role="img">']
    for power in range(low, high + 1):
        at = place(10.0**power)
        parts += [
            f'<line x1="{left + at:.1f}" y1="{top}" x2="{left + at:.1f}" y2="{top + size}"/>',
            f'<line x1="{left}" y1="{top + size - at:.1f}" x2="{left + size}" y2="{top + size - at:.1f}"/>',
            f'<text x="{left + at:.1f}" y="{top + size + 18}" text-anchor="middle">{_seconds(power)}</text>',
            f'<text x="{left - 8}" y="{top + size - at + 4:.1f}" text-anchor="end">{_seconds(power)}</text>',
        ]
    parts.append(f'<line class="even" x1="{left}" y1="{top + size}" x2="{left + size}" y2="{top}"/>')
    for row in rows:
        x, y = left + place(row["measured"]), top + size - place(row["simulated"])
        hollow = "none" if row["excluded"] else COLOURS[row["kind"]]
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{hollow}" fill-opacity="0.65" '
            f'stroke="{COLOURS[row["kind"]]}"><title>{escape(row["id"])}: {row["measured"]:.3g} s measured, '
            f"{signed(row['error'])}</title></circle>"
        )
    parts.append(f'<text class="soft" x="{left + size / 2}" y="{top + size + 40}" text-anchor="middle">measured</text>')
    parts.append(f'<text class="soft" x="{left}" y="{top - 4}">simulated</text>')
    for i, (kind, colour) in enumerate(COLOURS.items()):
        y = top + 14 + 20 * i
        parts.append(f'<circle cx="{left + size + 24}" cy="{y}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{left + size + 36}" y="{y + 4}">{escape(kind)}</text>')
    y = top + 14 + 20 * len(COLOURS)
    parts.append(f'<circle cx="{left + size + 24}" cy="{y}" r="4" fill="none" stroke="#888"/>')
    parts.append(f'<text x="{left + size + 36}" y="{y + 4}">shown apart</text>')
    return "".join([*parts, "</svg>"])


def _seconds(power: int) -> str:
    return f"{10**power:,} s" if power >= 0 else f"{10.0**power:g} s"


def strips(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return errors by source, one strip each, from -50 % to +50 %; what is beyond stands at the edge."""
    names = sorted({row["source"] for row in rows})
    left, width, step, top = 310, 520, 18, 22
    height = top + step * len(names) + 10
    parts = [f'<svg viewBox="0 0 {left + width + 30} {height}" width="{left + width + 30}" role="img">']
    for tick in range(-50, 51, 10):
        x = left + (tick + 50) / 100 * width
        kind = ' class="even"' if tick == 0 else ""
        parts.append(f'<line{kind} x1="{x:.1f}" y1="{top - 4}" x2="{x:.1f}" y2="{height - 8}"/>')
        if tick % 20 == 10 or tick == 0:
            parts.append(
                f'<text class="soft" x="{x:.1f}" y="12" text-anchor="middle">{f"{tick:+d}" if tick else 0} %</text>'
            )
    for i, name in enumerate(names):
        y = top + step * i + 10
        parts.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(_cut(name, 46))}</text>')
        for row in rows:
            if row["source"] == name:
                x = left + (min(max(row["error"], -0.5), 0.5) + 0.5) * width
                colour = COLOURS[row["kind"]]
                fill = "none" if row["excluded"] else colour
                parts.append(
                    f'<circle cx="{x:.1f}" cy="{y}" r="3.2" fill="{fill}" fill-opacity="0.6" stroke="{colour}">'
                    f"<title>{escape(row['id'])}: {signed(row['error'])}</title></circle>"
                )
    return "".join([*parts, "</svg>"])


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _groups(result: Result) -> list[str]:
    lines = []
    for name, groups in result["groups"].items():
        head = [
            ("GPU" if name == "gpu" else name.capitalize(), ""),
            ("rows", "n"),
            ("mean abs.", "n"),
            ("median", "n"),
            ("90 %", "n"),
            ("bias", "n"),
        ]
        body = [
            [
                *(group, f"{s['count']}", percent(s["mape"]), percent(s["median"]), percent(s["p90"])),
                signed(s["bias"]),
            ]
            for group, s in groups.items()
        ]
        lines += [f"<h2>By {'GPU' if name == 'gpu' else escape(name)}</h2>", table(head, body)]
    return lines


def _sweeps(result: Result) -> list[str]:
    head = [("Sweep", ""), ("rows", "n"), ("rank corr.", "n"), ("pairs right", "n"), ("first over best", "n")]
    head += [("slope a doubling", "n"), ("anchored", "n")]
    body = [
        [
            *(name, f"{s['count']}", f"{s['rank_correlation']:.2f}", f"{s['pairs_in_order']} of {s['pairs']}"),
            percent(s["first_over_best"]),
            "-" if s["slope_per_doubling"] is None else signed(s["slope_per_doubling"]),
            percent(s["anchored_mape"]),
        ]
        for name, s in result["sweeps"].items()
    ]
    return ["<h2>Sweeps</h2>", table(head, body)]


def _rows(result: Result) -> list[str]:
    head = [("Row", ""), ("GPUs", "n"), ("GPU", ""), ("precision", ""), ("software", ""), ("measured", "n")]
    head += [("simulated", "n"), ("error", "n"), ("rules that filled blanks", "")]
    body = [
        [
            *(row["id"], f"{row['gpus']:,}", row["gpu"], row["precision"], row["software"]),
            *(f"{row['measured']:.4g} s", f"{row['simulated']:.4g} s", signed(row["error"]), ", ".join(row["filled"])),
        ]
        for row in result["rows"]
    ]
    return ["<h2>Rows</h2>", table(head, body)]


def _apart(result: Result) -> list[str]:
    rows = [row for row in result["rows"] if row["excluded"]]
    if not rows:
        return []
    head = [("Row", ""), ("error", "n"), ("why it is shown apart", "")]
    return ["<h2>Shown apart</h2>", table(head, [[row["id"], signed(row["error"]), row["excluded"]] for row in rows])]


def _skipped(result: Result) -> list[str]:
    head = [("Row", ""), ("why it was not simulated", "")]
    return ["<h2>Not simulated</h2>", table(head, [[row["id"], row["reason"]] for row in result["skipped"]])]


def _rules(result: Result) -> list[str]:
    items = "".join(f"<li><b>{escape(name)}</b>: {escape(text)}</li>" for name, text in result["rules"].items())
    return ["<h2>Rules for what a row leaves open</h2>", f"<ul>{items}</ul>"]
