"""Plans: what determines one, what it keeps to, and what is said where it cannot be met."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import catalog
from sim.analysis.plan.answer import comparison_answer, plan_answer
from sim.analysis.plan.build import base_tree, batch_sequences
from sim.analysis.plan.equal_loss import compare_equal_loss
from sim.analysis.plan.question import question_of
from sim.analysis.plan.records import Question
from sim.analysis.plan.sizes import at_least, at_most
from sim.analysis.plan.solve import Solved, solve
from sim.analysis.plan.works import asked_work, open_work
from sim.errors import InputError
from sim.report.plan.equal_loss_screen import equal_loss_report
from sim.report.plan.screen import plan_report
from sim.report.text import WIDTH
from sim.workload.scaling.load import law
from sim.workload.scaling.shapes import counted, dense_model, experts_of, mixture_model
from sim.workload.scaling.solve import training_flop
from sim.workload.transformer import total_parameters

CHEAP_DATA = 'cost.override={"data/run" = 1000.0, "staff/research" = 0.5}'


def question(**given: Any) -> Question:
    asked = {
        "base": "llama3-405b",
        "overrides": [CHEAP_DATA],
        "nodes": ["dgx-h100"],
        "prices": "2026-owned",
        "law": "chinchilla-2024",
        "seeds": 1,
    }
    return question_of(**{**asked, **given})


@cache
def dated() -> Solved:
    """A given model on given GPUs: when is it done?"""
    return solve(question(model="llama3-8b", tokens=2e10, gpus=64))


@cache
def too_dear() -> Solved:
    return solve(question(model="llama3-8b", tokens=2e11, gpus=64, budget="4e4"))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "nothing says how much is trained"),
        ({"deadline": "30 d"}, "nothing says how much is trained"),
        ({"model": "llama3-8b"}, "nothing says how much is trained"),
        ({"model": "llama3-8b", "tokens": 1e9, "loss": 2.0}, "have a loss of their own"),
        ({"loss": 1.2}, "none is enough for a loss of 1.2"),
        ({"loss": 2.0, "law": "llama3-2024"}, "gives no loss"),
        ({"power_cap": "1 kW"}, "do not bear one node"),
        ({"gpus": 8, "overrides": ["cluster.topology.kind=torus"]}, "--set cluster.topology.kind: a plan decides it"),
        ({"gpus": 8, "overrides": ["training.tokens=1e9"]}, "--set training.tokens: a plan decides it"),
        ({"gpus": 8, "base": "airesim-s1"}, r"a plan needs \[model\]"),
    ],
)
def test_a_question_that_has_no_answer_is_one_line(asked: dict[str, Any], expected: str) -> None:
    overrides = [] if "base" in asked else [CHEAP_DATA]
    with pytest.raises(InputError, match=expected) as error:
        solve(question(**{"overrides": overrides, **asked}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"gpus": 1001}, "nearest that are: 1,000 or 1,008"),
        ({"gpus": 1 << 21}, "expected at most 1,048,576"),
        ({"nodes": ["dgx-h10"]}, "--node: unknown node 'dgx-h10'; did you mean 'dgx-h100'?"),
        ({"prices": "2026"}, "--prices: unknown price book"),
        ({"law": "kaplan"}, "--law: unknown scaling law 'kaplan'"),
        ({"model": "llama"}, "--model: unknown model"),
        ({"budget": "ten"}, "--budget"),
        ({"budget": "-5"}, "--budget"),
        ({"deadline": "30"}, "--deadline: '30' has no unit"),
        ({"tokens": 0.0}, "--tokens: got 0"),
        ({"efficiency": float("nan")}, "--efficiency: got nan"),
    ],
)
def test_a_wrong_option_is_named(asked: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as error:
        question(**asked)
    assert expected in str(error.value)


@given(st.floats(1, 1e6))
def test_sizes_are_whole_nodes_at_most_a_quarter_away(gpus: float) -> None:
    node = catalog.node("dgx-h100")
    up, down = at_least(gpus, node), at_most(gpus, node)
    assert up % 8 == down % 8 == 0
    assert down <= gpus <= up
    assert up <= max(8, 2 * gpus) if gpus < 32 else up <= 1.25 * gpus + 8


@pytest.mark.parametrize("name", ["chinchilla-2022", "chinchilla-2024", "joint-moe-2025", "kaplan-2020"])
def test_an_asked_work_has_the_loss_that_is_asked_for(name: str) -> None:
    """With tokens given, a model of the next shape is near it."""
    for given_too in ({}, {"model": "llama3-70b"}):
        assert asked_work(question(loss=2.1, law=name, **given_too)).loss == pytest.approx(2.1, abs=1e-9)
    assert asked_work(question(loss=2.1, law=name, tokens=1e12)).loss == pytest.approx(2.1, abs=0.01)


def test_an_open_work_has_the_compute_that_it_may() -> None:
    for given_too in ({}, {"model": "llama3-405b"}, {"tokens": 1e13}):
        work = open_work(question(budget="1e9", **given_too))(1e25)
        assert training_flop(counted(work.model), work.tokens) == pytest.approx(1e25, rel=0.05)


@pytest.mark.parametrize("name", ["llama3-8b", "llama3-70b", "llama3-405b"])
def test_the_shape_of_a_dense_model_is_within_a_tenth_of_llama_3s(name: str) -> None:
    published = catalog.model(name)
    shaped = dense_model(total_parameters(published))
    assert total_parameters(shaped) == pytest.approx(total_parameters(published), rel=0.02)
    assert shaped.hidden == pytest.approx(published.hidden, rel=0.1)
    assert shaped.layers == pytest.approx(published.layers, rel=0.1)


def test_a_mixture_has_the_active_parameters_that_are_asked_for() -> None:
    joint = law("joint-moe-2025")
    model = mixture_model(8e9, 8, joint)
    assert counted(model, joint) == pytest.approx(8e9, rel=0.05)
    assert total_parameters(model) > 5 * 8e9
    assert experts_of(model) == 8


def test_the_batch_of_the_bases_own_work_is_the_bases_and_grows_with_compute() -> None:
    tree = base_tree("llama3-405b", ())
    own = catalog.model("llama3-405b")
    assert batch_sequences(tree, own, 15.6e12) == 2048
    assert batch_sequences(tree, own, 15.6e12 * 2 ** (1 / 0.3271)) == 4096
    assert batch_sequences(tree, catalog.model("llama3-8b"), 1e12) < 1024


def test_a_dated_plan_takes_at_least_its_steps_and_its_bill_is_the_sum_of_its_items() -> None:
    plan = plan_answer(dated())["plan"]
    steps = 2e10 / (plan["layout"]["global_batch"] * 8192)
    assert plan["days"]["mean"] * 86400 >= 0.99 * steps * plan["step_time_s"]
    assert sum(plan["cost"].values()) == pytest.approx(plan["cost_usd"]["mean"], rel=1e-9)
    assert plan["gpus"] == 64
    assert plan["step_estimate_s"] <= plan["step_time_s"] * 1.01
    assert plan["memory"]["peak_bytes"] <= plan["memory"]["capacity_bytes"]


def test_a_plan_without_limits_is_feasible_and_says_what_it_assumes_and_where_its_law_ends() -> None:
    answer = plan_answer(dated())
    assert answer["feasible"]
    assert answer["missing"] == []
    assert "GPUs" in [each["name"] for each in answer["binds"]]
    assert answer["law"]["beyond"] == ""
    assert answer["assumed"]


@pytest.mark.slow
def test_a_plan_that_cannot_be_met_says_what_is_missing_and_the_nearest_that_can() -> None:
    answer = plan_answer(too_dear())
    assert not answer["feasible"]
    (missing,) = answer["missing"]
    assert missing["name"] == "money"
    assert missing["amount"] == pytest.approx(answer["plan"]["cost_usd"]["mean"] - 4e4)
    near = answer["nearest"]
    assert 0.95 * 4e4 <= near["cost_usd"]["mean"] <= 4e4
    assert near["tokens"] < answer["plan"]["tokens"]
    report = plan_report(answer)
    assert report.startswith("No, not within these limits")
    assert "Nearest that keeps the limits" in report


def test_the_same_question_has_the_same_answer() -> None:
    again = plan_answer(solve(question(model="llama3-8b", tokens=2e10, gpus=64)))
    for each in (again, first := plan_answer(dated())):
        for plan in (each["plan"], *each["compared"]):
            plan["search"].pop("seconds", None)
    assert again == first


@pytest.mark.slow
def test_a_budget_is_used_up_and_not_exceeded() -> None:
    answer = plan_answer(solve(question(budget="3e5", deadline="20 d")))
    assert answer["feasible"]
    used = {each["name"]: each["used"] / each["limit"] for each in answer["limits"]}
    assert max(used.values()) <= 1
    assert max(used.values()) > 0.95


@pytest.mark.slow
def test_equal_losses_are_compared_and_fit_the_screen() -> None:
    answer = comparison_answer(compare_equal_loss(question(model="llama3-8b", tokens=2e11, deadline="30 d")))
    for name in ("chinchilla-2024", "joint-moe-2025"):
        losses = [row["loss"] for row in answer["rows"] if row["law"] == name]
        assert len(losses) > 1
        assert max(losses) == pytest.approx(min(losses), abs=1e-6)
    optimal = answer["rows"][0]
    assert all(row["compute_flop"] >= optimal["compute_flop"] * 0.98 for row in answer["rows"][1:3])
    assert answer["distilled"]["break_even"] > 1
    assert max(map(len, equal_loss_report(answer).splitlines())) <= WIDTH


def test_the_first_lines_answer_and_no_line_is_too_long() -> None:
    report = plan_report(plan_answer(dated())).splitlines()
    assert report[0].startswith("Yes: llama3-8b (8.03 B parameters) on 20.0 B tokens")
    assert report[1].startswith("Done in ")
    assert max(map(len, report)) <= WIDTH
