"""The first lines of a run, and published figures beside the simulated ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from sim.report.run.headline import headline, phases_text, poisson_band, published_rows, published_text
from sim.report.run.run_report import run_report
from sim.report.text import UNICODE, WIDTH
from tests.report.examples import STATES, run_result


@given(st.floats(0, 5000), st.sampled_from([0.5, 0.9, 0.95]))
def test_the_band_is_that_of_a_poisson_count(mean: float, coverage: float) -> None:
    low, high = poisson_band(mean, coverage)
    tail = (1 - coverage) / 2
    assert poisson.cdf(low - 1, mean) <= tail + 1e-9
    assert poisson.cdf(low, mean) > tail - 1e-9
    assert poisson.cdf(high, mean) >= 1 - tail - 1e-9
    assert poisson.cdf(high - 1, mean) < 1 - tail + 1e-9


def test_the_band_of_llama_3s_419_interruptions() -> None:
    assert poisson_band(419.0) == (379, 460)


def test_failures_and_interruptions_are_counted_apart() -> None:
    text = "\n".join(headline(run_result()))
    assert "Failures         250" in text
    assert "Interruptions   247" in text
    assert "240 interruptions expected while the job was up, 95 % band 210 to 271" in text


def test_interruptions_that_are_expected_leave_out_evictions() -> None:
    found = {"seconds": 60.0, "gpu_hours": 1.0, "detected": 2, "evicted": 1, "false_alarms": 0}
    text = " ".join(" ".join(headline(run_result() | {"stragglers": found})).split())
    assert "240 interruptions expected while the job was up, evictions aside, 95 % band 210 to 271" in text


def test_interruptions_that_are_no_poisson_count_have_no_band() -> None:
    text = "\n".join(headline(run_result() | {"interruptions_expected": None}))
    assert "Lives with a memory, or lemons: no band of interruptions to be expected" in text
    assert "95 %" not in text


def test_the_causes_that_interrupt_most_come_first() -> None:
    assert "Most often: gpu 148, hbm 70, nic 29" in headline(run_result())


def test_a_run_without_interruptions_names_no_cause() -> None:
    lines = headline(run_result() | {"failures": {}, "interruptions": {}, "interruptions_expected": 0.0})
    assert not any(line.startswith("Most often") for line in lines)
    assert any("95 % band 0 to 0" in line for line in lines)


def test_a_run_that_met_its_horizon_says_so() -> None:
    assert "stopped at the horizon" in " ".join(" ".join(headline(run_result())).split())
    assert "stopped at" not in " ".join(headline(run_result() | {"complete": True}))


def test_a_run_that_was_aborted_says_so() -> None:
    text = " ".join(" ".join(headline(run_result() | {"aborted": "sdc"})).split())
    assert ", aborted Wall time" in text
    assert "stopped at" not in text


def test_the_flop_convention_stands_with_the_mfu() -> None:
    assert any("6N + causal attention" in line for line in headline(run_result()))


def test_without_a_model_there_is_no_mfu_to_claim() -> None:
    lines = headline(run_result() | {"model": None, "step_mfu": None, "effective_mfu": None, "tokens": None})
    assert not any("6N" in line for line in lines)
    assert any("step time was given" in line for line in lines)


def test_a_published_figure_is_compared_with_its_sign() -> None:
    rows = {row["name"]: row for row in published_rows(run_result())}
    assert rows["interruptions"]["simulated"] == 247
    assert rows["interruptions"]["error"] == pytest.approx(247 / 419 - 1)
    assert rows["step_mfu"]["error"] == pytest.approx(0.36 / 0.887 / 0.41 - 1)


def test_a_published_figure_that_the_run_lacks_is_shown_without_an_error() -> None:
    result = run_result() | {"published": {"loss": {"value": 1.7, "unit": "nat", "source": "a paper"}}}
    assert published_rows(result)[0]["error"] is None
    assert published_text(result)[1].split() == ["loss", "1.7", "nat", "-", "-"]


def test_the_gap_of_the_published_figure_is_listed() -> None:
    lines = published_text(run_result())
    assert lines[-3:] == ["The published figures also hold:", "- planned maintenance", "- evaluation during training"]


def test_without_published_figures_there_is_no_block() -> None:
    assert published_text(run_result() | {"published": {}, "published_gap": []}) == []


@pytest.mark.parametrize("gpu_hours", [1, 10**6, 3 * 10**7, 4 * 10**9])
def test_the_screen_of_a_run_is_80_columns_and_about_60_lines(gpu_hours: int) -> None:
    lines = run_report(run_result(gpu_hours, 3), UNICODE).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) <= 67


def test_the_screen_of_a_run_without_a_model_speaks_of_retained_steps() -> None:
    result = run_result() | {
        "model": None,
        "step_mfu": None,
        "effective_mfu": None,
        "tokens": None,
        "useful_flop": None,
    }
    inside = dict(list(STATES.items())[14:])
    text = run_report(result | {"waterfall": {"step": 1 - sum(inside.values()), **inside}}, UNICODE)
    assert "from peak to retained steps" in text
    assert "useful FLOP" not in text


def test_a_run_without_prices_has_a_waterfall_and_no_bill() -> None:
    unpriced: dict[str, object] = {
        "cost_usd": None,
        "cost": {},
        "cost_by_state": {},
        "micro_usd": {},
        "energy_kwh": None,
        "co2e_kg": None,
    }
    text = run_report(run_result() | unpriced, UNICODE)
    assert "useful FLOP              36.0 %" in text
    assert "$" not in text


def test_phases_are_shown_where_there_is_more_than_one() -> None:
    result = run_result()
    assert [line.split()[0] for line in phases_text(result)] == ["Phase", "short", "full"]
    assert phases_text(result | {"phases": result["phases"][:1]}) == []
