"""Intervals to simulate: a logarithmic grid of whole steps, from what the store allows to the length of the run."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sim.reliability.plan import planned_us
from sim.reliability.records import RunPlan
from sim.reliability.saving.progress import course

RATIO = 2**0.5
"""Between two intervals of a grid."""

POINTS = 4
"""Intervals on either side of the centre, so that a grid spans a factor of 4 to each; and how many are added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What intervals a plan can tell apart, in microseconds: whole steps of `step_us` from shortest to longest.

    shortest_us: a step, or what the newest checkpoint takes until another may begin. longest_us: half of the run, so
    that there is a checkpoint at least. slack: by which part an interval may be shorter than its steps, as steps of
    another seed (other hashed routes, other slow GPUs) may be; the steps are as many.
    """

    step_us: int
    shortest_us: int
    longest_us: int
    slack: float = 0.0


SLACK = 0.05
"""By which part steps of another seed may be shorter, where they are simulated."""


def scale_of(plan: RunPlan, slack: float = 0.0) -> Scale:
    """Return the scale of a plan, with the steps of its longest phase.

    >>> from sim.reliability.examples import run_plan
    >>> scale_of(run_plan())
    Scale(step_us=10000000, shortest_us=10000000, longest_us=500000000, slack=0.0)
    """
    checkpoint = plan.checkpoint
    main = max(plan.phases, key=lambda phase: float("inf") if phase.steps is None else phase.steps * phase.step_time_us)
    step_us = main.step_time_us
    # What flushes leave of the shortest interval there is.
    flush_us = course(plan.phases, replace(checkpoint, interval_us=1), plan.work_us).spacing_us
    shortest_us = max(1, -(-flush_us // step_us)) * step_us
    return Scale(
        step_us=step_us,
        shortest_us=shortest_us,
        longest_us=max(shortest_us, planned_us(plan) // 2 // step_us * step_us),
        slack=slack,
    )


def cycle_us(scale: Scale, interval_us: int) -> int:
    """Return the work between two checkpoints: the first whole number of steps that is no shorter than the interval.

    >>> cycle_us(Scale(step_us=10, shortest_us=20, longest_us=500), 31)
    40
    """
    return max(scale.shortest_us, -(-interval_us // scale.step_us) * scale.step_us)


def log_grid(centre_us: float, scale: Scale) -> tuple[int, ...]:
    """Return a grid about an interval, each rounded to a whole number of steps.

    >>> log_grid(100, Scale(step_us=10, shortest_us=20, longest_us=300))
    (20, 40, 50, 70, 100, 140, 200, 280, 300)
    """
    return whole_steps((centre_us * RATIO**power for power in range(-POINTS, POINTS + 1)), scale)


def further(grid: Iterable[int], scale: Scale, *, longer: bool) -> tuple[int, ...]:
    """Return intervals beyond one end of a grid; none where it is the end of the scale.

    >>> further((50, 70, 100), Scale(step_us=10, shortest_us=20, longest_us=500), longer=False)
    (20, 40)
    """
    known = sorted(grid)
    end, sign = (known[-1], 1) if longer else (known[0], -1)
    beyond = whole_steps((end * RATIO ** (sign * power) for power in range(1, POINTS + 1)), scale)
    return tuple(each for each in beyond if (each > end if longer else each < end))


def whole_steps(intervals_us: Iterable[float], scale: Scale) -> tuple[int, ...]:
    """Return intervals that end with the nearest whole numbers of steps on the scale, each once.

    They are shorter by the slack, or by half a step where that is less.

    >>> whole_steps([33, 78], Scale(step_us=10, shortest_us=20, longest_us=300, slack=0.1))
    (27, 75)
    """
    steps_us = {round(each / scale.step_us) * scale.step_us for each in intervals_us}
    bounded = sorted({min(max(each, scale.shortest_us), scale.longest_us) for each in steps_us})
    return tuple(each - round(min(scale.slack * each, scale.step_us / 2)) for each in bounded)
