"""Laws of elasticities: prices sum to 1, a doubled price is its share, all speeds together act on time as -1."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sim.analysis.generations.simulated import simulated
from sim.analysis.sensitivity.answer import sensitivity_answer
from sim.analysis.sensitivity.elasticity import central, elasticity_of_all_speeds, priced
from sim.analysis.sensitivity.knobs import PRICES, turned_book
from sim.analysis.sensitivity.runs import Outcome, Source, Task, bill_usd, outcomes_of, scenario_of
from sim.analysis.sensitivity.uncertain import as_it_is, evaluated, model_of
from sim.cli import app
from sim.ledger.bill.cost import usd_by
from sim.report.sensitivity.picture import sensitivity_picture
from sim.report.sensitivity.screen import sensitivity_report
from sim.report.text import ASCII, WIDTH
from sim.scenario import Scenario
from sim.simulate import prepare, simulate_prepared

SOURCE = Source(name="tiny")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return scenario_of(SOURCE)


@pytest.fixture(scope="module")
def base() -> list[Outcome]:
    found = outcomes_of(Task(source=SOURCE, knob="", factor=1.0, seeds=(1, 2)))
    assert isinstance(found, list)
    return found


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    return sensitivity_answer("tiny", samples=40, replicas=2, workers=1)


@given(st.floats(-3.0, 3.0), st.floats(0.01, 0.5), st.floats(0.1, 1e9))
def test_a_central_difference_is_exact_for_a_power(power: float, step: float, level: float) -> None:
    up, down = [level * (1 + step) ** power], [level * (1 - step) ** power]
    assert central(up, down, step).mean == pytest.approx(power, abs=1e-6)


def test_elasticities_to_all_prices_sum_to_1(scenario: Scenario, base: list[Outcome]) -> None:
    rows = [each for each in priced(scenario, base, 0.1) if each.layer == "price" and each.cost is not None]
    assert sum(each.cost.mean for each in rows if each.cost) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("group", ["people", "electricity", "servers"])
def test_doubling_a_price_adds_exactly_its_share(scenario: Scenario, base: list[Outcome], group: str) -> None:
    billing, run = scenario.billing, base[0]
    assert billing is not None
    doubled = replace(scenario, billing=replace(billing, prices=turned_book(billing.prices, group, 2.0)))
    (row,) = [each for each in priced(scenario, [run], 0.1) if each.name == group]
    assert row.cost is not None
    assert bill_usd(doubled, run.usage) / run.cost_usd - 1 == pytest.approx(row.cost.mean, abs=1e-6)


def test_the_share_of_people_is_what_the_bill_says(base: list[Outcome], scenario: Scenario) -> None:
    result = simulate_prepared(prepare(scenario))
    assert result.costs is not None
    (row,) = [each for each in priced(scenario, base[:1], 0.1) if each.name == "people"]
    assert row.cost is not None
    assert row.cost.mean == pytest.approx(float(usd_by(result.costs, "item")["staff"]) / base[0].cost_usd, abs=1e-6)


def test_all_prices_together_move_the_bill_by_their_factor(scenario: Scenario, base: list[Outcome]) -> None:
    billing = scenario.billing
    assert billing is not None
    book = billing.prices
    for group in PRICES:
        book = turned_book(book, group, 3.0)
    tripled = replace(scenario, billing=replace(billing, prices=book))
    assert bill_usd(tripled, base[0].usage) == pytest.approx(3 * base[0].cost_usd, rel=1e-9)


def test_all_speeds_together_act_on_a_run_without_failures_as_nearly_minus_1() -> None:
    source = Source(name="gpt3-175b", overrides=("failures.scale=0",))
    found = elasticity_of_all_speeds(source, (1,))
    assert found.time is not None and found.cost is not None
    assert -1.0 < found.time.mean < -0.93
    assert found.time.mean < found.cost.mean < 0


def test_a_factor_of_1_is_the_run_itself_under_the_same_seeds(base: list[Outcome]) -> None:
    for knob in ("compute peak", "failure rate", "recovery time"):
        again = outcomes_of(Task(source=SOURCE, knob=knob, factor=1.0, seeds=(1, 2)))
        assert [each.cost_usd for each in again if isinstance(each, Outcome)] == [run.cost_usd for run in base]


def test_memory_that_no_longer_holds_the_job_is_told_and_no_elasticity_is_made_up() -> None:
    found = outcomes_of(Task(source=SOURCE, knob="HBM capacity", factor=0.05, seeds=(1,)))
    assert isinstance(found, str)
    assert "does not fit" in found


def test_faster_layers_never_cost_more_and_hungrier_ones_never_less(answer: dict[str, Any]) -> None:
    cost = {row["name"]: row["cost"]["mean"] for row in answer["elasticities"] if row["cost"]}
    assert all(cost[name] <= 0 for name in ("compute peak", "HBM bandwidth", "scale-up bandwidth"))
    assert cost["power"] > 0
    assert cost["HBM capacity"] == 0
    assert answer["price_sum"] == pytest.approx(1.0, abs=1e-6)


def test_the_middle_of_the_tornado_is_the_run_itself(base: list[Outcome]) -> None:
    model = model_of(simulated("tiny"))
    assert evaluated(model, as_it_is(model))[0] == pytest.approx(base[0].cost_usd, abs=1e-6)


def test_a_bar_of_a_price_is_linear_in_it(answer: dict[str, Any]) -> None:
    row = next(row for row in answer["tornado"] if row["input"] == "people")
    low, high = row["cost_usd"]
    slope = (high - low) / (row["values"][1] - row["values"][0])
    share = next(each["cost"]["mean"] for each in answer["elasticities"] if each["name"] == "people")
    assert slope == pytest.approx(share * answer["as_it_is_usd"], rel=0.05)


def test_total_indices_are_parts_of_the_variance_and_firsts_are_about_1_at_most(answer: dict[str, Any]) -> None:
    assert sum(row["first"] for row in answer["sobol"]) < 1.2
    assert all(row["first"] > -0.1 and row["total"] < 1.1 for row in answer["sobol"])
    totals = [row["total"] for row in answer["sobol"]]
    assert totals == sorted(totals, reverse=True)


def test_percentiles_rise_and_the_answer_is_plain_json(answer: dict[str, Any]) -> None:
    for name in ("cost_percentiles", "days_percentiles"):
        values = [answer[name][each] for each in ("p5", "p50", "p95")]
        assert values == sorted(values)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert np.isfinite(answer["surrogate_error"])


def test_the_screen_keeps_80_columns_and_the_picture_names_every_input(answer: dict[str, Any]) -> None:
    screen = sensitivity_report(answer, ASCII)
    assert max(map(len, screen.splitlines())) <= WIDTH
    picture = sensitivity_picture(answer)
    assert all(row["input"] in screen and row["input"] in picture for row in answer["tornado"])


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["airesim-s1"], "model: is missing"),
        (["tiny", "--step", "0.9"], "--step 0.9: expected more than 0 and at most 0.5"),
        (["tinny"], "unknown preset 'tinny'"),
        (["tiny", "--picture", "a.png"], "expected .svg"),
    ],
)
def test_what_cannot_be_studied_is_refused_in_a_line(arguments: list[str], line: str) -> None:
    result = CliRunner().invoke(app, ["sensitivity", *arguments])
    assert result.exit_code == 2
    assert line in result.output


def test_a_run_that_its_horizon_ends_is_stretched_to_its_tokens_and_data_is_paid_once() -> None:
    whole, half = (
        Source(name="tiny", overrides=("failures.scale=0", 'cost.override={"data/run"=5000.0}', *more))
        for more in ((), ("run.horizon=12 h",))
    )
    runs = [outcomes_of(Task(source=each, knob="", factor=1.0, seeds=(1,))) for each in (whole, half)]
    (one,), (other,) = (run for run in runs if isinstance(run, list))
    assert one.complete and not other.complete
    assert other.wall_s == pytest.approx(one.wall_s, rel=0.05)
    assert other.cost_usd - 5000 == pytest.approx(one.cost_usd - 5000, rel=0.05)
