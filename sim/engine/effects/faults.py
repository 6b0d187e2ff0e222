"""Failures that do not stop the job at once: silent ones, which are noticed later or never, and planned stops.

A silent failure is pending from its onset until it is noticed, or until the job has gone back to a checkpoint from
before it; only this file changes that. What is not noticed stays in the work: nothing here says what it does to the
model.
"""

from dataclasses import dataclass
from functools import partial

import simpy

from sim.engine.clock import IntegerEnvironment, late, on_event
from sim.engine.jobs.job import Job
from sim.engine.jobs.record import Record
from sim.engine.jobs.stops import Failure
from sim.engine.lives.failures import FailureClock
from sim.engine.places.nodes import Nodes
from sim.reliability.failures.exposure import JOB, Life
from sim.reliability.failures.laws import draw_us
from sim.reliability.records import FailureClass, Silent
from sim.reliability.saving.saves import Save
from sim.streams import named_uniforms


@dataclass(frozen=True, slots=True)
class _Pending:
    life: Life
    onset_us: int


class Faults:
    """Silent failures and planned stops of a run."""

    __slots__ = ("clock", "env", "job", "nodes", "pending", "record")

    def __init__(self, env: IntegerEnvironment, record: Record, clock: FailureClock, nodes: Nodes, job: Job) -> None:
        self.env = env
        self.record = record
        self.clock = clock
        self.nodes = nodes
        self.job = job
        # By the event of the failure.
        self.pending: dict[int, _Pending] = {}
        if any(failure.silent is not None for failure in record.plan.failures):
            job.returned = self._went_back

    def strikes(self, life: Life, silent: Silent) -> None:
        """A silent failure: it matters if the job steps on its component, and is noticed by chance."""
        failure = self._class(life)
        event = self.record.failure(self.env.now, life, False)
        self.clock.renew(life)
        if not self.job.steps_now() or (life.node >= 0 and self.nodes.place[life.node] != "job"):
            return
        noticed, delay = (self._uniform(life, what) for what in ("noticed", "found"))
        self.pending[event] = _Pending(life, self.env.now)
        if noticed < silent.recall:
            after_us = draw_us(silent.found_after, delay)
            on_event(late(self.env, after_us), partial(self._found, event, failure, silent))

    def plans(self, life: Life) -> None:
        """A planned stop is due."""
        failure = self._class(life)
        assert failure.planned is not None, "only planned stops are planned"
        event = self.record.planned(self.env.now, life)
        self.clock.renew(life)
        nodes = failure.holds[life.component] if failure.holds else (life.node,)
        if nodes == (JOB,):
            self.job.plan_stop(Failure(event, failure.cause, planned=True))
            return
        away_us = draw_us(failure.planned, self._uniform(life, "planned"))
        leaving = tuple(node for node in nodes if self.nodes.maintain(node, away_us, failure.cause, event))
        if leaving:
            self.job.plan_stop(Failure(event, failure.cause, leaving, planned=True))

    def _found(self, pending: int, failure: FailureClass, silent: Silent, _: simpy.Event) -> None:
        """A silent failure is noticed, unless the job has gone back beyond it meanwhile."""
        held = self.pending.pop(pending, None)
        if held is None:
            return
        life = held.life
        event = self.record.found(self.env.now, life, self.job.stops_now())
        nodes: tuple[int, ...] = ()
        if failure.replace and self.nodes.place[life.node] == "job":
            self.nodes.fails(life.node, failure.cause, event)
            nodes = (life.node,)
        rewind_us = round(silent.rewind_s * 1e6)
        self.job.inbox.append(Failure(event, failure.cause, nodes, held.onset_us, rewind_us, aborts=silent.aborts))
        self.job.notice()

    def _went_back(self, save: Save) -> None:
        """Failures after the job's checkpoint are undone with the work that they spoiled."""
        if not self.pending:
            return
        for event in [event for event, held in self.pending.items() if held.onset_us >= save.taken_us]:
            del self.pending[event]

    def _class(self, life: Life) -> FailureClass:
        return self.record.plan.failures[life.cause]

    def _uniform(self, life: Life, what: str) -> float:
        failure = self._class(life)
        member = failure.names[life.component] if failure.names else str(life.component)
        drawn = named_uniforms(self.record.plan.seed, what, failure.cause, life.ordinal, members=[member])
        return float(drawn.item(0))
