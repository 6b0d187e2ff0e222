"""Steps and checkpoints of a plain run that keeps these in several tiers: what each still holds when the job goes back.

No failure is noticed late, so that of every tier only the newest checkpoint matters: where that is lost, older ones are
too. What is volatile dies with the processes of the job, and is never gone back to.
"""

from collections.abc import Callable

import simpy

from sim.engine.jobs.local_parts import LocalParts
from sim.engine.plain.calls import Agenda
from sim.engine.plain.seats import Loss
from sim.engine.plain.steps import Steps
from sim.reliability.records import RunPlan
from sim.reliability.saving.progress import Batch, Course, advance, begun_before
from sim.reliability.saving.saves import first_tier, follows
from sim.reliability.saving.stint import newest_of

Kept = tuple[int, int, int, int]
"""A checkpoint: its work, when it began, its number, and the position of its span, -1 for the start of the run."""

_START: Kept = (0, 0, 0, -1)


class TieredSteps(Steps):
    """As `Steps`; beside it, `fall_back` says to what the job goes back, and notes what that undoes.

    works_us: of every stint, the work at its end; stretches: start, end, blocked time and phase; undone: when, from
    and to which work, when what is kept began, the position of the cause, and the event; backs: when, to which work.
    """

    __slots__ = (
        "backs",
        "begun",
        "durable",
        "first",
        "kept",
        "last",
        "newer",
        "parts",
        "spans",
        "stretches",
        "tiers",
        "undone",
        "works_us",
    )

    def __init__(
        self,
        agenda: Agenda,
        plan: RunPlan,
        way: Course,
        heard: Callable[[simpy.Event], None],
        losses: list[Loss],
    ) -> None:
        super().__init__(agenda, plan, way, heard)
        self.tiers = way.tiers
        # Of each tier: what tells which nodes' parts live, and whether no later one holds what is newer.
        self.parts = [LocalParts(tier, plan.nodes, losses) if tier.local else None for tier in self.tiers]
        self.first = [all(follows(tier, other) for other in self.tiers[at:]) for at, tier in enumerate(self.tiers)]
        # The newest checkpoint of each, and the spans of work that led to where the job is.
        self.kept: list[Kept | None] = [None] * len(self.tiers)
        self.spans: list[tuple[int, int]] = []
        # Whether anything was done since the job last went back, and to what.
        self.newer = False
        self.last = _START
        self.works_us: list[int] = []
        self.stretches: list[int] = []
        self.undone: list[int] = []
        self.backs: list[int] = []
        self.begun = self.durable = 0

    def stop(self, now: int) -> None:
        work_us, since_us = self.safe[0], self.since_us
        if since_us == now:
            self.works_us.append(work_us)
            return
        done_us, stretches, batches = advance(self.way, work_us, since_us, now, None, self.number)
        self.works_us.append(done_us)
        for phase, start_us, end_us, blocked_us, _ in stretches:
            self.stretches += (start_us, end_us, blocked_us, phase)
        self.spans.append((work_us, done_us))
        self.newer = True
        if batches:
            self._save(batches, now)

    def _save(self, batches: tuple[Batch, ...], now: int) -> None:
        """Note what each tier has taken of a span that has stopped."""
        way, position = self.way, len(self.spans) - 1
        by_us = now - first_tier(way).durable_after_us + 1
        for batch in batches:
            self.begun += batch.number
            self.durable += begun_before(way, batch, by_us)
        for index, tier in enumerate(self.tiers):
            if not tier.volatile:
                newest = newest_of(way, batches, tier, now)
                if newest is not None:
                    self.kept[index] = (*newest, position)

    def fall_back(self, now: int, cause: int, event: int) -> None:
        """Go back, for a failure, to the newest checkpoint that is still held."""
        best, tier, kept = _START, len(self.tiers) - 1, self.kept
        for index, parts in enumerate(self.parts):
            held = kept[index]
            if held is None:
                continue
            if parts is not None and not parts.live(held[1]):
                kept[index] = None
                continue
            if best is _START or held[1] > best[1]:
                best, tier = held, index
            if self.first[index]:
                break
        if self.newer or best is not self.last:
            self._undo(best, now, cause, event)
            self._cut(best)
            self.newer, self.last = False, best
            self.safe, self.number, self.tier = (best[0], best[1]), best[2] + 1, tier
            self.backs += (now, best[0])

    def halt(self, now: int, event: int) -> None:
        """The horizon has come: what is not in the store is in flight."""
        self._undo(self.kept[-1] or _START, now, -1, event)

    def _undo(self, kept: Kept, now: int, cause: int, event: int) -> None:
        """Note the work beyond a checkpoint."""
        work_us, at_us, _, position = kept
        for index in range(max(position, 0), len(self.spans)):
            from_us, to_us = self.spans[index]
            self.undone += (now, work_us if index == position else from_us, to_us, at_us, cause, event)

    def _cut(self, best: Kept) -> None:
        """Take off what lies beyond a checkpoint that the job goes on from; no tier holds any of it."""
        work_us, at_us, _, position = best
        del self.spans[position + 1 :]
        if position >= 0:
            self.spans[position] = self.spans[position][0], work_us
        self.kept = [held if held is None or held[1] <= at_us else None for held in self.kept]
