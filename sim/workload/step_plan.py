"""The plan of a step: what every stage runs, how long it takes, and what it sends; the input of the step engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sim.workload.operations import OpCost
from sim.workload.schedules import Op, schedule_order

Grid = tuple[tuple[int, ...], ...]
"""Integers by [stage][chunk]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """One optimizer step of one representative replica; nanoseconds throughout.

    forward, backward: cost by [stage][chunk]. boundary_ns: one message between a stage and the next, by stage (the last
    one's goes to the first, where stages hold several chunks); gradients go the other way in the same time.
    blocking_send: the sender's compute waits for the transfer. gather_ns and reduce_ns: parameter all-gather and
    gradient reduction by [stage][chunk]; data_overlap: they run beside compute on a stream of their own;
    shared_nic: boundary messages and data-parallel collectives leave through the same NIC.
    slowdown: factor on kernels while a collective runs beside them. optimizer_ns by stage, after all gradients.
    """

    schedule: str
    stages: int
    chunks: int
    microbatches: int
    forward: tuple[tuple[OpCost, ...], ...]
    backward: tuple[tuple[OpCost, ...], ...]
    boundary_ns: tuple[int, ...]
    blocking_send: bool
    gather_ns: Grid
    reduce_ns: Grid
    data_overlap: bool
    shared_nic: bool
    slowdown: float
    optimizer_ns: tuple[int, ...]
    overhead_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A schedule as arrays: for each stage, position by position.

    kind: 0 forward, 1 backward. needs: slot that must have arrived before the operation starts (-1: none).
    feeds: slot that its output fills (-1: none), on stage `target`. first: the chunk's first forward here;
    last: its last backward. slots: how many there are.
    """

    kind: tuple[tuple[int, ...], ...]
    chunk: tuple[tuple[int, ...], ...]
    microbatch: tuple[tuple[int, ...], ...]
    needs: tuple[tuple[int, ...], ...]
    feeds: tuple[tuple[int, ...], ...]
    target: tuple[tuple[int, ...], ...]
    first: tuple[tuple[bool, ...], ...]
    last: tuple[tuple[bool, ...], ...]
    slots: int


@lru_cache(maxsize=32)
def structure(schedule: str, stages: int, microbatches: int, chunks: int) -> Structure:
    """Return the structure of a schedule: virtual stage v = chunk x stages + stage feeds v + 1, or v - 1 backward."""
    order = schedule_order(schedule, stages, microbatches, chunks)
    shape = (stages, microbatches, stages * chunks)
    by_stage = [zip(*(_row(op, stage, *shape) for op in ops), strict=True) for stage, ops in enumerate(order)]
    kind, chunk, microbatch, needs, feeds, target = zip(*by_stage, strict=True)
    return Structure(
        kind=kind,
        chunk=chunk,
        microbatch=microbatch,
        needs=needs,
        feeds=feeds,
        target=target,
        first=tuple(_first(k, c, 0) for k, c in zip(kind, chunk, strict=True)),
        last=tuple(tuple(reversed(_first(k[::-1], c[::-1], 1))) for k, c in zip(kind, chunk, strict=True)),
        slots=2 * stages * chunks * microbatches,
    )


def _row(op: Op, stage: int, stages: int, microbatches: int, virtual: int) -> tuple[int, int, int, int, int, int]:
    """Return kind, chunk, microbatch, the slot it needs, the slot it feeds and on which stage."""
    kind, v = int(op.kind == "B"), op.chunk * stages + stage
    target = v - 1 if kind else v + 1
    # The input of virtual stage 0 is data; the gradient of the last one is its own loss.
    needs = -1 if v == (virtual - 1 if kind else 0) else (kind * virtual + v) * microbatches + op.microbatch
    feeds = (kind * virtual + target) * microbatches + op.microbatch if 0 <= target < virtual else -1
    return kind, op.chunk, op.microbatch, needs, feeds, target % stages


def _first(kinds: Sequence[int], chunks: Sequence[int], wanted: int) -> tuple[bool, ...]:
    seen: set[int] = set()
    marks = []
    for kind, chunk in zip(kinds, chunks, strict=True):
        marks.append(kind == wanted and chunk not in seen)
        if kind == wanted:
            seen.add(chunk)
    return tuple(marks)
