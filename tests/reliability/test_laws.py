"""A law is its mean: draws, quantile and distribution agree with it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError, UnknownNameError
from sim.reliability.laws import MAX_US, cdf, check_law, draw_us, durations_us, quantile
from sim.reliability.records import Law
from sim.streams import uniforms

LAWS = [
    Law(kind="constant", mean_s=20.0),
    Law(kind="exponential", mean_s=20.0),
    Law(kind="weibull", mean_s=20.0, shape=0.7),
    Law(kind="weibull", mean_s=20.0, shape=1.5),
    Law(kind="lognormal", mean_s=20.0, shape=1.2),
    Law(kind="uniform", mean_s=20.0, shape=0.5),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.kind}-{law.shape}")
def test_the_mean_of_draws_is_the_mean_of_the_law(law: Law) -> None:
    drawn_s = durations_us(law, uniforms(7, law.kind, count=200_000)) * 1e-6
    error_s = drawn_s.std() / np.sqrt(len(drawn_s)) or 1e-9
    assert abs(drawn_s.mean() - law.mean_s) / error_s < 3.5


@pytest.mark.parametrize("law", LAWS[1:], ids=lambda law: f"{law.kind}-{law.shape}")
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
    ],
)
def test_what_cannot_be_drawn_is_refused(law: Law, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        check_law(law)
