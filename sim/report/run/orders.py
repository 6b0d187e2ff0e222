"""What a run's report says of the spares that it ordered."""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from operator import attrgetter
from typing import Any

from sim.ledger.bill.assets import AssetCharge
from sim.ledger.time.trace import Event, RunTrace
from sim.quantities import show_count, show_usd
from sim.report.text import Result, wrapped
from sim.simulate import RunResult


def orders_json(result: RunResult) -> dict[str, Any] | None:
    """Return what was ordered and retired, None where a scenario has no orders.

    placed, arrived: orders; bought: nodes that arrived, on_order: those that had not when the run ended; retired: nodes
    by cause. price_usd: of what was bought, written_off_usd: of what was retired; None where nothing is owned.
    """
    reorder, trace, costs = result.plan.repair.reorder, result.trace, result.costs
    if reorder is None:
        return None
    counts = Counter(event.kind for event in trace.events)
    charges = costs.charges if costs else ()
    return {
        "placed": counts["ordered"],
        "arrived": counts["arrived"],
        "bought": counts["delivered"],
        "on_order": reorder.order * (counts["ordered"] - counts["arrived"]),
        "retired": _by_cause(trace),
        "price_usd": _total(charges, "price_usd", bought=True) if charges else None,
        "written_off_usd": _total(charges, "written_off_usd") if charges else None,
    }


def _by_cause(trace: RunTrace) -> dict[str, int]:
    retired: Iterable[Event] = (event for event in trace.events if event.kind == "retired")
    return dict(sorted(Counter(event.cause for event in retired).items()))


def _total(charges: Iterable[AssetCharge], name: str, *, bought: bool = False) -> float:
    """Return what charges sum to, of all assets or of what was bought in the run."""
    chosen = (charge for charge in charges if charge.since_us or not bought)
    return float(sum(map(attrgetter(name), chosen), Fraction()))


def orders_text(result: Result) -> list[str]:
    """Return a sentence of what was ordered; nothing where a scenario has no orders."""
    told = result.get("orders")
    if told is None:
        return []
    retired = f"{show_count(sum(told['retired'].values()))} nodes retired"
    orders = f"{show_count(told['arrived'])} of {show_count(told['placed'])} orders arrived"
    bought = f"{show_count(told['bought'])} nodes bought"
    if told["price_usd"] is not None:
        retired += f" ({show_usd(told['written_off_usd'])} written off)"
        bought += f" ({show_usd(told['price_usd'])})"
    on_order = [f"{show_count(told['on_order'])} on order at the end"] if told["on_order"] else []
    return wrapped(f"Spares: {'; '.join([retired, orders, bought, *on_order])}")
