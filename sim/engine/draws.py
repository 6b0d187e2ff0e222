"""The random durations of a run other than lives: each from its own named stream, so that policies share them."""

from sim.reliability.exposure import Uniforms
from sim.reliability.laws import draw_us
from sim.reliability.records import Law, RepairStage

# How many recoveries are drawn ahead.
_RECOVERIES = 256


class Draws:
    """Durations of recovery stages, by recovery, and of repairs, by node, visit and try."""

    __slots__ = ("nodes", "seed", "streams")

    def __init__(self, seed: int, nodes: int) -> None:
        self.seed = seed
        self.nodes = nodes
        self.streams: dict[tuple[str | int, ...], Uniforms] = {}

    def recovery_us(self, stage: str, law: Law, recovery: int) -> int:
        """Return how long a stage of the recovery of that number takes."""
        return self._draw_us(law, recovery, _RECOVERIES, "recovery", stage)

    def repair_us(self, name: str, stage: RepairStage, node: int, visit: int, tries: int) -> int:
        """Return how long a try of a stage of repair takes."""
        return self._draw_us(stage.time, node, self.nodes, "repair", name, "time", visit, tries)

    def repaired(self, name: str, stage: RepairStage, node: int, visit: int, tries: int) -> bool:
        """Say whether a try of a stage of repair succeeds."""
        if stage.success >= 1:
            return True
        return self._uniform(node, self.nodes, "repair", name, "success", visit, tries) < stage.success

    def _draw_us(self, law: Law, index: int, likely: int, *names: str | int) -> int:
        if law.kind == "constant":
            return round(law.mean_s * 1e6)
        return draw_us(law, self._uniform(index, likely, *names))

    def _uniform(self, index: int, likely: int, *names: str | int) -> float:
        stream = self.streams.get(names)
        if stream is None:
            stream = self.streams[names] = Uniforms(self.seed, *names, likely=likely)
        return stream.at(index)
