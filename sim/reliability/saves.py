"""What of a job's work is saved, where, and what it falls back to.

The work of a job is a row of spans, each begun at a checkpoint of the one before. Within a span steps were walked under
one condition of the network or several; each walk tells its work in the course of its own condition.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sim.reliability.legs import moved
from sim.reliability.progress import Batch, Course, Share, Stretch, begun_before, begun_us, block_us, shares
from sim.reliability.records import Tier


class Walk(NamedTuple):
    """Steps under one condition: work from and to in its own course, and the checkpoints begun."""

    condition: int
    course: Course
    from_us: int
    to_us: int
    batches: tuple[Batch, ...]


class Span(NamedTuple):
    """An uninterrupted span of a job that has stopped; work_us: where, in the course of the whole network."""

    work_us: int
    stop_us: int
    stretches: tuple[Stretch, ...]
    walks: tuple[Walk, ...]


class Save(NamedTuple):
    """A checkpoint: its work in the course of the whole network, when it began, when its state was taken, its number.

    tier: one that holds it. span, walk, at_work_us: where it is among the spans of the job; span -1: before them all.
    """

    work_us: int
    at_us: int
    taken_us: int
    number: int
    tier: int
    span: int = -1
    walk: int = 0
    at_work_us: int = 0


def newest_save(span: Span, position: int, tier: Tier, before_us: int | None, whole: Course) -> Save | None:
    """Return the newest checkpoint that a tier holds of a span that has stopped, None where it holds none.

    A checkpoint counts if it was durable when the span stopped; before_us: and if its state was taken by then.
    position: of the span among those of the job.
    """
    for index in range(len(span.walks) - 1, -1, -1):
        walk = span.walks[index]
        for batch in reversed(walk.batches):
            held = begun_before(walk.course, batch, span.stop_us - tier.durable_after_us + 1)
            if before_us is not None:
                held = min(held, _taken_by(walk.course, batch, before_us))
            place = held - 1 - (batch.first + held - 1) % tier.every
            if place >= 0:
                work_us = batch.work_us + place * batch.cycle_us
                whole_us, at_us = moved(work_us, walk.course, whole), begun_us(walk.course, batch, place)
                number = batch.first + place
                taken_us = at_us + block_us(walk.course, number)
                return Save(whole_us, at_us, taken_us, number, -1, position, index, work_us)
    return None


def oldest_kept_us(spans: Sequence[Span], tier: Tier) -> int:
    """Return when the oldest of the newest `keep` checkpoints of a tier began; 0 where it has not so many."""
    left = tier.keep
    for span in reversed(spans):
        for walk in reversed(span.walks):
            for batch in reversed(walk.batches):
                held = begun_before(walk.course, batch, span.stop_us - tier.durable_after_us + 1)
                newest = held - 1 - (batch.first + held - 1) % tier.every
                count = newest // tier.every + 1 if newest >= 0 else 0
                if count >= left:
                    return begun_us(walk.course, batch, newest - (left - 1) * tier.every)
                left -= count
    return 0


def undone(spans: Sequence[Span], save: Save) -> tuple[Share, ...]:
    """Return the work beyond a checkpoint."""
    result: list[Share] = []
    for position in range(max(save.span, 0), len(spans)):
        for index, walk in enumerate(spans[position].walks):
            if (position, index) < (save.span, save.walk):
                continue
            from_us = save.at_work_us if (position, index) == (save.span, save.walk) else walk.from_us
            result += shares(walk.course, from_us, walk.to_us, walk.condition)
    return tuple(result)


def cut(spans: Sequence[Span], save: Save) -> list[Span]:
    """Return the spans of a job that goes on from a checkpoint: what lies beyond is gone."""
    if save.span < 0:
        return []
    last = spans[save.span]
    walk = last.walks[save.walk]
    batches = [
        batch._replace(number=min(batch.number, save.number - batch.first + 1))
        for batch in walk.batches
        if batch.first <= save.number
    ]
    walks = (*last.walks[: save.walk], walk._replace(to_us=save.at_work_us, batches=tuple(batches)))
    return [*spans[: save.span], last._replace(work_us=save.work_us, walks=walks)]


def sealed(span: Span, number: int, stop_us: int) -> Span:
    """Return a span whose end was saved, with its work all done, by a checkpoint that was durable at stop_us."""
    last = span.walks[-1]
    batch = Batch(span.stop_us, number, 1, last.to_us, 0)
    walks = (*span.walks[:-1], last._replace(batches=(*last.batches, batch)))
    return span._replace(walks=walks, stop_us=stop_us)


def durable_count(span: Span) -> int:
    """Return how many checkpoints of a span were durable, each in the first tier that takes all, when it stopped."""
    return sum(
        begun_before(walk.course, batch, span.stop_us - first_tier(walk.course).durable_after_us + 1)
        for walk in span.walks
        for batch in walk.batches
    )


def first_tier(course: Course) -> Tier:
    """Return the fastest tier that takes every checkpoint."""
    return next(tier for tier in course.tiers if tier.every == 1)


def _taken_by(course: Course, batch: Batch, time_us: int) -> int:
    """Return how many checkpoints of a batch had taken their state, which ends their block, by a time."""
    count = begun_before(course, batch, time_us + 1)
    if count and begun_us(course, batch, count - 1) + block_us(course, batch.first + count - 1) > time_us:
        count -= 1
    return count
