"""Bills of small runs, for tests."""

from dataclasses import replace
from fractions import Fraction

from sim.ledger.bill.cost import CostLedger, price
from sim.ledger.bill.terms import STANDARD, Terms
from sim.ledger.bill.usage import US_PER_DAY, Assets, Usage
from sim.ledger.power.energy import energy_ledger, nameplate_w
from sim.ledger.power.hours import by_hour_nj
from sim.ledger.time.time_ledger import net_gpu_us, time_ledger
from sim.ledger.time.trace import RunTrace
from sim.workload.profile import StepProfile
from tests.cluster.hardware import price_book
from tests.ledger.hardware import ACCELERATOR, BILL, NODE, OWNED, RENTED, STORAGE
from tests.ledger.traces import Incident, profile_of, trace_of

HALF = profile_of({"compute_ideal": 500, "bubble": 500})

MORE = {
    "scale-up/box": 5_000.0,
    "rent-spot/box": 1.25,
    "head-node/unit": 20_000.0,
    "head-node/per-1000-gpu": 100.0,
    "licence/gpu-year": 4_500.0,
    "maintenance/server": 0.03,
    "maintenance/event": 1_000.0,
    "rma/credit": 0.6,
    "colocation/kw-month": 150.0,
    "energy/demand": 12.0,
    "energy/kwh-peak": 0.21,
    "support/rent": 0.05,
    "storage-rent/pb-month": 20_000.0,
    "egress/tb": 90.0,
    "sla/repair": 0.5,
    "staff/hours-per-incident": 8.0,
    "staff/hour": 250.0,
    "cdu/watt": 0.5,
    "life/cooling": 10.0,
}
"""Prices that a book may leave out."""

EVERYTHING = OWNED | RENTED | MORE


def usage_of(trace: RunTrace, profile: StepProfile | None = HALF) -> Usage:
    """Return what a run used, its energy by hour of the day included."""
    ledger = time_ledger(trace, [profile, profile])
    nodes = trace.nodes + trace.spare_nodes
    visits: dict[str, int] = {}
    for stay in trace.stays:
        if stay.place == "repair":
            visits[stay.cause] = visits.get(stay.cause, 0) + 1
    return Usage(
        gpus=ledger.gpus,
        wall_us=ledger.wall_us,
        time=net_gpu_us(ledger),
        energy=energy_ledger(ledger, [profile, profile], NODE, ACCELERATOR, BILL, STORAGE),
        assets=Assets(
            node="box",
            nodes=nodes,
            gpus_per_node=trace.gpus_per_node,
            bill=BILL,
            storage="shelf",
            storage_bytes=3e15,
            nameplate_w=nameplate_w(NODE, nodes, BILL, STORAGE),
        ),
        visits=visits,
        interruptions=dict(visits),
        tokens=10**12,
        by_hour_nj=by_hour_nj(ledger, NODE, ACCELERATOR, BILL, STORAGE),
    )


def bill_of(
    usage: Usage,
    prices: dict[str, float],
    acquisition: str = "own",
    terms: Terms = STANDARD,
    start: str | None = None,
) -> CostLedger:
    """Return a bill at some prices."""
    return price(usage, price_book(prices), acquisition, terms, start)


def failing(count: int) -> RunTrace:
    """Two nodes and a spare for so many days, half of them before a failure that costs a node and some steps."""
    steps = count * 86_400 * 1_000 // 2
    one = Incident(0, steps, 0, 0, 0, "gpu", 10**6, 10**6, 10**9, replaced=True)
    return trace_of([one, one], nodes=2, spares=1, gpus_per_node=8)


def lasting(usage: Usage, days: int) -> Usage:
    """Return the same usage on a clock of so many days: GPU-time and energy scaled with it."""
    wall_us = days * US_PER_DAY
    ratio = Fraction(wall_us, usage.wall_us)
    time = {key: round(amount * ratio) for key, amount in usage.time.items()}
    first = next(iter(time))
    time[first] += usage.gpus * wall_us - sum(time.values())
    return replace(usage, wall_us=wall_us, time=time)
