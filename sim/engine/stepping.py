"""Steps and checkpoints between two interruptions: folded by arithmetic, or each as events.

A stepper is idle or stepping; the job begins and stops it. `Folded` is what runs use; `Explicit` has a
process that waits for every step and every block, and one for every flush: slow, and the reference for the other.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

import simpy

from sim.engine.clock import IntegerEnvironment, afterwards, timeout
from sim.reliability.progress import NEVER_US, Course, Progress, Stretch, advance, phase_at


class Stepper(Protocol):
    """What the job asks of a stepper."""

    def begin(self, work_us: int, start_us: int, ring: Callable[[], None]) -> int:
        """Begin to step; return when the work ends, NEVER_US if that is of no use or `ring` will be called then."""

    def stop(self, work_us: int, start_us: int, now_us: int) -> Progress:
        """Stop, and return what was achieved since."""


@dataclass(frozen=True, slots=True)
class Folded:
    """No event at all: the whole span is arithmetic."""

    course: Course
    horizon_us: int

    def begin(self, work_us: int, start_us: int, ring: Callable[[], None]) -> int:
        if start_us + self.course.end_us - work_us > self.horizon_us:
            return NEVER_US
        return advance(self.course, work_us, start_us).stretches[-1].end_us

    def stop(self, work_us: int, start_us: int, now_us: int) -> Progress:
        return advance(self.course, work_us, start_us, now_us)


@dataclass(slots=True)
class _Span:
    """What has happened since the job began to step; since_us: when the present step or block began."""

    work_us: int
    saved_us: int
    since_us: int
    saved_at_us: int = -1
    blocking: bool = False
    started: int = 0
    durable: int = 0
    entered_us: int = 0
    phase: int = 0
    blocked_us: int = 0
    stretches: list[Stretch] = field(default_factory=list)


class Explicit:
    """An event for every step, block and flush."""

    __slots__ = ("course", "env", "span")

    def __init__(self, env: IntegerEnvironment, course: Course) -> None:
        self.env = env
        self.course = course
        self.span: _Span | None = None

    def begin(self, work_us: int, start_us: int, ring: Callable[[], None]) -> int:
        phase = phase_at(self.course, work_us)
        self.span = _Span(work_us, work_us, start_us, entered_us=start_us, phase=phase)
        simpy.Process(self.env, self._walk(self.span, ring))
        return NEVER_US

    def stop(self, work_us: int, start_us: int, now_us: int) -> Progress:
        span, self.span = self.span, None
        assert span is not None, "only the job stops a stepper, and only after it began"
        if span.blocking:
            span.blocked_us += now_us - span.since_us
        else:
            span.work_us += now_us - span.since_us
        self._leave_phase(span)
        counts = span.started, span.durable
        return Progress(span.work_us, span.saved_us, span.saved_at_us, *counts, tuple(span.stretches))

    def _walk(self, span: _Span, ring: Callable[[], None]) -> Generator[simpy.Event, Any, None]:
        """The process of the steps of one span; it ends unnoticed once the span was stopped."""
        ended_us = self.env.now
        while True:
            length_us = self._to_boundary(span)
            yield timeout(self.env, length_us)
            if self.span is not span:
                return
            span.work_us, span.since_us = span.work_us + length_us, self.env.now
            if span.work_us == self.course.end_us:
                return ring()
            yield afterwards(self.env)
            if self.span is not span:
                return
            if 0 < self.course.spacing_us <= self.env.now - ended_us:
                yield from self._save(span)
                ended_us = self.env.now
            if self.span is span and phase_at(self.course, span.work_us) != span.phase:
                self._leave_phase(span)

    def _to_boundary(self, span: _Span) -> int:
        start_us, step_us = self.course.starts_us[span.phase], self.course.step_us[span.phase]
        boundary_us = start_us + ((span.work_us - start_us) // step_us + 1) * step_us
        return min(boundary_us, self.course.end_us) - span.work_us

    def _save(self, span: _Span) -> Generator[simpy.Event, Any, None]:
        span.started += 1
        span.blocking, span.since_us = True, self.env.now
        simpy.Process(self.env, self._flush(span, span.work_us))
        yield timeout(self.env, self.course.block_us)
        if self.span is span:
            span.blocked_us += self.env.now - span.since_us
            span.blocking, span.since_us = False, self.env.now

    def _flush(self, span: _Span, work_us: int) -> Generator[simpy.Event, Any, None]:
        began_us = self.env.now
        yield timeout(self.env, self.course.durable_after_us)
        if self.span is span:
            span.durable += 1
            span.saved_at_us = began_us
            span.saved_us = work_us

    def _leave_phase(self, span: _Span) -> None:
        if self.env.now > span.entered_us:
            span.stretches.append(Stretch(span.phase, span.entered_us, self.env.now, span.blocked_us))
        span.entered_us, span.blocked_us = self.env.now, 0
        span.phase = phase_at(self.course, span.work_us)
