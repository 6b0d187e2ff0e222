"""What the stints of a plain run achieved, and what of that was undone.

Where all checkpoints go to one store it is worked out for all stints at once, for those that cross phases one by one;
what keeps several tiers has noted it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim.engine.plain.tiers import TieredSteps
from sim.ledger.time.apportion import Ints
from sim.reliability.saving.progress import Course, Progress, advance, begun_before
from sim.reliability.saving.stint import beats_of, leaves_us, stints

LOST, IN_FLIGHT, KEPT = range(3)
"""What becomes of work that is not saved: KEPT where there is none."""


class Achieved(NamedTuple):
    """The work of each stint, how many checkpoints they began in all and how many count, and their stretches.

    Of a stretch, which is of one phase: its start, its end, what checkpoints block of it, and the phase. undone: when,
    from and to which work, when the checkpoint began that is left, LOST or IN_FLIGHT, cause and event. backs: when the
    job went back, and to which work.
    """

    work_us: Ints
    begun: int
    durable: int
    stretches: Sequence[Ints]
    undone: Sequence[Ints]
    backs: Sequence[Ints]


def columns_of(noted: Sequence[int], width: int) -> Ints:
    """Return each of the numbers that are noted of an entry as a column."""
    return np.ascontiguousarray(np.fromiter(noted, np.int64, len(noted)).reshape(-1, width).T)


def achieved(way: Course, stints: Ints, tiers: TieredSteps | None) -> Achieved:
    """Return what the stints of a run achieved, from what is noted of them."""
    since_us, until_us, from_us, saved_us, saved_at_us, fate, cause, event = stints
    if tiers is not None:
        *noted, cause, event = columns_of(tiers.undone, 6)
        undone = [*noted, np.where(cause < 0, IN_FLIGHT, LOST), cause, event]
        work_us = np.array(tiers.works_us, np.int64)
        stretches, backs = [*columns_of(tiers.stretches, 4)], [*columns_of(tiers.backs, 2)]
        return Achieved(work_us, tiers.begun, tiers.durable, stretches, undone, backs)
    work_us, begun, durable, stepped = _stretched(way, from_us, since_us, until_us)
    lost = fate != KEPT
    undone = [each[lost] for each in (until_us, saved_us, work_us, saved_at_us, fate, cause, event)]
    return Achieved(work_us, begun, durable, stepped, undone, [until_us, saved_us])


def _stretched(way: Course, from_us: Ints, since_us: Ints, until_us: Ints) -> tuple[Ints, int, int, Sequence[Ints]]:
    """Return what jobs achieve that step from since_us at the work from_us until they stop.

    The work of each, how many checkpoints they began and how many count, and their stretches.
    """
    phase = phases_at(way, from_us)
    work_us, ended_us, blocked_us, begun, durable = stints(beats_of(way), phase, from_us, since_us, until_us)
    stretches = [since_us, ended_us, blocked_us, phase]
    leaves = np.array([leaves_us(way, each) for each in range(len(way.step_us))])
    beyond = until_us - since_us > leaves[phase] - from_us
    crossing = np.flatnonzero(beyond)
    if len(crossing):
        spans = np.stack((from_us, since_us, until_us))[:, crossing].T.tolist()
        done = [advance(way, *span) for span in spans]
        work_us[crossing] = [each.work_us for each in done]
        begun[crossing] = [each.started for each in done]
        durable[crossing] = [_durable(way, each, until) for each, (_, _, until) in zip(done, spans, strict=True)]
        rows = [(row.start_us, row.end_us, row.checkpoint_us, row.phase) for each in done for row in each.stretches]
        within = (column[~beyond] for column in stretches)
        stretches = [np.concatenate(pair) for pair in zip(within, np.array(rows).T, strict=True)]
    return work_us, int(begun.sum()), int(durable.sum()), stretches


def phases_at(way: Course, work_us: Ints) -> Ints:
    """Return the phases that the next steps after some work belong to."""
    return np.searchsorted(way.starts_us[1:], work_us, side="right")


def by_phase(way: Course, from_us: Ints, to_us: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return spans of work by phase, in their order.

    Whose it is (positions), its phase, how long it took, and how many step boundaries it crosses.
    """
    start_us, end_us, step_us = (np.array(bounds)[:, None] for bounds in (way.starts_us, way.ends_us, way.step_us))
    from_us, to_us = np.maximum(from_us, start_us), np.minimum(to_us, end_us)
    duration_us = to_us - from_us
    which, phase = np.nonzero(duration_us.T > 0)
    steps = (to_us - start_us) // step_us - (from_us - start_us) // step_us
    return which, phase, duration_us[phase, which], steps[phase, which]


def _durable(way: Course, done: Progress, until_us: int) -> int:
    """Return how many checkpoints of a span count when it has stopped."""
    by_us = until_us - way.tiers[0].durable_after_us + 1
    return sum(begun_before(way, batch, by_us) for batch in done.batches)
