"""Liquid cooling: fans leave the power of nodes, pumps enter it, the facility's PUE and its CDUs follow."""

import pytest

from sim import catalog
from sim.catalog.records import Cooling
from sim.errors import PriceError
from sim.ledger.bill.cost import usd_by
from sim.ledger.power.cooling import cooled
from sim.scenario import load_scenario
from sim.simulate import simulate
from tests.ledger.hardware import NODE


def cooling(fans: float, pumps: float) -> Cooling:
    return Cooling(name="dlc", fan_fraction=fans, pump_w_per_w=pumps, pue=1.08, cdu_w=2e5, sources=NODE.sources)


def test_fans_leave_and_pumps_enter() -> None:
    node = cooled(NODE, cooling(0.12, 0.01))
    assert node.nameplate_w == pytest.approx(10_000 - 1_200 + 88)
    assert node.overhead_busy_w == pytest.approx(2_400 - 1_200 + 88)
    assert node.overhead_idle_w == pytest.approx(1_600 / 2 + 88)


def test_a_node_that_is_sold_for_liquid_has_no_fans_to_lose() -> None:
    rack = catalog.node("gb200-nvl72")
    assert cooled(rack, cooling(0.12, 0.01)).nameplate_w == pytest.approx(1.01 * rack.nameplate_w)


def test_air_is_what_the_catalog_says() -> None:
    assert cooled(NODE, catalog.load_cooling("air")) == NODE


def test_fans_that_draw_more_than_all_that_is_no_gpu_are_refused() -> None:
    with pytest.raises(PriceError, match=r"fans of node 'box' would draw 3,000 W; expected at most its"):
        cooled(NODE, cooling(0.3, 0.01))


def test_a_cooled_cluster_draws_less_and_pays_for_its_units() -> None:
    air, liquid = (simulate(load_scenario("tiny", [f"cluster.cooling={kind}"])) for kind in ("air", "dlc"))
    assert air.usage is not None
    assert liquid.usage is not None
    assert air.costs is not None
    assert liquid.costs is not None
    assert air.trace == liquid.trace
    assert liquid.usage.energy.nodes_nj < air.usage.energy.nodes_nj
    assert liquid.usage.energy.network_nj == air.usage.energy.network_nj
    items = usd_by(liquid.costs, "item")
    ratio = float(items["cooling"] / items["energy"])
    assert ratio == pytest.approx(catalog.load_cooling("dlc").pue - 1, rel=1e-6)
    assert "cdu" in items
    assert "cdu" not in usd_by(air.costs, "item")
