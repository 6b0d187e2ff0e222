"""One optimizer step in SimPy: stages of one representative replica, one event an operation, integer nanoseconds.

The order of every stage is fixed, so the step is a max-plus system: when an operation ends, its output is sent,
and whichever operation can now be dated gets one event for its end. The parameter all-gather of the
step opens on the communication stream; the reduction of a chunk's gradients is launched when its last backward
ends; all stages meet before the optimizer (the global gradient norm), so consecutive steps are alike.
"""

from dataclasses import dataclass
from typing import Any, cast

import simpy

from sim.engine.stage import Stage
from sim.errors import SimulationError
from sim.workload.step_plan import StepPlan, Structure, structure


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimeline:
    """What happened in a step: its stages (when each operation started and ended) and when each part was over.

    reduced_ns: by stage, when its last gradient reduction ended; met_ns: when all stages had; step_ns: the step.
    """

    plan: StepPlan
    stages: tuple[Stage, ...]
    reduced_ns: tuple[int, ...]
    met_ns: int
    step_ns: int
    events: int


def simulate_step(plan: StepPlan) -> StepTimeline:
    """Return the timeline of one step. Raises SimulationError if the schedule deadlocks."""
    return _StepSimulation(plan).run()


class _StepSimulation:
    """The state shared by the stages: the clock, and when each slot's message was sent and arrived."""

    def __init__(self, plan: StepPlan) -> None:
        self.plan = plan
        self.env = simpy.Environment()
        self.shape: Structure = structure(plan.schedule, plan.stages, plan.microbatches, plan.chunks)
        self.sent = [-1] * self.shape.slots
        self.arrived = [-1] * self.shape.slots
        self.stages = [Stage(index=i) for i in range(plan.stages)]
        self.durations = [self._durations(i) for i in range(plan.stages)]
        self.left = sum(len(kinds) for kinds in self.shape.kind)
        self.events = 0
        self.finished = self.env.event()

    def run(self) -> StepTimeline:
        for stage in self.stages:
            self._open_gathers(stage)
            self._advance(stage, 0)
        if self.left:
            self._run_to_the_end()
        reduced = tuple(self._close_reductions(stage) for stage in self.stages)
        met = max(reduced)
        return StepTimeline(
            plan=self.plan,
            stages=tuple(self.stages),
            reduced_ns=reduced,
            met_ns=met,
            step_ns=met + max(self.plan.optimizer_ns) + self.plan.overhead_ns,
            events=self.events,
        )

    def _run_to_the_end(self) -> None:
        try:
            self.env.run(until=self.finished)
        except RuntimeError as error:
            stuck = [f"stage {s.index} at operation {s.position}" for s in self.stages if s.waits_for >= 0]
            raise SimulationError(f"schedule {self.plan.schedule} deadlocks: {', '.join(stuck[:4])}") from error

    def _durations(self, stage: int) -> list[int]:
        costs = [self.plan.forward[stage], self.plan.backward[stage]]
        table = [[cost.duration_ns for cost in row] for row in costs]
        return [table[k][c] for k, c in zip(self.shape.kind[stage], self.shape.chunk[stage], strict=True)]

    def _open_gathers(self, stage: Stage) -> None:
        """Queue the parameter all-gathers in the order of first use; without overlap compute waits for all of them."""
        at = 0
        for duration in self.plan.gather_ns[stage.index]:
            at += duration
            stage.gathered_at.append(at)
        if not self.plan.data_overlap:
            stage.gathered_at = [at] * self.plan.chunks
        stage.collective_free_at = at

    def _advance(self, stage: Stage, now: int) -> None:
        """Date the next operation of a free stage, or leave it waiting for its input."""
        i, position = stage.index, stage.position
        if position == len(self.durations[i]):
            return
        need = self.shape.needs[i][position]
        if need >= 0 and self.arrived[need] < 0:
            stage.waits_for = need
            return
        stage.waits_for = -1
        start = self._start(stage, need)
        duration = self.durations[i][position]
        beside = min(stage.collective_free_at - start, duration)
        if beside > 0 and self.plan.slowdown > 1 and self.plan.data_overlap:
            extra = round(beside * (self.plan.slowdown - 1))
            stage.slowed += extra
            duration += extra
        stage.starts.append(start)
        done = simpy.Timeout(self.env, start + duration - now, stage)
        done.callbacks = [self._end]
        self.events += 1

    def _start(self, stage: Stage, need: int) -> int:
        """Return when the next operation starts, and book what the stage waited for until then."""
        free, start = stage.free_at, stage.free_at
        if need >= 0 and self.arrived[need] > free:
            start = self.arrived[need]
            in_flight = start - max(free, self.sent[need])
            stage.waited_message += in_flight
            stage.waited_input += start - free - in_flight
        if self.shape.first[stage.index][stage.position]:
            gathered = stage.gathered_at[self.shape.chunk[stage.index][stage.position]]
            if gathered > start:
                stage.waited_gather += gathered - start
                start = gathered
        return start

    def _end(self, event: simpy.Event) -> None:
        """End an operation: send its output, launch its chunk's reduction, go on."""
        stage: Stage = cast(Any, event).value
        now = int(self.env.now)
        i, position = stage.index, stage.position
        stage.ends.append(now)
        stage.free_at = now
        stage.position = position + 1
        if self.shape.last[i][position] and self.plan.data_overlap:
            chunk = self.shape.chunk[i][position]
            stage.collective_free_at = max(now, stage.collective_free_at) + self.plan.reduce_ns[i][chunk]
        feeds = self.shape.feeds[i][position]
        if feeds >= 0:
            self._send(stage, feeds, self.stages[self.shape.target[i][position]], now)
        self.left -= 1
        if self.left:
            self._advance(stage, now)
        else:
            self.finished.succeed()

    def _send(self, stage: Stage, slot: int, receiver: Stage, now: int) -> None:
        plan = self.plan
        if receiver is stage:
            self.sent[slot] = self.arrived[slot] = now
        else:
            begin = max(now, stage.nic_free_at)
            transfer = self._transfer_ns(stage, begin)
            self.sent[slot] = now
            self.arrived[slot] = stage.nic_free_at = begin + transfer
            if plan.blocking_send:
                stage.free_at = begin + transfer
                stage.sending += begin + transfer - now
        if receiver.waits_for == slot and receiver is not stage:
            self._advance(receiver, now)

    def _transfer_ns(self, stage: Stage, begin: int) -> int:
        """Return the time of a message; beside a collective on the same NIC both get half of it (max-min)."""
        message = self.plan.boundary_ns
        beside = stage.collective_free_at - begin
        if not (self.plan.shared_nic and self.plan.data_overlap) or beside <= 0:
            return message
        lost = min(message, beside // 2)
        stage.collective_free_at += lost
        return message + lost

    def _close_reductions(self, stage: Stage) -> int:
        if self.plan.data_overlap:
            return max(stage.free_at, stage.collective_free_at)
        return stage.free_at + sum(self.plan.reduce_ns[stage.index])
