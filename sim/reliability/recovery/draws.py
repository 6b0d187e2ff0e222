"""The random durations of a run other than lives: each from its own named stream, so that policies share them."""

from collections.abc import Callable
from itertools import repeat
from math import log, log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.reliability.failures.exposure import Uniforms
from sim.reliability.failures.laws import MAX_US, draw_us, durations_us
from sim.reliability.failures.slow import at_once
from sim.reliability.records import Law, RepairStage, RunPlan
from sim.reliability.saving.progress import make
from sim.streams import uniforms

Ints = NDArray[np.int64]

Attempt = Callable[[int], tuple[int, bool]]
"""How long an attempt takes in microseconds, and whether it helps, by node."""

RECOVERIES = 512
"""How many recoveries are drawn ahead at first."""


class Stages(NamedTuple):
    """How long the stages of one recovery take; `found`, what takes time before nodes are replaced.

    restores: what repeated attempts to restore take, in units of one.
    """

    found: tuple[tuple[str, int], ...]
    requeue_us: int
    select_host_us: int
    replace_us: int
    initialize_us: int
    rejoin_us: int
    warm_up_us: int
    restores: int


class Columns(NamedTuple):
    """What each stage takes in microseconds, by the number of the recovery; restores: how often it is tried."""

    detect: Ints
    diagnose: Ints
    requeue: Ints
    select_host: Ints
    replace: Ints
    initialize: Ints
    rejoin: Ints
    warm_up: Ints
    restores: Ints


class RecoveryTimes:
    """How long each stage takes in the n-th recovery of a run: element n of the stage's stream.

    Where the law of detection depends on the cause, the uniforms do not. Attempts of a stage that fail are geometric,
    and each takes its time.
    """

    __slots__ = ("blames", "by_cause", "detect_laws", "diagnose", "drawn", "plan", "seed", "usual")

    def __init__(self, plan: RunPlan) -> None:
        self.seed = plan.seed
        self.plan = plan.recovery
        self.detect_laws = dict(plan.recovery.detect_by_cause) | at_once(plan)
        # How many recoveries are drawn, and what they take; and what detection takes, where a cause has its own law.
        self.drawn = 0
        self.usual: list[Stages] = []
        self.diagnose: list[int] = []
        self.by_cause: dict[str, list[int]] = {}
        # Uniforms of the diagnoses: whether it is wrong, and whom it blames then.
        self.blames: NDArray[np.float64] = np.empty((2, 0))

    def launch(self) -> tuple[tuple[str, int], ...]:
        """Return what the first start of a run takes before it initialises nothing anew: the choice of hosts."""
        return (("schedule", self.stages("", 0).select_host_us),)

    def stages(self, cause: str, recovery: int) -> Stages:
        """Return the stages of the recovery of that number, from a failure of that cause."""
        if recovery >= self.drawn:
            self._draw(max(RECOVERIES, 2 * recovery))
        usual = self.usual[recovery]
        if cause not in self.detect_laws:
            return usual
        if cause not in self.by_cause:
            self.by_cause[cause] = self._table("detect", self.detect_laws[cause], self.drawn).tolist()
        found = _found(self.by_cause[cause][recovery], self.diagnose[recovery])
        return make(Stages, (found, *usual[1:]))

    def blamed(self, recovery: int) -> float | None:
        """Return a number in [0, 1) that says which healthy node a wrong diagnosis blames, None where it is right."""
        if self.plan.blames_right >= 1:
            return None
        wrong, whom = self.blames[:, recovery].tolist()
        return float(whom) if wrong >= self.plan.blames_right else None

    def columns(self, count: int) -> Columns:
        """Return what each stage takes in the first `count` recoveries."""
        plan = self.plan
        return Columns(
            self._table("detect", plan.detect, count),
            self._table("diagnose", plan.diagnose, count),
            self._table("requeue", plan.requeue, count),
            self._table("select_host", plan.select_host, count),
            self._table("replace", plan.replace, count),
            self._initialize(count),
            self._table("initialize", plan.rejoin or plan.initialize, count),
            self._table("warm_up", plan.warm_up, count),
            1 + self._failed("restore", count),
        )

    def detection(self, cause: str, count: int) -> Ints | None:
        """Return what detection takes in the first `count` recoveries from a cause; None where it is as of any."""
        law = self.detect_laws.get(cause)
        return None if law is None else self._table("detect", law, count)

    def _draw(self, count: int) -> None:
        plan, self.drawn = self.plan, count
        self.by_cause.clear()
        detect, self.diagnose, *others = (column.tolist() for column in self.columns(count))
        columns = (map(_found, detect, self.diagnose), *others)
        self.usual = list(map(make, repeat(Stages), zip(*columns, strict=True)))
        if plan.blames_right < 1:
            self.blames = np.stack([uniforms(self.seed, "recovery", what, count=count) for what in ("wrong", "whom")])

    def _initialize(self, count: int) -> Ints:
        table, more_us = self._table("initialize", self.plan.initialize, count), self.plan.initialize_more_us
        return table + more_us * (1 + self._failed("initialize", count)) if more_us else table

    def _table(self, stage: str, law: Law, count: int) -> Ints:
        """Return what a stage takes, attempts that fail included."""
        # The choice of hosts draws from the stream of the state that it is told under.
        name = "schedule" if stage == "select_host" else stage
        failed = self._failed(stage, count)
        if law.kind == "constant":
            return round(law.mean_s * 1e6) * (1 + failed)
        table = durations_us(law, uniforms(self.seed, "recovery", name, count=count))
        for attempt in range(1, int(failed.max(initial=0)) + 1):
            again = durations_us(law, uniforms(self.seed, "recovery", name, attempt, count=count))
            table = table + np.where(failed >= attempt, again, 0)
        return table

    def _failed(self, stage: str, count: int) -> Ints:
        """Return how many attempts of a stage fail before one passes: geometric."""
        success = self.plan.success.get(stage, 1.0)
        if success >= 1:
            return np.zeros(count, np.int64)
        drawn = uniforms(self.seed, "recovery", stage, "failed", count=count)
        return np.floor(np.log1p(-drawn) / log(1 - success)).astype(np.int64)


def _found(detect_us: int, diagnose_us: int) -> tuple[tuple[str, int], ...]:
    """Return the stages before nodes are replaced: those that take time, as no others need a wait."""
    if not diagnose_us:
        return (("detect", detect_us),) if detect_us else ()
    return (("detect", detect_us), ("diagnose", diagnose_us)) if detect_us else (("diagnose", diagnose_us),)


class RepairDraws:
    """What chance decides in repairs, by node, visit and try."""

    __slots__ = ("nodes", "seed", "streams")

    def __init__(self, seed: int, nodes: int) -> None:
        self.seed = seed
        self.nodes = nodes
        # A block of any holds all nodes.
        self.streams: dict[tuple[str | int, ...], Uniforms] = {}

    def time_us(self, name: str, time: Law, node: int, visit: int, tries: int = 0) -> int:
        """Return how long a stage takes."""
        if time.kind == "constant":
            return round(time.mean_s * 1e6)
        return draw_us(time, self._begun(name, "time", visit, tries).at(node))

    def attempts(self, name: str, stage: RepairStage, visit: int, tries: int = 0) -> Attempt:
        """Return what says of a node how long an attempt of a stage takes, and whether it helps.

        It is `time_us` and `succeeds` in one, for all nodes that come for the visit-th time and try for that often.
        """
        time, success = stage.time, stage.success
        timing, helping = self._begun(name, "time", visit, tries), self._begun(name, "success", visit, tries)
        if time.kind != "exponential" or not 0 < success < 1:
            return self._attempts(time, timing, success, helping)
        scale_us = -1e6 * time.mean_s

        def attempt(node: int) -> tuple[int, bool]:
            # The commonest, without a call: as `draw_us`.
            item, success_of = timing.item, helping.item
            time_us = round(scale_us * log1p(-(timing.at(node) if item is None else item(node))))
            helps = (helping.at(node) if success_of is None else success_of(node)) < success
            return time_us if time_us < MAX_US else MAX_US, helps

        return attempt

    def _attempts(self, time: Law, timing: Uniforms, success: float, helping: Uniforms) -> Attempt:
        constant_us = round(time.mean_s * 1e6) if time.kind == "constant" else None
        sure = None if 0 < success < 1 else success >= 1

        def attempt(node: int) -> tuple[int, bool]:
            time_us = draw_us(time, timing.at(node)) if constant_us is None else constant_us
            return time_us, helping.at(node) < success if sure is None else sure

        return attempt

    def succeeds(self, name: str, probability: float, node: int, visit: int, tries: int = 0) -> bool:
        """Say whether something of a probability happens."""
        if probability <= 0 or probability >= 1:
            return probability >= 1
        return self._begun(name, "success", visit, tries).at(node) < probability

    def _begun(self, *key: str | int) -> Uniforms:
        if key not in self.streams:
            self.streams[key] = Uniforms(self.seed, "repair", *key, likely=self.nodes)
        return self.streams[key]
