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

from sim.reliability.records import CheckpointPlan, PhasePlan
from sim.reliability.saving.progress import Course, Progress, advance, begun_us, course, phase_at


class Leg(NamedTuple):
    """Steps under one condition, from start_us at work_us of the leg's own course.

    A checkpoint is due from due_us, and has this number.
    """

    condition: int
    course: Course
    work_us: int
    start_us: int
    due_us: int
    number: int


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


def first_leg(condition: int, way: Course, work_us: int, start_us: int, number: int) -> Leg:
    """Return the leg that a span begins with: its first checkpoint is due after a spacing."""
    return Leg(condition, way, work_us, start_us, work_us + way.spacing_us, number)


def turned(legs: Sequence[Leg], condition: int, way: Course, now_us: int) -> list[Leg]:
    """Return the legs of a span after the network's condition changed: steps that begin from now on take its length.

    The first leg began before now.
    """
    last = legs[-1]
    if last.start_us < now_us:
        return [*legs] if condition == last.condition else [*legs, *following(last, condition, way, now_us)]
    if legs[-2].condition == condition and legs[-2].course is way:
        return [*legs[:-1]]
    return [*legs[:-1], otherwise(last, condition, way)]


def otherwise(leg: Leg, condition: int, way: Course) -> Leg:
    """Return a leg that has not begun, under another condition."""
    work_us = moved(leg.work_us, leg.course, way)
    return Leg(condition, way, work_us, leg.start_us, work_us + leg.due_us - leg.work_us, leg.number)


def following(leg: Leg, condition: int, way: Course, now_us: int) -> list[Leg]:
    """Return the leg that follows one that is under way, none where the work ends before."""
    boundary = _boundary(leg, now_us)
    if boundary.work_us == leg.course.end_us:
        return []
    work_us = moved(boundary.work_us, leg.course, way)
    left_us = leg.course.spacing_us - boundary.waited_us
    return [Leg(condition, way, work_us, boundary.at_us, work_us + max(left_us, 0), boundary.number)]


def boundary_us(legs: Sequence[Leg], now_us: int) -> int:
    """Return when the step or checkpoint that is under way ends.

    >>> ten = PhasePlan(name="main", steps=10, step_time_us=7, tokens_per_step=1)
    >>> every = CheckpointPlan(interval_us=20, block_us=2, durable_after_us=5, restore_us=0)
    >>> legs = [first_leg(0, course([ten], every, None), 0, 100, 1)]
    >>> [boundary_us(legs, now) for now in (100, 101, 121, 122, 123, 124)]
    [100, 107, 121, 123, 123, 130]
    """
    last = legs[-1]
    return last.start_us if last.start_us >= now_us else _boundary(last, now_us).at_us


def walked(legs: Sequence[Leg], now_us: int) -> list[tuple[Leg, Progress]]:
    """Return the legs of a span that stops, each with its progress; those that have not begun are left out.

    >>> ten = PhasePlan(name="main", steps=10, step_time_us=7, tokens_per_step=1)
    >>> every = CheckpointPlan(interval_us=20, block_us=2, durable_after_us=5, restore_us=0)
    >>> way = course([ten], every, None)
    >>> slow = repaced([ten], every, way, [9])
    >>> legs = turned([first_leg(0, way, 0, 100, 1)], 1, slow, 105)
    >>> [part.stretches for _, part in walked(legs, 140)]
    [(Stretch(phase=0, start_us=100, end_us=107, checkpoint_us=0, condition=0),), \
(Stretch(phase=0, start_us=107, end_us=140, checkpoint_us=2, condition=1),)]
    """
    if len(legs) == 1:
        return [(legs[0], _walked(legs[0], now_us))]
    begun = [legs[0], *(leg for leg in legs[1:] if leg.start_us < now_us)]
    stops = [*(leg.start_us for leg in begun[1:]), now_us]
    return [(leg, _walked(leg, stop)) for leg, stop in zip(begun, stops, strict=True)]


def _walked(leg: Leg, stop_us: int) -> Progress:
    condition, way, work_us, start_us, due_us, number = leg
    return advance(way, work_us, start_us, stop_us, due_us, number, condition)


def _moved(work_us: int, one: Course, other: Course) -> int:
    phase = phase_at(one, work_us)
    steps, rest_us = divmod(work_us - one.starts_us[phase], one.step_us[phase])
    step_us = other.step_us[phase]
    return other.starts_us[phase] + steps * step_us + rest_us * step_us // one.step_us[phase]


class _Boundary(NamedTuple):
    """Where a step or block under way ends, its work, and how long a checkpoint has been waited for then."""

    at_us: int
    work_us: int
    waited_us: int
    number: int


def _boundary(leg: Leg, now_us: int) -> _Boundary:
    so_far = advance(leg.course, leg.work_us, leg.start_us, now_us, leg.due_us, leg.number)
    waited_us, at_us, work_us = leg.work_us + leg.course.spacing_us - leg.due_us, now_us, so_far.work_us
    since_us, number = leg.start_us, leg.number + so_far.started
    if so_far.batches:
        last = so_far.batches[-1]
        waited_us, since_us = 0, begun_us(leg.course, last, last.number) - last.cycle_us
    if since_us > now_us:
        return _Boundary(since_us, work_us, 0, number)
    phase = phase_at(leg.course, work_us)
    rest_us = (work_us - leg.course.starts_us[phase]) % leg.course.step_us[phase]
    left_us = min(leg.course.step_us[phase] - rest_us, leg.course.end_us - work_us) if rest_us else 0
    at_us, work_us = now_us + left_us, work_us + left_us
    return _Boundary(at_us, work_us, waited_us + at_us - since_us, number)
