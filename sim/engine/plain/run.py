"""A plain run as one object: failures that stop a job, spares, a repair shop, and checkpoints.

Most runs are plain, and batches make thousands of them. What the rooms of the engine do for every plan is done here in
one place, with the same events at the same turns, so that both give the same trace; `is_plain` says of which plans.

States of the job: stepping, recovering (`then` says from which stage it goes on), waiting for nodes; done. States of a
node: in the job, failed (until that is detected), spare, or in repair (`Places`).
"""

from collections.abc import Callable

import simpy

from sim.engine.clock import FINISHED
from sim.engine.limits import gives_up
from sim.engine.plain.calls import Agenda
from sim.engine.plain.durations import FOUND, READY, REPLACED, RESTARTED, SELECTED, TIER, Durations
from sim.engine.plain.front import Front
from sim.engine.plain.places import Origin, Places
from sim.engine.plain.steps import Steps, StoreSteps
from sim.engine.plain.stretches import IN_FLIGHT, KEPT, LOST
from sim.engine.plain.tiers import TieredSteps
from sim.engine.plain.told import Notes, trace_of
from sim.engine.plain.turning import TurningSteps
from sim.ledger.time.trace import RunTrace
from sim.reliability.failures.exposure import JOB, Life
from sim.reliability.failures.slow import Pacer, has_slow
from sim.reliability.records import RunPlan
from sim.reliability.saving.progress import NEVER_US, course

State = Callable[[int], None]
"""What the job does at an instant, which it is told."""

_LAUNCH: Origin = (-1, -1)


def _deaf(_: simpy.Event) -> None:
    """Stand for who is no longer called."""


def _nothing(_: int) -> None:
    """Stand for what comes after the end."""


class PlainRun(Places):
    """One plain run; `trace` makes it."""

    __slots__ = (
        "begun",
        "done",
        "durations",
        "event",
        "first",
        "front",
        "horizon_us",
        "newest",
        "number",
        "origin",
        "owes_nodes",
        "owes_schedule",
        "plan",
        "slowing",
        "stalled",
        "steps",
        "stints",
        "then",
        "tiers",
        "told_us",
        "turning",
        "turns",
        "until_us",
        "waits",
        "way",
    )

    def __init__(self, plan: RunPlan, pacer: Pacer | None = None) -> None:
        self.way = way = course(plan.phases, plan.checkpoint, plan.work_us)
        super().__init__(Agenda(), plan, way, self._ended)
        self.plan = plan
        self.horizon_us = NEVER_US if plan.horizon_us is None else plan.horizon_us
        # What keeps several tiers of checkpoints, where there are.
        self.tiers: TieredSteps | None = None
        if len(way.tiers) > 1:
            losses = self.seats.losses if self.seats else []
            self.tiers = TieredSteps(self.agenda, plan, way, self._worked, losses)
        # What steps at other lengths, and the rooms that slow the job, where anything is slow.
        self.turns: TurningSteps | None = None
        self.front: Front | None = None
        self.slowing = frozenset(cause for cause, failure in enumerate(plan.failures) if failure.slowing)
        if has_slow(plan):
            self.front = Front(self, pacer)
            self.slow, self.slow_parts = self.front.slow_nodes, self.front.slow_nodes.slow
            self.turns = TurningSteps(self.agenda, plan, way, self._worked, self.front.pace.step_us)
        self.steps: Steps = self.tiers or self.turns or StoreSteps(self.agenda, plan, way, self._worked)
        self.durations = Durations(plan, [tier.restore_us for tier in way.tiers])
        # The first and the newest failure that the job has yet to recover from.
        self.first: Origin | None = None
        self.newest: Origin | None = None
        self.done = simpy.Event(self.agenda.env)
        # What the job waits for: whether it does, the event that ends the wait, and what is next.
        self.waits = False
        self.event: simpy.Event | None = None
        self.then: State = self._recover
        # The recovery: its number, what it is from, whether an earlier one or itself still owes the choice of hosts and
        # new nodes, and how many nodes must be fit after a stall.
        self.number = 0
        self.origin = _LAUNCH
        self.owes_schedule, self.owes_nodes = True, False
        self.stalled = 0
        # When the stages end that are being spent, if nothing stops them.
        self.until_us = 0
        # Whether the end of the work has moved since the job last waited for it.
        self.turning = False
        # See `Notes`.
        self.begun: list[int] = []
        self.told_us: list[int] = []
        self.stints: list[int] = []

    def trace(self) -> RunTrace:
        """Run to the end of the job."""
        self.begin()
        complete = self.agenda.run_to(self.done)
        judged = [0] if self.front is None else [*self.front.pace.judged]
        notes = Notes(self.begun, self.told_us, self.stints, self.moves, self.events, judged, self.tiers, self.turns)
        trace = trace_of(self.plan, self.way, self.durations, notes, self.agenda.now, complete)
        self._forget()
        return trace

    def _forget(self) -> None:
        """Part from what knows this run, so that all of it goes with the last who holds it: see `forget`."""
        self.agenda.env.forget()
        self.clock.forget()
        self.shop.returned = self.steps.heard = _deaf
        self.steps.event = self.event = None
        self.then = _nothing
        if self.front is not None:
            self.front.forget()
            self.slow = self.front = None

    def begin(self) -> None:
        """Begin everything that a run begins with."""
        self.clock.begin()
        if self.slow is not None:
            self.slow.begin()
        if self.plan.horizon_us is None:
            gives_up(self.agenda.env, self.plan)
        else:
            self.agenda.call(self.horizon_us, FINISHED, self.ring)
        self._spend(0, SELECTED, self.durations.select_us[0], self._started)

    def _ended(self, lives: list[Life], now: int) -> None:
        """Lives end: the nodes and the job are hit."""
        job, events = self.job, self.events
        for life in lives:
            _, cause, component, ordinal, node = life
            if self.slow is not None and cause in self.slowing:
                self.slow.strikes(life)
                continue
            name, kind, replace = self.causes[cause]
            origin, stops = (len(events), cause), False
            hits = node in job or node == JOB
            if hits:
                if self.first is None:
                    self.first, stops = origin, self.state == "stepping"
                self.newest = origin
            events.append((origin[0], now, "failure", name, kind, component, ordinal, node, stops))
            if replace:
                self.breaks(life, origin, now)
            else:
                self.clock.renew(life, now)
        if self.waits and self.newest is not None:
            # At once, unless something is still to finish at this instant.
            queue = self.agenda.queue
            if queue and queue[0][0] <= now:
                self.ring()
            else:
                self.waits, self.event = False, None
                self.then(now)

    def _recover(self, now: int) -> None:
        """Recover from what has stopped the job; step where nothing has."""
        if now >= self.horizon_us:
            self._halt(now)
        elif self.newest is None or self.first is None:
            self._step(now)
        else:
            if self.tiers is not None:
                self.tiers.fall_back(now, self.first[1], self.first[0])
            self._begin(now)

    def _step(self, now: int) -> None:
        """Step until the work ends, a failure or the horizon."""
        self.state, self.stalled = "stepping", 0
        self.clock.start(now)
        self.turning = False
        self.then, self.waits, self.event = self._stop, True, self.steps.begin(now)
        if self.front is not None and self.front.began is not None:
            self.front.began()

    def _worked(self, event: simpy.Event) -> None:
        """The end of the work has come, perhaps before its time: where failures have put it off."""
        if event is self.event:
            if self.steps.put_off():
                self.event = self.steps.send()
            else:
                self._over(event)

    def _stop(self, now: int) -> None:
        """Stop stepping: at the end of the work, for a failure, or at the horizon."""
        if self.turning and self.turns is not None and self._goes_on(now):
            self.turning, self.waits, self.event = False, True, self.turns.again()
            return
        steps, first = self.steps, self.first
        since_us, from_us, ended = steps.since_us, steps.safe[0], steps.ended(now)
        self.clock.stop(now)
        steps.stop(now)
        self.state = "recovering"
        saved_us, at_us = steps.safe
        if ended:
            self.tell(now, "complete")
            self.done.succeed(True)
            self.stints += (since_us, now, from_us, saved_us, at_us, KEPT, -1, -1)
        elif first is None:
            self.stints += (since_us, now, from_us, saved_us, at_us, IN_FLIGHT, -1, len(self.events))
            self._halt(now)
        else:
            event, cause = first
            self.stints += (since_us, now, from_us, saved_us, at_us, LOST, cause, event)
            if self.tiers is not None:
                # At once, though the horizon may have come.
                self.tiers.fall_back(now, cause, event)
            self._recover(now)

    def _goes_on(self, now: int) -> bool:
        """Say whether nothing has stopped the job."""
        return self.first is None and now < self.horizon_us and not self.steps.ended(now)

    def change(self, condition: int) -> None:
        """The condition changes under which the job steps."""
        assert self.turns is not None, "only a job whose steps have conditions changes between them"
        stepping = self.state == "stepping"
        self.turns.change(condition, self.agenda.now, stepping)
        if stepping:
            self.turning = True
            self.ring()

    def hear(self, origin: Origin) -> None:
        """A failure is to be recovered from, as soon as the job notices."""
        if self.first is None:
            self.first = origin
        self.newest = origin

    def _halt(self, now: int) -> None:
        """The horizon has come."""
        event = self.tell(now, "horizon")
        if self.tiers is not None:
            self.tiers.halt(now, event)
        self.done.succeed(False)

    def _begin(self, now: int) -> None:
        """Begin a recovery from the newest failure, with all nodes that have failed."""
        assert self.newest is not None, "nothing else has a job recover"
        self.number = number = self.number + 1
        self.origin = _, cause = self.newest
        self.first = self.newest = None
        if number >= self.durations.drawn:
            self.durations.draw(2 * number)
        found_us = self.durations.found_us[cause][number]
        if found_us:
            self._spend(now, FOUND, found_us, self._found)
        else:
            self._replace(now)

    def _found(self, now: int) -> None:
        if self._passed(now):
            self._replace(now)
        else:
            self._recover(now)

    def _replace(self, now: int) -> None:
        """Nodes that failed leave for repair, and spares join."""
        if self.failed and not self.owes_nodes:
            self.owes_nodes, self.drawn = True, 0
        self.exchange(now)
        if self.in_job < self.size or ((self.stalled or self.slow is not None) and self._short()):
            self._stall(now)
        else:
            self._start(now)

    def _short(self) -> bool:
        """Say whether the job cannot start: nodes are missing, or fewer than a stall waits for."""
        if self.in_job < self.size:
            return True
        if self.front is not None and (self.moved or self.front.unsettled()):
            self.moved = False
            self.front.slow_nodes.look()
        return self.stalled > 0 and self.fit() < self.stalled

    def _stall(self, now: int) -> None:
        """Nodes are missing: wait for them."""
        self.owes_schedule = True
        self.tell(now, "stall", self.origin[1])
        self.state = "waiting"
        self.stalled = min(self.plan.recovery.resume_when_idle or 0, self.size + self.plan.spare_nodes)
        self._lack(now)

    def _lack(self, now: int) -> None:
        short, interrupted = self._short(), self.newest is not None or now >= self.horizon_us
        if short and not interrupted:
            event, cause = self.origin
            self.begun += (now, self.number, 0, self.in_job, cause, event)
            self.then, self.waits, self.event = self._waited, True, None
            return
        self.state = "recovering"
        if interrupted:
            self._recover(now)
        else:
            self._start(now)

    def _waited(self, now: int) -> None:
        """Somebody has rung: tell the time until now, and look again."""
        self.told_us.append(now)
        self._lack(now)

    def _start(self, now: int) -> None:
        """Spend what is left of the recovery: hosts are selected only after a stall, nodes replaced where they left."""
        durations, number, tier = self.durations, self.number, self.steps.tier
        kind, spent_us = RESTARTED + tier * TIER, durations.restart_us[tier][number]
        if self.owes_schedule:
            kind += SELECTED
            spent_us += durations.select_us[number]
        if self.owes_nodes:
            if self.ready is None:
                kind += REPLACED
                spent_us += durations.replace_us[number]
            else:
                kind += REPLACED + self.drawn * READY
                spent_us += durations.replaced_us(number, kind)
        self._spend(now, kind, spent_us, self._started)

    def _started(self, now: int) -> None:
        passed = self._passed(now)
        if self.owes_schedule or not passed:
            self._pay(now)
        else:
            self.owes_nodes = False
        if not passed or self.newest is not None:
            self._recover(now)
            return
        # The first start is no restart.
        if self.number:
            cause, events = self.origin[1], self.events
            events.append((len(events), now, "restart", self.causes[cause][0], "", -1, -1, JOB, False))
        if now < self.horizon_us:
            self._step(now)
        else:
            self._halt(now)

    def _spend(self, now: int, kind: int, spent_us: int, then: State) -> None:
        """Spend stages one after the other, as one wait, and go on with `then`."""
        event, cause = self.origin
        self.begun += (now, self.number, kind, self.in_job, cause, event)
        self.until_us = until_us = now + spent_us
        if not spent_us or now >= self.horizon_us:
            then(now)
            return
        agenda, ends = self.agenda, until_us < self.horizon_us
        queue = agenda.queue
        if ends and (not queue or until_us < queue[0][0]) and self.clock.idle(until_us):
            # The event for it would be the next to come.
            agenda.now = agenda.env._now = until_us
            then(until_us)
            return
        self.then, self.waits = then, True
        self.event = agenda.call(until_us, FINISHED, self._over) if ends else None

    def _passed(self, now: int) -> bool:
        """Tell the time of the stages that were spent, the last perhaps cut short; say whether all have passed."""
        self.told_us.append(now)
        return now >= self.until_us

    def _pay(self, now: int) -> None:
        """What has passed of the stages of a restart, or of the launch, is owed no more."""
        since_us, number, kind = self.begun[-6:-3]
        hosts_us, nodes_us = self.durations.paid_us(number, kind)
        if (hosts_us or kind == SELECTED) and since_us + hosts_us <= now:
            self.owes_schedule = False
        if since_us + nodes_us <= now:
            self.owes_nodes = False

    def _over(self, event: simpy.Event) -> None:
        if event is self.event:
            self.waits = False
            self.then(self.agenda.now)

    def ring(self, _: simpy.Event | None = None) -> None:
        """Wake the job, if it waits, by an event of this instant; its own event passes unnoticed."""
        if self.waits:
            self.waits = False
            self.event = self.agenda.call(self.agenda.now, FINISHED, self._over)
