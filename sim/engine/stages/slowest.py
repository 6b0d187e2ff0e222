"""The slowest of some replicas, timing as few of them as bounds allow.

How much longer a replica takes than another whose stages are no slower is bounded, as nothing in a step stretches a
delay: what waits begins no later than what it waits for ends. Two things are not quite so. A kernel beside a collective
takes `slowdown` times as long, and so does what it is longer by. A collective that leaves a message less than half of a
NIC loses time to it, and a message that comes too late for that spares it. So, for a row of factors and a part of it (a
row that nowhere exceeds it),

    T(row) <= T(part) + slowdown x sum over stages of what their operations are longer by + chain x (lost + rounding)

chain: how many operations follow from each other at most; lost: the most that a message costs a collective. Proof:
where every message costs that, and where none does, a step is made of functions that are monotone and two of whose
values differ by no more than their arguments; the true step lies between both, and they differ by `lost` for each
message of a chain at most. Those functions also take no more than s >= 1 times as long where all that they are given
does, or less of it; so, for a row none of whose factors is more than s times that of another,

    T(row) <= s x (T(other) + chain x (lost + rounding))

which tells what the swing of the day makes of a row that is known without it. Steps that stages begin and end on their
own are spans, of which nothing is claimed.
"""

from collections import Counter
from collections.abc import Collection
from functools import cached_property
from math import inf

import numpy as np

from sim.engine.stages.replica import ReplicaTimer
from sim.engine.stages.replicas import replica_steps_ns
from sim.engine.stages.stage import NEVER
from sim.engine.step import shared_nic_ns
from sim.workload.slowed import Row
from sim.workload.step_plan import StepPlan
from sim.workload.stragglers import GRAINS, IntArray

ROUNDING_NS = 1000
"""More than an operation rounds: to a nanosecond, in each of its states and blocks, and of what runs beside it."""

LIKELY = 50
"""Factors on one stage that are timed at once, a hundredth apart."""

RENTED = 24
"""Replicas with one slow stage that are timed alone before all that are likely are timed at once; as that takes about
as long, no more than twice what was needed is spent."""


class SlowestReplica:
    """Times the replicas of one step by the factors of their stages, each once; all runs of a job may ask."""

    def __init__(self, plan: StepPlan) -> None:
        self.plan = plan
        self.known: dict[Row, int] = {}
        self._all: dict[bytes, int] = {}
        self._bounds: dict[Row, float] = {}
        self._longer: dict[tuple[int, int, int], float] = {}
        self._rented: Counter[tuple[int, int]] = Counter()

    def slowest_ns(self, rows: Collection[Row], at_least_ns: int = 0) -> int:
        """Return the step time of the slowest of some replicas, and no less than what the step takes anyway."""
        slowest_ns, unknown = at_least_ns, []
        for row in rows:
            known_ns = self.known.get(row)
            if known_ns is None:
                unknown.append((self._bounds.get(row) or self._bound_ns(row), row))
            elif known_ns > slowest_ns:
                slowest_ns = known_ns
        for bound_ns, row in sorted(unknown, reverse=True):
            # More may be known of its parts by now.
            if bound_ns > slowest_ns and self._bound_ns(row) > slowest_ns:
                slowest_ns = max(slowest_ns, self.step_ns(row))
        return slowest_ns

    def all_ns(self, rows: IntArray) -> int:
        """Return the step time of the slowest of all replicas of a job, by [replica, stage]."""
        key = rows.tobytes()
        if key not in self._all:
            self._all[key] = int(replica_steps_ns(self.plan, rows).max())
        return self._all[key]

    def step_ns(self, row: Row) -> int:
        """Return the step time of a replica."""
        if row not in self.known:
            self._rent(row)
        if row not in self.known:
            self.known[row] = self.timer.step_ns(row)
        return self.known[row]

    def bound_ns(self, row: Row) -> float:
        """Return what no replica of such factors exceeds, by what is known of parts of it; infinite where none is."""
        others = min(row)
        if not self.bounded:
            return inf
        longer = {stage: self._longer_ns(stage, factor, others) for stage, factor in enumerate(row) if factor > others}
        whole = sum(longer.values())
        parts = [self.known.get((others,) * len(row), inf) + whole]
        parts += [self.known.get(_alone(row, stage), inf) + whole - own for stage, own in longer.items()]
        return min(min(parts) + self.margin_ns, self._scaled_ns(row, others))

    @cached_property
    def timer(self) -> ReplicaTimer:
        """What times a replica."""
        return ReplicaTimer(self.plan)

    @cached_property
    def bounded(self) -> bool:
        """Return whether nothing in the step stretches a delay."""
        plan = self.plan
        return plan.optimizer_sync == "global-norm" and plan.slowdown <= 2 and plan.nic_share <= 1

    @cached_property
    def margin_ns(self) -> float:
        """Return what messages cost collectives along the longest chain of operations, and rounding."""
        lost_ns = 0
        if self.plan.nic_share > 0:
            lost_ns = max(shared_nic_ns(each, NEVER, self.plan.nic_share)[1] for each in self.plan.boundary_ns)
        return self.timer.longest_chain() * (lost_ns + ROUNDING_NS)

    def _bound_ns(self, row: Row) -> float:
        """Return a bound, which is kept."""
        others = (min(row),) * len(row)
        if others == row:
            return inf
        self.step_ns(others)
        self._bounds[row] = self.bound_ns(row)
        return self._bounds[row]

    def _scaled_ns(self, row: Row, others: int) -> float:
        """Return a bound by the row with the same ratios whose others run at the nominal pace, if that is known."""
        nominal = tuple(round(factor * GRAINS / others) for factor in row)
        known_ns = self.known.get(nominal, inf) if others > GRAINS else inf
        if known_ns == inf:
            return inf
        return max(1.0, *(factor / one for factor, one in zip(row, nominal, strict=True))) * (known_ns + self.margin_ns)

    def _longer_ns(self, stage: int, factor: int, others: int) -> float:
        """Return by how much longer the operations of a stage are, with what runs beside them."""
        key = stage, factor, others
        if key not in self._longer:
            pairs = zip(self.timer.durations(stage, factor), self.timer.durations(stage, others), strict=True)
            self._longer[key] = self.plan.slowdown * sum(max(0, own - other) for own, other in pairs)
        return self._longer[key]

    def _rent(self, row: Row) -> None:
        """Count a row one of whose stages is slow by some hundredths; once too many are like it, time all such."""
        others, slowest = min(row), max(row)
        hundredths = round(100 * slowest / others) - 100
        if row.count(others) != len(row) - 1 or slowest != _level(others, hundredths) or hundredths < 1:
            return
        block = (hundredths - 1) // LIKELY
        self._rented[others, block] += 1
        if self._rented[others, block] > RENTED:
            self._buy(others, range(block * LIKELY + 1, (block + 1) * LIKELY + 1), len(row))

    def _buy(self, others: int, hundredths: range, stages: int) -> None:
        levels = {_level(others, each) for each in hundredths} - {others}
        likely = {_alone((level,) * stages, stage, others) for level in levels for stage in range(stages)}
        rows = sorted(likely - self.known.keys())
        steps = replica_steps_ns(self.plan, np.array(rows, dtype=np.int64))
        self.known.update(zip(rows, steps.tolist(), strict=True))


def _level(others: int, hundredths: int) -> int:
    """Return a factor that is some hundredths above that of the others, in grains.

    >>> _level(1015, 10)
    1116
    """
    return round(others * (100 + hundredths) / 100)


def _alone(row: Row, stage: int, others: int | None = None) -> Row:
    """Return a row with one stage as it is, and the others at the pace of the fastest.

    >>> _alone((1000, 1100, 1200), 2)
    (1000, 1000, 1200)
    """
    others = min(row) if others is None else others
    return (others,) * stage + (row[stage],) + (others,) * (len(row) - stage - 1)
