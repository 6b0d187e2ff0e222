"""The screen of `explain`: nothing falls off its tables, and it says what there is to say in 80 columns."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sim.ledger.bill.cost import ITEMS, price
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import US_PER_DAY, Usage
from sim.ledger.explain.difference import EFFECTS
from sim.ledger.explain.headline import BEYOND
from sim.ledger.files.stored import StoredRun
from sim.report.money.bill import COLUMNS
from sim.report.money.explain_answer import Explained, explain_json
from sim.report.money.explain_difference import MEANING, UNMODELLED
from sim.report.money.explain_report import CASH, RUNGS, cash_text, explain_report
from sim.report.text import ASCII, WIDTH
from tests.cluster.hardware import price_book
from tests.ledger.bills import EVERYTHING, failing, usage_of
from tests.ledger.traces import Incident, trace_of

RUN = usage_of(failing(40))


def told(
    usage: Usage = RUN,
    *,
    terms: Terms | None = None,
    start: str | None = "2026-03-01",
    flop: float | None = 1e22,
    prices: Mapping[str, float] = EVERYTHING,
) -> Explained:
    run = StoredRun(
        run_id="run",
        usage=usage,
        acquisition="own",
        terms=terms or Terms(),
        start=start,
        row={"step_mfu": 0.5 if flop else None},
    )
    book = price_book(dict(prices))
    costs = price(usage, book, run.acquisition, run.terms, run.start)
    return Explained(
        directory=Path("results"),
        run=run,
        book=book,
        costs=costs,
        useful_flop=flop,
        failures={"gpu": 1},
        event_rows=[(0, "detect", "gpu", 16 * 10**6), (0, "repair", "gpu", 8 * 10**9)],
        event_days={0: 20.0},
    )


def screen(answer: Any, *, cash: bool = False) -> list[str]:
    lines = explain_report(answer, ASCII, cash=cash).splitlines()
    assert max(map(len, lines)) <= WIDTH
    return lines


def test_every_item_effect_and_rung_has_its_place() -> None:
    assert sorted(item for items in CASH.values() for item in items) == sorted(ITEMS)
    assert tuple(MEANING) == EFFECTS
    assert UNMODELLED.keys() < MEANING.keys()
    assert tuple(RUNGS) == (*COLUMNS, *BEYOND)


def test_an_event_is_priced_as_the_bill_charges_its_states() -> None:
    found = explain_json(told())["failures"]
    (event,) = found["dearest"]
    (cause,) = found["causes"]
    parts = cause["micro_usd"]
    hours = 8_016 / 3_600
    assert event["gpu_hours"] == pytest.approx(hours)
    assert parts["repair"] < event["micro_usd"] < cause["total_micro_usd"] + 1
    assert event["day"] == 20.0
    assert found["hours_a_million"] == pytest.approx(40 * 24 * 1e12 / explain_json(told())["total_micro_usd"], rel=1e-3)


def test_a_run_without_failures_says_so() -> None:
    steps = Incident(0, 86_400_000, 0, 0, 0, "", 0, 0, 1, replaced=False)
    usage = usage_of(trace_of([steps], nodes=2, spares=1, gpus_per_node=8))
    answer = explain_json(replace(told(usage), event_rows=[], failures={}))
    assert "Failures: none, and no stop had a cause" in screen(answer)


def test_what_a_pool_pays_is_named_beside_the_total() -> None:
    lines = screen(explain_json(told(terms=Terms(absorb=False))))
    assert any("a pool pays $" in line for line in lines[:5])
    assert not any(line.startswith("+ spare, in repair") for line in lines)


def test_long_calendars_are_cut_in_the_middle() -> None:
    slow = Terms(lead_us=900 * US_PER_DAY, ramp_us=800 * US_PER_DAY, deposit=0.5)
    answer = explain_json(told(terms=slow))
    assert len(answer["cash"]["months"]) > 18
    lines = cash_text(answer)
    assert sum(line.startswith("20") for line in lines) == 18
    assert sum(line.startswith("...") for line in lines) == 1
    screen(answer, cash=True)


def test_a_cheaper_run_has_its_sign_before_the_dollar() -> None:
    dear = told(prices=EVERYTHING | {"staff/fte": 800_000.0})
    lines = screen(explain_json(dear, told()))
    (together,) = [line for line in lines if line.startswith("together")]
    assert "  -$" in together
    assert "$-" not in together


def test_without_a_model_there_is_no_flop_in_the_identity() -> None:
    lines = screen(explain_json(told(flop=None), told(flop=None)))
    start = next(index for index, line in enumerate(lines) if line.startswith("Why the other"))
    assert any("retained GPU-hours (no model, no FLOP)" in line for line in lines[start:])
    assert any(line.startswith("$ = retained GPU-hours / (goodput x allocation)") for line in lines[start:])
    assert not any("MFU of steps" in line for line in lines[start:])
