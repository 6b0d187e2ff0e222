"""What replications say: means, differences and quantiles with their intervals, how many are needed, which is best."""

from sim.batch.statistics.student import COVERAGE, Estimate, estimate, paired, tells_apart

__all__ = ("COVERAGE", "Estimate", "estimate", "paired", "tells_apart")
