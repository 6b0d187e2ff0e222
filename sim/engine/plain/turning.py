"""Steps of a plain run whose length changes on the way: with slow nodes, and by the hour of the day.

Most stints are of steps of one length, and cost what those of `StoreSteps` do; of others all legs are kept.
"""

from collections.abc import Callable, Sequence

import simpy

from sim.engine.plain.calls import Agenda
from sim.engine.plain.steps import StoreSteps
from sim.reliability.records import RunPlan
from sim.reliability.saving.legs import Leg, first_leg, moved, repaced, turned, walked
from sim.reliability.saving.progress import NEVER_US, Course, Share, Stretch, ended_us, phase_at
from sim.reliability.saving.saves import Span, Walk, done_beyond, newest_save
from sim.reliability.saving.stint import Beat, beats_of, last_save, leaves_us

WALKED = -1
"""Stands for the condition of a stint that met several, or several phases under one that is not 0."""

Walked = tuple[Span, list[Share]]
"""What such a stint achieved, and what of that is not saved."""


class TurningSteps(StoreSteps):
    """As `StoreSteps`, under one condition or several; 0 is that of whole steps, in which work is told.

    step_us: returns how long steps are under a condition, by phase. courses: of conditions that were met. conditions:
    of every stint, or WALKED; walks: of those that are, one after the other.
    """

    __slots__ = ("condition", "conditions", "courses", "legs", "plan", "rules", "step_us", "walks", "work_us")

    def __init__(
        self,
        agenda: Agenda,
        plan: RunPlan,
        way: Course,
        heard: Callable[[simpy.Event], None],
        step_us: Callable[[int], Sequence[int]],
    ) -> None:
        super().__init__(agenda, plan, way, heard)
        self.plan = plan
        self.step_us = step_us
        self.courses = {0: way}
        self.rules: dict[int, tuple[Beat, ...]] = {}
        self.condition = 0
        # The work that the stint began with, as its condition tells it; and its legs, once that has changed.
        self.work_us = 0
        self.legs: list[Leg] = []
        self.conditions: list[int] = []
        self.walks: list[Walked] = []

    def begin(self, now: int) -> simpy.Event | None:
        self.since_us = now
        self._start()
        return self.again()

    def change(self, condition: int, now: int, stepping: bool) -> None:
        """The condition changes: steps that begin from now on are of another length."""
        left, self.condition = self.condition, condition
        if not stepping:
            return
        if self.since_us < now:
            self.legs = turned(self.legs or [self._first(left)], condition, self._course(condition), now)
        else:
            self.legs = []
            self._start()

    def again(self) -> simpy.Event | None:
        """Return the event for the end of the work, which may have moved; None where the horizon comes first."""
        self.turn = next(self.agenda.turns)
        if self.legs:
            _, way, work_us, start_us, _, _ = self.legs[-1]
            self.bound_us = start_us + way.end_us - work_us
        else:
            self.bound_us = self.since_us + self._course(self.condition).end_us - self.work_us
        if self.bound_us < self.sent[0] or self.event is None:
            self.send()
        return self.event

    def end_us(self) -> int:
        if self.bound_us > self.limit_us:
            return NEVER_US
        if self.legs:
            _, way, work_us, start_us, due_us, number = self.legs[-1]
            return ended_us(way, work_us, start_us, due_us, number)
        way = self._course(self.condition)
        return ended_us(way, self.work_us, self.since_us, self.work_us + way.spacing_us, self.number)

    def stop(self, now: int) -> None:
        if self.since_us == now or not (self.condition or self.legs):
            # Work on which nothing was done is not taken to another course and back.
            self.legs = []
            self.conditions.append(0)
            super().stop(now)
        elif self.legs or not self._stop_within(now):
            self._walk(self.legs or [self._first(self.condition)], now)
            self.legs = []
            self.conditions.append(WALKED)
        else:
            self.conditions.append(self.condition)

    def _stop_within(self, now: int) -> bool:
        """Stop steps of one length, as `StoreSteps` do, unless they have come to another phase; say whether."""
        way, whole, work_us, since_us = self.courses[self.condition], self.way, self.work_us, self.since_us
        phase = phase_at(whole, self.safe[0])
        beats = self.rules.get(self.condition)
        if beats is None:
            beats = self.rules[self.condition] = beats_of(way)
        beat, left_us = beats[phase], leaves_us(way, phase) - work_us
        if now - since_us > left_us:
            return False
        if self.rework:
            save = last_save(beat, work_us, since_us, now)
            if save is not None:
                self.safe = moved(save[0], way, whole), save[1]
        elif beat.block_us:
            return False
        else:
            self.safe = moved(min(way.end_us, work_us + now - since_us), way, whole), now
            self.enter()
        return True

    def _walk(self, legs: list[Leg], now: int) -> None:
        """Stop steps of several lengths."""
        span, undone = _walked(legs, now, self.way), []
        if self.rework:
            save = newest_save(span, 0, self.way.tiers[0], None, self.way)
            if save is None:
                undone = [*done_beyond(span, 0, span.walks[0].from_us)]
            else:
                undone = [*done_beyond(span, save.walk, save.at_work_us)]
                self.safe = save.work_us, save.at_us
        else:
            self.safe = span.work_us, now
        self.walks.append((span, undone))
        self.enter()

    def _start(self) -> None:
        """Begin under the condition as it is."""
        self.work_us = self.safe[0]
        if self.condition:
            self.work_us = moved(self.work_us, self.way, self._course(self.condition))

    def _first(self, condition: int) -> Leg:
        """Return the leg that the stint began with, under a condition."""
        return first_leg(condition, self._course(condition), self.work_us, self.since_us, self.number)

    def _course(self, condition: int) -> Course:
        way = self.courses.get(condition)
        if way is None:
            way = repaced(self.plan.phases, self.plan.checkpoint, self.way, self.step_us(condition))
            self.courses[condition] = way
        return way


def _walked(legs: list[Leg], now: int, whole: Course) -> Span:
    """Return what the legs of a stint have achieved when it stops."""
    stretches: list[Stretch] = []
    walks = []
    for (condition, way, from_us, *_), (to_us, stepped, batches) in walked(legs, now):
        stretches += stepped
        walks.append(Walk(condition, way, from_us, to_us, batches))
    return Span(moved(to_us, way, whole), now, tuple(stretches), tuple(walks))
