"""One optimizer step in SimPy: stages of one representative replica, one event an operation, integer nanoseconds.

The order of every stage is fixed, so the step is a max-plus system: when an operation ends, its output is sent,
and whichever operation can now be dated gets one event for its end. A block's forward waits for the all-gather of its
parameters, and its gradients are reduced when a backward has passed it, both on the communication stream: gathers once,
from the start of the step, and reductions after the chunk's last backward, or both for every microbatch. Then all
stages meet before the optimizer (the global gradient norm); or none waits for another, and a step is as long as the
longest span of a stage, from its own beginning to its own end, since consecutive steps are alike (post-validation of
arXiv 2401.10241, section 4; a rollback is not modelled).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import simpy

from sim.engine.collector import rare_collections
from sim.engine.stages.stage import Stage, Walk
from sim.engine.stages.walks import walked
from sim.errors import SimulationError
from sim.workload.step_plan import StepPlan, Structure, operation_costs, pipeline_key, structure

ALL = 1 << 62
"""More gathers than any stage has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimeline:
    """What happened in a step: its stages (when each operation started and ended) and when each part was over.

    begins_ns: by stage, when its own step begins; reduced_ns: when its last gradient reduction ended; updates_ns: when
    its optimizer begins; step_ns: from the beginning of a step to that of the next, which is alike. arrived_ns: by slot
    of the structure, when its message arrived (-1: none does).
    """

    plan: StepPlan
    stages: tuple[Stage, ...]
    begins_ns: tuple[int, ...]
    reduced_ns: tuple[int, ...]
    updates_ns: tuple[int, ...]
    step_ns: int
    events: int
    arrived_ns: tuple[int, ...]


def simulate_step(plan: StepPlan) -> StepTimeline:
    """Return the timeline of one step. Raises SimulationError if the schedule deadlocks."""
    with rare_collections():
        return _StepSimulation(plan).run()


class _StepSimulation:
    """The state shared by the stages: the clock, and when each slot's message was sent and arrived."""

    def __init__(self, plan: StepPlan) -> None:
        self.plan = plan
        self.env = simpy.Environment()
        shape = structure(pipeline_key(plan))
        self.sent = [-1] * shape.slots
        self.arrived = [-1] * shape.slots
        self.stages = [_stage(plan, shape, index) for index in range(plan.stages)]
        for stage, targets in zip(self.stages, shape.target, strict=True):
            stage.targets = [self.stages[target] for target in targets]
        self.left = sum(len(stage.durations) for stage in self.stages)
        self.events = 0
        self.finished = self.env.event()
        self.shares = plan.nic_share > 0 and plan.data_overlap
        self.slows = plan.slowdown > 1 and plan.data_overlap
        self.overlap = plan.data_overlap
        self.prefetch = ALL if plan.prefetch is None else plan.prefetch
        self.on_end: list[Callable[[Any], None]] = [self._end]

    def run(self) -> StepTimeline:
        for stage in self.stages:
            stage.issue(self.prefetch, 0)
            self._advance(stage, 0)
        self._run_to_the_end()
        reduced = tuple(self._close_reductions(stage) for stage in self.stages)
        meet = self.plan.optimizer_sync == "global-norm"
        begins = tuple(0 if meet else self._begin_alone(stage) for stage in self.stages)
        updates = (max(reduced),) * len(reduced) if meet else reduced
        ends = (update + own for update, own in zip(updates, self.plan.optimizer_ns, strict=True))
        spans = [end - begin for end, begin in zip(ends, begins, strict=True)]
        if not meet:
            for stage, begin, span in zip(self.stages, begins, spans, strict=True):
                self._forget_before(stage, begin, max(spans) - span)
        return StepTimeline(
            plan=self.plan,
            stages=tuple(self.stages),
            begins_ns=begins,
            reduced_ns=reduced,
            updates_ns=updates,
            step_ns=max(spans) + self.plan.overhead_ns,
            events=self.events,
            arrived_ns=tuple(self.arrived),
        )

    def _begin_alone(self, stage: Stage) -> int:
        """Return when the step of a stage begins that waits for no other: its gathers just in time for their use."""
        return min(stage.starts[0], stage.slack_ns)

    def _forget_before(self, stage: Stage, begin: int, spare: int) -> None:
        """Take out what a stage waited for before its own step began: that is the end of the step before.

        Its gathers then come right before the first operation; of those, what exceeds the time that the stage has to
        spare is exposed.
        """
        need = stage.needs[0]
        if need >= 0:
            arrived = self.arrived[need]
            stage.waited_message -= arrived - self.sent[need]
            stage.waited_gather += max(0, arrived - begin - spare)

    def _run_to_the_end(self) -> None:
        try:
            self.env.run(until=self.finished)
        except RuntimeError as error:
            stuck = [f"stage {s.index} at operation {s.position}" for s in self.stages if s.waits_for >= 0]
            raise SimulationError(f"schedule {self.plan.schedule} deadlocks: {', '.join(stuck[:4])}") from error

    def _advance(self, stage: Stage, now: int) -> None:
        """Date the next operation of a free stage, or leave it waiting for its input."""
        position = stage.position
        if position == len(stage.durations):
            return
        need, start = stage.needs[position], stage.free_at
        if need >= 0:
            arrived = self.arrived[need]
            if arrived < 0:
                stage.waits_for = need
                return
            if arrived > start:
                in_flight = arrived - max(start, self.sent[need])
                stage.waited_message += in_flight
                stage.waited_input += arrived - start - in_flight
                start = arrived
        stage.waits_for = -1
        walk = stage.walks[position]
        if walk is None:
            stage.starts.append(start)
            over = start + stage.durations[position]
            if self.slows and stage.collective_free_at > start:
                over += self._slowed_ns(stage, start, over - start)
        else:
            over = self._walk(stage, walk, start)
        end = simpy.Timeout(self.env, over - now, stage)
        end.callbacks = self.on_end  # read once by the kernel, so that all events can share it
        self.events += 1

    def _walk(self, stage: Stage, walk: Walk, start: int) -> int:
        """Pass an operation block by block; return when it ends."""
        now = start
        for i, duration in enumerate(walk.durations):
            if walk.gather >= 0:
                now = self._await_gather(stage, walk.gather + i, now)
            if i == 0:
                stage.starts.append(now)
            now += duration + (self._slowed_ns(stage, now, duration) if self.slows else 0)
            if walk.reductions:
                reduced = stage.collect("reduce", walk.chunk, walk.blocks[i], now, walk.reductions[i])
                now = now if self.overlap else self._await(stage, reduced, now)
        return now

    def _await_gather(self, stage: Stage, gather: int, now: int) -> int:
        """Wait for the gather of a block, and issue those to come."""
        stage.issue(gather + 1, now)
        begin = self._await(stage, stage.gathered_at[gather], now)
        stage.issue(gather + 1 + self.prefetch, begin)
        if not self.overlap:  # compute waits for all that is issued
            begin = self._await(stage, stage.gathered_at[-1], begin)
        if gather < self.prefetch:
            stage.slack_ns = min(stage.slack_ns, begin - stage.gathered_at[gather if self.overlap else -1])
        elif gather == 0:
            stage.slack_ns = now
        return begin

    def _await(self, stage: Stage, collected: int, now: int) -> int:
        if collected <= now:
            return now
        stage.waited_gather += collected - now
        return collected

    def _slowed_ns(self, stage: Stage, start: int, duration: int) -> int:
        """Return by how much a kernel is longer for the collectives that run beside it."""
        beside = min(max(0, stage.collective_free_at - start), duration)
        extra = round(beside * (self.plan.slowdown - 1))
        stage.slowed += extra
        return extra

    def _end(self, event: simpy.Event) -> None:
        """End an operation: send its output, launch its chunk's reduction, go on."""
        stage: Stage = cast(Any, event)._value
        now = cast(int, self.env.now)
        position = stage.position
        stage.ends.append(now)
        stage.free_at = now
        stage.position = position + 1
        if stage.feeds[position] >= 0:
            self._send(stage, position, now)
        self.left -= 1
        if self.left:
            self._advance(stage, now)
        else:
            self.finished.succeed()

    def _send(self, stage: Stage, position: int, now: int) -> None:
        slot, receiver = stage.feeds[position], stage.targets[position]
        self.sent[slot] = now
        if receiver is stage:
            self.arrived[slot] = now
            return
        begin = now if now > stage.nic_free_at else stage.nic_free_at
        arrives = begin + self._transfer_ns(stage, begin, stage.messages[position])
        self.arrived[slot] = stage.nic_free_at = arrives
        if self.plan.blocking_send:
            stage.free_at = arrives
            stage.sending += arrives - now
        if receiver.waits_for == slot:
            self._advance(receiver, now)

    def _transfer_ns(self, stage: Stage, begin: int, message: int) -> int:
        """Return the time of a message; a collective beside it on the same NIC books what it loses."""
        left = stage.collective_free_at - begin
        if left <= 0 or not self.shares:
            return message
        transfer, lost = shared_nic_ns(message, left, self.plan.nic_share)
        if lost:
            stage.delay_collectives(begin, lost)
        return transfer

    def _close_reductions(self, stage: Stage) -> int:
        if not (self.overlap or self.plan.reduces != "last"):
            for chunk, blocks in enumerate(self.plan.blocks[stage.index]):
                for block, duration in enumerate(blocks.reduce_ns):
                    stage.collect("reduce", chunk, block, stage.free_at, duration)
        return max(stage.free_at, stage.collective_free_at)


def shared_nic_ns(message: float, collective: float, share: float) -> tuple[int, int]:
    """Return how long a message takes beside a collective, and by how much the collective is delayed.

    Max-min on one NIC: a collective that takes no more than half of it keeps its share, a larger one is held to half;
    the message gets the rest until the collective ends. message, collective: their times alone.

    >>> shared_nic_ns(100, 1000, 1.0), shared_nic_ns(100, 100, 1.0), shared_nic_ns(300, 100, 1.0)
    ((200, 100), (200, 100), (400, 100))
    >>> shared_nic_ns(100, 1000, 0.2)
    (125, 0)
    """
    kept = min(share, 0.5)
    pace, rate = kept / share, 1 - kept
    if message / rate <= collective / pace:
        return round(message / rate), round(message / rate * (1 - pace))
    beside = collective / pace
    return round(beside + message - beside * rate), round(beside - collective)


def _stage(plan: StepPlan, shape: Structure, index: int) -> Stage:
    """Return a stage at time 0."""
    costs = [[cost.duration_ns for cost in row] for row in operation_costs(plan, index)]
    kind, chunk = shape.kind[index], shape.chunk[index]
    durations = [costs[k][c] for k, c in zip(kind, chunk, strict=True)]
    walks, gathers = walked(plan, shape, index, durations)
    return Stage(
        index=index,
        durations=durations,
        messages=[plan.boundary_ns[boundary] for boundary in shape.boundary[index]],
        needs=shape.needs[index],
        feeds=shape.feeds[index],
        walks=walks,
        gathers=gathers,
    )
