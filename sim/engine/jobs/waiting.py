"""The one place where the job waits, and the stages of recovery that it spends there.

The job is a machine of states: each does what it does at one instant, and returns the state that follows at once, or
None after it has said here what to wait for. Others wake it: at once at the end of what breaks at an instant (`wake`),
or by an event of the instant that comes after what is finished at it (`ring`).
"""

from collections.abc import Callable, Sequence
from typing import Optional

import simpy

from sim.engine.clock import FINISHED, Call, IntegerEnvironment
from sim.engine.jobs.record import Record
from sim.engine.jobs.stops import Failure
from sim.engine.places.nodes import Nodes
from sim.reliability.saving.progress import NEVER_US

State = Callable[[], Optional["State"]]
"""What the job does at an instant; returns what it does next at the same instant, None where it waits."""


class Scout:
    """One event for many waits for an instant that is mostly put off before it comes.

    heard: called with the event when it comes, and whether the instant was put off meanwhile. sent: the instant and
    turn of the event; goal: those of the wait.
    """

    __slots__ = ("env", "event", "goal", "heard", "sent")

    def __init__(self, env: IntegerEnvironment, heard: Callable[[simpy.Event, bool], None]) -> None:
        self.env = env
        self.heard = heard
        self.event: simpy.Event | None = None
        self.sent = self.goal = (0, 0)

    def put_off(self, end_us: int) -> simpy.Event:
        """Wait for an instant; return the event, which may come earlier."""
        self.goal = end_us, self.env.turn()
        if self.event is None or end_us < self.sent[0]:
            return self.again()
        return self.event

    def again(self) -> simpy.Event:
        """Send the event to the instant that was put off."""
        self.sent = end_us, turn = self.goal
        self.event = event = Call(self.env, end_us - self.env.now, FINISHED, self._came, turn=turn)
        return event

    def _came(self, event: simpy.Event) -> None:
        if event is self.event:
            self.event = None
            self.heard(event, self.sent != self.goal)


class Waiting:
    """What the job waits for: an instant, or somebody who rings; never beyond the horizon.

    passed: whether all stages that were spent last have passed. owed: stages that a recovery must go through because an
    earlier one did not finish them. phase: of the training, in which stages are told.
    """

    __slots__ = (
        "env",
        "event",
        "horizon_us",
        "nodes",
        "owed",
        "passed",
        "phase",
        "record",
        "scout",
        "spent",
        "then",
        "waits",
    )

    def __init__(self, env: IntegerEnvironment, record: Record, nodes: Nodes) -> None:
        horizon_us = record.plan.horizon_us
        self.env = env
        self.record = record
        self.nodes = nodes
        self.horizon_us = NEVER_US if horizon_us is None else horizon_us
        self.phase = 0
        self.owed = {"schedule"}
        self.passed = True
        self.waits = False
        # The event that ends the present wait; others that come are of waits that are over.
        self.event: simpy.Event | None = None
        self.scout = Scout(env, self._came)
        self.then: State
        self.spent: tuple[Failure, Sequence[tuple[str, int]], int, State]

    def until(self, end_us: int, then: State) -> None:
        """Wait for an instant, or until somebody rings, and go on with `then`."""
        self.then = then
        self.waits = True
        self.event = Call(self.env, end_us - self.env.now, FINISHED, self._over) if end_us < self.horizon_us else None

    def until_put_off(self, end_us: int, then: State) -> None:
        """Wait as `until` does, for an instant that is mostly put off before it comes."""
        self.then = then
        self.waits = True
        self.event = self.scout.put_off(end_us) if end_us < self.horizon_us else None

    def _came(self, event: simpy.Event, put_off: bool) -> None:
        """The event that serves many waits has come: before its time, where what the job waits for was put off."""
        if event is not self.event:
            return
        if put_off:
            self.event = self.scout.again()
        else:
            self._over(event)

    def ring(self) -> None:
        """Wake the job, if it waits, by an event of this instant; its own event passes unnoticed."""
        if self.waits:
            self.waits = False
            self.event = Call(self.env, 0, FINISHED, self._over)

    def wake(self) -> None:
        """Wake the job, if it waits: at once, unless something is still to finish at this instant.

        For who has nothing more to do at it.
        """
        if not self.waits:
            return
        if self.env.peek() > self.env.now:
            self.waits, self.event = False, None
            state = self.then()
            while state is not None:
                state = state()
        else:
            self.ring()

    def go(self, state: State | None) -> None:
        """Pass through states until one waits."""
        while state is not None:
            state = state()

    def spend(self, failure: Failure, stages: Sequence[tuple[str, int]], then: State) -> State | None:
        """Spend stages one after the other, as one wait."""
        start = end = self.env.now
        for _, duration in stages:
            end += duration
        self.spent = failure, stages, start, then
        if start == end or start >= self.horizon_us:
            return self._spent()
        self.then, self.waits = self._spent, True
        self.event = Call(self.env, end - start, FINISHED, self._over) if end < self.horizon_us else None
        return None

    def _over(self, event: simpy.Event) -> None:
        if event is self.event:
            self.waits = False
            state = self.then()
            while state is not None:
                state = state()

    def _spent(self) -> State:
        """Tell the time of the stages, the last perhaps cut short."""
        (event, cause, *_), stages, start, then = self.spent
        segments, phase, nodes, owed = self.record.segments, self.phase, self.nodes.in_job, self.owed
        now, self.passed = self.env.now, True
        for name, duration in stages:
            until = start + duration
            if until > now:
                until, self.passed = now, False
            if until > start:
                segments.append((start, until, until - start, name, cause, event, phase, nodes, 0))
            if not self.passed:
                break
            start = until
            if owed:
                owed.discard(name)
        return then
