"""Legs of a span whose synchronous checkpoints wait for the store.

While the store is out the job steps on, until a checkpoint is due that the store takes: that blocks until the store is
back and has it. So a leg under an outage has the course of its condition with blocks of such checkpoints that do not
end; the leg after the outage begins where the block does end. One that an outage cuts into is blocked from its begin.
What is written to other tiers meanwhile is not held up, and may take longer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate
from math import lcm
from typing import NamedTuple

from sim.reliability.saving.downtime import Downtime
from sim.reliability.saving.legs import Leg, following, moved, otherwise, turned
from sim.reliability.saving.progress import NEVER_US, Batch, Course, advance, begun_us, block_us
from sim.reliability.saving.saves import Span, Walk


def waiting(course: Course, store_block_us: int = NEVER_US) -> Course:
    """Return a course in which checkpoints that the store takes block for so long, by default without end.

    >>> from sim.reliability.examples import run_plan
    >>> from sim.reliability.saving.progress import course
    >>> waiting(course(run_plan().phases, run_plan().checkpoint, None), 7).blocks_us
    (0, 7)
    """
    tiers = course.tiers
    pattern = range(1, lcm(*(tier.every for tier in tiers)) + 1)
    blocks = (block_us(course, number) if number % tiers[-1].every else store_block_us for number in pattern)
    return replace(course, blocks_us=(0, *accumulate(blocks)))


@lru_cache(maxsize=64)
def endless(course: Course) -> Course:
    """Return the course of a condition while the store is out: always the same one of the same."""
    return waiting(course)


def waits(course: Course) -> bool:
    """Say whether checkpoints of a course wait for the store."""
    return course.blocks_us[-1] >= NEVER_US


class StoreSave(NamedTuple):
    """A checkpoint that the store takes, in whose block a leg is: its begin, the work done before it, its number."""

    begin_us: int
    work_us: int
    number: int


def store_save(leg: Leg, now_us: int) -> StoreSave | None:
    """Return the checkpoint that the store takes in whose block a leg is, None where it is in none."""
    _, course, work_us, start_us, due_us, first = leg
    batches = advance(course, work_us, start_us, now_us, due_us, first).batches
    return _store_save(course, batches, now_us)


def held_up(legs: Sequence[Leg], now_us: int) -> bool:
    """Say whether the job waits for the store, of legs of which the first began before now."""
    last = legs[-1]
    return last.start_us < now_us and waits(last.course) and store_save(last, now_us) is not None


def halted(legs: Sequence[Leg], condition: int, way: Course, now_us: int, back_us: int) -> list[Leg]:
    """Return the legs of a span after the store has gone out.

    The first leg began before now. way: the course of the condition that waits; back_us: when the store was last back.
    """
    begun, pending = _parted(legs, now_us)
    leg = begun[-1]
    save = store_save(leg, now_us)
    if save is not None:
        written_us = (back_us if waits(leg.course) else save.begin_us) + leg.course.tiers[-1].durable_after_us
        if now_us < written_us:
            return begun if waits(leg.course) else _blocked(begun, save)
    if pending is not None:
        return _otherwise(begun, pending, condition, way, now_us)
    return [*begun, *following(leg, condition, way, now_us)]


def turned_while_out(legs: Sequence[Leg], condition: int, way: Course, now_us: int) -> list[Leg]:
    """Return the legs of a span that is not held up after the network's condition changed; way: the course that waits.

    As `turned`, but for a block that the store no longer holds up, after which no leg may go on.
    """
    begun, pending = _parted(legs, now_us)
    if pending is not None:
        return _otherwise(begun, pending, condition, way, now_us)
    return turned(legs, condition, way, now_us)


def resumed(legs: Sequence[Leg], condition: int, way: Course, now_us: int) -> list[Leg]:
    """Return the legs of a span after the store has come back; way: the course of the condition."""
    begun, pending = _parted(legs, now_us)
    if pending is not None:
        return _otherwise(begun, pending, condition, way, now_us)
    leg = begun[-1]
    save = store_save(leg, now_us) if waits(leg.course) else None
    if save is None:
        return [*begun, *following(leg, condition, way, now_us)]
    end_us = unblocked_us(way, save.begin_us, save.number, now_us)
    work_us = moved(save.work_us, leg.course, way)
    return [*begun, Leg(condition, way, work_us, end_us, work_us + way.spacing_us, save.number + 1)]


def unblocked_us(way: Course, begin_us: int, number: int, back_us: int) -> int:
    """Return when the block of a checkpoint ends that is written to the store from back_us on."""
    return max(begin_us + block_us(way, number), back_us + way.tiers[-1].durable_after_us)


def settled(course: Course, batches: Sequence[Batch], end_us: int) -> Course:
    """Return the course of a leg that has ended, with the length that its last block turned out to have."""
    save = _store_save(course, batches, end_us) if waits(course) else None
    return course if save is None else waiting(course, end_us - save.begin_us)


class Wait(NamedTuple):
    """What the store made a checkpoint block longer: when that began, how much longer, by which cause and event."""

    begin_us: int
    more_us: int
    why: tuple[str, int]


def waits_of(span: Span, store: Downtime) -> list[Wait]:
    """Return what synchronous checkpoints of a span have waited for the store, which are the last of their walks."""
    return [wait for walk in span.walks if walk.batches for wait in _waited(walk, span.stop_us, store)]


def _waited(walk: Walk, stop_us: int, store: Downtime) -> Iterator[Wait]:
    last, tiers = walk.batches[-1], walk.course.tiers
    number, begin_us = last.first + last.number - 1, begun_us(walk.course, last, last.number - 1)
    length_us = tiers[-1].durable_after_us
    cut = None if number % tiers[-1].every else store.first_cut(begin_us, length_us)
    if cut is None:
        return
    usual_us = begin_us + max(tier.block_us for tier in tiers if number % tier.every == 0)
    more_us = min(stop_us, store.written_us(begin_us, length_us)) - min(stop_us, usual_us)
    if more_us > 0:
        yield Wait(begin_us, more_us, store.why[cut])


def _store_save(course: Course, batches: Sequence[Batch], now_us: int) -> StoreSave | None:
    if not batches:
        return None
    last = batches[-1]
    place, number = last.number - 1, last.first + last.number - 1
    begin_us = begun_us(course, last, place)
    if number % course.tiers[-1].every or begin_us + block_us(course, number) <= now_us:
        return None
    return StoreSave(begin_us, last.work_us + place * last.cycle_us, number)


def _parted(legs: Sequence[Leg], now_us: int) -> tuple[list[Leg], Leg | None]:
    """Return the legs that have begun, and the one that has not."""
    return ([*legs], None) if legs[-1].start_us < now_us else ([*legs[:-1]], legs[-1])


def _otherwise(begun: list[Leg], pending: Leg, condition: int, way: Course, now_us: int) -> list[Leg]:
    """Return legs whose last has not begun, under what holds now: none follows one that goes on as it is."""
    last = begun[-1]
    if last.condition == condition and last.course is way and not (waits(way) and store_save(last, now_us)):
        return begun
    return [*begun, otherwise(pending, condition, way)]


def _blocked(begun: list[Leg], save: StoreSave) -> list[Leg]:
    """Return legs whose last is blocked from the begin of a checkpoint on."""
    leg = begun[-1]
    before = begun if leg.start_us < save.begin_us else begun[:-1]
    return [*before, Leg(leg.condition, endless(leg.course), save.work_us, save.begin_us, save.work_us, save.number)]
