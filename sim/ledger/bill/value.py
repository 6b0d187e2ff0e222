"""What a lost GPU-hour is worth, three ways side by side, and costs that nobody invoices.

- accounting: what the ledger charges a GPU-hour in which the job stepped, lost or not;
- marginal: what would not have been spent had the job not run in it: energy and its cooling where the hardware is
  owned, the rent (and its support) on demand and spot, nothing of a reservation;
- opportunity: what it costs that the run ends later: all that accrues with time (servers, buildings, people, rent),
  idle and spare GPUs included, a GPU-hour of the job, and the price of delay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sim.catalog.records import PriceBook
from sim.ledger.bill.cost import CostLedger
from sim.ledger.bill.power import pue_of
from sim.ledger.bill.prices import exact, price_of, price_or_none
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import US_PER_DAY, US_PER_HOUR, Usage
from sim.ledger.power.energy import NJ_PER_KWH
from sim.ledger.time.states import IN_JOB, STEPPING
from sim.ledger.time.trace import RECLASSIFIED_STATES

STEPPED = frozenset((*STEPPING, *RECLASSIFIED_STATES))
"""States of GPU-time in which the job stepped."""

ONCE = ("data", "credit", "commitment", "debugging", "write-off", "egress")
"""Items that do not grow with the time that a run takes."""

MARGINAL: Mapping[str, tuple[str, ...]] = {
    "own": ("energy", "cooling"),
    "colocation": ("energy",),
    "reserved": (),
    "on-demand": ("rent", "support"),
    "spot": ("rent", "support"),
}
"""Items that an hour less would have saved, by acquisition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostHour:
    """USD of one lost GPU-hour of the job, three ways; None where the job never stepped."""

    accounting_usd: float | None
    marginal_usd: float | None
    opportunity_usd: float | None


def lost_hour(usage: Usage, costs: CostLedger, terms: Terms) -> LostHour:
    """Return what a lost GPU-hour is worth."""
    stepped_us = sum(amount for key, amount in usage.time.items() if key.state in STEPPED)
    in_job_us = sum(amount for key, amount in usage.time.items() if key.state in IN_JOB)
    if not stepped_us:
        return LostHour(accounting_usd=None, marginal_usd=None, opportunity_usd=None)
    stepped = [row for row in costs.postings if row.state in STEPPED]
    saved = MARGINAL[costs.acquisition]
    accrued = sum(row.micro_usd for row in (*costs.postings, *costs.pool) if row.item not in ONCE)
    delay = exact(terms.delay_usd_per_day) * 10**6 * Fraction(usage.wall_us, US_PER_DAY)
    return LostHour(
        accounting_usd=_per_hour(Fraction(sum(row.micro_usd for row in stepped)), stepped_us),
        marginal_usd=_per_hour(Fraction(sum(row.micro_usd for row in stepped if row.item in saved)), stepped_us),
        opportunity_usd=_per_hour(accrued + delay, in_job_us),
    )


def _per_hour(micro_usd: Fraction, gpu_us: int) -> float:
    return float(micro_usd / 10**6 * US_PER_HOUR / gpu_us)


def carbon_kg_per_kwh(book: PriceBook, terms: Terms) -> Fraction:
    """Return CO2e of a kWh by place: of the grid that the terms name, or the book's."""
    if terms.grid_kg_per_kwh is not None:
        return exact(terms.grid_kg_per_kwh)
    return price_of(book, "carbon/kwh")


def shadow_usd(usage: Usage, book: PriceBook, terms: Terms) -> dict[str, Fraction]:
    """Return costs that nobody invoices, which no total holds: carbon at a price, and the delay of lost time.

    carbon: facility energy x kg/kWh x carbon/tonne, where the book has that. delay: the time that the job did not
    make progress (in the job, but not stepping, or lost) over its GPUs, at the terms' dollars a day.
    """
    shadow: dict[str, Fraction] = {}
    if (tonne := price_or_none(book, "carbon/tonne")) is not None:
        kwh = Fraction(sum(usage.energy.it_nj.values()), NJ_PER_KWH) * pue_of(usage, book, terms)
        shadow["carbon"] = kwh * carbon_kg_per_kwh(book, terms) / 1000 * tonne
    if terms.delay_usd_per_day:
        in_job = sum(amount for key, amount in usage.time.items() if key.state in IN_JOB)
        kept = sum(amount for key, amount in usage.time.items() if key.state in STEPPING)
        days = Fraction(in_job - kept, max(in_job, 1)) * Fraction(usage.wall_us, US_PER_DAY)
        shadow["delay"] = days * exact(terms.delay_usd_per_day)
    return shadow
