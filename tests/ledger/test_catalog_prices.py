"""The catalog's hardware can be powered and priced."""

from decimal import Decimal

import pytest

from sim import catalog
from sim.cluster.records import BomLine
from sim.ledger.bill.cost import CostLedger, price, total_usd, usd_by
from sim.ledger.bill.usage import Assets, Usage
from sim.ledger.power.energy import energy_ledger, gpu_power_w, nameplate_w
from sim.ledger.time.time_ledger import net_gpu_us, time_ledger
from sim.ledger.time.trace import RunTrace
from tests.ledger.traces import long_trace, profile_of

HALF = profile_of({"compute_ideal": 500, "comm_data": 500})
BILL = (
    BomLine(item="switch", name="qm9700", count=4, power_w=catalog.switch("qm9700").power_w),
    BomLine(item="cable", name="dac-400g", count=64, power_w=catalog.cable("dac-400g").power_w),
)


def run_of(node_name: str) -> RunTrace:
    return long_trace(failures=9, nodes=8, spares=2, days=20, gpus_per_node=catalog.node(node_name).accelerators)


def bill_of(node_name: str, book: str, acquisition: str) -> CostLedger:
    node = catalog.node(node_name)
    accelerator, storage = catalog.accelerator(node.accelerator), catalog.storage("tectonic-2024")
    ledger = time_ledger(run_of(node_name), [HALF, HALF])
    energy = energy_ledger(ledger, [HALF, HALF], node, accelerator, BILL, storage)
    assets = Assets(
        node=node_name,
        nodes=10,
        gpus_per_node=node.accelerators,
        bill=BILL,
        storage="tectonic-2024",
        nameplate_w=nameplate_w(node, 10, BILL, storage),
    )
    usage = Usage(gpus=ledger.gpus, wall_us=ledger.wall_us, time=net_gpu_us(ledger), energy=energy, assets=assets)
    return price(usage, catalog.price_book(book), acquisition)


@pytest.mark.parametrize("name", catalog.names("node"))
def test_no_node_draws_more_than_its_nameplate(name: str) -> None:
    node = catalog.node(name)
    power_w = gpu_power_w(catalog.accelerator(node.accelerator), node)
    assert power_w["off"] < power_w["idle"] < power_w["communicating"] <= power_w["busy"]
    assert node.accelerators * power_w["busy"] <= node.nameplate_w


def priced(book: str, family: str) -> list[str]:
    return [name for name in catalog.names("node") if f"{family}/{name}" in catalog.price_book(book).prices]


@pytest.mark.parametrize("name", priced("2026-owned", "server"))
def test_every_node_that_is_sold_can_be_owned(name: str) -> None:
    costs = bill_of(name, "2026-owned", "own")
    items = usd_by(costs, "item")
    assert set(items) >= {"server", "network", "storage", "facility", "energy", "cooling", "staff"}
    assert sum(items.values()) == total_usd(costs) > Decimal(1_000)


@pytest.mark.parametrize("name", priced("2026-rented", "rent-on-demand"))
@pytest.mark.parametrize("acquisition", ["reserved", "on-demand"])
def test_every_node_can_be_rented(name: str, acquisition: str) -> None:
    costs = bill_of(name, "2026-rented", acquisition)
    hourly_usd = catalog.price_book("2026-rented").prices[f"rent-{acquisition}/{name}"].value
    gpu_hours = run_of(name).end_us / 3.6e9 * 10 * catalog.node(name).accelerators
    assert float(usd_by(costs, "item")["rent"]) == pytest.approx(gpu_hours * hourly_usd, abs=1e-6)
