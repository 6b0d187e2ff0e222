"""Cooling and grids: numbers equal their sources, and a way of cooling that moves no heat by liquid has no pumps."""

import json
from pathlib import Path

import pytest

from sim import catalog
from sim.errors import UnknownNameError

REFERENCE = Path(__file__).parents[2] / "experiments" / "reference" / "cost.json"
RECORDS = {record["id"]: record for record in json.loads(REFERENCE.read_text(encoding="utf-8"))["records"]}
COUNTRIES = {"usa": "USA", "france": "FRA", "germany": "DEU", "sweden": "SWE", "norway": "NOR", "united-kingdom": "GBR"}
COUNTRIES |= {"japan": "JPN", "china": "CHN", "india": "IND", "saudi-arabia": "SAU", "united-arab-emirates": "ARE"}


def test_powers_of_the_catalog_are_with_air() -> None:
    air = catalog.load_cooling("air")
    assert (air.fan_fraction, air.pump_w_per_w, air.cdu_w) == (0, 0, 0)


def test_racks_and_tpus_are_liquid_cooled_as_sold() -> None:
    liquid = {name for name in catalog.names("node") if catalog.node(name).liquid_cooled}
    assert liquid == {"gb200-nvl72", "gb300-nvl72", "tpu-v3", "tpu-v4", "tpu-v5p"}


def test_liquid_saves_more_in_fans_than_its_pumps_draw() -> None:
    dlc = catalog.load_cooling("dlc")
    assert 0 < dlc.pump_w_per_w < dlc.fan_fraction < 1
    assert 1 < dlc.pue < catalog.load_cooling("air").pue
    assert dlc.cdu_w > max(catalog.node(name).nameplate_w for name in catalog.names("node"))


def test_liquid_follows_from_its_sources() -> None:
    dlc = catalog.load_cooling("dlc")
    with_air_kw, immersed_kw, nameplate_kw = (
        RECORDS[one]["value"] for one in ("hgx_h100_measured_max", "smc_immersion", "dgx_h100_max")
    )
    assert dlc.fan_fraction == pytest.approx((with_air_kw - immersed_kw / 0.94) / nameplate_kw, abs=1e-2)
    assert dlc.pump_w_per_w == pytest.approx(1.5e-3 / 60 * 2e5 / 0.5 / 1e3)
    assert dlc.pue == RECORDS["pue_AWS_new_components_target"]["value"]


@pytest.mark.parametrize("name", catalog.names("grid"))
def test_a_grid_is_as_its_source_has_it(name: str) -> None:
    grams = RECORDS[f"ci_{COUNTRIES[name]}"]["value"]
    assert catalog.load_grid(name).intensity_kg_per_kwh == pytest.approx(grams / 1000, rel=1e-12)


def test_the_default_grid_is_that_of_the_price_books() -> None:
    assert catalog.load_grid("usa").intensity_kg_per_kwh == catalog.price_book("2026-owned").prices["carbon/kwh"].value


def test_a_grid_is_shown_with_its_unit() -> None:
    assert {row.field: row.unit for row in catalog.describe("grid", "usa")} == {"intensity_kg_per_kwh": "kg/kWh"}


def test_cooling_is_shown_with_its_units() -> None:
    units = {row.field: row.unit for row in catalog.describe("cooling", "dlc")}
    assert units == {"fan_fraction": "", "pump_w_per_w": "W/W", "pue": "", "cdu_w": "W"}


def test_an_unknown_cooling_or_grid_gives_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown cooling 'dlcs'; did you mean 'dlc'\?"):
        catalog.load_cooling("dlcs")
    with pytest.raises(UnknownNameError, match=r"unknown grid 'frnce'; did you mean 'france'\?"):
        catalog.load_grid("frnce")
