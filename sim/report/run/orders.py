"""What a run's report says of the spares that it ordered; what they cost is told with the bill."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sim.quantities import show_count
from sim.report.text import Result, wrapped
from sim.simulate import RunResult


def orders_json(result: RunResult) -> dict[str, Any] | None:
    """Return what was ordered and retired, None where a scenario has no orders.

    placed, arrived: orders; bought: nodes that arrived, on_order: those that had not when the run ended; retired: nodes
    by cause.
    """
    reorder, events = result.plan.repair.reorder, result.trace.events
    if reorder is None:
        return None
    counts = Counter(event.kind for event in events)
    return {
        "placed": counts["ordered"],
        "arrived": counts["arrived"],
        "bought": counts["delivered"],
        "on_order": reorder.order * (counts["ordered"] - counts["arrived"]),
        "retired": dict(sorted(Counter(event.cause for event in events if event.kind == "retired").items())),
    }


def orders_said(result: Result) -> Iterator[str]:
    """Yield a sentence of what was ordered; nothing where a scenario has no orders."""
    told = result.get("orders")
    if told is None:
        return
    yield (
        f"Spares: {show_count(sum(told['retired'].values()))} nodes retired; {show_count(told['arrived'])} of "
        f"{show_count(told['placed'])} orders arrived: {show_count(told['bought'])} nodes; "
        f"{show_count(told['on_order'])} on order at the end"
    )


def orders_text(result: Result) -> list[str]:
    """Return the same in lines of a screen."""
    return [line for said in orders_said(result) for line in wrapped(said)]
