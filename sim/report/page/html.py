"""The hypertext that pages are made of: a frame, tables, and cards with one large number each."""

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #6a737d; --line: #d0d7de; --ground: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa4ae; --line: #3a424b; --ground: #14181d; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: 0.87rem; } th { text-align: left; color: var(--soft); font-weight: 600; }
td, th { padding: 0.15rem 0.8rem 0.15rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.big { font-size: 1.5rem; font-weight: 650; } .soft { color: var(--soft); } .wide { overflow-x: auto; }
svg[role] text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg[role] .soft { fill: var(--soft); }
svg[role] line { stroke: var(--line); } svg[role] .even { stroke: var(--soft); }
.cards { display: flex; flex-wrap: wrap; gap: 1.2rem 1.5rem; margin: 1rem 0; }
.paper { background: #ffffff; border-radius: 6px; max-width: 960px; overflow-x: auto; }
.paper svg { display: block; width: 100%; min-width: 40rem; height: auto; }
pre { overflow-x: auto; font-size: 0.8rem; }
"""

Cell = tuple[str, str]
"""The head of a column, and its class: "n" for numbers, "" for words."""


def page(title: str, body: Iterable[str]) -> str:
    """Return a whole page, which needs nothing from anywhere else.

    >>> page("a < b", ["<p>so</p>"]).splitlines()[1]
    '<html lang="en"><head><meta charset="utf-8"><title>a &lt; b</title>'
    """
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>',
            *body,
            "</body></html>\n",
        ]
    )


def table(head: Sequence[Cell], body: Iterable[Sequence[str]]) -> str:
    """Return a table of plain text.

    >>> table([("cause", ""), ("failures", "n")], [["fan < 1", "3"]]).count('<td class="n">3</td>')
    1
    """
    marks = [f' class="{kind}"' if kind else "" for _, kind in head]
    top = "".join(f"<th{mark}>{escape(title)}</th>" for (title, _), mark in zip(head, marks, strict=True))
    rows = "".join(
        f"<tr>{''.join(f'<td{mark}>{escape(cell)}</td>' for cell, mark in zip(row, marks, strict=True))}</tr>"
        for row in body
    )
    return f'<div class="wide"><table><tr>{top}</tr>{rows}</table></div>'


def cards(facts: Iterable[tuple[str, str, str]]) -> str:
    """Return numbers in large type, each with its name below and a word on it."""
    shown = (
        f'<div><div class="big">{escape(number)}</div>{escape(name)}'
        + (f'<br><span class="soft">{escape(note)}</span></div>' if note else "</div>")
        for number, name, note in facts
    )
    return f'<div class="cards">{"".join(shown)}</div>'


def paragraph(content: str, kind: str = "") -> str:
    """Return a paragraph of plain text; kind: its class."""
    return f"<p{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{escape(content)}</p>"
