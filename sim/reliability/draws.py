"""The random durations of a run other than lives: each from its own named stream, so that policies share them."""

from sim.reliability.exposure import Uniforms
from sim.reliability.laws import draw_us, durations_us
from sim.reliability.records import Law, RepairStage, RunPlan
from sim.reliability.slow import at_once
from sim.streams import uniforms

RECOVERY_STAGES = ("detect", "schedule", "replace", "initialize", "restore", "warm_up")
"""Stages of a recovery in their order."""

# How many recoveries are drawn ahead at first.
_RECOVERIES = 512


class RecoveryTimes:
    """How long each stage takes in the n-th recovery of a run: element n of the stage's stream.

    Where the law of detection depends on the cause, the uniforms do not.
    """

    __slots__ = ("detect", "detect_laws", "laws", "rows", "seed")

    def __init__(self, plan: RunPlan) -> None:
        recovery = plan.recovery
        self.seed = plan.seed
        # In the order of RECOVERY_STAGES.
        self.laws = (
            recovery.detect,
            recovery.select_host,
            recovery.replace,
            recovery.initialize,
            Law(mean_s=plan.checkpoint.restore_us * 1e-6),
            recovery.warm_up,
        )
        self.detect_laws = dict(recovery.detect_by_cause) | at_once(plan)
        self.rows: list[tuple[tuple[str, int], ...]] = []
        self.detect: dict[str, list[int]] = {}
        self._draw(_RECOVERIES)

    def stages(self, cause: str, recovery: int) -> tuple[tuple[str, int], ...]:
        """Return the stages of the recovery of that number, from a failure of that cause, with their durations."""
        if recovery >= len(self.rows):
            self._draw(2 * recovery)
        stages = self.rows[recovery]
        if cause in self.detect:
            return (("detect", self.detect[cause][recovery]), *stages[1:])
        return stages

    def _draw(self, count: int) -> None:
        columns = [
            [(stage, duration_us) for duration_us in self._table(stage, law, count)]
            for stage, law in zip(RECOVERY_STAGES, self.laws, strict=True)
        ]
        self.rows = list(zip(*columns, strict=True))
        self.detect = {cause: self._table("detect", law, count) for cause, law in self.detect_laws.items()}

    def _table(self, stage: str, law: Law, count: int) -> list[int]:
        if law.kind == "constant":
            return [round(law.mean_s * 1e6)] * count
        table: list[int] = durations_us(law, uniforms(self.seed, "recovery", stage, count=count)).tolist()
        return table


class RepairDraws:
    """How long tries of repair take and whether they succeed, by node, visit and try."""

    __slots__ = ("nodes", "seed", "streams")

    def __init__(self, seed: int, nodes: int) -> None:
        self.seed = seed
        self.nodes = nodes
        self.streams: dict[tuple[str, str, int, int], Uniforms] = {}

    def time_us(self, name: str, stage: RepairStage, node: int, visit: int, tries: int) -> int:
        """Return how long a try of a stage of repair takes."""
        if stage.time.kind == "constant":
            return round(stage.time.mean_s * 1e6)
        return draw_us(stage.time, self._uniform(name, "time", node, visit, tries))

    def succeeds(self, name: str, stage: RepairStage, node: int, visit: int, tries: int) -> bool:
        """Say whether a try of a stage of repair succeeds."""
        return stage.success >= 1 or self._uniform(name, "success", node, visit, tries) < stage.success

    def _uniform(self, name: str, what: str, node: int, visit: int, tries: int) -> float:
        key = (name, what, visit, tries)
        stream = self.streams.get(key)
        if stream is None:
            stream = self.streams[key] = Uniforms(self.seed, "repair", *key, likely=self.nodes)
        return stream.at(node)
