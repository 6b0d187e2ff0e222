"""An uninterrupted span of steps of one phase, whose checkpoints all go to one store: what most runs consist of.

`advance` and `newest_save` say the same of any number of phases, tiers and conditions.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.reliability.records import Tier
from sim.reliability.saving.progress import NEVER_US, Batch, Course, begun_before, begun_us

Ints = NDArray[np.int64]


class Beat(NamedTuple):
    """The rule of a phase of a course of one tier: what happens in it until it is left.

    Where its work begins; a step, the work from one checkpoint to the next and its time, which holds what a checkpoint
    blocks besides; when one is due, when it counts, and where all work ends: NEVER_US where another phase follows.
    """

    start_us: int
    step_us: int
    cycle_us: int
    pitch_us: int
    block_us: int
    spacing_us: int
    durable_after_us: int
    end_us: int


class Stints(NamedTuple):
    """What stints achieved, one element each: work, the end of their last step or checkpoint, what these block.

    begun: how many checkpoints they began; durable: how many of them count.
    """

    work_us: Ints
    end_us: Ints
    blocked_us: Ints
    begun: Ints
    durable: Ints


def beats_of(course: Course) -> tuple[Beat, ...]:
    """Return the rules of the phases of a course of one tier.

    >>> from sim.reliability.examples import run_plan
    >>> from sim.reliability.saving.progress import course
    >>> plan = run_plan()
    >>> (beat,) = beats_of(course(plan.phases, plan.checkpoint, None))
    >>> beat.cycle_us, beat.pitch_us, beat.end_us
    (100000000, 102000000, 1000000000)
    """
    (tier,), block_us, spacing_us = course.tiers, course.blocks_us[1], course.spacing_us
    columns = zip(course.starts_us, course.ends_us, course.step_us, course.cycle_us, strict=True)
    return tuple(
        Beat(
            start_us=start_us,
            step_us=step_us,
            cycle_us=cycle_us,
            pitch_us=cycle_us + block_us,
            block_us=block_us,
            spacing_us=spacing_us,
            durable_after_us=tier.durable_after_us,
            end_us=end_us if end_us == course.end_us else NEVER_US,
        )
        for start_us, end_us, step_us, cycle_us in columns
    )


def leaves_us(course: Course, phase: int) -> int:
    """Return the work at which a job goes over to another phase, NEVER_US where none follows."""
    end_us = course.ends_us[phase]
    return end_us if end_us < course.end_us else NEVER_US


def last_save(beat: Beat, work_us: int, since_us: int, stop_us: int) -> tuple[int, int] | None:
    """Return the work in the newest checkpoint of a stint that counts, and when that began; None where none does.

    >>> beat = Beat(0, step_us=7, cycle_us=21, pitch_us=23, block_us=2, spacing_us=20, durable_after_us=5, end_us=70)
    >>> last_save(beat, 0, 100, 150), last_save(beat, 0, 100, 125)
    ((42, 144), None)
    """
    start_us, step_us, cycle_us, pitch_us, _, spacing_us, durable_after_us, last_us = beat
    first_us = start_us - (start_us - work_us - spacing_us) // step_us * step_us
    begin_us = since_us + first_us - work_us
    # One that begins at the stop has not begun.
    since_first_us = stop_us - (durable_after_us or 1) - begin_us
    if since_first_us < 0 or first_us >= last_us or not spacing_us:
        return None
    ahead = min(since_first_us // pitch_us, (last_us - 1 - first_us) // cycle_us)
    return first_us + ahead * cycle_us, begin_us + ahead * pitch_us


def newest_of(course: Course, batches: Sequence[Batch], tier: Tier, stop_us: int) -> tuple[int, int, int] | None:
    """Return the newest checkpoint of a span that was stopped which a tier has taken and that counts, None where none.

    Its work, when it began, and its number: of one store and phase, `last_save` says the same.

    >>> from sim.reliability.examples import run_plan
    >>> from sim.reliability.saving.progress import advance, course
    >>> way = course(run_plan().phases, run_plan().checkpoint, None)
    >>> newest_of(way, advance(way, 0, 0, 210_000_000).batches, way.tiers[0], 210_000_000)
    (200000000, 202000000, 2)
    """
    by_us = stop_us - tier.durable_after_us + 1
    for batch in reversed(batches):
        _, first, _, work_us, cycle_us = batch
        held = begun_before(course, batch, by_us)
        place = held - 1 - (first + held - 1) % tier.every
        if place >= 0:
            return work_us + place * cycle_us, begun_us(course, batch, place), first + place
    return None


def stints(beats: Sequence[Beat], phase: Ints, work_us: Ints, since_us: Ints, stop_us: Ints) -> Stints:
    """Return what jobs achieve that step from since_us at work_us until they are stopped, not after their work ends.

    phase: in which they step, and remain.

    >>> beat = Beat(0, step_us=7, cycle_us=21, pitch_us=23, block_us=2, spacing_us=20, durable_after_us=5, end_us=70)
    >>> [column.item() for column in stints([beat], *map(np.array, ([0], [0], [100], [150])))]
    [46, 150, 4, 2, 2]
    """
    columns = np.array(beats, np.int64).T
    rules = columns if len(beats) == 1 else columns[:, phase]
    start_us, step_us, cycle_us, pitch_us, block_us, spacing_us, durable_after_us, last_us = rules
    first_us = start_us - (start_us - work_us - spacing_us) // step_us * step_us
    begin_us = since_us + first_us - work_us
    saves = (begin_us < stop_us) & (first_us < last_us) & (spacing_us > 0)
    # Without checkpoints there is no cycle.
    cycle_us, pitch_us = np.maximum(cycle_us, 1), np.maximum(pitch_us, 1)
    most = (last_us - 1 - first_us) // cycle_us + 1
    begun = np.where(saves, np.minimum((stop_us - begin_us - 1) // pitch_us + 1, most), 0)
    by_us = stop_us - durable_after_us
    durable = np.where(saves & (begin_us <= by_us), np.minimum((by_us - begin_us) // pitch_us + 1, begun), 0)
    # Some are stopped in the block of their newest checkpoint.
    beyond_us = np.maximum(begin_us + (begun - 1) * pitch_us + block_us - stop_us, 0) * saves
    blocked_us = begun * block_us - beyond_us
    done_us = np.minimum(last_us, work_us + stop_us - since_us - blocked_us)
    return Stints(done_us, since_us + blocked_us + done_us - work_us, blocked_us, begun, durable)
