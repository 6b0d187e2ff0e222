"""How long it takes to replace nodes by spares that are hot, warm or cold."""

from collections.abc import Collection

from sim.reliability.exposure import Uniforms
from sim.reliability.laws import draw_us
from sim.reliability.records import RunPlan

HOT, WARM, COLD = range(3)
"""How ready a spare is."""

Stages = tuple[tuple[str, int], ...]

# How many recoveries are drawn ahead at first.
_RECOVERIES = 512


class Swaps:
    """The replace stage of the n-th recovery: as long as the slowest of the spares that were taken needs.

    All tiers share the uniforms of the stage, so that hotter spares of the same kind of law are never slower.

    >>> from dataclasses import replace
    >>> from sim.reliability.examples import run_plan
    >>> from sim.reliability.records import Law, SparePlan, SpareTier
    >>> hot = SparePlan(hot=SpareTier(nodes=1, replace=Law(mean_s=2.0)))
    >>> swaps = Swaps(replace(run_plan(), recovery=replace(run_plan().recovery, spares=hot)))
    >>> stages = (("replace", 10_000_000), ("initialize", 3_000_000))
    >>> swaps.applied(stages, [HOT], 1), swaps.applied(stages, [HOT, COLD], 1) == stages
    ((('replace', 2000000), ('initialize', 3000000)), True)
    """

    __slots__ = ("laws", "uniforms")

    def __init__(self, plan: RunPlan) -> None:
        spares = plan.recovery.spares
        tiers = {HOT: spares.hot, WARM: spares.warm}
        self.laws = {rank: tier.replace for rank, tier in tiers.items() if tier is not None}
        self.uniforms = Uniforms(plan.seed, "recovery", "replace", likely=_RECOVERIES)

    def applied(self, stages: Stages, taken: Collection[int], recovery: int) -> Stages:
        """Return the stages of a recovery, whose replace stage is that of a cold spare, for the spares it took."""
        if not taken:
            return stages
        return tuple(
            (name, max(self._us(rank, duration_us, recovery) for rank in taken) if name == "replace" else duration_us)
            for name, duration_us in stages
        )

    def _us(self, rank: int, cold_us: int, recovery: int) -> int:
        law = self.laws.get(rank)
        if law is None:
            return cold_us
        if law.kind == "constant":
            return round(law.mean_s * 1e6)
        return draw_us(law, self.uniforms.at(recovery))
