"""What every campaign's bill keeps, over random outcomes: nothing is lost between a whole and its parts."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.campaign.campaign import CampaignResult, billed
from sim.campaign.forms.load import load_campaign
from sim.campaign.money import depreciation_by_use, shared_charges, without_people
from sim.campaign.multiplier import multipliers
from sim.campaign.outcome import Outcome
from sim.campaign.records import OTHERS, CalendarTeam, Campaign, Given, RunEntry
from sim.campaign.usage import joint_usage
from sim.errors import SimulationError
from sim.ledger.bill.cost import price
from sim.ledger.bill.terms import Team, Terms
from sim.ledger.bill.work import staff_lines
from sim.ledger.time.time_ledger import Key

BASE = load_campaign("small")
ASSET = BASE.assets[0]
STATES = ("step", "lost_work", "detect", "initialize", "repair", "spare")
HOUR_US = 3_600_000_000


@st.composite
def outcome(draw: st.DrawFn, index: int) -> Outcome:
    """Return a run of random states: its GPU-time is that of its nodes, whatever the states are."""
    nodes, wall_us = draw(st.integers(1, ASSET.nodes)), draw(st.integers(1, 400 * HOUR_US))
    whole = nodes * ASSET.gpus_per_node * wall_us
    cuts = sorted(draw(st.lists(st.integers(0, whole), max_size=4)))
    parts = [b - a for a, b in zip([0, *cuts], [*cuts, whole], strict=True)]
    time: Counter[Key] = Counter()
    for part in parts:
        state = draw(st.sampled_from(STATES))
        cause = draw(st.sampled_from(("", "Faulty GPU", "a/b"))) if state in STATES[1:5] else ""
        time[Key(state, cause, draw(st.integers(0, 1)))] += part
    kind = draw(st.sampled_from(("ablation", "final", "failed", "evaluation", OTHERS)))
    entry = RunEntry(
        name=f"r{index}",
        kind=kind,
        label=draw(st.sampled_from((kind, "label"))),
        asset=ASSET.name,
        nodes=nodes,
        after=tuple(f"r{j}" for j in range(index) if draw(st.booleans())),
        given=Given(gpu_us=whole, source="test"),
    )
    return Outcome(
        name=entry.name,
        entry=entry,
        attempt=1,
        kind=kind,
        label=entry.label,
        wall_us=wall_us,
        time=dict(time),
        node_nj={key: amount * 1000 for key, amount in time.items()},
        chips_nj=whole * 700,
        ended="complete",
        visits={"Faulty GPU": draw(st.integers(1, 5))},
        interruptions={"Faulty GPU": draw(st.integers(1, 5))},
    )


@st.composite
def campaigns(draw: st.DrawFn) -> tuple[Campaign, list[Outcome]]:
    done = [draw(outcome(index)) for index in range(draw(st.integers(1, 5)))]
    asset = ASSET
    if draw(st.booleans()):
        billing = replace(ASSET.billing, terms=Terms(absorb=draw(st.booleans())))
        asset = replace(ASSET, billing=billing, until_us=draw(st.sampled_from((None, 10_000 * HOUR_US))))
    policy = draw(st.sampled_from(("in-order", "first-fit")))
    return replace(BASE, assets=(asset,), runs=tuple(each.entry for each in done), policy=policy), done


@settings(max_examples=40, deadline=None)
@given(drawn=campaigns())
def test_gpu_time_of_the_cluster_is_runs_and_idle_exactly(drawn: tuple[Campaign, list[Outcome]]) -> None:
    held = billed(*drawn).held[0]
    assert sum(each.held_us for each in drawn[1]) + held.idle_us == held.gpus * held.wall_us


@settings(max_examples=40, deadline=None)
@given(drawn=campaigns())
def test_the_sum_of_all_parts_is_the_bill_of_the_whole_to_the_micro_dollar(
    drawn: tuple[Campaign, list[Outcome]],
) -> None:
    result = billed(*drawn)
    held, bill, billing = result.held[0], result.bills[0], result.held[0].asset.billing
    whole = price(joint_usage(held), without_people(held.asset.billing.prices), "own", billing.terms)
    assert sum(row.micro_usd for row in bill.charges) == sum(row.micro_usd for row in whole.postings)
    assert sum(row.micro_usd for row in bill.pool) == sum(row.micro_usd for row in whole.pool)
    by_run = Counter[str]()
    for row in (*result.charges, *result.of_others):
        by_run[row.run] += row.micro_usd
    assert by_run.total() == sum(r.micro_usd for r in bill.charges) + sum(r.micro_usd for r in result.shared)
    names = {each.name for each in drawn[1]} | {"idle"} | {row.run for row in result.shared}
    assert set(by_run) <= names


@settings(max_examples=40, deadline=None)
@given(drawn=campaigns())
def test_depreciation_of_shared_assets_and_what_is_left_are_their_price(drawn: tuple[Campaign, list[Outcome]]) -> None:
    result = billed(*drawn)
    for owned in result.bills[0].owned:
        parts = depreciation_by_use(owned, result.held[0])
        assert sum(parts.values()) == round(owned.price_usd * 10**6)
        assert min(parts.values()) >= 0
        assert parts["book value"] == round(owned.price_usd * 10**6) - round(owned.depreciation_usd * 10**6)


@settings(max_examples=40, deadline=None)
@given(drawn=campaigns())
def test_the_multiplier_is_at_least_one(drawn: tuple[Campaign, list[Outcome]]) -> None:
    found = multipliers(billed(*drawn))
    kinds = {each.kind for each in drawn[1]}
    assert (found.gpu_hours is None) == ("final" not in kinds)
    if found.gpu_hours is not None and found.held is not None and found.usd is not None:
        assert 1 <= found.gpu_hours <= found.held
        assert found.usd >= 1
        if kinds <= {"final", OTHERS}:
            assert found.gpu_hours == 1


@settings(max_examples=25, deadline=None)
@given(drawn=campaigns(), key=st.sampled_from(("server/dgx-h100", "energy/kwh", "storage/nvme-server", "staff/fte")))
def test_twice_a_price_moves_its_lines_and_no_other(drawn: tuple[Campaign, list[Outcome]], key: str) -> None:
    campaign, done = drawn
    twice = replace(campaign, assets=(doubled(campaign.assets[0], key),))
    before, after = lines_of(billed(campaign, done)), lines_of(billed(twice, done))
    for line, usd in before.items():
        item, keys = line
        if key not in keys:
            assert after[line] == usd
        elif key == "energy/kwh" or item in ("server", "storage", "staff", "maintenance"):
            assert after[line] == 2 * usd


def doubled(asset: Any, key: str) -> Any:
    book = asset.billing.prices
    prices = {**book.prices, key: replace(book.prices[key], value=2 * book.prices[key].value)}
    return replace(asset, billing=replace(asset.billing, prices=replace(book, prices=prices)))


def lines_of(result: CampaignResult) -> Counter[Any]:
    """Return exact dollars by item and the prices that they are made of."""
    held = result.held[0]
    billing = held.asset.billing
    costs = price(joint_usage(held), without_people(billing.prices), "own", billing.terms)
    lines: Counter[Any] = Counter()
    for line in costs.lines:
        lines[line.item, line.keys] += line.usd
    return lines


@given(
    fte=st.floats(0.1, 1000).map(lambda value: round(value, 3)),
    days=st.integers(1, 3000),
    more=st.integers(1, 3000),
)
def test_people_are_paid_by_the_calendar(fte: float, days: int, more: int) -> None:
    start = date(2026, 3, 1)

    def usd(length: int) -> int:
        team = CalendarTeam(name="t", fte=fte, start=start, end=start + timedelta(days=length))
        (charge,) = shared_charges(replace(BASE, teams=(team,), data=()))
        return charge.micro_usd

    assert abs(usd(days) + usd(more) - usd(days + more)) <= 1
    fte_usd = Fraction(str(ASSET.billing.prices.prices["staff/fte"].value))
    assert usd(days) == round(Fraction(str(fte)) * fte_usd * days * 4 / 1461 * 10**6)


def test_a_team_for_as_long_as_a_run_costs_what_a_run_would_pay_it(small_result: CampaignResult) -> None:
    usage = replace(joint_usage(small_result.held[0]), wall_us=28 * 24 * HOUR_US)
    book = ASSET.billing.prices
    lines = staff_lines(usage, book, Terms(teams=(Team(name="research", fte=0.5),)))
    by_run = next(line.usd for line in lines if line.detail == "research")
    assert next(row for row in shared_charges(BASE) if row.run == "research").micro_usd == round(by_run * 10**6)


def test_a_run_that_outlasts_its_asset_is_said(small_result: CampaignResult) -> None:
    short = replace(BASE, assets=(replace(ASSET, until_us=24 * HOUR_US),))
    with pytest.raises(SimulationError, match="after asset 'main' is given back"):
        billed(short, small_result.outcomes)
