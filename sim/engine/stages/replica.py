"""One replica of a step in plain integers: the arithmetic of the step engine, without its events and timelines.

What a plan decides of every stage (what it waits for, what it sends, where collectives begin) is laid out once, and so
is an order of all operations in which each comes after those that feed it; then a replica is timed by a walk in that
order. Which stage goes first does not matter, since a stage reads nothing of another but messages. The result is that
of the step engine to the nanosecond; `replicas` does the same for many replicas at once, which pays for more than FEW
of them.

On a walk, times are whole nanoseconds in floats, which Python adds and compares faster than integers of that size:
exact up to 2**53, the nanoseconds of 104 days.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from sim.engine.stages.stage import NEVER, Gather
from sim.engine.stages.walks import block_shares, walked
from sim.engine.step import shared_nic_ns
from sim.workload.apportion import divide
from sim.workload.step_plan import StepPlan, operation_costs, pipeline_key, structure
from sim.workload.stragglers import GRAINS, slowed_plan

FEW = 24
"""Replicas of a step that take no longer to time one by one than all at once."""

_KEPT = 256
"""Stages with a factor whose durations are kept: those of GPUs that are not slow come up again and again."""

_LOCAL = -1
"""Stands for the time of a message to the stage itself."""


class Passage(NamedTuple):
    """An operation that passes blocks: which in order, their shares of its time, its first gather (-1), reductions."""

    blocks: tuple[int, ...]
    shares: tuple[int, ...]
    gather: int
    reductions: tuple[int, ...]


_Step = tuple[int, float, int, float, Passage | None]
"""The slot that an operation needs, how long it takes, the slot that it feeds, how long that travels, its passage."""

_SPARE = 2
"""Slots besides those of messages: one for what feeds nothing, and last, as slot -1, one that is always there."""


class Run(NamedTuple):
    """Operations of a stage that follow each other in the order of a walk, by their positions."""

    stage: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What a stage does, position by position, whatever its pace."""

    needs: tuple[int, ...]
    operations: tuple[tuple[int, int], ...]
    feeds: tuple[int, ...]
    messages: tuple[int, ...]
    passages: tuple[Passage | None, ...]
    gathers: tuple[Gather, ...]


@dataclass(slots=True)
class _Lane:
    """One stage on its way. Names as in `Stage`."""

    index: int
    steps: Iterator[_Step]
    gathers: tuple[Gather, ...]
    free_at: float = 0.0
    nic_free_at: float = 0.0
    collective_free_at: float = 0.0
    slack_ns: float = NEVER
    first_start: float = -1.0
    gathered_at: list[float] = field(default_factory=list)

    def collect(self, ready_ns: float, duration_ns: float) -> float:
        """Launch a collective; return when it ends."""
        self.collective_free_at = max(ready_ns, self.collective_free_at) + duration_ns
        return self.collective_free_at

    def issue(self, count: int | None, now_ns: float) -> None:
        """Launch gathers until `count` of the stage's have been, None for all."""
        for gather in self.gathers[len(self.gathered_at) : count]:
            self.gathered_at.append(self.collect(now_ns, gather.duration_ns))

    def delay_collectives(self, begin_ns: float, lost_ns: int) -> None:
        """Move what the communication stream has not finished at an instant: it lost time to a message."""
        self.collective_free_at += lost_ns
        for i in range(len(self.gathered_at) - 1, -1, -1):
            if self.gathered_at[i] <= begin_ns:
                break
            self.gathered_at[i] += lost_ns


class ReplicaTimer:
    """Times the step of one replica after another, by the factors of its stages."""

    def __init__(self, plan: StepPlan) -> None:
        self.plan = plan
        self.slots = slots = structure(pipeline_key(plan)).slots
        self.tracks = tuple(_track(plan, index) for index in range(plan.stages))
        self.order = order_of(self.tracks, slots)
        self.feeds = [tuple(slots if feed < 0 else feed for feed in track.feeds) for track in self.tracks]
        self.messages = [
            tuple(float(_LOCAL if feed < 0 else ns) for feed, ns in zip(track.feeds, track.messages, strict=True))
            for track in self.tracks
        ]
        self._kept: dict[tuple[int, int], tuple[float, ...]] = {}

    def step_ns(self, factors: Sequence[int]) -> int:
        """Return the time of a step; factors: of each stage on the time of kernels, in grains."""
        lanes = [
            _Lane(index, self._steps(track, index, factor), track.gathers)
            for index, (track, factor) in enumerate(zip(self.tracks, factors, strict=True))
        ]
        return _Walk(self.plan, lanes, self.slots).run(self.order)

    def longest_chain(self) -> int:
        """Return how many operations follow from each other at most, of one stage or as one feeds another."""
        ends, lengths = [0] * (self.slots + _SPARE), [0] * len(self.tracks)
        for index, begin, end in self.order:
            length, needs = lengths[index], self.tracks[index].needs
            for need, feed in zip(needs[begin:end], self.feeds[index][begin:end], strict=True):
                ends[feed] = length = max(length, ends[need]) + 1
            lengths[index] = length
        return max(lengths)

    def _steps(self, track: Track, index: int, factor: int) -> Iterator[_Step]:
        durations, feeds, messages = self.durations(index, factor), self.feeds[index], self.messages[index]
        return zip(track.needs, durations, feeds, messages, track.passages, strict=True)

    def durations(self, index: int, factor: int) -> tuple[float, ...]:
        """Return how long each operation of a stage takes, with a factor on its kernels, in grains."""
        key = index, factor
        if key not in self._kept:
            if len(self._kept) == _KEPT:
                self._kept.clear()
            costs = [[float(each) for each in row] for row in durations_of(self.plan, index, factor)]
            self._kept[key] = tuple(costs[kind][chunk] for kind, chunk in self.tracks[index].operations)
        return self._kept[key]


def order_of(tracks: Sequence[Track], slots: int) -> tuple[Run, ...]:
    """Return an order of the operations of all stages in which each comes after what it needs: so for any replica."""
    sent, waiting = [False] * slots, dict[int, int]()
    ready, reached, order = list(range(len(tracks))), [0] * len(tracks), []
    while ready:
        index = ready.pop()
        needs, feeds, begin = tracks[index].needs, tracks[index].feeds, reached[index]
        end = begin
        while end < len(needs) and (needs[end] < 0 or sent[needs[end]]):
            feed = feeds[end]
            end += 1
            if feed >= 0:
                sent[feed] = True
                if feed in waiting:
                    ready.append(waiting.pop(feed))
        if end < len(needs):
            waiting[needs[end]] = index
        reached[index] = end
        order.append(Run(index, begin, end))
    assert not waiting, "the order of a schedule ends"
    return tuple(order)


class _Walk:
    """The messages of one replica on their way, and its lanes."""

    def __init__(self, plan: StepPlan, lanes: list[_Lane], slots: int) -> None:
        self.plan = plan
        self.lanes = lanes
        self.shares = plan.nic_share > 0 and plan.data_overlap
        self.slows = plan.slowdown > 1 and plan.data_overlap
        self.arrived = [0.0] * (slots + _SPARE)

    def run(self, order: Sequence[Run]) -> int:
        """Return the time of the step."""
        for lane in self.lanes:
            lane.issue(self.plan.prefetch, 0.0)
        for index, begin, end in order:
            self._run_on(self.lanes[index], end - begin)
        reduced = [self._close_reductions(lane) for lane in self.lanes]
        if self.plan.optimizer_sync == "global-norm":
            return int(max(reduced)) + max(self.plan.optimizer_ns) + self.plan.overhead_ns
        ends = zip(self.lanes, reduced, self.plan.optimizer_ns, strict=True)
        spans = (end + own - min(lane.first_start, lane.slack_ns) for lane, end, own in ends)
        return int(max(spans)) + self.plan.overhead_ns

    def _run_on(self, lane: _Lane, count: int) -> None:
        """Run the next operations of a lane, whose inputs are there. Nearly all time is spent here."""
        arrived, slows, blocks = self.arrived, self.slows, self.plan.blocking_send
        free, nic, busy = lane.free_at, lane.nic_free_at, lane.collective_free_at
        for need, duration, feed, message, passage in islice(lane.steps, count):
            ready = arrived[need]
            if ready > free:
                free = ready
            if passage is not None:
                free = self._pass(lane, passage, duration, free)
                busy = lane.collective_free_at
            elif busy > free and slows:
                free = self._beside(busy, free, duration)
            else:
                free += duration
            if message < 0.0:
                arrived[feed] = free
                continue
            if free > nic:
                nic = free
            if busy > nic:
                message = self._transfer_ns(lane, nic, message)
                busy = lane.collective_free_at
            nic += message
            arrived[feed] = nic
            if blocks:
                free = nic
        lane.free_at, lane.nic_free_at = free, nic

    def _pass(self, lane: _Lane, passage: Passage, duration: float, now: float) -> float:
        """Pass an operation block by block; return when it ends."""
        parts = (duration,) if len(passage.shares) == 1 else _parts(int(duration), passage.shares)
        for i, block in enumerate(passage.blocks):
            if passage.gather >= 0:
                now = self._await_gather(lane, passage.gather + i, now)
            if lane.first_start < 0:
                lane.first_start = now
            busy = lane.collective_free_at
            now = self._beside(busy, now, parts[block]) if self.slows and busy > now else now + parts[block]
            if passage.reductions:
                reduced = lane.collect(now, passage.reductions[i])
                now = now if self.plan.data_overlap else max(now, reduced)
        return now

    def _await_gather(self, lane: _Lane, gather: int, now: float) -> float:
        """Wait for the gather of a block, and issue those to come."""
        prefetch, own = self.plan.prefetch, gather if self.plan.data_overlap else -1
        lane.issue(gather + 1, now)
        begin = max(now, lane.gathered_at[gather])
        lane.issue(None if prefetch is None else gather + 1 + prefetch, begin)
        begin = max(begin, lane.gathered_at[own])
        if prefetch is None or gather < prefetch:
            lane.slack_ns = min(lane.slack_ns, begin - lane.gathered_at[own])
        elif gather == 0:
            lane.slack_ns = now
        return begin

    def _beside(self, busy: float, start: float, duration: float) -> float:
        """Return when a kernel ends that a collective lengthens, which is beside it for as long as that is busy."""
        return start + duration + round(min(busy - start, duration) * (self.plan.slowdown - 1))

    def _transfer_ns(self, lane: _Lane, begin: float, message: float) -> float:
        """Return the time of a message; a collective beside it on the same NIC books what it loses."""
        if not self.shares:
            return message
        transfer, lost = shared_nic_ns(message, lane.collective_free_at - begin, self.plan.nic_share)
        if lost:
            lane.delay_collectives(begin, lost)
        return transfer

    def _close_reductions(self, lane: _Lane) -> float:
        if not self.plan.data_overlap and self.plan.reduces == "last":
            for blocks in self.plan.blocks[lane.index]:
                for duration in blocks.reduce_ns:
                    lane.collect(lane.free_at, duration)
        return max(lane.free_at, lane.collective_free_at)


def durations_of(plan: StepPlan, index: int, factor: int) -> Sequence[Sequence[int]]:
    """Return the durations of a stage's operations by [kind][chunk], with a factor on its kernels, in grains."""
    one = replace(
        plan,
        forward=plan.forward[index : index + 1],
        backward=plan.backward[index : index + 1],
        weight=plan.weight[index : index + 1],
    )
    return [[cost.duration_ns for cost in row] for row in operation_costs(slowed_plan(one, [factor / GRAINS]), 0)]


def _track(plan: StepPlan, index: int) -> Track:
    shape = structure(pipeline_key(plan))
    kinds, chunks, targets = shape.kind[index], shape.chunk[index], shape.target[index]
    walks, gathers = walked(plan, shape, index, [0] * len(kinds))
    passages: list[Passage | None] = []
    for walk, kind, chunk in zip(walks, kinds, chunks, strict=True):
        shares = () if walk is None else block_shares(plan.blocks[index][chunk], kind)
        passages.append(None if walk is None else Passage(walk.blocks, shares, walk.gather, walk.reductions))
    # Where a stage begins is noted by its first passage.
    passages[0] = passages[0] or Passage((0,), (1,), -1, ())
    return Track(
        needs=shape.needs[index],
        operations=tuple(zip(kinds, chunks, strict=True)),
        feeds=shape.feeds[index],
        messages=tuple(
            _LOCAL if target == index else plan.boundary_ns[boundary]
            for target, boundary in zip(targets, shape.boundary[index], strict=True)
        ),
        passages=tuple(passages),
        gathers=tuple(gathers),
    )


@lru_cache(maxsize=4096)
def _parts(duration: int, shares: tuple[int, ...]) -> tuple[float, ...]:
    """Return the time of an operation block by block."""
    return tuple(float(part) for part in divide(duration, shares))
