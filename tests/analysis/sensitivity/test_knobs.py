"""Layers of a scenario, turned: derived records, and prices each in one group."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import catalog
from sim.analysis.sensitivity.knobs import BY_NAME, KNOBS, PRICES, PUE, turned_book
from sim.analysis.sensitivity.runs import Source, Task, base_of, turned
from sim.catalog.price_keys import ITEM_UNITS, UNITS
from sim.scenario import load_scenario

TINY = load_scenario("tiny")


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_a_factor_of_1_leaves_the_scenario_as_it_is_and_another_does_not(knob: object) -> None:
    turn = BY_NAME[knob.name].turn  # type: ignore[attr-defined]
    assert turn(TINY, 1.0) == TINY
    assert turn(TINY, 1.5) != TINY
    assert load_scenario("tiny") == TINY, "the catalog is as it was"


@given(st.floats(0.2, 5.0))
def test_a_turn_and_its_inverse_are_nothing(factor: float) -> None:
    for knob in KNOBS:
        back = knob.turn(knob.turn(TINY, factor), 1 / factor)
        assert back.machines.accelerator.tdp_w == pytest.approx(TINY.machines.accelerator.tdp_w)
        lives = [each.life.mean_s for each in back.failures.classes]
        assert lives == pytest.approx([each.life.mean_s for each in TINY.failures.classes])


def test_twice_the_failures_halve_every_mean_life_and_keep_its_law() -> None:
    twice = BY_NAME["failure rate"].turn(TINY, 2.0)
    pairs = zip(twice.failures.classes, TINY.failures.classes, strict=True)
    assert all((a.life.mean_s, a.life.kind) == (b.life.mean_s / 2, b.life.kind) for a, b in pairs)


def test_a_faster_network_keeps_its_bill_of_materials() -> None:
    source = Source(name="tiny")
    faster = turned(Task(source=source, knob="network bandwidth", factor=1.1, seeds=(1,)))
    assert faster.bill == base_of(source).bill
    assert faster.machine is not None and faster.machine.cluster.node.nic_bandwidth_bytes_per_s == pytest.approx(
        1.1 * TINY.machines.node.nic_bandwidth_bytes_per_s
    )


def test_each_price_in_dollars_is_in_one_group_and_nothing_else_is_in_any() -> None:
    keys = {**UNITS, **{f"{family}/x": unit for family, unit in ITEM_UNITS.items()}}
    for key, unit in keys.items():
        groups = [name for name, heads in PRICES.items() if key.startswith(heads) and key != "staff/hours-per-incident"]
        dollars = unit.startswith("USD") and key != "carbon/tonne"  # carbon is told, and not invoiced
        assert len(groups) == (1 if dollars else 0), (key, unit, groups)


@pytest.mark.parametrize("group", [*PRICES, PUE])
def test_a_turned_book_has_the_prices_of_its_group_turned_and_no_other(group: str) -> None:
    book = catalog.price_book("2026-owned")
    more = turned_book(book, group, 2.0)
    for key, price in book.prices.items():
        assert more.prices[key].value in (price.value, 2 * price.value)
    turned_keys = {key for key, price in book.prices.items() if more.prices[key].value != price.value}
    heads = ("energy/pue",) if group == PUE else PRICES[group]
    assert all(key.startswith(heads) for key in turned_keys)
