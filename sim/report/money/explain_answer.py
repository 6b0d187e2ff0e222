"""What `explain` prints with --json: a stored bill taken apart, and the difference from another one."""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sim.catalog.records import PriceBook
from sim.errors import OutputError
from sim.ledger.bill.cost import CostLedger, price
from sim.ledger.bill.usage import US_PER_HOUR, Usage
from sim.ledger.bill.value import lost_hour, shadow_usd
from sim.ledger.explain.cash import CashView, cash_by_month, cash_view
from sim.ledger.explain.difference import Billed, difference, goodput_and_allocation
from sim.ledger.explain.evidence import evidence
from sim.ledger.explain.failures import (
    MILLION,
    OTHER,
    CauseCost,
    EventCost,
    Row,
    cause_costs,
    event_costs,
    priciest_claim,
)
from sim.ledger.explain.headline import headline
from sim.ledger.files.focus import focus_rows
from sim.ledger.files.focus_file import focus_csv, focus_parquet
from sim.ledger.files.parquet import read_table
from sim.ledger.files.stored import StoredRun, read_book, read_stored
from sim.report.money.bill import COLUMNS
from sim.report.money.lots import lots_json
from sim.report.run.results import existing_run

EVENTS = 5
"""So many events are listed, the dearest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A stored run, priced as it was, and what of its tables an explanation needs; failures: their number by cause."""

    directory: Path
    run: StoredRun
    book: PriceBook
    costs: CostLedger
    useful_flop: float | None
    failures: dict[str, int]
    event_rows: list[Row]
    event_days: dict[int, float]


def read_explained(directory: Path, start: str | None = None) -> Explained:
    """Return the run of a results directory; start: the day, for a run whose scenario has none.

    Raises OutputError where there is no billed run, its answer is gone, or it starts on another day.
    """
    run = read_stored(directory)
    if start is not None and run.start not in (None, start):
        raise OutputError(f"{directory}: --start: got {start}; expected {run.start}, on which the run starts")
    answer = existing_run(directory, run.run_id)
    if answer is None:
        raise OutputError(f"{directory}: the results are not whole; expected every table of {run.run_id}")
    events = read_table(directory, "events").select(["event", "time_us", "kind", "cause"]).to_pydict()
    ledger = read_table(directory, "time_ledger").select(["event", "state", "cause", "gpu_us"])
    kinds = zip(events["kind"], events["cause"], strict=True)
    run, book = replace(run, start=run.start or start), read_book(directory)
    return Explained(
        directory=directory,
        run=run,
        book=book,
        costs=price(run.usage, book, run.acquisition, run.terms, run.start),
        useful_flop=answer["useful_flop"],
        failures=dict(Counter(cause for kind, cause in kinds if kind == "failure")),
        event_rows=list(zip(*(column.to_pylist() for column in ledger.columns), strict=True)),
        event_days={
            event: time_us / (24 * US_PER_HOUR)
            for event, time_us in zip(events["event"], events["time_us"], strict=True)
        },
    )


def view_of(told: Explained) -> CashView:
    """Return the cash view of a stored run."""
    return cash_view(told.run.usage, told.costs, told.run.terms, told.run.start)


def focus_bytes(told: Explained, path: Path) -> bytes:
    """Return a stored bill in the shape of FOCUS 1.2, in the format that a file's name ends in.

    Raises OutputError for another format, and for a run without the day on which it starts.
    """
    writers = {".csv": focus_csv, ".parquet": focus_parquet}
    if path.suffix not in writers:
        raise OutputError(f"--focus {path}: got a name that ends in '{path.suffix}'; expected {' or '.join(writers)}")
    run = told.run
    rows = focus_rows(run.run_id, run.usage, told.costs, told.book, run.terms, view_of(told), run.start)
    return writers[path.suffix](rows)


def explain_json(told: Explained, other: Explained | None = None) -> dict[str, Any]:
    """Return everything that is said of a bill; money in integer micro-dollars, whose sums are exact."""
    usage, costs = told.run.usage, told.costs
    whole = headline(costs.postings, COLUMNS)
    return {
        **_about(told),
        "headline": {
            "all_in_micro_usd": whole.total,
            "compute_micro_usd": whole.compute,
            "all_in_over_compute": whole.total / whole.compute if whole.compute else None,
            "rungs": dict(whole.rungs),
            "matrix": {item: dict(row) for item, row in whole.matrix.items()},
        },
        "failures": _failures(told),
        "evidence": _evidence(told),
        "cash": _cash(view_of(told)),
        "unpriced": list(costs.unpriced),
        "difference": None if other is None else _difference(told, other),
        "gpu_hours": sum(usage.time.values()) / US_PER_HOUR,
        "tokens": usage.tokens,
        "useful_flop": told.useful_flop,
        "micro_usd": _by_state(costs),
    }


def _about(told: Explained) -> dict[str, Any]:
    run, costs = told.run, told.costs
    total = sum(posting.micro_usd for posting in costs.postings)
    return {
        "run_id": run.run_id,
        "acquisition": costs.acquisition,
        "book": costs.book,
        "start": run.start,
        "days": run.usage.wall_us / (24 * US_PER_HOUR),
        "gpus": run.usage.gpus,
        "cost_usd": total / 10**6,
        "total_micro_usd": total,
        "pool_micro_usd": (pool := sum(posting.micro_usd for posting in costs.pool)),
        "pool_usd": pool / 10**6,
        "lots": lots_json(run.usage, costs),
        "lost_gpu_hour": asdict(lost_hour(run.usage, costs, run.terms)),
        "shadow_usd": {name: float(usd) for name, usd in shadow_usd(run.usage, told.book, run.terms).items()},
    }


def _by_state(costs: CostLedger) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = {}
    for posting in costs.postings:
        row = totals.setdefault(posting.item, {})
        row[posting.state] = row.get(posting.state, 0) + posting.micro_usd
    return totals


def _failures(told: Explained) -> dict[str, Any]:
    total = sum(posting.micro_usd for posting in told.costs.postings)
    causes = cause_costs(told.run.usage, told.costs, told.failures)
    events = event_costs(told.event_rows, told.run.usage, told.costs)
    return {
        "total_micro_usd": sum(sum(each.micro_usd.values()) for each in causes),
        "lost_micro_usd": sum(sum(each.micro_usd.values()) - each.micro_usd[OTHER] for each in causes),
        "causes": [_cause(each) for each in causes],
        "events": len(events),
        "mean_event_micro_usd": sum(each.micro_usd for each in events) // len(events) if events else None,
        "dearest": [_event(each, told.event_days) for each in events[:EVENTS]],
        "one_failure_wastes_millions": priciest_claim(events),
        "hours_a_million": told.run.usage.wall_us / US_PER_HOUR * MILLION / total if total else None,
    }


def _cause(cost: CauseCost) -> dict[str, Any]:
    return {
        "cause": cost.cause,
        "failures": cost.failures,
        "interruptions": cost.interruptions,
        "gpu_hours": {part: amount / US_PER_HOUR for part, amount in cost.gpu_us.items()},
        "micro_usd": dict(cost.micro_usd),
        "total_micro_usd": sum(cost.micro_usd.values()),
    }


def _event(cost: EventCost, days: dict[int, float]) -> dict[str, Any]:
    return {
        "event": cost.event,
        "cause": cost.cause,
        "day": days.get(cost.event),
        "gpu_hours": cost.gpu_us / US_PER_HOUR,
        "micro_usd": cost.micro_usd,
    }


def _evidence(told: Explained) -> dict[str, Any]:
    found = evidence(told.costs, told.book)
    names = ("key", "kind", "micro_usd")
    return {
        "whole_micro_usd": found.whole,
        "by_kind": dict(found.by_kind),
        "resting": [dict(zip(names, each, strict=True)) for each in found.resting],
    }


def _cash(view: CashView) -> dict[str, Any]:
    return {
        "months": cash_by_month(view),
        "cash_micro_usd": view.cash,
        "accrual_micro_usd": view.accrual,
        "book_value_micro_usd": view.book_value,
        "capital_micro_usd": view.capital,
    }


def _difference(told: Explained, other: Explained) -> dict[str, Any]:
    found = difference(_billed(told), _billed(other))
    return {
        **asdict(found),
        "runs": [_factors(told), _factors(other)],
        "micro_usd": found.totals[1] - found.totals[0],
    }


def _billed(told: Explained) -> Billed:
    run = told.run
    return Billed(
        usage=run.usage,
        book=told.book,
        acquisition=run.acquisition,
        terms=run.terms,
        start=run.start,
        useful_flop=told.useful_flop,
    )


def _factors(told: Explained) -> dict[str, Any]:
    """Return what the identity of a difference is made of, as a reader knows it."""
    usage, row = told.run.usage, told.run.row
    goodput, allocation = goodput_and_allocation(usage)
    return {
        "run_id": told.run.run_id,
        "useful_flop": told.useful_flop,
        "step_mfu": row["step_mfu"],
        "peak_flop_per_s": _peak(usage, told.useful_flop),
        "goodput": goodput,
        "allocation": allocation,
        "gpu_hours": sum(usage.time.values()) / US_PER_HOUR,
    }


def _peak(usage: Usage, useful_flop: float | None) -> float | None:
    """Return the dense peak of a GPU: useful FLOP over the time that they take at peak."""
    ideal_us = sum(amount for key, amount in usage.time.items() if key.state == "compute_ideal")
    return useful_flop / (ideal_us * 1e-6) if useful_flop and ideal_us else None
