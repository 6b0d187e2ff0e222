"""An uninterrupted span of steps of one phase, whose checkpoints all go to one store: what most runs consist of.

`advance`, `newest_save` and `ended_us` say the same of any number of phases, tiers and conditions.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.reliability.saving.progress import Course

Ints = NDArray[np.int64]


class Beat(NamedTuple):
    """The rule of a course of one phase and one tier.

    A step, the work from one checkpoint to the next and its time, which holds what a checkpoint blocks besides; when
    one is due, when it counts, and where the work ends.
    """

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


def beat_of(course: Course) -> Beat:
    """Return the rule of a course, which has one phase and one tier."""
    (step_us,), (cycle_us,), (tier,) = course.step_us, course.cycle_us, course.tiers
    block_us = course.blocks_us[1]
    spacing_us, durable_after_us = course.spacing_us, tier.durable_after_us
    return Beat(step_us, cycle_us, cycle_us + block_us, block_us, spacing_us, durable_after_us, course.end_us)


def last_save(beat: Beat, work_us: int, since_us: int, stop_us: int) -> tuple[int, int] | None:
    """Return the work in the newest checkpoint of a stint that counts, and when that began; None where none does.

    >>> beat = Beat(step_us=7, cycle_us=21, pitch_us=23, block_us=2, spacing_us=20, durable_after_us=5, end_us=70)
    >>> last_save(beat, 0, 100, 150), last_save(beat, 0, 100, 125)
    ((42, 144), None)
    """
    step_us, cycle_us, pitch_us, _, spacing_us, durable_after_us, last_us = beat
    first_us = -(-(work_us + spacing_us) // step_us) * step_us
    begin_us = since_us + first_us - work_us
    # One that begins at the stop has not begun.
    since_first_us = stop_us - (durable_after_us or 1) - begin_us
    if since_first_us < 0 or first_us >= last_us or not spacing_us:
        return None
    ahead = min(since_first_us // pitch_us, (last_us - 1 - first_us) // cycle_us)
    return first_us + ahead * cycle_us, begin_us + ahead * pitch_us


def stints(beat: Beat, work_us: Ints, since_us: Ints, stop_us: Ints) -> Stints:
    """Return what jobs achieve that step from since_us at work_us until they are stopped, not after their work ends.

    >>> beat = Beat(step_us=7, cycle_us=21, pitch_us=23, block_us=2, spacing_us=20, durable_after_us=5, end_us=70)
    >>> [column.item() for column in stints(beat, *map(np.array, ([0], [100], [150])))]
    [46, 150, 4, 2, 2]
    """
    step_us, cycle_us, pitch_us, block_us, spacing_us, durable_after_us, last_us = beat
    first_us = -(-(work_us + spacing_us) // step_us) * step_us
    begin_us = since_us + first_us - work_us
    saves = (begin_us < stop_us) & (first_us < last_us) & (spacing_us > 0)
    # Without checkpoints there is no cycle.
    cycle_us, pitch_us = cycle_us or 1, pitch_us or 1
    most = (last_us - 1 - first_us) // cycle_us + 1
    begun = np.where(saves, np.minimum((stop_us - begin_us - 1) // pitch_us + 1, most), 0)
    by_us = stop_us - durable_after_us
    durable = np.where(saves & (begin_us <= by_us), np.minimum((by_us - begin_us) // pitch_us + 1, begun), 0)
    # Some are stopped in the block of their newest checkpoint.
    beyond_us = np.maximum(begin_us + (begun - 1) * pitch_us + block_us - stop_us, 0) * saves
    blocked_us = begun * block_us - beyond_us
    done_us = np.minimum(last_us, work_us + stop_us - since_us - blocked_us)
    return Stints(done_us, since_us + blocked_us + done_us - work_us, blocked_us, begun, durable)


def stepped_until_us(beat: Beat, work_us: int, since_us: int) -> int:
    """Return when a job that is not stopped reaches the end of its work.

    >>> beat = Beat(step_us=7, cycle_us=21, pitch_us=23, block_us=2, spacing_us=20, durable_after_us=5, end_us=70)
    >>> stepped_until_us(beat, 0, 100)
    176
    """
    step_us, cycle_us, _, block_us, spacing_us, _, last_us = beat
    end_us = since_us + last_us - work_us
    first_us = -(-(work_us + spacing_us) // step_us) * step_us
    if spacing_us and first_us < last_us:
        end_us += ((last_us - 1 - first_us) // cycle_us + 1) * block_us
    return end_us
