"""Timelines in the Chrome trace format, which Perfetto and chrome://tracing open.

Slices of one track never overlap: a viewer drops those that do.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

from sim.engine.step import StepTimeline
from sim.ledger.time.trace import RunTrace, Segment
from sim.workload.step_plan import FORWARD, PAIR, PART, Structure, pipeline_key, structure

COMPUTE, SEND, RECEIVE, DATA = range(4)

TRACKS = ("compute", "pipeline send", "pipeline receive", "data")

CATEGORIES = ("forward", "backward", "weight", "backward", "pair")

TraceEvent = dict[str, Any]


class Message(NamedTuple):
    """The output of an operation on its way from a stage to another."""

    name: str
    sender: int
    receiver: int
    start_ns: int
    end_ns: int


def chrome_trace(timeline: StepTimeline) -> dict[str, Any]:
    """Return a step as a trace: one process a stage, with a track each of TRACKS.

    F3.c1 is the forward of microbatch 3 through chunk 1, B its backward (W its weight gradient, where it is apart),
    F4.c0 B3.c1 a pair that runs as one; tensor-parallel communication is inside them. A message is named after the
    operation whose output it is; those that a stage receives at the same time share slices. Collectives of the
    data-parallel group name chunk and block.
    """
    plan = timeline.plan
    shape = structure(pipeline_key(plan))
    messages = [list(_messages(timeline, shape, stage)) for stage in range(plan.stages)]
    events: list[TraceEvent] = []
    for stage in range(plan.stages):
        events += [
            _named("process_name", stage, COMPUTE, f"stage {stage}"),
            *(_named("thread_name", stage, track, name) for track, name in enumerate(TRACKS)),
            *_compute(timeline, shape, stage),
            *_sent(messages[stage]),
            *_received(stage, [one for row in messages for one in row if one.receiver == stage]),
            *_collectives(timeline, stage),
        ]
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def run_trace(trace: RunTrace) -> dict[str, Any]:
    """Return a run as a trace: one track of what the job was doing.

    Steps and checkpoints that alternate are one slice of steps with the time of each in its arguments.
    """
    events = [_named("process_name", 0, 0, "run"), _named("thread_name", 0, 0, "job")]
    for (start_us, end_us), rows in groupby(trace.segments, key=lambda segment: (segment.start_us, segment.end_us)):
        span = list(rows)
        events.append(_slice(0, 0, span[0].state, span[0].cause, start_us * 1000, end_us * 1000, _shares(span)))
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _shares(span: list[Segment]) -> dict[str, Any]:
    return {"phase": span[0].phase, "nodes": span[0].nodes} | {f"{s.state}_s": s.duration_us * 1e-6 for s in span}


def _compute(timeline: StepTimeline, shape: Structure, index: int) -> Iterator[TraceEvent]:
    stage = timeline.stages[index]
    for position, (start_ns, end_ns) in enumerate(zip(stage.starts, stage.ends, strict=True)):
        kind = shape.kind[index][position]
        if kind != PART:
            yield _slice(
                index, COMPUTE, " ".join(operation_names(shape, index, position)), CATEGORIES[kind], start_ns, end_ns
            )
    optimizer_ns = timeline.plan.optimizer_ns[index]
    if optimizer_ns:
        start_ns = timeline.updates_ns[index]
        yield _slice(index, COMPUTE, "optimizer", "optimizer", start_ns, start_ns + optimizer_ns)


def operation_names(shape: Structure, index: int, position: int) -> list[str]:
    """Return the name of an operation of a stage; of a pair that runs as one, those of both."""
    if shape.kind[index][position] == PAIR:
        return [_name(shape, index, position - 1, "F"), _name(shape, index, position, "B")]
    return [_name(shape, index, position, "FBWB"[shape.kind[index][position]])]


def _name(shape: Structure, index: int, position: int, letter: str) -> str:
    return f"{letter}{shape.microbatch[index][position]}.c{shape.chunk[index][position]}"


def _messages(timeline: StepTimeline, shape: Structure, index: int) -> Iterator[Message]:
    """Yield what a stage sends to others, one after another."""
    free_ns = 0
    for position, slot in enumerate(shape.feeds[index]):
        receiver = shape.target[index][position]
        if slot >= 0 and receiver != index:
            start_ns = max(timeline.stages[index].ends[position], free_ns)
            free_ns = timeline.arrived_ns[slot]
            yield Message(_output(shape, index, position), index, receiver, start_ns, free_ns)


def _output(shape: Structure, index: int, position: int) -> str:
    """Return the name of the operation whose output leaves at a position: a pair's forward at the one after it."""
    kind = shape.kind[index][position]
    at = position - 2 if kind == PART else position
    return _name(shape, index, at, "F" if kind in (FORWARD, PART) else "B")


def _sent(messages: list[Message]) -> Iterator[TraceEvent]:
    for one in messages:
        if one.end_ns > one.start_ns:
            name = f"{one.name} to stage {one.receiver}"
            yield _slice(one.sender, SEND, name, "send", one.start_ns, one.end_ns)


def _received(index: int, messages: list[Message]) -> Iterator[TraceEvent]:
    """Yield what is on its way to a stage, cut wherever a message begins or ends."""
    edges = sorted(
        [(one.start_ns, True, one) for one in messages if one.end_ns > one.start_ns]
        + [(one.end_ns, False, one) for one in messages if one.end_ns > one.start_ns]
    )
    under_way: dict[Message, None] = {}
    since_ns = 0
    for now_ns, begins, one in edges:
        if under_way and now_ns > since_ns:
            name = " + ".join(f"{each.name} from stage {each.sender}" for each in under_way)
            yield _slice(index, RECEIVE, name, "receive", since_ns, now_ns)
        since_ns = now_ns
        if begins:
            under_way[one] = None
        else:
            del under_way[one]


def _collectives(timeline: StepTimeline, index: int) -> Iterator[TraceEvent]:
    for one in timeline.stages[index].collectives:
        several = len(timeline.plan.blocks[index][one.chunk].forward) > 1
        name = f"{one.kind} c{one.chunk}" + (f".b{one.block}" if several else "")
        category = "reduce" if one.kind == "reduce" else "gather"
        yield _slice(index, DATA, name, category, one.start_ns, one.end_ns)


def _named(what: str, process: int, track: int, name: str) -> TraceEvent:
    return {"ph": "M", "name": what, "pid": process, "tid": track, "args": {"name": name}}


def _slice(
    process: int, track: int, name: str, category: str, start_ns: int, end_ns: int, args: dict[str, Any] | None = None
) -> TraceEvent:
    """Return one complete event; the format counts microseconds, fractions allowed."""
    event: TraceEvent = {
        "ph": "X",
        "name": name,
        "cat": category,
        "pid": process,
        "tid": track,
        "ts": start_ns / 1000,
        "dur": (end_ns - start_ns) / 1000,
    }
    return event | {"args": args} if args else event
