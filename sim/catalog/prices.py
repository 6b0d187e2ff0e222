"""Price books: dated prices by key, each with its unit and provenance."""

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from sim.catalog.read import read_number, read_provenance, read_text, read_toml, require_keys, require_table
from sim.catalog.records import Price, PriceBook
from sim.errors import InputError, PriceError, unknown_name

_UNITS: Mapping[str, str] = {
    "life/server": "year",
    "life/network": "year",
    "life/storage": "year",
    "life/facility": "year",
    "residual/server": "fraction",
    "capital/rate": "1/year",
    "facility/watt": "USD/W",
    "energy/kwh": "USD/kWh",
    "energy/pue": "ratio",
    "carbon/kwh": "kg/kWh",
    "staff/operations": "FTE/1000 GPU",
    "staff/research": "FTE",
    "staff/fte": "USD/FTE-year",
    "data/run": "USD",
}
_ITEM_UNITS: Mapping[str, str] = {
    "server": "USD",
    "switch": "USD",
    "cable": "USD",
    "storage": "USD",
    "rent-on-demand": "USD/GPU-h",
    "rent-reserved": "USD/GPU-h",
}
_MAY_BE_ZERO = frozenset(
    {"residual/server", "capital/rate", "carbon/kwh", "staff/operations", "staff/research", "data/run"}
)
_HEAD = ("name", "currency", "valid_from", "valid_to")
_PRICE = ("value", "unit", "source", "date", "kind", "note")

Items = Mapping[str, Collection[str]]
"""Names that a price may be for, by the first part of its key: "server" -> nodes, "switch" -> switches and so on."""


def read_price_book(path: Path, items: Items) -> PriceBook:
    """Return the price book of a user's file. Raises InputError, PriceError."""
    return parse_price_book(read_toml(path, str(path)), items, str(path))


def parse_price_book(table: Mapping[str, Any], items: Items, where: str) -> PriceBook:
    """Return a price book; a price may be for what the catalog holds, in the unit of its key.

    valid_from is inclusive, valid_to exclusive. Raises InputError, PriceError.
    """
    require_keys(table, _HEAD, where, extra=("prices",))
    for key in (*_HEAD, "prices"):
        if key not in table:
            raise PriceError(f"{where}: missing field '{key}'")
    currency = read_text("currency", table["currency"], f"{where}: currency")
    if currency != "USD":
        raise PriceError(f"{where}: currency: got '{currency}', expected 'USD' (no other currency is modelled)")
    start, end = (_iso_date(table[key], f"{where}: {key}") for key in ("valid_from", "valid_to"))
    if start >= end:
        raise PriceError(f"{where}: valid_from {start} is not before valid_to {end}")
    rows = require_table(table["prices"], f"{where}: prices")
    return PriceBook(
        name=read_text("name", table["name"], f"{where}: name"),
        currency=currency,
        valid_from=start.isoformat(),
        valid_to=end.isoformat(),
        prices={key: _price(key, row, items, f'{where}: prices."{key}"') for key, row in rows.items()},
    )


def _price(key: str, row: Any, items: Items, where: str) -> Price:
    unit = _unit(key, items, where)
    require_keys(row, _PRICE, where)
    for name in _PRICE[:5]:
        if name not in row:
            raise PriceError(f"{where}: missing field '{name}'")
    if row["unit"] != unit:
        raise PriceError(f"{where}.unit: got {row['unit']!r}, expected '{unit}'")
    value = read_number(row["value"], f"{where}.value", zero=key in _MAY_BE_ZERO, fraction=unit == "fraction")
    if key == "energy/pue" and value < 1:
        raise PriceError(f"{where}.value: got {value}, expected a ratio of at least 1")
    provenance = {name: row[name] for name in _PRICE[2:] if name in row}
    return Price(value=value, unit=unit, provenance=read_provenance(provenance, where))


def _unit(key: str, items: Items, where: str) -> str:
    """Return the unit of a price key. Raises UnknownNameError for a key that nothing would read."""
    if key in _UNITS:
        return _UNITS[key]
    family, _, name = key.partition("/")
    if family not in _ITEM_UNITS:
        raise unknown_name("price", key, [*_UNITS, *(f"{one}/..." for one in _ITEM_UNITS)], where)
    if name not in items[family]:
        raise unknown_name(f"{family} to price", name, items[family], where)
    return _ITEM_UNITS[family]


def _iso_date(value: Any, where: str) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InputError(f"{where}: got '{value}', expected a date such as '2026-01-01'") from None
