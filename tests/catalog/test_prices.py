"""Price books price what the catalog holds, and a wrong one is refused in one line."""

from pathlib import Path

import pytest

from sim import catalog
from sim.errors import InputError, PriceError, UnknownNameError

OWNED, RENTED = catalog.price_book("2026-owned"), catalog.price_book("2026-rented")
BOTH = ("energy/pue", "carbon/kwh", "staff/operations", "staff/research", "staff/fte", "data/run")
HEAD = 'name = "mine"\ncurrency = "USD"\nvalid_from = "2026-01-01"\nvalid_to = "2027-01-01"\n'
PRICE = (
    '[prices."server/dgx-h100"]\nvalue = 1e5\nunit = "USD"\nsource = "a quote"\ndate = "2026-02"\nkind = "published"\n'
)


def book_error(tmp_path: Path, text: str, error: type[Exception] = InputError) -> str:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(error) as caught:
        catalog.load_price_book(str(file))
    assert str(caught.value).startswith(str(file))
    return str(caught.value)


NOT_FOR_SALE = {"trn1-32xlarge", "trn2-48xlarge"}
"""Amazon rents these only, and nobody has estimated what one costs."""
NOT_FOR_RENT = {"dgx-1-p100"}
"""No rent of a P100 was found."""


@pytest.mark.parametrize(
    ("family", "kind"), [("server", "node"), ("switch", "switch"), ("cable", "cable"), ("storage", "storage")]
)
def test_everything_that_can_be_bought_has_a_price(family: str, kind: str) -> None:
    priced = {key.split("/")[1] for key in OWNED.prices if key.startswith(f"{family}/")}
    assert {*catalog.names(kind)} - priced == (NOT_FOR_SALE if family == "server" else set())


@pytest.mark.parametrize("family", ["rent-on-demand", "rent-reserved", "rent-spot"])
def test_every_node_has_a_rent(family: str) -> None:
    rented = {key.split("/")[1] for key in RENTED.prices if key.startswith(f"{family}/")}
    assert {*catalog.names("node")} - rented == NOT_FOR_RENT


def test_a_commitment_is_never_dearer_and_spot_is_cheapest() -> None:
    for name in {*catalog.names("node")} - NOT_FOR_RENT:
        spot, reserved, on_demand = (
            RENTED.prices[f"rent-{kind}/{name}"].value for kind in ("spot", "reserved", "on-demand")
        )
        assert spot < reserved <= on_demand


def test_a_server_whose_price_holds_its_switches_has_no_scale_up_price() -> None:
    assert not [key for key in OWNED.prices if key.startswith("scale-up/")]
    for name in ("gb200-nvl72", "gb300-nvl72", "dgx-h100"):
        assert "scale-up price" in OWNED.prices[f"server/{name}"].provenance.note


def test_the_keys_of_the_ledger_are_there() -> None:
    owned = ("life/server", "life/network", "life/storage", "life/facility", "residual/server", "capital/rate")
    for key in (*owned, "facility/watt", "energy/kwh", *BOTH):
        assert key in OWNED.prices
    assert all(key in RENTED.prices for key in BOTH)
    assert all(OWNED.prices[key] == RENTED.prices[key] for key in BOTH)


def test_derived_prices_follow_from_their_sources() -> None:
    parts = 5200 + 7860 + 3456 + 10908 + 563 + 875 + 463 + 1200 + 1485
    for node, chip in (("dgx-h100", 30000), ("dgx-h200", 35000), ("dgx-b200", 40000)):
        assert OWNED.prices[f"server/{node}"].value == 8 * chip + parts
    assert OWNED.prices["switch/qm9700"].value == 288000 / (512 / 64)
    assert OWNED.prices["cable/optic-400g-sr4"].value == 2621440 / 1024 - 675840 / 512
    assert OWNED.prices["cable/optic-400g-dr4"].value == 124518400 / 32768 - 41943040 / 16384
    assert OWNED.prices["staff/operations"].value * 16.384 == 40
    assert OWNED.prices["cdu/watt"].value * 1000 == (1875 + 5000) / 2 - (1000 + 2500) / 2
    for name, chips, chip_usd in (
        ("v3", 4, 5276),
        ("v4", 4, 5176),
        ("v5e", 8, 1781),
        ("v5p", 4, 3694),
        ("v6e", 8, 6518),
    ):
        assert OWNED.prices[f"server/tpu-{name}"].value == pytest.approx(1.64 * chips * chip_usd)
    assert OWNED.prices["embodied/dgx-a100"].value == 8 * 318
    assert OWNED.prices["embodied/dgx-b200"].value == round(2544 + 1312 * (2.3 * 0.50 / 0.66 - 1))
    assert OWNED.prices["residual/server"].value == pytest.approx(0.3 ** (48 / 36), abs=1e-3)


def test_a_user_book_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(HEAD.replace('"2026-01-01"', "2026-01-01") + PRICE, encoding="utf-8")
    book = catalog.load_price_book(str(file))
    assert (book.name, book.valid_from) == ("mine", "2026-01-01")
    assert book.prices["server/dgx-h100"].value == 1e5
    assert book.prices["server/dgx-h100"].provenance.source == "a quote"


def test_a_name_is_a_book_of_the_catalog() -> None:
    assert catalog.load_price_book("2026-owned") == OWNED
    with pytest.raises(UnknownNameError, match=r"unknown price book '2026-ownd'; did you mean '2026-owned'\?"):
        catalog.load_price_book("2026-ownd")


def test_a_file_that_is_not_there_is_one_line() -> None:
    with pytest.raises(InputError, match=r"absent\.toml: cannot be read"):
        catalog.load_price_book("absent.toml")


@pytest.mark.parametrize("last", ["2026-01-01", "2025-12-31"])
def test_a_book_that_ends_before_it_begins_is_refused(tmp_path: Path, last: str) -> None:
    text = HEAD.replace("2027-01-01", last) + PRICE
    assert f"valid_from 2026-01-01 is not before valid_to {last}" in book_error(tmp_path, text, PriceError)


@pytest.mark.parametrize(
    ("old", "new", "error", "expected"),
    [
        ('currency = "USD"\n', "", PriceError, "missing field 'currency'"),
        ('"USD"\nvalid', '"EUR"\nvalid', PriceError, "currency: got 'EUR', expected 'USD'"),
        ("2026-01-01", "January", InputError, "valid_from: got 'January', expected a date"),
        ("dgx-h100", "dgx-h10", UnknownNameError, "unknown server to price 'dgx-h10'; did you mean 'dgx-h100'?"),
        (
            "server/dgx-h100",
            "life/servers",
            UnknownNameError,
            "unknown price 'life/servers'; did you mean 'life/server'?",
        ),
        (
            "value = 1e5",
            "value = 0",
            InputError,
            'prices."server/dgx-h100".value: got 0, expected a number that is positive',
        ),
        ("value = 1e5", 'value = "1e5"', InputError, "value: got '1e5', expected a number"),
        ("value = 1e5\n", "", PriceError, "missing field 'value'"),
        ('unit = "USD"', 'unit = "kUSD"', PriceError, "unit: got 'kUSD', expected 'USD'"),
        ('source = "a quote"\n', "", PriceError, "missing field 'source'"),
        ('kind = "published"', 'kind = "rumour"', InputError, "unknown kind 'rumour'"),
        ("value =", "amount = 1\nvalue =", InputError, "unknown field 'amount'"),
        (PRICE, "prices = 3\n", InputError, "prices: got 3, expected a table"),
    ],
)
def test_a_wrong_book_is_refused(tmp_path: Path, old: str, new: str, error: type[Exception], expected: str) -> None:
    text = HEAD + PRICE
    assert old in text
    assert expected in book_error(tmp_path, text.replace(old, new, 1), error)


@pytest.mark.parametrize(
    ("key", "unit", "value", "expected"),
    [("residual/server", "fraction", 1.2, "fraction of at most 1"), ("energy/pue", "ratio", 0.9, "at least 1")],
)
def test_ratios_are_in_their_range(tmp_path: Path, key: str, unit: str, value: float, expected: str) -> None:
    text = PRICE.replace("server/dgx-h100", key).replace('"USD"', f'"{unit}"').replace("1e5", str(value))
    assert expected in book_error(tmp_path, HEAD + text)
