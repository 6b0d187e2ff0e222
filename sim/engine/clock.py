"""The clock of a simulation: integers only, and an order for what happens at one instant.

What is finished at an instant (a step, a stage of recovery, a repair) comes before what breaks at it; that is what
the later priorities are for. Within one priority SimPy keeps the order of scheduling.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import simpy
from simpy.events import EventPriority

from sim.errors import SimulationError

FINISHED = EventPriority(1)
"""What is finished at the instant; SimPy's own priority of timeouts."""

LATE = EventPriority(2)
"""After everything that is finished at the instant: failures."""

LAST = EventPriority(3)
"""After all failures of the instant."""

DECIDED = EventPriority(4)
"""After all that breaks at the instant: what somebody decides who looks at it."""

AFTERWARDS = EventPriority(5)
"""After everything else: what begins at the instant only if nothing stops it there."""


class IntegerEnvironment(simpy.Environment):
    """A SimPy environment whose time is an integer; that it is one is declared for the type checker only."""

    if TYPE_CHECKING:
        now: int
    else:
        # SimPy's own property, without a call in Python: the time is asked for more often than anything else.
        now = property(attrgetter("_now"))

    def turn(self) -> int:
        """Take the turn, among what is scheduled for an instant, of what is scheduled now."""
        return next(self._eid)

    def forget(self) -> None:
        """Drop all events that are pending."""
        self._queue.clear()

    def run_to(self, done: simpy.Event) -> Any:
        """Run until an event has happened and return its value: SimPy's `run(until=done)`, without a call an event.

        Raises SimulationError if nothing is left to happen before it.
        """
        queue = self._queue
        while done.callbacks is not None:
            try:
                self._now, _, _, event = heappop(queue)
            except IndexError:
                raise SimulationError("simulation: no event is left; expected the one that it runs to") from None
            callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
            for callback in callbacks:
                callback(event)
            if not event._ok and not hasattr(event, "_defused"):
                raise event._value
        return done.value


class Delayed(simpy.Event):
    """A timeout of its own priority, so that ties are decided by rule."""

    def __init__(self, env: simpy.Environment, delay: int, value: int, priority: EventPriority) -> None:
        # As SimPy's own Timeout does: without the call of Event's.
        self.env = env
        self.callbacks = []
        self._ok = True
        self._value = value
        env.schedule(self, priority, delay)


class Call(simpy.Event):
    """The call of a function, with this event, when `delay` ticks have passed; raises as `timeout` does.

    turn: at its instant, by default that of what is scheduled last.
    """

    _ok = True
    _value: object = None

    def __init__(
        self,
        env: simpy.Environment,
        delay: int,
        priority: EventPriority,
        callback: Callable[[simpy.Event], None],
        value: object = None,
        turn: int | None = None,
    ) -> None:
        if type(delay) is not int or delay < 0:
            raise _wrong(delay)
        self.env = env
        self.callbacks = [callback]
        self._value = value
        # What env.schedule does: a run makes more of these than of anything else.
        turn = next(env._eid) if turn is None else turn
        heappush(env._queue, (env._now + delay, priority, turn, self))


def timeout(env: simpy.Environment, delay: int, value: int = 0) -> simpy.Timeout:
    """Return a timeout of `delay` ticks. Raises SimulationError unless it is an integer of 0 or more."""
    # numpy integers would leak into the clock, and NaN passes SimPy's own check.
    if type(delay) is not int or delay < 0:
        raise _wrong(delay)
    return simpy.Timeout(env, delay, value)


def after(env: simpy.Environment, delay: int, callback: Callable[[simpy.Event], None], value: object = None) -> None:
    """Call a function, with an event of a value, when `delay` ticks have passed; raises as `timeout` does."""
    Call(env, delay, FINISHED, callback, value)


def late(env: simpy.Environment, delay: int, value: int = 0) -> simpy.Event:
    """Return a timeout that comes after whatever is finished at the same instant; raises as `timeout` does."""
    if type(delay) is not int or delay < 0:
        raise _wrong(delay)
    return Delayed(env, delay, value, LATE)


def decided(env: simpy.Environment, delay: int, value: int = 0) -> simpy.Event:
    """Return a timeout that comes after all failures of its instant; raises as `timeout` does."""
    if type(delay) is not int or delay < 0:
        raise _wrong(delay)
    return Delayed(env, delay, value, DECIDED)


def last(env: simpy.Environment) -> simpy.Event:
    """Return an event at the end of the present instant."""
    return Delayed(env, 0, 0, LAST)


def afterwards(env: simpy.Environment) -> simpy.Event:
    """Return an event after everything else of the present instant."""
    return Delayed(env, 0, 0, AFTERWARDS)


def on_event(event: simpy.Event, callback: Callable[[simpy.Event], None]) -> None:
    """Call a function when an event that is pending happens."""
    assert event.callbacks is not None, "an event that is pending has not been processed"
    event.callbacks.append(callback)


def _wrong(delay: object) -> SimulationError:
    return SimulationError(f"delay {delay!r} of type {type(delay).__name__}; expected an integer of 0 or more")
