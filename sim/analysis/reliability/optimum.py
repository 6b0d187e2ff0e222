"""Checkpoint intervals found by simulation: Daly's figures, and what closed forms lose where nodes age."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from sim.analysis.reliability.rows import Entry, Found, Predicted, Table
from sim.analysis.reliability.runs import DAY_S, HOUR_S, MINUTE_S, ettr, restart, run_plan, sample, saving
from sim.reliability.records import FailureClass, Law, RunPlan
from sim.reliability.saving.interval import daly_s, optimal_s, young_s

RATIOS = (0.55, 0.7, 0.85, 1.0, 1.2, 1.45, 1.8)
"""Intervals of a sweep, times Young's."""

_REPLICAS, _FAILURES = 8, 250
_UNITS_S = {"min": MINUTE_S, "h": HOUR_S, "d": DAY_S}


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """The best interval of a sweep, its standard error, and the effective time by interval."""

    interval_s: float
    standard_error_s: float
    intervals_s: tuple[float, ...]
    efficiency: tuple[float, ...]


def swept(plan: RunPlan, intervals_s: Sequence[float], block_s: float, replicas: int) -> Optimum:
    """Return the best interval of runs under the same seeds: the top of a cubic through their mean, in log(interval).

    Its standard error is the jackknife's over the seeds.
    """
    values = np.array([sample(_every(plan, each_s, block_s), replicas, ettr).values for each_s in intervals_s]).T
    logs = np.log(intervals_s)
    best = top(logs, values.mean(axis=0))
    without = np.array([top(logs, np.delete(values, seed, axis=0).mean(axis=0)) for seed in range(replicas)])
    error = sqrt((replicas - 1) * float(without.var()))
    return Optimum(
        interval_s=float(np.exp(best)),
        standard_error_s=float(np.exp(best)) * error,
        intervals_s=tuple(intervals_s),
        efficiency=tuple(values.mean(axis=0).tolist()),
    )


def top(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return where a cubic fitted to points is highest within their range.

    >>> x = np.linspace(-1.0, 1.0, 5)
    >>> round(top(x, 1 - (x - 0.25) ** 2), 3)
    0.25
    """
    grid = np.linspace(x[0], x[-1], 4001)
    return float(grid[np.polyval(np.polyfit(x, y, 3), grid).argmax()])


def _every(plan: RunPlan, interval_s: float, block_s: float) -> RunPlan:
    return replace(plan, checkpoint=saving(interval_s, block_s))


def daly_rows(case: Entry) -> Iterator[Found]:
    """Yield the optimal intervals of Daly's figures: the best of a sweep of simulated intervals, at each M."""
    block_s, recovery_s = case["checkpoint"]["delta_min"] * MINUTE_S, case["restart_time"]["R_min"] * MINUTE_S
    for label, known_min in case["reported"]["tau_opt_min"].items():
        mtbf_s = _mtbf_s(label)
        plan = _poisson(mtbf_s, recovery_s)
        found = swept(plan, [ratio * young_s(block_s, mtbf_s) for ratio in RATIOS], block_s, _REPLICAS)
        exact_s = optimal_s(block_s, mtbf_s)
        yield Predicted(
            id=f"{case['id']}: optimal interval, {label}",
            section="published",
            group=case["id"],
            unit="min",
            measured=float(known_min),
            simulated=found.interval_s / MINUTE_S,
            inputs={"M": label, "delta_min": block_s / MINUTE_S, "R_min": recovery_s / MINUTE_S},
            outputs={
                "interval_min": found.interval_s / MINUTE_S,
                "exact_min": exact_s / MINUTE_S,
                "daly_min": daly_s(block_s, mtbf_s) / MINUTE_S,
                "young_min": young_s(block_s, mtbf_s) / MINUTE_S,
            },
            source=case["source"],
            replicas=_REPLICAS,
            standard_error=found.standard_error_s / MINUTE_S,
            z=(found.interval_s - known_min * MINUTE_S) / found.standard_error_s,
        )


def _mtbf_s(label: str) -> float:
    """Return the mean time between failures of a figure.

    >>> _mtbf_s("M=24h"), _mtbf_s("M=15min")
    (86400.0, 900.0)
    """
    found = re.fullmatch(r"M=([\d.]+)(min|h|d)", label)
    if found is None:
        raise ValueError(f"'{label}': expected such as M=24h")
    return float(found[1]) * _UNITS_S[found[2]]


def _poisson(mtbf_s: float, recovery_s: float) -> RunPlan:
    cause = FailureClass(
        cause="failure", component="job", per_node=1, life=Law(kind="exponential", mean_s=mtbf_s), replace=False
    )
    return run_plan(
        failures=(cause,), recovery=restart(recovery_s), step_s=0.5, gpus_per_node=1, horizon_s=_FAILURES * mtbf_s
    )


FLEET_NODES, FLEET_DAYS, FLEET_BLOCK_S, FLEET_RECOVERY_S = 512, 30.0, 60.0, 300.0
"""The fleet that policies are tried on: new nodes, each with a mean life of 100 days."""

_FLEET_LIFE_S, _FLEET_REPLICAS = 100 * DAY_S, 4


def regret_rows() -> Iterator[Found]:
    """Yield what Young's and Daly's intervals lose against the best one, on a fleet that fails by age.

    Both take the mean life of a node over the nodes for the time between failures. In a new fleet of Weibull k = 0.7
    nodes fail more often than that; with exponential lives they do not, and the regret is nothing but noise.
    Regret: effective time at the best interval less that at the policy's.
    """
    rows: list[dict[str, float]] = []
    mtbf_s = _FLEET_LIFE_S / FLEET_NODES
    policies = {"young": young_s(FLEET_BLOCK_S, mtbf_s), "daly": daly_s(FLEET_BLOCK_S, mtbf_s)}
    for shape in (1.0, 0.7, 0.5):
        found = swept(_fleet(shape), [r * policies["young"] for r in (0.35, *RATIOS)], FLEET_BLOCK_S, _FLEET_REPLICAS)
        curve = np.polyfit(np.log(found.intervals_s), found.efficiency, 3)
        best = float(np.polyval(curve, np.log(found.interval_s)))
        lost = {name: best - float(np.polyval(curve, np.log(at_s))) for name, at_s in policies.items()}
        minutes = {"best_min": found.interval_s / MINUTE_S, "best_error_min": found.standard_error_s / MINUTE_S}
        regrets = {f"{name}_regret": each for name, each in lost.items()}
        rows.append({"shape": shape, **minutes, "ettr": best, **regrets})
    yield Table(
        id="regret",
        title=(
            f"{FLEET_NODES} new nodes, Weibull lives of 100 d: the best interval against Young's "
            f"{policies['young'] / MINUTE_S:.1f} min and Daly's {policies['daly'] / MINUTE_S:.1f} min"
        ),
        head=("shape", "best, min", "effective time", "Young loses, points", "Daly loses, points"),
        rows=tuple(
            (
                f"{row['shape']:g}",
                f"{row['best_min']:.1f} +- {row['best_error_min']:.1f}",
                f"{row['ettr']:.4f}",
                *(f"{100 * row[f'{name}_regret']:.2f}" for name in policies),
            )
            for row in rows
        ),
        data=tuple(rows),
        says=("lives of shape 1 are exponential: what closed forms lose there is noise",),
    )
    noise = rows[0]["young_regret"]
    for row in rows[1:]:
        yield Predicted(
            id=f"regret of Young's interval, new fleet, Weibull {row['shape']:g}",
            section="oracles",
            group="policies",
            unit="fraction",
            relation=">",
            measured=noise,
            simulated=row["young_regret"],
            inputs={
                "nodes": FLEET_NODES,
                "mean_life_d": _FLEET_LIFE_S / DAY_S,
                "shape": row["shape"],
                "block_s": FLEET_BLOCK_S,
            },
            outputs={name: row[name] for name in ("young_regret", "daly_regret")},
            source="bound: the regret with exponential lives, where closed forms hold",
            replicas=_FLEET_REPLICAS,
        )


def _fleet(shape: float) -> RunPlan:
    life = Law(kind="weibull", mean_s=_FLEET_LIFE_S, shape=shape)
    return run_plan(
        failures=(FailureClass(cause="node", component="node", per_node=1, life=life, replace=False),),
        recovery=restart(FLEET_RECOVERY_S),
        nodes=FLEET_NODES,
        step_s=1.0,
        horizon_s=FLEET_DAYS * DAY_S,
    )
