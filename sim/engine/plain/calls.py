"""The one kind of event that a plain run makes while it runs, and how it passes them."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any

import simpy
from simpy.events import EventPriority

from sim.engine.clock import Call, IntegerEnvironment

_new = object.__new__


class Agenda:
    """A SimPy environment whose events are at hand, with the present instant, for who makes and passes many of them."""

    __slots__ = ("env", "now", "queue", "turns")

    def __init__(self) -> None:
        self.env = IntegerEnvironment()
        self.queue: list[tuple[Any, Any, Any, Any]] = self.env._queue
        self.turns: Iterator[int] = self.env._eid
        self.now = 0

    def call(
        self,
        at_us: int,
        priority: EventPriority,
        callback: Callable[[simpy.Event], None],
        turn: int | None = None,
    ) -> Call:
        """Return a `Call` at an instant that the caller knows for an integer not before now: made without a check."""
        event = _new(Call)
        event.callbacks = [callback]
        heappush(self.queue, (at_us, priority, next(self.turns) if turn is None else turn, event))
        return event

    def run_to(self, done: simpy.Event) -> bool:
        """Run until an event has happened that says yes or no, where none fails: as the environment's `run_to`."""
        env, queue = self.env, self.queue
        # simpy's types know no callbacks that are None, which is what events have that have happened.
        awaited: Any = done
        event: Any
        while awaited.callbacks is not None:
            # Something is always left: the horizon, or who gives up.
            self.now, _, _, event = heappop(queue)
            env._now = self.now
            callbacks = event.callbacks
            event.callbacks = None
            for callback in callbacks:
                callback(event)
        return bool(done.value)
