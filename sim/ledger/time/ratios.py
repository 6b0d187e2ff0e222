"""Ratios of a run that its trace alone gives, without ledgers: what many runs are compared by."""

from collections.abc import Mapping

import numpy as np

from sim.ledger.time.trace import Column, Reversal, RunTrace, Segment, Table, Worded, plain_rows

_SPENT, _STATE = map(Segment._fields.index, ("duration_us", "state"))
_UNDONE = Reversal._fields.index("duration_us")


def retained_step_us(trace: RunTrace) -> int:
    """Return the wall time that retained steps took: all steps, less what was lost or in flight at the end."""
    segments, reversals = trace.segments, trace.reversals
    if isinstance(segments, Table) and isinstance(reversals, Table) and segments.columns and reversals.columns:
        return _sum(segments.columns, "step") - _sum(reversals.columns)
    stepped: int = sum(row[_SPENT] for row in plain_rows(segments) if row[_STATE] == "step")
    undone: int = sum(row[_UNDONE] for row in plain_rows(reversals))
    return stepped - undone


def _sum(columns: Mapping[str, Column], state: str | None = None) -> int:
    """Return the durations of rows, of one state or of all."""
    duration_us, states = columns["duration_us"], columns["state"]
    assert isinstance(states, Worded), "states are text"
    assert isinstance(duration_us, np.ndarray), "durations are numbers"
    chosen = duration_us if state is None else duration_us[states.codes == states.words.index(state)]
    return int(chosen.sum())


def trace_ettr(trace: RunTrace) -> float:
    """Return retained step time over the wall time of the job, waiting included."""
    return retained_step_us(trace) / trace.end_us if trace.end_us else 0.0


def trace_goodput(trace: RunTrace) -> float:
    """Return retained step node-time over the node-time in the job: that of the ledger, which divides it exactly.

    Segments of a span in which no node is in the job weigh nothing.
    """
    in_job = sum(segment.duration_us * segment.nodes for segment in trace.segments)
    stepped = sum(segment.duration_us * segment.nodes for segment in trace.segments if segment.state == "step")
    undone = sum(reversal.duration_us * reversal.nodes for reversal in trace.reversals)
    return (stepped - undone) / in_job if in_job else 0.0
