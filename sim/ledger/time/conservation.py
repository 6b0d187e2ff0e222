"""The laws that every run's ledger must keep, checked after each run: nothing is lost, nothing is counted twice."""

from collections.abc import Iterator
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimulationError
from sim.ledger.time.apportion import Ints, unbalanced
from sim.ledger.time.columns import Rows, TraceColumns, columned
from sim.ledger.time.states import CODES, IN_JOB, STATES
from sim.ledger.time.time_ledger import TimeLedger, by_state, net_gpu_us
from sim.ledger.time.trace import RECLASSIFIED_STATES, RunTrace

_POSTED = np.array([state in RECLASSIFIED_STATES for state in STATES])
"""By the code of a state: whether reversals post to it."""


def check_conservation(trace: RunTrace | TraceColumns, ledger: TimeLedger) -> None:
    """Raise SimulationError unless the trace and its ledger keep every law of conservation, in integers.

    - spans of segments cover the run without gap or overlap, and their rows sum to them; so do the stays of every node;
    - at every moment as many nodes stay in the job as its segments say;
    - GPU-time over all states = GPUs x duration of the run, less what retired nodes no longer hold of it, and over the
      job's states = stays in the job;
    - reversals sum to zero per event, and never take more step time than there was; an event's lost work is at
      most the time since the checkpoint that was restored, times the GPUs;
    - per phase, retained + lost + in-flight steps = processed steps, and reversals name as many.
    """
    columns = columned(trace)
    first = _first_of_spans(columns.segments)
    _check_segments(columns.trace, columns.segments, first)
    if not len(columns.node):
        _expect("nodes with stays", 0, columns.trace.nodes + columns.trace.spare_nodes)
    _check_stays(columns)
    _check_job_nodes(columns, first)
    _check_totals(columns, ledger)
    _check_postings(ledger)
    _check_reversals(columns)
    _check_steps(columns)


def _expect(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise SimulationError(f"conservation: {what}: got {got}; expected {expected}")


def _first_of_spans(segments: Rows) -> Ints:
    """Return the position of the first row of every span: rows that share a span lie next to each other."""
    changes = (np.diff(segments.start_us) != 0) | (np.diff(segments.end_us) != 0)
    return np.flatnonzero(np.append(len(segments.state) > 0, changes))


def _after(first: int, rest: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate((np.array([first], rest.dtype), rest))


def _check_segments(trace: RunTrace, segments: Rows, first: Ints) -> None:
    for index in np.flatnonzero(segments.duration_us < 0)[:1]:
        state = f"duration of '{STATES[segments.state[index]]}' at {segments.start_us[index]} us"
        _expect(state, int(segments.duration_us[index]), "at least 0")
    start_us, end_us = segments.start_us[first], segments.end_us[first]
    unfilled_us = end_us - start_us - np.add.reduceat(segments.duration_us, first) if len(first) else first
    expected_us = _after(0, end_us)[: len(first)]
    for index in np.flatnonzero((start_us != expected_us) | (unfilled_us != 0))[:1]:
        _expect("start of a segment", int(start_us[index]), int(expected_us[index]))
        _expect(f"time without a state in the span that starts at {start_us[index]} us", int(unfilled_us[index]), 0)
    _expect("end of the last segment", int(end_us[-1]) if len(end_us) else 0, trace.end_us)


def _check_stays(columns: TraceColumns) -> None:
    trace = columns.trace
    if np.any(columns.stay_start_us > columns.stay_end_us):
        raise SimulationError("conservation: a stay of a node ends before it starts")
    order = np.lexsort((columns.stay_end_us, columns.stay_start_us, columns.node))
    node, start_us, end_us = (column[order] for column in (columns.node, columns.stay_start_us, columns.stay_end_us))
    first = _after(True, node[1:] != node[:-1])
    count = trace.nodes + trace.spare_nodes
    _expect("nodes with stays", int(first.sum()), count)
    _expect("first and last node with a stay", (int(node[0]), int(node[-1])), (0, count - 1))
    expected_us = np.where(first, 0, _after(0, end_us[:-1]))
    for index in np.flatnonzero(start_us != expected_us)[:1]:
        _expect(f"start of a stay of node {node[index]}", int(start_us[index]), int(expected_us[index]))
    last = np.append(first[1:], True)
    for index in np.flatnonzero(last & (end_us != trace.end_us))[:1]:
        _expect(f"end of the last stay of node {node[index]}", int(end_us[index]), trace.end_us)


def _check_job_nodes(columns: TraceColumns, first: Ints) -> None:
    """Count nodes in the job by its stays less those by its spans, which has to be 0 after every instant."""
    segments, in_job = columns.segments, columns.in_job
    stays_start_us, stays_end_us = columns.stay_start_us[in_job], columns.stay_end_us[in_job]
    last = np.append(first[1:], len(segments.nodes))[: len(first)] - 1
    nodes, one = segments.nodes[last], np.ones(len(stays_start_us), np.int64)
    instants = np.concatenate((stays_start_us, segments.start_us[last], stays_end_us, segments.end_us[last]))
    order = np.argsort(instants, kind="stable")
    time_us, surplus = instants[order], np.cumsum(np.concatenate((one, -nodes, -one, nodes))[order])
    settled = np.append(time_us[1:] != time_us[:-1], True)
    for index in np.flatnonzero(settled & (surplus != 0))[:1]:
        _expect(f"nodes staying in the job beyond those of its segment at {time_us[index]} us", int(surplus[index]), 0)


def _check_totals(columns: TraceColumns, ledger: TimeLedger) -> None:
    trace, totals = columns.trace, by_state(net_gpu_us(ledger))
    lasting_us = columns.stay_end_us - columns.stay_start_us
    held_us = (trace.nodes + trace.spare_nodes) * trace.end_us - sum(lasting_us[columns.retired].tolist())
    _expect("GPU-microseconds over all states", sum(totals.values()), trace.gpus_per_node * held_us)
    stayed_us = sum(lasting_us[columns.in_job].tolist())
    in_job = sum(totals[state] for state in IN_JOB)
    _expect("GPU-microseconds over the states of the job", in_job, trace.gpus_per_node * stayed_us)


def _check_postings(ledger: TimeLedger) -> None:
    posted = np.flatnonzero(ledger.start_us == ledger.end_us)
    gpu_us = ledger.gpu_us[posted]
    for index in np.flatnonzero((gpu_us < 0) & _POSTED[ledger.state[posted]])[:1]:
        _expect("GPU-microseconds that a reversal posts", int(gpu_us[index]), "at least 0")
    # Events are numbered from 0; nothing has -1.
    group = ledger.event[posted] + 1
    for index in unbalanced(group, gpu_us, int(group.max(initial=0)) + 1)[:1]:
        total = sum(gpu_us[group == index].tolist())
        _expect(f"sum of the reversals of event {index - 1}", total, 0)


def _check_reversals(columns: TraceColumns) -> None:
    """Compare reversals with the step time before them, and since the restored checkpoint, by event.

    Segments lie in the order of time, which is checked before.
    """
    segments, reversals = columns.segments, columns.reversals
    order = np.argsort(reversals.end_us, kind="stable")
    time_us, event = reversals.end_us[order], reversals.event[order].tolist()
    for index in np.flatnonzero(time_us > columns.trace.end_us)[:1]:
        _expect(f"time of the reversal by event {event[index]}", int(time_us[index]), f"at most {columns.trace.end_us}")
    steps = np.flatnonzero(segments.state == CODES["step"])
    made = [0, *accumulate(_node_us(segments, steps))]
    before = np.searchsorted(segments.end_us[steps], time_us, side="right").tolist()
    for index, taken in enumerate(accumulate(_node_us(reversals, order))):
        if taken > made[before[index]]:
            left = made[before[index]] - taken
            _expect(f"node-microseconds of steps left after event {event[index]}", left, "at least 0")
    _check_rollbacks(columns)


def _node_us(rows: Rows, chosen: Ints) -> Iterator[int]:
    """Return node-microseconds of rows as Python integers, which do not overflow."""
    return map(mul, rows.duration_us[chosen].tolist(), rows.nodes[chosen].tolist())


def _check_rollbacks(columns: TraceColumns) -> None:
    told, reversals = np.flatnonzero(columns.since_us >= 0), columns.reversals
    event, most_us = reversals.event[told], (reversals.end_us - columns.since_us)[told]
    order = np.lexsort((most_us, event))
    event, most_us, taken_us = event[order], most_us[order], reversals.duration_us[told][order]
    first = np.flatnonzero(_after(True, (event[1:] != event[:-1]) | (most_us[1:] != most_us[:-1])))[: len(order)]
    taken_us = np.add.reduceat(taken_us, first) if len(first) else taken_us
    for index in np.flatnonzero(taken_us > most_us[first])[:1]:
        most = f"at most {most_us[first][index]}, since the checkpoint"
        _expect(f"microseconds reversed by event {event[first][index]}", int(taken_us[index]), most)


def _check_steps(columns: TraceColumns) -> None:
    trace, reversals = columns.trace, columns.reversals
    phases = range(len(trace.processed_steps))
    for phase in phases:
        parts = trace.retained_steps[phase], trace.lost_steps[phase], trace.in_flight_steps[phase]
        _expect(f"retained + lost + in-flight steps of phase {phase}", sum(parts), trace.processed_steps[phase])
    for state, told in zip(RECLASSIFIED_STATES, (trace.lost_steps, trace.in_flight_steps), strict=True):
        for phase in phases:
            named = columns.steps[(reversals.state == CODES[state]) & (reversals.phase == phase)]
            _expect(f"{state} steps of phase {phase} in reversals", sum(named.tolist()), told[phase])
