"""Scaling laws against published numbers and exact arithmetic."""

from collections.abc import Callable
from math import exp, inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError, UnknownNameError
from sim.workload.scaling.forms import FORMS, of_experts, worth
from sim.workload.scaling.load import law, law_names, parse_law
from sim.workload.scaling.ranges import beyond
from sim.workload.scaling.records import Setting
from sim.workload.scaling.solve import (
    flop_for_loss,
    loss_of,
    parameters_for_loss,
    split_of,
    tokens_for_loss,
    training_flop,
)

WITH_LOSS = [name for name in law_names() if FORMS[law(name).form].loss]


def test_compute_is_6_n_d() -> None:
    assert training_flop(405e9, 15.6e12) == pytest.approx(3.79e25, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("chinchilla-2022", 1.69 + 406.4 / 70e9**0.34 + 410.7 / 1.4e12**0.28),
        ("chinchilla-2024", 1.8172 + 482.01 / 70e9**0.3478 + 2085.43 / 1.4e12**0.3658),
        ("kaplan-2020", ((6.4e13 / 70e9) ** (0.076 / 0.103) + 1.8e13 / 1.4e12) ** 0.103),
    ],
)
def test_the_loss_of_chinchilla_is_the_formula(name: str, loss: float) -> None:
    assert loss_of(law(name), 70e9, 1.4e12) == pytest.approx(loss, rel=1e-12)


def test_chinchilla_beats_gopher_for_the_same_compute() -> None:
    """Hoffmann et al., table 3: 70B on 1.4T tokens against 280B on 300B, at the compute of Gopher."""
    assert training_flop(280e9, 300e9) == pytest.approx(training_flop(70e9, 1.4e12), rel=0.2)
    chinchilla = law("chinchilla-2022")
    assert loss_of(chinchilla, 70e9, 1.4e12) == pytest.approx(1.937, abs=5e-4)
    assert loss_of(chinchilla, 280e9, 300e9) == pytest.approx(1.993, abs=5e-4)


@pytest.mark.parametrize(
    ("name", "flop", "low", "high"),
    [
        ("chinchilla-2024", 5.76e23, 18, 22),  # Besiroglu et al.: consistent with the 20 of approaches 1 and 2
        ("chinchilla-2022", 5.76e23, 92, 94),  # the constants of approach 3 as printed ask for far more tokens
        ("llama3-2024", 3.8e25, 38, 42),  # 402B on 16.55T
    ],
)
def test_the_best_tokens_a_parameter_are_as_published(name: str, flop: float, low: float, high: float) -> None:
    parameters, tokens = split_of(law(name), flop)
    assert low < tokens / parameters < high


def test_llama_3_is_planned_within_five_percent_of_its_402b_on_16_55t_tokens() -> None:
    parameters, tokens = split_of(law("llama3-2024"), 3.8e25)
    assert parameters == pytest.approx(402e9, rel=0.05)
    assert tokens == pytest.approx(16.55e12, rel=0.05)


def test_deepseeks_two_power_laws_multiply_to_the_compute() -> None:
    """M = 0.1715 C^0.5243 FLOP a token, six a parameter: the split gives it back from D alone."""
    for flop in (1e17, 1e20, 1e24):
        parameters, _ = split_of(law("deepseek-2024"), flop)
        assert 6 * parameters == pytest.approx(0.1715 * flop**0.5243, rel=1e-3)


def test_kaplan_puts_most_of_more_compute_into_parameters() -> None:
    small, large = (split_of(law("kaplan-2020"), flop)[0] for flop in (1e20, 1e21))
    assert large / small == pytest.approx(10**0.73)


@pytest.mark.parametrize(
    ("experts", "m", "mu", "n", "nu"),
    [
        (1, 30.3640, 0.1817, 53.9838, 0.1965),
        (2, 27.7982, 0.1780, 66.8401, 0.2065),
        (4, 24.8462, 0.1731, 87.7022, 0.2192),
        (8, 21.8330, 0.1676, 119.9126, 0.2338),
        (16, 19.0159, 0.1617, 167.5073, 0.2494),
        (32, 16.5424, 0.1557, 234.6726, 0.2652),
    ],
)
def test_the_joint_law_reduces_to_table_4_of_its_paper(experts: int, m: float, mu: float, n: float, nu: float) -> None:
    reduced = of_experts(law("joint-moe-2025").constants, experts)
    assert reduced["A"] == pytest.approx(m, rel=2e-3)
    assert reduced["alpha"] == pytest.approx(mu, abs=2e-4)
    assert reduced["B"] == pytest.approx(n, rel=5e-3)
    assert reduced["beta"] == pytest.approx(nu, abs=3e-4)


def test_more_experts_lower_the_loss_at_the_same_active_parameters() -> None:
    losses = [loss_of(law("joint-moe-2025"), 1e9, 50e9, Setting(experts=e)) for e in (1, 2, 8, 32)]
    assert losses == sorted(losses, reverse=True)


def test_four_epochs_are_nearly_as_good_as_new_tokens_and_forty_are_not() -> None:
    """Muennighoff et al.: up to 4 epochs change the loss next to nothing; 40 are worth no more."""
    constrained = law("data-constrained-2023")
    fresh, repeated = loss_of(constrained, 1e9, 4e10), loss_of(constrained, 1e9, 4e10, Setting(unique_tokens=1e10))
    assert 0 < repeated - fresh < 0.03
    assert worth(1e9, 1e15, 15.387756) == pytest.approx(16.387756e9)
    assert worth(1e9, 41e9, 15.387756) > 0.9 * worth(1e9, inf, 15.387756)


def test_repeated_tokens_call_for_a_split_that_is_best_among_its_neighbours() -> None:
    constrained, setting = law("data-constrained-2023"), Setting(unique_tokens=1e10)
    parameters, tokens = split_of(constrained, 1e23, setting)
    best = loss_of(constrained, parameters, tokens, setting)
    assert training_flop(parameters, tokens) == pytest.approx(1e23)
    assert all(loss_of(constrained, parameters * f, tokens / f, setting) > best for f in (0.8, 0.97, 1.03, 1.25))


@pytest.mark.parametrize("name", [name for name in WITH_LOSS if name != "kaplan-2020"])
@given(log_flop=st.floats(log(1e19), log(1e28)))
def test_no_neighbour_of_the_best_split_has_a_lower_loss(name: str, log_flop: float) -> None:
    each = law(name)
    parameters, tokens = split_of(each, exp(log_flop))
    best = loss_of(each, parameters, tokens)
    assert training_flop(parameters, tokens) == pytest.approx(exp(log_flop))
    assert all(loss_of(each, parameters * f, tokens / f) >= best * (1 - 1e-12) for f in (0.5, 0.99, 1.01, 2))


@pytest.mark.parametrize("name", WITH_LOSS)
@given(parameters=st.floats(1e8, 1e13), tokens=st.floats(1e9, 1e14), factor=st.floats(1.01, 100))
def test_more_parameters_or_tokens_never_raise_the_loss(
    name: str, parameters: float, tokens: float, factor: float
) -> None:
    each = law(name)
    now = loss_of(each, parameters, tokens)
    assert loss_of(each, factor * parameters, tokens) < now
    assert loss_of(each, parameters, factor * tokens) < now


@pytest.mark.parametrize("name", WITH_LOSS)
@pytest.mark.parametrize("efficiency", [1.0, 3.0])
def test_inverse_questions_give_back_what_was_asked(name: str, efficiency: float) -> None:
    each, setting = law(name), Setting(efficiency=efficiency)
    parameters, tokens = split_of(each, 1e24, setting)
    loss = loss_of(each, parameters, tokens, setting)
    assert flop_for_loss(each, loss, setting) == pytest.approx(1e24, rel=1e-6)
    assert tokens_for_loss(each, parameters, loss, setting) == pytest.approx(tokens, rel=1e-6)
    assert parameters_for_loss(each, tokens, loss, setting) == pytest.approx(parameters, rel=1e-6)


@pytest.mark.parametrize("name", WITH_LOSS)
def test_an_efficiency_of_3_reaches_a_loss_with_a_third_of_the_compute(name: str) -> None:
    loss = 2.4
    plain = flop_for_loss(law(name), loss)
    assert flop_for_loss(law(name), loss, Setting(efficiency=3.0)) == pytest.approx(plain / 3, rel=1e-6)


def test_ten_times_the_compute_a_generation_lowers_the_reducible_loss_by_a_fixed_factor() -> None:
    """Along the optimum L - E falls as C^-(alpha beta / (alpha + beta)): 10 x is 0.702 of it, 0.154 decades."""
    each = law("chinchilla-2022")
    left = [loss_of(each, *split_of(each, flop)) - 1.69 for flop in (1e23, 1e24, 1e25)]
    exponent = 0.34 * 0.28 / (0.34 + 0.28)
    assert left[1] / left[0] == pytest.approx(10**-exponent)
    assert left[2] / left[1] == pytest.approx(10**-exponent)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda: law("chinchila"), "unknown scaling law 'chinchila'; did you mean 'chinchilla-20"),
        (lambda: loss_of(law("llama3-2024"), 1e9, 1e9), "gives no loss"),
        (lambda: flop_for_loss(law("chinchilla-2022"), 1.69), "none is enough for a loss of 1.69"),
        (lambda: tokens_for_loss(law("chinchilla-2022"), 1e9, 2.0), "none is enough for a loss of 2"),
        (lambda: flop_for_loss(law("chinchilla-2022"), 1e9), "takes next to no training"),
        (lambda: loss_of(law("chinchilla-2022"), 1e9, 1e9, Setting(experts=8)), "knows no experts"),
        (lambda: loss_of(law("chinchilla-2022"), 1e9, 1e9, Setting(unique_tokens=1e8)), "takes every token as new"),
    ],
)
def test_what_a_law_cannot_answer_is_one_line(ask: Callable[[], object], expected: str) -> None:
    with pytest.raises(InputError, match=expected) as error:
        ask()
    assert "\n" not in str(error.value)


GOOD = {
    "title": "mine",
    "form": "allocation",
    "counts": "total",
    "D_opt": 1.0,
    "D_exponent": 0.5,
    "parameters": [1, 2],
    "tokens": [1, 2],
    "flop": [1, 2],
    "source": "me",
    "date": "2026",
    "kind": "assumed",
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"form": "cubic"}, "unknown form 'cubic'"),
        ({"counts": "some"}, "unknown counts 'some'"),
        ({"D_opt": "x"}, "expected a number"),
        ({"flop": [2, 1]}, "expected the least first"),
        ({"flop": 7}, "expected the least and the most"),
        ({"gamma": 1.0}, "unknown field 'gamma'"),
    ],
)
def test_a_law_that_is_not_one_is_refused(change: dict[str, object], expected: str) -> None:
    assert parse_law("mine", GOOD, "here").constants == {"D_opt": 1.0, "D_exponent": 0.5}
    with pytest.raises((InputError, UnknownNameError), match=expected):
        parse_law("mine", {**GOOD, **change}, "here")


def test_a_law_without_a_constant_of_its_form_is_refused() -> None:
    table = {key: value for key, value in GOOD.items() if key != "D_opt"}
    with pytest.raises(InputError, match="missing field 'D_opt'"):
        parse_law("mine", table, "here")


def test_only_use_beyond_the_fit_is_said() -> None:
    chinchilla = law("chinchilla-2022")
    assert beyond(chinchilla, 1e9, 20e9) == ""
    assert "parameters 25 x its most" in beyond(chinchilla, 25 * 16.183e9, 20e9)
    assert "tokens 5 x below its least" in beyond(chinchilla, 10e9, 1e9)
    assert "experts 8 x its most of 32" in beyond(law("joint-moe-2025"), 1e9, 20e9, Setting(experts=256))


def test_every_law_names_its_source_and_a_date() -> None:
    for name in law_names():
        each = law(name)
        assert each.source.source
        assert each.source.date.startswith("20")
        assert all(low <= high for low, high in (each.parameters, each.tokens, each.flop, each.experts))
