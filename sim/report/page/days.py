"""When GPU-time was lost: the time ledger in equal spans of the calendar."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sim.ledger.bill.usage import US_PER_HOUR
from sim.report.run.waterfall import LOSSES

MOST_SPANS = 100
SPANS_H = (1 / 60, 1 / 12, 1 / 4, 1, 3, 6, 12, 24, 48, 7 * 24, 14 * 24, 28 * 24)
"""Lengths to choose from, hours; longer runs take whole multiples of the last."""

CLASSES: Mapping[str, tuple[str, ...]] = {group: LOSSES[group] for group in LOSSES if group != "in the step"}
"""Losses that have a time; those in the step are the same in every step of a phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Shares of the GPU-time held in spans of `hours` each, by class of loss; failures and stops in each span.

    held_h: GPU-hours held in each span; the last may be shorter.
    """

    hours: float
    held_h: NDArray[np.float64]
    lost: Mapping[str, NDArray[np.float64]]
    failures: NDArray[np.int64]
    interruptions: NDArray[np.int64]


def span_hours(wall_us: int) -> float:
    """Return the shortest of SPANS_H of which a run takes at most MOST_SPANS.

    >>> span_hours(54 * 24 * 3600 * 10**6)
    24
    """
    wall_h = wall_us / US_PER_HOUR
    fitting = [hours for hours in SPANS_H if hours * MOST_SPANS >= wall_h]
    return fitting[0] if fitting else SPANS_H[-1] * int(np.ceil(wall_h / (SPANS_H[-1] * MOST_SPANS)))


def spans(ledger: pa.Table, events: pa.Table, wall_us: int) -> Spans:
    """Return when GPU-time was lost; ledger, events: the tables time_ledger and events of one run.

    A row is spread evenly over its time, also the entries that take lost work out of steps, so that the spans of a
    class sum to what the class is in the ledger.
    """
    hours = span_hours(wall_us)
    count = max(int(np.ceil(wall_us / (hours * US_PER_HOUR))), 1)
    edges = np.minimum(np.arange(count + 1) * hours * US_PER_HOUR, wall_us)
    held = _spread(ledger, edges)
    lost = {
        group: _spread(ledger.filter(pc.is_in(ledger["state"], pa.array(states))), edges)
        for group, states in CLASSES.items()
    }
    return Spans(
        hours=hours,
        held_h=held / US_PER_HOUR,
        lost={
            group: np.divide(amount, held, out=np.zeros_like(amount), where=held > 0) for group, amount in lost.items()
        },
        failures=_counted(events.filter(pc.field("kind") == "failure"), edges),
        interruptions=_counted(events.filter(pc.field("kind") == "failure").filter(pc.field("interrupted")), edges),
    )


def _spread(rows: pa.Table, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the GPU-microseconds of rows between the edges."""
    start, end, amount = (rows[name].to_numpy().astype(np.float64) for name in ("start_us", "end_us", "gpu_us"))
    length = np.maximum(end - start, 1.0)
    upto = [float((amount * np.clip((edge - start) / length, 0.0, 1.0)).sum()) for edge in edges[1:-1]]
    return np.diff([0.0, *upto, float(amount.sum())])


def _counted(events: pa.Table, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.histogram(events["time_us"].to_numpy(), bins=edges)[0].astype(np.int64)
