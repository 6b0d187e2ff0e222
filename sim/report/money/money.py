"""Money and carbon of a run as JSON: the bill, what it emitted, and what others' methods say of it."""

from collections import Counter
from dataclasses import asdict
from datetime import timedelta
from fractions import Fraction
from typing import Any

from sim.catalog.records import PriceBook
from sim.ledger.bill.cost import CostLedger, pool_usd, total_usd, usd_by
from sim.ledger.bill.power import pue_of
from sim.ledger.bill.prices import date_of, price_or_none
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import US_PER_HOUR, Usage
from sim.ledger.bill.value import carbon_kg_per_kwh, lost_hour, shadow_usd
from sim.ledger.methods.views import RunFacts, method_views, view_json
from sim.ledger.power.carbon import carbon_of, tdp_only_kg
from sim.ledger.power.energy import co2e_kg, facility_kwh, kwh_by_state
from sim.ledger.time.states import IN_JOB
from sim.report.money.lots import lots_json


def bill_json(usage: Usage, costs: CostLedger, book: PriceBook, terms: Terms) -> dict[str, Any]:
    """Return what a bill says: amounts in USD; micro_usd by item and state, as integers."""
    pue = float(pue_of(usage, book, terms))
    return {
        "cost_usd": float(total_usd(costs)),
        "cost": {str(item): float(usd) for item, usd in usd_by(costs, "item").items()},
        "cost_by_state": {str(state): float(usd) for state, usd in usd_by(costs, "state").items()},
        "micro_usd": _matrix(costs),
        "acquisition": costs.acquisition,
        "prices": costs.book,
        "pool_usd": float(pool_usd(costs)),
        "unpriced": list(costs.unpriced),
        "lots": lots_json(usage, costs),
        "lost_gpu_hour": asdict(lost_hour(usage, costs, terms)),
        "shadow_usd": {name: float(usd) for name, usd in shadow_usd(usage, book, terms).items()},
        "energy_kwh": facility_kwh(usage.energy, pue),
        "it_energy_kwh_by_state": kwh_by_state(usage.energy),
        "co2e_kg": co2e_kg(usage.energy, pue, float(carbon_kg_per_kwh(book, terms))),
        "carbon": carbon_json(usage, book, terms),
        "mean_power_w": power_json(usage, book, terms),
    }


def power_json(usage: Usage, book: PriceBook, terms: Terms) -> dict[str, float]:
    """Return the mean power of a run in watts, at the GPUs, at the nodes, of all IT, and at the meter."""
    energy, it_nj = usage.energy, sum(usage.energy.it_nj.values())
    # A nanojoule a microsecond is a milliwatt.
    levels: dict[str, float | Fraction] = {"chip": energy.chips_nj, "node": energy.nodes_nj, "it": it_nj}
    levels["facility"] = it_nj * pue_of(usage, book, terms)
    return {name: float(amount) / usage.wall_us / 1000 for name, amount in levels.items()}


def carbon_json(usage: Usage, book: PriceBook, terms: Terms) -> dict[str, float | None]:
    """Return kg CO2e by place, by contract, of making the servers, and as model cards count it: GPUs at their TDP.

    None where the book has no carbon/market-kwh or embodied/<node>. Cards take the hours of the job and no PUE.
    """
    assets, by_place = usage.assets, float(carbon_kg_per_kwh(book, terms))
    contracted, server_kg = (price_or_none(book, key) for key in ("carbon/market-kwh", f"embodied/{assets.node}"))
    life = price_or_none(book, "life/server")
    emitted = carbon_of(
        facility_kwh(usage.energy, float(pue_of(usage, book, terms))),
        by_place,
        market_kg_per_kwh=None if contracted is None else float(contracted),
        gpu_hours=usage.held_gpu_us / US_PER_HOUR,
        embodied_kg_per_gpu=None if server_kg is None or life is None else float(server_kg) / assets.gpus_per_node,
        life_years=float(life or 1),
    )
    return {
        "location_kg": emitted.location_kg,
        "market_kg": emitted.market_kg,
        "embodied_kg": emitted.embodied_kg,
        "tdp_only_kg": tdp_only_kg(job_gpu_hours(usage), assets.tdp_w, by_place),
    }


def job_gpu_hours(usage: Usage) -> float:
    """Return the GPU-hours of the job, as model cards count them."""
    return sum(amount for key, amount in usage.time.items() if key.state in IN_JOB) / US_PER_HOUR


def methods_json(usage: Usage, book: PriceBook, terms: Terms, model: str, start: str) -> list[dict[str, Any]]:
    """Return what others' methods say of a run, each with its terms; a paper would tell of it when it ends."""
    first = date_of(start, "run.start")
    facts = RunFacts(
        model=model,
        accelerator=usage.assets.accelerator,
        held_gpu_hours=usage.held_gpu_us / US_PER_HOUR,
        job_gpu_hours=job_gpu_hours(usage),
        chips=usage.gpus,
        tdp_w=usage.assets.tdp_w,
        kg_per_kwh=float(carbon_kg_per_kwh(book, terms)),
        pue=float(pue_of(usage, book, terms)),
        published=first + timedelta(microseconds=usage.wall_us),
        start=first,
        it_kwh=facility_kwh(usage.energy, 1.0),
    )
    return [view_json(view) for view in method_views(facts)]


BILL_KEYS = (
    *("cost_usd", "cost", "cost_by_state", "micro_usd", "acquisition", "prices", "pool_usd", "unpriced"),
    *("lost_gpu_hour", "shadow_usd", "energy_kwh", "it_energy_kwh_by_state", "co2e_kg", "carbon", "mean_power_w"),
    "lots",
)
"""Keys of `bill_json`."""


def _matrix(costs: CostLedger) -> dict[str, dict[str, int]]:
    """Return micro-dollars by item and state."""
    matrix: dict[str, Counter[str]] = {}
    for posting in costs.postings:
        matrix.setdefault(posting.item, Counter())[posting.state] += posting.micro_usd
    return {item: dict(row) for item, row in matrix.items()}
