"""Steps and checkpoints between two interruptions, each as events.

`Explicit` has a process that waits for every step and every block, and one for every flush: slow, and the reference for
the stepper that folds them.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from sim.engine.clock import IntegerEnvironment, afterwards, timeout
from sim.engine.jobs.stepping import Courses, joined, nothing
from sim.reliability.saving.downtime import Downtime
from sim.reliability.saving.holding import unblocked_us, waiting
from sim.reliability.saving.legs import moved
from sim.reliability.saving.progress import NEVER_US, Batch, Course, Stretch, block_us, phase_at
from sim.reliability.saving.saves import Span, Walk, first_tier


@dataclass(slots=True)
class _Span:
    """What has happened since the job began to step, in work of the present course.

    begun: work, in the whole network's course, and instant at the begin. since_us: when the present step or block
    began, and until_us when it ends. walks: those before the present one; from_us: where that began. batches: its
    checkpoints, one each. number: of the next. out: whether the store was when the present step began. writing: the
    store; waited: an outage was in the way of the present checkpoint.
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
    out: bool = False
    writing: bool = False
    waited: bool = False


class Explicit:
    """An event for every step, block and flush."""

    __slots__ = ("back", "back_us", "condition", "course", "courses", "env", "out", "outages", "span", "store")

    def __init__(
        self, env: IntegerEnvironment, course: Course, courses: Courses, store: Downtime | None = None
    ) -> None:
        self.env = env
        # The store, None where it never fails; whether checkpoints wait for it, how often they had to, and what happens
        # when it is back, and when it was so last.
        self.store = store
        self.out = False
        self.outages = 0
        self.back = simpy.Event(env)
        self.back_us = 0
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

    def hold(self, out: bool, now_us: int) -> int:
        span, self.out, self.outages = self.span, out, self.outages + out
        if not out:
            self.back_us = now_us
            back, self.back = self.back, simpy.Event(self.env)
            back.succeed()
        if span is not None and span.writing:
            if out:
                self._wait(span)
            else:
                span.until_us = unblocked_us(span.way, span.since_us, span.number - 1, now_us)
                if not span.way.tiers[-1].durable_after_us:
                    self._written(span)
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
            return nothing(span.begun[0], now_us), 0
        if span.blocking:
            span.blocked_us += now_us - span.since_us
        else:
            span.work_us += now_us - span.since_us
        self._leave_phase(span)
        self._close_walk(span, now_us if span.until_us <= now_us else None)
        work_us = moved(span.work_us, span.way, self.course)
        return Span(work_us, now_us, joined(span.stretches), tuple(span.walks)), span.durable

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
        if self.span is span and self.out != span.out:
            span.out = self.out
            self._leave_phase(span)
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
        if self.store is None or not self.store.synchronous or (span.number - 1) % span.way.tiers[-1].every:
            simpy.Process(self.env, self._flush(span))
            yield timeout(self.env, length_us)
        else:
            yield from self._write(span)
        if self.span is span:
            span.blocked_us += self.env.now - span.since_us
            if span.waited:
                self._close_walk(span, self.env.now)
            span.blocking, span.since_us = False, self.env.now

    def _write(self, span: _Span) -> Generator[simpy.Event, Any, None]:
        """Write to the store, anew after each outage."""
        span.writing, tier = True, span.way.tiers[-1]
        if tier is not first_tier(span.way):
            simpy.Process(self.env, self._flush(span))
        if self.out:
            span.waited, span.until_us = True, NEVER_US
        begin_us = self.env.now
        while self.span is span and span.writing:
            if self.out:
                yield self.back
                begin_us = self.back_us
                continue
            outages = self.outages
            yield timeout(self.env, begin_us + tier.durable_after_us - self.env.now)
            if self.outages == outages and self.span is span:
                self._written(span)
            begin_us = self.back_us
        if self.span is span:
            yield timeout(self.env, max(0, span.until_us - self.env.now))

    def _written(self, span: _Span) -> None:
        span.writing = False
        span.durable += span.way.tiers[-1] is first_tier(span.way)

    def _wait(self, span: _Span) -> None:
        """A checkpoint that an outage cuts into is told with what comes after it, as one that is taken anew."""
        span.until_us = NEVER_US
        if not span.waited:
            span.waited = True
            if span.since_us > span.entered_us:
                span.stretches.append(
                    Stretch(span.phase, span.entered_us, span.since_us, span.blocked_us, span.condition)
                )
            span.entered_us, span.blocked_us, span.phase = span.since_us, 0, phase_at(span.way, span.work_us)

    def _flush(self, span: _Span) -> Generator[simpy.Event, Any, None]:
        tier, begin_us = first_tier(span.way), self.env.now
        store = self.store if tier is span.way.tiers[-1] else None
        yield timeout(self.env, tier.durable_after_us)
        if self.span is span:
            span.durable += store is None or not store.cut(begin_us, self.env.now)

    def _leave_phase(self, span: _Span) -> None:
        self._close_stretch(span)
        span.phase = phase_at(span.way, span.work_us)

    def _close_stretch(self, span: _Span) -> None:
        if self.env.now > span.entered_us:
            stretch = Stretch(span.phase, span.entered_us, self.env.now, span.blocked_us, span.condition)
            span.stretches.append(stretch)
        span.entered_us, span.blocked_us = self.env.now, 0

    def _close_walk(self, span: _Span, blocked_until_us: int | None = None) -> None:
        """Close a walk; one of its own holds a checkpoint that waited, with what it blocked if that has ended."""
        last, way, work_us = span.batches.pop() if span.waited else None, span.way, span.work_us
        span.walks.append(Walk(span.condition, way, span.from_us, work_us, tuple(span.batches)))
        span.batches.clear()
        if last is not None:
            length_us = NEVER_US if blocked_until_us is None else blocked_until_us - last.begin_us
            span.walks.append(Walk(span.condition, waiting(way, length_us), work_us, work_us, (last,)))
        span.from_us, span.waited = work_us, False
