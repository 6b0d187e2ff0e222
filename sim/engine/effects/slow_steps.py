"""Steps with slow GPUs, from the steps of a model.

What the network costs is not built anew, and replicas that are alike are timed once, if they can be the slowest.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from sim.engine.stages.slow_rows import PhaseRanks, SlowRows
from sim.engine.stages.slowest import SlowestReplica
from sim.engine.step import StepTimeline
from sim.reliability.failures.slow import PaceTimes, Slowed, grains_of
from sim.reliability.records import Swing
from sim.workload.build import BuiltStep
from sim.workload.profile import StepProfile
from sim.workload.stragglers import GRAINS

Ends = tuple[int, int]
"""The time of a step without what throttles, and with it."""

Known = dict[int, SlowestReplica]
"""What times replicas on one network, by phase; on the whole one, runs of a job share it."""


class TimedStep(Protocol):
    """A step of the job as it is without slow GPUs: what it was built of, its profile, and a nominal replica."""

    @property
    def built(self) -> BuiltStep: ...

    @property
    def profile(self) -> StepProfile: ...

    @property
    def timeline(self) -> StepTimeline: ...


class StepPacer:
    """Times steps with slow GPUs: the slowest of the job as it was, and of the replicas that hold a slow GPU.

    In those replicas, GPUs that are not slow run at the pace of their kind, so that slow GPUs at like places share a
    profile. steps_of: the steps of every phase under a condition of the network. A replica may not be faster for a slow
    GPU: the step takes as long as before at least. What slow GPUs cost, for all of the job, is straggler or throttle.
    """

    def __init__(
        self,
        steps_of: Callable[[int], Sequence[TimedStep]],
        ranks_of: Callable[[int], PhaseRanks],
        swing: Swing | None = None,
        known: Known | None = None,
    ) -> None:
        self._steps_of = steps_of
        self._ranks_of = ranks_of
        self._swing = grains_of(swing.factor if swing else 1.0)
        self._times: dict[int, Known] = {0: {} if known is None else known}
        self._swung: dict[tuple[int, int], int] = {}
        self._asked: dict[tuple[int, frozenset[Slowed], bool], int] = {}
        self._keys: list[tuple[int, bool, tuple[Ends, ...]]] = []
        self._numbers: dict[tuple[int, bool, tuple[Ends, ...]], int] = {}
        self._rows: dict[int, SlowRows] = {}
        self._number(0, frozenset(), False)

    def condition(self, network: int, slow: Collection[Slowed], swung: bool) -> int:
        """Return the number of what slow GPUs make of the steps of all phases."""
        key = network, frozenset(slow), swung
        if key not in self._asked:
            self._asked[key] = self._number(*key)
        return self._asked[key]

    def step_us(self, condition: int) -> tuple[int, ...]:
        """Return how long steps take, by phase."""
        return tuple(max(1, round(slowest_ns / 1000)) for _, slowest_ns in self._keys[condition][2])

    def profiles(self, condition: int) -> tuple[StepProfile, ...]:
        """Return the step of every phase under a condition."""
        network, _, ends = self._keys[condition]
        return tuple(_slowed(step, end) for step, end in zip(self._steps_of(network), ends, strict=True))

    def times(self, condition: int) -> PaceTimes:
        """Return what the network, the day and slow GPUs make of steps."""
        network, swung, ends = self._keys[condition]
        steps = self._steps_of(network)
        hour = [self._without(network, phase, swung)[1] for phase in range(len(steps))]
        whole = [step.profile.step_time_ns for step in steps]
        return PaceTimes(network != 0, tuple(whole), tuple(hour), tuple(slowest_ns for _, slowest_ns in ends))

    def _number(self, network: int, slow: frozenset[Slowed], swung: bool) -> int:
        phases = range(len(self._steps_of(network)))
        key = network, swung, tuple(self._ends(network, phase, slow, swung) for phase in phases)
        if key not in self._numbers:
            self._numbers[key] = len(self._keys)
            self._keys.append(key)
        return self._numbers[key]

    def _ends(self, network: int, phase: int, slow: frozenset[Slowed], swung: bool) -> Ends:
        own_ns, slowest_ns = self._without(network, phase, swung)
        if not slow:
            return own_ns, slowest_ns
        if phase not in self._rows:
            self._rows[phase] = SlowRows(self._ranks_of(phase), self._swing)
        replicas = self._replicas(network, phase)
        own, hot = self._rows[phase].rows(slow, swung=swung)
        own_ns = replicas.slowest_ns(own, own_ns)
        slowest_ns = max(own_ns, slowest_ns)
        # What does not throttle is no slower with it.
        hotter = [row for row, plain in zip(hot, own, strict=True) if row is not plain]
        return own_ns, replicas.slowest_ns(hotter, slowest_ns) if hotter else slowest_ns

    def _without(self, network: int, phase: int, swung: bool) -> Ends:
        """Return the ends of a step without slow GPUs, by day or by night."""
        own_ns, slowest_ns = _ends_of(self._steps_of(network)[phase])
        if not swung:
            return own_ns, slowest_ns
        if (network, phase) not in self._swung:
            rows = np.rint(self._ranks_of(phase).factors.throttled * (self._swing / GRAINS)).astype(np.int64)
            self._swung[network, phase] = self._replicas(network, phase).all_ns(rows)
        return own_ns, max(slowest_ns, self._swung[network, phase])

    def _replicas(self, network: int, phase: int) -> SlowestReplica:
        known = self._times.setdefault(network, {})
        if phase not in known:
            known[phase] = SlowestReplica(self._steps_of(network)[phase].built.plan)
        return known[phase]


def _ends_of(step: TimedStep) -> Ends:
    """Return the time of a step without throttling and with it, as its states hold them."""
    straggling_ns = step.profile.state_ns.get("straggler", 0) // step.profile.stages
    return step.timeline.step_ns + straggling_ns, step.profile.step_time_ns


def _slowed(step: TimedStep, ends: Ends) -> StepProfile:
    """Return a profile whose step takes longer: what slow GPUs and throttling cost is the wait of all for them."""
    own_ns, slowest_ns = ends
    profile, stages = step.profile, step.profile.stages
    if ends == _ends_of(step):
        return profile
    states = dict(profile.state_ns)
    states["straggler"] = stages * (own_ns - step.timeline.step_ns)
    states["throttle"] = stages * (slowest_ns - own_ns)
    return replace(profile, step_time_ns=slowest_ns, state_ns=states)
