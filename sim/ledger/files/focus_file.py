"""FOCUS-shaped rows as a file: CSV with decimals as they are, or Parquet with decimal128 and UTC timestamps."""

import csv
import datetime
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sim.ledger.files.focus import COLUMNS, NOTE, Row
from sim.ledger.files.schema import INTEGER, NUMBER, TEXT, USD

_MONEY = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")

_NUMBERS = ("PricingQuantity", "x_GpuHours", "x_EnergyKwh", "x_Co2eKg")


def focus_csv(rows: Sequence[Row]) -> bytes:
    """Return rows as CSV: money to the micro-dollar, times in ISO 8601 with Z, null as an empty field."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_text(row[name]) for name in COLUMNS] for row in rows)
    return out.getvalue().encode()


def _text(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "" if value is None else str(value)


def focus_parquet(rows: Sequence[Row]) -> bytes:
    """Return rows as zstd Parquet; the file's metadata says what shape it has, and that nobody certified it."""
    schema = pa.schema([(name, _type(name)) for name in COLUMNS], metadata={"note": NOTE})
    table = pa.table({name: [row[name] for row in rows] for name in COLUMNS}, schema=schema)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _type(name: str) -> pa.DataType:
    if name in _MONEY:
        return USD
    if name in _NUMBERS:
        return NUMBER
    if name.endswith(("PeriodStart", "PeriodEnd")):
        return pa.timestamp("s", tz="UTC")
    return INTEGER if name == "x_Phase" else TEXT
