"""What a job can fall back to: the checkpoints of its spans so far, and which tiers still hold them.

`OneTier` knows the newest checkpoint of a store alone, which is all that most runs need; `Saves` knows all tiers.

Only the job changes it: it adds the span that has stopped, and goes back to a checkpoint, which takes what lies beyond
off the row. A tier loses what it holds when the processes of the job die (volatile), and when nodes leave with their
part of it and no copy is left (local).
"""

from collections.abc import Sequence
from typing import Protocol

from sim.reliability.records import RunPlan, Tier
from sim.reliability.saving.progress import Course, Share, make
from sim.reliability.saving.saves import Save, Span, cut, done_beyond, newest_save, oldest_kept_us, sealed, undone


class Kept(Protocol):
    """What the job asks of what is saved."""

    base: Save
    tiers: tuple[Tier, ...]

    @property
    def spans(self) -> Sequence[Span]:
        """The spans of a job that led to where it is."""

    def add(self, span: Span) -> None:
        """A span has stopped."""

    def fall_back(self, now_us: int, before_us: int | None) -> tuple[Save, Sequence[Share]]:
        """Go back to the newest checkpoint that is still held, whose state was taken by before_us; return it.

        Beside it the work beyond it.
        """

    def stored(self) -> Save:
        """Return the newest checkpoint of the store, which outlives the job."""

    def beyond(self, save: Save) -> Sequence[Share]:
        """Return the work beyond a checkpoint."""

    def back_to(self, save: Save) -> Sequence[Share]:
        """Go back to a checkpoint; return the work beyond it."""

    def keep(self, work_us: int, now_us: int) -> Save:
        """Take all work as safe, whatever was saved."""

    def seal(self, now_us: int) -> None:
        """The work of the last span was saved as a whole, in all tiers."""


def saves_of(plan: RunPlan, whole: Course, losses: Sequence[tuple[int, int]]) -> Kept:
    """Return what keeps the saves of a run: the simplest that can."""
    tiers = whole.tiers
    late = any(failure.silent is not None for failure in plan.failures)
    if len(tiers) == 1 and not (late or tiers[0].volatile or tiers[0].local):
        return OneTier(whole)
    return Saves(whole, plan.nodes, losses, processes_die=not plan.recovery.in_process)


class OneTier:
    """What is saved where a store takes all checkpoints and no failure is noticed late: only the newest matters.

    It is the newest of the span that has stopped, or else the one from which that span began.
    """

    __slots__ = ("base", "safe", "span", "tiers", "whole")

    def __init__(self, whole: Course) -> None:
        self.whole = whole
        self.tiers = whole.tiers
        self.base = self.safe = Save(0, 0, 0, 0, 0)
        self.span: Span | None = None

    @property
    def spans(self) -> Sequence[Span]:
        raise AssertionError("who keeps no spans has no failure that is noticed late")

    def add(self, span: Span) -> None:
        if span.walks:
            self.span = span

    def fall_back(self, now_us: int, before_us: int | None) -> tuple[Save, Sequence[Share]]:
        if self.span is None:
            return self.safe, ()
        span, self.span = self.span, None
        save = newest_save(span, 0, self.tiers[0], None, self.whole)
        if save is None:
            return self.safe, done_beyond(span, 0, span.walks[0].from_us)
        self.safe = save
        return save, done_beyond(span, save.walk, save.at_work_us)

    def stored(self) -> Save:
        return (
            self.safe if self.span is None else newest_save(self.span, 0, self.tiers[0], None, self.whole) or self.safe
        )

    def beyond(self, save: Save) -> Sequence[Share]:
        if self.span is None:
            return ()
        walk, from_us = (0, self.span.walks[0].from_us) if save is self.safe else (save.walk, save.at_work_us)
        return done_beyond(self.span, walk, from_us)

    def back_to(self, save: Save) -> Sequence[Share]:
        raise AssertionError("only a failure that is noticed late aborts a run")

    def keep(self, work_us: int, now_us: int) -> Save:
        self.base = self.safe = make(Save, (work_us, now_us, now_us, self.safe.number, 0, -1, 0, 0))
        self.span = None
        return self.base

    def seal(self, now_us: int) -> None:
        span = self.span
        if span is not None:
            newest = max((batch.first + batch.number - 1 for walk in span.walks for batch in walk.batches), default=0)
            self.span = sealed(span, max(newest, self.safe.number) + 1, now_us)


class Saves:
    """The spans of a job that led to where it is, and what its tiers hold of them.

    losses: (time, seat) of every node that has left the job, in order; others append to it.
    """

    __slots__ = (
        "base",
        "floors_us",
        "losses",
        "processes_die",
        "seats",
        "spans",
        "tiers",
        "voids_us",
        "volatile",
        "whole",
    )

    def __init__(
        self, whole: Course, seats: int, losses: Sequence[tuple[int, int]], *, processes_die: bool = True
    ) -> None:
        self.whole = whole
        self.tiers = whole.tiers
        self.seats = seats
        self.losses = losses
        self.processes_die = processes_die
        # What the first span begins with: the initial state, which nothing takes away.
        self.base = Save(0, 0, 0, 0, len(self.tiers) - 1)
        self.spans: list[Span] = []
        # Per tier: what began before was dropped for newer ones; what began until then died with the processes.
        self.floors_us = [0] * len(self.tiers)
        self.voids_us = [-1] * len(self.tiers)
        self.volatile = [index for index, tier in enumerate(self.tiers) if tier.volatile]

    def add(self, span: Span) -> None:
        """A span has stopped."""
        if span.walks:
            self.spans.append(span)

    def fall_back(self, now_us: int, before_us: int | None) -> tuple[Save, Sequence[Share]]:
        """Go back to the newest checkpoint that is still held, whose state was taken by before_us; return it.

        Beside it the work beyond it. Unless the job lives in its processes on, they die, and with them what they held.
        """
        for index in self.volatile if self.processes_die else ():
            self.voids_us[index] = now_us
        save = self.newest(before_us)
        return save, self.back_to(save)

    def newest(self, before_us: int | None = None) -> Save:
        """Return the newest checkpoint that a tier still holds, from the fastest that does.

        before_us: only those whose state was taken by then.
        """
        best = self.base
        if not self.spans:
            return best
        for index in range(len(self.tiers)):
            found = self._newest_of(index, before_us)
            if found is not None and (found.at_us > best.at_us or best is self.base):
                best = found
        return best

    def stored(self) -> Save:
        """Return the newest checkpoint of the store, which outlives the job."""
        return self._newest_of(len(self.tiers) - 1, None) or self.base

    def back_to(self, save: Save) -> tuple[Share, ...]:
        """Go back to a checkpoint; return the work beyond it."""
        if not self.spans:
            return ()
        shares = undone(self.spans, save)
        for index, tier in enumerate(self.tiers):
            if tier.keep:
                self.floors_us[index] = max(self.floors_us[index], oldest_kept_us(self.spans, tier))
        cut(self.spans, save)
        return shares

    def beyond(self, save: Save) -> tuple[Share, ...]:
        """Return the work beyond a checkpoint."""
        return undone(self.spans, save)

    def keep(self, work_us: int, now_us: int) -> Save:
        """Take all work as safe, whatever was saved."""
        self.base = Save(work_us, now_us, now_us, self.base.number, len(self.tiers) - 1)
        self.spans.clear()
        return self.base

    def seal(self, now_us: int) -> None:
        """The work of the last span was saved as a whole, in all tiers."""
        if not self.spans:
            return
        pattern = len(self.whole.blocks_us) - 1
        last = self.spans[-1]
        newest = max((batch.first + batch.number - 1 for walk in last.walks for batch in walk.batches), default=0)
        number = -(-(max(newest, self._number_before()) + 1) // pattern) * pattern
        self.spans[-1] = sealed(last, number, now_us)

    def _number_before(self) -> int:
        """Return the number of the newest checkpoint before the last span, durable or not."""
        for span in reversed(self.spans[:-1]):
            for walk in reversed(span.walks):
                if walk.batches:
                    newest = walk.batches[-1]
                    return newest.first + newest.number - 1
        return self.base.number

    def _newest_of(self, index: int, before_us: int | None) -> Save | None:
        tier, floor_us = self.tiers[index], self.floors_us[index]
        if tier.keep and before_us is not None:
            floor_us = max(floor_us, oldest_kept_us(self.spans, tier))
        for position in range(len(self.spans) - 1, -1, -1):
            save = newest_save(self.spans[position], position, tier, before_us, self.whole)
            if save is None:
                continue
            gone = save.at_us <= self.voids_us[index] or save.at_us < floor_us
            if gone or (tier.local and not self._alive(tier, save.at_us)):
                return None
            return Save(*save[:4], index, *save[5:])
        return None

    def _alive(self, tier: Tier, at_us: int) -> bool:
        """Say whether each node's part of a checkpoint lives on: on the node, or on one that holds a copy."""
        lost = set()
        for time_us, seat in reversed(self.losses):
            if time_us < at_us:
                break
            lost.add(seat)
        reach = range(tier.apart, tier.apart * tier.copies + 1, tier.apart)
        return all(any((seat + away) % self.seats not in lost for away in reach) for seat in lost)
