"""What failures cost: GPU-time and dollars by cause and by part, and the dearest single events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

from sim.ledger.bill.cost import CostLedger, Posting
from sim.ledger.bill.usage import Usage

PARTS: Mapping[str, tuple[str, ...]] = {
    "detection": ("detect", "diagnose"),
    "restart": ("drain", "replace", "initialize", "restore", "warm_up"),
    "waiting": ("schedule", "wait_for_node", "checkpoint"),
    "repair": ("repair",),
    "rework": ("lost_work",),
}
"""What a failure takes, by state. The first four are direct; rework is steps made again.

A checkpoint has a cause where it waits for a store that failed.
"""

DIRECT = ("detection", "restart", "waiting", "repair")

UPKEEP = ("maintenance", "debugging", "write-off")
"""Items by the visit, the incident or the node that is given up: a part of their own, whatever the state."""

OTHER = "other"
"""What bears a cause besides: a repaired node on the shelf, planned maintenance, a checkpoint for a job to regrow."""

COLUMNS = (*PARTS, "upkeep", OTHER)

_PART_OF = {state: part for part, states in PARTS.items() for state in states}

MILLION = 10**12
"""A million dollars in micro-dollars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseCost:
    """What a cause took: GPU-microseconds and micro-dollars by part of COLUMNS (upkeep has no time), zeros included."""

    cause: str
    failures: int
    interruptions: int
    gpu_us: Mapping[str, int]
    micro_usd: Mapping[str, int]


def cause_costs(usage: Usage, costs: CostLedger, failures: Mapping[str, int]) -> tuple[CauseCost, ...]:
    """Return what each cause took, the dearest first; failures: their number by cause.

    Time and money without a cause is no cause's. What a pool pays (repair, where the run does not absorb it) counts:
    somebody pays it. The sum over causes and parts is what the ledger posts with a cause, run and pool, exactly.
    """
    gpu_us: dict[str, dict[str, int]] = {}
    for key, amount in usage.time.items():
        if key.cause:
            _add(gpu_us, key.cause, _PART_OF.get(key.state, OTHER), amount)
    micro_usd: dict[str, dict[str, int]] = {}
    for posting in chain(costs.postings, costs.pool):
        if posting.cause:
            _add(micro_usd, posting.cause, _part_of(posting), posting.micro_usd)
    found = [
        CauseCost(
            cause=cause,
            failures=failures.get(cause, 0),
            interruptions=usage.interruptions.get(cause, 0),
            gpu_us=gpu_us.get(cause, _zeros()),
            micro_usd=micro_usd.get(cause, _zeros()),
        )
        for cause in sorted({*gpu_us, *micro_usd, *failures, *usage.interruptions} - {""})
    ]
    return tuple(sorted(found, key=lambda each: -sum(each.micro_usd.values())))


def _zeros() -> dict[str, int]:
    return dict.fromkeys(COLUMNS, 0)


def _add(table: dict[str, dict[str, int]], cause: str, part: str, amount: int) -> None:
    table.setdefault(cause, _zeros())[part] += amount


def _part_of(posting: Posting) -> str:
    return "upkeep" if posting.item in UPKEEP else _PART_OF.get(posting.state, OTHER)


class EventCost(NamedTuple):
    """One event: GPU-microseconds in the states of PARTS, and micro-dollars at the mean price of these."""

    event: int
    cause: str
    gpu_us: int
    micro_usd: int


Row = tuple[int, str, str, int]
"""A row of the time ledger: event, state, cause, GPU-microseconds."""


def event_costs(rows: Iterable[Row], usage: Usage, costs: CostLedger) -> tuple[EventCost, ...]:
    """Return what each event with a cause took, the dearest first.

    An event's rows are priced at the mean dollars a GPU-hour of their (state, cause) in the bill, upkeep included: over
    all events these sum to the postings of those states, to rounding. Only states of PARTS count: what a reversal takes
    from steps it gives to lost_work, and a repaired node on the shelf is nobody's loss yet. What is written off of
    retired nodes is no event's: `cause_costs` tells of it.
    """
    rates = _rates(usage, costs)
    time: dict[tuple[int, str], int] = {}
    money: dict[tuple[int, str], Fraction] = {}
    for event, state, cause, gpu_us in rows:
        if event < 0 or not cause or state not in _PART_OF:
            continue
        key = event, cause
        time[key] = time.get(key, 0) + gpu_us
        money[key] = money.get(key, Fraction()) + gpu_us * rates.get((state, cause), Fraction())
    found = [EventCost(event, cause, time[event, cause], round(usd)) for (event, cause), usd in money.items()]
    return tuple(sorted(found, key=lambda each: (-each.micro_usd, each.event)))


def _rates(usage: Usage, costs: CostLedger) -> dict[tuple[str, str], Fraction]:
    """Return micro-dollars a GPU-microsecond by (state, cause)."""
    time: dict[tuple[str, str], int] = {}
    for key, amount in usage.time.items():
        time[key.state, key.cause] = time.get((key.state, key.cause), 0) + amount
    money: dict[tuple[str, str], int] = {}
    for posting in (row for row in chain(costs.postings, costs.pool) if row.item != "write-off"):
        money[posting.state, posting.cause] = money.get((posting.state, posting.cause), 0) + posting.micro_usd
    return {key: Fraction(money.get(key, 0), amount) for key, amount in time.items() if amount}


def priciest_claim(events: tuple[EventCost, ...]) -> str:
    """Return whether "a single failure can waste millions" held: how many events took a million dollars or more.

    >>> priciest_claim((EventCost(1, "gpu", 10, 2_500_000_000_000), EventCost(2, "nic", 10, 1)))
    'holds: 1 of 2 took $1 M or more'
    >>> priciest_claim(())
    'no failure took anything'
    """
    if not events:
        return "no failure took anything"
    dear = sum(event.micro_usd >= MILLION for event in events)
    if not dear:
        return f"does not hold: none of {len(events)} took $1 M"
    return f"holds: {dear} of {len(events)} took $1 M or more"
