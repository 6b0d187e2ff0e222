"""Published cases of reliability and another simulator's answers, through the run engine."""

import json
from typing import Any

import pytest

from sim.analysis.reliability.ages import age_rows, renewals
from sim.analysis.reliability.answer import Answer, read_cases, reliability_answer
from sim.analysis.reliability.cases.effective import INTERVALS_MIN, RESTARTS_MIN, effective_rows
from sim.analysis.reliability.cases.kokolis import cluster_rows, formula, formula_table, simulated
from sim.analysis.reliability.cases.rules import case_rows
from sim.analysis.reliability.cases.standby import fitted_probability
from sim.analysis.reliability.fleets import binomial_tail, birth_death, erlang_b
from sim.analysis.reliability.optimum import regret_rows
from sim.analysis.reliability.peers import peer_plan, peer_rows
from sim.analysis.reliability.rows import Predicted, Table, met
from sim.analysis.reliability.saves import silent_rows, two_level_rows
from sim.reliability.records import Law
from sim.report.validation.reliability_validation import reliability_validation
from sim.scenario import load_scenario
from sim.simulate import run_plan

REFERENCE = read_cases(None)
CASES = {case["id"]: case for case in REFERENCE["cases"]}
PEERS = REFERENCE["peer_scenarios"]


def rows(name: str) -> dict[str, Predicted]:
    """Rows of a case by what follows its name."""
    found = [row for row in case_rows(CASES[name]) if isinstance(row, Predicted)]
    return {row.id.partition(": ")[2]: row for row in found}


@pytest.mark.parametrize("name", ["S1", "S3"])
def test_the_scenario_that_ships_is_the_peers_scenario(name: str) -> None:
    shipped = run_plan(load_scenario(f"airesim-{name.lower()}"), (), None)
    assert peer_plan(name, PEERS[name])[0] == shipped


@pytest.mark.parametrize("name", ["S1", "S3"])
def test_the_answers_of_another_simulator_are_met_within_their_intervals(name: str) -> None:
    found = list(peer_rows(name, PEERS[name]))
    assert len(found) >= 3
    for row in found:
        assert isinstance(row, Predicted)
        assert met(row), row


def test_effective_time_at_a_five_minute_interval_within_a_point_unfitted() -> None:
    found = {row.id: row for row in cluster_rows(CASES["meta-rsc-1"]) if isinstance(row, Predicted)}
    row = found["meta-rsc-1: ETTR, 5 min interval"]
    assert row.inputs == {"nodes": 2000, "rate_per_day": 0.0065, "restart_min": 5, "every_min": 5.0, "block_min": 0.0}
    assert row.simulated == pytest.approx(0.93, abs=0.01)
    assert found["meta-rsc-1: MTTF, 16384-GPU projected"].simulated == pytest.approx(1.8, rel=0.05)
    assert found["meta-rsc-1: MTTF, 131072-GPU projected"].simulated == pytest.approx(0.23, rel=0.05)


def test_two_minutes_each_keep_a_hundred_thousand_gpus_above_nine_tenths_and_ten_do_not() -> None:
    (row,) = rows("meta-rsc-2").values()
    assert row.relation == ">="
    assert row.simulated == pytest.approx(0.94, abs=0.01)
    assert simulated(12_500, 2.34e-3, 10, 10, 0).mean < 0.9


def test_the_formula_holds_for_small_jobs_and_breaks_for_large_ones() -> None:
    table = next(formula_table(CASES["kokolis-formula"]))
    assert isinstance(table, Table)
    hourly = {row["nodes"]: row for row in table.data if row["every_min"] == 60}
    for nodes in (128, 256, 512):
        assert hourly[nodes]["formula"] == pytest.approx(hourly[nodes]["simulated"], abs=0.01)
    assert hourly[16_384]["formula"] < -1 < 0 < hourly[16_384]["simulated"] < 0.05  # type: ignore[operator]
    for row in table.data:
        assert row["simulated"] == pytest.approx(row["renewal"], abs=0.03)
    assert formula(2048, 6.5e-3, 5, 5, 0) == pytest.approx(0.931, abs=5e-4)


def test_blocking_checkpoints_take_the_published_share() -> None:
    (row,) = rows("bloom-176b").values()
    assert row.simulated == pytest.approx(40 / 10_840, rel=1e-3)
    assert row.simulated == pytest.approx(row.measured, rel=0.01)


def test_a_checkpoint_after_every_step_has_the_published_relative_mfu_within_two_points() -> None:
    found = rows("byterobust-ckpt")
    assert len(found) == 8
    for row in found.values():
        assert row.simulated == pytest.approx(row.measured, abs=0.021)
        assert row.inputs["first_relative_mfu"] != row.measured


def test_flushes_overlap_steps_for_the_published_share() -> None:
    found = rows("vast-40runs")
    assert found["overlap of flushes with steps"].simulated == pytest.approx(0.09, abs=0.001)
    assert all(met(row) for row in found.values() if row.relation != "=")


def test_restarts_of_megascale_leave_more_than_nine_tenths() -> None:
    (row,) = rows("megascale-weeks").values()
    assert met(row)
    assert row.simulated < 1 - 100 * 10 / (28 * 1440)


def test_one_probability_gives_all_four_numbers_of_standbys() -> None:
    published = {
        int(n): count for n, count in CASES["byterobust-standby-p99"]["failures"]["P99 backup machines"].items()
    }
    assert 0.00117 < fitted_probability(published) < 0.00125
    found = rows("byterobust-standby-p99")
    assert [row.simulated for row in found.values()] == [2, 2, 3, 4]


def test_the_renewal_equation_gives_the_counts_of_the_oracle() -> None:
    week, mean = 7 * 86_400.0, 100 * 86_400.0
    at = {shape: 4096 * renewals(Law(kind="weibull", mean_s=mean, shape=shape), week) for shape in (1.5, 0.7)}
    assert at[1.5] == pytest.approx(65, abs=0.5)
    assert at[0.7] == pytest.approx(774, abs=2)


def test_fleets_that_keep_their_ages_fail_as_often_as_renewals_say() -> None:
    found = list(age_rows())
    assert len(found) == 5
    for row in found:
        assert met(row), row


def test_published_durations_of_checkpoints_give_the_efficiency_of_the_closed_form() -> None:
    for row in rows("bytecheckpoint").values():
        assert met(row), row


def test_closed_forms_of_stalls_agree_where_they_meet() -> None:
    assert erlang_b(9, 3.88) == pytest.approx(0.01142, abs=5e-6)
    assert birth_death(9, 3.88, 1.0, crews=9) == pytest.approx(erlang_b(9, 3.88), rel=1e-12)
    assert birth_death(9, 3.88, 1.0, crews=3) > birth_death(9, 3.88, 1.0, crews=6) > erlang_b(9, 3.88)
    # With a large fleet the binomial tail is the Poisson tail of oracle 8: 0.0180.
    assert binomial_tail(10**6, 3.88e-6, 8) == pytest.approx(0.0180, abs=1e-4)


@pytest.fixture(scope="module")
def grid() -> Table:
    case = {**CASES["llama3-405b-54d"], "id": "llama"}
    return next(found for found in effective_rows(case) if isinstance(found, Table))


@pytest.mark.slow
def test_what_would_contradict_more_than_nine_tenths_of_effective_time(grid: Table) -> None:
    verdicts: dict[tuple[Any, Any], Any] = {(r["restart_min"], r["interval_min"]): r["verdict"] for r in grid.data}
    assert len(verdicts) == len(INTERVALS_MIN) * len(RESTARTS_MIN)
    # A failure may cost 18.6 min in the mean: a restart and half an interval.
    for (restart_min, interval_min), verdict in verdicts.items():
        loss_min = restart_min + interval_min / 2
        if loss_min > 20:
            assert verdict == "contradicts"
        if loss_min < 17:
            assert verdict != "contradicts"
    assert any("18.6 min" in line for line in grid.says)
    assert verdicts[2, 10] == "meets"


@pytest.mark.slow
def test_effective_time_falls_with_the_restart_and_without_a_cost_with_the_interval(grid: Table) -> None:
    at: dict[tuple[Any, Any], Any] = {(r["restart_min"], r["interval_min"]): r["ettr"] for r in grid.data}
    for restart_min in RESTARTS_MIN:
        times = [at[restart_min, t] for t in INTERVALS_MIN]
        assert times == sorted(times, reverse=True)
    for interval_min in INTERVALS_MIN:
        times = [at[r, interval_min] for r in RESTARTS_MIN]
        assert times == sorted(times, reverse=True)


@pytest.mark.slow
def test_simulated_optima_are_dalys_figures() -> None:
    for row in rows("daly-2006-figs").values():
        assert met(row)
        assert row.simulated == pytest.approx(row.measured, rel=0.06)
        assert row.outputs["exact_min"] == pytest.approx(row.measured, rel=0.01)


@pytest.mark.slow
def test_closed_forms_lose_where_nodes_age_and_not_where_they_do_not() -> None:
    table, *judged = regret_rows()
    assert isinstance(table, Table)
    regret: dict[Any, Any] = {row["shape"]: row["young_regret"] for row in table.data}
    assert regret[1.0] < 0.001
    assert regret[0.5] > regret[0.7] > 0.003
    assert all(met(row) for row in judged if isinstance(row, Predicted))


@pytest.fixture(scope="module")
def answer() -> Answer:
    return reliability_answer(REFERENCE)


@pytest.mark.slow
def test_every_bound_and_every_z_test_of_the_reference_holds(answer: Answer) -> None:
    for kind in ("bounds", "z_tests"):
        assert answer["judged"][kind]["met"] == answer["judged"][kind]["count"] > 5
    assert answer["mape"] < 0.03
    json.dumps(answer, allow_nan=False)


@pytest.mark.slow
def test_every_case_of_the_reference_is_predicted_or_skipped_with_a_reason(answer: Answer) -> None:
    told = {row["id"].partition(": ")[0] for row in answer["rows"]} | {each["id"] for each in answer["skipped"]}
    told |= {table["id"] for table in answer["tables"]}
    assert set(CASES) | {"S1", "S3", "age_reset_warning"} <= told
    assert all(each["reason"] for each in answer["skipped"])


@pytest.mark.slow
def test_the_screen_of_the_reference_fits_80_columns(answer: Answer) -> None:
    text = reliability_validation(answer)
    assert max(map(len, text.splitlines())) <= 80
    for told in ("Closed forms", "Answers of another simulator", "Published cases", "contradicts", "Not predicted"):
        assert told in text


def test_silent_corruption_and_two_levels_meet_their_closed_forms() -> None:
    for row in (*silent_rows(), *two_level_rows()):
        assert met(row), row


def test_a_loss_spike_takes_back_the_rewind_and_what_lies_since_a_checkpoint() -> None:
    (row,) = rows("palm-loss-spikes").values()
    assert row.simulated == pytest.approx(row.measured + 100 / 2, rel=0.1)
