"""What `campaign --json` prints."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, time, timedelta
from typing import Any

from sim.campaign.campaign import CampaignResult
from sim.campaign.money import AssetBill, Charge, depreciation_by_use
from sim.campaign.multiplier import PUBLISHED, multipliers
from sim.campaign.outcome import Outcome, gpu_hours
from sim.campaign.queue import Slot
from sim.campaign.records import OTHERS, PublishedSum
from sim.campaign.usage import Held
from sim.ledger.bill.power import pue_of
from sim.ledger.bill.value import carbon_kg_per_kwh
from sim.ledger.power.energy import co2e_kg, facility_kwh


def campaign_json(result: CampaignResult) -> dict[str, Any]:
    """Return the answer of a campaign; micro_usd: by label, item and state, as integers."""
    charges, used = result.charges, [outcome for outcome in result.outcomes if outcome.kind != OTHERS]
    by_run = _by((charge for bill in result.bills for charge in bill.charges), "run")
    end_us = max(slot.end_us for slot in result.slots)
    shared = sum(charge.micro_usd for charge in result.shared)
    whole = sum(c.micro_usd for bill in result.bills for c in (*bill.charges, *bill.pool))
    return {
        "name": result.campaign.name,
        "seed": result.campaign.seed,
        "start": result.campaign.start.isoformat(),
        "end": _instant(result, end_us),
        "wall_time_s": end_us * 1e-6,
        "queue": result.campaign.policy,
        "complete": all(outcome.ended in ("complete", "given") for outcome in _last_attempts(result.outcomes)),
        "gpu_hours": gpu_hours(sum(outcome.held_us for outcome in used)),
        "idle_gpu_hours": gpu_hours(sum(held.idle_us for held in result.held)),
        "others_gpu_hours": gpu_hours(sum(o.held_us for o in result.outcomes if o.kind == OTHERS)),
        "multiplier": asdict(multipliers(result)),
        "published_multipliers": [
            {"name": name, "value": value, "low": low, "high": high, "source": source}
            for name, value, low, high, source in PUBLISHED
        ],
        "cost_usd": _usd(charges),
        "others_usd": _usd(result.of_others),
        "pool_usd": _usd(charge for bill in result.bills for charge in bill.pool),
        "accrual_usd": (whole + shared) / 1e6,
        "cash_usd": (sum(bill.cash for bill in result.bills) + shared) / 1e6,
        "book_value_usd": sum(bill.book_value for bill in result.bills) / 1e6,
        **{f"cost_by_{axis}": _by(charges, axis) for axis in ("kind", "label", "item", "state", "asset")},
        "micro_usd": _matrix(charges),
        "runs": [
            _run(result, outcome, slot, by_run.get(outcome.name, 0.0))
            for outcome, slot in zip(result.outcomes, result.slots, strict=True)
        ],
        "assets": [_asset(result, *pair) for pair in zip(result.held, result.bills, strict=True)],
        "published": [_published(result, each) for each in result.campaign.published],
        "sources": _sources(result),
        "notes": list(result.campaign.notes),
    }


def _instant(result: CampaignResult, at_us: int) -> str:
    """Return an instant of a campaign, which begins at midnight UTC, to the minute."""
    begin = datetime.combine(result.campaign.start, time())
    return (begin + timedelta(microseconds=at_us)).isoformat(timespec="minutes")


def _last_attempts(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return what each run came to in the end."""
    last: dict[str, Outcome] = {}
    for outcome in outcomes:
        last[outcome.name.split(" attempt ")[0]] = outcome
    return list(last.values())


def _usd(charges: Iterable[Charge]) -> float:
    return sum(charge.micro_usd for charge in charges) / 1e6


def _by(charges: Iterable[Charge], axis: str) -> dict[str, float]:
    totals: Counter[str] = Counter()
    for charge in charges:
        totals[str(getattr(charge, axis))] += charge.micro_usd
    return {name: amount / 1e6 for name, amount in totals.items()}


def _matrix(charges: Iterable[Charge]) -> dict[str, dict[str, dict[str, int]]]:
    matrix: dict[str, dict[str, Counter[str]]] = {}
    for charge in charges:
        items = matrix.setdefault(charge.label, {})
        items.setdefault(charge.item, Counter())[charge.state] += charge.micro_usd
    return {label: {item: dict(row) for item, row in items.items()} for label, items in matrix.items()}


def _run(result: CampaignResult, outcome: Outcome, slot: Slot, cost_usd: float) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "entry": outcome.entry.name,
        "attempt": outcome.attempt,
        "kind": outcome.kind,
        "label": outcome.label,
        "asset": outcome.entry.asset,
        "nodes": outcome.entry.nodes,
        "start": _instant(result, slot.start_us),
        "end": _instant(result, slot.end_us),
        "start_s": slot.start_us * 1e-6,
        "end_s": slot.end_us * 1e-6,
        "wall_time_s": outcome.wall_us * 1e-6,
        "gpu_hours": gpu_hours(outcome.held_us),
        "job_gpu_hours": gpu_hours(outcome.job_us),
        "tokens": outcome.tokens,
        "flop": outcome.flop,
        "ended": outcome.ended,
        "simulated": outcome.entry.tree is not None,
        "cost_usd": cost_usd,
    }


def _asset(result: CampaignResult, held: Held, bill: AssetBill) -> dict[str, Any]:
    asset, billing = held.asset, held.asset.billing
    owned = {charge.item: depreciation_by_use(charge, held) for charge in bill.owned}
    energies = [(usage.energy, float(pue_of(usage, billing.prices, billing.terms))) for usage in bill.usages]
    kg_per_kwh = float(carbon_kg_per_kwh(billing.prices, billing.terms))
    return {
        "name": asset.name,
        "node": asset.machines.node.name,
        "accelerator": asset.machines.accelerator.name,
        "nodes": asset.nodes,
        "gpus": held.gpus,
        "acquisition": billing.acquisition,
        "prices": billing.prices.name,
        "from": _instant(result, held.from_us),
        "until": _instant(result, held.until_us),
        "gpu_hours": gpu_hours(held.gpus * held.wall_us),
        "idle_gpu_hours": gpu_hours(held.idle_us),
        "cost_usd": _usd(bill.charges),
        "cash_usd": bill.cash / 1e6,
        "book_value_usd": bill.book_value / 1e6,
        "price_by_use": {
            item: {name: micro_usd / 1e6 for name, micro_usd in parts.items()} for item, parts in owned.items()
        },
        "energy_kwh": sum(facility_kwh(energy, pue) for energy, pue in energies),
        "co2e_kg": sum(co2e_kg(energy, pue, kg_per_kwh) for energy, pue in energies),
        "unpriced": list(bill.unpriced),
    }


def _published(result: CampaignResult, each: PublishedSum) -> dict[str, Any]:
    """Return a published sum beside the simulated one, of attempts that no fault ended."""
    runs = [o for o in result.outcomes if o.entry.name in each.runs and o.kind == o.entry.kind]
    simulated = gpu_hours(sum(o.held_us if each.figure == "gpu_hours" else o.job_us for o in runs))
    return {
        "figure": each.figure,
        "runs": list(each.runs),
        "value": each.value,
        "simulated": simulated,
        "error": simulated / each.value - 1,
        "source": each.source,
        "gap": [{"what": what, "gpu_hours": hours} for what, hours in each.gap],
    }


def _sources(result: CampaignResult) -> dict[str, str]:
    """Return who states what is given and not simulated."""
    given = {run.name: run.given.source for run in result.campaign.runs if run.given is not None}
    return given | {lump.name: lump.source for lump in result.campaign.data}
