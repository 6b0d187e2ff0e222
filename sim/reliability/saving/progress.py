"""How far a job comes between two interruptions: steps and checkpoints folded by arithmetic.

Progress is measured in microseconds of step time from the start of the run ("work"). A checkpoint begins at the first
step boundary at which `spacing_us` has passed since the last one ended (or since the job began to step), and blocks
the job. Checkpoints are numbered from 1 along the work; tier t takes those whose number `every` divides, and has one
durable_after_us after it began, if the job is not interrupted before. A tier has at most max_in_flight of them under
way, so spacing_us = max(interval, durable_after / (max_in_flight every) - block). None is taken where the work ends.
What is finished at an instant counts before an interruption at that instant.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import lcm
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.reliability.records import CheckpointPlan, PhasePlan, Tier, tiers_of

NEVER_US = 2**62
"""Later than anything: the end of a phase without end."""

make = tuple.__new__
"""A named tuple of a plain one: what its class does, in a third of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The work of a run: where each phase starts and ends, its steps, where the work ends, and the checkpoint rule.

    cycle_us: by phase, the work from one checkpoint to the next, a whole number of steps. blocks_us: what the first n
    checkpoints of a pattern of tiers block in all, for n from 0; the pattern repeats.
    """

    starts_us: tuple[int, ...]
    ends_us: tuple[int, ...]
    step_us: tuple[int, ...]
    cycle_us: tuple[int, ...]
    end_us: int
    spacing_us: int
    blocks_us: tuple[int, ...]
    tiers: tuple[Tier, ...]


class Stretch(NamedTuple):
    """Part of an uninterrupted span that lies in one phase, under one condition of the network (0: whole)."""

    phase: int
    start_us: int
    end_us: int
    checkpoint_us: int
    condition: int = 0


class Batch(NamedTuple):
    """`number` checkpoints in a row, the first of them begun at begin_us with work_us done; first: its number.

    cycle_us: the work between two of them.
    """

    begin_us: int
    first: int
    number: int
    work_us: int
    cycle_us: int


class Progress(NamedTuple):
    """What an uninterrupted span achieved: work done, its stretches of time, and the checkpoints that it began."""

    work_us: int
    stretches: tuple[Stretch, ...]
    batches: tuple[Batch, ...]

    @property
    def started(self) -> int:
        """How many checkpoints it began."""
        return sum(batch.number for batch in self.batches)


class Share(NamedTuple):
    """A piece of work in one phase: its duration, how many step boundaries it crosses, and the network's condition."""

    phase: int
    duration_us: int
    steps: int
    condition: int = 0


def course(phases: Sequence[PhasePlan], checkpoint: CheckpointPlan, work_us: int | None) -> Course:
    """Return the course of a run that ends after its phases, or after `work_us` if that is earlier.

    >>> ten = PhasePlan(name="main", steps=10, step_time_us=7, tokens_per_step=1)
    >>> every = CheckpointPlan(interval_us=20, block_us=2, durable_after_us=5, restore_us=0)
    >>> course([ten, ten], every, None).end_us
    140
    """
    lengths = [NEVER_US if p.steps is None else p.steps * p.step_time_us for p in phases]
    bounds = [0, *accumulate(lengths)]
    tiers = tiers_of(checkpoint)
    blocks = [
        max((tier.block_us for tier in tiers if number % tier.every == 0), default=0)
        for number in range(1, lcm(*(tier.every for tier in tiers)) + 1)
    ]
    if len({*blocks}) == 1:
        blocks = blocks[:1]
    spacing_us = max(checkpoint.interval_us, _flush_us(tiers) - min(blocks)) if checkpoint.interval_us else 0
    end_us = min(bounds[-1], NEVER_US if work_us is None else work_us)
    return Course(
        starts_us=tuple(bounds[:-1]),
        ends_us=tuple(min(bound, end_us) for bound in bounds[1:]),
        step_us=tuple(p.step_time_us for p in phases),
        cycle_us=tuple(-(-spacing_us // p.step_time_us) * p.step_time_us for p in phases),
        end_us=end_us,
        spacing_us=spacing_us,
        blocks_us=(0, *accumulate(blocks)),
        tiers=tiers,
    )


def block_us(course: Course, number: int) -> int:
    """Return what the checkpoint of a number blocks."""
    position = (number - 1) % (len(course.blocks_us) - 1)
    return course.blocks_us[position + 1] - course.blocks_us[position]


def begun_us(course: Course, batch: Batch, position: int) -> int:
    """Return when the checkpoint at a position of a batch begins."""
    return batch.begin_us + position * batch.cycle_us + _blocked_us(course, batch.first, position)


def begun_before(course: Course, batch: Batch, time_us: int) -> int:
    """Return how many checkpoints of a batch begin before a time.

    >>> every = CheckpointPlan(interval_us=20, block_us=2, durable_after_us=5, restore_us=0)
    >>> way = course([PhasePlan(name="main", steps=None, step_time_us=10, tokens_per_step=1)], every, None)
    >>> [begun_before(way, Batch(100, 1, 3, 0, 20), time) for time in (100, 101, 122, 123, 999)]
    [0, 1, 1, 2, 3]
    """
    if time_us <= batch.begin_us:
        return 0
    if batch.number == 1:
        return 1
    if len(course.blocks_us) == 2:
        return min(-((batch.begin_us - time_us) // (batch.cycle_us + course.blocks_us[1])), batch.number)
    # Numbered from 1 without end, checkpoints are whole patterns of tiers and a part of one.
    blocks_us, cycle_us, before = course.blocks_us, batch.cycle_us, batch.first - 1
    length = len(blocks_us) - 1
    left_us = time_us - batch.begin_us + before * cycle_us + _first_blocked_us(blocks_us, length, before)
    patterns, rest_us = divmod(left_us, length * cycle_us + blocks_us[length])
    inside = bisect_left(range(length), rest_us, key=lambda count: count * cycle_us + blocks_us[count])
    return min(patterns * length + inside - before, batch.number)


def phase_at(course: Course, work_us: int) -> int:
    """Return the phase that the next step after `work_us` belongs to."""
    return bisect_right(course.starts_us, work_us) - 1


def shares(course: Course, from_us: int, to_us: int, condition: int = 0) -> list[Share]:
    """Divide the work between two points by phase.

    >>> ten = PhasePlan(name="main", steps=10, step_time_us=7, tokens_per_step=1)
    >>> no_checkpoint = CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0)
    >>> shares(course([ten, ten], no_checkpoint, None), 63, 80)
    [Share(phase=0, duration_us=7, steps=1, condition=0), Share(phase=1, duration_us=10, steps=1, condition=0)]
    """
    phase = phase_at(course, from_us)
    result = []
    while from_us < to_us:
        start_us, step_us = course.starts_us[phase], course.step_us[phase]
        until_us = min(course.ends_us[phase], to_us)
        steps = (until_us - start_us) // step_us - (from_us - start_us) // step_us
        result.append(make(Share, (phase, until_us - from_us, steps, condition)))
        from_us = until_us
        phase += 1
    return result


def steps_of_spans(course: Course, spans: Sequence[tuple[int, int]] | NDArray[np.int64]) -> list[int]:
    """Return by phase how many step boundaries a set of spans of work (from, to) crosses.

    >>> ten = PhasePlan(name="main", steps=10, step_time_us=7, tokens_per_step=1)
    >>> no_checkpoint = CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0)
    >>> steps_of_spans(course([ten, ten], no_checkpoint, None), [(0, 80), (63, 71)])
    [11, 1]
    """
    bounds = np.array(spans, np.int64).reshape(-1, 2)
    steps = []
    for start_us, end_us, step_us in zip(course.starts_us, course.ends_us, course.step_us, strict=True):
        whole = (np.clip(bounds, start_us, max(start_us, end_us)) - start_us) // step_us
        steps.append(int((whole[:, 1] - whole[:, 0]).sum()))
    return steps


def advance(
    course: Course,
    work_us: int,
    start_us: int,
    stop_us: int | None = None,
    due_us: int | None = None,
    number: int = 1,
    condition: int = 0,
) -> Progress:
    """Return the progress of a job that steps from `start_us` at `work_us` until it is stopped or its work ends.

    The span ends at the end of the last stretch: stop_us, or earlier where the work ended. due_us: the work from which
    on a checkpoint is due, by default one spacing away; number: of that checkpoint. condition: of the network.

    >>> ten = PhasePlan(name="main", steps=10, step_time_us=7, tokens_per_step=1)
    >>> every = CheckpointPlan(interval_us=20, block_us=2, durable_after_us=5, restore_us=0)
    >>> progress = advance(course([ten], every, None), work_us=0, start_us=100, stop_us=150)
    >>> progress.work_us, progress.batches
    (46, (Batch(begin_us=121, first=1, number=2, work_us=21, cycle_us=21),))
    >>> progress.stretches
    (Stretch(phase=0, start_us=100, end_us=150, checkpoint_us=4, condition=0),)
    """
    stop_us = 2 * NEVER_US if stop_us is None else stop_us
    spacing_us, whole_us = course.spacing_us, course.end_us
    now_us, due_us = start_us, work_us + spacing_us if due_us is None else due_us
    stretches, batches = [], []
    phase = phase_at(course, work_us)
    while now_us < stop_us and work_us < whole_us:
        entered_us, blocked_us = now_us, 0
        first_us, room = _checkpoints(course, phase, due_us) if spacing_us else (due_us, 0)
        begin_us = now_us + first_us - work_us
        if room > 0 and begin_us < stop_us:
            cycle_us = course.cycle_us[phase]
            begun, blocked_us = _begun(course, begin_us, number, room, first_us, cycle_us, stop_us)
            batches.append(make(Batch, (begin_us, number, begun, first_us, cycle_us)))
            number += begun
            work_us = first_us + (begun - 1) * cycle_us
            due_us = work_us + spacing_us
            now_us = begin_us + work_us - first_us + blocked_us
            if now_us > stop_us:
                blocked_us, now_us = blocked_us + stop_us - now_us, stop_us
        stepped_us = course.ends_us[phase] - work_us
        if stepped_us > stop_us - now_us:
            stepped_us = stop_us - now_us
        work_us, now_us = work_us + stepped_us, now_us + stepped_us
        stretches.append(make(Stretch, (phase, entered_us, now_us, blocked_us, condition)))
        phase += 1
    return make(Progress, (work_us, tuple(stretches), tuple(batches)))


def ended_us(course: Course, work_us: int, start_us: int, due_us: int, number: int) -> int:
    """Return when a job that starts with work left, and is not stopped, reaches the end of the work.

    It is where `advance` ends: the work that is left, and what the checkpoints block that fit into it.

    >>> ten = PhasePlan(name="main", steps=10, step_time_us=7, tokens_per_step=1)
    >>> every = CheckpointPlan(interval_us=20, block_us=2, durable_after_us=5, restore_us=0)
    >>> ended_us(course([ten], every, None), work_us=0, start_us=100, due_us=20, number=1)
    176
    """
    left_us = course.end_us - work_us
    if course.spacing_us == 0:
        return start_us + left_us
    first = number
    for phase in range(phase_at(course, work_us), len(course.ends_us)):
        first_us, room = _checkpoints(course, phase, due_us)
        if room > 0:
            number += room
            due_us = first_us + (room - 1) * course.cycle_us[phase] + course.spacing_us
        if course.ends_us[phase] == course.end_us:
            break
    return start_us + left_us + _blocked_us(course, first, number - first)


def _checkpoints(course: Course, phase: int, due_us: int) -> tuple[int, int]:
    """Return the work at the first checkpoint of a phase, the first step boundary from due_us on, and how many fit."""
    start_us, step_us = course.starts_us[phase], course.step_us[phase]
    first_us = start_us - (start_us - due_us) // step_us * step_us
    # At the end of a phase a checkpoint still belongs to it; where the work ends, none is taken.
    last_us = course.ends_us[phase]
    if last_us == course.end_us:
        last_us -= 1
    return first_us, (last_us - first_us) // course.cycle_us[phase] + 1


def _flush_us(tiers: Sequence[Tier]) -> int:
    """Return how far apart checkpoints must begin for no tier to have more under way than it may."""
    limited = [tier for tier in tiers if tier.max_in_flight]
    return max((-(-tier.durable_after_us // (tier.max_in_flight * tier.every)) for tier in limited), default=0)


def _begun(
    course: Course, begin_us: int, number: int, room: int, first_us: int, cycle_us: int, stop_us: int
) -> tuple[int, int]:
    """Return how many of `room` checkpoints in a row begin before a stop, the first of which does, and block in all."""
    if len(course.blocks_us) == 2:
        block_us = course.blocks_us[1]
        begun = min(-((begin_us - stop_us) // (cycle_us + block_us)), room) if room > 1 else 1
        return begun, begun * block_us
    begun = begun_before(course, Batch(begin_us, number, room, first_us, cycle_us), stop_us)
    return begun, _blocked_us(course, number, begun)


def _blocked_us(course: Course, number: int, count: int) -> int:
    """Return what `count` checkpoints block, the first of them with a number."""
    blocks_us = course.blocks_us
    length = len(blocks_us) - 1
    if length == 1:
        return count * blocks_us[1]
    return _first_blocked_us(blocks_us, length, number - 1 + count) - _first_blocked_us(blocks_us, length, number - 1)


def _first_blocked_us(blocks_us: Sequence[int], length: int, count: int) -> int:
    patterns, rest = divmod(count, length)
    return patterns * blocks_us[length] + blocks_us[rest]
