"""All replicas of a step at once: the arithmetic of the step engine on vectors, one element a class of replicas.

Operations, messages and collectives of a stage have a fixed order, so that replicas whose GPUs differ in speed pass the
same ones and differ in numbers only. Each operation is done once, for all replicas, as soon as its input is there;
which stage goes first does not matter, since a stage reads nothing of another but messages. The result is that of the
step engine to the nanosecond, without its timelines; `replica` does the same for one replica after another.

States of a lane, one stage of all replicas: ready, waiting (for a slot) and drained. Only the simulation changes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from sim.engine.stages.replica import FEW, Passage, ReplicaTimer, durations_of
from sim.engine.stages.stage import NEVER, Gather
from sim.engine.step import shared_nic_ns
from sim.workload.apportion import divide
from sim.workload.operations import OpCost
from sim.workload.step_plan import StepPlan
from sim.workload.stragglers import COMPUTE_STATES, GRAINS, IntArray

_Step = tuple[int, IntArray, int, int, Passage | None]
"""As in `replica`: durations have an element a class."""


@dataclass(slots=True)
class _Lane:
    """One stage of all replicas; vectors have an element a class. Names as in `Stage`; held: the operation that waits.

    quiet: no collective is left beside what the stage runs from now on, until it launches another.
    """

    index: int
    steps: Iterator[_Step]
    gathers: tuple[Gather, ...]
    free_at: IntArray
    nic_free_at: IntArray
    collective_free_at: IntArray
    slack_ns: IntArray
    held: tuple[_Step, ...] = ()
    quiet: bool = False
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

    def is_quiet(self, now: IntArray) -> bool:
        """Return whether no replica has a collective beside what its stage begins; operations begin in their order."""
        if not self.quiet:
            self.quiet = bool((self.collective_free_at <= now).all())
        return self.quiet


def replica_steps_ns(plan: StepPlan, factors: IntArray) -> IntArray:
    """Return the step time of each replica: factors by [replica, stage] on the time of kernels, in grains.

    Replicas with the same factors are simulated once; a few that differ one by one.
    """
    classes, inverse = np.unique(factors, axis=0, return_inverse=True)
    timer = ReplicaTimer(plan)
    if len(classes) > FEW:
        return np.asarray(at_once_ns(timer, classes)[inverse.ravel()])
    return np.array([timer.step_ns(row) for row in classes.tolist()], dtype=np.int64)[inverse.ravel()]


def at_once_ns(timer: ReplicaTimer, factors: IntArray) -> IntArray:
    """Return the step time of each replica, all simulated at once."""
    return _Replicas(timer, factors).run()


class _Replicas:
    """The messages on their way, and the lanes that wait for one."""

    def __init__(self, timer: ReplicaTimer, factors: IntArray) -> None:
        self.plan = timer.plan
        self.shares = self.plan.nic_share > 0 and self.plan.data_overlap
        self.slows = self.plan.slowdown > 1 and self.plan.data_overlap
        nothing = np.zeros(len(factors), dtype=np.int64)
        self.lanes = [
            _Lane(index, steps, track.gathers, nothing, nothing, nothing, nothing + NEVER)
            for index, (track, steps) in enumerate(zip(timer.tracks, _steps(timer, factors), strict=True))
        ]
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

    def _run_on(self, lane: _Lane) -> None:
        """Run the operations of a lane until one waits for its input. Nearly all time is spent here."""
        free, nic = lane.free_at, lane.nic_free_at
        for need, duration, feed, message, passage in chain(lane.held, lane.steps):
            if need >= 0:
                ready = self.arrived.pop(need, None)
                if ready is None:
                    step = need, duration, feed, message, passage
                    lane.held, lane.free_at, lane.nic_free_at = (step,), free, nic
                    self.waiting[need] = lane
                    return
                free = np.maximum(free, ready)
            if passage is not None:
                free = self._pass(lane, passage, duration, free)
            elif lane.quiet or not self.slows or lane.is_quiet(free):
                free = free + duration
            else:
                free = self._beside(lane, free, duration)
            if feed < 0:
                continue
            if message < 0:
                self.arrived[feed] = free
            else:
                begin = np.maximum(free, nic)
                if lane.quiet or not self.shares or lane.is_quiet(free):
                    nic = begin + message
                else:
                    nic = np.asarray(begin + self._transfer(lane, begin, message))
                self.arrived[feed] = nic
                if self.plan.blocking_send:
                    free = nic
            if feed in self.waiting:
                self.ready.append(self.waiting.pop(feed))
        lane.held, lane.free_at, lane.nic_free_at = (), free, nic

    def _pass(self, lane: _Lane, passage: Passage, duration: IntArray, now: IntArray) -> IntArray:
        """Pass an operation block by block; return when it ends."""
        parts = _parts(duration, passage.shares)
        for i, block in enumerate(passage.blocks):
            if passage.gather >= 0:
                now = self._await_gather(lane, passage.gather + i, now)
            if lane.first_start is None:
                lane.first_start = now
            slowed = self.slows and not lane.is_quiet(now)
            now = self._beside(lane, now, parts[block]) if slowed else now + parts[block]
            if passage.reductions:
                reduced = lane.collect(now, passage.reductions[i])
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

    def _beside(self, lane: _Lane, start: IntArray, duration: IntArray) -> IntArray:
        """Return when a kernel ends that collectives beside it lengthen."""
        beside = np.minimum(np.maximum(lane.collective_free_at - start, 0), duration)
        return np.asarray(start + duration + _whole(beside * (self.plan.slowdown - 1)))

    def _transfer(self, lane: _Lane, begin: IntArray, message: int) -> IntArray | int:
        """Return the time of a message; collectives beside it on the same NIC lose some."""
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


def _shared_nic(message: int, left: IntArray, share: float) -> tuple[IntArray | int, IntArray | int]:
    """Return what `shared_nic_ns` does, by class; a class without a collective sends alone."""
    kept = min(share, 0.5)
    pace, rate = kept / share, 1 - kept
    beside, alone = left / pace, left == 0
    within = message / rate <= beside
    whole = shared_nic_ns(message, NEVER, share)
    if within.all() and not alone.any():
        return whole
    transfer = np.where(within, whole[0], _whole(beside + message - beside * rate))
    lost = np.where(within, whole[1], _whole(beside - left))
    return np.where(alone, message, transfer), np.where(alone, 0, lost)


def _steps(timer: ReplicaTimer, factors: IntArray) -> Iterator[Iterator[_Step]]:
    """Yield the operations of every stage."""
    for index, track in enumerate(timer.tracks):
        table = _table(timer.plan, index, factors[:, index])
        durations = [table[kind][chunk] for kind, chunk in track.operations]
        yield zip(track.needs, durations, track.feeds, track.messages, track.passages, strict=True)


def _table(plan: StepPlan, index: int, factors: IntArray) -> list[list[IntArray]]:
    """Return the durations of a stage's operations by [kind][chunk]."""
    if not plan.weight:
        known: dict[int, IntArray] = {}
        rows = plan.forward[index], plan.backward[index]
        return [[known.setdefault(id(cost), _stretched(cost, factors)) for cost in row] for row in rows]
    distinct, inverse = np.unique(factors, return_inverse=True)
    tables = np.array([durations_of(plan, index, factor) for factor in distinct.tolist()], dtype=np.int64)
    return [list(row) for row in np.moveaxis(tables, 0, -1)[..., inverse.ravel()]]


def _stretched(cost: OpCost, factors: IntArray) -> IntArray:
    """Return the durations of an operation whose compute takes so many grains as long, as `slowed_plan` rounds it."""
    ends = (_whole(ns * (factors / GRAINS)) if s in COMPUTE_STATES else ns for s, ns in cost.state_ns.items())
    return np.asarray(sum(ends, np.zeros_like(factors)))


def _parts(durations: IntArray, shares: tuple[int, ...]) -> tuple[IntArray, ...]:
    """Return durations block by block, divided as an operation's own time is."""
    if len(shares) == 1:
        return (durations,)
    distinct, inverse = np.unique(durations, return_inverse=True)
    divided = np.array([divide(duration, shares) for duration in distinct.tolist()], dtype=np.int64)
    return tuple(divided[inverse.ravel()].T)


def _whole(value: NDArray[np.float64] | np.float64) -> IntArray:
    return np.rint(value).astype(np.int64)
