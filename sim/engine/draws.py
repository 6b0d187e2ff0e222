"""The random durations of a run other than lives: each from its own named stream, so that policies share them."""

from sim.reliability.exposure import Uniforms
from sim.reliability.laws import draw_us, durations_us
from sim.reliability.records import Law, RepairStage, RunPlan
from sim.streams import uniforms

# How many recoveries are drawn ahead at first.
_RECOVERIES = 512


class RecoveryTimes:
    """How long each stage takes in the n-th recovery of a run: element n of the stage's stream.

    Stages whose law depends on the cause use the same uniforms.
    """

    __slots__ = ("by_cause", "count", "laws", "seed", "tables")

    def __init__(self, plan: RunPlan) -> None:
        recovery = plan.recovery
        self.seed = plan.seed
        self.count = _RECOVERIES
        self.laws = {
            "detect": recovery.detect,
            "schedule": recovery.select_host,
            "replace": recovery.replace,
            "initialize": recovery.initialize,
            "restore": Law(mean_s=plan.checkpoint.restore_us * 1e-6),
            "warm_up": recovery.warm_up,
        }
        self.by_cause = {("detect", cause): law for cause, law in recovery.detect_by_cause.items()}
        self.tables: dict[tuple[str, str], list[int]] = {}

    def at_us(self, stage: str, cause: str, recovery: int) -> int:
        """Return how long a stage takes in the recovery of that number, from a failure of that cause."""
        table = self.tables.get((stage, cause))
        if table is None or recovery >= len(table):
            table = self._draw(stage, cause, recovery)
        return table[recovery]

    def _draw(self, stage: str, cause: str, recovery: int) -> list[int]:
        while recovery >= self.count:
            self.count *= 2
        law = self.by_cause.get((stage, cause), self.laws[stage])
        table: list[int] = durations_us(law, uniforms(self.seed, "recovery", stage, count=self.count)).tolist()
        self.tables[stage, cause] = table
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
