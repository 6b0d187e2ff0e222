"""The laws that every run's ledger must keep, checked after each run: nothing is lost, nothing is counted twice."""

import numpy as np

from sim.errors import SimulationError
from sim.ledger.apportion import Ints, exact_sums
from sim.ledger.summary import IN_JOB
from sim.ledger.time_ledger import CODES, TimeLedger, by_state, net_gpu_us
from sim.ledger.trace import RECLASSIFIED_STATES, RunTrace


def check_conservation(trace: RunTrace, ledger: TimeLedger) -> None:
    """Raise SimulationError unless the trace and its ledger keep every law of conservation, in integers.

    - spans of segments cover the run without gap or overlap, and their rows sum to them; so do the stays of every node;
    - at every moment as many nodes stay in the job as its segments say;
    - GPU-time over all states = GPUs held x duration of the run, and over the job's states = stays in the job;
    - reversals sum to zero per event, and never take more step time than there was; an event's lost work is at
      most the time since the checkpoint that was restored, times the GPUs;
    - per phase, retained + lost + in-flight steps = processed steps, and reversals name as many.
    """
    _check_segments(trace)
    if not trace.stays:
        _expect("nodes with stays", 0, trace.nodes + trace.spare_nodes)
    nodes, places, starts, ends, *_ = zip(*trace.stays, strict=True)
    node, start_us, end_us = (np.array(column, np.int64) for column in (nodes, starts, ends))
    _check_stays(trace, node, start_us, end_us)
    in_job = np.array([place == "job" for place in places])
    _check_job_nodes(trace, start_us[in_job], end_us[in_job])
    _check_totals(trace, ledger, sum((end_us[in_job] - start_us[in_job]).tolist()))
    _check_postings(ledger)
    _check_reversals(trace)
    _check_steps(trace)


def _expect(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise SimulationError(f"conservation: {what}: got {got}; expected {expected}")


def _check_segments(trace: RunTrace) -> None:
    start_us, end_us, unfilled_us = 0, 0, 0
    for segment in trace.segments:
        if (segment.start_us, segment.end_us) != (start_us, end_us):
            _expect(f"time without a state in the span that starts at {start_us} us", unfilled_us, 0)
            _expect("start of a segment", segment.start_us, end_us)
            start_us, end_us = segment.start_us, segment.end_us
            unfilled_us = end_us - start_us
        if segment.duration_us < 0:
            _expect(f"duration of '{segment.state}' at {start_us} us", segment.duration_us, "at least 0")
        unfilled_us -= segment.duration_us
    _expect(f"time without a state in the span that starts at {start_us} us", unfilled_us, 0)
    _expect("end of the last segment", end_us, trace.end_us)


def _check_stays(trace: RunTrace, node: Ints, start_us: Ints, end_us: Ints) -> None:
    if np.any(start_us > end_us):
        raise SimulationError("conservation: a stay of a node ends before it starts")
    order = np.lexsort((end_us, start_us, node))
    node, start_us, end_us = node[order], start_us[order], end_us[order]
    first = np.r_[True, node[1:] != node[:-1]]
    count = trace.nodes + trace.spare_nodes
    _expect("nodes with stays", int(first.sum()), count)
    _expect("first and last node with a stay", (int(node[0]), int(node[-1])), (0, count - 1))
    expected_us = np.where(first, 0, np.r_[0, end_us[:-1]])
    for index in np.flatnonzero(start_us != expected_us)[:1]:
        _expect(f"start of a stay of node {node[index]}", int(start_us[index]), int(expected_us[index]))
    last = np.r_[first[1:], True]
    for index in np.flatnonzero(last & (end_us != trace.end_us))[:1]:
        _expect(f"end of the last stay of node {node[index]}", int(end_us[index]), trace.end_us)


def _check_job_nodes(trace: RunTrace, start_us: Ints, end_us: Ints) -> None:
    """Count nodes in the job by its stays and by its segments: the changes must cancel at every instant."""
    spans = {(span.start_us, span.end_us): span.nodes for span in trace.segments}
    span_us = np.array(list(spans), np.int64).reshape(-1, 2)
    nodes = np.r_[np.ones(len(start_us), np.int64), -np.array(list(spans.values()), np.int64)]
    instants = np.r_[start_us, span_us[:, 0], end_us, span_us[:, 1]]
    times, instant = np.unique(instants, return_inverse=True)
    surplus = np.zeros(len(times), np.int64)
    np.add.at(surplus, instant, np.r_[nodes, -nodes])
    for index in np.flatnonzero(surplus)[:1]:
        _expect(f"nodes staying in the job beyond those of its segment at {times[index]} us", int(surplus[index]), 0)


def _check_totals(trace: RunTrace, ledger: TimeLedger, stayed_us: int) -> None:
    totals = by_state(net_gpu_us(ledger))
    held = trace.gpus_per_node * (trace.nodes + trace.spare_nodes)
    _expect("GPU-microseconds over all states", sum(totals.values()), held * trace.end_us)
    in_job = sum(totals[state] for state in IN_JOB)
    _expect("GPU-microseconds over the states of the job", in_job, trace.gpus_per_node * stayed_us)


def _check_postings(ledger: TimeLedger) -> None:
    posted = ledger.start_us == ledger.end_us
    events, group = np.unique(ledger.event[posted], return_inverse=True)
    wrong = posted & (ledger.gpu_us < 0) & np.isin(ledger.state, [CODES[state] for state in RECLASSIFIED_STATES])
    if np.any(wrong):
        _expect("GPU-microseconds that a reversal posts", int(ledger.gpu_us[wrong][0]), "at least 0")
    for event, total in zip(events, exact_sums(group, ledger.gpu_us[posted], len(events)), strict=True):
        _expect(f"sum of the reversals of event {event}", total, 0)


def _check_reversals(trace: RunTrace) -> None:
    """Compare reversals with the step time before them, and since the restored checkpoint, by event."""
    stepped = iter(sorted((row.end_us, row.duration_us * row.nodes) for row in trace.segments if row.state == "step"))
    end_us, made = next(stepped, (trace.end_us + 1, 0))
    left = 0
    reversed_us: dict[tuple[int, int], int] = {}
    for reversal in sorted(trace.reversals):
        while end_us <= reversal.time_us:
            left += made
            end_us, made = next(stepped, (trace.end_us + 1, 0))
        left -= reversal.duration_us * reversal.nodes
        if left < 0:
            _expect(f"node-microseconds of steps left after event {reversal.event}", left, "at least 0")
        if reversal.since_us >= 0:
            key = reversal.event, reversal.time_us - reversal.since_us
            reversed_us[key] = reversed_us.get(key, 0) + reversal.duration_us
    for (event, since_us), taken_us in reversed_us.items():
        if taken_us > since_us:
            _expect(f"microseconds reversed by event {event}", taken_us, f"at most {since_us}, since the checkpoint")


def _check_steps(trace: RunTrace) -> None:
    phases = range(len(trace.processed_steps))
    for phase in phases:
        parts = trace.retained_steps[phase], trace.lost_steps[phase], trace.in_flight_steps[phase]
        _expect(f"retained + lost + in-flight steps of phase {phase}", sum(parts), trace.processed_steps[phase])
    for state, told in zip(RECLASSIFIED_STATES, (trace.lost_steps, trace.in_flight_steps), strict=True):
        for phase in phases:
            named = sum(row.steps for row in trace.reversals if row.state == state and row.phase == phase)
            _expect(f"{state} steps of phase {phase} in reversals", named, told[phase])
