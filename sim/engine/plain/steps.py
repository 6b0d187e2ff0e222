"""Steps and checkpoints of a plain run: what they achieve between two stops, what is saved, and what is taken back."""

from sim.engine.jobs.record import Record
from sim.reliability.records import RunPlan
from sim.reliability.saving.progress import NEVER_US, Course
from sim.reliability.saving.stint import beat_of, stepped_until_us, stint

Origin = tuple[int, str]
"""The event that stopped a job, and its cause."""


class Steps:
    """How far a job has come, told to its record; only the run begins and stops them."""

    __slots__ = ("beat", "limit_us", "nodes", "record", "rework", "safe", "since_us")

    def __init__(self, plan: RunPlan, way: Course, record: Record, limit_us: int) -> None:
        self.beat = beat_of(way)
        self.limit_us = limit_us
        self.nodes = plan.nodes
        self.record = record
        self.rework = plan.recovery.rework
        # The work that is saved, when its checkpoint began, and its number.
        self.safe = (0, 0, 0)
        self.since_us = 0

    def begin(self, now: int) -> int:
        """Begin with what is saved; return when the work ends, NEVER_US where that is of no use."""
        self.since_us, work_us = now, self.safe[0]
        if now + self.beat.end_us - work_us > self.limit_us:
            return NEVER_US
        return stepped_until_us(self.beat, work_us, now)

    def stop(self, now: int) -> int:
        """Stop, and tell what was achieved; return the work."""
        since_us, nodes, record, beat = self.since_us, self.nodes, self.record, self.beat
        from_us, _, number = self.safe
        work_us, end_us, blocked_us, begun, durable, first_us, begin_us = stint(beat, from_us, since_us, now)
        if stepped_us := end_us - since_us - blocked_us:
            record.segments.append((since_us, end_us, stepped_us, "step", "", -1, 0, nodes, 0))
        if blocked_us:
            record.segments.append((since_us, end_us, blocked_us, "checkpoint", "", -1, 0, nodes, 0))
        record.spans.append((from_us, work_us))
        record.started += begun
        record.durable += durable
        if not self.rework:
            self.safe = work_us, now, number
        elif durable:
            ahead = durable - 1
            self.safe = first_us + ahead * beat.cycle_us, begin_us + ahead * beat.pitch_us, number + durable
        return work_us

    def undo(self, now: int, work_us: int, state: str, origin: Origin, counts: list[int]) -> None:
        """Take back the work beyond what is saved; counts: of steps."""
        saved_us, at_us, _ = self.safe
        if work_us > saved_us:
            step_us, (event, cause) = self.beat.step_us, origin
            steps = work_us // step_us - saved_us // step_us
            counts[0] += steps
            row = now, work_us - saved_us, state, cause, event, 0, self.nodes, steps, at_us, 0
            self.record.reversals.append(row)
