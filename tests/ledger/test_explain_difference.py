"""Two bills compared: effects sum exactly, none prefers an order, and each moves only for its own reason."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import PriceError
from sim.ledger.bill.cost import price
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import US_PER_HOUR, Usage
from sim.ledger.explain.difference import EFFECTS, Billed, difference, goodput_and_allocation
from sim.ledger.time.trace import RunTrace
from tests.cluster.hardware import price_book
from tests.ledger.bills import EVERYTHING, bill_of, failing, usage_of
from tests.ledger.hardware import OWNED, RENTED
from tests.ledger.traces import Incident, profile_of, trace_of, traces

DAY = 86_400_000
"""Steps of a day."""


def calm(days: int, lost_steps: int = 0, nodes: int = 2) -> RunTrace:
    """So many days of steps; some are lost to a failure in the middle that stops nothing else."""
    half = days * DAY // 2
    first = Incident(0, half + lost_steps, 0, 0, lost_steps, "gpu", 0, 0, 1, replaced=False)
    return trace_of([first, first._replace(steps=half)], nodes=nodes, spares=0, gpus_per_node=8)


def billed(usage: Usage, prices: dict[str, float] = EVERYTHING, **more: Any) -> Billed:
    return Billed(usage=usage, book=price_book(prices), **({"acquisition": "on-demand", "terms": Terms()} | more))


def total(run: Billed) -> int:
    return sum(each.micro_usd for each in price(run.usage, run.book, run.acquisition, run.terms, run.start).postings)


def felt(effects: Any) -> set[str]:
    return {effect for effect, amount in effects.items() if amount}


runs = st.builds(
    lambda trace, acquisition, scale, flop, absorb: billed(
        usage_of(trace),
        EVERYTHING | {key: EVERYTHING[key] * scale for key in ("rent-on-demand/box", "energy/kwh", "data/run")},
        acquisition=acquisition,
        terms=Terms(absorb=absorb),
        useful_flop=flop,
    ),
    traces(),
    st.sampled_from(["own", "on-demand", "colocation"]),
    st.sampled_from([0.5, 1.0, 3.0]),
    st.none() | st.floats(1e18, 1e26),
    st.booleans(),
)


@settings(deadline=None, max_examples=60)
@given(first=runs, second=runs)
def test_effects_sum_to_the_difference_and_turn_their_signs_when_swapped(first: Billed, second: Billed) -> None:
    found, swapped = difference(first, second), difference(second, first)
    assert found.totals == (total(first), total(second))
    assert sum(found.effects.values()) == sum(found.by_item.values()) == total(second) - total(first)
    assert tuple(found.effects) == EFFECTS
    assert swapped.effects == {effect: -amount for effect, amount in found.effects.items()}


@given(run=runs)
@settings(deadline=None, max_examples=20)
def test_a_run_differs_from_itself_by_nothing(run: Billed) -> None:
    assert felt(difference(run, run).effects) == set()


def test_other_prices_are_price_alone() -> None:
    usage = usage_of(failing(40))
    dearer = EVERYTHING | {"rent-on-demand/box": 5.0}
    found = difference(billed(usage), billed(usage, dearer))
    assert felt(found.effects) == {"price"}
    assert felt(found.by_item) == {"rent", "support"}


def test_another_acquisition_is_terms_alone() -> None:
    usage = usage_of(failing(40))
    found = difference(billed(usage), billed(usage, acquisition="own"))
    assert felt(found.effects) == {"terms"}


RENT_ONLY = RENTED | dict.fromkeys(("staff/operations", "staff/research"), 0.0)


def test_twice_the_flop_on_the_same_machine_is_size_alone() -> None:
    found = difference(
        billed(usage_of(calm(2)), RENT_ONLY, useful_flop=1e22), billed(usage_of(calm(4)), RENT_ONLY, useful_flop=2e22)
    )
    assert felt(found.effects) == {"size"}
    assert found.modelled


def test_the_same_flop_in_half_the_time_is_architecture_alone() -> None:
    """MFU of 30 instead of 60 %, or half the peak: twice the GPU-hours, twice the rent."""
    fast, slow = usage_of(calm(2)), usage_of(calm(4))
    found = difference(billed(fast, RENT_ONLY, useful_flop=1e22), billed(slow, RENT_ONLY, useful_flop=1e22))
    rent = sum(each.micro_usd for each in bill_of(fast, RENT_ONLY, "on-demand").postings if each.item == "rent")
    assert felt(found.effects) == {"architecture"}
    assert found.effects["architecture"] == rent


def test_lost_steps_are_reliability_alone() -> None:
    """A day of two lost: goodput 2/3, half as much rent again."""
    whole, lossy = usage_of(calm(2)), usage_of(calm(2, lost_steps=DAY))
    assert goodput_and_allocation(lossy) == (pytest.approx(2 / 3), 1.0)
    found = difference(billed(whole, RENT_ONLY, useful_flop=1e22), billed(lossy, RENT_ONLY, useful_flop=1e22))
    rent = sum(each.micro_usd for each in bill_of(whole, RENT_ONLY, "on-demand").postings if each.item == "rent")
    assert felt(found.effects) == {"reliability"}
    assert found.effects["reliability"] == rent // 2


def test_price_and_size_that_change_together_share_what_both_made() -> None:
    """Rent of $4 to $5, hours from h to 2h: 6h more, of which price 1 x 1.5h and size 4.5 x h, in either order."""
    short, long = usage_of(calm(2)), usage_of(calm(4))
    hours = sum(short.time.values()) * 10**6 // US_PER_HOUR
    dearer = RENT_ONLY | {"rent-on-demand/box": 5.0}
    free = {"data/run": 0.0}
    found = difference(billed(short, RENT_ONLY | free, useful_flop=1e22), billed(long, dearer | free, useful_flop=2e22))
    assert {effect: amount for effect, amount in found.effects.items() if amount} == {
        "price": hours * 3 // 2,
        "size": hours * 9 // 2,
    }


def test_mfu_of_50_instead_of_30_percent_saves_two_fifths() -> None:
    """MFU of 30 to 50 %: exactly 40 % fewer GPU-hours, all of it architecture."""
    low, high = usage_of(calm(10)), usage_of(calm(6))
    rent_only = RENT_ONLY | {"data/run": 0.0}
    found = difference(billed(low, rent_only, useful_flop=1e22), billed(high, rent_only, useful_flop=1e22))
    assert found.effects["architecture"] * 5 == -2 * found.totals[0]
    assert felt(found.effects) == {"architecture"}


def test_incidents_are_reliability_and_data_is_scope() -> None:
    usage = usage_of(failing(40))
    unlucky = replace(usage, interruptions={"gpu": 5}, tokens=2 * 10**12)
    prices = {key: value for key, value in EVERYTHING.items() if key != "data/run"} | {"data/processing": 70.0}
    found = difference(billed(usage, prices), billed(unlucky, prices))
    assert found.effects["reliability"] == 4 * 8 * 250 * 10**6
    assert found.effects["scope"] == 70 * 10**6
    assert felt(found.effects) == {"reliability", "scope"}


def test_without_a_model_size_is_retained_gpu_time() -> None:
    """Twice the work and a day of it lost: size and reliability are told apart, and architecture is only the rate."""
    found = difference(billed(usage_of(calm(2)), RENT_ONLY), billed(usage_of(calm(4, lost_steps=DAY)), RENT_ONLY))
    assert not found.modelled
    assert felt(found.effects) == {"size", "reliability"}


def test_a_dearer_machine_at_the_same_prices_is_architecture() -> None:
    """Other servers: the price that only one book has holds for both, so that nothing of it is price."""
    usage = usage_of(failing(40))
    other = replace(usage, assets=replace(usage.assets, node="crate"))
    crates = {key: value for key, value in OWNED.items() if key != "server/box"} | {"server/crate": 800_000.0}
    found = difference(
        billed(usage, OWNED, acquisition="own", useful_flop=1e22),
        billed(other, crates, acquisition="own", useful_flop=1e22),
    )
    assert felt(found.effects) == {"architecture"}
    assert felt(found.by_item) == {"server"}


def test_use_that_the_other_terms_do_not_fit_is_refused() -> None:
    usage = usage_of(failing(40))
    no_meter = replace(usage, by_hour_nj=())
    peak = billed(usage, acquisition="own", terms=Terms(peak_hours=(8.0, 20.0)))
    with pytest.raises(PriceError, match="is not known by hour of the day"):
        difference(peak, billed(no_meter, acquisition="own"))


def test_a_profile_is_not_needed() -> None:
    waiting = profile_of({"bubble": 10})
    found = difference(billed(usage_of(calm(2), waiting)), billed(usage_of(calm(2), None)))
    assert sum(found.effects.values()) == found.totals[1] - found.totals[0]
