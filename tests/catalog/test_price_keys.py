"""Keys of a price book: each in its unit, zero where zero means something, pairs together, and one book on another."""

from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import catalog
from sim.catalog.load import priced_items
from sim.catalog.price_keys import DATA_PARTS, ITEM_UNITS, MAY_BE_ZERO, NEEDS, UNITS
from sim.catalog.prices import parse_price_book
from sim.catalog.records import PriceBook
from sim.errors import InputError, PriceError, UnknownNameError

DATES = 'valid_from = "2026-01-01"\nvalid_to = "2027-01-01"\n'
HEAD = f'name = "mine"\ncurrency = "USD"\n{DATES}'
EMPTY = f"{HEAD}[prices]\n"


def price(key: str, value: float, unit: str | None = None) -> str:
    unit = unit or UNITS.get(key) or ITEM_UNITS[key.partition("/")[0]]
    return (
        f'[prices."{key}"]\nvalue = {value}\nunit = "{unit}"\nsource = "a quote"\ndate = "2026"\nkind = "published"\n'
    )


def written(tmp_path: Path, text: str, name: str = "mine.toml") -> str:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def error(tmp_path: Path, text: str, kind: type[Exception]) -> str:
    path = written(tmp_path, text)
    with pytest.raises(kind) as caught:
        catalog.load_price_book(path)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def with_partner(key: str, value: float) -> str:
    partner = NEEDS.get(key)
    return HEAD + price(key, value) + (price(partner, 0.5) if partner else "")


@pytest.mark.parametrize("key", sorted(UNITS))
def test_every_key_is_read_in_its_unit(tmp_path: Path, key: str) -> None:
    value = 1.5 if key == "energy/pue" else 0.5
    book = catalog.load_price_book(written(tmp_path, with_partner(key, value)))
    assert (book.prices[key].value, book.prices[key].unit) == (value, UNITS[key])


@pytest.mark.parametrize("family", sorted(set(ITEM_UNITS)))
def test_every_item_is_priced_by_its_name(tmp_path: Path, family: str) -> None:
    for name in priced_items()[family]:
        book = catalog.load_price_book(written(tmp_path, HEAD + price(f"{family}/{name}", 3.0)))
        assert book.prices[f"{family}/{name}"].unit == ITEM_UNITS[family]


@pytest.mark.parametrize("key", sorted(UNITS))
def test_zero_is_a_price_only_where_it_means_something(tmp_path: Path, key: str) -> None:
    if key in MAY_BE_ZERO:
        assert catalog.load_price_book(written(tmp_path, with_partner(key, 0))).prices[key].value == 0
    else:
        assert f'prices."{key}".value: got 0' in error(tmp_path, with_partner(key, 0), InputError)


@pytest.mark.parametrize("key", sorted(UNITS))
def test_another_unit_is_refused(tmp_path: Path, key: str) -> None:
    text = HEAD + price(key, 1.0, "EUR")
    assert f"prices.\"{key}\".unit: got 'EUR', expected '{UNITS[key]}'" in error(tmp_path, text, PriceError)


@pytest.mark.parametrize("key", sorted(key for key, unit in UNITS.items() if unit == "fraction"))
def test_a_fraction_is_at_most_one(tmp_path: Path, key: str) -> None:
    assert "fraction of at most 1" in error(tmp_path, with_partner(key, 1.01), InputError)


@pytest.mark.parametrize(("key", "needed"), sorted(NEEDS.items()))
def test_a_price_that_needs_another_is_refused_without_it(tmp_path: Path, key: str, needed: str) -> None:
    assert f"got '{key}' without '{needed}'" in error(tmp_path, HEAD + price(key, 0.5), PriceError)


@pytest.mark.parametrize("part", DATA_PARTS)
def test_data_is_a_lump_or_its_parts(tmp_path: Path, part: str) -> None:
    text = HEAD + price("data/run", 1e6) + price(part, 1e5)
    assert f"got both 'data/run' and '{part}'" in error(tmp_path, text, PriceError)


def test_a_name_that_nothing_has_is_refused(tmp_path: Path) -> None:
    text = HEAD + price("scale-up/gb200-nvl7", 1.0)
    expected = "unknown scale-up to price 'gb200-nvl7'; did you mean 'gb200-nvl72'?"
    assert expected in error(tmp_path, text, UnknownNameError)


def test_a_book_takes_from_its_base_what_it_does_not_price(tmp_path: Path) -> None:
    base = catalog.price_book("2026-owned")
    text = f'extends = "2026-owned"\n{HEAD}' + price("energy/kwh", 0.05) + price("server/dgx-h100", 1e5)
    book = catalog.load_price_book(written(tmp_path, text))
    changed = {key for key in base.prices if book.prices[key] != base.prices[key]}
    assert changed == {"energy/kwh", "server/dgx-h100"}
    assert (book.name, book.prices["energy/kwh"].value, len(book.prices)) == ("mine", 0.05, len(base.prices))


@given(st.dictionaries(st.sampled_from(sorted(catalog.price_book("2026-owned").prices)), st.floats(1, 1e6)))
def test_a_book_is_its_base_with_its_own_prices_put_over_it(changed: dict[str, float]) -> None:
    def row(key: str, value: float) -> dict[str, object]:
        unit = base.prices[key].unit
        worth = 0.5 if unit == "fraction" else value
        return {"value": worth, "unit": unit, "source": "a quote", "date": "2026", "kind": "published"}

    base = catalog.price_book("2026-owned")
    head = {"name": "mine", "currency": "USD", "valid_from": "2026-02-01", "valid_to": "2026-03-01"}
    table = {**head, "extends": "base", "prices": {key: row(key, value) for key, value in changed.items()}}
    own = parse_price_book(table, priced_items(), "my.toml", lambda name: (flat(base), name))
    assert {key: price.value for key, price in own.prices.items()} == {
        **{key: price.value for key, price in base.prices.items()},
        **{key: row(key, value)["value"] for key, value in changed.items()},
    }
    assert (own.name, own.valid_from, own.valid_to) == ("mine", "2026-02-01", "2026-03-01")


def flat(book: PriceBook) -> dict[str, object]:
    """Return a book as the tables that it would be read from."""
    prices = {key: {"value": one.value, "unit": one.unit, **asdict(one.provenance)} for key, one in book.prices.items()}
    head = {field: getattr(book, field) for field in ("name", "currency", "valid_from", "valid_to")}
    return {**head, "prices": prices}


def test_a_book_has_its_own_dates(tmp_path: Path) -> None:
    text = f'extends = "2026-owned"\n{EMPTY}'.replace("2026-01-01", "2026-03-01")
    assert catalog.load_price_book(written(tmp_path, text)).valid_from == "2026-03-01"
    missing = text.replace('valid_to = "2027-01-01"\n', "")
    assert "missing field 'valid_to'" in error(tmp_path, missing, PriceError)


def test_data_in_parts_replaces_the_lump_of_the_base_and_back(tmp_path: Path) -> None:
    text = f'extends = "2026-owned"\n{HEAD}' + price("data/licences", 5e6)
    parts = written(tmp_path, HEAD + price("data/licences", 5e6) + price("data/processing", 1e4), "parts.toml")
    assert "data/run" not in catalog.load_price_book(written(tmp_path, text)).prices
    text = f'extends = "{parts}"\n{HEAD}' + price("data/run", 1e6)
    assert set(catalog.load_price_book(written(tmp_path, text)).prices) == {"data/run"}


def test_a_book_on_a_file_is_checked_with_its_base(tmp_path: Path) -> None:
    base = written(tmp_path, HEAD + price("energy/kwh", 0.08), "base.toml")
    text = f'extends = "{base}"\n{HEAD}' + price("energy/kwh-peak", 0.2)
    assert set(catalog.load_price_book(written(tmp_path, text)).prices) == {"energy/kwh", "energy/kwh-peak"}


def test_a_base_is_one_level_deep(tmp_path: Path) -> None:
    base = written(tmp_path, f'extends = "2026-owned"\n{EMPTY}', "base.toml")
    text = f'extends = "{base}"\n{EMPTY}'
    assert f"extends: got '{base}', which extends '2026-owned' itself; expected one level" in error(
        tmp_path, text, PriceError
    )


@pytest.mark.parametrize(
    ("base", "kind", "expected"),
    [
        ('"2026-ownd"', UnknownNameError, "extends: unknown price book '2026-ownd'; did you mean '2026-owned'?"),
        ('"absent.toml"', InputError, "extends: absent.toml: cannot be read"),
        ("3", InputError, "extends: a book's name or file: got 3, expected a text"),
    ],
)
def test_a_base_that_is_not_there_is_one_line(tmp_path: Path, base: str, kind: type[Exception], expected: str) -> None:
    assert expected in error(tmp_path, f"extends = {base}\n{EMPTY}", kind)
