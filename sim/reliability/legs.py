"""An uninterrupted span of steps whose length changes on the way, when the network is damaged or repaired.

A span is a row of legs, one for each condition of the network that its steps met (condition 0: whole). A step that is
in flight when the condition changes ends at its old length, and so does a checkpoint that blocks: the next leg begins
with the next step. Checkpoints are spaced by time whatever the length of steps, and one that a leg began may become
durable in another. Each leg has a course of its own, whose phases hold as many steps as those of the whole network;
what a position is called in another course is exact at step boundaries, and within a step keeps its fraction of it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from sim.reliability.progress import Course, Progress, Share, advance, course, phase_at, shares
from sim.reliability.records import CheckpointPlan, PhasePlan


class Leg(NamedTuple):
    """Steps under one condition, from start_us at work_us of the leg's own course; a checkpoint is due from due_us."""

    condition: int
    course: Course
    work_us: int
    start_us: int
    due_us: int


def repaced(phases: Sequence[PhasePlan], checkpoint: CheckpointPlan, whole: Course, step_us: Sequence[int]) -> Course:
    """Return the course of the same steps at other lengths; it ends at the same step as that of the whole network.

    >>> ten = PhasePlan(name="main", steps=10, step_time_us=7, tokens_per_step=1)
    >>> none = CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0)
    >>> repaced([ten], none, course([ten], none, 35), [9]).end_us
    45
    """
    slow = [replace(phase, step_time_us=length) for phase, length in zip(phases, step_us, strict=True)]
    endless = course(slow, checkpoint, None)
    end_us = min(endless.end_us, _moved(whole.end_us, whole, endless))
    return course(slow, checkpoint, end_us)


def moved(work_us: int, one: Course, other: Course) -> int:
    """Return a position of one course in another of the same steps: the same step, the same fraction of it.

    >>> ten = PhasePlan(name="main", steps=10, step_time_us=7, tokens_per_step=1)
    >>> none = CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0)
    >>> way = course([ten], none, None)
    >>> [moved(at, way, repaced([ten], none, way, [14])) for at in (0, 7, 10, 70)]
    [0, 14, 20, 140]
    """
    if one is other:
        return work_us
    return other.end_us if work_us == one.end_us else _moved(work_us, one, other)


def first_leg(condition: int, way: Course, work_us: int, start_us: int) -> Leg:
    """Return the leg that a span begins with: its first checkpoint is due after a spacing."""
    return Leg(condition, way, work_us, start_us, work_us + way.spacing_us)


def turned(legs: Sequence[Leg], condition: int, way: Course, now_us: int) -> list[Leg]:
    """Return the legs of a span after the network's condition changed: steps that begin from now on take its length.

    The first leg began before now.
    """
    last = legs[-1]
    if last.start_us < now_us:
        return [*legs] if condition == last.condition else [*legs, *_next(last, condition, way, now_us)]
    if legs[-2].condition == condition:
        return [*legs[:-1]]
    return [*legs[:-1], _beginning(last, condition, way)]


def achieved(legs: Sequence[Leg], now_us: int, whole: Course, begun_us: int) -> tuple[Progress, tuple[Share, ...]]:
    """Return the progress of a span that stops, in work of the whole network's course, and what of it is not durable.

    begun_us: where the span began, in that course.

    >>> ten = PhasePlan(name="main", steps=10, step_time_us=7, tokens_per_step=1)
    >>> every = CheckpointPlan(interval_us=20, block_us=2, durable_after_us=5, restore_us=0)
    >>> way = course([ten], every, None)
    >>> slow = repaced([ten], every, way, [9])
    >>> legs = turned([first_leg(0, way, 0, 100)], 1, slow, 105)
    >>> progress, undone = achieved(legs, 140, way, 0)
    >>> progress.stretches
    (Stretch(phase=0, start_us=100, end_us=107, checkpoint_us=0, condition=0), \
Stretch(phase=0, start_us=107, end_us=140, checkpoint_us=2, condition=1))
    >>> progress.work_us, progress.durable_us, undone
    (31, 21, (Share(phase=0, duration_us=13, steps=1, condition=1),))
    """
    begun = [leg for leg in legs[1:] if leg.start_us < now_us]
    walked = [legs[0], *begun]
    stops = [*(leg.start_us for leg in begun), now_us]
    parts = [
        advance(leg.course, leg.work_us, leg.start_us, stop, leg.due_us)
        for leg, stop in zip(walked, stops, strict=True)
    ]
    kept, saved_us, saved_at_us, durable = _newest_durable(walked, parts, now_us)
    froms = [saved_us, *(leg.work_us for leg in walked[kept + 1 :])]
    undone = tuple(
        share
        for leg, part, from_us in zip(walked[kept:], parts[kept:], froms, strict=True)
        for share in shares(leg.course, from_us, part.work_us, leg.condition)
    )
    progress = Progress(
        moved(parts[-1].work_us, walked[-1].course, whole),
        begun_us if saved_at_us < 0 else moved(saved_us, walked[kept].course, whole),
        saved_at_us,
        sum(part.started for part in parts),
        durable,
        tuple(
            stretch._replace(condition=leg.condition)
            for leg, part in zip(walked, parts, strict=True)
            for stretch in part.stretches
        ),
    )
    return progress, undone


def _moved(work_us: int, one: Course, other: Course) -> int:
    phase = phase_at(one, work_us)
    steps, rest_us = divmod(work_us - one.starts_us[phase], one.step_us[phase])
    step_us = other.step_us[phase]
    return other.starts_us[phase] + steps * step_us + rest_us * step_us // one.step_us[phase]


def _beginning(leg: Leg, condition: int, way: Course) -> Leg:
    """Return a leg that has not begun, under another condition."""
    work_us = moved(leg.work_us, leg.course, way)
    return Leg(condition, way, work_us, leg.start_us, work_us + leg.due_us - leg.work_us)


def _next(leg: Leg, condition: int, way: Course, now_us: int) -> list[Leg]:
    """Return the leg that follows one that is under way, none where the work ends before."""
    so_far = advance(leg.course, leg.work_us, leg.start_us, now_us, leg.due_us)
    waited_us, at_us, work_us = leg.work_us + leg.course.spacing_us - leg.due_us, now_us, so_far.work_us
    since_us = leg.start_us
    if so_far.batches:
        begin_us, period_us, count, _, _ = so_far.batches[-1]
        waited_us, since_us = 0, begin_us + (count - 1) * period_us + leg.course.block_us
    if since_us > now_us:
        at_us = since_us
    else:
        phase = phase_at(leg.course, work_us)
        rest_us = (work_us - leg.course.starts_us[phase]) % leg.course.step_us[phase]
        left_us = min(leg.course.step_us[phase] - rest_us, leg.course.end_us - work_us) if rest_us else 0
        at_us, work_us = now_us + left_us, work_us + left_us
    if work_us == leg.course.end_us:
        return []
    work_us = moved(work_us, leg.course, way)
    left_us = leg.course.spacing_us - waited_us - (at_us - since_us)
    return [Leg(condition, way, work_us, at_us, work_us + max(left_us, 0))]


def _newest_durable(legs: Sequence[Leg], parts: Sequence[Progress], now_us: int) -> tuple[int, int, int, int]:
    """Return leg and work of the newest durable checkpoint, when it began (-1: none), and how many there are."""
    newest, durable = (0, legs[0].work_us, -1), 0
    for position, part in enumerate(parts):
        for begin_us, period_us, count, work_us, cycle_us in part.batches:
            ready = (now_us - legs[position].course.durable_after_us - begin_us) // period_us + 1
            kept = max(0, min(ready, count))
            durable += kept
            if kept:
                newest = position, work_us + (kept - 1) * cycle_us, begin_us + (kept - 1) * period_us
    return *newest, durable
