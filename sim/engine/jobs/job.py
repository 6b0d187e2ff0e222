"""The training job.

States of the job: stepping (steps and checkpoints, folded: nothing happens between two interruptions), draining (it
saves its work before a planned stop), recovering (in a stage of recovery) and waiting (for a node); done at the end of
its work, at the horizon, or when it is aborted. Only this file and `Recovery` change them. Others put failures into its
inbox, planned stops into `planned`, and wake it: it has one waiting point, and looks at both when it wakes.
"""

from collections.abc import Callable, Sequence

import simpy

from sim.engine.clock import FINISHED, Call, IntegerEnvironment
from sim.engine.jobs.record import Record
from sim.engine.jobs.recovery import Recovery
from sim.engine.jobs.saves import saves_of
from sim.engine.jobs.stepping import Stepper
from sim.engine.jobs.stops import UP, Failure
from sim.engine.jobs.store_use import StoreUse
from sim.engine.jobs.waiting import State, Waiting
from sim.engine.lives.failures import FailureClock
from sim.engine.places.nodes import Nodes
from sim.reliability.recovery.draws import RecoveryTimes
from sim.reliability.recovery.elastic import REGROW
from sim.reliability.saving.downtime import Downtime
from sim.reliability.saving.holding import Wait, waits_of
from sim.reliability.saving.progress import NEVER_US, phase_at
from sim.reliability.saving.rewind import rewound_us
from sim.reliability.saving.saves import Save, Span


class Job:
    """The job: how much work is safe, what it waits for, and from what it must still recover.

    done: happens when it ends, with whether its work was completed.
    """

    __slots__ = (
        "began",
        "clock",
        "done",
        "end_us",
        "env",
        "horizon_us",
        "inbox",
        "late",
        "met",
        "nodes",
        "pace",
        "phased",
        "plan",
        "planned",
        "record",
        "recovery",
        "restarts",
        "returned",
        "rework",
        "safe",
        "saves",
        "since_us",
        "state",
        "stepper",
        "turning",
        "unsaved",
        "up_us",
        "use",
        "waiting",
    )

    def __init__(
        self,
        env: IntegerEnvironment,
        record: Record,
        clock: FailureClock,
        nodes: Nodes,
        times: RecoveryTimes,
        stepper: Stepper,
        store: Downtime | None = None,
    ) -> None:
        self.env = env
        self.plan = plan = record.plan
        self.record = record
        self.clock = clock
        self.nodes = nodes
        self.stepper = stepper
        self.waiting = Waiting(env, record, nodes)
        # How the job uses a store that may fail.
        self.use = None if store is None else StoreUse(self.waiting, store)
        self.recovery = Recovery(self, record, nodes, times, self.waiting)
        self.horizon_us = self.waiting.horizon_us
        self.restarts = plan.recovery.on_failure == "restart"
        self.phased = len(plan.phases) > 1
        self.rework = plan.recovery.rework
        # Whether failures may be noticed late, some of which end the run.
        self.late = any(failure.silent is not None for failure in plan.failures)
        self.state = "recovering"
        self.done = simpy.Event(env)
        self.saves = saves_of(plan, record.course, nodes.losses, store)
        # The checkpoint that the job goes on from.
        self.safe: Save = self.saves.base
        self.inbox: list[Failure] = []
        # Stops that wait for the end of a step; the job saves all its work first.
        self.planned: list[Failure] = []
        self.since_us = 0
        self.end_us = NEVER_US
        # Whether the end of the work has moved since the job last waited for it.
        self.turning = False
        # Whether a drain has anything to save.
        self.unsaved = False
        # Called whenever the job has begun to step.
        self.began: Callable[[], None] | None = None
        # Spaces checkpoints anew before the job steps, from the time it was up and how often failures stopped it.
        self.up_us = 0
        self.met = 0
        self.pace: Callable[[int, int], None] | None = None
        # Hears to which checkpoint the job has gone back.
        self.returned: Callable[[Save], None] | None = None

    def turn(self, condition: int) -> None:
        """The network's condition changes, and with it the length of steps and the end of the work."""
        self.end_us = self.stepper.turn(condition, self.env.now)
        self._look_up()

    def store_changed(self, held: tuple[str, int]) -> None:
        """The store goes out, or is back; held: by which cause and event it is held out."""
        use = self.use
        assert use is not None, "only a store that may fail changes"
        use.held = held
        if self.record.plan.checkpoint.synchronous:
            self.end_us = self.stepper.hold(use.store.out, self.env.now)
            self._look_up()
        use.changed()

    def reads_store(self) -> bool:
        """Say whether the job goes on from a checkpoint in the store."""
        safe = self.safe
        return safe is not self.saves.base and safe.tier in (-1, len(self.saves.tiers) - 1)

    def plan_stop(self, stop: Failure) -> None:
        """Stop at the end of the step or checkpoint under way, with all work saved; at the next start if none is."""
        self.planned.append(stop)
        self._look_up()

    def regrow(self) -> None:
        """Stop as planned, for replicas that spares make whole; one such stop is enough."""
        if all(stop.cause != REGROW for stop in self.planned):
            self.plan_stop(Failure(self.record.event(self.env.now, "planned", REGROW), REGROW, planned=True))

    def regrouped(self) -> None:
        """Replicas have taken what spares there are: no stop has to wait for that."""
        self.planned = [stop for stop in self.planned if stop.cause != REGROW]

    def hear(self, failure: Failure) -> None:
        """A failure is to be recovered from, as soon as the job notices."""
        self.inbox.append(failure)

    def notice(self) -> None:
        """Look at the inbox, unless a recovery goes on that failures do not interrupt."""
        if self.inbox and (self.restarts or self.state in UP):
            self.waiting.ring()

    def broken(self) -> None:
        """Notice what has broken at an instant, for who has nothing more to do at it."""
        if self.inbox and (self.restarts or self.state in UP):
            self.waiting.wake()

    def ring(self) -> None:
        """Wake the job, if it waits."""
        self.waiting.ring()

    def steps_now(self) -> bool:
        """Say whether the job does work."""
        return self.state == "stepping" and not self.inbox

    def stops_now(self) -> bool:
        """Say whether a failure would stop steps, a checkpoint or a drain."""
        return self.state in UP and not self.inbox

    def interrupted(self) -> bool:
        """Say whether a recovery must begin again, or the horizon has come."""
        return self.env.now >= self.horizon_us or (self.restarts and bool(self.inbox))

    def excuse(self) -> None:
        """Nodes of planned stops leave with this one."""
        for stop in self.planned:
            self.nodes.excuse(stop.nodes, stop.cause, stop.event)
        self.planned.clear()

    def launch(self) -> None:
        """Begin; `done` happens at the end."""
        if self.horizon_us < NEVER_US:
            Call(self.env, self.horizon_us, FINISHED, lambda _: self.ring())
        self.waiting.go(self.recovery.launch)

    def recover(self) -> State | None:
        """Recover from the failures in the inbox; step where there are none."""
        if self.env.now >= self.horizon_us:
            return self._halt()
        if not self.inbox:
            return self._step()
        self._fall_back()
        return self._begin_recovery()

    def _begin_recovery(self) -> State | None:
        for failure in self.inbox:
            if failure.aborts:
                return self._abort(failure)
        return self.recovery.begin()

    def _fall_back(self) -> None:
        """Go back to what is saved and still held; what is beyond is lost to the failure."""
        now = self.env.now
        self.safe, undone = save, _ = self.saves.fall_back(now, self._good_until() if self.late else None)
        if undone:
            first = self.inbox[0]
            self.record.reversal(now, "lost_work", first.cause, first.event, save.at_us, undone)
        if self.phased:
            self.waiting.phase = phase_at(self.record.course, save.work_us)
        if self.returned is not None:
            self.returned(save)

    def _good_until(self) -> int | None:
        """Return by when states were taken that no failure in the inbox has spoiled, None where all are good."""
        heard = self.inbox if self.restarts else self.inbox[:1]
        bounds = [
            rewound_us(self.saves.spans, failure.before_us, failure.rewind_us)
            if failure.rewind_us
            else failure.before_us
            for failure in heard
            if failure.before_us is not None
        ]
        return min(bounds, default=None)

    def _step(self) -> State | None:
        """Begin to step."""
        safe, now = self.safe, self.env.now
        if self.pace is not None:
            self.pace(self.up_us, self.met)
        self.state = "stepping"
        self.since_us = now
        self.recovery.stalled = 0
        self.clock.start()
        self.end_us = self.stepper.begin(safe.work_us, safe.number + 1, now, self._worked)
        if self.began is not None:
            self.began()
        self.turning = True
        return self._stride()

    def _worked(self) -> None:
        """The stepper has come to the end of the work, perhaps at the instant at which something else wakes the job."""
        self.end_us = self.env.now
        self.ring()

    def _stride(self) -> State | None:
        """Step until the work ends, a failure, a planned stop or the horizon."""
        if self.turning and not self.inbox:
            self.turning = False
            due_us, now = self.end_us, self.env.now
            if self.planned:
                due_us = min(due_us, self.stepper.boundary_us(now))
            if now < due_us and now < self.horizon_us:
                self.waiting.until_put_off(due_us, self._stride)
                return None
        return self._stop()

    def _stop(self) -> State | None:
        """Stop stepping: at the end of the work, for failures, for planned stops, or at the horizon."""
        now, course = self.env.now, self.record.course
        self.clock.stop()
        self.state = "recovering"
        self.up_us += now - self.since_us
        span, durable = self.stepper.stop(now)
        self.record.progress(self.safe.work_us, span, durable, self._waits(span))
        if span.work_us == course.end_us:
            return self._complete()
        if self.rework:
            self.saves.add(span)
        else:
            self.safe = self.saves.keep(span.work_us, now)
        if self.inbox:
            self.met += 1
            return self._stopped()
        if self.phased:
            self.waiting.phase = phase_at(course, span.work_us)
        if self.planned and now < self.horizon_us:
            return self._drain(done=bool(span.walks))
        return self.recover

    def _waits(self, span: Span) -> Sequence[Wait]:
        """Return what synchronous checkpoints have waited for the store."""
        store = None if self.use is None else self.use.store
        return waits_of(span, store) if store is not None and store.synchronous else ()

    def _stopped(self) -> State | None:
        """Go back at once, though the horizon may have come."""
        self._fall_back()
        if self.env.now >= self.horizon_us:
            return self._halt()
        return self._begin_recovery() if self.late else self.recovery.begin()

    def _drain(self, *, done: bool) -> State | None:
        """Save all work before a planned stop, if any was done or is not in the store."""
        self.unsaved = done or self.saves.stored().at_us != self.safe.at_us
        drain_us = self.saves.tiers[-1].durable_after_us if self.unsaved else 0
        self.state = "draining"
        if self.use is not None and self.unsaved:
            return self.use.spend(self.planned[0], "drain", drain_us, 1, self._drain_ends, self._drained)
        return self.waiting.spend(self.planned[0], (("drain", drain_us),), self._drained)

    def _drain_ends(self) -> bool:
        return bool(self.inbox) or self.env.now >= self.horizon_us

    def _drained(self) -> State | None:
        """Stop as planned where the work was saved."""
        self.state = "recovering"
        if self.waiting.passed:
            if self.unsaved:
                self.saves.seal(self.env.now)
            for stop in self.planned:
                self.record.interrupts(stop.event)
            self.inbox[:0] = self.planned
            self.excuse()
        return self._stopped() if self.inbox else self.recover

    def _complete(self) -> State | None:
        self.record.event(self.env.now, "complete")
        return self._end(True)

    def _end(self, complete: bool) -> State | None:
        self.done.succeed(complete)
        return None

    def _abort(self, failure: Failure) -> State | None:
        """End the run: all of its work is lost."""
        now, base = self.env.now, self.saves.base
        self.record.reversal(now, "lost_work", failure.cause, failure.event, base.at_us, self.saves.back_to(base))
        self.record.event(now, "aborted", failure.cause)
        return self._end(False)

    def _halt(self) -> State | None:
        """The horizon has come: work that is not in the store is in flight."""
        event = self.record.event(self.env.now, "horizon")
        stored = self.saves.stored()
        self.record.reversal(self.env.now, "in_flight", "", event, stored.at_us, self.saves.beyond(stored))
        return self._end(False)

    def _look_up(self) -> None:
        """Have the job look at what it waits for, if it steps."""
        if self.state == "stepping":
            self.turning = True
            self.ring()
