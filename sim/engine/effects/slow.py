"""What slows the job without stopping it.

A part (a GPU, a node, a NIC or a link) is well, or slow from the end of its life until it heals or its node comes back
from repair. While its node is in the job it is watched; what is found is evicted (at once, in a recovery too; while the
job waits for nodes, when it steps again), or told and left. The swing of the day is in, or out. Only this file changes
these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import simpy

from sim.engine.clock import IntegerEnvironment, decided, on_event, timeout
from sim.engine.effects.host import ClockHost, JobHost, NodesHost, RecordHost
from sim.engine.effects.pace import Pace, SlowParts
from sim.engine.jobs.stops import Failure
from sim.reliability.failures.exposure import Life
from sim.reliability.failures.outages import Lost
from sim.reliability.failures.slow import FALSE_ALARM, SlowDraws, Slowed, is_swung, next_turn_us
from sim.reliability.records import FailureClass, Slowing


@dataclass(slots=True, eq=False)
class _Slow:
    """A part that is slow since the end of a life.

    watch: changes whenever its node joins or leaves the job. slowed: what it was told as last.
    """

    life: Life
    failure: FailureClass
    slowing: Slowing
    grains: int
    watched: bool = False
    found: bool = False
    watch: int = 0
    slowed: Slowed | None = None


class SlowNodes:
    """Which parts of the nodes are slow, and who looks for them."""

    __slots__ = (
        "alarms",
        "clock",
        "draws",
        "env",
        "held",
        "job",
        "looked",
        "nodes",
        "pace",
        "plan",
        "postponed",
        "record",
        "sat",
        "slow",
    )

    def __init__(
        self, env: IntegerEnvironment, record: RecordHost, clock: ClockHost, nodes: NodesHost, job: JobHost, pace: Pace
    ) -> None:
        self.env = env
        self.plan = record.plan
        self.record = record
        self.clock = clock
        self.nodes = nodes
        self.job = job
        self.pace = pace
        self.draws = SlowDraws(record.plan.seed)
        self.slow: dict[int, list[_Slow]] = {}
        # Who of them sat where when they were last looked at, and when what the job holds of them was last gathered;
        # None: they have changed since.
        self.looked: list[int] | None = None
        self.sat: list[int] | None = None
        self.held: SlowParts = frozenset(), frozenset()
        self.alarms = 0
        # Parts that were found while the job waited for nodes: it loses none more until it steps again.
        self.postponed: list[tuple[_Slow, int]] = []
        pace.slow = self.parts
        job.began = self._resume

    def begin(self) -> None:
        """The run begins."""
        self._turn()
        self._await_alarm()

    def strikes(self, life: Life) -> None:
        """A part becomes slow."""
        failure = self.plan.failures[life.cause]
        slowing = failure.slowing
        assert slowing is not None, "only what slows strikes"
        which = life.component, life.ordinal
        part = _Slow(life, failure, slowing, self.draws.grains(failure, slowing, *which))
        self.slow.setdefault(life.node, []).append(part)
        self.looked = self.sat = None
        self.record.slow(self.env.now, "slowed", life)
        if slowing.heals is not None:
            heals_us = self.draws.heals_us(failure, slowing.heals, *which)
            on_event(timeout(self.env, heals_us), lambda _: self._healed(part))
        self.look()

    def look(self) -> None:
        """What is slow has changed, or who is in the job: begin and end to watch, and settle the pace."""
        seats = self._seats()
        if seats == self.looked and self.pace.holds():
            return
        if seats != self.looked:
            self.looked = seats
            for parts, seat in zip(self.slow.values(), seats, strict=True):
                in_job = seat >= 0
                for part in parts:
                    if part.watched != in_job:
                        part.watched = in_job
                        part.watch += 1
                        if in_job:
                            self._watch(part)
        self.pace.settle()

    def repaired(self, node: int, *, exchanged: bool) -> None:
        """A node comes back from repair: whatever was slow in it is well; a new one has new lives already."""
        parts = self.slow.pop(node, ())
        if parts:
            self.looked = self.sat = None
        for part in parts if not exchanged else ():
            self.clock.renew(part.life)

    def parts(self) -> SlowParts:
        """Return the slow GPUs of the job, by seat, and what its NICs and links keep."""
        seats = self._seats()
        if seats != self.sat:
            self.sat, self.held = seats, self._gathered(seats)
        return self.held

    def _gathered(self, seats: Sequence[int]) -> SlowParts:
        slow, degraded = set(), set()
        for (node, parts), seat in zip(self.slow.items(), seats, strict=True):
            for part in parts if seat >= 0 else ():
                if part.slowing.bandwidth < 1:
                    degraded.add(_degraded(part, node, node))
                else:
                    slow.add(self._slowed(part, seat))
        return frozenset(slow), frozenset(degraded)

    def evict(self, node: int, cause: str) -> None:
        """A node of the job is taken out at once, as one that fails; what is slow in it is repaired with it."""
        stops = self.job.stops_now()
        event = self.record.event(self.env.now, "evicted", cause, node)
        if stops:
            self.record.interrupts(event)
        self.looked = self.sat = None
        self.nodes.evict(node, [part.life for part in self.slow.pop(node, ())], cause, event)
        self.job.hear(Failure(event, cause, (node,), known=True))
        self.job.notice()

    def _healed(self, part: _Slow) -> None:
        parts = self.slow.get(part.life.node, [])
        if part not in parts:
            return
        parts.remove(part)
        self.looked = self.sat = None
        if not parts:
            del self.slow[part.life.node]
        self.record.slow(self.env.now, "healed", part.life)
        self.clock.renew(part.life)
        self.pace.settle()

    def _watch(self, part: _Slow) -> None:
        stragglers = self.plan.recovery.stragglers
        if stragglers is None or part.found:
            return
        delay_us = self.draws.delay_us(part.failure, stragglers, part.life.component, part.life.ordinal)
        on_event(decided(self.env, delay_us, part.watch), partial(self._seen, part))

    def _seen(self, part: _Slow, event: simpy.Event) -> None:
        """The time that it takes to find a part has passed, unless it healed or left the job meanwhile."""
        node, stragglers = part.life.node, self.plan.recovery.stragglers
        if part not in self.slow.get(node, ()) or event.value != part.watch:
            return
        if self._seat(node) < 0:
            # A node that another failure takes out; where that spares it after all, it is watched anew.
            part.watched, self.looked = False, None
            return
        assert stragglers is not None, "only detectors see"
        if self.job.state == "waiting":
            self.postponed.append((part, part.watch))
            return
        if not self._shows(part, stragglers.threshold):
            return
        part.found = True
        if stragglers.policy == "evict":
            self.evict(node, part.failure.cause)
        else:
            self.record.slow(self.env.now, "detected", part.life)

    def _resume(self) -> None:
        """The job steps again: what was found while it waited is dealt with once its instant is over."""
        postponed, self.postponed = self.postponed, []
        for part, watch in postponed:
            on_event(decided(self.env, 0, watch), partial(self._seen, part))

    def _shows(self, part: _Slow, threshold: float) -> bool:
        """Say whether a part, if it alone were slow, would make steps as long as a detector can see."""
        seat, node, network, pace = self._seat(part.life.node), part.life.node, 0, self.pace
        slow = [self._slowed(part, seat)] if part.slowing.bandwidth == 1 else []
        if pace.judge is not None and not slow:
            seats = tuple(range(self.nodes.size))
            network = pace.judge.condition([_degraded(part, node, seat)], seats)
        asked = pace.pacer or pace.judge
        assert asked is not None, "what is slow is judged"
        condition = network if pace.pacer is None else pace.pacer.condition(network, slow, False)
        # Clocks round to a microsecond.
        pairs = zip(asked.step_us(condition), asked.step_us(0), strict=True)
        return any(step_us + 0.5 >= threshold * whole_us for step_us, whole_us in pairs)

    def _seats(self) -> list[int]:
        """Return the seats of nodes with slow parts, -1 of those that are not in the job: asked at every recovery."""
        return self.nodes.seats_of(self.slow)

    def _seat(self, node: int) -> int:
        return self.nodes.seats_of((node,))[0]

    def _slowed(self, part: _Slow, seat: int) -> Slowed:
        slowed = part.slowed
        if slowed is None or slowed.seat != seat:
            gpu = part.life.component % part.failure.per_node if part.failure.component == "gpu" else -1
            part.slowed = slowed = Slowed(seat, gpu, part.grains, part.slowing.state == "throttle")
        return slowed

    def _turn(self) -> None:
        """The swing of the day begins or ends."""
        swing = self.plan.swing
        if swing is None:
            return
        now = self.env.now
        self.pace.swung = is_swung(swing, now)
        self.pace.settle()
        on_event(timeout(self.env, next_turn_us(swing, now) - now), lambda _: self._turn())

    def _await_alarm(self) -> None:
        stragglers = self.plan.recovery.stragglers
        if stragglers is None or stragglers.false_alarm_s is None:
            return
        gap_us, seat = self.draws.false_alarm(stragglers.false_alarm_s, self.alarms, self.nodes.size)
        self.alarms += 1
        on_event(decided(self.env, gap_us), lambda _: self._alarm(seat))

    def _alarm(self, seat: int) -> None:
        """A false alarm: it is one only while the job steps, as the detector compares steps."""
        if self.job.steps_now():
            self.evict(self.nodes.sitter(seat), FALSE_ALARM)
        self._await_alarm()


def _degraded(part: _Slow, node: int, other: int) -> Lost:
    """Return what a NIC or a link of a node keeps, as the same one of another node."""
    per_node = part.failure.per_node
    return Lost(part.failure.component, part.life.component + (other - node) * per_node, "", part.slowing.bandwidth)
