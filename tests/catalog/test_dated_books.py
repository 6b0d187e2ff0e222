"""Dated price books: of their year, as the records that they cite, and enough to pay for what they price."""

import json
import re
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from sim import catalog
from sim.catalog.records import Price
from sim.errors import PriceError
from sim.ledger.bill.assets import owned
from sim.ledger.bill.prices import check_book, price_of
from sim.ledger.bill.usage import Assets
from sim.ledger.power.energy import nameplate_w
from sim.machine import build_machine, materials
from sim.scenario.load import scenario_of

REFERENCE = Path(__file__).parents[2] / "experiments" / "reference" / "cost.json"
RECORDS = {record["id"]: record for record in json.loads(REFERENCE.read_text(encoding="utf-8"))["records"]}
BOOKS = catalog.names("price-book")
OWNED = [name for name in BOOKS if name.endswith("-owned")]
RENTED = [name for name in BOOKS if name.endswith("-rented")]
PRICES = [(book, key, price) for book in BOOKS for key, price in catalog.price_book(book).prices.items()]
SERVERS = [(book, key.split("/")[1]) for book, key, _ in PRICES if key.startswith("server/")]


def rows_of(price: Price) -> list[str]:
    """Return the rows of Epoch's hardware prices that a price cites in its source."""
    cited = re.search(r"Epoch hardware prices rows? ([\d, ]+\d)", price.provenance.source)
    return cited.group(1).split(", ") if cited else []


def cited(family: str) -> list[tuple[str, str, Price]]:
    return [(book, key, price) for book, key, price in PRICES if key.startswith(f"{family}/") and rows_of(price)]


@pytest.mark.parametrize("name", BOOKS)
def test_a_book_is_valid_in_its_year_and_no_other(name: str) -> None:
    book, year = catalog.price_book(name), int(name[:4])
    assert (book.name, book.valid_from, book.valid_to) == (name, f"{year}-01-01", f"{year + 1}-01-01")
    check_book(book, f"{year}-12-31")
    with pytest.raises(PriceError, match=r"run\.start"):
        check_book(book, f"{year + 1}-01-01")


@pytest.mark.parametrize("name", BOOKS)
def test_what_is_dated_after_its_book_is_assumed(name: str) -> None:
    for key, price in catalog.price_book(name).prices.items():
        if price.provenance.date[:4] > name[:4]:
            assert price.provenance.kind == "assumed", key


@pytest.mark.parametrize(("book", "key", "price"), cited("server"))
def test_a_server_costs_its_chips_by_the_record_that_it_cites(book: str, key: str, price: Price) -> None:
    chips = catalog.node(key.split("/")[1]).accelerators
    a_chip = median(float(RECORDS[f"epoch_price_{row}"]["value"]) for row in rows_of(price))
    factor = re.search(r"x (1\.\d+) for the server", price.provenance.source)
    assert price.value == pytest.approx(chips * a_chip * (float(factor.group(1)) if factor else 1.0), abs=1)
    dates = {RECORDS[f"epoch_price_{row}"]["as_of"] for row in rows_of(price)}
    assert max(dates).startswith(price.provenance.date)
    assert min(dates) < f"{int(book[:4]) + 1}"


@pytest.mark.parametrize(("book", "key", "price"), cited("rent-on-demand") + cited("rent-reserved"))
def test_a_rent_is_the_median_of_the_records_that_it_cites(book: str, key: str, price: Price) -> None:
    which = "cud_1y" if key.startswith("rent-reserved") else "on_demand"
    records = [RECORDS[f"epoch_rent_{row}_{which}"] for row in rows_of(price)]
    assert price.value == pytest.approx(median(record["value"] for record in records), abs=0.006)
    assert max(record["as_of"] for record in records) == price.provenance.date
    providers = [record["name"].split(" / ")[1] for record in records]
    assert len(set(providers)) == len(providers)
    assert all(record["as_of"] < f"{int(book[:4]) + 1}" for record in records)


@pytest.mark.parametrize("name", RENTED)
def test_a_commitment_is_not_dearer_than_an_hour(name: str) -> None:
    prices = catalog.price_book(name).prices
    nodes = {key.split("/")[1] for key in prices if key.startswith("rent-")}
    assert nodes
    for node in nodes:
        assert prices[f"rent-reserved/{node}"].value <= prices[f"rent-on-demand/{node}"].value


@pytest.mark.parametrize("name", OWNED)
def test_electricity_is_that_of_the_year_or_the_last_one_known(name: str) -> None:
    price, year = catalog.price_book(name).prices["energy/kwh"], min(int(name[:4]), 2025)
    assert (price.value, price.provenance.date) == (RECORDS[f"us_ind_{year}"]["value"], str(year))


def test_staff_of_the_past_follows_from_its_bands() -> None:
    salary, equity = (RECORDS[f"epoch_{one}"] for one in ("salary", "equity"))
    overhead = RECORDS["epoch_overhead"]
    middle = [(one["low"] * one["high"]) ** 0.5 for one in (salary, overhead, equity)]
    expected = middle[0] * middle[1] + middle[2]
    assert catalog.price_book("2024-owned").prices["staff/fte"].value == pytest.approx(expected, rel=1e-3)


def fabric_of(name: str) -> dict[str, Any]:
    if catalog.node(name).scale_up_domain > 1:
        return {"kind": "leaf-spine", "radix": 32}
    if name in ("tpu-v4", "tpu-v5p"):
        return {"kind": name, "shape": [4, 4, 4]}
    return {"kind": "torus", "shape": [8, 8]}


@pytest.mark.parametrize(("book", "node"), SERVERS)
def test_a_book_prices_all_that_a_cluster_of_its_servers_is_made_of(book: str, node: str) -> None:
    year = int(book[:4])
    tree = {
        "name": "priced",
        "training": {"step_time": "10 s"},
        "cluster": {"node": node, "nodes": 4, "topology": fabric_of(node), "storage": "lustre-dgx"},
        "cost": {"prices": book, "acquisition": "own"},
        "run": {"work": "1 d", "start": f"{year}-03-01"},
    }
    scenario = scenario_of(tree, node)
    machine = build_machine(scenario)
    assert machine is not None
    assert scenario.billing is not None
    bill, storage = materials(machine), catalog.storage("lustre-dgx")
    each = catalog.node(node)
    assets = Assets(
        node=node,
        nodes=4,
        gpus_per_node=each.accelerators,
        bill=bill,
        storage="lustre-dgx",
        nameplate_w=nameplate_w(each, 4, bill, storage),
    )
    assert all(asset.price_usd > 0 for asset in owned(assets, scenario.billing.prices))
    for key in (
        "energy/kwh",
        "energy/pue",
        "carbon/kwh",
        "staff/operations",
        "staff/research",
        "staff/fte",
        "data/run",
    ):
        price_of(scenario.billing.prices, key)
