"""Price books: dated prices by key, each with its unit and provenance."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sim.catalog.price_keys import DATA_LUMP, DATA_PARTS, MAY_BE_ZERO, Items, check_together, unit_of
from sim.catalog.read import read_number, read_provenance, read_text, require_keys, require_table
from sim.catalog.records import Price, PriceBook
from sim.errors import InputError, PriceError

_HEAD = ("name", "currency", "valid_from", "valid_to")
_PRICE = ("value", "unit", "source", "date", "kind", "note")

Tables = Callable[[str], tuple[Mapping[str, Any], str]]
"""From a book's name or path to its tables, and what it is called in errors."""


def parse_price_book(table: Mapping[str, Any], items: Items, where: str, tables: Tables) -> PriceBook:
    """Return a price book; a price may be for what the catalog holds, in the unit of its key.

    valid_from is inclusive, valid_to exclusive. `extends` names another book, one level deep, whose prices hold where
    this one gives none; data in parts replaces the other's lump, and the lump its parts. Raises InputError, PriceError.
    """
    own = _own(table, items, where)
    if "extends" in table:
        own = replace(own, prices=_joined(_base(table["extends"], items, where, tables).prices, own.prices))
    check_together(own.prices, where)
    return own


def _own(table: Mapping[str, Any], items: Items, where: str) -> PriceBook:
    """Return a book as its own file has it."""
    require_keys(table, _HEAD, where, extra=("extends", "prices"))
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


def _base(name: Any, items: Items, where: str, tables: Tables) -> PriceBook:
    try:
        table, shown = tables(read_text("extends", name, "a book's name or file"))
    except InputError as error:
        raise type(error)(f"{where}: extends: {error}") from None
    if "extends" in table:
        raise PriceError(
            f"{where}: extends: got '{name}', which extends '{table['extends']}' itself; expected one level"
        )
    return _own(table, items, shown)


def _joined(base: Mapping[str, Price], own: Mapping[str, Price]) -> dict[str, Price]:
    """Return the prices of both, a book's own before those of its base."""
    replaced = {*(DATA_PARTS if DATA_LUMP in own else ()), *((DATA_LUMP,) if any(p in own for p in DATA_PARTS) else ())}
    return {key: price for key, price in base.items() if key not in replaced} | dict(own)


def _price(key: str, row: Any, items: Items, where: str) -> Price:
    unit = unit_of(key, items, where)
    require_keys(row, _PRICE, where)
    for name in _PRICE[:5]:
        if name not in row:
            raise PriceError(f"{where}: missing field '{name}'")
    if row["unit"] != unit:
        raise PriceError(f"{where}.unit: got {row['unit']!r}, expected '{unit}'")
    value = read_number(row["value"], f"{where}.value", zero=key in MAY_BE_ZERO, fraction=unit == "fraction")
    if key == "energy/pue" and value < 1:
        raise PriceError(f"{where}.value: got {value}, expected a ratio of at least 1")
    provenance = {name: row[name] for name in _PRICE[2:] if name in row}
    return Price(value=value, unit=unit, provenance=read_provenance(provenance, where))


def _iso_date(value: Any, where: str) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise InputError(f"{where}: got '{value}', expected a date such as '2026-01-01'") from None
