"""The closed-form estimate of a step, for searching layouts: no events, no order of operations, one pass over levels.

Every schedule covered here alternates: stage s runs a warm-up of forwards, then pairs of one forward and one backward
(and, where it is apart, a weight gradient), then the backwards left. So the step is a max-plus system whose
operations can be put on levels by arithmetic alone: at each level a stage runs at most one pair, and what it needs
left its neighbours one level before. A level is then four operations on vectors over stages:

    F' = max(F_before + c + f, B' + f)        the input of the forward, or the end of what the stage ran before
    B' = max(F' + b, B_after + c + b)         the input of the backward, or the end of the forward

In the steady part of a schedule coefficients repeat; once all stages have moved on by the same time in a period, every
later period takes that time too, and whole periods are skipped, exactly. Collectives are added where they matter: the
first forward of a chunk waits for the gathers of its blocks, its last backward launches their reductions, kernels
beside them are slower, and so are messages that share their NIC.

The result is that of `sim.engine.step`, to the nanosecond but for the rounding of messages beside collectives and for
queues at a NIC too short to matter; what is not covered raises.
"""

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sim.errors import LayoutError
from sim.workload.alternation import (
    COVERED,
    NEVER,
    Costs,
    Ints,
    alternation,
    backward_costs,
    chunk_order,
    durations_ns,
    forward_costs,
    groups,
)
from sim.workload.apportion import divide
from sim.workload.blocks import Blocks
from sim.workload.pipelines import schedule_kind
from sim.workload.step_plan import StepPlan

NEGLIGIBLE = 0.005
"""Messages that queue at their NIC are neglected where that is at most this part of a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The time of a step and its parts, which sum to it; nanoseconds.

    pipeline_ns: until the last operation ends, of which work_ns are the operations of the stage that has most;
    reduction_ns: gradient reductions after that; optimizer_ns, overhead_ns: as in the plan.
    """

    step_ns: int
    pipeline_ns: int
    reduction_ns: int
    optimizer_ns: int
    overhead_ns: int
    work_ns: int


def estimate_step_ns(plan: StepPlan) -> Estimate:
    """Return the time of a step without simulating it.

    Raises LayoutError for what is not covered: schedules other than those of `COVERED`, parameters gathered for every
    pass (zero3, hsdp), gradients reduced more than once a step, and gathers where stages do not meet.
    """
    check_covered(plan)
    return _Recurrence(plan).estimate()


def check_covered(plan: StepPlan) -> None:
    """Raise LayoutError, naming what is covered, unless a plan can be estimated."""
    schedule_kind(plan.schedule, plan.chunks)
    blocks = [part for stage in plan.blocks for part in stage]
    gathers, reductions = (any(any(part) for part in parts) for parts in zip(*map(_times, blocks), strict=True))
    if plan.schedule not in COVERED:
        _refuse(f"schedule {plan.schedule}", ", ".join(COVERED))
    if gathers and (plan.regather or plan.prefetch is not None):
        _refuse("parameters gathered for every pass or block by block", "gathers before the first use of a chunk")
    if reductions and plan.reduces != "last":
        _refuse(f"gradients reduced with {plan.reduces!r}", "one reduction a step, with the last microbatch")
    if gathers and plan.optimizer_sync != "global-norm":
        _refuse(f"gathers with optimizer_sync {plan.optimizer_sync!r}", "'global-norm'")


def _refuse(what: str, covered: str) -> None:
    raise LayoutError(f"estimate: {what} is not covered; expected {covered}, or simulate the step")


def _times(blocks: Blocks) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return blocks.gather_ns, blocks.reduce_ns


_parts = lru_cache(maxsize=256)(divide)


@dataclass(slots=True, kw_only=True)
class _Streams:
    """What runs beside compute, by stage: until when collectives run and the NIC sends, and how late messages are.

    late_own: how much later the next operation can start than if none had met a collective. gathered: when the
    gathers of blocks end, by [stage][block], chunk after chunk.
    """

    collective: Ints
    nic: Ints
    late_forward: Ints
    late_backward: Ints
    late_own: Ints
    gathered: Ints

    @classmethod
    def at_start(cls, plan: StepPlan) -> "_Streams":
        """Return the streams with all gathers under way, one after the other in the order of use."""
        rows = [[ns for part in row for ns in part.gather_ns] for row in plan.blocks]
        widest = max(len(row) for row in rows)
        gathered = np.array([row + [0] * (widest - len(row)) for row in rows], np.int64).cumsum(axis=1)
        none = np.zeros(plan.stages, np.int64)
        return cls(
            collective=gathered[:, -1].copy(),
            nic=none,
            late_forward=none,
            late_backward=none,
            late_own=none,
            gathered=gathered,
        )

    def lates(self) -> tuple[Ints, ...]:
        """Return how late everything is."""
        return self.late_forward, self.late_backward, self.late_own


class _Recurrence:
    """The levels of a step: coefficients of all, and the state that passes through them.

    state: forwards and backwards on a ring, [from the last stage, F' by stage, B' by stage, from the first stage], so
    that both steps of a level add two rows that lie in it one `stages + 1` apart.
    """

    def __init__(self, plan: StepPlan) -> None:
        self.plan = plan
        self.none = np.zeros(plan.stages, np.int64)
        self.stages = plan.stages
        self.shape = alternation(plan.schedule, plan.stages, plan.microbatches, plan.chunks)
        self.chunk_of = chunk_order(plan.stages, plan.microbatches, plan.chunks)
        self.forward, self.backward = forward_costs(plan), backward_costs(plan)
        self.weight = durations_ns(plan.weight) if plan.weight else np.zeros((plan.stages, plan.chunks + 1), np.int64)
        self._place()
        self._fill()
        self._watch()

    def _place(self) -> None:
        """Put the operations of each stage on levels: its first forward, its first backward, and how many there are."""
        behind = np.arange(self.stages - 1, -1, -1)
        pace, slots = self.shape.pace, len(self.chunk_of)
        forward_at = behind - pace * self.shape.warm_up
        self.backward_at = behind - forward_at.min()
        self.forward_at = forward_at - forward_at.min()
        self.levels = int(max(self.forward_at.max(), self.backward_at.max())) + pace * (slots - 1) + 1

    def _rows(self, first: Ints, stage: int) -> slice:
        start, pace = int(first[stage]), self.shape.pace
        return slice(start, start + pace * len(self.chunk_of), pace)

    def _fill(self) -> None:
        """Set the coefficients of both steps of every level."""
        self.into_forward = np.zeros((self.levels + 1, 2, self.stages + 1), np.int64)
        self.into_backward = np.zeros((self.levels, 2, self.stages + 1), np.int64)
        self.into_forward[:, 0] = self.into_backward[:, 1] = NEVER
        empty = self.chunk_of == self.plan.chunks
        self.backward_chunk = np.where(empty, self.plan.chunks, self.plan.chunks - 1 - self.chunk_of)
        for stage in range(self.stages):
            self._fill_forward(stage, self._rows(self.forward_at, stage))
            self._fill_backward(stage, self._rows(self.backward_at, stage))

    def _fill_forward(self, stage: int, rows: slice) -> None:
        duration, message_in, blocked = (each[self.chunk_of] for each in self._stage_costs(self.forward, stage))
        self.into_forward[rows, 0, stage] = duration + message_in
        self.into_forward[rows, 1, stage] += duration
        self.into_backward[rows, 0, stage] += blocked

    def _fill_backward(self, stage: int, rows: slice) -> None:
        duration, message_in, blocked = (each[self.backward_chunk] for each in self._stage_costs(self.backward, stage))
        weight = self.weight[stage][self.backward_chunk]
        weight[: self.shape.lag[stage]] = 0
        self.into_backward[rows, 0, stage] += duration
        self.into_backward[rows, 1, stage] = duration + message_in
        self.into_forward[rows.start + 1 : rows.stop + 1 : rows.step, 1, stage] += blocked + weight

    def _stage_costs(self, costs: Costs, stage: int) -> tuple[Ints, Ints, Ints]:
        """Return by chunk how long an operation and its input take, and for how long its output blocks the stage."""
        blocked = np.maximum(costs.message_out[stage], 0) * self.plan.blocking_send
        return costs.duration[stage], costs.message_in[stage], blocked

    def _watch(self) -> None:
        """Note at which levels a chunk's first forward waits for gathers or its last backward launches reductions."""
        plan, overlap = self.plan, self.plan.data_overlap
        self.opens: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.closes: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self.collects = any(any(part.gather_ns) or any(part.reduce_ns) for stage in plan.blocks for part in stage)
        self.slows = overlap and self.collects and plan.slowdown > 1
        self.shares = overlap and self.collects and plan.nic_share > 0 and self.stages > 1
        if not (overlap and self.collects):
            return
        first = {chunk: int(np.argmax(self.chunk_of == chunk)) for chunk in range(plan.chunks)}
        slots = len(self.chunk_of)
        last = {chunk: slots - 1 - int(np.argmax(self.backward_chunk[::-1] == chunk)) for chunk in range(plan.chunks)}
        for stage, row in enumerate(plan.blocks):
            for chunk, blocks in enumerate(row):
                if any(blocks.gather_ns):
                    level = self.forward_at[stage] + self.shape.pace * first[chunk]
                    self.opens[int(level)].append((stage, chunk))
                if any(blocks.reduce_ns) and not plan.weight:
                    level = self.backward_at[stage] + self.shape.pace * last[chunk]
                    self.closes[int(level)].append((stage, chunk))

    def estimate(self) -> Estimate:
        """Return the time of the step."""
        free = self._run()
        reduced = self._reduced(free)
        plan, optimizer = self.plan, np.array(self.plan.optimizer_ns)
        if plan.optimizer_sync == "global-norm":
            pipeline, reduction, update = int(free.max()), int(reduced.max() - free.max()), int(optimizer.max())
        else:
            begins = self._begins()
            longest = int(np.argmax(reduced + optimizer - begins))
            pipeline, reduction = int((free - begins)[longest]), int((reduced - free)[longest])
            update = int(optimizer[longest])
        return Estimate(
            step_ns=pipeline + reduction + update + plan.overhead_ns,
            pipeline_ns=pipeline,
            reduction_ns=reduction,
            optimizer_ns=update,
            overhead_ns=plan.overhead_ns,
            work_ns=self._work_ns(),
        )

    def _work_ns(self) -> int:
        each = self.forward.duration + self.backward.duration + self.weight
        return int(each.sum(axis=1).max()) * self.plan.microbatches

    def _begins(self) -> Ints:
        """Return when each stage starts its first forward."""
        started: Ints = self.after[self.forward_at + 1, np.arange(self.stages) + 1] - self.forward.duration[:, 0]
        return started

    def _reduced(self, free: Ints) -> Ints:
        """Return when each stage has its gradients reduced."""
        collective = self.streams.collective
        if not self.plan.data_overlap:
            reductions = [sum(sum(part.reduce_ns) for part in row) for row in self.plan.blocks]
            return np.maximum(collective, free) + np.array(reductions, np.int64)
        if self.plan.weight:
            for stage in [i for i, row in enumerate(self.plan.blocks) if any(row[0].reduce_ns)]:
                free[stage] = self._reduce(stage, 0, int(free[stage] - self.weight[stage][0]))
        elif not self.meets:
            for level in sorted(self.closes):
                for stage, chunk in self.closes[level]:
                    end = self.after[level + 1, self.stages + 1 + stage]
                    self._reduce(stage, chunk, int(end - self.backward.duration[stage, chunk]))
        return np.maximum(free, collective)

    def _run(self) -> Ints:
        """Pass all levels; return when each stage has ended its last operation."""
        self._reset()
        level = 0
        while level < self.levels:
            if self.careful or level in self.careful_at:
                self._careful_level(level)
                level += 1
            else:
                level = self._plain_levels(level)
        free = self.backward_state + self.into_forward[self.levels, 1, :-1] + self.streams.late_own
        free += np.minimum(self.shape.lag, self.plan.microbatches) * self.weight[:, 0]
        return free

    def _reset(self) -> None:
        """Set the state at the start of the step: all stages free, gathers under way."""
        stages = self.stages
        self.state = np.zeros(2 * stages + 2, np.int64)
        self.forward_state, self.backward_state = self.state[1 : stages + 1], self.state[stages + 1 : -1]
        self.ring = memoryview(self.state)  # type: ignore[arg-type]
        self.streams = _Streams.at_start(self.plan)
        if not self.plan.data_overlap:
            self.backward_state[:] = self.forward_state[:] = self.streams.collective
        self.after = np.zeros((self.levels + 1, 2 * stages + 2), np.int64)
        self.after[0] = self.state
        self.late = np.zeros((self.levels + 1, 2), np.int64)
        self._set_caution()
        self._set_phases()

    def _set_caution(self) -> None:
        """Find which levels have to look at collectives or at messages that queue."""
        plan = self.plan
        self.queues = not plan.blocking_send and self.stages > 1 and self._queue_ns() > NEGLIGIBLE * self._work_ns()
        self.meets = self.slows or self.shares
        self.active = plan.data_overlap and bool(self.streams.collective.any())
        self.careful = self.queues or self.active
        self.gathering = bool(self.opens)
        self.careful_at = self.closes if self.meets else {}
        self.stops = [*sorted(self.careful_at), self.levels]
        if self.careful or self.careful_at:
            self._spread()

    def _queue_ns(self) -> int:
        """Return about how long messages can wait for their NIC, all along a path through the step.

        One waits where what the stage runs after the message before it is shorter than that message.
        """
        missing = (max(self.plan.boundary_ns) - each.duration[:, :-1] for each in (self.forward, self.backward))
        return sum(int(np.maximum(each, 0).sum()) for each in missing) * (self.plan.microbatches + self.stages)

    def _set_phases(self) -> None:
        """Find where the warm-up ends, where the last phase starts, and between which levels coefficients repeat."""
        stages, pace, chunks = self.stages, self.shape.pace, self.plan.chunks
        count, longest = groups(stages, self.plan.microbatches)
        ahead = pace * (count - 1) * stages * chunks
        self.paired_from = int(self.backward_at.min())
        self.paired_until = int(self.forward_at.max()) + pace * (len(self.chunk_of) - 1) + 1
        self.longer = (longest - stages) * (chunks > 1)
        self.longer_from = (int(self.forward_at[0]) + ahead, int(self.backward_at[-1]) + ahead)
        self.keeps_from = self.levels if self.meets else min(self.closes, default=self.levels)
        self.keeps_until = 0 if self.plan.optimizer_sync == "global-norm" else int(self.forward_at.max()) + 1
        if self.longer:
            self.keeps_until = self.levels
        self.period = pace * stages * chunks
        grouped = ahead if chunks > 1 else pace * (self.plan.microbatches - 1)
        opened = self.forward_at.max() + pace * stages * chunks
        self.steady_from = int(max(opened, (self.backward_at + pace * self.shape.lag).max() + pace))
        self.steady_until = int(min(self.forward_at.min(), self.backward_at.min())) + grouped

    def _spread(self) -> None:
        """Lay out by level what only levels with collectives or queues look at: durations and messages."""
        slots = (self.levels, self.stages)
        self.durations = [np.zeros(slots, np.int64) for _ in range(3)]
        self.messages = [np.full(slots, -1, np.int64) for _ in range(2)]
        for stage in range(self.stages):
            f, b = self._rows(self.forward_at, stage), self._rows(self.backward_at, stage)
            self.durations[0][f, stage] = self.forward.duration[stage][self.chunk_of]
            self.durations[1][b, stage] = self.backward.duration[stage][self.backward_chunk]
            self.durations[2][b, stage] = self.weight[stage][self.backward_chunk]
            self.durations[2][b.start : b.start + b.step * int(self.shape.lag[stage]), stage] = 0
            self.messages[0][f, stage] = self.forward.message_out[stage][self.chunk_of]
            self.messages[1][b, stage] = self.backward.message_out[stage][self.backward_chunk]
        self.sends = [each >= 0 for each in self.messages]
        self.messages = [np.maximum(each, 0) for each in self.messages]
        kept = min(self.plan.nic_share, 0.5)
        self.longer_ns = [np.rint(each * kept / (1 - kept)) for each in self.messages]

    def _source(self, level: int, way: int) -> int:
        """Return after which level an input around the ring was sent."""
        return max(0, level - self.longer) if level >= self.longer_from[way] else level

    def _plain_levels(self, level: int) -> int:
        """Pass levels without collectives until something changes; return the level that comes then."""
        stop = self.stops[bisect_left(self.stops, level)]
        if level < self.keeps_until:
            return self._kept_levels(level, min(stop, self.keeps_until))
        if level >= self.keeps_from:
            return self._kept_levels(level, stop)
        stop = min(stop, self.keeps_from)
        if level < self.paired_from:
            return self._forward_levels(level, min(stop, self.paired_from))
        if level >= self.paired_until:
            return self._backward_levels(level, stop)
        stop = min(stop, self.paired_until)
        if self.steady_from <= level and level + 2 * self.period <= self.steady_until <= stop:
            return self._steady_levels(level)
        if level < self.steady_from:
            stop = min(stop, self.steady_from)
        return self._paired_levels(level, stop)

    def _forward_levels(self, level: int, stop: int) -> int:
        """Pass levels before any backward: a forward starts after the one before and its input."""
        stages, into = self.stages, self.into_forward[level:stop]
        own = into[:, 1, :-1].copy()
        own[1:] += self.into_backward[level : stop - 1, 0, :-1]
        own[0] += self.into_backward[level - 1, 0, :-1] if level else 0
        self._pass(self.forward_state, self.state[:stages], (0, stages), own, into[:, 0, :-1])
        self.backward_state[:] = self.forward_state + self.into_backward[stop - 1, 0, :-1]
        return stop

    def _backward_levels(self, level: int, stop: int) -> int:
        """Pass levels after all forwards: a backward starts after the one before and its input."""
        stages, into = self.stages, self.into_backward[level:stop]
        own = into[:, 0, :-1] + self.into_forward[level:stop, 1, :-1]
        self._pass(self.backward_state, self.state[stages + 2 :], (2 * stages + 1, stages + 1), own, into[:, 1, :-1])
        return stop

    def _pass(self, state: Ints, inputs: Ints, ring: tuple[int, int], own: Ints, weights: Ints) -> None:
        """Pass levels of one operation each; state becomes the larger of state + own and inputs + weights.

        Each stage's clock is taken to run ahead by what it has run itself, so that a level is one sum and one maximum.
        """
        shift = 1 if ring[0] == 0 else -1
        ahead = own.cumsum(axis=0)
        relative = weights - ahead
        relative[1:] += np.roll(ahead[:-1], shift, axis=1)
        total, add, maximum, values, (to, source) = np.empty_like(state), np.add, np.maximum, self.ring, ring
        for weight in relative:
            values[to] = values[source]
            add(inputs, weight, out=total)
            maximum(total, state, out=state)
        state += ahead[-1]

    def _paired_levels(self, level: int, stop: int) -> int:
        """Pass levels of pairs."""
        stages, state, add, maximum, values = self.stages, self.state, np.add, np.maximum, self.ring
        rows = np.empty(2 * stages + 1, np.int64)
        one, two = rows[:stages], rows[stages + 1 :]
        before_forward, before_backward, last = state[:-1], state[1:], 2 * stages + 1
        forward, backward = self.forward_state, self.backward_state
        into = (each[level:stop].reshape(-1, last + 1)[:, :-1] for each in (self.into_forward, self.into_backward))
        for into_forward, into_backward in zip(*into, strict=True):
            values[0] = values[stages]
            add(before_forward, into_forward, out=rows)
            maximum(one, two, out=forward)
            values[last] = values[stages + 1]
            add(before_backward, into_backward, out=rows)
            maximum(one, two, out=backward)
        return stop

    def _kept_levels(self, level: int, stop: int) -> int:
        """Pass levels of pairs, keeping the state after each for who needs it later."""
        after = self.after
        after[level] = self.state
        for each in range(level, stop):
            after[each + 1, :] = self._pair(each, after)
        return stop

    def _pair(self, level: int, after: Ints) -> Ints:
        """Pass a level of pairs whose inputs around the ring were sent earlier than a level before."""
        stages, state = self.stages, self.state
        state[0] = after[self._source(level, 0), stages]
        rows = state[:-1] + self.into_forward[level].ravel()[:-1]
        np.maximum(rows[:stages], rows[stages + 1 :], out=self.forward_state)
        state[-1] = after[self._source(level, 1), stages + 1]
        rows = state[1:] + self.into_backward[level].ravel()[:-1]
        np.maximum(rows[:stages], rows[stages + 1 :], out=self.backward_state)
        return state

    def _steady_levels(self, level: int) -> int:
        """Pass periods until all stages move on alike, then skip as many as there are; return the level after."""
        seen: dict[bytes, tuple[int, int]] = {}
        while level + self.period <= self.steady_until:
            now = int(self.state[1])
            before, then = seen.setdefault((self.state - now).tobytes(), (level, now))
            if before < level:
                times = (self.steady_until - level) // (level - before)
                self.state += times * (now - then)
                level += times * (level - before)
                break
            level = self._paired_levels(level, level + self.period)
        return self._paired_levels(level, self.steady_until)

    def _careful_level(self, level: int) -> None:
        """Pass a level whose kernels or messages meet collectives, or whose messages queue."""
        self.active = self.active or level in self.careful_at
        self._careful_forward(level)
        self._careful_backward(level)
        self.after[level + 1] = self.state
        self.late[level + 1] = self.streams.late_forward[-1], self.streams.late_backward[0]
        self.active = self.plan.data_overlap and bool((self.streams.collective > self.backward_state).any())
        self.gathering &= self.active
        self.careful = self.queues or self.active or self._late(level + 1)

    def _careful_forward(self, level: int) -> None:
        """Pass the forwards of a level, each kernel and message as what runs beside it allows."""
        stages, streams = self.stages, self.streams
        if level >= self.paired_until:
            self.forward_state[:] = self.backward_state + self.into_forward[level, 1, :-1] + streams.late_own
            streams.late_forward = self.none
            return
        self.state[0] = self.after[self._source(level, 0), stages] if self.longer else self.state[stages]
        rows = self.state[:-1] + self.into_forward[level].ravel()[:-1]
        rows[1:stages] += streams.late_forward[:-1]
        rows[0] += self.late[self._source(level, 0), 0]
        rows[stages + 1 :] += streams.late_own
        ends = np.maximum(rows[:stages], rows[stages + 1 :])
        starts = ends - self.durations[0][level]
        ends += self._slowed(starts, self.durations[0][level])
        for stage, chunk in self.opens.get(level, ()):
            ends[stage] = self._gather(stage, chunk, int(starts[stage]))
        self.forward_state[:] = ends
        streams.late_forward = self._send(ends, level, 0)

    def _careful_backward(self, level: int) -> None:
        """Pass the backwards of a level, each kernel and message as what runs beside it allows."""
        stages, streams = self.stages, self.streams
        if level < self.paired_from:
            streams.late_own = streams.late_forward if self.plan.blocking_send else self.none
            self.backward_state[:] = self.forward_state + self.into_backward[level, 0, :-1]
            return
        self.state[-1] = self.after[self._source(level, 1), stages + 1] if self.longer else self.state[stages + 1]
        rows = self.state[1:] + self.into_backward[level].ravel()[:-1]
        if self.plan.blocking_send:
            rows[:stages] += streams.late_forward
        rows[stages + 1 : -1] += streams.late_backward[1:]
        rows[-1] += self.late[self._source(level, 1), 1]
        ends = np.maximum(rows[:stages], rows[stages + 1 :])
        starts = ends - self.durations[1][level]
        ends += self._slowed(starts, self.durations[1][level])
        for stage, chunk in self.closes.get(level, ()) if self.meets else ():
            ends[stage] = self._reduce(stage, chunk, int(starts[stage]))
        self.backward_state[:] = ends
        streams.late_backward = self._send(ends, level, 1)
        streams.late_own = self._slowed(ends, self.durations[2][level]) if self.plan.weight else self.none
        if self.plan.blocking_send:
            streams.late_own = streams.late_own + streams.late_backward

    def _late(self, level: int) -> bool:
        """Return whether a message to arrive after a level is late."""
        late = self.late[max(0, level - self.longer) : level + 1]
        return self.shares and bool(late.any() or any(each.any() for each in self.streams.lates()))

    def _slowed(self, starts: Ints, durations: Ints) -> Ints:
        """Return by how much kernels are longer for the collectives that run beside them."""
        if not (self.slows and self.active):
            return self.none
        beside = np.minimum(np.maximum(self.streams.collective - starts, 0), durations)
        slowed: Ints = np.rint(beside * (self.plan.slowdown - 1)).astype(np.int64)
        return slowed

    def _slowed_ns(self, left: int, duration: int) -> int:
        """Return by how much a kernel is longer for collectives that run so long beside it."""
        return round(min(max(0, left), duration) * (self.plan.slowdown - 1)) if self.slows else 0

    def _gather(self, stage: int, chunk: int, now: int) -> int:
        """Pass a chunk's first forward block by block, each after its gather; return when it ends."""
        before = sum(len(blocks.gather_ns) for blocks in self.plan.blocks[stage][:chunk])
        parts = _parts(int(self.forward.duration[stage, chunk]), self.plan.blocks[stage][chunk].forward)
        collective = int(self.streams.collective[stage])
        for gathered, duration in zip(self.streams.gathered[stage, before:].tolist(), parts, strict=False):
            now = max(now, gathered)
            now += duration + self._slowed_ns(collective - now, duration)
        return now

    def _reduce(self, stage: int, chunk: int, now: int) -> int:
        """Pass what completes a chunk's gradients block by block, each launching its reduction; return when it ends."""
        blocks = self.plan.blocks[stage][chunk]
        durations = self.weight if self.plan.weight else self.backward.duration
        parts = _parts(int(durations[stage, chunk]), blocks.weight if self.plan.weight else blocks.backward)
        collective = int(self.streams.collective[stage])
        for part, reduce_ns in zip(reversed(parts), reversed(blocks.reduce_ns), strict=True):
            now += part + self._slowed_ns(collective - now, part)
            collective = max(now, collective) + reduce_ns
        self.streams.collective[stage] = collective
        return now

    def _send(self, ends: Ints, level: int, way: int) -> Ints:
        """Send what stages have; return how much later than alone each message arrives."""
        if not (self.shares or self.queues):
            return self.none
        streams, messages = self.streams, self.messages[way][level]
        begins = np.maximum(ends, streams.nic)
        arrives = begins + messages
        if self.shares and self.active:
            arrives += self._shared(begins, self.longer_ns[way][level])
        streams.nic = arrives
        late: Ints = (arrives - messages - ends) * self.sends[way][level]
        return late

    def _shared(self, begins: Ints, longest: Ints) -> Ints:
        """Return by how much messages are longer beside collectives on their NIC, and delay those.

        Max-min: a collective keeps its share of the NIC or half of it, a message gets the rest until it ends.
        """
        share = self.plan.nic_share
        kept = min(share, 0.5)
        left = np.maximum(self.streams.collective - begins, 0)
        longer: Ints = np.rint(np.minimum(left * share, longest)).astype(np.int64)
        if kept < share:
            self._delay(begins, np.rint(longer * (1 / kept - 1 / share)).astype(np.int64))
        return longer

    def _delay(self, begins: Ints, lost: Ints) -> None:
        self.streams.collective += lost
        if self.gathering:
            self.streams.gathered += lost[:, None] * (self.streams.gathered > begins[:, None])
