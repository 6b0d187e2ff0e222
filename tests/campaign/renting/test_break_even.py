"""When owning pays: by hand, and what the closed forms must keep."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.campaign.renting.break_even import (
    Owning,
    break_even_use,
    break_even_years,
    growths,
    mean_rent_factor,
    rent_paid_usd,
)


def owning(**changes: float) -> Owning:
    given_: dict[str, float] = {
        "fixed_usd": 1.0,
        "variable_usd": 0.2,
        "price_usd": 1000.0,
        "running_usd_per_year": 50.0,
        "energy_usd_per_year": 40.0,
        "life_years": 5.0,
    }
    return Owning(**{**given_, **changes})


def test_a_cluster_used_half_of_the_time_is_worth_owning_at_twice_its_fixed_cost() -> None:
    assert break_even_use(owning(variable_usd=0.0), 2.0) == 0.5


def test_a_rent_below_the_energy_is_never_met() -> None:
    assert break_even_use(owning(variable_usd=2.5), 2.0) is None


def test_at_constant_rents_the_time_is_the_price_over_what_is_saved() -> None:
    years = break_even_years(owning(), 500.0, 0.8)
    assert years == pytest.approx(1000 / (0.8 * 500 - 50 - 0.8 * 40))


def test_no_time_is_given_beyond_the_life_of_the_servers() -> None:
    assert break_even_years(owning(life_years=2.0), 500.0, 1.0) is None
    assert break_even_years(owning(life_years=2.5), 500.0, 1.0) == pytest.approx(1000 / 410)


def test_rents_that_fall_below_the_running_cost_are_met_before_or_never() -> None:
    assert break_even_years(owning(life_years=50.0), 500.0, 1.0, math.log(0.5)) is None
    met = break_even_years(owning(life_years=50.0, price_usd=300.0), 500.0, 1.0, math.log(0.5))
    assert met is not None
    assert met < 1.5


@given(
    rent=st.floats(100, 5000),
    use=st.floats(0.1, 1),
    growth=st.floats(-0.6, 0.6),
    price=st.floats(1, 5000),
)
def test_at_the_time_both_have_paid_the_same(rent: float, use: float, growth: float, price: float) -> None:
    cluster = owning(price_usd=price)
    years = break_even_years(cluster, rent, use, growth)
    running = cluster.running_usd_per_year + use * cluster.energy_usd_per_year

    def ahead(at: float) -> float:
        return rent_paid_usd(use * rent, at, growth) - running * at - price

    if years is None:
        assert all(ahead(cluster.life_years * step / 50) <= 1e-6 * price for step in range(51))
    else:
        assert ahead(years) == pytest.approx(0, abs=1e-6 * (price + rent))
        assert all(ahead(years * step / 50) <= 1e-6 * (price + rent) for step in range(50))


@given(rent=st.floats(0.3, 10), more=st.floats(1.01, 3))
def test_a_dearer_rent_makes_owning_pay_earlier_and_at_less_use(rent: float, more: float) -> None:
    use, less = break_even_use(owning(), rent), break_even_use(owning(), rent * more)
    assert use is not None
    assert less is not None
    assert less < use
    assert use * owning().variable_usd + owning().fixed_usd == pytest.approx(use * rent)


@given(growth=st.floats(-1, 1), years=st.floats(0.1, 10))
def test_the_mean_rent_lies_between_first_and_last(growth: float, years: float) -> None:
    low, high = sorted((1.0, math.exp(growth * years)))
    assert low - 1e-9 <= mean_rent_factor(growth, years) <= high + 1e-9


def test_one_dated_price_has_no_moves() -> None:
    assert growths([(2024.0, 3.0)]) is None
    found = growths([(2024.0, 3.0), (2026.0, 3.0)])
    assert found == (0.0, 0.0, 0.0)
