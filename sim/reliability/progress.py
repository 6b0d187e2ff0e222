"""How far a job comes between two interruptions: steps and checkpoints folded by arithmetic.

Progress is measured in microseconds of step time from the start of the run ("work"). A checkpoint begins at the first
step boundary at which `spacing_us` has passed since the last one ended (or since the job began to step), blocks
the job for block_us, and counts durable_after_us after it began, if the job is not interrupted before. At most
max_in_flight of them may be under way, so spacing_us = max(interval, durable_after / max_in_flight - block). None is
taken where the work ends. What is finished at an instant counts before an interruption at that instant.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from sim.reliability.records import CheckpointPlan, PhasePlan

NEVER_US = 2**62
"""Later than anything: the end of a phase without end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The work of a run: where each phase starts and ends, its steps, where the work ends, and the checkpoint rule.

    cycle_us: by phase, the work from one checkpoint to the next, a whole number of steps.
    """

    starts_us: tuple[int, ...]
    ends_us: tuple[int, ...]
    step_us: tuple[int, ...]
    cycle_us: tuple[int, ...]
    end_us: int
    spacing_us: int
    block_us: int
    durable_after_us: int


class Stretch(NamedTuple):
    """Part of an uninterrupted span that lies in one phase, under one condition of the network (0: whole)."""

    phase: int
    start_us: int
    end_us: int
    checkpoint_us: int
    condition: int = 0


class Batch(NamedTuple):
    """Checkpoints in a row: `number` of them, the first begun at begin_us with work_us done, the others a period later.

    cycle_us: the work between two of them.
    """

    begin_us: int
    period_us: int
    number: int
    work_us: int
    cycle_us: int


class Progress(NamedTuple):
    """What an uninterrupted span achieved: work done, work that is durable, checkpoints by count.

    durable_at_us: when the newest durable checkpoint of the span began, -1 if it has none.
    """

    work_us: int
    durable_us: int
    durable_at_us: int
    started: int
    durable: int
    stretches: tuple[Stretch, ...]
    batches: tuple[Batch, ...] = ()


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
    in_flight = checkpoint.max_in_flight
    flush_us = -(-checkpoint.durable_after_us // in_flight) - checkpoint.block_us if in_flight else 0
    spacing_us = max(checkpoint.interval_us, flush_us) if checkpoint.interval_us else 0
    end_us = min(bounds[-1], NEVER_US if work_us is None else work_us)
    return Course(
        starts_us=tuple(bounds[:-1]),
        ends_us=tuple(min(bound, end_us) for bound in bounds[1:]),
        step_us=tuple(p.step_time_us for p in phases),
        cycle_us=tuple(-(-spacing_us // p.step_time_us) * p.step_time_us for p in phases),
        end_us=end_us,
        spacing_us=spacing_us,
        block_us=checkpoint.block_us,
        durable_after_us=checkpoint.durable_after_us,
    )


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
        result.append(Share(phase, until_us - from_us, steps, condition))
        from_us = until_us
        phase += 1
    return result


def steps_of_spans(course: Course, spans: Sequence[tuple[int, int]]) -> list[int]:
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
    course: Course, work_us: int, start_us: int, stop_us: int | None = None, due_us: int | None = None
) -> Progress:
    """Return the progress of a job that steps from `start_us` at `work_us` until it is stopped or its work ends.

    The span ends at the end of the last stretch: stop_us, or earlier where the work ended. The state at start_us is
    durable. due_us: the work from which on a checkpoint is due, by default one spacing away.

    >>> ten = PhasePlan(name="main", steps=10, step_time_us=7, tokens_per_step=1)
    >>> every = CheckpointPlan(interval_us=20, block_us=2, durable_after_us=5, restore_us=0)
    >>> progress = advance(course([ten], every, None), work_us=0, start_us=100, stop_us=150)
    >>> progress[:5]
    (46, 42, 144, 2, 2)
    >>> progress.stretches
    (Stretch(phase=0, start_us=100, end_us=150, checkpoint_us=4, condition=0),)
    """
    stop_us = 2 * NEVER_US if stop_us is None else stop_us
    now_us, due_us = start_us, work_us + course.spacing_us if due_us is None else due_us
    saved_us, saved_at_us = work_us, -1
    started = durable = 0
    stretches, batches = [], []
    phase = phase_at(course, work_us)
    while now_us < stop_us and work_us < course.end_us:
        entered_us, blocked_us = now_us, 0
        end_us = course.ends_us[phase]
        first_us, room = _checkpoints(course, phase, due_us)
        begin_us = now_us + first_us - work_us
        if room > 0 and begin_us < stop_us:
            cycle_us = course.cycle_us[phase]
            period_us = cycle_us + course.block_us
            begun = min(-((begin_us - stop_us) // period_us), room)
            kept = min((stop_us - course.durable_after_us - begin_us) // period_us + 1, begun)
            if kept > 0:
                saved_us = first_us + (kept - 1) * cycle_us
                saved_at_us = begin_us + (kept - 1) * period_us
                durable += kept
            started += begun
            batches.append(Batch(begin_us, period_us, begun, first_us, cycle_us))
            work_us = first_us + (begun - 1) * cycle_us
            due_us = work_us + course.spacing_us
            last_us = begin_us + (begun - 1) * period_us
            now_us = min(last_us + course.block_us, stop_us)
            blocked_us = (begun - 1) * course.block_us + now_us - last_us
        stepped_us = min(end_us - work_us, stop_us - now_us)
        work_us, now_us = work_us + stepped_us, now_us + stepped_us
        stretches.append(Stretch(phase, entered_us, now_us, blocked_us))
        phase += 1
    return Progress(work_us, saved_us, saved_at_us, started, durable, tuple(stretches), tuple(batches))


def _checkpoints(course: Course, phase: int, due_us: int) -> tuple[int, int]:
    """Return the work at the first checkpoint of a phase, the first step boundary from due_us on, and how many fit."""
    if course.spacing_us == 0:
        return due_us, 0
    start_us, step_us = course.starts_us[phase], course.step_us[phase]
    first_us = start_us - (start_us - due_us) // step_us * step_us
    # At the end of a phase a checkpoint still belongs to it; where the work ends, none is taken.
    last_us = min(course.ends_us[phase], course.end_us - 1)
    return first_us, (last_us - first_us) // course.cycle_us[phase] + 1
