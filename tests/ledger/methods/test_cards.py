"""Model cards, dollars a GPU-hour, component shares, and all methods on one run."""

import datetime
from dataclasses import replace
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError
from sim.ledger.methods.cards import card_carbon_view, gpu_hours_view, metered_carbon_view, rate_view
from sim.ledger.methods.records import Missing, View
from sim.ledger.methods.shares import COMPONENTS, FAILED, PUBLISHED, component_shares, published_sum
from sim.ledger.methods.views import RunFacts, method_views
from sim.ledger.time.time_ledger import STATES


def test_deepseek_v3_costs_5_576_million_at_2_dollars() -> None:
    view = rate_view({"pre-training": 2.664e6, "context": 0.119e6, "post-training": 0.005e6})
    assert view.total == 5_576_000
    assert view.terms["pre-training"] == 5_328_000


def test_a_card_leaves_spares_out() -> None:
    view = gpu_hours_view(30.84e6, 0.36e6)
    assert view.total == 30.84e6
    assert view.inputs["left_out_gpu_hours"] == 0.36e6


def test_the_site_of_a_card_is_what_pue_adds_to_the_chips() -> None:
    view = card_carbon_view(1e6, 700, 0.4, pue=1.1)
    assert view.terms == pytest.approx({"chips at TDP": 280_000, "site": 28_000})
    assert card_carbon_view(1e6, 700, 0.4).terms["site"] == 0


def test_the_meter_counts_what_was_drawn_and_pue_on_it() -> None:
    assert metered_carbon_view(39.4e6, 0.37, 1.15).total == pytest.approx(39.4e6 * 0.37 * 1.15)
    unmetered = method_views(replace(facts("h100-sxm"), it_kwh=None))[-1]
    assert unmetered == Missing(method="metered: tCO2e", reason="the energy that the run drew is not known")


def test_chips_that_were_bought_later_have_lost_less() -> None:
    early, late = (
        method_views(replace(facts("h100-sxm"), bought=datetime.date(*day)))[0] for day in ((2023, 1, 1), (2023, 9, 1))
    )
    assert isinstance(early, View)
    assert isinstance(late, View)
    assert early.terms["chips"] < late.terms["chips"]
    assert late.inputs["held_days"] == early.inputs["held_days"] - 243  # type: ignore[operator]


def test_published_shares_sum_to_98_to_140_percent() -> None:
    assert published_sum() == pytest.approx((0.98, 1.40))
    assert list(PUBLISHED) == [*COMPONENTS, "failed_runs"]


@given(st.lists(st.floats(min_value=0.01, max_value=1e6), min_size=6, max_size=6), st.floats(min_value=0, max_value=1))
def test_each_marginal_sums_to_one_and_failed_runs_cut_across(amounts: list[float], lost: float) -> None:
    items = dict(zip(("server", "network", "energy", "cooling", "staff", "data"), amounts, strict=True))
    total = fsum(amounts)
    shares = component_shares(items, {"step": (1 - lost) * total, "lost_work": lost * total})
    assert sum(shares.by_component.values()) == pytest.approx(1)
    assert sum(shares.by_state.values()) == pytest.approx(1)
    assert shares.failed_runs == pytest.approx(lost)
    assert shares.other == ("data",)


def test_marginals_of_different_bills_are_refused() -> None:
    with pytest.raises(InputError, match=r"items sum to 100.00 USD and states to 90.00"):
        component_shares({"server": 100.0}, {"step": 90.0})


def test_failed_states_are_states_of_a_run() -> None:
    assert set(FAILED) <= set(STATES)


def facts(accelerator: str) -> RunFacts:
    return RunFacts(
        model="Llama 3.1-405B",
        accelerator=accelerator,
        held_gpu_hours=31.3e6,
        job_gpu_hours=30.84e6,
        chips=16_576,
        tdp_w=700,
        kg_per_kwh=0.4137,
        pue=1.0,
        published=datetime.date(2024, 7, 23),
        it_kwh=39.4e6,
    )


def test_every_method_on_one_run_says_what_it_is_made_of() -> None:
    views = method_views(facts("h100-sxm"))
    assert all(isinstance(view, View) for view in views)
    assert [view.unit for view in views if isinstance(view, View)] == ["USD"] * 4 + ["GPU-hour", "kgCO2e", "kgCO2e"]
    for view in views:
        assert isinstance(view, View)
        assert view.inputs
        assert view.total == pytest.approx(sum(view.terms.values()))


def test_an_accelerator_without_a_price_leaves_the_other_methods() -> None:
    found = [type(view).__name__ for view in method_views(facts("mi300x"))]
    assert found == ["Missing"] * 3 + ["View"] * 4
