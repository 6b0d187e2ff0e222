"""A plain run as one object: failures that stop a job, cold spares, a repair shop, and checkpoints to one store.

Most runs are plain, and batches make thousands of them. What the rooms of the engine do for every plan is done here in
one place, with the same events at the same turns, so that both give the same trace; `is_plain` says when that may be.

States of the job: stepping, recovering (`then` says from which stage it goes on), waiting for nodes; done. States of a
node: in the job, failed (until that is detected), spare, or in repair. Only this file changes them.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import simpy

from sim.engine.clock import FINISHED, Call, IntegerEnvironment
from sim.engine.jobs.record import Record
from sim.engine.jobs.waiting import Scout
from sim.engine.limits import gives_up, limit_us, reach_us
from sim.engine.lives.ageing import Ageing
from sim.engine.lives.failures import DormantClock
from sim.engine.places.repair import Outcome, RepairShop
from sim.ledger.time.trace import RunTrace
from sim.reliability.failures.exposure import JOB, Life, Lives
from sim.reliability.records import FailureClass, RunPlan, tiers_of
from sim.reliability.recovery.draws import RecoveryTimes, RepairDraws, Stages
from sim.reliability.recovery.spare_places import cold_spares
from sim.reliability.saving.progress import NEVER_US, course
from sim.reliability.saving.stint import beat_of, stepped_until_us, stint

Origin = tuple[int, str]
"""The event that stopped a job, and its cause."""

_LAUNCH: Origin = (-1, "")


def is_plain(plan: RunPlan) -> bool:
    """Say whether a run has one phase, one store, cold spares for all, and only what stops its job at once.

    Its recoveries begin anew with each failure, and find and replace the node that failed; repairs are what they seem.
    """
    recovery, repair, spares = plan.recovery, plan.repair, plan.recovery.spares
    return (
        len(plan.phases) == len(tiers_of(plan.checkpoint)) == 1
        and not (plan.checkpoint.adaptive or plan.replay or plan.swing)
        and recovery.on_failure == "restart"
        and recovery.blames_right >= 1
        and not (recovery.in_process or recovery.elastic or recovery.stragglers)
        and not (spares.hot or spares.warm or spares.per_domain)
        and not (repair.unnoticed or repair.retire)
        and all(map(_stops, plan.failures))
    )


def _stops(failure: FailureClass) -> bool:
    """Say whether a cause breaks one node at most, and stops a job at once."""
    other = failure.outage, failure.silent, failure.planned, failure.slowing, failure.correlated, failure.logged
    return not failure.names and not failure.holds and all(effect is None for effect in other)


class PlainRun:
    """One plain run; `trace` makes it."""

    __slots__ = (
        "beat",
        "broken",
        "causes",
        "clock",
        "done",
        "end",
        "env",
        "event",
        "failed",
        "first",
        "horizon_us",
        "in_job",
        "job",
        "leaving",
        "limit_us",
        "newest",
        "number",
        "origin",
        "owed",
        "plan",
        "record",
        "restore_us",
        "safe",
        "shelf",
        "shop",
        "since",
        "since_us",
        "size",
        "spent",
        "stages",
        "stalled",
        "state",
        "then",
        "times",
        "waits",
    )

    def __init__(self, plan: RunPlan) -> None:
        nodes = plan.nodes + plan.spare_nodes
        self.plan = plan
        self.causes = [(failure.cause, failure.component, failure.replace) for failure in plan.failures]
        self.env = env = IntegerEnvironment()
        self.limit_us = limit_us(plan)
        self.horizon_us = NEVER_US if plan.horizon_us is None else plan.horizon_us
        way = course(plan.phases, plan.checkpoint, plan.work_us)
        self.record = Record(plan, way)
        self.beat = beat_of(way)
        self.restore_us = way.tiers[0].restore_us
        lives = Lives(plan.seed, plan.failures, nodes, plan.ages)
        ageing = Ageing(env, calendar=plan.failure_clock == "calendar", resting=cold_spares(plan))
        self.clock = DormantClock(env, lives, ageing, self._ended, reach_us(plan), self.limit_us)
        self.times = RecoveryTimes(plan)
        self.shop = RepairShop(env, plan.repair, RepairDraws(plan.seed, nodes), self._returned)
        # Nodes in the job that have not failed; those that have, and why it stops for them; spares as they came.
        self.job = set(range(plan.nodes))
        self.failed: dict[int, Origin] = {}
        self.shelf = OrderedDict.fromkeys(cold_spares(plan))
        self.size = self.in_job = plan.nodes
        # What a repair has to renew, of every node that has failed or is in repair.
        self.broken: dict[int, list[Life]] = {}
        # The first and the newest failure that the job has yet to recover from.
        self.first: Origin | None = None
        self.newest: Origin | None = None
        # The work that is saved, when its checkpoint began, and its number.
        self.safe = (0, 0, 0)
        self.state = "recovering"
        self.done = simpy.Event(env)
        # Since when the job steps; since when it waits for nodes, with how many.
        self.since_us = 0
        self.since = (0, 0)
        # What the job waits for: whether it does, the event that ends the wait, and what is next.
        self.waits = False
        self.event: simpy.Event | None = None
        self.then: Callable[[], None] = self._recover
        self.end = Scout(env, self._worked)
        # The recovery: its number, what it is from, who leaves, its stages, those that an earlier one still owes, and
        # how many nodes must be fit after a stall.
        self.number = 0
        self.origin = _LAUNCH
        self.leaving: list[int] = []
        self.stages: Stages
        self.owed = {"schedule"}
        self.stalled = 0
        # Stages that are being spent, since when, and for what.
        self.spent: tuple[Origin, Sequence[tuple[str, int]], int]

    def trace(self) -> RunTrace:
        """Run to the end of the job."""
        self.begin()
        complete = self.env.run_to(self.done)
        trace = self.record.trace(self.env.now, bool(complete))
        self.env.forget()
        self.clock.forget()
        self.record.forget()
        return trace

    def begin(self) -> None:
        """Begin everything that a run begins with."""
        self.clock.begin()
        if self.plan.horizon_us is None:
            gives_up(self.env, self.plan)
        else:
            Call(self.env, self.horizon_us, FINISHED, self._ring)
        self._spend(_LAUNCH, self.times.launch(), self._launched)

    def _ended(self, lives: list[Life]) -> None:
        """Lives end: the nodes and the job are hit."""
        job, events, now = self.job, self.record.events, self.env.now
        for life in lives:
            _, cause, component, ordinal, node = life
            name, kind, replace = self.causes[cause]
            hits = node in job or node == JOB
            stops = hits and self.newest is None and self.state == "stepping"
            origin = event, _ = len(events), name
            events.append((event, now, "failure", name, kind, component, ordinal, node, stops))
            if replace:
                self._breaks(life, origin)
            else:
                self.clock.renew(life)
            if hits:
                self.newest = origin
                if self.first is None:
                    self.first = origin
        if self.newest is not None and self.waits:
            self._wake()

    def _breaks(self, life: Life, origin: Origin) -> None:
        """A component has failed that its node is repaired for, wherever that is."""
        node, broken = life[4], self.broken
        if node in broken:
            broken[node].append(life)
            return
        broken[node] = [life]
        if node in self.job:
            self.job.remove(node)
            self.failed[node] = origin
        else:
            del self.shelf[node]
            self._to_repair(node, origin)

    def _to_repair(self, node: int, origin: Origin) -> None:
        event, cause = origin
        self.record.move(self.env.now, node, "repair", cause, event)
        self.shop.send(node, cause, True)

    def _returned(self, node: int, cause: str, _: Outcome) -> None:
        """A repaired node comes back: into the job if that waits for nodes and misses any, else to the spares."""
        waiting, now, events = self.state == "waiting", self.env.now, self.record.events
        event = len(events)
        events.append((event, now, "repaired", cause, "", -1, -1, node, False))
        if waiting and self.in_job < self.size:
            self._join(node)
        else:
            self.shelf[node] = None
            self.record.move(now, node, "spare", cause, event)
        for life in self.broken.pop(node):
            self.clock.renew(life)
        if waiting:
            self._ring()

    def _join(self, node: int) -> None:
        now, events = self.env.now, self.record.events
        event = len(events)
        events.append((event, now, "replaced", "", "", -1, -1, node, False))
        self.record.move(now, node, "job", "", event)
        self.job.add(node)
        self.in_job += 1
        self.clock.join(node)

    def _launched(self) -> None:
        self._tell()
        self._recover()

    def _recover(self) -> None:
        """Recover from what has stopped the job; step where nothing has."""
        if self.env.now >= self.horizon_us:
            self._halt()
        elif self.newest is None:
            self._step()
        else:
            self._begin()

    def _step(self) -> None:
        """Step until the work ends, a failure or the horizon."""
        self.state, self.stalled = "stepping", 0
        self.since_us = now = self.env.now
        self.clock.start()
        self.then, self.waits, self.event = self._stop, True, None
        work_us = self.safe[0]
        if now + self.beat.end_us - work_us <= self.limit_us:
            end_us = stepped_until_us(self.beat, work_us, now)
            if end_us < self.horizon_us:
                self.event = self.end.put_off(end_us)

    def _worked(self, event: simpy.Event, put_off: bool) -> None:
        """The end of the work has come, perhaps before its time: where failures have put it off."""
        if event is self.event:
            if put_off:
                self.event = self.end.again()
            else:
                self._over(event)

    def _stop(self) -> None:
        """Stop stepping: at the end of the work, for a failure, or at the horizon."""
        now, since_us, nodes, record, beat = self.env.now, self.since_us, self.size, self.record, self.beat
        self.clock.stop()
        self.state = "recovering"
        from_us, _, number = self.safe
        work_us, end_us, blocked_us, begun, durable, first_us, begin_us = stint(beat, from_us, since_us, now)
        if stepped_us := end_us - since_us - blocked_us:
            record.segments.append((since_us, end_us, stepped_us, "step", "", -1, 0, nodes, 0))
        if blocked_us:
            record.segments.append((since_us, end_us, blocked_us, "checkpoint", "", -1, 0, nodes, 0))
        record.spans.append((from_us, work_us))
        record.started += begun
        record.durable += durable
        if work_us == beat.end_us:
            record.event(now, "complete")
            self.done.succeed(True)
            return
        if not self.plan.recovery.rework:
            self.safe = work_us, now, number
        elif durable:
            ahead = durable - 1
            self.safe = first_us + ahead * beat.cycle_us, begin_us + ahead * beat.pitch_us, number + durable
        if self.first is None:
            self._halt(work_us)
            return
        self._undo(work_us, "lost_work", self.first, record.lost_steps)
        if now >= self.horizon_us:
            self._halt()
        else:
            self._begin()

    def _undo(self, work_us: int, state: str, origin: Origin, counts: list[int]) -> None:
        """Take back the work beyond what is saved; counts: of steps."""
        saved_us, at_us, _ = self.safe
        if work_us > saved_us:
            step_us, (event, cause) = self.beat.step_us, origin
            steps = work_us // step_us - saved_us // step_us
            counts[0] += steps
            row = self.env.now, work_us - saved_us, state, cause, event, 0, self.size, steps, at_us, 0
            self.record.reversals.append(row)

    def _halt(self, work_us: int = 0) -> None:
        """The horizon has come: work that is not in the store is in flight."""
        event = self.record.event(self.env.now, "horizon")
        self._undo(work_us, "in_flight", (event, ""), self.record.in_flight_steps)
        self.done.succeed(False)

    def _begin(self) -> None:
        """Begin a recovery from the newest failure, with all nodes that have failed."""
        assert self.newest is not None, "nothing else has a job recover"
        self.number += 1
        self.origin = self.newest
        self.first = self.newest = None
        self.leaving = list(self.failed)
        self.stages = stages = self.times.stages(self.origin[1], self.number)
        if stages[0]:
            self._spend(self.origin, stages[0], self._found)
        else:
            self._replace()

    def _found(self) -> None:
        if self._tell():
            self._replace()
        else:
            self._recover()

    def _replace(self) -> None:
        """Nodes that failed leave for repair, and spares join."""
        if self.leaving:
            self.owed.add("replace")
            for node in self.leaving:
                self.in_job -= 1
                self.clock.leave(node)
                self._to_repair(node, self.failed.pop(node))
        while self.in_job < self.size and self.shelf:
            self._join(self.shelf.popitem(last=False)[0])
        if self.in_job < self.size or (self.stalled and self._short()):
            self._stall()
        else:
            self._start()

    def _short(self) -> bool:
        """Say whether the job cannot start: nodes are missing, or fewer than a stall waits for."""
        fit = self.in_job - len(self.failed) + len(self.shelf)
        return self.in_job < self.size or fit < self.stalled

    def _stall(self) -> None:
        """Nodes are missing: wait for them."""
        self.owed.add("schedule")
        self.record.event(self.env.now, "stall", self.origin[1])
        self.state = "waiting"
        self.stalled = min(self.plan.recovery.resume_when_idle or 0, self.size + self.plan.spare_nodes)
        self._lack()

    def _lack(self) -> None:
        interrupted = self.newest is not None or self.env.now >= self.horizon_us
        if not interrupted and self._short():
            self.since = self.env.now, self.in_job
            self.then, self.waits, self.event = self._waited, True, None
            return
        self.state = "recovering"
        if interrupted:
            self._recover()
        else:
            self._start()

    def _waited(self) -> None:
        """Somebody has rung: tell the time until now, and look again."""
        (start, nodes), now, (event, cause) = self.since, self.env.now, self.origin
        if now > start:
            self.record.segments.append((start, now, now - start, "wait_for_node", cause, event, 0, nodes, 0))
        self._lack()

    def _start(self) -> None:
        """Spend what is left of the recovery: hosts are selected only after a stall, nodes replaced where they left."""
        _, schedule_us, select_us, replace_us, initialize_us, _, warm_up_us, restores = self.stages
        stages = []
        if "schedule" in self.owed:
            schedule_us += select_us
        if schedule_us:
            stages.append(("schedule", schedule_us))
        if "replace" in self.owed:
            stages.append(("replace", replace_us))
        if initialize_us:
            stages.append(("initialize", initialize_us))
        if restore_us := restores * self.restore_us:
            stages.append(("restore", restore_us))
        if warm_up_us:
            stages.append(("warm_up", warm_up_us))
        self._spend(self.origin, stages, self._started)

    def _started(self) -> None:
        if self._tell() and self.newest is None:
            self.record.event(self.env.now, "restart", self.origin[1])
        self._recover()

    def _spend(self, origin: Origin, stages: Sequence[tuple[str, int]], then: Callable[[], None]) -> None:
        """Spend stages one after the other, as one wait, and go on with `then`."""
        now, spent_us = self.env.now, 0
        for _, duration_us in stages:
            spent_us += duration_us
        self.spent = origin, stages, now
        if spent_us and now < self.horizon_us:
            self.then, self.waits, self.event = then, True, None
            if now + spent_us < self.horizon_us:
                self.event = Call(self.env, spent_us, FINISHED, self._over)
        else:
            then()

    def _tell(self) -> bool:
        """Tell the time of the stages that were spent, the last perhaps cut short; say whether all have passed."""
        (event, cause), stages, start = self.spent
        segments, nodes, now, owed = self.record.segments, self.in_job, self.env.now, self.owed
        for name, duration_us in stages:
            until = start + duration_us
            if until > now:
                if now > start:
                    segments.append((start, now, now - start, name, cause, event, 0, nodes, 0))
                return False
            if duration_us:
                segments.append((start, until, duration_us, name, cause, event, 0, nodes, 0))
                start = until
            if owed:
                owed.discard(name)
        return True

    def _over(self, event: simpy.Event) -> None:
        if event is self.event:
            self.waits = False
            self.then()

    def _ring(self, _: simpy.Event | None = None) -> None:
        """Wake the job, if it waits, by an event of this instant; its own event passes unnoticed."""
        if self.waits:
            self.waits = False
            self.event = Call(self.env, 0, FINISHED, self._over)

    def _wake(self) -> None:
        """Wake the job at once, unless something is still to finish at this instant."""
        if self.env.peek() > self.env.now:
            self.waits, self.event = False, None
            self.then()
        else:
            self._ring()
