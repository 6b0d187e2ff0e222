"""Published runs: cards, energy, dollars an hour, from GPU-hours and what else their records tell."""

from typing import Any

import pytest

from sim.analysis.cost.answer import cost_answer
from sim.analysis.cost.records import reference
from sim.analysis.cost.rules.told import hours_of, tdp_told
from tests.analysis.cost.examples import known, only, record

CARDS = [name for name in reference() if name.startswith("co2_")]


def rows_of(*names: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in cost_answer(known(*names), articles=False)["rows"]}


def test_cards_are_gpu_hours_at_tdp_with_the_fleets_pue_on_the_mean_grid() -> None:
    rows = rows_of(*CARDS)
    assert len(rows) == 8
    row = rows["co2_Llama_3.1_405B"]
    assert row["inputs"] == {"gpu_hours": 30.84e6, "tdp_w": 700.0, "kg_per_kwh": 0.369473, "pue": 1.08}
    assert row["simulated"] == pytest.approx(30.84e6 * 0.7 * 0.369473 * 1.08 / 1000)
    assert sum(row["terms"].values()) == pytest.approx(row["simulated"])
    assert max(abs(each["error"]) for each in rows.values()) < 0.07


def test_what_a_card_implies_is_arithmetic_and_counts_apart() -> None:
    answer = cost_answer(known("implied_Llama 3.1", "co2_Llama_3.1_405B", "gpuh_Llama_3.1_405B"), articles=False)
    implied = next(row for row in answer["rows"] if row["id"].startswith("implied"))
    assert implied["simulated"] == pytest.approx(8930e3 / (30.84e6 * 0.7))
    assert implied["section"] == "arithmetic"
    assert answer["groups"]["section"]["arithmetic"]["count"] == 1


def test_bloom_is_measured_at_the_power_limit_and_with_servers_near_its_total() -> None:
    rows = rows_of("bloom_energy")
    chips, nodes = rows["bloom_energy (chips)"], rows["bloom_energy (nodes)"]
    assert chips["simulated"] == pytest.approx(1_082_990 * 0.4)
    assert nodes["measured"] == 433_196 + 256_646
    assert nodes["simulated"] == pytest.approx(1_082_990 * (400 + 1620 / 8) / 1000)


def test_gpt_3_is_days_times_chips_at_the_stated_pue() -> None:
    rows = rows_of("gpt3_energy")
    energy, carbon = rows["gpt3_energy"], rows["gpt3_energy (CO2e)"]
    assert energy["inputs"]["gpu_hours"] == pytest.approx(14.8 * 24 * 10_000)
    assert energy["simulated"] == pytest.approx(3.552e6 * 0.25 * (10 / 16 / 0.3 + 1.5 / 4 / 0.3) / 2 * 0.75 * 1.1)
    assert carbon["measured"] == 552.1
    assert carbon["simulated"] == pytest.approx(energy["simulated"] * 0.429 / 1000)


def test_dollars_are_hours_at_two_dollars_and_only_a_stated_rate_is_arithmetic() -> None:
    rows = rows_of("cost_dsv3", "gpuh_dsv3")
    assert rows["cost_dsv3"]["simulated"] == 5_576_000
    assert rows["cost_dsv3"]["section"] == "arithmetic"


@pytest.mark.slow
def test_grok_4_is_told_by_its_source_and_its_cost_counts_for_nothing() -> None:
    rows = rows_of("grok4")
    assert rows["grok4"]["simulated"] == 492e6
    assert not rows["grok4"]["scored"]
    assert rows["grok4 (energy)"]["measured"] == 310e6
    assert rows["grok4 (energy)"]["error"] == pytest.approx(0.09, abs=0.01)


@pytest.mark.slow
def test_gpu_hours_of_runs_whose_scenarios_ship_are_simulated() -> None:
    rows = rows_of("gpuh_Llama_3.1_405B", "gpuh_dsv3")
    # Within 15 % below, as the run's own gaps allow; above by no more than one percent.
    assert -0.15 < rows["gpuh_Llama_3.1_405B"]["error"] < 0.01
    assert rows["gpuh_dsv3"]["measured"] == 2.664e6
    assert abs(rows["gpuh_dsv3"]["error"]) < 0.15


def test_a_card_of_ones_own_needs_its_gpu_hours() -> None:
    unit = "tCO2e location-based"
    card = record(id="co2_Mine", unit=unit, name="Mine 7B", value=100.0)
    hours = record(id="gpuh_Mine", unit="GPU-hours", name="Mine 7B MI300X", value=5e5)
    answer = cost_answer(only(card, hours), articles=False)
    (row,) = answer["rows"]
    assert row["inputs"] == {"gpu_hours": 5e5, "tdp_w": 750.0, "kg_per_kwh": 0.369473, "pue": 1.25}
    alone = cost_answer(only(card), articles=False)
    assert [each["reason"] for each in alone["skipped"]] == ["tCO2e location-based without GPU-hours"]
    assert alone["rows"] == []


def test_energy_of_ones_own_is_at_the_meter_of_a_large_cluster() -> None:
    energy = record(id="energy_Mine", unit="kWh", name="Mine 7B", value=7e5)
    hours = record(id="gpuh_Mine", unit="GPU-hours", name="Mine 7B H100-80GB", value=5e5)
    (row,) = cost_answer(only(energy, hours), articles=False)["rows"]
    assert row["inputs"]["kw_per_gpu"] == pytest.approx(1.25 * (1.0073 + 0.0926), rel=1e-2)
    assert row["simulated"] == pytest.approx(5e5 * row["inputs"]["kw_per_gpu"])
    assert (row["measured"], row["section"]) == (7e5, "published")


def test_what_states_no_amount_or_several_is_skipped_with_the_reason() -> None:
    blank = record(id="co2_Mine", unit="tCO2e", value=None)
    several = record(id="co2_Other", unit="tCO2e", value=[1.0, 2.0])
    answer = cost_answer(only(blank, several), articles=False)
    assert [each["reason"] for each in answer["skipped"]] == ["states no amount, or several"] * 2


def test_tdp_is_what_is_stated_then_that_of_the_accelerator() -> None:
    records = only()
    assert tdp_told(record(name="Mine A100-80GB 350W"), records) == 350.0
    assert tdp_told(record(name="Mine V100"), records) == 300.0
    assert tdp_told(record(name="Mine on TPU v4"), records) == 170.0
    assert tdp_told(record(name="Mine"), records) is None


def test_hours_are_a_records_own_or_in_the_text_of_its_source() -> None:
    records = only()
    found = hours_of(record(id="mine_x", source="3.5 GWh (246e6 H100h)"), records)
    assert found is not None
    assert found[0] == 246e6
    assert hours_of(record(id="mine_x"), records) is None
