"""Ages and lemons change lives, never the uniforms that they are drawn by."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError
from sim.reliability.failures.exposure import Life, Lives, job_mtbf_s, rate_per_s
from sim.reliability.failures.fleet import check_ages, fleet_of, lemon_nodes
from sim.reliability.failures.laws import cdf
from sim.reliability.records import AgeBatch, FailureClass, Law, Lemons
from sim.streams import uniforms
from tests.reliability.test_laws import LAWS

DAY = 86_400.0
NODES = 60
GPU = FailureClass(
    cause="gpu", component="gpu", per_node=8, life=Law(kind="weibull", mean_s=100 * DAY, shape=1.5), replace=True
)
LEMONS = Lemons(fraction=0.2, factor=10.0)
AGES = (AgeBatch(nodes=20, age_s=0.0), AgeBatch(nodes=25, age_s=150 * DAY), AgeBatch(nodes=15, age_s=40 * DAY))


def first(failure: FailureClass, ages: tuple[AgeBatch, ...] = (), nodes: int = NODES) -> dict[int, int]:
    return {life.component: life.end_us for life in Lives(5, [failure], nodes, ages).first()}


def test_the_first_life_of_an_old_component_is_that_of_those_which_got_as_old() -> None:
    ends = first(GPU, AGES)
    drawn = uniforms(5, "failure", "gpu", 0, count=8 * NODES).tolist()
    for component, end_us in ends.items():
        age_s = 150 * DAY if 160 <= component < 360 else 40 * DAY if component >= 360 else 0.0
        spent = cdf(GPU.life, age_s)
        assert cdf(GPU.life, age_s + end_us * 1e-6) == pytest.approx(spent + drawn[component] * (1 - spent), abs=1e-11)


def test_lives_without_memory_do_not_move_with_age() -> None:
    exponential = replace(GPU, life=Law(kind="exponential", mean_s=100 * DAY))
    assert first(exponential, AGES) == first(exponential)
    with_lemons = replace(exponential, lemons=LEMONS)
    assert first(with_lemons, AGES) == first(with_lemons) != first(exponential)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.kind}-{law.shape}")
def test_a_fleet_of_age_zero_is_new_and_a_lemon_of_factor_one_is_none(law: Law) -> None:
    plain = replace(GPU, life=law)
    fleet = fleet_of(5, plain, NODES, (AgeBatch(nodes=NODES - 1, age_s=0.0), AgeBatch(nodes=1, age_s=1e-9)))
    lemons = replace(plain, lemons=Lemons(fraction=0.5, factor=1.0))
    assert (fleet is None) == (law.kind == "exponential")
    assert first(plain, (AgeBatch(nodes=NODES, age_s=0.0),)) == first(plain)
    assert list(first(lemons).values()) == pytest.approx(list(first(plain).values()), abs=1)


def test_another_age_of_some_moves_no_life_of_the_others() -> None:
    ends, new = first(GPU, AGES), first(GPU)
    assert {i: ends[i] for i in range(160)} == {i: new[i] for i in range(160)}
    assert all(ends[i] < new[i] for i in range(160, 360))


def test_what_replaces_a_component_is_new_whatever_the_age_of_the_node() -> None:
    old, young = Lives(5, [GPU], NODES, AGES), Lives(5, [GPU], NODES)
    broken = Life(1, 0, 200, 0, 25)
    assert old.renewed(broken, 7_000_000) == young.renewed(broken, 7_000_000)


def test_more_nodes_leave_who_is_a_lemon_and_the_share_is_the_fraction() -> None:
    few, many = lemon_nodes(3, LEMONS, 100), lemon_nodes(3, LEMONS, 20_000)
    assert few == {node for node in many if node < 100}
    assert abs(len(many) - 4000) < 3.5 * np.sqrt(20_000 * 0.2 * 0.8)
    assert lemon_nodes(4, LEMONS, 20_000) != many


def test_every_life_in_a_lemon_is_shorter_by_the_factor() -> None:
    lemons = replace(GPU, lemons=LEMONS)
    bad = lemon_nodes(5, LEMONS, NODES)
    assert 0 < len(bad) < NODES
    sound, ends = first(GPU), first(lemons)
    for component, end_us in ends.items():
        factor = 10 if component // 8 in bad else 1
        assert end_us * factor == pytest.approx(sound[component], abs=factor)
    for node in range(NODES):
        broken = Life(1, 0, 8 * node, 0, node)
        length_us = Lives(5, [lemons], NODES).renewed(broken, 100).end_us - 100
        plain_us = Lives(5, [GPU], NODES).renewed(broken, 100).end_us - 100
        assert length_us * (10 if node in bad else 1) == pytest.approx(plain_us, abs=10)


def test_the_uniform_of_a_life_does_not_depend_on_ages_lemons_or_who_else_is_there() -> None:
    job = FailureClass(cause="job", component="job", per_node=1, life=Law(mean_s=9.0), replace=False)
    lemons = replace(GPU, lemons=LEMONS)
    some = (AgeBatch(nodes=30, age_s=0.0), AgeBatch(nodes=30, age_s=20 * DAY))
    ages = (*some, AgeBatch(nodes=90, age_s=10 * DAY))
    few, many = Lives(5, [lemons], NODES, some), Lives(5, [job, lemons], NODES + 90, ages)
    assert first(lemons, some) == {
        life.component: life.end_us for life in many.first() if life.cause == 1 and life.node < NODES
    }
    for ordinal, component in itertools.product(range(3), range(0, 8 * NODES, 7)):
        ends = (
            lives.renewed(Life(1, cause, component, ordinal, component // 8), 50).end_us
            for cause, lives in ((0, few), (1, many))
        )
        assert len({*ends}) == 1


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.kind}-{law.shape}")
@given(bounds=st.lists(st.integers(1, 90_000_000), max_size=6, unique=True))
def test_windows_hold_every_first_life_once(law: Law, bounds: list[int]) -> None:
    ages = (AgeBatch(nodes=20, age_s=0.0), AgeBatch(nodes=25, age_s=1.5), AgeBatch(nodes=15, age_s=0.7))
    cause = replace(GPU, life=law, lemons=Lemons(fraction=0.3, factor=3.0))
    lives = Lives(5, [cause], NODES, ages)
    edges = [0, *sorted(bounds), 10**9]
    parts = [life for after, until in itertools.pairwise(edges) for life in lives.first(after, until)]
    assert sorted(parts) == sorted(lives.first(0, 10**9))
    for after, until in itertools.pairwise(edges):
        assert all(after < life.end_us <= until for life in lives.first(after, until))


def test_the_rate_of_a_fleet_counts_its_lemons() -> None:
    lemons = replace(GPU, lemons=Lemons(fraction=0.012, factor=12.3))
    assert rate_per_s(lemons, 500) == pytest.approx(500 * 8 / (100 * DAY) * (1 + 0.012 * 11.3))
    assert job_mtbf_s([lemons], 500) == pytest.approx(1 / rate_per_s(lemons, 500))


def test_a_fleet_of_many_ages_fails_as_often_as_its_batches() -> None:
    node = replace(GPU, component="node", per_node=1)
    batches = tuple(AgeBatch(nodes=1000, age_s=day * DAY) for day in range(100))
    counted = sum(1 for _ in Lives(5, [node], 100_000, batches).first(0, 10**11))
    ages = [(batch.age_s, batch.age_s + 1e5) for batch in batches]
    shares = [(cdf(node.life, b) - cdf(node.life, a)) / (1 - cdf(node.life, a)) for a, b in ages]
    assert abs(counted - 1000 * sum(shares)) < 3.5 * np.sqrt(1000 * sum(shares))


@pytest.mark.parametrize(
    ("ages", "words"),
    [
        ((AgeBatch(nodes=0, age_s=1.0),), "got 0 nodes of 1 s"),
        ((AgeBatch(nodes=60, age_s=-1.0),), "got 60 nodes of -1 s"),
        ((AgeBatch(nodes=59, age_s=1.0),), "got ages of 59 nodes, expected those of all 60, spares included"),
        ((AgeBatch(nodes=60, age_s=1000 * DAY),), r"fewer than one in a million lives of 'gpu' reach \(mean 100 d\)"),
        ((AgeBatch(nodes=60, age_s=100 * DAY),), r"lives of 'gpu' in a lemon reach \(mean 10 d\)"),
    ],
)
def test_ages_that_no_fleet_has_are_refused(ages: tuple[AgeBatch, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_ages(ages, [replace(GPU, lemons=LEMONS)], 60)


def test_a_uniform_next_to_one_gives_an_old_component_a_life_that_ends() -> None:
    fleet = fleet_of(5, GPU, NODES, AGES)
    assert fleet is not None
    components, ends_us = fleet.first(np.full(8 * NODES, 1 - 2.0**-53), 0, None)
    assert len(components) == 8 * NODES
    assert 0 < ends_us.min() < ends_us.max() < 100 * 100 * DAY * 1e6


def test_where_no_node_is_a_lemon_ages_need_not_be_those_of_one() -> None:
    none = replace(GPU, lemons=replace(LEMONS, fraction=0.0))
    check_ages((AgeBatch(nodes=60, age_s=100 * DAY),), [none], 60)
    assert first(none, AGES) == first(GPU, AGES)


def test_no_age_is_too_high_for_lives_without_memory() -> None:
    check_ages((AgeBatch(nodes=60, age_s=1e9),), [replace(GPU, life=Law(kind="exponential", mean_s=1.0))], 60)
