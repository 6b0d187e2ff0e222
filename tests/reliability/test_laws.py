"""A law is its mean: draws, quantile and distribution agree with it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sim.errors import InputError, UnknownNameError
from sim.reliability.failures.hazards import bathtub_law, piecewise_law
from sim.reliability.failures.laws import KINDS, MAX_US, cdf, check_law, draw_us, durations_us, empirical_law, quantile
from sim.reliability.records import Law
from sim.streams import uniforms

LAWS = [
    Law(kind="constant", mean_s=20.0),
    Law(kind="exponential", mean_s=20.0),
    Law(kind="weibull", mean_s=20.0, shape=0.7),
    Law(kind="weibull", mean_s=20.0, shape=1.5),
    Law(kind="lognormal", mean_s=20.0, shape=1.2),
    Law(kind="uniform", mean_s=20.0, shape=0.5),
    Law(kind="gamma", mean_s=20.0, shape=0.4),
    Law(kind="gamma", mean_s=20.0, shape=3.0),
    bathtub_law(20.0, 10.0, 2.0, 25.0, 5.0),
    piecewise_law(20.0, [1.0, 30.0], [6.0, 1.0, 4.0]),
    empirical_law([1.0, 2.0, 2.0, 75.0]),
]
SMOOTH = [law for law in LAWS if law.kind not in ("constant", "empirical")]


def test_every_law_is_among_those_that_are_tested() -> None:
    assert {law.kind for law in LAWS} == {*KINDS}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.kind}-{law.shape}")
def test_the_mean_of_draws_is_the_mean_of_the_law(law: Law) -> None:
    drawn_s = durations_us(law, uniforms(7, law.kind, count=200_000)) * 1e-6
    error_s = drawn_s.std() / np.sqrt(len(drawn_s)) or 1e-9
    assert abs(drawn_s.mean() - law.mean_s) / error_s < 3.5


@pytest.mark.parametrize("law", SMOOTH, ids=lambda law: f"{law.kind}-{law.shape}")
@given(probability=st.floats(0.001, 0.999))
def test_the_distribution_undoes_the_quantile(law: Law, probability: float) -> None:
    time_s = float(quantile(law, np.array(probability)))
    assert cdf(law, time_s) == pytest.approx(probability, abs=1e-12)


def test_a_weibull_law_of_shape_one_is_exponential() -> None:
    p = np.linspace(0, 0.99, 12)
    weibull = quantile(Law(kind="weibull", mean_s=3.0, shape=1.0), p)
    assert weibull == pytest.approx(quantile(Law(kind="exponential", mean_s=3.0), p))


def test_the_median_of_a_lognormal_law_lies_below_its_mean() -> None:
    law = Law(kind="lognormal", mean_s=39.0, shape=2.17)
    assert float(quantile(law, np.array(0.5))) == pytest.approx(39.0 * np.exp(-(2.17**2) / 2))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.kind}-{law.shape}")
def test_one_draw_is_an_element_of_many(law: Law) -> None:
    u = uniforms(3, "one", count=50)
    assert [draw_us(law, x) for x in u.tolist()] == pytest.approx(durations_us(law, u).tolist(), abs=1)


def test_what_would_never_happen_stays_on_the_clock() -> None:
    assert draw_us(Law(kind="exponential", mean_s=1e300), 0.5) == MAX_US
    assert durations_us(Law(kind="weibull", mean_s=1e20, shape=0.5), np.array([0.99])).tolist() == [MAX_US]


def test_a_law_of_mean_zero_is_over_at_once() -> None:
    for kind in ("constant", "exponential", "weibull", "lognormal", "uniform"):
        law = Law(kind=kind, mean_s=0.0)
        assert draw_us(law, 0.7) == 0
        assert cdf(law, 0.0) == 1.0


@pytest.mark.parametrize(
    ("law", "error", "words"),
    [
        (Law(kind="exponental", mean_s=1.0), UnknownNameError, "did you mean 'exponential'"),
        (Law(kind="constant", mean_s=-1.0), InputError, "mean"),
        (Law(kind="constant", mean_s=float("nan")), InputError, "mean"),
        (Law(kind="weibull", mean_s=1.0, shape=0.0), InputError, "shape"),
        (Law(kind="uniform", mean_s=1.0, shape=1.5), InputError, "at most 1"),
        (Law(kind="bathtub", mean_s=1.0), InputError, "got a bathtub law without a table"),
        (Law(kind="gamma", mean_s=1.0, table=((1.0,),)), InputError, "got a gamma law with a table"),
    ],
)
def test_what_cannot_be_drawn_is_refused(law: Law, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        check_law(law)


def test_a_gamma_law_of_shape_one_is_exponential_and_of_shape_two_the_sum_of_two() -> None:
    p = np.linspace(0, 0.99, 12)
    gamma = quantile(Law(kind="gamma", mean_s=3.0, shape=1.0), p)
    assert gamma == pytest.approx(quantile(Law(kind="exponential", mean_s=3.0), p))
    # Erlang: F = 1 - e^(-x) (1 + x), x twice the time in means.
    erlang = Law(kind="gamma", mean_s=3.0, shape=2.0)
    assert cdf(erlang, 4.5) == pytest.approx(1 - np.exp(-3.0) * 4.0, abs=1e-14)


def test_a_longer_mean_stretches_a_law_with_all_ages_in_it() -> None:
    for law in LAWS:
        assert cdf(replace(law, mean_s=60.0), 45.0) == pytest.approx(cdf(law, 15.0), abs=1e-14)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.floats(0, 1, exclude_max=True))
def test_an_empirical_draw_is_one_of_the_observed(lives: list[int], p: float) -> None:
    assume(any(lives))
    law = empirical_law(lives)
    assert law.mean_s == pytest.approx(np.mean(lives))
    drawn = float(quantile(law, np.array(p)))
    assert min(abs(life - drawn) for life in lives) <= 1e-9 * drawn
    # The smallest observed life by which a share of at least p has ended.
    assert cdf(law, drawn * (1 + 1e-9)) >= p
    assert cdf(law, drawn * (1 - 1e-9) - 1e-300) <= p or drawn == 0


def test_each_observed_life_is_drawn_as_often() -> None:
    law = empirical_law([5.0, 1.0, 9.0, 1.0])
    drawn = quantile(law, np.arange(1000) / 1000)
    assert np.unique(drawn.round(9), return_counts=True)[1].tolist() == [500, 250, 250]


@pytest.mark.parametrize("lives", [[], [0.0, 0.0], [1.0, -1.0], [float("nan")], [float("inf")]])
def test_durations_that_are_none_are_refused(lives: list[float]) -> None:
    with pytest.raises(InputError, match="empirical law"):
        empirical_law(lives)


def test_a_steep_weibull_law_is_a_step_at_its_mean() -> None:
    steep = Law(kind="weibull", mean_s=1.0, shape=1e9)
    assert [cdf(steep, time_s) for time_s in (0.0, 0.5, 2.0, 1e9)] == [0.0, 0.0, 1.0, 1.0]
