"""The plan of a step: what every stage runs, how long it takes, and what it sends; the input of the step engine."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from sim.workload.blocks import Blocks
from sim.workload.fusion import fused, joined
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
    data_overlap: collectives run beside compute on a stream of their own; nic_share: the part of a NIC that a
    data-parallel collective takes for itself, 0 where it leaves by another way than boundary messages do.
    slowdown: factor on kernels while a collective runs beside them; pair_slowdown: within a fused pair.
    optimizer_ns by stage, after all gradients; optimizer_sync: "global-norm", all stages meet before it, or
    "post-validation", none waits for another.
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
    pair_slowdown: float = 1.0
    optimizer_ns: tuple[int, ...]
    optimizer_sync: str = "global-norm"
    overhead_ns: int


FORWARD, BACKWARD, WEIGHT, FULL, PAIR, PART = range(6)
"""Kinds of operations of a structure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A schedule as arrays: for each stage, position by position.

    kind: FORWARD, BACKWARD (the input gradient where WEIGHT is apart), WEIGHT; and where operations run as a unit FULL
    (a backward with its weight gradient) or PAIR (that and the forward of another chunk), which stand at the place of
    the backward, with PART, which takes no time, at the other places: one before a pair waits for the forward's input,
    one after it sends the forward's output. needs: slot that must have arrived before the operation starts (-1:
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
    hops_of = {route: _hops(route, microbatches) for route in set(pipeline.routes)}
    hops = [hops_of[route] for route in pipeline.routes]
    by_stage = [
        zip(*(_row(op, hops[op.microbatch][op.kind, stage, op.chunk]) for op in ops), strict=True)
        for stage, ops in enumerate(pipeline.order)
    ]
    kind, chunk, microbatch, needs, feeds, target, boundary = zip(*by_stage, strict=True)
    if pipeline.units:
        units = zip(kind, feeds, target, boundary, pipeline.units, strict=True)
        kind, feeds, target, boundary = zip(*(_united(*stage) for stage in units), strict=True)
    closing = (WEIGHT, FULL, PAIR) if pipeline.split else (BACKWARD,)
    return Structure(
        kind=kind,
        chunk=chunk,
        microbatch=microbatch,
        needs=needs,
        feeds=feeds,
        target=target,
        boundary=boundary,
        first=tuple(_first(k, c, (FORWARD,)) for k, c in zip(kind, chunk, strict=True)),
        closes=tuple(tuple(each in closing for each in k) for k in kind),
        turns=tuple(_turns(k, c, closing) for k, c in zip(kind, chunk, strict=True)),
        last=tuple(tuple(reversed(_first(k[::-1], c[::-1], closing))) for k, c in zip(kind, chunk, strict=True)),
        slots=2 * microbatches * max(len(route) for route in pipeline.routes),
    )


@lru_cache(maxsize=32)
def runs(key: PipelineKey) -> tuple[Counter[tuple[int, int]], ...]:
    """Return how often each stage runs an operation of a kind on a chunk."""
    shape = structure(key)
    return tuple(Counter(zip(kind, chunk, strict=True)) for kind, chunk in zip(shape.kind, shape.chunk, strict=True))


def operation_costs(plan: StepPlan, stage: int) -> tuple[tuple[OpCost, ...], ...]:
    """Return the costs of a stage's operations by [kind][chunk], those that run as one included.

    A pair runs the backward of the chunk and the forward of the other one; schedules with pairs hold two.
    """
    if not plan.weight:
        return plan.forward[stage], plan.backward[stage]
    forward, backward, weight = plan.forward[stage], plan.backward[stage], plan.weight[stage]
    full = tuple(joined(b, w) for b, w in zip(backward, weight, strict=True))
    pair = tuple(fused(f, b, plan.pair_slowdown) for f, b in zip(reversed(forward), full, strict=True))
    return forward, backward, weight, full, pair, (joined(),) * len(forward)


class _Hop(NamedTuple):
    """What an operation of a kind does at a place: the slots are those of microbatch 0, -1 for none."""

    kind: int
    needs: int
    feeds: int
    target: int
    boundary: int


def _hops(route: Route, microbatches: int) -> dict[tuple[str, int, int], _Hop]:
    """Return the hops of a route by (kind, stage, chunk)."""
    return {
        (name, *place): _hop(kind, k, route, microbatches)
        for k, place in enumerate(route)
        for kind, name in enumerate("FBW")
    }


def _hop(kind: int, k: int, route: Route, microbatches: int) -> _Hop:
    stage, length = route[k][0], len(route)
    if kind == WEIGHT:
        return _Hop(kind, -1, -1, stage, 0)
    then = k - 1 if kind else k + 1
    # The input of the first place is data; the gradient of the last one is its own loss.
    needs = -1 if k == (length - 1 if kind else 0) else (kind * length + k) * microbatches
    if not 0 <= then < length:
        return _Hop(kind, needs, -1, stage, 0)
    target = route[then][0]
    # Neighbours share the boundary of the lower one; the way around from the last to the first has its own.
    boundary = min(stage, target) if abs(stage - target) <= 1 else max(stage, target)
    return _Hop(kind, needs, (kind * length + then) * microbatches, target, boundary)


def _row(op: Op, hop: _Hop) -> tuple[int, int, int, int, int, int, int]:
    """Return kind, chunk, microbatch, the slot it needs, the slot it feeds, on which stage, and over which boundary."""
    kind, needs, feeds, target, boundary = hop
    microbatch = op.microbatch
    needed, fed = needs + microbatch if needs >= 0 else -1, feeds + microbatch if feeds >= 0 else -1
    return kind, op.chunk, microbatch, needed, fed, target, boundary


def _united(
    kinds: Sequence[int], feeds: Sequence[int], target: Sequence[int], boundary: Sequence[int], lengths: Sequence[int]
) -> tuple[tuple[int, ...], ...]:
    """Return the columns of a stage whose operations run in units of these lengths."""
    columns = [list(kinds), list(feeds), list(target), list(boundary)]
    kind, start = columns[0], 0
    for length in lengths:
        if length > 1:
            backward, weight = start + length - 2, start + length - 1
            kind[backward], kind[weight] = (PAIR if length == 3 else FULL), PART
        if length == 3:
            kind[start] = PART
            for column, nothing in zip(columns[1:], (-1, target[start], 0), strict=True):
                column[weight], column[start] = column[start], nothing
        start += length
    return tuple(tuple(column) for column in columns)


def _first(kinds: Sequence[int], chunks: Sequence[int], wanted: Sequence[int]) -> tuple[bool, ...]:
    """Return which positions run a wanted kind on a chunk for the first time."""
    marks, left = [False] * len(kinds), set(chunks)
    for position, (kind, chunk) in enumerate(zip(kinds, chunks, strict=True)):
        if kind in wanted and chunk in left:
            marks[position] = True
            left.remove(chunk)
            if not left:
                break
    return tuple(marks)


def _turns(kinds: Sequence[int], chunks: Sequence[int], closing: Sequence[int]) -> tuple[bool, ...]:
    marks, following = [False] * len(kinds), -1
    for position in range(len(kinds) - 1, -1, -1):
        if kinds[position] in closing:
            marks[position] = chunks[position] != following
            following = chunks[position]
    return tuple(marks)
