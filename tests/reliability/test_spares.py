"""Closed forms of spares: hand numbers, and what must hold of all of them."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError
from sim.reliability.recovery.spares import (
    birth_death,
    erlang_b,
    poisson_tail,
    short_fraction,
    spares_for,
    stalled_fraction,
)

LOADS = st.floats(0.001, 2.0)
NODES = st.integers(1, 40)
SPARES = st.integers(0, 12)


def test_the_published_numbers() -> None:
    assert erlang_b(9, 3.88) == pytest.approx(0.01142, abs=5e-6)
    assert poisson_tail(8, 3.88) == pytest.approx(0.0180, abs=5e-5)


@given(NODES, SPARES, LOADS)
def test_cold_spares_and_enough_crews_are_erlang_b(running: int, spares: int, load: float) -> None:
    found = stalled_fraction(running=running, spares=spares, load=load)
    assert found == pytest.approx(erlang_b(spares + 1, running * load))
    assert stalled_fraction(running=running, spares=spares, load=load, crews=spares + 1) == found


@given(NODES, SPARES, LOADS)
def test_nodes_that_all_age_are_binomial(nodes: int, spares: int, load: float) -> None:
    down = load / (1 + load)
    tail = sum(comb(nodes, n) * down**n * (1 - down) ** (nodes - n) for n in range(spares + 1, nodes + 1))
    assert short_fraction(nodes=nodes, spares=spares, load=load) == pytest.approx(tail, abs=1e-12)


@given(NODES, SPARES, LOADS, st.integers(1, 8))
def test_more_spares_and_more_crews_never_hurt(running: int, spares: int, load: float, crews: int) -> None:
    fewer = stalled_fraction(running=running, spares=spares, load=load, crews=crews)
    assert stalled_fraction(running=running, spares=spares + 1, load=load, crews=crews) <= fewer + 1e-12
    assert stalled_fraction(running=running, spares=spares, load=load, crews=crews + 1) <= fewer + 1e-12


@given(NODES, SPARES, LOADS)
def test_spares_that_age_are_worth_less(running: int, spares: int, load: float) -> None:
    cold = stalled_fraction(running=running, spares=spares, load=load)
    assert cold <= stalled_fraction(running=running, spares=spares, load=load, powered=True) + 1e-12


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=8), st.floats(0.1, 10))
def test_a_birth_death_process_is_in_balance(births: list[float], death: float) -> None:
    deaths = [death] * len(births)
    found = birth_death(births, deaths)
    assert sum(found) == pytest.approx(1)
    for position, birth in enumerate(births):
        assert found[position] * birth == pytest.approx(found[position + 1] * death)


@given(NODES, LOADS, st.floats(1e-6, 0.9))
def test_so_many_spares_are_enough_and_one_fewer_is_not(running: int, load: float, most: float) -> None:
    spares = spares_for(running=running, load=load, most_stalled=most)
    assert stalled_fraction(running=running, spares=spares, load=load) <= most * (1 + 1e-9)
    assert spares == 0 or stalled_fraction(running=running, spares=spares - 1, load=load) > most * (1 - 1e-9)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="got 0 nodes"):
        stalled_fraction(running=0, spares=1, load=0.1)
    with pytest.raises(InputError, match="more than 0"):
        spares_for(running=1, load=0.1, most_stalled=0.0)
