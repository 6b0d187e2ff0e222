"""Carbon of a run: by place, by contract, of making the servers, and at TDP as model cards count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError
from sim.ledger.power.carbon import (
    Carbon,
    by_grid,
    carbon_of,
    embodied_kg,
    market_kg,
    operational_kg,
    tdp_only_kg,
    tdp_only_kwh,
)

amounts = st.floats(min_value=0, max_value=1e12)


def test_the_card_of_llama_3_1_405b_emits_8931_tonnes_at_its_own_intensity() -> None:
    assert tdp_only_kg(30.84e6, 700, 0.4137) / 1000 == pytest.approx(8930.96, abs=0.01)


def test_a_card_counts_gpu_hours_times_tdp_times_pue() -> None:
    assert tdp_only_kwh(1000, 700, 1.1) == pytest.approx(770)


@given(amounts, st.floats(min_value=0, max_value=2))
def test_operational_emissions_are_linear_in_the_energy(kwh: float, intensity: float) -> None:
    assert operational_kg(2 * kwh, intensity) == pytest.approx(2 * operational_kg(kwh, intensity))


@given(amounts, st.floats(min_value=0, max_value=1))
def test_without_contracts_the_market_is_the_residual_mix(kwh: float, intensity: float) -> None:
    assert market_kg(kwh, {}, intensity) == operational_kg(kwh, intensity)


@given(amounts, st.floats(min_value=0, max_value=1), st.floats(min_value=0.01, max_value=1))
def test_contracts_without_emissions_never_raise_the_market_based_figure(
    kwh: float, share: float, residual: float
) -> None:
    covered = market_kg(kwh, {"wind": (share, 0.0)}, residual)
    assert covered == pytest.approx((1 - share) * operational_kg(kwh, residual), abs=1e-3)


def test_contracts_for_more_than_the_energy_are_refused() -> None:
    with pytest.raises(InputError, match=r"cover 1.2 of the energy"):
        market_kg(1.0, {"wind": (0.7, 0.0), "sun": (0.5, 0.0)}, 0.4)


def test_a_gpu_in_use_all_its_life_carries_all_of_its_making() -> None:
    assert embodied_kg(4 * 8766, 1312 / 8, 4) == pytest.approx(164)


def test_making_is_spread_over_the_hours_that_are_used() -> None:
    assert embodied_kg(8766, 1000, 4, busy_fraction=0.5) == pytest.approx(500)


def test_the_total_counts_the_place_and_the_making_and_no_contract() -> None:
    found = Carbon(facility_kwh=1000.0, location_kg=400.0, market_kg=0.0, embodied_kg=50.0)
    assert found.total_kg == 450.0
    assert Carbon(facility_kwh=1000.0, location_kg=400.0, market_kg=None, embodied_kg=None).total_kg == 400.0


def test_what_is_not_known_is_left_out_and_not_zero() -> None:
    assert carbon_of(1000.0, 0.4) == Carbon(facility_kwh=1000.0, location_kg=400.0, market_kg=None, embodied_kg=None)
    whole = carbon_of(1000.0, 0.4, market_kg_per_kwh=0.0, gpu_hours=8766.0, embodied_kg_per_gpu=400.0, life_years=5.0)
    assert (whole.market_kg, whole.embodied_kg) == (0.0, pytest.approx(80.0))


def test_the_same_energy_on_every_grid() -> None:
    assert by_grid(1000.0, {"norway": 0.03, "usa": 0.37}) == {"norway": 30.0, "usa": 370.0}


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_amounts_that_are_none_are_refused(wrong: float) -> None:
    with pytest.raises(InputError, match="facility energy, kWh: got"):
        operational_kg(wrong, 0.4)
    with pytest.raises(InputError, match="PUE"):
        tdp_only_kwh(1.0, 700.0, 0.9)
    with pytest.raises(InputError, match="embodied: got a life of 0 years"):
        embodied_kg(1.0, 1.0, 0.0)
