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
    """Return the fields of one entry with value and unit; where they come from stands under the last that shares it.

    What is said of the entry as a whole, in a sentence, stands below its fields.
    """
    fields, remarks = ([row for row in rows if _is_remark(row) is said] for said in (False, True))
    lines = [f"{kind} {name}"]
    cells = table([[row.field, _value(row.value), row.unit] for row in fields], "<><")
    for index, (cell, row) in enumerate(zip(cells, fields, strict=True)):
        lines += wrapped(f"  {cell}", "    ")
        if index + 1 == len(fields) or _source(fields[index + 1]) != _source(row):
            lines += wrapped(_source(row), " " * 8, " " * 6)
    for row in remarks:
        lines += wrapped(f"  {row.field}: {row.value}", "    ")
    return "\n".join(lines)


def _is_remark(row: CatalogRow) -> bool:
    """Return whether a row is a sentence without a source, not a number or a name."""
    return not row.source and isinstance(row.value, str) and " " in row.value


def _source(row: CatalogRow) -> str:
    note = f" ({row.note})" if row.note else ""
    return f"{row.kind}, {row.date}: {row.source}{note}" if row.source else ""


def _value(value: str | float | bool) -> str:
    if isinstance(value, float):
        return f"{value:,.10g}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:,}" if isinstance(value, int) else str(value)
