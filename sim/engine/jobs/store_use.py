"""How the job uses the store itself: it reads a checkpoint back, or saves its work before a planned stop.

A use is idle, under way, or waits for the store; only this file changes that. What an outage breaks off begins anew
when the store is back; of several pieces in a row those that were done stay done.
"""

from collections.abc import Callable
from typing import NamedTuple

from sim.engine.jobs.stops import Failure
from sim.engine.jobs.waiting import State, Waiting
from sim.reliability.saving.downtime import Downtime
from sim.reliability.saving.progress import NEVER_US


class _Use(NamedTuple):
    """What the store is used for: told in which state, in pieces of which length, and what comes then.

    broken: says whether something else ends the use.
    """

    failure: Failure
    state: str
    piece_us: int
    broken: Callable[[], bool]
    then: State


class StoreUse:
    """One use of the store after the other. held: the cause and event of the outage that goes on."""

    __slots__ = ("active", "held", "left_us", "since_us", "store", "use", "waiting", "why")

    def __init__(self, waiting: Waiting, store: Downtime) -> None:
        self.waiting = waiting
        self.store = store
        self.held = ("", -1)
        self.active = False
        self.use: _Use
        self.left_us = 0
        self.since_us = 0
        self.why = self.held

    def spend(
        self, failure: Failure, state: str, piece_us: int, pieces: int, broken: Callable[[], bool], then: State
    ) -> State | None:
        """Use the store for so many pieces; `waiting.passed` says to `then` whether all were done."""
        self.use, self.left_us = _Use(failure, state, piece_us, broken, then), pieces * piece_us
        return self._go()

    def changed(self) -> None:
        """The store has gone out or is back."""
        if self.active:
            self.waiting.ring()

    def _go(self) -> State | None:
        self.active, self.since_us = True, self.waiting.env.now
        if self.use.broken():
            self.active = self.waiting.passed = False
            return self.use.then
        if self.store.out:
            self.why = self.held
            self.waiting.until(NEVER_US, self._waited)
            return None
        return self.waiting.spend(self.use.failure, ((self.use.state, self.left_us),), self._spent)

    def _waited(self) -> State:
        """Tell the time until now, as that of the outage, and look again."""
        waiting, since_us = self.waiting, self.since_us
        now, (cause, event) = waiting.env.now, self.why
        if now > since_us:
            row = since_us, now, now - since_us, self.use.state, cause, event, waiting.phase, waiting.nodes.in_job, 0
            waiting.record.segments.append(row)
        return self._go

    def _spent(self) -> State:
        if self.waiting.passed or self.use.broken():
            self.active = False
            return self.use.then
        spent_us, piece_us = self.waiting.env.now - self.since_us, self.use.piece_us
        self.left_us -= spent_us // piece_us * piece_us
        return self._go
