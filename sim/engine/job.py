"""The training job.

States of the job: stepping (steps and checkpoints, folded: nothing happens between two interruptions), recovering (in
a stage of recovery) and waiting (for a node); done at the end of its work or at the horizon. Only the job's own
process changes them. Others put failures into its inbox and ring: the process has one waiting point, and looks at
the inbox when it wakes.
"""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import simpy

from sim.engine.clock import IntegerEnvironment, on_event, timeout
from sim.engine.failures import FailureClock
from sim.engine.nodes import Nodes
from sim.engine.record import Record, Safe
from sim.engine.stepping import Stepper, Undone
from sim.reliability.draws import RecoveryTimes
from sim.reliability.progress import NEVER_US, Progress, phase_at

Waiting = Generator[simpy.Event, Any, bool]
Stages = tuple[tuple[str, int], ...]


class Failure(NamedTuple):
    """What the job has to recover from; nodes: those to replace."""

    event: int
    cause: str
    nodes: tuple[int, ...]


LAUNCH = Failure(-1, "", ())
"""What the first start of the job recovers from: nothing."""


class Job:
    """The job: how much work is safe, what it waits for, and from what it must still recover."""

    __slots__ = (
        "alarm",
        "clock",
        "end_us",
        "env",
        "flying",
        "horizon_us",
        "inbox",
        "nodes",
        "owed",
        "phase",
        "plan",
        "record",
        "recoveries",
        "restarts",
        "safe",
        "severed",
        "stalled",
        "state",
        "stepper",
        "times",
        "turning",
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
        self.stepper = stepper
        self.horizon_us = NEVER_US if plan.horizon_us is None else plan.horizon_us
        self.restarts = plan.recovery.on_failure == "restart"
        self.state = "recovering"
        self.recoveries = 0
        self.safe = Safe(0, 0)
        self.phase = 0
        # Work done at the horizon that is not durable.
        self.flying: Undone = ()
        # Stages that a recovery must go through because an earlier one did not finish them.
        self.owed = {"schedule"}
        self.inbox: list[Failure] = []
        self.alarm = simpy.Event(env)
        self.end_us = NEVER_US
        # Whether the end of the work has moved since the process last waited for it.
        self.turning = False
        # Whether the network leaves no path between the nodes of the job; without a network that fails it never does.
        self.severed: Callable[[], bool] = lambda: False
        # Nodes that must be fit before the job restarts: its own, or after a stall as many as were asked for.
        self.stalled = 0

    def turn(self, condition: int) -> None:
        """The network's condition changes, and with it the length of steps and the end of the work."""
        self.end_us = self.stepper.turn(condition, self.env.now)
        if self.state == "stepping":
            self.turning = True
            self.ring()

    def notice(self) -> None:
        """Look at the inbox, unless a recovery goes on that failures do not interrupt."""
        if self.inbox and (self.restarts or self.state == "stepping"):
            self.ring()

    def stops_now(self) -> bool:
        """Say whether a failure would stop steps or a checkpoint."""
        return self.state == "stepping" and not self.inbox

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
        launch = self.times.stages("", 0)
        yield from self._spend(LAUNCH, tuple(stage for stage in launch if stage[0] == "schedule"))
        while (yield from self._recover()):
            if (yield from self._step()):
                self.record.event(self.env.now, "complete")
                return True
        event = self.record.event(self.env.now, "horizon")
        self.record.reversal(self.env.now, "in_flight", "", event, self.safe.at_us, self.flying)
        return False

    def _recover(self) -> Waiting:
        """Recover from the failures in the inbox and those that come meanwhile; False at the horizon."""
        while self.inbox and self.env.now < self.horizon_us:
            self.recoveries += 1
            failure, leaving = self._take()
            stages = self.times.stages(failure.cause, self.recoveries)
            if not (yield from self._spend(failure, stages[:1])):
                continue
            if leaving or self._short():
                self._replace(leaving)
                if self._short() and not (yield from self._wait_for_nodes(failure)):
                    continue
            if (yield from self._spend(failure, self._due(stages[1:]))) and not self.inbox:
                self.record.event(self.env.now, "restart", failure.cause)
        return self.env.now < self.horizon_us

    def _take(self) -> tuple[Failure, list[int]]:
        """Take up the newest failure with all nodes that have failed; in a queue, the oldest with its own node."""
        if self.restarts:
            failure = self.inbox[-1]
            self.inbox.clear()
            return failure, list(self.nodes.failed)
        failure = self.inbox.pop(0)
        return failure, [node for node in failure.nodes if node in self.nodes.failed]

    def _replace(self, leaving: list[int]) -> None:
        if leaving:
            self.owed.add("replace")
        self.nodes.replace(leaving)

    def _wait_for_nodes(self, failure: Failure) -> Waiting:
        """Wait while nodes are missing or have no path; say whether none is, or else (a failure, the horizon) False."""
        self.owed.add("schedule")
        self.record.event(self.env.now, "stall", failure.cause)
        self.state = "waiting"
        self.stalled = min(self.plan.recovery.resume_when_idle or 0, len(self.nodes.place))
        while self._short() and not self._interrupted():
            start, nodes = self.env.now, self.nodes.in_job
            yield self._until(NEVER_US)
            if self.env.now > start:
                self._spent(start, self.env.now - start, "wait_for_node", failure, nodes)
        self.state = "recovering"
        return not self._interrupted()

    def _short(self) -> bool:
        """Say whether the job cannot start: nodes are missing, have no path, or are fewer than a stall waits for."""
        missing = self.nodes.missing() > 0 or self.severed()
        return missing or (self.stalled > 0 and self.nodes.fit() < self.stalled)

    def _due(self, stages: Stages) -> Stages:
        """Leave out what is not owed: hosts are selected only after a stall, and only missing nodes are replaced."""
        on_demand, always = stages[:2], stages[2:]
        return (*(stage for stage in on_demand if stage[0] in self.owed), *always) if self.owed else always

    def _spend(self, failure: Failure, stages: Stages) -> Waiting:
        """Spend stages one after the other, as one wait; say whether all passed."""
        start = end = now = self.env.now
        for _, duration in stages:
            end += duration
        if start < min(end, self.horizon_us):
            yield self._until(end)
            now = self.env.now
        for name, duration in stages:
            spent = duration if start + duration <= now else now - start
            if spent:
                self._spent(start, spent, name, failure, self.nodes.in_job)
            if spent < duration:
                return False
            start += spent
            if self.owed:
                self.owed.discard(name)
        return True

    def _spent(self, start: int, duration: int, state: str, failure: Failure, nodes: int) -> None:
        event, cause, _ = failure
        self.record.segments.append((start, start + duration, duration, state, cause, event, self.phase, nodes, 0))

    def _step(self) -> Waiting:
        """Step until the work ends, a failure or the horizon; say whether the work is complete."""
        start = self.env.now
        self.state = "stepping"
        self.stalled = 0
        self.clock.start()
        self.end_us = self.stepper.begin(self.safe.work_us, start, self.ring)
        self.turning = True
        while self.turning and not self.inbox:
            self.turning = False
            if self.env.now < min(self.end_us, self.horizon_us):
                yield self._until(self.end_us)
        self.clock.stop()
        self.state = "recovering"
        progress, undone = self.stepper.stop(self.env.now)
        self.record.progress(self.safe.work_us, progress)
        if progress.work_us == self.record.course.end_us:
            return True
        self._fall_back(progress, undone)
        return False

    def _fall_back(self, progress: Progress, undone: Undone) -> None:
        """Go back to what is durable; what is beyond is lost to the failure, or in flight at the horizon."""
        now = self.env.now
        if not self.plan.recovery.rework:
            self.safe, undone = Safe(progress.work_us, now), ()
        elif progress.durable_at_us >= 0:
            self.safe = Safe(progress.durable_us, progress.durable_at_us)
        self.phase = phase_at(self.record.course, self.safe.work_us)
        if self.inbox:
            event, cause, _ = self.inbox[0]
            self.record.reversal(now, "lost_work", cause, event, self.safe.at_us, undone)
        else:
            self.flying = undone

    def _interrupted(self) -> bool:
        """Say whether a recovery must begin again, or the horizon has come."""
        return self.env.now >= self.horizon_us or (self.restarts and bool(self.inbox))

    def _until(self, end: int) -> simpy.Event:
        """The waiting point: return the event of `end`, unless the horizon is earlier; who rings comes before it."""
        self.alarm = timeout(self.env, end - self.env.now) if end < self.horizon_us else simpy.Event(self.env)
        return self.alarm
