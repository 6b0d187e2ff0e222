"""Steps and checkpoints between two interruptions: folded by arithmetic, or each as events.

A stepper is idle or stepping; the job begins and stops it. `Folded` is what runs use; `Explicit` has a
process that waits for every step and every block, and one for every flush: slow, and the reference for the other.
Work is told in the course of the whole network; how long steps are follows from the network's condition (0: whole).
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

import simpy

from sim.engine.clock import IntegerEnvironment, afterwards, timeout
from sim.reliability.saving.legs import Leg, boundary_us, moved, turned, walked
from sim.reliability.saving.progress import (
    NEVER_US,
    Batch,
    Course,
    Stretch,
    advance,
    block_us,
    ended_us,
    make,
    phase_at,
)
from sim.reliability.saving.saves import Span, Walk, durable_count, first_tier

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
        "since_us",
        "turns",
        "way",
        "work_us",
    )

    def __init__(self, course: Course, horizon_us: int, courses: Courses) -> None:
        self.course = course
        self.horizon_us = horizon_us
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
        self.turns = turned(self.turns or [self._leg(changed)], condition, self._way(), now_us)
        _, way, work_us, start_us, due_us, number = self.turns[-1]
        return self._end_us(way, work_us, start_us, due_us, number)

    def boundary_us(self, now_us: int) -> int:
        return boundary_us(self.turns or [self._leg(self.condition)], now_us)

    def pace(self, course: Course) -> None:
        self.course = course

    def stop(self, now_us: int) -> tuple[Span, int]:
        since_us, self.since_us = self.since_us, -1
        if since_us == now_us:
            return _nothing(self.begun, now_us), 0
        if self.turns:
            return self._stop_turned(now_us)
        way, condition, from_us = self.way, self.condition, self.work_us
        to_us, stretches, batches = advance(way, from_us, since_us, now_us, self.due_us, self.number, condition)
        walk = make(Walk, (condition, way, from_us, to_us, batches))
        whole_us = moved(to_us, way, self.course) if condition else to_us
        span = make(Span, (whole_us, now_us, stretches, (walk,)))
        return span, durable_count(span) if batches else 0

    def _stop_turned(self, now_us: int) -> tuple[Span, int]:
        stretches: list[Stretch] = []
        walks = []
        for (condition, way, from_us, *_), (to_us, stepped, batches) in walked(self.turns, now_us):
            stretches += stepped
            walks.append(Walk(condition, way, from_us, to_us, batches))
        self.turns = []
        span = Span(moved(to_us, way, self.course), now_us, tuple(stretches), tuple(walks))
        return span, durable_count(span)

    def _start(self) -> int:
        work_us = self.begun
        if self.condition:
            self.way = way = self.courses(self.condition)
            work_us = moved(work_us, self.course, way)
        else:
            self.way = way = self.course
        self.work_us, self.due_us = work_us, work_us + way.spacing_us
        end_us = self.since_us + way.end_us - work_us
        if end_us > self.horizon_us:
            return NEVER_US
        return ended_us(way, work_us, self.since_us, self.due_us, self.number) if way.spacing_us else end_us

    def _leg(self, condition: int) -> Leg:
        return Leg(condition, self.way, self.work_us, self.since_us, self.due_us, self.number)

    def _way(self) -> Course:
        return self.courses(self.condition) if self.condition else self.course

    def _end_us(self, way: Course, work_us: int, start_us: int, due_us: int, number: int) -> int:
        if start_us + way.end_us - work_us > self.horizon_us:
            return NEVER_US
        return ended_us(way, work_us, start_us, due_us, number)


@dataclass(slots=True)
class _Span:
    """What has happened since the job began to step, in work of the present course.

    begun: work, in the whole network's course, and instant at the begin. since_us: when the present step or block
    began, and until_us when it ends. walks: those before the present one; from_us: where that began. batches: its
    checkpoints, one each. number: of the next.
    """

    begun: tuple[int, int]
    condition: int
    way: Course
    work_us: int
    from_us: int
    since_us: int
    number: int
    until_us: int = 0
    walks: list[Walk] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    blocking: bool = False
    durable: int = 0
    entered_us: int = 0
    phase: int = 0
    blocked_us: int = 0
    stretches: list[Stretch] = field(default_factory=list)


class Explicit:
    """An event for every step, block and flush."""

    __slots__ = ("condition", "course", "courses", "env", "span")

    def __init__(self, env: IntegerEnvironment, course: Course, courses: Courses) -> None:
        self.env = env
        self.course = course
        self.courses = courses
        self.condition = 0
        self.span: _Span | None = None

    def begin(self, work_us: int, number: int, start_us: int, ring: Callable[[], None]) -> int:
        way = self._way()
        at_us = moved(work_us, self.course, way)
        span = _Span((work_us, start_us), self.condition, way, at_us, at_us, start_us, number, entered_us=start_us)
        span.phase = phase_at(way, at_us)
        self.span = span
        simpy.Process(self.env, self._walk(span, ring))
        return NEVER_US

    def turn(self, condition: int, now_us: int) -> int:
        self.condition = condition
        return NEVER_US

    def pace(self, course: Course) -> None:
        self.course = course

    def boundary_us(self, now_us: int) -> int:
        span = self.span
        assert span is not None, "a job that does not step has no boundary"
        return max(span.until_us, now_us) if span.since_us < now_us else now_us

    def stop(self, now_us: int) -> tuple[Span, int]:
        span, self.span = self.span, None
        assert span is not None, "only the job stops a stepper, and only after it began"
        if span.begun[1] == now_us:
            return _nothing(span.begun[0], now_us), 0
        if span.blocking:
            span.blocked_us += now_us - span.since_us
        else:
            span.work_us += now_us - span.since_us
        self._leave_phase(span)
        self._close_walk(span)
        work_us = moved(span.work_us, span.way, self.course)
        return Span(work_us, now_us, tuple(span.stretches), tuple(span.walks)), span.durable

    def _way(self) -> Course:
        return self.courses(self.condition) if self.condition else self.course

    def _walk(self, span: _Span, ring: Callable[[], None]) -> Generator[simpy.Event, Any, None]:
        """The process of the steps of one span; it ends unnoticed once the span was stopped."""
        ended_us = self.env.now
        yield from self._look(span)
        while self.span is span:
            length_us = self._to_boundary(span)
            span.until_us = self.env.now + length_us
            yield timeout(self.env, length_us)
            if self.span is not span:
                return
            span.work_us, span.since_us = span.work_us + length_us, self.env.now
            if span.work_us == span.way.end_us:
                return ring()
            yield from self._look(span)
            if self.span is span and 0 < span.way.spacing_us <= self.env.now - ended_us:
                yield from self._save(span)
                ended_us = self.env.now
                yield from self._look(span)
            if self.span is span and phase_at(span.way, span.work_us) != span.phase:
                self._leave_phase(span)

    def _look(self, span: _Span) -> Generator[simpy.Event, Any, None]:
        """Before a step or a block begins, see what has become of the network at the end of this instant."""
        yield afterwards(self.env)
        if self.span is not span or self.condition == span.condition:
            return
        way = self._way()
        if self.env.now == span.begun[1]:
            # Nothing is done yet: a part of a step, taken to a course that is left at once and back, would lose by it.
            span.work_us = span.from_us = moved(span.begun[0], self.course, way)
        else:
            self._close_stretch(span)
            self._close_walk(span)
            span.work_us = span.from_us = moved(span.work_us, span.way, way)
        span.condition, span.way = self.condition, way
        span.phase = phase_at(way, span.work_us)

    def _to_boundary(self, span: _Span) -> int:
        start_us, step_us = span.way.starts_us[span.phase], span.way.step_us[span.phase]
        boundary_us = start_us + ((span.work_us - start_us) // step_us + 1) * step_us
        return min(boundary_us, span.way.end_us) - span.work_us

    def _save(self, span: _Span) -> Generator[simpy.Event, Any, None]:
        length_us = block_us(span.way, span.number)
        span.batches.append(Batch(self.env.now, span.number, 1, span.work_us, 0))
        span.number += 1
        span.blocking, span.since_us, span.until_us = True, self.env.now, self.env.now + length_us
        simpy.Process(self.env, self._flush(span))
        yield timeout(self.env, length_us)
        if self.span is span:
            span.blocked_us += self.env.now - span.since_us
            span.blocking, span.since_us = False, self.env.now

    def _flush(self, span: _Span) -> Generator[simpy.Event, Any, None]:
        yield timeout(self.env, first_tier(span.way).durable_after_us)
        if self.span is span:
            span.durable += 1

    def _leave_phase(self, span: _Span) -> None:
        self._close_stretch(span)
        span.phase = phase_at(span.way, span.work_us)

    def _close_stretch(self, span: _Span) -> None:
        if self.env.now > span.entered_us:
            stretch = Stretch(span.phase, span.entered_us, self.env.now, span.blocked_us, span.condition)
            span.stretches.append(stretch)
        span.entered_us, span.blocked_us = self.env.now, 0

    def _close_walk(self, span: _Span) -> None:
        span.walks.append(Walk(span.condition, span.way, span.from_us, span.work_us, tuple(span.batches)))
        span.batches.clear()


def _nothing(work_us: int, now_us: int) -> Span:
    """Return the span of a job that stops as it begins: its work is not taken to another course and back."""
    return Span(work_us, now_us, (), ())
