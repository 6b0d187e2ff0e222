"""A bill in the shape of FOCUS 1.2, the FinOps Open Cost and Usage Specification: its 21 mandatory columns and x_ ones.

Rows of use, one a posting, carry the accrual view: EffectiveCost is what accrued. BilledCost is the same, except of
assets, which were bought: their use is billed 0, and one row of a purchase for each month carries what was paid, with
an EffectiveCost of 0. So EffectiveCost sums to the accrual view and BilledCost to the cash view, exactly.

A posting has no date of its own: time in a state does not lie evenly in a run, and to split it by month would invent
when it was. Its period is the run. For the same reason payments that are no purchases are not shown by month here.

The shape is not certified: accounts and issuers are a simulation's, and nobody sent an invoice.
"""

import datetime
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from sim.catalog.records import PriceBook
from sim.errors import OutputError
from sim.ledger.bill.cost import CostLedger, Posting, usd
from sim.ledger.bill.power import pue_of
from sim.ledger.bill.prices import date_of
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import US_PER_HOUR, Usage
from sim.ledger.bill.value import carbon_kg_per_kwh
from sim.ledger.explain.cash import CashView, Flow
from sim.ledger.power.energy import kwh
from sim.ledger.time.time_ledger import Key

NOTE = "FOCUS 1.2-shaped, not certified"

MANDATORY = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd"),
    *("BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd"),
    *("ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity"),
    *("PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
)
"""Columns that FOCUS 1.2 requires of every dataset."""

EXTRA = (
    *("x_State", "x_Cause", "x_Phase", "x_Account", "x_GpuHours", "x_EnergyKwh", "x_Co2eKg", "x_RunId", "x_PriceBook"),
    "x_Note",
)
"""x_GpuHours, x_EnergyKwh (IT) and x_Co2eKg stand on the first row of each state, cause and phase, to sum to the run's.

x_Account: run, or the pool that pays what no run does; empty on purchases, which serve both.
"""

COLUMNS = (*MANDATORY, *EXTRA)

CATEGORIES = {
    "network": "Networking",
    "egress": "Networking",
    "storage": "Storage",
    "licence": "Developer Tools",
    "support": "Management and Governance",
    "maintenance": "Management and Governance",
    "data": "Analytics",
    **dict.fromkeys(("energy", "cooling", "facility", "cdu", "colocation"), "Other"),
    **dict.fromkeys(("staff", "debugging", "write-off", "commitment", "credit"), "Other"),
}
"""ServiceCategory of an item, one of those that FOCUS allows; servers, what is in them and their rent are Compute."""

Row = dict[str, Any]


def focus_rows(
    run_id: str, usage: Usage, costs: CostLedger, book: PriceBook, terms: Terms, view: CashView, start: str | None
) -> list[Row]:
    """Return the rows of a bill on some terms, those of use first; view: the cash view of the same bill.

    ListCost and ContractedCost are EffectiveCost on use and BilledCost on purchases: the book is the price list and the
    contract. Raises OutputError without the day on which the run starts, since every row has a period.
    """
    if start is None:
        raise OutputError("FOCUS: the run has no start; expected --start or run.start, such as 2026-03-01")
    first = datetime.datetime.combine(date_of(start, "run.start"), datetime.time(), datetime.UTC)
    bought: dict[str, Fraction] = {}
    for charge in costs.charges:
        bought[charge.item] = bought.get(charge.item, Fraction()) + charge.price_usd
    period = _period(first, 0, usage.wall_us)
    common = {
        "BillingAccountId": run_id,
        "BillingAccountName": f"run {run_id}",
        "BillingCurrency": book.currency,
        "x_RunId": run_id,
        "x_PriceBook": book.name,
        "x_Note": NOTE,
    }
    carbon = float(pue_of(usage, book, terms) * carbon_kg_per_kwh(book, terms))
    rows = [common | period | row for row in _use(usage, costs, carbon, bought)]
    for flow in view.flows:
        if flow.item in bought:
            share = flow.micro_usd / float(bought[flow.item] * 10**6)
            rows.append(common | _period(first, flow.start_us, flow.end_us) | _purchase(flow, share))
    return [{name: row.get(name) for name in COLUMNS} for row in rows]


def _period(first: datetime.datetime, start_us: int, end_us: int) -> Row:
    """Return a period; FOCUS excludes its end, so that an instant becomes its second."""
    begin = first + datetime.timedelta(seconds=start_us // 10**6)
    end = max(first + datetime.timedelta(seconds=-(-end_us // 10**6)), begin + datetime.timedelta(seconds=1))
    return {
        f"{name}Period{side}": at for name in ("Billing", "Charge") for side, at in (("Start", begin), ("End", end))
    }


def _use(usage: Usage, costs: CostLedger, carbon: float, bought: Mapping[str, Fraction]) -> Iterator[Row]:
    """Yield the rows of use; carbon: kg CO2e of a kWh of IT."""
    left = dict.fromkeys(usage.time)
    for account, postings in (("run", costs.postings), ("pool", costs.pool)):
        for posting in postings:
            key = Key(posting.state, posting.cause, posting.phase)
            row = _cost(posting, 0 if posting.item in (*bought, "write-off") else posting.micro_usd)
            measured = _measures(usage, key, carbon) if key in left else {}
            left.pop(key, None)
            yield row | _quantity(usage, key, posting.item) | {"x_Account": account} | measured
    for key in left:  # Time that costs nothing is still time.
        free = _cost(Posting("unpriced", *key, 0), 0)
        yield free | _quantity(usage, key, "unpriced") | {"x_Account": "run"} | _measures(usage, key, carbon)


def _cost(posting: Posting, billed: int) -> Row:
    amount, cause = usd(posting.micro_usd), f" ({posting.cause})" if posting.cause else ""
    return {
        "BilledCost": usd(billed),
        "EffectiveCost": amount,
        "ListCost": amount,
        "ContractedCost": amount,
        "ChargeCategory": "Credit" if posting.item == "credit" else "Usage",
        "ChargeDescription": f"{posting.item} while {posting.state}{cause}",
        **_service(posting.item),
        "x_State": posting.state,
        "x_Cause": posting.cause or None,
        "x_Phase": posting.phase,
    }


def _service(item: str) -> Row:
    names = dict.fromkeys(("InvoiceIssuerName", "ProviderName", "PublisherName"), "Trainwright simulation")
    return names | {"ServiceCategory": CATEGORIES.get(item, "Compute"), "ServiceName": item}


def _quantity(usage: Usage, key: Key, item: str) -> Row:
    if item == "credit":
        return {}
    return {"PricingQuantity": usage.time.get(key, 0) / US_PER_HOUR, "PricingUnit": "GPU-Hours"}


def _measures(usage: Usage, key: Key, carbon: float) -> Row:
    energy_kwh = kwh(usage.energy.it_nj.get(key, 0))
    hours = usage.time[key] / US_PER_HOUR
    return {"x_GpuHours": hours, "x_EnergyKwh": energy_kwh, "x_Co2eKg": energy_kwh * carbon}


def _purchase(flow: Flow, share: float) -> Row:
    paid = usd(flow.micro_usd)
    return {
        "BilledCost": paid,
        "EffectiveCost": usd(0),
        "ListCost": paid,
        "ContractedCost": paid,
        "ChargeCategory": "Purchase",
        "ChargeDescription": f"purchase of {flow.item}, {100 * share:.4g} % of its price",
        **_service(flow.item),
        "PricingQuantity": share,
        "PricingUnit": "Purchases",
    }
