"""A plain run as one object: failures that stop a job, cold spares, a repair shop, and checkpoints to one store.

Most runs are plain, and batches make thousands of them. What the rooms of the engine do for every plan is done here in
one place, with the same events at the same turns, so that both give the same trace; `is_plain` says of which plans.

States of the job: stepping, recovering (`then` says from which stage it goes on), waiting for nodes; done. States of a
node: in the job, failed (until that is detected), spare, or in repair. Only this file changes them.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

import simpy

from sim.engine.clock import FINISHED, Call, IntegerEnvironment
from sim.engine.jobs.record import Record, SegmentRow
from sim.engine.jobs.waiting import Scout
from sim.engine.limits import gives_up, limit_us, reach_us
from sim.engine.lives.ageing import Ageing
from sim.engine.lives.failures import DormantClock
from sim.engine.places.repair import Outcome, RepairShop
from sim.engine.plain.steps import Origin, Steps
from sim.ledger.time.trace import RunTrace
from sim.reliability.failures.exposure import JOB, Life, Lives
from sim.reliability.records import RunPlan
from sim.reliability.recovery.draws import RecoveryTimes, RepairDraws, Stages
from sim.reliability.recovery.spare_places import cold_spares
from sim.reliability.saving.progress import NEVER_US, course

_LAUNCH: Origin = (-1, "")


class PlainRun:
    """One plain run; `trace` makes it."""

    __slots__ = (
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
        "newest",
        "number",
        "origin",
        "owed",
        "plan",
        "record",
        "restore_us",
        "rows",
        "shelf",
        "shop",
        "since",
        "size",
        "spent",
        "stages",
        "stalled",
        "state",
        "steps",
        "then",
        "times",
        "until_us",
        "waits",
    )

    def __init__(self, plan: RunPlan) -> None:
        nodes = plan.nodes + plan.spare_nodes
        self.plan = plan
        self.causes = [(failure.cause, failure.component, failure.replace) for failure in plan.failures]
        self.env = env = IntegerEnvironment()
        limit = limit_us(plan)
        self.horizon_us = NEVER_US if plan.horizon_us is None else plan.horizon_us
        way = course(plan.phases, plan.checkpoint, plan.work_us)
        self.record = Record(plan, way)
        self.steps = Steps(plan, way, self.record, limit)
        self.restore_us = way.tiers[0].restore_us
        lives = Lives(plan.seed, plan.failures, nodes, plan.ages)
        ageing = Ageing(env, calendar=plan.failure_clock == "calendar", resting=cold_spares(plan))
        self.clock = DormantClock(env, lives, ageing, self._ended, reach_us(plan), limit)
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
        self.state = "recovering"
        self.done = simpy.Event(env)
        # Since when the job waits for nodes, and with how many.
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
        # The stages that are being spent, their rows as if nothing stopped them, and the end of the last.
        self.spent: Sequence[tuple[str, int]] = ()
        self.rows: list[SegmentRow] = []
        self.until_us = 0

    def trace(self) -> RunTrace:
        """Run to the end of the job."""
        self.begin()
        complete = self.env.run_to(self.done)
        trace = self.record.trace(self.env.now, bool(complete))
        for part in (self.env, self.clock, self.record):
            part.forget()
        return trace

    def begin(self) -> None:
        """Begin everything that a run begins with."""
        self.clock.begin()
        if self.plan.horizon_us is None:
            gives_up(self.env, self.plan)
        else:
            Call(self.env, self.horizon_us, FINISHED, self._ring)
        self._spend(self.times.launch(), self._started)

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
        now = self.env.now
        self.clock.start()
        self.then, self.waits, self.event = self._stop, True, None
        end_us = self.steps.begin(now)
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
        now = self.env.now
        self.clock.stop()
        self.state = "recovering"
        work_us = self.steps.stop(now)
        if work_us == self.steps.beat.end_us:
            self.record.event(now, "complete")
            self.done.succeed(True)
        elif self.first is None:
            self._halt(work_us)
        else:
            self.steps.undo(now, work_us, "lost_work", self.first, self.record.lost_steps)
            if now >= self.horizon_us:
                self._halt()
            else:
                self._begin()

    def _halt(self, work_us: int = 0) -> None:
        """The horizon has come: work that is not in the store is in flight."""
        now, record = self.env.now, self.record
        self.steps.undo(now, work_us, "in_flight", (record.event(now, "horizon"), ""), record.in_flight_steps)
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
            self._spend(stages[0], self._found)
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
        if self.owed:
            if "schedule" in self.owed:
                schedule_us += select_us
            if "replace" in self.owed:
                stages.append(("replace", replace_us))
        if schedule_us:
            stages.insert(0, ("schedule", schedule_us))
        if initialize_us:
            stages.append(("initialize", initialize_us))
        if restores_us := restores * self.restore_us:
            stages.append(("restore", restores_us))
        if warm_up_us:
            stages.append(("warm_up", warm_up_us))
        self._spend(stages, self._started)

    def _started(self) -> None:
        # The first start is no restart.
        if self._tell() and self.newest is None and self.number:
            self.record.event(self.env.now, "restart", self.origin[1])
        self._recover()

    def _spend(self, stages: Sequence[tuple[str, int]], then: Callable[[], None]) -> None:
        """Spend stages one after the other, as one wait, and go on with `then`."""
        now = start = self.env.now
        (event, cause), nodes, rows = self.origin, self.in_job, []
        for name, spent_us in stages:
            if spent_us:
                end = start + spent_us
                rows.append((start, end, spent_us, name, cause, event, 0, nodes, 0))
                start = end
        self.spent, self.rows, self.until_us = stages, rows, start
        if start == now or now >= self.horizon_us:
            then()
            return
        self.then, self.waits, self.event = then, True, None
        if start < self.horizon_us:
            self.event = Call(self.env, start - now, FINISHED, self._over)

    def _tell(self) -> bool:
        """Tell the time of the stages that were spent, the last perhaps cut short; say whether all have passed."""
        now, owed = self.env.now, self.owed
        if now >= self.until_us:
            self.record.segments += self.rows
            if owed:
                owed.difference_update([name for name, _ in self.spent])
            return True
        end = self.rows[0][0]
        for name, spent_us in self.spent:
            end += spent_us
            if end > now:
                break
            owed.discard(name)
        for start, end, _, name, cause, event, phase, nodes, condition in self.rows:
            if start < now:
                until = min(end, now)
                row = start, until, until - start, name, cause, event, phase, nodes, condition
                self.record.segments.append(row)
        return False

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
