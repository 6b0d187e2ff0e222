"""The small campaign from end to end: attempts, seeds, energy, and its parts against runs on their own."""

from dataclasses import replace

import pytest

from sim.campaign.campaign import CampaignResult, simulate_campaign
from sim.campaign.forms.load import load_campaign
from sim.campaign.multiplier import multipliers
from sim.campaign.outcome import run_seed
from sim.campaign.records import OTHERS, Campaign
from sim.campaign.usage import joint_usage
from sim.errors import InputError
from sim.scenario import load_scenario
from sim.simulate import simulate


def test_a_run_that_diverges_fails_and_begins_again_under_another_seed(
    small: Campaign, small_result: CampaignResult
) -> None:
    first, second = [o for o in small_result.outcomes if o.entry.name == "main run"]
    assert (first.kind, first.label, first.ended) == ("failed", "failed", "fault: divergence")
    assert (second.kind, second.label, second.ended) == ("final", "pre-training", "complete")
    starts = {slot.task.name: slot for slot in small_result.slots}
    assert starts[second.name].start_us == starts[first.name].end_us
    assert run_seed(small, first.entry, 0, 1) != run_seed(small, first.entry, 0, 2)


def test_a_run_is_the_same_whatever_else_is_in_the_campaign(small: Campaign, small_result: CampaignResult) -> None:
    alone = simulate_campaign(replace(small, runs=(replace(small.runs[0], count=2),)))
    assert [o.wall_us for o in alone.outcomes] == [o.wall_us for o in small_result.outcomes[:2]]


def test_a_run_of_a_campaign_is_the_run_of_its_scenario(small: Campaign, small_result: CampaignResult) -> None:
    student = next(o for o in small_result.outcomes if o.name == "student")
    seed = run_seed(small, student.entry, 0, 1)
    overrides = ["training.phases=[]", "training.tokens=10e9", f"run.seed={seed}"]
    assert student.time == simulate(load_scenario("tiny", overrides)).usage.time  # type: ignore[union-attr]


def test_attempts_that_are_used_up_leave_no_final_run(small: Campaign) -> None:
    fatal = load_campaign("small", ["runs.main run.attempts=2", 'runs.main run.faults.0.mean="2 h"'])
    result = simulate_campaign(replace(fatal, runs=(replace(fatal.runs[1], after=()),)))
    assert [o.kind for o in result.outcomes] == ["failed", "failed"]
    assert multipliers(result).gpu_hours is None


def test_what_others_use_is_not_the_campaigns(small_result: CampaignResult) -> None:
    assert {charge.kind for charge in small_result.of_others} == {OTHERS}
    assert sum(charge.micro_usd for charge in small_result.of_others) > 0
    assert OTHERS not in {charge.kind for charge in small_result.charges}


def test_energy_of_the_whole_is_nodes_network_and_store(small_result: CampaignResult) -> None:
    energy = joint_usage(small_result.held[0]).energy
    assert sum(energy.it_nj.values()) == energy.nodes_nj + energy.network_nj + energy.storage_nj
    assert energy.nodes_nj > energy.chips_nj > 0


RENTED = (
    'assets.main.set."cost.prices"=2026-rented',
    'assets.main.set."cost.acquisition"=on-demand',
)


def test_idle_nodes_of_a_rented_cluster_cost_nothing() -> None:
    result = simulate_campaign(load_campaign("small", [*RENTED, "teams=[]", "data=[]"]))
    held, bill = result.held[0], result.bills[0]
    assert held.idle_us > 0
    rate = held.asset.billing.prices.prices["rent-on-demand/dgx-h100"].value
    rent = sum(charge.micro_usd for charge in bill.charges if charge.item == "rent")
    assert rent / 1e6 == pytest.approx(rate * sum(o.held_us for o in result.outcomes) / 3.6e9)
    assert {charge.label for charge in bill.charges} >= {"pre-training", "ablation"}
    assert "idle" not in {charge.label for charge in bill.charges}
    assert bill.cash == sum(charge.micro_usd for charge in bill.charges)


def test_reserved_nodes_are_paid_while_they_idle() -> None:
    result = simulate_campaign(
        load_campaign(
            "small", [RENTED[0], 'assets.main.set."cost.acquisition"=reserved', "assets.main.until=2026-03-31"]
        )
    )
    held, bill = result.held[0], result.bills[0]
    rate = held.asset.billing.prices.prices["rent-reserved/dgx-h100"].value
    rent = sum(charge.micro_usd for charge in bill.charges if charge.item == "rent")
    assert rent / 1e6 == pytest.approx(rate * 48 * 30 * 24)
    idle = sum(c.micro_usd for c in bill.charges if c.item == "rent" and c.label == "idle")
    assert idle / rent == pytest.approx(held.idle_us / (held.gpus * held.wall_us), abs=1e-9)


SPOT = (RENTED[0], 'assets.main.set."cost.acquisition"=spot', 'assets.main.set."cost.evictions"=evicted')


def test_spot_nodes_need_the_failure_that_takes_them() -> None:
    with pytest.raises(
        InputError, match=r"runs.ablation: scenario: cost.evictions: unknown cause of failure 'evicted'"
    ):
        load_campaign("small", SPOT)


def test_what_is_paid_once_is_paid_once_on_a_cluster_that_is_paid_by_use() -> None:
    terms = {"egress": "3 TB", "credit": "100 USD", "commitment": "1e6 USD"}
    once = [f'assets.main.set."cost.{key}"={value}' for key, value in terms.items()]
    plain, result = (simulate_campaign(load_campaign("small", [*RENTED, *more])) for more in ([], once))
    spent = sum(charge.micro_usd for charge in plain.bills[0].charges)
    egress = round(3 * result.held[0].asset.billing.prices.prices["egress/tb"].value * 10**6)
    items = {charge.item: charge.micro_usd for charge in result.bills[0].charges if charge.label == "terms"}
    assert items == {"egress": egress, "credit": -100 * 10**6}
    assert sum(charge.micro_usd for charge in result.bills[0].charges) == spent + egress - 100 * 10**6
    assert sum(charge.micro_usd for charge in result.bills[0].pool) == 10**12 - spent - egress
    assert result.bills[0].cash == 10**12 - 100 * 10**6


CONTRACT = '{ name = "march", from = "2026-03-01", to = "2026-03-03", price = "2 USD" }'


def test_a_contract_is_paid_for_its_days_and_what_it_does_not_cover_on_demand() -> None:
    terms = {"prices": '"2026-rented"', "acquisition": '"reserved"', "contracts": f"[{CONTRACT}]"}
    overrides = [f'assets.main.set."cost.{key}"={value}' for key, value in terms.items()]
    result = simulate_campaign(load_campaign("small", [*overrides, "assets.main.until=2026-03-11"]))
    rate = result.held[0].asset.billing.prices.prices["rent-on-demand/dgx-h100"].value
    rent = sum(charge.micro_usd for charge in result.bills[0].charges if charge.item == "rent")
    assert rent / 1e6 == pytest.approx(48 * 24 * (2 * 2 + 8 * rate))


def test_idle_time_that_no_run_absorbs_goes_to_the_pool() -> None:
    result = simulate_campaign(load_campaign("small", ['assets.main.set."cost.absorb"=false']))
    plain = simulate_campaign(load_campaign("small"))
    bill = result.bills[0]
    assert "idle" not in {charge.label for charge in bill.charges}
    assert "idle" in {charge.label for charge in bill.pool}
    whole = sum(charge.micro_usd for charge in (*bill.charges, *bill.pool))
    assert whole == sum(charge.micro_usd for charge in plain.bills[0].charges)


def test_two_assets_have_a_bill_each(small: Campaign) -> None:
    other = replace(small.assets[0], name="other")
    runs = tuple(replace(run, asset="other" if i % 2 else "main", after=()) for i, run in enumerate(small.runs[2:]))
    result = simulate_campaign(replace(small, assets=(small.assets[0], other), runs=runs))
    assert [bill.name for bill in result.bills] == ["main", "other"]
    assert {charge.asset for charge in result.charges} == {"main", "other", ""}


def test_evicted_nodes_are_not_paid_for() -> None:
    evicted = '{ component = "node", name = "evicted", kind = "exponential", mean = "2 d" }'
    keys = f'"failures.causes" = [{evicted}], "recovery.detect_by_cause" = {{}}'
    runs = f'runs=[{{ name = "r", kind = "final", scenario = "tiny", set = {{ {keys} }} }}]'
    result = simulate_campaign(load_campaign("small", [*SPOT, runs]))
    (outcome,) = result.outcomes
    gone_us = sum(amount for key, amount in outcome.time.items() if (key.state, key.cause) == ("repair", "evicted"))
    rate = result.held[0].asset.billing.prices.prices["rent-spot/dgx-h100"].value
    rent = sum(charge.micro_usd for charge in result.bills[0].charges if charge.item == "rent")
    assert gone_us > 0
    assert rent / 1e6 == pytest.approx(rate * (outcome.held_us - gone_us) / 3.6e9)
