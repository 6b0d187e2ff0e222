"""The plan of a step: what every stage runs, how long it takes, and what it sends; the input of the step engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sim.workload.blocks import Blocks
from sim.workload.operations import OpCost
from sim.workload.pipelines import PipelineKey, pipeline_of
from sim.workload.schedules import Op, Route
from sim.workload.zero_bubble import PassTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """One optimizer step of one representative replica; nanoseconds throughout.

    times and weight_share: what an order that follows from durations was made for.
    forward, backward, weight: cost by [stage][chunk]; weight is empty where the schedule keeps weight gradients in the
    backward. boundary_ns: one message between a stage and the next, by stage (the last one's goes to the first, where
    stages hold several chunks); gradients go the other way in the same time.
    blocking_send: the sender's compute waits for the transfer. blocks: by [stage][chunk], its parts with their gathers
    and reductions. regather: every forward and input gradient gathers its parameters, else the chunk's first forward
    does; prefetch: gathers issued ahead of the block that starts (None: all at the start of the step); reduces:
    gradients with the "last" microbatch of a chunk, with "each", or when the stage "turns" to another chunk's.
    data_overlap: collectives run beside compute on a
    stream of their own; nic_share: the part of a NIC that a data-parallel collective takes for itself, 0 where it
    leaves by another way than boundary messages do.
    slowdown: factor on kernels while a collective runs beside them. optimizer_ns by stage, after all gradients;
    optimizer_sync: "global-norm", all stages meet before it, or "post-validation", none waits for another.
    """

    schedule: str
    stages: int
    chunks: int
    microbatches: int
    times: PassTimes | None = None
    weight_share: float = 0.0
    forward: tuple[tuple[OpCost, ...], ...]
    backward: tuple[tuple[OpCost, ...], ...]
    weight: tuple[tuple[OpCost, ...], ...] = ()
    boundary_ns: tuple[int, ...]
    blocking_send: bool
    blocks: tuple[tuple[Blocks, ...], ...]
    regather: bool = False
    prefetch: int | None = None
    reduces: str = "last"
    data_overlap: bool
    nic_share: float
    slowdown: float
    optimizer_ns: tuple[int, ...]
    optimizer_sync: str = "global-norm"
    overhead_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A schedule as arrays: for each stage, position by position.

    kind: 0 forward, 1 backward, 2 weight gradient. needs: slot that must have arrived before the operation starts (-1:
    none). feeds: slot that its output fills (-1: none), on stage `target`, over `boundary` (an index of
    StepPlan.boundary_ns). first: the chunk's first forward here; closes: the operation that completes a microbatch's
    gradients; turns: the last such of a chunk before one of another; last: the one that completes the chunk's.
    slots: how many there are.
    """

    kind: tuple[tuple[int, ...], ...]
    chunk: tuple[tuple[int, ...], ...]
    microbatch: tuple[tuple[int, ...], ...]
    needs: tuple[tuple[int, ...], ...]
    feeds: tuple[tuple[int, ...], ...]
    target: tuple[tuple[int, ...], ...]
    boundary: tuple[tuple[int, ...], ...]
    first: tuple[tuple[bool, ...], ...]
    closes: tuple[tuple[bool, ...], ...]
    turns: tuple[tuple[bool, ...], ...]
    last: tuple[tuple[bool, ...], ...]
    slots: int


def pipeline_key(plan: StepPlan) -> PipelineKey:
    """Return what determines a plan's pipeline."""
    return PipelineKey(plan.schedule, plan.stages, plan.microbatches, plan.chunks, plan.times, plan.weight_share)


@lru_cache(maxsize=32)
def structure(key: PipelineKey) -> Structure:
    """Return the structure of a schedule: microbatches feed the next place of their route, backward the one before."""
    pipeline, microbatches = pipeline_of(key), key.microbatches
    places = {route: {place: k for k, place in enumerate(route)} for route in set(pipeline.routes)}

    def row(op: Op, stage: int) -> tuple[int, int, int, int, int, int, int]:
        route = pipeline.routes[op.microbatch]
        return _row(op, stage, route, places[route], microbatches)

    by_stage = [zip(*(row(op, stage) for op in ops), strict=True) for stage, ops in enumerate(pipeline.order)]
    kind, chunk, microbatch, needs, feeds, target, boundary = zip(*by_stage, strict=True)
    closing = 2 if pipeline.split else 1
    return Structure(
        kind=kind,
        chunk=chunk,
        microbatch=microbatch,
        needs=needs,
        feeds=feeds,
        target=target,
        boundary=boundary,
        first=tuple(_first(k, c, 0) for k, c in zip(kind, chunk, strict=True)),
        closes=tuple(tuple(each == closing for each in k) for k in kind),
        turns=tuple(_turns(k, c, closing) for k, c in zip(kind, chunk, strict=True)),
        last=tuple(tuple(reversed(_first(k[::-1], c[::-1], closing))) for k, c in zip(kind, chunk, strict=True)),
        slots=2 * microbatches * max(len(route) for route in pipeline.routes),
    )


def _row(
    op: Op, stage: int, route: Route, places: Mapping[tuple[int, int], int], microbatches: int
) -> tuple[int, int, int, int, int, int, int]:
    """Return kind, chunk, microbatch, the slot it needs, the slot it feeds, on which stage, and over which boundary."""
    kind, length = "FBW".index(op.kind), len(route)
    if kind == 2:
        return kind, op.chunk, op.microbatch, -1, -1, stage, 0
    k = places[stage, op.chunk]
    then = k - 1 if kind else k + 1
    # The input of the first place is data; the gradient of the last one is its own loss.
    needs = -1 if k == (length - 1 if kind else 0) else (kind * length + k) * microbatches + op.microbatch
    if not 0 <= then < length:
        return kind, op.chunk, op.microbatch, needs, -1, stage, 0
    target = route[then][0]
    # Neighbours share the boundary of the lower one; the way around from the last to the first has its own.
    boundary = min(stage, target) if abs(stage - target) <= 1 else max(stage, target)
    feeds = (kind * length + then) * microbatches + op.microbatch
    return kind, op.chunk, op.microbatch, needs, feeds, target, boundary


def _first(kinds: Sequence[int], chunks: Sequence[int], wanted: int) -> tuple[bool, ...]:
    seen: set[int] = set()
    marks = []
    for kind, chunk in zip(kinds, chunks, strict=True):
        marks.append(kind == wanted and chunk not in seen)
        if kind == wanted:
            seen.add(chunk)
    return tuple(marks)


def _turns(kinds: Sequence[int], chunks: Sequence[int], closing: int) -> tuple[bool, ...]:
    marks, following = [False] * len(kinds), -1
    for position in range(len(kinds) - 1, -1, -1):
        if kinds[position] == closing:
            marks[position] = chunks[position] != following
            following = chunks[position]
    return tuple(marks)
