"""The network of a run.

A part of it is up, or out from the end of its life until it is repaired; only this file changes that. Whenever a part
goes out or comes back, the judge says which nodes are cut off, and the job's pace is settled.
"""

from collections.abc import Callable
from typing import NamedTuple

from sim.engine.clock import IntegerEnvironment, on_event, timeout
from sim.engine.effects.pace import Pace
from sim.engine.jobs.job import Job
from sim.engine.jobs.record import Record
from sim.engine.jobs.stops import Failure
from sim.engine.lives.failures import FailureClock
from sim.engine.places.nodes import Nodes
from sim.reliability.failures.exposure import Life
from sim.reliability.failures.laws import draw_us
from sim.reliability.failures.outages import Judge, Lost
from sim.reliability.records import FailureClass
from sim.streams import named_uniforms


class _Out(NamedTuple):
    life: Life
    event: int
    cause: str


class Outages:
    """Which parts of the network are out."""

    __slots__ = ("clock", "env", "job", "judge", "logged_us", "nodes", "out", "pace", "record")

    def __init__(
        self,
        env: IntegerEnvironment,
        record: Record,
        clock: FailureClock,
        nodes: Nodes,
        job: Job,
        judge: Judge,
        pace: Pace,
    ) -> None:
        self.env = env
        self.record = record
        self.clock = clock
        self.nodes = nodes
        self.job = job
        self.judge = judge
        self.pace = pace
        self.out: dict[Lost, list[_Out]] = {}
        # How long a log says that a part is out; without one it never says.
        self.logged_us: Callable[[Life], int | None] = lambda _: None
        pace.out = self.out

    def breaks(self, life: Life) -> None:
        """A part has failed: nodes that it cuts off fail with it; the job goes on if all of its ranks have a path."""
        failure = self.record.plan.failures[life.cause]
        event = self.record.failure(self.env.now, life, False)
        self.out.setdefault(_lost(failure, life), []).append(_Out(life, event, failure.cause))
        if self._look(failure.cause, event):
            self.record.interrupts(event)
        out_us = outage_us(failure, life, self.record.plan.seed, self.logged_us(life))
        on_event(timeout(self.env, out_us), lambda _: self._repaired(life, failure))

    def _repaired(self, life: Life, failure: FailureClass) -> None:
        """A part is back, unless another cause still holds it; what hung on it can be used again."""
        lost = _lost(failure, life)
        self.out[lost] = [each for each in self.out[lost] if each.life != life]
        if not self.out[lost]:
            del self.out[lost]
        event = self.record.restored(self.env.now, life)
        self.clock.renew(life)
        self._look(failure.cause, event)
        self.job.notice()
        if self.job.state == "waiting":
            self.job.ring()

    def _look(self, cause: str, event: int) -> bool:
        """Ask the judge; say whether the job, if it steps, stops."""
        steps = self.job.stops_now()
        cut = self.judge.cut(self.out, self.nodes.members()) if self.out else frozenset()
        for node in sorted(self.nodes.cut.keys() - cut):
            self.nodes.reconnected(node, cause, self.job.state == "waiting", event)
        hit = tuple(node for node in sorted(cut - self.nodes.cut.keys()) if self.nodes.cut_off(node, cause, event))
        before = self.pace.severed
        self.pace.settle()
        stops = bool(hit) or (self.pace.severed and not before)
        if stops:
            self.job.inbox.append(Failure(event, cause, hit))
        return stops and steps


def outage_us(failure: FailureClass, life: Life, seed: int, logged_us: int | None) -> int:
    """Return how long what broke at the end of a life is out, at least 1 us: as logged, where a log says it."""
    assert failure.outage is not None, "what is out has an outage"
    if logged_us is not None:
        return max(1, logged_us)
    name = failure.names[life.component] if failure.names else str(life.component)
    drawn = named_uniforms(seed, "outage", failure.cause, life.ordinal, members=[name])
    return max(1, draw_us(failure.outage, drawn.item(0)))


def _lost(failure: FailureClass, life: Life) -> Lost:
    return Lost(failure.component, life.component, failure.names[life.component] if failure.names else "")
