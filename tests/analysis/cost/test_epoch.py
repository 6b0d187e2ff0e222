"""Epoch's published results through the file: every row, and rows of one's own."""

from typing import Any

import pytest

from sim.analysis.cost.answer import cost_answer
from sim.analysis.cost.records import Records, reference
from sim.analysis.cost.rules.epoch import development_view, facts_of, method_table, run_of
from sim.errors import InputError
from tests.analysis.cost.examples import known, only, record

RESULTS = [name for name, entry in reference().items() if entry["category"] == "epoch_method_result"]
SHARES = ("staff", "chips", "servers", "interconnect", "energy")


def answer(records: Records) -> dict[str, Any]:
    return cost_answer(records, articles=False)


def test_all_ten_runs_are_within_what_rounding_of_chip_hours_leaves() -> None:
    rows = answer(known(*RESULTS))["rows"]
    runs = [row for row in rows if "dev" not in row["id"]]
    assert len(runs) == 28
    assert max(abs(row["error"]) for row in runs) < 3e-4
    assert {row["section"] for row in rows} == {"methods"}


def test_gpt_4_is_predicted_from_its_chip_hours_chips_hardware_and_day() -> None:
    rows = answer(known("epoch_GPT-4"))["rows"]
    assert [row["id"] for row in rows] == [f"epoch_GPT-4 ({name})" for name in ("capex+energy", "cloud", "acquisition")]
    assert round(rows[0]["simulated"], 2) == 40_586_592.58
    assert rows[0]["inputs"] == {
        "chip_hours": 57.0e6,
        "chips": 25_000.0,
        "hardware": "NVIDIA A100 SXM4 40 GB",
        "organization": "OpenAI",
        "published": "2023-03-15",
        "training_start": "2022-05-12",
    }
    assert sum(rows[0]["terms"].values()) == pytest.approx(rows[0]["simulated"])


def test_no_result_is_an_input_of_its_own_row() -> None:
    for row in answer(known(*RESULTS))["rows"]:
        assert row["measured"] not in row["inputs"].values()


def test_developments_are_staff_and_all_compute() -> None:
    rows = {row["id"]: row for row in answer(known("epoch_dev_GPT-3", "epoch_dev_GPT-4"))["rows"]}
    assert rows["epoch_dev_GPT-4"]["simulated"] == pytest.approx(35.8e6 + 2.2 * 40_586_592.58)
    assert rows["epoch_dev_GPT-3"]["error"] == pytest.approx(-0.0385, abs=1e-4)


def test_shares_of_development_are_of_four_models_and_lie_in_the_published_ranges() -> None:
    rows = answer(known(*(f"epoch_dev_{name}" for name in SHARES)))["rows"]
    assert [row["within"] for row in rows] == [True] * 5
    assert sum(row["simulated"] for row in rows) == pytest.approx(1, abs=0.005)


def test_a_run_of_ones_own_is_predicted_by_what_its_note_tells() -> None:
    note = "chips=1024 chip_hours=2e6 hw=NVIDIA H100 SXM5 80GB cloud=9000000"
    mine = record(category="epoch_method_result", name="Mine-70B", value=2e6, as_of="2024-04-18", note=note)
    rows = answer(only(mine))["rows"]
    assert [row["id"] for row in rows] == ["mine (capex+energy)", "mine (cloud)"]
    assert rows[1]["simulated"] == pytest.approx(2e6 * 4.86 * 119.029 / 119.662)


def test_rows_that_the_methods_cannot_take_say_why() -> None:
    note = "chips=16 chip_hours=2e6 hw=Cerebras CS-2"
    skipped = answer(
        only(
            record(id="a", category="epoch_method_result", as_of="2024-04-18", note=note),
            record(id="b", category="epoch_method_result"),
            record(id="c", category="epoch_method_result", name="Mine total amortised development"),
        )
    )["skipped"]
    assert [each["reason"] for each in skipped] == [
        "capex+energy: Epoch's tables hold no price of 'Cerebras CS-2'",
        "its note tells no chip-hours and hardware, which the methods take",
        "no estimate of its staff, or of its final run, is stored",
    ]


def test_blank_cells_are_filled_by_rules_that_the_row_tells() -> None:
    note = "chips=None chip_hours=2e6 hw=NVIDIA H100 SXM5 80GB"
    mine = record(category="epoch_method_result", name="Mine-70B", value=2e6, as_of="2024-04", note=note)
    (row,) = answer(only(mine))["rows"]
    assert row["inputs"]["organization"] == "not known: taken as no hyperscaler"
    # The middle of the month, less 60 days and 793.5 hours.
    assert (row["inputs"]["published"], row["inputs"]["training_start"]) == ("2024-04-15", "2024-01-12")
    blank = {**mine, "note": note.replace("2e6", "None")}
    assert len(answer(only(blank))["skipped"]) == 1


def test_a_note_that_holds_no_number_is_refused() -> None:
    note = "chips=many chip_hours=2e6 hw=H100"
    with pytest.raises(InputError, match="mine: cannot be read: could not convert string to float: 'many'"):
        run_of(record(category="epoch_method_result", as_of="2024-04-18", note=note))
    with pytest.raises(InputError, match="mine: cannot be read"):
        run_of(record(category="epoch_method_result", as_of="soon", note="chip_hours=2e6 hw=H100"))


def test_the_note_is_read_to_the_next_name() -> None:
    assert facts_of(reference()["epoch_GPT-4"])["hw"] == "NVIDIA A100 SXM4 40 GB"
    assert facts_of({}) == {}


def test_every_run_stands_under_every_method() -> None:
    table = {row["model"]: row for row in method_table(known(*RESULTS))}
    assert len(table) == 10
    assert table["GPT-4"]["usd_2_per_hour"] == 114e6
    assert table["PaLM 2"]["acquisition"] is None
    assert development_view("Unknown", known()) is None
