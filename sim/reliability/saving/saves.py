"""What of a job's work is saved, where, and what it falls back to.

The work of a job is a row of spans, each begun at a checkpoint of the one before. Within a span steps were walked under
one condition of the network or several; each walk tells its work in the course of its own condition.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sim.reliability.records import Tier
from sim.reliability.saving.downtime import Downtime
from sim.reliability.saving.legs import moved
from sim.reliability.saving.progress import (
    Batch,
    Course,
    Share,
    Stretch,
    begun_before,
    begun_us,
    block_us,
    make,
    shares,
)


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


def newest_save(
    span: Span, position: int, tier: Tier, before_us: int | None, whole: Course, store: Downtime | None = None
) -> Save | None:
    """Return the newest checkpoint that a tier holds of a span that has stopped, None where it holds none.

    A checkpoint counts if it was durable when the span stopped; before_us: and if its state was taken by then.
    position: of the span among those of the job. store: when the tier was out, None: never.
    """
    durable_by_us = span.stop_us - tier.durable_after_us + 1
    for index in range(len(span.walks) - 1, -1, -1):
        _, course, _, _, batches = span.walks[index]
        for batch in reversed(batches):
            held = begun_before(course, batch, durable_by_us)
            if before_us is not None:
                held = min(held, _taken_by(course, batch, before_us))
            _, first, _, first_us, cycle_us = batch
            place = held - 1 - (first + held - 1) % tier.every
            if store is not None:
                place = store.newest(course, batch, place, tier, span.stop_us)
            if place >= 0:
                work_us, number = first_us + place * cycle_us, first + place
                whole_us, at_us = moved(work_us, course, whole), begun_us(course, batch, place)
                taken_us = at_us + block_us(course, number)
                return make(Save, (whole_us, at_us, taken_us, number, -1, position, index, work_us))
    return None


def oldest_kept_us(spans: Sequence[Span], tier: Tier, store: Downtime | None = None) -> int:
    """Return when the oldest of the newest `keep` checkpoints of a tier began; 0 where it has not so many."""
    if store is not None:
        return _oldest_of_store_us(spans, tier, store)
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


def _oldest_of_store_us(spans: Sequence[Span], tier: Tier, store: Downtime) -> int:
    left = tier.keep
    for span in reversed(spans):
        for walk in reversed(span.walks):
            for batch in reversed(walk.batches):
                held = begun_before(walk.course, batch, span.stop_us - tier.durable_after_us + 1)
                place = held - 1 - (batch.first + held - 1) % tier.every
                while (place := store.newest(walk.course, batch, place, tier, span.stop_us)) >= 0:
                    left -= 1
                    if not left:
                        return begun_us(walk.course, batch, place)
                    place -= tier.every
    return 0


def undone(spans: Sequence[Span], save: Save) -> tuple[Share, ...]:
    """Return the work beyond a checkpoint."""
    result: list[Share] = []
    for position in range(max(save.span, 0), len(spans)):
        of_span: list[Share] = []
        for index, walk in enumerate(spans[position].walks):
            if (position, index) < (save.span, save.walk):
                continue
            from_us = save.at_work_us if (position, index) == (save.span, save.walk) else walk.from_us
            for share in shares(walk.course, from_us, walk.to_us, walk.condition):
                _add(of_span, share)
        result += of_span
    return tuple(result)


def _add(to: list[Share], share: Share) -> None:
    """Add a share to those before it: an outage of the store parts none of one phase and condition."""
    last = to[-1] if to else None
    if last is not None and (last.phase, last.condition) == (share.phase, share.condition):
        to[-1] = last._replace(duration_us=last.duration_us + share.duration_us, steps=last.steps + share.steps)
    else:
        to.append(share)


def done_beyond(span: Span, walk: int, from_us: int) -> Sequence[Share]:
    """Return the work of a span beyond where one of its walks was.

    >>> from sim.reliability.examples import run_plan
    >>> from sim.reliability.saving.progress import course
    >>> way = course(run_plan().phases, run_plan().checkpoint, None)
    >>> [share.duration_us for share in done_beyond(Span(90, 90, (), (Walk(0, way, 0, 90, ()),)), 0, 20)]
    [70]
    """
    walks = span.walks
    condition, course, _, to_us, _ = walks[walk]
    result = shares(course, from_us, to_us, condition)
    for condition, course, first_us, to_us, _ in walks[walk + 1 :]:
        result += shares(course, first_us, to_us, condition)
    return result


def cut(spans: list[Span], save: Save) -> None:
    """Take off what lies beyond a checkpoint that the job goes on from."""
    del spans[save.span + 1 :]
    if save.span < 0:
        return
    _, stop_us, stretches, walks = spans[-1]
    condition, course, from_us, _, batches = walks[save.walk]
    held = tuple(_held(batch, save.number) for batch in batches if batch.first <= save.number)
    walk = Walk(condition, course, from_us, save.at_work_us, held)
    spans[-1] = Span(save.work_us, stop_us, stretches, (*walks[: save.walk], walk))


def _held(batch: Batch, newest: int) -> Batch:
    """Return a batch without what comes after the checkpoint of a number."""
    begin_us, first, number, work_us, cycle_us = batch
    return batch if first + number - 1 <= newest else Batch(begin_us, first, newest - first + 1, work_us, cycle_us)


def sealed(span: Span, number: int, stop_us: int, begin_us: int | None = None) -> Span:
    """Return a span whose end was saved, with its work all done, by a checkpoint that was durable at stop_us.

    begin_us: when it was begun, by default as soon as the span stopped.
    """
    last = span.walks[-1]
    batch = Batch(span.stop_us if begin_us is None else begin_us, number, 1, last.to_us, 0)
    walks = (*span.walks[:-1], last._replace(batches=(*last.batches, batch)))
    return span._replace(walks=walks, stop_us=stop_us)


def durable_count(span: Span, store: Downtime | None = None) -> int:
    """Return how many checkpoints of a span were durable, each in the first tier that takes all, when it stopped."""
    count = 0
    for _, course, _, _, batches in span.walks:
        if batches:
            tier = first_tier(course)
            by_us = span.stop_us - tier.durable_after_us + 1
            for batch in batches:
                held = begun_before(course, batch, by_us)
                count += held
                if store is not None and tier is course.tiers[-1]:
                    count -= store.lost(course, batch, held, tier, span.stop_us)
    return count


def follows(one: Tier, other: Tier) -> bool:
    """Say whether all that another tier takes is in one first."""
    return other.every % one.every == 0 and one.durable_after_us <= other.durable_after_us


def first_tier(course: Course) -> Tier:
    """Return the fastest tier that takes every checkpoint."""
    for tier in course.tiers:
        if tier.every == 1:
            return tier
    raise AssertionError("a plan has a tier that takes every checkpoint")


def _taken_by(course: Course, batch: Batch, time_us: int) -> int:
    """Return how many checkpoints of a batch had taken their state, which ends their block, by a time."""
    count = begun_before(course, batch, time_us + 1)
    if count and begun_us(course, batch, count - 1) + block_us(course, batch.first + count - 1) > time_us:
        count -= 1
    return count
