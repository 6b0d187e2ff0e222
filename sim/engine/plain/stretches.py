"""What the stints of a plain run achieved, worked out for all of them at once: those that cross phases one by one."""

from typing import NamedTuple

import numpy as np

from sim.ledger.time.apportion import Ints
from sim.reliability.saving.progress import Course, Progress, advance, begun_before
from sim.reliability.saving.stint import beats_of, leaves_us, stints


class Stretched(NamedTuple):
    """The work of each stint, how many checkpoints they began in all and how many count, and their stretches.

    Of a stretch, which is of one phase: its start, its end, what checkpoints block of it, and the phase.
    """

    work_us: Ints
    begun: int
    durable: int
    stretches: tuple[Ints, Ints, Ints, Ints]


def stretched(way: Course, from_us: Ints, since_us: Ints, until_us: Ints) -> Stretched:
    """Return what jobs achieve that step from since_us at the work from_us until they stop."""
    phase = phases_at(way, from_us)
    work_us, ended_us, blocked_us, begun, durable = stints(beats_of(way), phase, from_us, since_us, until_us)
    stretches = since_us, ended_us, blocked_us, phase
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
        start_us, ended_us, blocked_us, phase = map(np.concatenate, zip(within, np.array(rows).T, strict=True))
        stretches = start_us, ended_us, blocked_us, phase
    return Stretched(work_us, int(begun.sum()), int(durable.sum()), stretches)


def phases_at(way: Course, work_us: Ints) -> Ints:
    """Return the phases that the next steps after some work belong to."""
    return np.searchsorted(way.starts_us[1:], work_us, side="right")


def undone(way: Course, saved_us: Ints, work_us: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return the work beyond what is saved, by stint and phase in their order.

    Whose it is (positions), its phase, how long it took, and how many step boundaries it crosses.
    """
    start_us, end_us, step_us = (np.array(bounds)[:, None] for bounds in (way.starts_us, way.ends_us, way.step_us))
    from_us, to_us = np.maximum(saved_us, start_us), np.minimum(work_us, end_us)
    duration_us = to_us - from_us
    which, phase = np.nonzero(duration_us.T > 0)
    steps = (to_us - start_us) // step_us - (from_us - start_us) // step_us
    return which, phase, duration_us[phase, which], steps[phase, which]


def _durable(way: Course, done: Progress, until_us: int) -> int:
    """Return how many checkpoints of a span count when it has stopped."""
    by_us = until_us - way.tiers[0].durable_after_us + 1
    return sum(begun_before(way, batch, by_us) for batch in done.batches)
