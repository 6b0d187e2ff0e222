"""Steps and checkpoints between two interruptions, folded by arithmetic.

A stepper is idle or stepping; the job begins and stops it. `Folded` is what runs use; its reference is `Explicit`, to
which every step is an event.
Work is told in the course of the whole network; how long steps are follows from the network's condition (0: whole).
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from sim.reliability.saving.downtime import Downtime
from sim.reliability.saving.holding import endless, halted, held_up, resumed, settled, turned_while_out
from sim.reliability.saving.legs import Leg, boundary_us, moved, turned, walked
from sim.reliability.saving.progress import NEVER_US, Course, Stretch, advance, ended_us, make
from sim.reliability.saving.saves import Span, Walk, durable_count

Courses = Callable[[int], Course]
"""The course of a condition of the network."""


class Stepper(Protocol):
    """What the job asks of a stepper."""

    def begin(self, work_us: int, number: int, start_us: int, ring: Callable[[], None]) -> int:
        """Begin to step; return when the work ends, NEVER_US if that is of no use or `ring` will be called then.

        number: of the next checkpoint.
        """

    def turn(self, condition: int, now_us: int) -> int:
        """The network's condition changes; return when the work ends, as `begin` does."""

    def hold(self, out: bool, now_us: int) -> int:
        """The store goes out, or is back, for which checkpoints wait; return when the work ends, as `begin` does."""

    def boundary_us(self, now_us: int) -> int:
        """Return when the step or checkpoint that is under way ends."""

    def pace(self, course: Course) -> None:
        """Space checkpoints as in another course of the same steps, from the next begin on."""

    def stop(self, now_us: int) -> tuple[Span, int]:
        """Stop, and return what was achieved since, and how many checkpoints became durable (in their first tier)."""


class Folded:
    """No event at all: the whole span is arithmetic."""

    __slots__ = (
        "begun",
        "condition",
        "course",
        "courses",
        "due_us",
        "horizon_us",
        "number",
        "out",
        "since_us",
        "store",
        "turns",
        "way",
        "work_us",
    )

    def __init__(self, course: Course, horizon_us: int, courses: Courses, store: Downtime | None = None) -> None:
        self.course = course
        self.horizon_us = horizon_us
        # The store, None where it never fails; whether checkpoints wait for it now.
        self.store = store
        self.out = False
        self.courses = courses
        self.condition = 0
        # Work when it began; of a span under way, its first leg, whose fields these are: since when (-1: none is under
        # way), work, and the next checkpoint; and all its legs, once its condition has changed.
        self.begun = 0
        self.since_us = -1
        self.way = course
        self.work_us = 0
        self.due_us = 0
        self.number = 1
        self.turns: list[Leg] = []

    def begin(self, work_us: int, number: int, start_us: int, ring: Callable[[], None]) -> int:
        self.begun, self.number, self.since_us = work_us, number, start_us
        return self._start()

    def turn(self, condition: int, now_us: int) -> int:
        changed, self.condition = self.condition, condition
        if self.since_us < 0:
            return NEVER_US
        if self.since_us == now_us:
            return self._start()
        legs = self.turns or [self._leg(changed)]
        if self.out:
            if held_up(legs, now_us):
                return NEVER_US
            self.turns = turned_while_out(legs, condition, self._way(), now_us)
        else:
            self.turns = turned(legs, condition, self._way(), now_us)
        return self._last_end_us()

    def hold(self, out: bool, now_us: int) -> int:
        self.out = out
        if self.since_us < 0:
            return NEVER_US
        if self.since_us == now_us:
            return self._start()
        legs, way = self.turns or [self._leg(self.condition)], self._way()
        if out:
            assert self.store is not None, "only a store that fails goes out"
            self.turns = halted(legs, self.condition, way, now_us, self.store.before_us)
        else:
            self.turns = resumed(legs, self.condition, way, now_us)
        return self._last_end_us()

    def boundary_us(self, now_us: int) -> int:
        return boundary_us(self.turns or [self._leg(self.condition)], now_us)

    def pace(self, course: Course) -> None:
        self.course = course

    def stop(self, now_us: int) -> tuple[Span, int]:
        since_us, self.since_us = self.since_us, -1
        if since_us == now_us:
            return nothing(self.begun, now_us), 0
        if self.turns:
            return self._stop_turned(now_us)
        way, condition, from_us = self.way, self.condition, self.work_us
        to_us, stretches, batches = advance(way, from_us, since_us, now_us, self.due_us, self.number, condition)
        walk = make(Walk, (condition, way, from_us, to_us, batches))
        whole_us = moved(to_us, way, self.course) if condition else to_us
        span = make(Span, (whole_us, now_us, stretches, (walk,)))
        return span, durable_count(span, self.store) if batches else 0

    def _stop_turned(self, now_us: int) -> tuple[Span, int]:
        stretches: list[Stretch] = []
        walks = []
        legs, self.turns = self.turns, []
        for place, ((condition, way, from_us, *_), (to_us, stepped, batches)) in enumerate(walked(legs, now_us)):
            stretches += stepped
            if place + 1 < len(legs) and legs[place + 1].start_us <= now_us:
                way = settled(way, batches, legs[place + 1].start_us)
            walks.append(Walk(condition, way, from_us, to_us, batches))
        span = Span(moved(to_us, way, self.course), now_us, joined(stretches), tuple(walks))
        return span, durable_count(span, self.store)

    def _start(self) -> int:
        work_us = self.begun
        self.way = way = self._way()
        if self.condition:
            work_us = moved(work_us, self.course, way)
        self.work_us, self.due_us = work_us, work_us + way.spacing_us
        end_us = self.since_us + way.end_us - work_us
        if end_us > self.horizon_us:
            return NEVER_US
        return ended_us(way, work_us, self.since_us, self.due_us, self.number) if way.spacing_us else end_us

    def _leg(self, condition: int) -> Leg:
        return Leg(condition, self.way, self.work_us, self.since_us, self.due_us, self.number)

    def _way(self) -> Course:
        way = self.courses(self.condition) if self.condition else self.course
        return endless(way) if self.out else way

    def _last_end_us(self) -> int:
        _, way, work_us, start_us, due_us, number = self.turns[-1]
        return self._end_us(way, work_us, start_us, due_us, number)

    def _end_us(self, way: Course, work_us: int, start_us: int, due_us: int, number: int) -> int:
        if start_us + way.end_us - work_us > self.horizon_us:
            return NEVER_US
        return ended_us(way, work_us, start_us, due_us, number)


def joined(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """Return stretches, those of one phase and condition as one: an outage of the store parts none.

    >>> joined([Stretch(0, 10, 20, 0), Stretch(0, 20, 25, 3), Stretch(1, 25, 30, 0)])
    (Stretch(phase=0, start_us=10, end_us=25, checkpoint_us=3, condition=0), \
Stretch(phase=1, start_us=25, end_us=30, checkpoint_us=0, condition=0))
    """
    result: list[Stretch] = []
    for each in stretches:
        last = result[-1] if result else None
        if last is not None and (last.phase, last.condition) == (each.phase, each.condition):
            checkpoint_us = last.checkpoint_us + each.checkpoint_us
            result[-1] = last._replace(end_us=each.end_us, checkpoint_us=checkpoint_us)
        else:
            result.append(each)
    return tuple(result)


def nothing(work_us: int, now_us: int) -> Span:
    """Return the span of a job that stops as it begins: its work is not taken to another course and back."""
    return Span(work_us, now_us, (), ())
