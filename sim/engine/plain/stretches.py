"""What the stints of a plain run achieved, and what of that was undone.

Where all checkpoints go to one store it is worked out for all stints at once, but for those that cross phases one by
one; what steps of several lengths have done, and what goes to several tiers, was noted when they stopped.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim.engine.plain.paces import Paces, by_phase
from sim.engine.plain.tiers import TieredSteps
from sim.engine.plain.turning import WALKED, TurningSteps, Walked
from sim.ledger.time.apportion import Ints
from sim.reliability.saving.progress import Course, Progress, Stretch, advance, begun_before
from sim.reliability.saving.saves import Span, durable_count

LOST, IN_FLIGHT, KEPT = range(3)
"""What becomes of work that is not saved: KEPT where there is none."""


class Undone(NamedTuple):
    """Work that is taken back, each element of one phase and condition; steps: how many boundaries it crosses.

    When, how long it took, LOST or IN_FLIGHT, cause and event, and when the checkpoint began that is left.
    """

    time_us: Ints
    duration_us: Ints
    fate: Ints
    cause: Ints
    event: Ints
    phase: Ints
    steps: Ints
    kept_at_us: Ints
    condition: Ints


class Achieved(NamedTuple):
    """The work of each stint, how many checkpoints they began in all and how many count, and their stretches.

    Of a stretch, which is of one phase and condition: its start, its end, what checkpoints block of it, and these two.
    undone: what was taken back. backs: when the job went back, and to which work.
    """

    work_us: Ints
    begun: int
    durable: int
    stretches: Sequence[Ints]
    undone: Undone
    backs: Sequence[Ints]


def columns_of(noted: Sequence[int], width: int) -> Ints:
    """Return each of the numbers that are noted of an entry as a column."""
    return np.ascontiguousarray(np.fromiter(noted, np.int64, len(noted)).reshape(-1, width).T)


def achieved(
    way: Course, stints: Ints, tiers: TieredSteps | None, turns: TurningSteps | None, *, rework: bool
) -> Achieved:
    """Return what the stints of a run achieved, from what is noted of them; rework: whether any of it is undone."""
    if tiers is not None:
        return _of_tiers(way, tiers)
    since_us, until_us, from_us, saved_us, saved_at_us, fate, cause, event = stints
    phase = phases_at(way, from_us)
    conditions = 0 * phase if turns is None else np.array(turns.conditions, np.int64)
    paces = Paces(way, conditions, phase, {} if turns is None else turns.courses)
    own_us = paces.own(from_us)
    # Of stints that cross phases, or were walked, all of this is put right below.
    done_us, ended_us, blocked_us, begun, durable = paces.stints(own_us, since_us, until_us)
    work_us = paces.whole(done_us)
    walked, walks = conditions == WALKED, [] if turns is None else turns.walks
    crosses = (until_us - since_us > paces.leaves_us() - own_us) & ~walked
    stretches = np.stack((since_us, ended_us, blocked_us, phase, conditions))[:, ~(crosses | walked)]
    apart: list[Stretch] = []
    for position in np.flatnonzero(crosses).tolist():
        until = int(until_us[position])
        crossed = advance(way, int(from_us[position]), int(since_us[position]), until)
        done_us[position] = work_us[position] = crossed.work_us
        begun[position], durable[position] = crossed.started, _durable(way, crossed, until)
        apart += crossed.stretches
    for position, (span, _) in zip(np.flatnonzero(walked).tolist(), walks, strict=True):
        work_us[position], begun[position], durable[position] = span.work_us, _begun(span), durable_count(span)
        apart += span.stretches
    if apart:
        rows = [(start, end, blocked, of, condition) for of, start, end, blocked, condition in apart]
        stretches = np.concatenate((stretches, np.array(rows).T), axis=1)
    lost = (fate != KEPT) & rework
    which = np.flatnonzero(lost & ~walked)
    place, of, undone_us, steps = by_phase(
        paces.courses, paces.place[which], paces.own(saved_us)[which], done_us[which]
    )
    which = which[place]
    about = until_us[which], undone_us, fate[which], cause[which], event[which]
    undone = Undone(*about, of, steps, saved_at_us[which], conditions[which])
    if walks:
        undone = _among(undone, [*zip(stints.T[walked].tolist(), lost[walked].tolist(), walks, strict=True)])
    return Achieved(work_us, int(begun.sum()), int(durable.sum()), [*stretches], undone, [until_us, saved_us])


def _among(undone: Undone, walked: Sequence[tuple[Sequence[int], bool, Walked]]) -> Undone:
    """Return what was undone of steps of one length, and among it that of stints that were walked, where it is lost."""
    rows = [
        (until_us, duration_us, fate, cause, event, phase, steps, saved_at_us, condition)
        for (_, until_us, _, _, saved_at_us, fate, cause, event), lost, (_, shares) in walked
        for phase, duration_us, steps, condition in (shares if lost else ())
    ]
    columns = np.concatenate((np.stack(undone), np.array(rows, np.int64).reshape(-1, len(undone)).T), axis=1)
    return Undone._make(columns[:, np.argsort(columns[0], kind="stable")])


def _of_tiers(way: Course, tiers: TieredSteps) -> Achieved:
    """Return what was noted of stints whose checkpoints go to several tiers."""
    time_us, saved_us, done_us, kept_at_us, cause, event = columns_of(tiers.undone, 6)
    which, phase, undone_us, steps = by_phase([way], 0 * time_us, saved_us, done_us)
    fate = np.where(cause < 0, IN_FLIGHT, LOST)
    about = time_us[which], undone_us, fate[which], cause[which], event[which]
    undone = Undone(*about, phase, steps, kept_at_us[which], 0 * which)
    start_us, end_us, blocked_us, of = columns_of(tiers.stretches, 4)
    stretches, backs = [start_us, end_us, blocked_us, of, 0 * of], [*columns_of(tiers.backs, 2)]
    return Achieved(np.array(tiers.works_us, np.int64), tiers.begun, tiers.durable, stretches, undone, backs)


def phases_at(way: Course, work_us: Ints) -> Ints:
    """Return the phases that the next steps after some work belong to."""
    return np.searchsorted(way.starts_us[1:], work_us, side="right")


def _begun(span: Span) -> int:
    """Return how many checkpoints a stint began."""
    return sum(batch.number for walk in span.walks for batch in walk.batches)


def _durable(way: Course, done: Progress, until_us: int) -> int:
    """Return how many checkpoints of a span count when it has stopped."""
    by_us = until_us - way.tiers[0].durable_after_us + 1
    return sum(begun_before(way, batch, by_us) for batch in done.batches)
