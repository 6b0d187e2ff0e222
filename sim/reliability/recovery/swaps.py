"""How long it takes to replace nodes by spares that are hot, warm or cold."""

from collections.abc import Collection

from sim.reliability.failures.exposure import Uniforms
from sim.reliability.failures.laws import draw_us
from sim.reliability.records import RunPlan

HOT, WARM, COLD = range(3)
"""How ready a spare is."""

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
    >>> swaps.replace_us(10_000_000, [HOT], 1), swaps.replace_us(10_000_000, [HOT, COLD], 1)
    (2000000, 10000000)
    """

    __slots__ = ("laws", "uniforms")

    def __init__(self, plan: RunPlan) -> None:
        spares = plan.recovery.spares
        tiers = {HOT: spares.hot, WARM: spares.warm}
        self.laws = {rank: tier.replace for rank, tier in tiers.items() if tier is not None}
        self.uniforms = Uniforms(plan.seed, "recovery", "replace", likely=_RECOVERIES)

    def replace_us(self, cold_us: int, taken: Collection[int], recovery: int) -> int:
        """Return how long the replace stage of a recovery takes for the spares it took; cold_us: that of a cold one."""
        return max((self._us(rank, cold_us, recovery) for rank in taken), default=cold_us)

    def _us(self, rank: int, cold_us: int, recovery: int) -> int:
        law = self.laws.get(rank)
        if law is None:
            return cold_us
        if law.kind == "constant":
            return round(law.mean_s * 1e6)
        return draw_us(law, self.uniforms.at(recovery))
