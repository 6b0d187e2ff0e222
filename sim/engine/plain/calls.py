"""The one kind of event that a plain run makes while it runs."""

from collections.abc import Callable
from heapq import heappush

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
