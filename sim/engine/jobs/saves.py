"""What a job can fall back to: the checkpoints of its spans so far, and which tiers still hold them.

`OneTier` knows the newest checkpoint of a store alone, which is all that most runs need; `Saves` knows all tiers.

Only the job changes it: it adds the span that has stopped, and goes back to a checkpoint, which takes what lies beyond
off the row. A tier loses what it holds when the processes of the job die (volatile), and when nodes leave with their
part of it and no copy is left (local).
"""

from collections.abc import Sequence
from math import lcm
from typing import Protocol

from sim.engine.jobs.local_parts import LocalParts
from sim.reliability.records import RunPlan, Tier
from sim.reliability.saving.downtime import Downtime
from sim.reliability.saving.progress import Course, Share, make
from sim.reliability.saving.saves import (
    Save,
    Span,
    cut,
    done_beyond,
    follows,
    newest_save,
    oldest_kept_us,
    sealed,
    undone,
)


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

    def burn(self, now_us: int) -> None:
        """The store has lost all that it held."""


def saves_of(plan: RunPlan, whole: Course, losses: Sequence[tuple[int, int]], store: Downtime | None = None) -> Kept:
    """Return what keeps the saves of a run: the simplest that can. store: None where it never fails."""
    tiers = whole.tiers
    late = any(failure.silent is not None for failure in plan.failures)
    if len(tiers) == 1 and not (late or store is not None or tiers[0].volatile or tiers[0].local):
        return OneTier(whole)
    return Saves(whole, plan.nodes, losses, processes_die=not plan.recovery.in_process, store=store)


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

    def burn(self, now_us: int) -> None:
        raise AssertionError("who keeps no tiers has a store that never fails")


class Saves:
    """The spans of a job that led to where it is, and what its tiers hold of them.

    losses: (time, seat) of every node that has left the job, in order; others append to it.
    """

    __slots__ = (
        "base",
        "first",
        "floors_us",
        "found",
        "last",
        "newer",
        "parts",
        "processes_die",
        "spans",
        "store",
        "tiers",
        "voids_us",
        "volatile",
        "whole",
    )

    def __init__(
        self,
        whole: Course,
        seats: int,
        losses: Sequence[tuple[int, int]],
        *,
        processes_die: bool = True,
        store: Downtime | None = None,
    ) -> None:
        self.whole = whole
        self.store = store
        self.tiers = whole.tiers
        self.processes_die = processes_die
        # What the first span begins with: the initial state, which nothing takes away.
        self.base = Save(0, 0, 0, 0, len(self.tiers) - 1)
        self.spans: list[Span] = []
        # Per tier: what began before was dropped for newer ones; what began until then died with the processes.
        self.floors_us = [0] * len(self.tiers)
        self.voids_us = [-1] * len(self.tiers)
        self.volatile = [index for index, tier in enumerate(self.tiers) if tier.volatile]
        self.parts = [LocalParts(tier, seats, losses) if tier.local else None for tier in self.tiers]
        # Tiers that hold nothing that is newer than what this one does, as long as it lives.
        self.first = [all(follows(tier, other) for other in self.tiers[at:]) for at, tier in enumerate(self.tiers)]
        # Whether anything was done since the job last went back, which was to this checkpoint.
        self.newer = False
        self.last = self.base
        # The newest checkpoint of each tier that was asked for, as long as the spans stay what they are.
        self.found: dict[int, Save | None] = {}

    def add(self, span: Span) -> None:
        """A span has stopped."""
        if span.walks:
            self.spans.append(span)
            self._changed()

    def fall_back(self, now_us: int, before_us: int | None) -> tuple[Save, Sequence[Share]]:
        """Go back to the newest checkpoint that is still held, whose state was taken by before_us; return it.

        Beside it the work beyond it. Unless the job lives in its processes on, they die, and with them what they held.
        """
        for index in self.volatile if self.processes_die else ():
            self.voids_us[index] = now_us
        save = self.newest(before_us)
        # Failures that come while the job recovers mostly find it where it is.
        return save, () if save is self.last and not self.newer else self.back_to(save)

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
            if found is not None and self.first[index]:
                break
        return best

    def stored(self) -> Save:
        """Return the newest checkpoint of the store, which outlives the job."""
        return self._newest_of(len(self.tiers) - 1, None) or self.base

    def back_to(self, save: Save) -> tuple[Share, ...]:
        """Go back to a checkpoint; return the work beyond it."""
        if not self.spans:
            return ()
        shares = undone(self.spans, save)
        self._drop(save)
        cut(self.spans, save)
        self.newer, self.last = False, save
        self.found = {save.tier: save} if self.spans else {}
        return shares

    def beyond(self, save: Save) -> tuple[Share, ...]:
        """Return the work beyond a checkpoint."""
        return undone(self.spans, save)

    def keep(self, work_us: int, now_us: int) -> Save:
        """Take all work as safe, whatever was saved."""
        self.base = Save(work_us, now_us, now_us, self.base.number, len(self.tiers) - 1)
        self.spans.clear()
        self.found.clear()
        return self.base

    def seal(self, now_us: int) -> None:
        """The work of the last span was saved as a whole, in all tiers."""
        if not self.spans:
            return
        pattern = lcm(*(tier.every for tier in self.tiers))
        last = self.spans[-1]
        newest = max((batch.first + batch.number - 1 for walk in last.walks for batch in walk.batches), default=0)
        number = -(-(max(newest, self._number_before()) + 1) // pattern) * pattern
        begin_us = None if self.store is None else now_us - self.tiers[-1].durable_after_us
        self.spans[-1] = sealed(last, number, now_us, begin_us)
        self._changed()

    def burn(self, now_us: int) -> None:
        """The store has lost all that it held."""
        self.voids_us[-1] = now_us

    def _drop(self, save: Save) -> None:
        """Note what tiers have dropped for checkpoints that lie beyond one, before these are taken off.

        Where a tier has none beyond it, what is kept only moves on, and is found when it is asked for: what is newest
        was not dropped.
        """
        # Of tiers that follow its own, none holds a newer one than the newest of that.
        newest_of_all = self.first[save.tier] and self.found.get(save.tier) is save
        for index, tier in enumerate(self.tiers[: save.tier] if newest_of_all else self.tiers):
            newest = self._begun(index, None) if tier.keep else None
            if newest is not None and newest.at_us > save.at_us:
                kept_us = oldest_kept_us(self.spans, tier, self._store_of(index))
                self.floors_us[index] = max(self.floors_us[index], kept_us)

    def _store_of(self, index: int) -> Downtime | None:
        """Return when a tier was out: only the store ever is."""
        return self.store if index == len(self.tiers) - 1 else None

    def _changed(self) -> None:
        self.newer = True
        self.found.clear()

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
            floor_us = max(floor_us, oldest_kept_us(self.spans, tier, self._store_of(index)))
        save = self._begun(index, before_us)
        if save is None or self._written_from_us(save, index) <= self.voids_us[index] or save.at_us < floor_us:
            return None
        parts = self.parts[index]
        return save if parts is None or parts.live(save.at_us) else None

    def _written_from_us(self, save: Save, index: int) -> int:
        """Return when the write of a checkpoint began that ended well: one for which the job waits is begun anew."""
        store = self._store_of(index)
        if store is None or not store.synchronous:
            return save.at_us
        length_us = self.tiers[index].durable_after_us
        return store.written_us(save.at_us, length_us) - length_us

    def _begun(self, index: int, before_us: int | None) -> Save | None:
        """Return the newest checkpoint that a tier took, whether or not it holds it still."""
        if before_us is None and index in self.found:
            return self.found[index]
        newest, store = None, self._store_of(index)
        for position in range(len(self.spans) - 1, -1, -1):
            save = newest_save(self.spans[position], position, self.tiers[index], before_us, self.whole, store)
            if save is not None:
                newest = make(Save, (*save[:4], index, *save[5:]))
                break
        if before_us is None:
            self.found[index] = newest
        return newest
