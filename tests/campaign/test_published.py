"""Campaigns that imitate published ones, against what was published of them."""

import pytest

from sim.campaign.campaign import simulate_campaign
from sim.campaign.forms.load import load_campaign
from sim.report.campaign.answer import campaign_json
from sim.report.campaign.screen import campaign_report
from sim.report.text import UNICODE


@pytest.mark.slow
def test_llama_3_405b_as_two_runs_takes_the_job_gpu_hours_of_its_card() -> None:
    answer = campaign_json(simulate_campaign(load_campaign("llama3-405b")))
    (card,) = answer["published"]
    assert card["value"] == 30.84e6
    assert -0.15 <= card["error"] <= 0.02
    assert card["gap"]
    by_name = {run["name"]: run for run in answer["runs"]}
    assert by_name["first start"]["kind"] == "failed"
    assert by_name["8M batches"]["tokens"] + by_name["16M batches"]["tokens"] == pytest.approx(15.6e12, rel=1e-4)
    assert max(map(len, campaign_report(answer, UNICODE).splitlines())) <= 80
    assert 1 < answer["multiplier"]["gpu_hours"] < answer["multiplier"]["held"] < answer["multiplier"]["usd"]


@pytest.mark.slow
def test_deepseek_v3_costs_two_dollars_a_gpu_hour_and_no_more() -> None:
    answer = campaign_json(simulate_campaign(load_campaign("deepseek-v3")))
    pre_training, whole = answer["published"]
    assert abs(pre_training["error"]) <= 0.10
    assert abs(whole["error"]) <= 0.10
    assert answer["cost_usd"] == pytest.approx(2.0 * answer["gpu_hours"], rel=1e-9)
    assert answer["assets"][0]["acquisition"] == "on-demand"
    assert max(map(len, campaign_report(answer, UNICODE).splitlines())) <= 80
