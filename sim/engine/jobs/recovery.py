"""How the job recovers: from what is in its inbox to its restart.

States of a recovery: finding (detection and diagnosis), replacing, waiting for nodes, starting (all stages that are
left). A failure may begin it anew from any of them. Only this file moves from one to the next; the job says what is
next when a recovery has ended, one way or the other.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.engine.jobs.record import Record
from sim.engine.jobs.stops import LAUNCH, Failure
from sim.engine.jobs.waiting import State, Waiting
from sim.engine.places.nodes import Nodes
from sim.reliability.recovery.draws import RecoveryTimes, Stages
from sim.reliability.recovery.swaps import Swaps
from sim.reliability.saving.progress import NEVER_US

if TYPE_CHECKING:
    from sim.engine.jobs.job import Job


class Recovery:
    """One recovery of a job after the other: what it is from, who leaves for it, and what it takes.

    severed: says whether the network leaves no path between the nodes of the job; None: no network fails.
    """

    __slots__ = (
        "blamed",
        "failure",
        "in_process",
        "job",
        "leaving",
        "misled",
        "nodes",
        "number",
        "plan",
        "record",
        "restore_us",
        "severed",
        "since",
        "stages",
        "stalled",
        "swaps",
        "times",
        "waiting",
    )

    def __init__(self, job: "Job", record: Record, nodes: Nodes, times: RecoveryTimes, waiting: Waiting) -> None:
        self.job = job
        self.plan = record.plan.recovery
        self.record = record
        self.nodes = nodes
        self.times = times
        self.waiting = waiting
        self.swaps = Swaps(record.plan)
        self.severed: Callable[[], bool] | None = None
        self.number = 0
        self.failure = LAUNCH
        # Nodes that failed, and those that the diagnosis blames.
        self.leaving: list[int] = []
        self.blamed: list[int] = []
        self.stages: Stages
        # Of each tier, what it takes to read a checkpoint back.
        self.restore_us = [tier.restore_us for tier in record.course.tiers]
        self.misled = self.plan.blames_right < 1
        self.in_process = self.plan.in_process
        # Nodes that must be fit before the job restarts: its own, or after a stall as many as were asked for.
        self.stalled = 0
        # When the job began to wait with as many nodes as it has.
        self.since = (0, 0)

    def launch(self) -> State | None:
        """The first start of the job."""
        return self.waiting.spend(LAUNCH, self.times.launch(), self.job.recover)

    def begin(self) -> State | None:
        """Begin with the newest failure in the inbox."""
        self.number += 1
        self.failure, self.leaving = failure, _ = self._take()
        stages = self.stages = self.times.stages(failure.cause, self.number)
        found = stages[0]
        if found and not failure.planned:
            return self.waiting.spend(failure, found, self._found)
        return self._replace()

    def _take(self) -> tuple[Failure, list[int]]:
        """Take up the newest failure with all nodes that have failed; in a queue, the oldest with its own node.

        Planned stops that wait are taken along, in a queue as its last.
        """
        job, inbox = self.job, self.job.inbox
        if job.planned:
            if not job.restarts:
                inbox += job.planned
            job.excuse()
        if job.restarts:
            failure = inbox[-1]
            inbox.clear()
            return failure, list(self.nodes.failed)
        failure = inbox.pop(0)
        return failure, [node for node in failure.nodes if node in self.nodes.failed]

    def _found(self) -> State | None:
        return self._replace() if self.waiting.passed else self.job.recover

    def _replace(self) -> State | None:
        """Have the nodes that are blamed leave, and spares join."""
        self.blamed = blamed = self._accused() if self.misled else self.leaving
        if not (blamed or self._short() or self.nodes.can_grow()):
            return self._start()
        owed = self.waiting.owed
        if "replace" not in owed:
            self.nodes.drawn.clear()
        if blamed:
            owed.add("replace")
        self.nodes.replace(blamed)
        if self._short():
            return self._stall()
        return self._start() if self.nodes.blocks is None else self._replaced()

    def _replaced(self) -> State | None:
        if self.nodes.blocks is not None:
            # Time is spent on spares only where any were taken.
            (self.waiting.owed.add if self.nodes.drawn else self.waiting.owed.discard)("replace")
        return self._start()

    def _start(self) -> State | None:
        """Spend what is left of the recovery."""
        stages = self.stages
        if self.swaps.laws:
            replace_us = self.swaps.replace_us(stages.replace_us, self.nodes.drawn, self.number)
            stages = stages._replace(replace_us=replace_us)
        due = self._due(stages)
        if self.job.use is None or not self._from_store():
            return self.waiting.spend(self.failure, due, self._started)
        before = [each for each in due if each[0] not in ("restore", "warm_up")]
        return self.waiting.spend(self.failure, before, self._read)

    def _from_store(self) -> bool:
        return self.job.safe.tier in (-1, len(self.restore_us) - 1)

    def _read(self) -> State | None:
        """Read a checkpoint back, as soon as the store has it."""
        use = self.job.use
        if not self.waiting.passed:
            return self._started
        assert use is not None, "who reads from a store that may fail waits for it"
        restore_us, times = self.restore_us[-1], self.stages.restores
        return use.spend(self.failure, "restore", restore_us, times, self.job.interrupted, self._warm_up)

    def _warm_up(self) -> State | None:
        if not self.waiting.passed:
            return self._started
        return self.waiting.spend(self.failure, (("warm_up", self.stages.warm_up_us),), self._started)

    def _started(self) -> State:
        job, right = self.job, self.blamed is self.leaving
        if self.waiting.passed and not (job.inbox and (job.restarts or right)):
            if right:
                self.record.event(self.waiting.env.now, "restart", self.failure.cause)
            else:
                # What had failed is still in the job, and fails it again.
                job.inbox.append(self.failure)
        return job.recover

    def _accused(self) -> list[int]:
        """Return the nodes that the diagnosis blames: those that failed, or a healthy one in their place.

        Who plans a stop, or evicts a node, knows which nodes leave.
        """
        failure, leaving = self.failure, self.leaving
        known = failure.planned or failure.known
        blamed = self.times.blamed(self.number) if leaving and not known else None
        if blamed is None:
            return leaving
        node = self.nodes.healthy(blamed)
        if node is None:
            return leaving
        self.nodes.accuse(node, failure.cause, failure.event)
        return [node]

    def _stall(self) -> State | None:
        """Nodes are missing or have no path: wait for them."""
        self.waiting.owed.add("schedule")
        self.record.event(self.waiting.env.now, "stall", self.failure.cause)
        self.job.state = "waiting"
        self.stalled = min(self.plan.resume_when_idle or 0, len(self.nodes.place))
        return self._lack()

    def _lack(self) -> State | None:
        if self._short() and not self.job.interrupted():
            self.since = self.waiting.env.now, self.nodes.in_job
            self.waiting.until(NEVER_US, self._waited)
            return None
        self.job.state = "recovering"
        return self.job.recover if self.job.interrupted() else self._replaced

    def _waited(self) -> State:
        """Somebody has rung: tell the time until now, and look again."""
        (start, nodes), now, failure = self.since, self.waiting.env.now, self.failure
        if now > start:
            row = start, now, now - start, "wait_for_node", failure.cause, failure.event, self.waiting.phase, nodes, 0
            self.record.segments.append(row)
        return self._lack

    def _short(self) -> bool:
        """Say whether the job cannot start: nodes are missing, have no path, or are fewer than a stall waits for."""
        nodes = self.nodes
        missing = nodes.in_job < nodes.size and nodes.missing() > 0
        if missing or (self.severed is not None and self.severed()):
            return True
        return self.stalled > 0 and nodes.fit() < self.stalled

    def _due(self, stages: Stages) -> list[tuple[str, int]]:
        """Leave out what is not owed: hosts are selected only after a stall, and only missing nodes are replaced."""
        _, schedule_us, select_us, replace_us, initialize_us, rejoin_us, warm_up_us, restores = stages
        due, owed = [], self.waiting.owed
        if self.in_process:
            if owed:
                owed.add("initialize")
            else:
                initialize_us = rejoin_us
        if "schedule" in owed:
            schedule_us += select_us
        if schedule_us:
            due.append(("schedule", schedule_us))
        if "replace" in owed:
            due.append(("replace", replace_us))
        due.append(("initialize", initialize_us))
        if restore_us := restores * self.restore_us[self.job.safe.tier]:
            due.append(("restore", restore_us))
        if warm_up_us:
            due.append(("warm_up", warm_up_us))
        return due
