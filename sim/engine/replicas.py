"""All replicas of a step at once: the arithmetic of the step engine on vectors, one element a class of replicas.

Operations, messages and collectives of a stage have a fixed order, so that replicas whose GPUs differ in speed pass the
same ones and differ in numbers only. Each operation is done once, for all replicas, as soon as its input is there;
which stage goes first does not matter, since a stage reads nothing of another but messages. The result is that of the
step engine to the nanosecond, without its timelines.

States of a lane, one stage of all replicas: ready, waiting (for a slot) and drained. Only the simulation changes it.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.engine.replica import FEW, ReplicaTimer, durations_of
from sim.engine.stage import NEVER, Gather, Walk
from sim.engine.walks import block_shares, walked
from sim.workload.apportion import divide
from sim.workload.step_plan import StepPlan, pipeline_key, structure
from sim.workload.stragglers import IntArray

Table = NDArray[np.int64]
"""Durations by [kind, chunk, class of replicas]."""


@dataclass(slots=True)
class _Lane:
    """One stage of all replicas; vectors have an element a class. Names as in `Stage`.

    quiet: no collective is left beside what the stage runs from now on, until it launches another.
    """

    index: int
    durations: list[IntArray]
    messages: list[int]
    needs: tuple[int, ...]
    feeds: tuple[int, ...]
    walks: list[Walk | None]
    parts: list[tuple[IntArray, ...]]
    gathers: list[Gather]
    free_at: IntArray
    nic_free_at: IntArray
    collective_free_at: IntArray
    slack_ns: IntArray
    quiet: bool = False
    position: int = 0
    first_start: IntArray | None = None
    gathered_at: list[IntArray] = field(default_factory=list)

    def collect(self, ready_ns: IntArray, duration_ns: int) -> IntArray:
        """Launch a collective; return when it ends."""
        self.quiet = False
        self.collective_free_at = np.maximum(ready_ns, self.collective_free_at) + duration_ns
        return self.collective_free_at

    def issue(self, count: int | None, now_ns: IntArray) -> None:
        """Launch gathers until `count` of the stage's have been, None for all."""
        for gather in self.gathers[len(self.gathered_at) : count]:
            self.gathered_at.append(self.collect(now_ns, gather.duration_ns))

    def begin(self, start_ns: IntArray) -> None:
        """Note when the first operation started."""
        if self.first_start is None:
            self.first_start = start_ns


def replica_steps_ns(plan: StepPlan, factors: IntArray) -> IntArray:
    """Return the step time of each replica: factors by [replica, stage] on the time of kernels, in grains.

    Replicas with the same factors are simulated once; a few that differ one by one.
    """
    classes, inverse = np.unique(factors, axis=0, return_inverse=True)
    if len(classes) > FEW:
        return np.asarray(at_once_ns(plan, classes)[inverse.ravel()])
    timer = ReplicaTimer(plan)
    return np.array([timer.step_ns(row) for row in classes.tolist()], dtype=np.int64)[inverse.ravel()]


def at_once_ns(plan: StepPlan, factors: IntArray) -> IntArray:
    """Return the step time of each replica, all simulated at once."""
    return _Replicas(plan, factors).run()


class _Replicas:
    """The messages on their way, and the lanes that wait for one."""

    def __init__(self, plan: StepPlan, classes: IntArray) -> None:
        self.plan = plan
        self.shape = structure(pipeline_key(plan))
        self.count = len(classes)
        self.shares = plan.nic_share > 0 and plan.data_overlap
        self.slows = plan.slowdown > 1 and plan.data_overlap
        self.lanes = self._lanes(classes)
        self.arrived: dict[int, IntArray] = {}
        self.waiting: dict[int, _Lane] = {}
        self.ready = list(self.lanes)

    def run(self) -> IntArray:
        for lane in self.lanes:
            lane.issue(self.plan.prefetch, lane.free_at)
        while self.ready:
            self._run_on(self.ready.pop())
        assert not self.waiting, "an order that ends for one replica ends for all"
        reduced = [self._close_reductions(lane) for lane in self.lanes]
        if self.plan.optimizer_sync == "global-norm":
            met = np.maximum.reduce(reduced)
            spans = [met + own for own in self.plan.optimizer_ns]
        else:
            ends = zip(self.lanes, reduced, self.plan.optimizer_ns, strict=True)
            spans = [end + own - self._begin_alone(lane) for lane, end, own in ends]
        return np.asarray(np.maximum.reduce(spans) + self.plan.overhead_ns)

    def _lanes(self, classes: IntArray) -> list[_Lane]:
        known: dict[tuple[object, ...], Table] = {}
        tables = (_table(self.plan, index, classes[:, index], known) for index in range(self.plan.stages))
        return [self._lane(index, table) for index, table in enumerate(tables)]

    def _lane(self, index: int, table: Table) -> _Lane:
        kinds, chunks = self.shape.kind[index], self.shape.chunk[index]
        nothing = np.zeros(self.count, dtype=np.int64)
        walks, gathers = walked(self.plan, self.shape, index, [0] * len(kinds))
        parts: dict[tuple[int, int], tuple[IntArray, ...]] = {}
        for walk, kind, chunk in zip(walks, kinds, chunks, strict=True):
            if walk is not None and (kind, chunk) not in parts:
                parts[kind, chunk] = _parts(table[kind, chunk], block_shares(self.plan.blocks[index][chunk], kind))
        return _Lane(
            index=index,
            durations=[table[k, c] for k, c in zip(kinds, chunks, strict=True)],
            messages=[self.plan.boundary_ns[boundary] for boundary in self.shape.boundary[index]],
            needs=self.shape.needs[index],
            feeds=self.shape.feeds[index],
            walks=walks,
            parts=[parts.get((k, c), ()) for k, c in zip(kinds, chunks, strict=True)],
            gathers=gathers,
            free_at=nothing,
            nic_free_at=nothing,
            collective_free_at=nothing,
            slack_ns=nothing + NEVER,
        )

    def _run_on(self, lane: _Lane) -> None:
        """Run the operations of a lane until one waits for its input."""
        for position in range(lane.position, len(lane.needs)):
            lane.position, need, start = position, lane.needs[position], lane.free_at
            if need >= 0:
                arrived = self.arrived.pop(need, None)
                if arrived is None:
                    self.waiting[need] = lane
                    return
                start = np.maximum(start, arrived)
            lane.free_at = self._operate(lane, start)
            if lane.feeds[position] >= 0:
                self._send(lane, position)

    def _operate(self, lane: _Lane, start: IntArray) -> IntArray:
        walk = lane.walks[lane.position]
        if walk is not None:
            return self._walk(lane, walk, start)
        lane.begin(start)
        return start + self._slowed(lane, start, lane.durations[lane.position])

    def _walk(self, lane: _Lane, walk: Walk, now: IntArray) -> IntArray:
        for i, block in enumerate(walk.blocks):
            if walk.gather >= 0:
                now = self._await_gather(lane, walk.gather + i, now)
            if i == 0:
                lane.begin(now)
            now = now + self._slowed(lane, now, lane.parts[lane.position][block])
            if walk.reductions:
                reduced = lane.collect(now, walk.reductions[i])
                now = now if self.plan.data_overlap else np.maximum(now, reduced)
        return now

    def _await_gather(self, lane: _Lane, gather: int, now: IntArray) -> IntArray:
        prefetch, own = self.plan.prefetch, gather if self.plan.data_overlap else -1
        lane.issue(gather + 1, now)
        begin = np.maximum(now, lane.gathered_at[gather])
        lane.issue(None if prefetch is None else gather + 1 + prefetch, begin)
        begin = np.maximum(begin, lane.gathered_at[own])
        if prefetch is None or gather < prefetch:
            lane.slack_ns = np.minimum(lane.slack_ns, begin - lane.gathered_at[own])
        elif gather == 0:
            lane.slack_ns = now
        return begin

    def _slowed(self, lane: _Lane, start: IntArray, duration: IntArray) -> IntArray:
        """Return the time of a kernel with what the collectives beside it add."""
        if not self.slows or self._is_quiet(lane, start):
            return duration
        beside = np.minimum(np.maximum(lane.collective_free_at - start, 0), duration)
        return np.asarray(duration + _whole(beside * (self.plan.slowdown - 1)))

    def _is_quiet(self, lane: _Lane, now: IntArray) -> bool:
        """Return whether no replica has a collective beside what its stage begins; operations begin in their order."""
        if not lane.quiet:
            lane.quiet = bool((lane.collective_free_at <= now).all())
        return lane.quiet

    def _send(self, lane: _Lane, position: int) -> None:
        slot = lane.feeds[position]
        if self.shape.target[lane.index][position] == lane.index:
            self.arrived[slot] = lane.free_at
        else:
            begin: IntArray = np.maximum(lane.free_at, lane.nic_free_at)
            lane.nic_free_at = self.arrived[slot] = begin + self._transfer(lane, begin, lane.messages[position])
            if self.plan.blocking_send:
                lane.free_at = lane.nic_free_at
        if slot in self.waiting:
            self.ready.append(self.waiting.pop(slot))

    def _transfer(self, lane: _Lane, begin: IntArray, message: int) -> IntArray | int:
        """Return the time of a message; collectives beside it on the same NIC lose some."""
        if not self.shares or self._is_quiet(lane, lane.free_at):
            return message
        left = lane.collective_free_at - begin
        if (left <= 0).all():
            return message
        transfer, lost = _shared_nic(message, np.maximum(left, 0), self.plan.nic_share)
        lane.collective_free_at = lane.collective_free_at + lost
        for i in range(len(lane.gathered_at) - 1, -1, -1):
            later = lane.gathered_at[i] > begin
            if not later.any():
                break
            lane.gathered_at[i] = lane.gathered_at[i] + np.where(later, lost, 0)
        return transfer

    def _close_reductions(self, lane: _Lane) -> IntArray:
        if not self.plan.data_overlap and self.plan.reduces == "last":
            for blocks in self.plan.blocks[lane.index]:
                for duration in blocks.reduce_ns:
                    lane.collect(lane.free_at, duration)
        return np.maximum(lane.free_at, lane.collective_free_at)

    def _begin_alone(self, lane: _Lane) -> IntArray:
        assert lane.first_start is not None, "every stage has an operation"
        return np.minimum(lane.first_start, lane.slack_ns)


def _shared_nic(message: int, left: IntArray, share: float) -> tuple[IntArray, IntArray]:
    """Return what `shared_nic_ns` does, by class; a class without a collective sends alone."""
    kept = min(share, 0.5)
    pace, rate = kept / share, 1 - kept
    beside = left / pace
    within = message / rate <= beside
    transfer = np.where(within, _whole(np.float64(message / rate)), _whole(beside + message - beside * rate))
    lost = np.where(within, _whole(np.float64(message / rate * (1 - pace))), _whole(beside - left))
    alone = left == 0
    return np.where(alone, message, transfer), np.where(alone, 0, lost)


def _table(plan: StepPlan, index: int, factors: IntArray, known: dict[tuple[object, ...], Table]) -> Table:
    """Return the durations of a stage's operations; stages that run the same share what is known."""
    distinct, inverse = np.unique(factors, return_inverse=True)
    rows = [plan.forward[index], plan.backward[index], *(plan.weight[index : index + 1])]
    own = tuple(id(cost) for row in rows for cost in row)
    for factor in distinct.tolist():
        if (own, factor) not in known:
            known[own, factor] = np.array(durations_of(plan, index, factor), dtype=np.int64)
    return np.stack([known[own, factor] for factor in distinct.tolist()], axis=-1)[..., inverse.ravel()]


def _parts(durations: IntArray, shares: tuple[int, ...]) -> tuple[IntArray, ...]:
    """Return durations block by block, divided as an operation's own time is."""
    if len(shares) == 1:
        return (durations,)
    distinct, inverse = np.unique(durations, return_inverse=True)
    divided = np.array([divide(duration, shares) for duration in distinct.tolist()], dtype=np.int64)
    return tuple(divided[inverse.ravel()].T)


def _whole(value: NDArray[np.float64] | np.float64) -> IntArray:
    return np.rint(value).astype(np.int64)
