"""The training job.

States of the job: stepping (steps and checkpoints, folded: nothing happens between two interruptions), draining (it
saves its work before a planned stop), recovering (in a stage of recovery) and waiting (for a node); done at the end of
its work, at the horizon, or when it is aborted. Only the job's own process changes them. Others put failures into its
inbox, planned stops into `planned`, and ring: the process has one waiting point, and looks at both when it wakes.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any

import simpy

from sim.engine.clock import IntegerEnvironment, on_event, timeout
from sim.engine.failures import FailureClock
from sim.engine.nodes import Nodes
from sim.engine.record import Record
from sim.engine.saves import Saves
from sim.engine.stepping import Stepper
from sim.engine.stops import LAUNCH, UP, Failure
from sim.reliability.draws import RecoveryTimes, Stages
from sim.reliability.elastic import REGROW
from sim.reliability.progress import NEVER_US, phase_at
from sim.reliability.rewind import rewound_us
from sim.reliability.saves import Save, Span
from sim.reliability.swaps import Swaps

Waiting = Generator[simpy.Event, Any, bool]


class Job:
    """The job: how much work is safe, what it waits for, and from what it must still recover."""

    __slots__ = (
        "aborted",
        "alarm",
        "began",
        "clock",
        "end_us",
        "env",
        "fallen",
        "horizon_us",
        "inbox",
        "met",
        "nodes",
        "owed",
        "pace",
        "phase",
        "plan",
        "planned",
        "processes_die",
        "record",
        "recoveries",
        "restarts",
        "returned",
        "safe",
        "saves",
        "severed",
        "stalled",
        "state",
        "stepper",
        "swaps",
        "times",
        "turning",
        "up_us",
    )

    def __init__(
        self,
        env: IntegerEnvironment,
        record: Record,
        clock: FailureClock,
        nodes: Nodes,
        times: RecoveryTimes,
        stepper: Stepper,
    ) -> None:
        self.env = env
        self.plan = plan = record.plan
        self.record = record
        self.clock = clock
        self.nodes = nodes
        self.times = times
        self.swaps = Swaps(plan)
        self.stepper = stepper
        self.horizon_us = NEVER_US if plan.horizon_us is None else plan.horizon_us
        self.restarts = plan.recovery.on_failure == "restart"
        self.processes_die = not plan.recovery.in_process
        self.state = "recovering"
        self.recoveries = 0
        self.saves = Saves(record.course, nodes.size, nodes.losses)
        # The checkpoint that the job goes on from.
        self.safe: Save = self.saves.base
        self.phase = 0
        # Whether what the inbox costs has been taken back already.
        self.fallen = False
        self.aborted = False
        # Stages that a recovery must go through because an earlier one did not finish them.
        self.owed = {"schedule"}
        self.inbox: list[Failure] = []
        # Stops that wait for the end of a step; the job saves all its work first.
        self.planned: list[Failure] = []
        self.alarm = simpy.Event(env)
        self.end_us = NEVER_US
        # Whether the end of the work has moved since the process last waited for it.
        self.turning = False
        # Whether the network leaves no path between the nodes of the job; without a network that fails it never does.
        self.severed: Callable[[], bool] = lambda: False
        # Called whenever the job has begun to step.
        self.began: Callable[[], None] = lambda: None
        # Spaces checkpoints anew before the job steps, from the time it was up and how often failures stopped it.
        self.up_us = 0
        self.met = 0
        self.pace: Callable[[int, int], None] | None = None
        # Hears to which checkpoint the job has gone back.
        self.returned: Callable[[Save], None] = lambda save: None
        # Nodes that must be fit before the job restarts: its own, or after a stall as many as were asked for.
        self.stalled = 0

    def turn(self, condition: int) -> None:
        """The network's condition changes, and with it the length of steps and the end of the work."""
        self.end_us = self.stepper.turn(condition, self.env.now)
        self._look_up()

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

    def notice(self) -> None:
        """Look at the inbox, unless a recovery goes on that failures do not interrupt."""
        if self.inbox and (self.restarts or self.state in UP):
            self.ring()

    def steps_now(self) -> bool:
        """Say whether the job does work."""
        return self.state == "stepping" and not self.inbox

    def stops_now(self) -> bool:
        """Say whether a failure would stop steps, a checkpoint or a drain."""
        return self.state in UP and not self.inbox

    def ring(self) -> None:
        """Wake the process if it waits: it is moved to an event of this instant; its own event passes unnoticed."""
        if self.alarm.callbacks:
            early = simpy.Event(self.env)
            early.callbacks, self.alarm.callbacks = self.alarm.callbacks, []
            early.succeed()

    def live(self) -> Waiting:
        """The process of the job: returns whether its work was completed."""
        if self.horizon_us < NEVER_US:
            on_event(timeout(self.env, self.horizon_us), lambda _: self.ring())
        yield from self._spend(LAUNCH, self.times.launch())
        while (yield from self._recover()):
            if (yield from self._step()):
                self.record.event(self.env.now, "complete")
                return True
        if not self.aborted:
            event = self.record.event(self.env.now, "horizon")
            stored = self.saves.stored()
            self.record.reversal(self.env.now, "in_flight", "", event, stored.at_us, self.saves.beyond(stored))
        return False

    def _recover(self) -> Waiting:
        """Recover from the failures in the inbox and those that come meanwhile; False where the run ends."""
        while self.inbox and self.env.now < self.horizon_us:
            self._fall_back()
            for failure in self.inbox:
                if failure.aborts:
                    return self._abort(failure)
            self.recoveries += 1
            failure, leaving = self._take()
            stages = self.times.stages(failure.cause, self.recoveries)
            if stages.found and not failure.planned and not (yield from self._spend(failure, stages.found)):
                continue
            blamed = self._accused(failure, leaving)
            if blamed or self._short() or self.nodes.can_grow():
                self._replace(blamed)
                if self._short() and not (yield from self._wait_for_nodes(failure)):
                    continue
                if self.nodes.blocks is not None:
                    # Time is spent on spares only where any were taken.
                    (self.owed.add if self.nodes.drawn else self.owed.discard)("replace")
            if self.swaps.laws:
                replace_us = self.swaps.replace_us(stages.replace_us, self.nodes.drawn, self.recoveries)
                stages = stages._replace(replace_us=replace_us)
            passed = yield from self._spend(failure, self._due(stages))
            if not passed or (self.inbox and (self.restarts or blamed is leaving)):
                continue
            if blamed is leaving:
                self.record.event(self.env.now, "restart", failure.cause)
            else:
                # What had failed is still in the job, and fails it again.
                self.inbox.append(failure)
        return self.env.now < self.horizon_us

    def _take(self) -> tuple[Failure, list[int]]:
        """Take up the newest failure with all nodes that have failed; in a queue, the oldest with its own node.

        Planned stops that wait are taken along, in a queue as its last.
        """
        if self.planned:
            if not self.restarts:
                self.inbox += self.planned
            self._excuse()
        if self.restarts:
            failure = self.inbox[-1]
            self.inbox.clear()
            return failure, list(self.nodes.failed)
        failure = self.inbox.pop(0)
        return failure, [node for node in failure.nodes if node in self.nodes.failed]

    def _fall_back(self) -> None:
        """Go back to what is saved and still held; what is beyond is lost to the failure."""
        if self.fallen:
            self.fallen = False
            return
        now, first = self.env.now, self.inbox[0]
        heard = self.inbox if self.restarts else self.inbox[:1]
        bounds = [
            self._good_until(failure.before_us, failure.rewind_us) for failure in heard if failure.before_us is not None
        ]
        if self.processes_die:
            self.saves.processes_died(now)
        save = self.saves.newest(min(bounds) if bounds else None)
        undone = self.saves.back_to(save)
        if undone:
            self.record.reversal(now, "lost_work", first.cause, first.event, save.at_us, undone)
        self.safe = save
        self.phase = phase_at(self.record.course, save.work_us)
        self.returned(save)

    def _good_until(self, before_us: int, rewind_us: int) -> int:
        return rewound_us(self.saves.spans, before_us, rewind_us) if rewind_us else before_us

    def _abort(self, failure: Failure) -> bool:
        """End the run: all of its work is lost."""
        base = self.saves.base
        self.record.reversal(
            self.env.now, "lost_work", failure.cause, failure.event, base.at_us, self.saves.back_to(base)
        )
        self.record.event(self.env.now, "aborted", failure.cause)
        self.aborted = True
        return False

    def _replace(self, leaving: list[int]) -> None:
        if "replace" not in self.owed:
            self.nodes.drawn.clear()
        if leaving:
            self.owed.add("replace")
        self.nodes.replace(leaving)

    def _accused(self, failure: Failure, leaving: list[int]) -> list[int]:
        """Return the nodes that the diagnosis blames: those that failed, or a healthy one in their place.

        Who plans a stop, or evicts a node, knows which nodes leave.
        """
        known = failure.planned or failure.known
        blamed = self.times.blamed(self.recoveries) if leaving and not known else None
        if blamed is None:
            return leaving
        healthy = [node for node in self.nodes.members() if self.nodes.place[node] == "job"]
        if not healthy:
            return leaving
        node = healthy[int(blamed * len(healthy))]
        self.nodes.accuse(node, failure.cause, failure.event)
        return [node]

    def _wait_for_nodes(self, failure: Failure) -> Waiting:
        """Wait while nodes are missing or have no path; say whether none is, or else (a failure, the horizon) False."""
        self.owed.add("schedule")
        self.record.event(self.env.now, "stall", failure.cause)
        self.state = "waiting"
        self.stalled = min(self.plan.recovery.resume_when_idle or 0, len(self.nodes.place))
        while self._short() and not self._interrupted():
            start, nodes = self.env.now, self.nodes.in_job
            yield self._until(NEVER_US)
            now = self.env.now
            if now > start:
                self.record.segments.append(
                    (start, now, now - start, "wait_for_node", failure.cause, failure.event, self.phase, nodes, 0)
                )
        self.state = "recovering"
        return not self._interrupted()

    def _short(self) -> bool:
        """Say whether the job cannot start: nodes are missing, have no path, or are fewer than a stall waits for."""
        missing = self.nodes.missing() > 0 or self.severed()
        return missing or (self.stalled > 0 and self.nodes.fit() < self.stalled)

    def _due(self, stages: Stages) -> list[tuple[str, int]]:
        """Leave out what is not owed: hosts are selected only after a stall, and only missing nodes are replaced."""
        due = []
        schedule_us = stages.requeue_us + (stages.select_host_us if "schedule" in self.owed else 0)
        if schedule_us:
            due.append(("schedule", schedule_us))
        if "replace" in self.owed:
            due.append(("replace", stages.replace_us))
        lives_on = not self.processes_die and not self.owed
        if not self.processes_die and not lives_on:
            self.owed.add("initialize")
        due.append(("initialize", stages.rejoin_us if lives_on else stages.initialize_us))
        due.append(("restore", stages.restores * self.saves.tiers[self.safe.tier].restore_us))
        due.append(("warm_up", stages.warm_up_us))
        return due

    def _spend(self, failure: Failure, stages: Sequence[tuple[str, int]]) -> Waiting:
        """Spend stages one after the other, as one wait; say whether all passed."""
        start = end = now = self.env.now
        for _, duration in stages:
            end += duration
        if start < end and start < self.horizon_us:
            yield self._until(end)
            now = self.env.now
        event, cause = failure[:2]
        segments, phase, nodes, owed = self.record.segments, self.phase, self.nodes.in_job, self.owed
        for name, duration in stages:
            until = start + duration
            if until > now:
                until = now
            if until > start:
                segments.append((start, until, until - start, name, cause, event, phase, nodes, 0))
            if until - start < duration:
                return False
            start = until
            if owed:
                owed.discard(name)
        return True

    def _step(self) -> Waiting:
        """Step until the work ends, a failure, a planned stop or the horizon; say whether the work is complete."""
        safe, start = self.safe, self.env.now
        if self.pace is not None:
            self.pace(self.up_us, self.met)
        self.state = "stepping"
        self.stalled = 0
        self.clock.start()
        self.end_us = self.stepper.begin(safe.work_us, safe.number + 1, start, self.ring)
        self.began()
        self.turning = True
        while self.turning and not self.inbox:
            self.turning = False
            due_us = min(self.end_us, self.stepper.boundary_us(self.env.now)) if self.planned else self.end_us
            if self.env.now < min(due_us, self.horizon_us):
                yield self._until(due_us)
        self.clock.stop()
        self.state = "recovering"
        self.up_us += self.env.now - start
        span, durable = self.stepper.stop(self.env.now)
        self.record.progress(safe.work_us, span, durable)
        if span.work_us == self.record.course.end_us:
            return True
        self._stopped(span)
        self.met += bool(self.inbox)
        if self.planned and not self.inbox and self.env.now < self.horizon_us:
            yield from self._drain(done=bool(span.walks))
        if self.inbox:
            self._fall_back()
            self.fallen = True
        return False

    def _stopped(self, span: Span) -> None:
        self.phase = phase_at(self.record.course, span.work_us)
        if self.plan.recovery.rework:
            self.saves.add(span)
        else:
            self.safe = self.saves.keep(span.work_us, self.env.now)

    def _drain(self, *, done: bool) -> Waiting:
        """Save all work before a planned stop, if any was done or is not in the store; say whether it was saved."""
        unsaved = done or self.saves.stored().at_us != self.safe.at_us
        drain_us = self.saves.tiers[-1].durable_after_us if unsaved else 0
        self.state = "draining"
        passed = yield from self._spend(self.planned[0], (("drain", drain_us),))
        self.state = "recovering"
        if passed:
            if unsaved:
                self.saves.seal(self.env.now)
            for stop in self.planned:
                self.record.interrupts(stop.event)
            self.inbox[:0] = self.planned
            self._excuse()
        return passed

    def _excuse(self) -> None:
        """Nodes of planned stops leave with this one."""
        for stop in self.planned:
            self.nodes.excuse(stop.nodes, stop.cause, stop.event)
        self.planned.clear()

    def _look_up(self) -> None:
        """Have the process look at what it waits for, if it steps."""
        if self.state == "stepping":
            self.turning = True
            self.ring()

    def _interrupted(self) -> bool:
        """Say whether a recovery must begin again, or the horizon has come."""
        return self.env.now >= self.horizon_us or (self.restarts and bool(self.inbox))

    def _until(self, end: int) -> simpy.Event:
        """The waiting point: return the event of `end`, unless the horizon is earlier; who rings comes before it."""
        self.alarm = timeout(self.env, end - self.env.now) if end < self.horizon_us else simpy.Event(self.env)
        return self.alarm
