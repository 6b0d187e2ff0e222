"""Ratios of a run that its trace alone gives, without ledgers: what many runs are compared by."""

from sim.ledger.time.trace import Reversal, RunTrace, Segment, plain_rows

_SPENT, _STATE = map(Segment._fields.index, ("duration_us", "state"))
_UNDONE = Reversal._fields.index("duration_us")


def retained_step_us(trace: RunTrace) -> int:
    """Return the wall time that retained steps took: all steps, less what was lost or in flight at the end."""
    stepped: int = sum(row[_SPENT] for row in plain_rows(trace.segments) if row[_STATE] == "step")
    undone: int = sum(row[_UNDONE] for row in plain_rows(trace.reversals))
    return stepped - undone


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
