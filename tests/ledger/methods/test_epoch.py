"""Epoch's formulas: GPT-4 to the cent, and what doubles what."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError
from sim.ledger.methods.epoch import CapexInputs, acquisition, capex_energy, cloud, development, energy_kwh, value_usd

GPT4 = CapexInputs(
    chip_hours=57.0e6,
    price_usd=24_875,
    held_days=638,
    server_price_ratio=1.66,
    tdp_w=400,
    server_power_ratio=6.5 / 8 / 0.4,
    power_fraction=0.75,
    pue=1.25,
    usd_per_kwh=0.0806,
    deflator=119.029 / 117.766,
)


def test_gpt_4_to_the_cent_with_every_term() -> None:
    view = capex_energy(GPT4)
    assert round(view.total, 2) == 40_586_592.58
    assert round(view.terms["chips"] + view.terms["rest of servers"]) == 29_691_721
    assert round(view.terms["interconnect"]) == 6_964_725
    assert round(view.terms["energy"], 2) == 3_499_488.28


def test_energy_is_tdp_with_its_server_at_three_quarters_and_pue() -> None:
    assert energy_kwh(GPT4) == pytest.approx(57.0e6 * 0.8125 * 0.75 * 1.25)


@given(st.floats(min_value=1, max_value=1e9))
def test_doubling_hours_doubles_every_term(hours: float) -> None:
    once = capex_energy(replace(GPT4, chip_hours=hours))
    twice = capex_energy(replace(GPT4, chip_hours=2 * hours))
    assert {name: 2 * amount for name, amount in once.terms.items()} == pytest.approx(dict(twice.terms))


def test_a_deflator_of_one_leaves_the_dollars_of_the_day() -> None:
    view = capex_energy(replace(GPT4, deflator=1.0))
    assert view.terms["inflation"] == 0
    assert view.total * GPT4.deflator == pytest.approx(capex_energy(GPT4).total)


@given(st.integers(min_value=0, max_value=4000), st.integers(min_value=1, max_value=1000))
def test_what_is_held_longer_is_worth_less(days: int, more: int) -> None:
    assert value_usd(24_875, days + more, 0.14) < value_usd(24_875, days, 0.14)


def test_a_price_falls_to_a_tenth_in_a_seventh_of_a_decade_of_orders() -> None:
    assert value_usd(1000, round(365.25 / 0.14), 0.14) == pytest.approx(100, rel=1e-4)


def test_cloud_is_hours_times_rent_and_acquisition_is_chips_times_price() -> None:
    assert cloud(2e6, 1.5).total == 3e6
    bought = acquisition(1000, 8100.0)
    assert bought.terms == pytest.approx({"servers": 8.1e6, "interconnect": 1.9e6, "inflation": 0.0})


def test_a_development_is_staff_and_all_compute() -> None:
    final = capex_energy(GPT4)
    whole = development(35.8e6, final, 2.2)
    assert whole.total == pytest.approx(35.8e6 + 2.2 * final.total)
    assert whole.terms["staff"] == 35.8e6


def test_hours_and_prices_below_zero_are_refused() -> None:
    with pytest.raises(InputError, match="chip-hours: got -1"):
        capex_energy(replace(GPT4, chip_hours=-1.0))
    with pytest.raises(InputError, match="rent, USD a chip-hour: got -2"):
        cloud(1.0, -2.0)
