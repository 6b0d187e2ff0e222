"""The waterfall: every state, exactly 100.0 % on the screen, milestones that multiply to the effective MFU."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.ledger.time.states import IN_JOB, STATES
from sim.ledger.time.trace import OUTSIDE_STATES
from sim.report.run.waterfall import LOSSES, USEFUL, waterfall_bars, waterfall_text
from sim.report.text import ASCII, UNICODE, WIDTH
from tests.report.examples import STATES as FRACTIONS
from tests.report.examples import run_result, step_result

amounts = st.dictionaries(st.sampled_from(STATES), st.integers(0, 10**9), min_size=1).filter(
    lambda d: sum(d.values()) > 0
)


def fractions(counts: dict[str, int]) -> dict[str, float]:
    return {state: count / sum(counts.values()) for state, count in counts.items()}


def test_every_state_of_the_ledger_has_its_place() -> None:
    assert sorted([*USEFUL, *(state for states in LOSSES.values() for state in states)]) == sorted(STATES)
    assert sorted([*IN_JOB, *OUTSIDE_STATES]) == sorted(STATES)


@given(amounts)
def test_the_shares_on_the_screen_sum_to_exactly_100_percent(counts: dict[str, int]) -> None:
    assert sum(bar.tenths for bar in waterfall_bars(fractions(counts))) == 1000


@given(amounts)
def test_every_state_is_there_and_within_a_tenth_of_a_percent(counts: dict[str, int]) -> None:
    exact = fractions(counts)
    bars = waterfall_bars(exact)
    assert sorted(bar.state for bar in bars) == sorted(exact)
    assert all(abs(bar.tenths / 1000 - exact[bar.state]) <= 0.001 + 1e-12 for bar in bars)


@given(amounts)
def test_each_bar_starts_where_the_one_before_ends(counts: dict[str, int]) -> None:
    left = 1000
    for bar in waterfall_bars(fractions(counts)):
        left -= bar.tenths
        if bar.group:
            assert bar.left == left
    assert left == 0


def test_milestones_are_allocation_goodput_and_effective_mfu() -> None:
    result = run_result()
    lines = waterfall_text("title", result["waterfall"], UNICODE, result["cost_by_state"])
    shown = {m[1]: float(m[2]) for line in lines if (m := re.match(r"(\w[\w ]+?) +([\d.]+) %", line))}
    assert shown["peak"] == 100.0
    assert shown["in the job"] == pytest.approx(100 * result["allocation"], abs=0.1)
    assert shown["retained steps"] == pytest.approx(100 * result["allocation"] * result["goodput"], abs=0.1)
    assert shown["useful FLOP"] == pytest.approx(100 * result["effective_mfu"], abs=0.05)


def test_states_that_did_not_occur_are_named_in_one_place_only() -> None:
    text = "\n".join(waterfall_text("title", FRACTIONS, UNICODE))
    body, none = text.split("none: ")
    zeros = [state for state, fraction in FRACTIONS.items() if not fraction]
    assert sorted(none.replace("\n", " ").replace(" ", "").split(",")) == sorted(zeros)
    assert not any(re.search(rf"\b{state}\b", body) for state in zeros)


def test_a_share_too_small_for_a_digit_is_not_called_zero() -> None:
    lines = waterfall_text("title", {"compute_ideal": 0.9999, "restore": 0.0001}, UNICODE)
    assert any(line.startswith("  restore") and "<0.1 %" in line for line in lines)


def test_without_a_model_the_waterfall_ends_at_retained_steps() -> None:
    text = "\n".join(waterfall_text("title", {"step": 0.9, "detect": 0.1}, UNICODE))
    assert "retained steps" not in text or "useful FLOP" not in text
    assert waterfall_bars({"step": 0.9, "detect": 0.1})[-1].tenths == 900


@pytest.mark.parametrize("marks", [UNICODE, ASCII])
def test_lines_fit_80_columns_and_ascii_is_ascii(marks: object) -> None:
    chosen = UNICODE if marks is UNICODE else ASCII
    lines = waterfall_text("title", FRACTIONS, chosen, run_result(10**12, 9)["cost_by_state"])
    assert max(map(len, lines)) <= WIDTH
    assert chosen is UNICODE or "\n".join(lines).isascii()


def test_a_step_has_losses_in_the_step_only() -> None:
    lines = waterfall_text("title", step_result()["waterfall"], ASCII)
    names = [line[:23].strip() for line in lines[:-2]]
    assert names == ["title", "peak", "kernel_inefficiency", "bubble", "comm_tensor", "useful FLOP"]
