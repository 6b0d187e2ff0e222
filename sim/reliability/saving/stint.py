"""An uninterrupted span of steps of one phase, whose checkpoints all go to one store: what most runs consist of.

`advance`, `newest_save` and `ended_us` say the same of any number of phases, tiers and conditions.
"""

from typing import NamedTuple

from sim.reliability.saving.progress import Course, make


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


class Stint(NamedTuple):
    """What a span achieved: work, the end of its last step or checkpoint, what these block, how many it began.

    durable: how many of them count. first_us: the work at the first, which begins at begin_us.
    """

    work_us: int
    end_us: int
    blocked_us: int
    begun: int
    durable: int
    first_us: int
    begin_us: int


def beat_of(course: Course) -> Beat:
    """Return the rule of a course, which has one phase and one tier."""
    (step_us,), (cycle_us,), (tier,) = course.step_us, course.cycle_us, course.tiers
    block_us = course.blocks_us[1]
    spacing_us, durable_after_us = course.spacing_us, tier.durable_after_us
    return Beat(step_us, cycle_us, cycle_us + block_us, block_us, spacing_us, durable_after_us, course.end_us)


def stint(beat: Beat, work_us: int, since_us: int, stop_us: int) -> Stint:
    """Return what a job achieves that steps from since_us at work_us until it is stopped, not after its work ends.

    >>> beat = Beat(step_us=7, cycle_us=21, pitch_us=23, block_us=2, spacing_us=20, durable_after_us=5, end_us=70)
    >>> stint(beat, 0, 100, 150)
    Stint(work_us=46, end_us=150, blocked_us=4, begun=2, durable=2, first_us=21, begin_us=121)
    """
    step_us, cycle_us, pitch_us, block_us, spacing_us, durable_after_us, last_us = beat
    begun = blocked_us = durable = 0
    first_us = -(-(work_us + spacing_us) // step_us) * step_us
    begin_us = since_us + first_us - work_us
    if spacing_us and begin_us < stop_us and first_us < last_us:
        begun = min((stop_us - begin_us - 1) // pitch_us, (last_us - 1 - first_us) // cycle_us) + 1
        blocked_us = begun * block_us
        since_us += blocked_us
        if begin_us <= (by_us := stop_us - durable_after_us):
            durable = min((by_us - begin_us) // pitch_us + 1, begun)
        # Stopped in the block of its newest checkpoint.
        beyond_us = begin_us + (begun - 1) * pitch_us + block_us - stop_us
        if beyond_us > 0:
            blocked_us -= beyond_us
            since_us -= beyond_us
    done_us = min(last_us, work_us + stop_us - since_us)
    return make(Stint, (done_us, since_us + done_us - work_us, blocked_us, begun, durable, first_us, begin_us))


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
