"""The answer, the screen and the picture of the small campaign say the same as its charges."""

from typing import Any
from xml.etree import ElementTree

import pytest

from sim.campaign.campaign import CampaignResult, simulate_campaign
from sim.campaign.forms.load import load_campaign
from sim.ledger.bill.cost import ITEMS
from sim.report.campaign.answer import campaign_json
from sim.report.campaign.gantt import gantt_svg
from sim.report.campaign.screen import GROUPS, campaign_report
from sim.report.text import ASCII, UNICODE


@pytest.fixture(scope="module")
def result() -> CampaignResult:
    return simulate_campaign(load_campaign("small"))


@pytest.fixture(scope="module")
def answer(result: CampaignResult) -> dict[str, Any]:
    return campaign_json(result)


def test_every_item_of_a_bill_has_a_column() -> None:
    assert sorted(item for items in GROUPS.values() for item in items) == sorted(ITEMS)


def test_every_axis_sums_to_the_bill(answer: dict[str, Any]) -> None:
    for axis in ("kind", "label", "item", "state", "asset"):
        assert sum(answer[f"cost_by_{axis}"].values()) == pytest.approx(answer["cost_usd"], abs=1e-5)
    micro_usd = sum(sum(row.values()) for items in answer["micro_usd"].values() for row in items.values())
    assert micro_usd == round(answer["cost_usd"] * 1e6)


def test_gpu_hours_of_runs_others_and_idle_are_those_of_the_assets(answer: dict[str, Any]) -> None:
    parts = answer["gpu_hours"] + answer["others_gpu_hours"] + answer["idle_gpu_hours"]
    assert parts == pytest.approx(sum(asset["gpu_hours"] for asset in answer["assets"]))
    assert sum(run["gpu_hours"] for run in answer["runs"]) == pytest.approx(
        answer["gpu_hours"] + answer["others_gpu_hours"]
    )


def test_cash_less_accrual_is_what_is_left_less_the_cost_of_capital(answer: dict[str, Any]) -> None:
    assert answer["cash_usd"] > answer["accrual_usd"] > answer["cost_usd"]
    capital_usd = answer["book_value_usd"] - (answer["cash_usd"] - answer["accrual_usd"])
    assert 0 < capital_usd < 0.01 * answer["book_value_usd"]


def test_the_price_of_what_is_owned_goes_to_runs_others_idle_and_what_is_left(answer: dict[str, Any]) -> None:
    parts = answer["assets"][0]["price_by_use"]["server"]
    assert list(parts)[-3:] == ["others", "idle", "book value"]
    book = load_campaign("small").assets[0].billing.prices.prices["server/dgx-h100"].value
    assert sum(parts.values()) == pytest.approx(6 * book)


def test_the_screen_fits_and_shows_every_run_once(answer: dict[str, Any]) -> None:
    for marks in (ASCII, UNICODE):
        lines = campaign_report(answer, marks).splitlines()
        assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "ablation x8" in text
    assert "Ended early: 1 by fault: divergence" in text
    assert "2.2 (1.2 to 4)" in text


def test_the_screen_fits_whatever_is_on_the_bill(answer: dict[str, Any]) -> None:
    runs = [
        {**run, "entry": "a very long name of a run", "kind": "post-training", "nodes": 10_000}
        for run in answer["runs"]
    ]
    items = {item: {"step": -123_456_789_012_345 if item == "credit" else 123_456_789_012_345} for item in ITEMS}
    wide = {**answer, "runs": runs, "micro_usd": {f"a label that is long {i}": items for i in range(3)}}
    lines = campaign_report(wide, UNICODE).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("a very long n x14 post-training") for line in lines)
    (head,) = [line for line in lines if line.startswith("What it cost")]
    assert head.split()[-2:] == ["other", "total"]


def test_a_campaign_without_a_final_run_says_so(answer: dict[str, Any]) -> None:
    none = {**answer, "multiplier": dict.fromkeys(answer["multiplier"])}
    assert "no development multiplier" in campaign_report(none, ASCII)


def test_the_picture_has_a_box_a_run(answer: dict[str, Any]) -> None:
    root = ElementTree.fromstring(gantt_svg(answer))
    titles = [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}title")]
    assert [title.split(":")[0] for title in titles] == [run["name"] for run in answer["runs"]]


def test_published_sums_are_those_of_runs_that_no_fault_ended(answer: dict[str, Any]) -> None:
    table = 'published=[{ runs = ["main run"], value = 1000.0, source = "s", gap = [{ what = "x", gpu_hours = 9.0 }] }]'
    found = campaign_json(simulate_campaign(load_campaign("small", [table])))["published"][0]
    final = next(run for run in answer["runs"] if run["kind"] == "final")
    assert found["simulated"] == pytest.approx(final["job_gpu_hours"])
    assert found["error"] == pytest.approx(final["job_gpu_hours"] / 1000 - 1)
    assert found["gap"] == [{"what": "x", "gpu_hours": 9.0}]
