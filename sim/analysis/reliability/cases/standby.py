"""How many machines fail at once in a period: standbys that cover 99 % of periods (ByteRobust, table 5)."""

from collections.abc import Iterator, Mapping
from math import log1p

import numpy as np
from numpy.typing import NDArray

from sim.analysis.reliability.rows import Entry, Found, Predicted
from sim.analysis.reliability.runs import DAY_S, failing, restart, run_plan
from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace

MACHINE_PERIODS = 8_000_000
"""Machines times periods of a run: the chance of a period's count is known to a thousandth of one."""

_QUANTILE = 0.99


def standby_rows(case: Entry) -> Iterator[Found]:
    """Yield the 99th percentile of machines that fail in a period, by size of the job.

    One parameter is not published, the probability p that a machine fails within a period: it is fitted to all sizes
    together, so that the rows say whether one p can give them all. Machines fail independently, Binomial(n, p); a
    period is a day here.
    """
    published = {int(size): int(count) for size, count in case["failures"]["P99 backup machines"].items()}
    probability = fitted_probability(published)
    for size, known in published.items():
        found = _percentile(size, probability)
        yield Predicted(
            id=f"{case['id']}: standbys of {size:,} machines",
            section="published",
            group=case["id"],
            unit="machines",
            measured=float(known),
            simulated=found,
            inputs={"machines": size, "p": probability},
            outputs={"p99": found},
            source=case["source"],
            replicas=MACHINE_PERIODS // size,
            note=f"p is fitted to all {len(published)} sizes: one number behind {len(published)}",
        )


def fitted_probability(percentiles: Mapping[int, int]) -> float:
    """Return the p that gives most of the 99th percentiles by number of machines, the middle of those that do.

    >>> round(fitted_probability({128: 2, 256: 2, 512: 3, 1024: 4}), 5)
    0.00121
    """
    from scipy.stats import binom  # loaded by those who ask for it: it takes a tenth of a second

    chances = np.geomspace(1e-6, 0.5, 8000)
    given = np.sum([binom.ppf(_QUANTILE, n, chances) == count for n, count in percentiles.items()], axis=0)
    best = chances[given == given.max()]
    return float((best[0] + best[-1]) / 2)


def _percentile(machines: int, probability: float) -> float:
    """Return the 99th percentile in simulation: every machine has a clock of rate -ln(1 - p) a period."""
    periods = MACHINE_PERIODS // machines
    plan = run_plan(
        failures=(failing(-DAY_S / log1p(-probability), component="node"),),
        recovery=restart(0.0, rework=False),
        nodes=machines,
        step_s=60.0,
        horizon_s=periods * DAY_S,
    )
    counts = np.sort(_machines_by_period(simulate_run(plan), periods))
    return float(counts[int(np.ceil(_QUANTILE * periods)) - 1])


def _machines_by_period(trace: RunTrace, periods: int) -> NDArray[np.int64]:
    """Return how many different machines failed in each period."""
    hits = {(event.time_us // round(DAY_S * 1e6), event.node) for event in trace.events if event.kind == "failure"}
    at = np.array([period for period, _ in hits], np.int64)
    return np.bincount(at[at < periods], minlength=periods)
