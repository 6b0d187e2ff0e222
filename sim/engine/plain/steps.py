"""Steps and checkpoints of a plain run: between two stops, only what is saved has to be known at once."""

from collections.abc import Callable

import simpy

from sim.engine.clock import FINISHED
from sim.engine.limits import limit_us
from sim.engine.plain.calls import Agenda
from sim.reliability.records import RunPlan
from sim.reliability.saving.progress import NEVER_US, Course, advance, ended_us, phase_at
from sim.reliability.saving.stint import Beat, beats_of, last_save, leaves_us, newest_of


class Steps:
    """What a job falls back to, and the one event for the end of its work, which is mostly put off before it comes.

    safe: the work that is saved, and when its checkpoint began; tier: which holds that; number: of the next checkpoint.
    heard: called with the event when it comes, perhaps before its time; it is sent to an instant and turn that the end
    may have been put off from.
    """

    __slots__ = (
        "agenda",
        "bound_us",
        "event",
        "heard",
        "horizon_us",
        "last_us",
        "limit_us",
        "number",
        "safe",
        "sent",
        "since_us",
        "tier",
        "turn",
        "way",
    )

    def __init__(self, agenda: Agenda, plan: RunPlan, way: Course, heard: Callable[[simpy.Event], None]) -> None:
        self.agenda = agenda
        self.heard = heard
        self.way = way
        self.last_us = way.end_us
        self.limit_us = limit_us(plan)
        self.horizon_us = NEVER_US if plan.horizon_us is None else plan.horizon_us
        self.safe = (0, 0)
        self.tier, self.number = len(way.tiers) - 1, 1
        # When the job began to step, the turn of the end of its work, and an instant before which that does not come.
        self.since_us = self.turn = self.bound_us = 0
        self.event: simpy.Event | None = None
        self.sent = (0, 0)

    def begin(self, now: int) -> simpy.Event | None:
        """Begin with what is saved; return the event for the end, None where the horizon comes first."""
        self.since_us, self.turn = now, next(self.agenda.turns)
        self.bound_us = bound_us = now + self.last_us - self.safe[0]
        # The end is worked out only where it may come before the event that is pending.
        if bound_us < self.sent[0] or self.event is None:
            self.send()
        return self.event

    def send(self) -> simpy.Event | None:
        """Send the event to the end of the work, unless it comes before that anyway; return it."""
        end_us = self.end_us()
        if self.event is None or end_us < self.sent[0]:
            self.sent, self.event = (end_us, self.turn), None
            if end_us < self.horizon_us:
                self.event = self.agenda.call(end_us, FINISHED, self._came, self.turn)
        return self.event

    def put_off(self) -> bool:
        """Say of the event that has come last whether the end of the work was put off meanwhile."""
        return self.sent != (self.end_us(), self.turn)

    def ended(self, now: int) -> bool:
        """Say whether the work has ended."""
        return now >= self.bound_us and now >= self.end_us()

    def end_us(self) -> int:
        """Return when the work ends if nothing stops it, NEVER_US where that is of no use."""
        if self.bound_us > self.limit_us:
            return NEVER_US
        work_us = self.safe[0]
        return ended_us(self.way, work_us, self.since_us, work_us + self.way.spacing_us, self.number)

    def _came(self, event: simpy.Event) -> None:
        if event is self.event:
            self.event = None
            self.heard(event)

    def stop(self, now: int) -> None:
        """Stop stepping."""
        raise NotImplementedError


class StoreSteps(Steps):
    """Steps whose checkpoints all go to one store: what is safe is known when they stop."""

    __slots__ = ("beat", "beats", "leaves_us", "rework")

    def __init__(self, agenda: Agenda, plan: RunPlan, way: Course, heard: Callable[[simpy.Event], None]) -> None:
        super().__init__(agenda, plan, way, heard)
        self.rework = plan.recovery.rework
        # The rule of the phase that follows what is saved, and the work at which another begins.
        self.beats = beats_of(way)
        self.beat: Beat = self.beats[0]
        self.leaves_us = leaves_us(way, 0)

    def stop(self, now: int) -> None:
        """Stop: what is safe is the newest checkpoint that counts, or without rework all of the work."""
        work_us, since_us = self.safe[0], self.since_us
        if now - since_us > self.leaves_us - work_us:
            self._stop_beyond(now)
        elif self.rework:
            save = last_save(self.beat, work_us, since_us, now)
            if save is not None:
                self.safe = save
        elif self.beat.block_us or self.leaves_us < NEVER_US:
            self._stop_beyond(now)
        else:
            self.safe = min(self.last_us, work_us + now - since_us), now

    def _stop_beyond(self, now: int) -> None:
        """Stop, perhaps in another phase."""
        done = advance(self.way, self.safe[0], self.since_us, now)
        if self.rework:
            save = newest_of(self.way, done.batches, self.way.tiers[0], now)
            if save is None:
                return
            self.safe = save[:2]
        else:
            self.safe = done.work_us, now
        self.enter()

    def enter(self) -> None:
        """Follow the rule of the phase that comes after what is safe."""
        phase = phase_at(self.way, self.safe[0])
        self.beat, self.leaves_us = self.beats[phase], leaves_us(self.way, phase)
