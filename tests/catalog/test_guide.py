"""The guide of prices: its table has every key in its unit, its book is one, its books are those that there are."""

import re
from pathlib import Path

from sim import catalog
from sim.catalog.price_keys import ITEM_UNITS, UNITS

GUIDE = (Path(__file__).parents[2] / "docs" / "prices.md").read_text(encoding="utf-8")


def test_the_table_has_every_key_in_its_unit_and_no_other() -> None:
    rows = re.findall(r"^\| (`[^|]*/[^|]*`) \| ([^|]*) \|", GUIDE, re.MULTILINE)
    units: dict[str, str] = {}
    for keys, unit in rows:
        names, each = re.findall(r"`([^`]*)`", keys), unit.split(", ")
        units |= dict(zip(names, each if len(each) == len(names) else each * len(names), strict=True))
    assert units == {**UNITS, **{f"{family}/NAME": unit for family, unit in ITEM_UNITS.items()}}


def test_the_book_that_it_shows_is_one(tmp_path: Path) -> None:
    text = "\n".join(line[4:] for line in GUIDE.splitlines() if line.startswith("    ") or not line)
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    book = catalog.load_price_book(str(file))
    assert book.prices["energy/kwh"].value == 0.051
    assert book.prices["server/dgx-h100"] == catalog.price_book("2026-owned").prices["server/dgx-h100"]


def test_it_names_what_each_year_prices() -> None:
    assert "server/mi300x-platform" in catalog.price_book("2025-owned").prices
    assert "server/mi300x-platform" not in catalog.price_book("2024-owned").prices
    for node, year in (("dgx-h200", 2024), ("dgx-b200", 2024), ("tpu-v6e", 2024), ("gb200-nvl72", 2025)):
        for book in (2023, 2024, 2025):
            assert (f"server/{node}" in catalog.price_book(f"{book}-owned").prices) == (book >= year)
