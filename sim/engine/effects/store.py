"""The store of checkpoints.

It is up, or out from the end of a life of one of its causes until that is repaired, and of all others that came
meanwhile; only this file changes that, and says so to the job.
"""

from collections.abc import Callable

from sim.engine.clock import IntegerEnvironment, on_event, timeout
from sim.engine.effects.outages import outage_us
from sim.engine.jobs.job import Job
from sim.engine.jobs.record import Record
from sim.engine.jobs.stops import UP, Failure
from sim.engine.lives.failures import FailureClock
from sim.reliability.failures.exposure import Life
from sim.reliability.records import FailureClass
from sim.reliability.saving.downtime import Downtime


class Store:
    """What holds the store out, by the life that has ended: its cause and event."""

    __slots__ = ("clock", "downtime", "env", "job", "logged_us", "out", "record")

    def __init__(
        self, env: IntegerEnvironment, record: Record, clock: FailureClock, job: Job, downtime: Downtime
    ) -> None:
        self.env = env
        self.record = record
        self.clock = clock
        self.job = job
        self.downtime = downtime
        self.out: dict[Life, tuple[str, int]] = {}
        # How long a log says that it is out; without one it never says.
        self.logged_us: Callable[[Life], int | None] = lambda _: None

    def breaks(self, life: Life) -> None:
        """The store has failed; what it held may be gone."""
        failure = self.record.plan.failures[life.cause]
        event = self.record.failure(self.env.now, life, False)
        self.out[life] = failure.cause, event
        if failure.data_loss:
            self._burns(failure, event)
        if len(self.out) == 1:
            self.downtime.fails(self.env.now, (failure.cause, event))
            self._changed()
        out_us = outage_us(failure, life, self.record.plan.seed, self.logged_us(life))
        on_event(timeout(self.env, out_us), lambda _: self._repaired(life))

    def _repaired(self, life: Life) -> None:
        del self.out[life]
        self.record.restored(self.env.now, life)
        self.clock.renew(life)
        if not self.out:
            self.downtime.returns(self.env.now)
            self._changed()

    def _burns(self, failure: FailureClass, event: int) -> None:
        """What the store held is gone: a job that was to go on from there has to go back further."""
        job = self.job
        job.saves.burn(self.env.now)
        if job.state not in UP and job.reads_store():
            job.inbox.append(Failure(event, failure.cause))
            job.notice()

    def _changed(self) -> None:
        self.job.store_changed(next(iter(self.out.values()), ("", -1)))
