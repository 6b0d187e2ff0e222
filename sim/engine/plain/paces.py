"""The courses of the conditions that the stints of a plain run met: what each tells of work, for all stints at once."""

from collections.abc import Mapping, Sequence

import numpy as np

from sim.ledger.time.apportion import Ints
from sim.reliability.saving.progress import Course
from sim.reliability.saving.stint import Stints, beats_of, leaves_us, stints


class Paces:
    """Which of these courses is each stint's own; `way` is that of whole steps. All bounds are of each stint.

    phase: in which a stint begins; place: of its course among those that were met.
    """

    def __init__(self, way: Course, conditions: Ints, phase: Ints, courses: Mapping[int, Course]) -> None:
        met, self.place = np.unique(conditions, return_inverse=True)
        # What met several conditions has no course of its own, and asks for none.
        self.courses = [courses.get(condition, way) for condition in met.tolist()] or [way]
        self.way = way
        self.one = all(course is way for course in self.courses)
        self.rule = self.place * len(way.step_us) + phase
        self.starts_us, self.step_us = np.array(way.starts_us)[phase], np.array(way.step_us)[phase]
        self.own_starts_us = self._of([course.starts_us for course in self.courses])
        self.own_step_us = self._of([course.step_us for course in self.courses])

    def leaves_us(self) -> Ints:
        """Return the work of their own at which stints go over to another phase: see `stint.leaves_us`."""
        return self._of([[leaves_us(each, phase) for phase in range(len(each.step_us))] for each in self.courses])

    def stints(self, work_us: Ints, since_us: Ints, until_us: Ints) -> Stints:
        """Return what stints achieve that remain in their phases, from work of their own."""
        beats = [beat for course in self.courses for beat in beats_of(course)]
        return stints(beats, self.rule, work_us, since_us, until_us)

    def own(self, work_us: Ints) -> Ints:
        """Return work of whole steps as that of stints' own courses: see `legs.moved`."""
        if self.one:
            return work_us
        steps = (work_us - self.starts_us) // self.step_us
        rest_us = work_us - self.starts_us - steps * self.step_us
        own_us: Ints = self.own_starts_us + steps * self.own_step_us
        return own_us + parts_of(rest_us, self.own_step_us, self.step_us)

    def whole(self, work_us: Ints) -> Ints:
        """Return work of stints' own courses as that of whole steps."""
        if self.one:
            return work_us
        steps = (work_us - self.own_starts_us) // self.own_step_us
        rest_us = work_us - self.own_starts_us - steps * self.own_step_us
        ended = work_us == np.array([course.end_us for course in self.courses])[self.place]
        whole_us = self.starts_us + steps * self.step_us + parts_of(rest_us, self.step_us, self.own_step_us)
        ended_us: Ints = np.where(ended, self.way.end_us, whole_us)
        return ended_us

    def _of(self, bounds: Sequence[Sequence[int]]) -> Ints:
        of_each: Ints = np.array(bounds).ravel()[self.rule]
        return of_each


def parts_of(rest_us: Ints, one_us: Ints, other_us: Ints) -> Ints:
    """Return what parts of steps of one length are of steps of another, rounded down: rest x one / other, exactly.

    >>> parts_of(np.array([5, 3_000_000_000]), np.array([7, 4_000_000_000]), np.array([10, 3_600_000_000])).tolist()
    [3, 3333333333]
    """
    if int(one_us.max(initial=0)) * int(other_us.max(initial=0)) < 2**63:
        return rest_us * one_us // other_us
    columns = zip(rest_us.tolist(), one_us.tolist(), other_us.tolist(), strict=True)
    return np.array([rest * one // other for rest, one, other in columns], np.int64)


def by_phase(courses: Sequence[Course], place: Ints, from_us: Ints, to_us: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return by phase, in their order, what was done between two points, each of a course at its place.

    Whose it is (positions), its phase, how long it took, and how many step boundaries it crosses.
    """
    bounds = zip(*((course.starts_us, course.ends_us, course.step_us) for course in courses), strict=True)
    start_us, end_us, step_us = (np.array(each)[place].T for each in bounds)
    from_us, to_us = np.maximum(from_us, start_us), np.minimum(to_us, end_us)
    duration_us = to_us - from_us
    which, phase = np.nonzero(duration_us.T > 0)
    steps = (to_us - start_us) // step_us - (from_us - start_us) // step_us
    return which, phase, duration_us[phase, which], steps[phase, which]
