"""The one kind of event that a plain run makes while it runs, and how it passes them."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

import simpy
from simpy.events import EventPriority

from sim.engine.clock import Call, IntegerEnvironment

_new = object.__new__


def call(
    env: IntegerEnvironment,
    at_us: int,
    priority: EventPriority,
    callback: Callable[[simpy.Event], None],
    turn: int | None = None,
) -> Call:
    """Return a `Call` at an instant that the caller knows for an integer not before now: made without a check."""
    event = _new(Call)
    event.callbacks = [callback]
    heappush(env._queue, (at_us, priority, next(env._eid) if turn is None else turn, event))
    return event


def run_to(env: IntegerEnvironment, done: simpy.Event) -> bool:
    """Run until an event has happened that says yes or no, where none fails: `IntegerEnvironment.run_to` for calls."""
    queue = env._queue
    # simpy's types know no callbacks that are None, which is what events have that have happened.
    awaited: Any = done
    event: Any
    while awaited.callbacks is not None:
        # Something is always left: the horizon, or who gives up.
        env._now, _, _, event = heappop(queue)
        callbacks = event.callbacks
        event.callbacks = None
        for callback in callbacks:
            callback(event)
    return bool(done.value)
