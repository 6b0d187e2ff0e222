"""An entry of the catalog as rows: field, value, unit, and where the value comes from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from sim.catalog import load
from sim.catalog.assumed import OUT_OF_CLAIMS, scored
from sim.catalog.records import Accelerator, FailurePreset, Node, PriceBook, Provenance, Sources
from sim.errors import unknown_name

_READERS: Mapping[str, Callable[[str], Any]] = {
    "accelerator": load.accelerator,
    "node": load.node,
    "switch": load.switch,
    "cable": load.cable,
    "storage": load.storage,
    "model": load.model,
    "failure-preset": load.failure_preset,
    "software": load.software,
    "cooling": load.load_cooling,
    "grid": load.load_grid,
    "price-book": load.price_book,
}
_UNITS: tuple[tuple[str, str], ...] = (
    ("_flops_per_s", "FLOP/s"),
    ("_bytes_per_s", "B/s"),
    ("_bytes", "B"),
    ("_kg_per_kwh", "kg/kWh"),
    ("_w_per_w", "W/W"),
    ("_w", "W"),
    ("_s", "s"),
    ("_m", "m"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRow:
    """One field of an entry; source, date, kind and note are empty where the value is no claim (a date of validity)."""

    field: str
    value: str | float | bool
    unit: str = ""
    source: str = ""
    date: str = ""
    kind: str = ""
    note: str = ""


def describe(kind: str, name: str) -> list[CatalogRow]:
    """Return an entry's fields in the record's order, tables flattened to dotted fields.

    Raises InputError, UnknownNameError.

    >>> row = describe("accelerator", "h100-sxm")[1]
    >>> row.field, row.value, row.unit, row.kind
    ('peak_flops_per_s.bf16', 989400000000000.0, 'FLOP/s', 'derived')
    """
    if kind not in _READERS:
        raise unknown_name("catalog kind", kind, _READERS)
    entry = _READERS[kind](name)
    if isinstance(entry, PriceBook):
        return _price_rows(entry)
    rows = [_row(field, value, _source(entry.sources, field)) for field, value in _flat(entry)]
    if isinstance(entry, Accelerator | Node):
        rows += _claim_rows(entry if isinstance(entry, Accelerator) else load.accelerator(entry.accelerator))
    return rows + (_cause_rows(entry) if isinstance(entry, FailurePreset) else [])


def unit_of(field: str) -> str:
    """Return the unit that a field's name ends in, or an empty text.

    >>> unit_of("peak_flops_per_s.bf16"), unit_of("latency_s"), unit_of("ports")
    ('FLOP/s', 's', '')
    """
    if field.startswith(("gemm.", "grouped.", "attention.")):
        # Coefficients of a curve: counts and fractions, but for the overhead.
        return "s" if field.endswith("overhead_s") else ""
    for part in reversed(field.split(".")):
        for suffix, unit in _UNITS:
            if part.endswith(suffix):
                return unit
    return ""


def _flat(entry: Any, prefix: str = "") -> Iterator[tuple[str, str | float | bool]]:
    items = (
        entry.items() if isinstance(entry, Mapping) else ((one.name, getattr(entry, one.name)) for one in fields(entry))
    )
    for name, value in items:
        if not prefix and name in ("name", "sources", "causes"):
            continue
        if isinstance(value, Mapping) or is_dataclass(value):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _source(sources: Sources, field: str) -> Provenance | None:
    """Return the provenance of a dotted field: its own, that of the table it is in, or that of the rest."""
    parts = field.split(".")
    for length in range(len(parts), 0, -1):
        if (found := sources.get(".".join(parts[:length]))) is not None:
            return found
    return sources.get("*")


def _row(field: str, value: str | float | bool, source: Provenance | None, unit: str | None = None) -> CatalogRow:
    unit = unit_of(field) if unit is None else unit
    if source is None:
        return CatalogRow(field=field, value=value, unit=unit)
    return CatalogRow(
        field=field, value=value, unit=unit, source=source.source, date=source.date, kind=source.kind, note=source.note
    )


def _claim_rows(accelerator: Accelerator) -> list[CatalogRow]:
    """Return what to know of an accelerator that no measurement scores, as a row."""
    return [] if scored(accelerator) else [CatalogRow(field="accuracy", value=OUT_OF_CLAIMS)]


def _cause_rows(preset: FailurePreset) -> list[CatalogRow]:
    return [
        _row(f"{cause.name}.{field}", getattr(cause, field), preset.sources[cause.name])
        for cause in preset.causes
        for field in ("component", "kind", "mean_s", "replace")
    ]


def _price_rows(book: PriceBook) -> list[CatalogRow]:
    head = [_row(field, getattr(book, field), None) for field in ("currency", "valid_from", "valid_to")]
    return head + [_row(key, price.value, price.provenance, price.unit) for key, price in book.prices.items()]
