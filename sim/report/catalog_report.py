"""The screen of `catalog`: what exists, and where each number of it comes from, in 80 columns."""

from collections.abc import Mapping, Sequence

from sim.catalog.describe import CatalogRow
from sim.report.text import table, wrapped


def kinds_report(names: Mapping[str, Sequence[str]]) -> str:
    """Return the names of every kind.

    >>> print(kinds_report({"node": ["dgx-a100", "dgx-h100"]}))
    node: dgx-a100, dgx-h100
    """
    return "\n".join(line for kind, known in names.items() for line in wrapped(f"{kind}: {', '.join(known)}"))


def entry_report(kind: str, name: str, rows: Sequence[CatalogRow]) -> str:
    """Return the fields of one entry with value and unit; where they come from stands under the last that shares it."""
    lines = [f"{kind} {name}"]
    cells = table([[row.field, _value(row.value), row.unit] for row in rows], "<><")
    for index, (cell, row) in enumerate(zip(cells, rows, strict=True)):
        lines += wrapped(f"  {cell}", "    ")
        if index + 1 == len(rows) or _source(rows[index + 1]) != _source(row):
            lines += wrapped(_source(row), " " * 8, " " * 6)
    return "\n".join(lines)


def _source(row: CatalogRow) -> str:
    note = f" ({row.note})" if row.note else ""
    return f"{row.kind}, {row.date}: {row.source}{note}" if row.source else ""


def _value(value: str | float | bool) -> str:
    if isinstance(value, float):
        return f"{value:,.10g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
