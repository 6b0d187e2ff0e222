"""Scores of predictions against measurements: levels, slopes and orders."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from math import log, log2
from typing import Any

import numpy as np

Answer = Mapping[str, Any]

TOLD_APART = 0.05
"""Difference of measured times above which a pair of layouts has an order to be right about."""

SAME_JOB = ("sweep", "source", "gpus", "model", "precision", "global_batch", "sequence")
"""What rows have in common that differ in their layout only."""

GROUPINGS: Mapping[str, Callable[[Answer], str]] = {
    "kind": lambda row: str(row["kind"]),
    "gpu": lambda row: str(row["gpu"]),
    "precision": lambda row: str(row["precision"]),
    "scale": lambda row: scale_of(row["gpus"]),
    "software": lambda row: str(row["software"]),
    "source": lambda row: str(row["source"]),
}
"""How rows are grouped: name of the grouping, and the group of a row."""


def scale_of(gpus: int) -> str:
    """Return the class of a job's size.

    >>> [scale_of(gpus) for gpus in (8, 9, 512, 11_200)]
    ['to 8 GPUs', 'to 128 GPUs', 'to 1,024 GPUs', 'above 1,024 GPUs']
    """
    for most in (8, 128, 1024):
        if gpus <= most:
            return f"to {most:,} GPUs"
    return "above 1,024 GPUs"


def _in_order(group: str) -> tuple[int, str]:
    """Sort classes of size by size, and other groups by name."""
    return (next((most for most in (8, 128, 1024) if f" {most:,} GPUs" in group), 0) + ("above" in group), group)


def score(errors: Sequence[float]) -> dict[str, float]:
    """Return mean absolute, median, 90th percentile and mean of errors (simulated / measured - 1).

    >>> score([0.1, -0.1, 0.4])["mape"], score([0.1, -0.1, 0.4])["median"]
    (0.2, 0.1)
    """
    sizes = np.abs(errors)
    return {
        "count": len(errors),
        "mape": round(float(sizes.mean()), 12),
        "median": float(np.median(sizes)),
        "p90": float(np.quantile(sizes, 0.9)),
        "bias": float(np.mean(errors)),
    }


def groups(rows: Iterable[Answer]) -> dict[str, dict[str, dict[str, float]]]:
    """Return scores by grouping and group."""
    listed = list(rows)
    return {
        name: {
            group: score([row["error"] for row in listed if of(row) == group])
            for group in sorted({*map(of, listed)}, key=_in_order)
        }
        for name, of in GROUPINGS.items()
    }


def slope_per_doubling(rows: Sequence[Answer]) -> float | None:
    """Return by how much the log of simulated over measured grows when GPUs double, None without two sizes.

    Within sweeps, so that levels cancel: the pooled slope of both centred on their sweep.
    """
    x, y = [], []
    for sweep in by_sweep(rows).values():
        sizes = np.array([log2(row["gpus"]) for row in sweep])
        errors = np.array([log(row["simulated"] / row["measured"]) for row in sweep])
        x.append(sizes - sizes.mean())
        y.append(errors - errors.mean())
    if not x:
        return None
    sizes, errors = np.concatenate(x), np.concatenate(y)
    return float(sizes @ errors / (sizes @ sizes)) if sizes @ sizes > 0 else None


def by_sweep(rows: Iterable[Answer]) -> dict[str, list[Answer]]:
    """Return the rows of each sweep that has two at least; one that mixes releases of a source is one for each.

    >>> rows = [{"sweep": "a", "source": source} for source in ("24.07", "24.07", "25.02")]
    >>> {name: len(listed) for name, listed in by_sweep(rows).items()}
    {'a, 24.07': 2}
    """
    found: dict[tuple[str, str], list[Answer]] = {}
    for row in rows:
        if row["sweep"]:
            found.setdefault((str(row["sweep"]), str(row["source"])), []).append(row)
    sources = Counter(sweep for sweep, _ in found)
    return {
        sweep if sources[sweep] == 1 else f"{sweep}, {source}": listed
        for (sweep, source), listed in found.items()
        if len(listed) > 1
    }


def sweep_scores(rows: Sequence[Answer]) -> dict[str, Any]:
    """Return how one sweep is ordered: rank correlation, pairs in order, what the choice of the best would cost."""
    measured = np.array([row["measured"] for row in rows])
    simulated = np.array([row["simulated"] for row in rows])
    right, told = pairs_in_order(rows)
    return {
        "count": len(rows),
        "rank_correlation": rank_correlation(measured.tolist(), simulated.tolist()),
        "pairs": told,
        "pairs_in_order": right,
        "first_over_best": float(measured[simulated.argmin()] / measured.min() - 1),
        "slope_per_doubling": slope_per_doubling(rows),
        "anchored_mape": anchored_mape(rows),
    }


def alike(rows: Iterable[Answer]) -> dict[str, list[Answer]]:
    """Return rows by what they compute: those of a sweep that differ in layout only can be ranked by time."""
    found: dict[str, list[Answer]] = {}
    for row in rows:
        if row["sweep"]:
            key = tuple(row[name] for name in SAME_JOB)
            found.setdefault(str(key), []).append(row)
    return {name: listed for name, listed in found.items() if len(listed) > 1}


def pairs_in_order(rows: Sequence[Answer]) -> tuple[int, int]:
    """Return pairs that are ranked right, of those whose measured times differ enough.

    >>> one, other = {"measured": 1.0, "simulated": 2.0}, {"measured": 1.2, "simulated": 2.1}
    >>> pairs_in_order([one, other, {"measured": 1.21, "simulated": 1.0}])
    (1, 2)
    """
    right = told = 0
    for one, other in combinations(rows, 2):
        ratio = one["measured"] / other["measured"]
        if abs(log(ratio)) > log(1 + TOLD_APART):
            told += 1
            right += (ratio > 1) == (one["simulated"] > other["simulated"])
    return right, told


def anchored_mape(rows: Sequence[Answer]) -> float:
    """Return the mean absolute error of a sweep's other rows when its first one sets the level.

    >>> anchored_mape([{"measured": 1.0, "simulated": 2.0}, {"measured": 2.0, "simulated": 4.4}])
    0.1
    """
    level = rows[0]["simulated"] / rows[0]["measured"]
    errors = [abs(row["simulated"] / row["measured"] / level - 1) for row in rows[1:]]
    return round(float(np.mean(errors)), 12)


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Return Spearman's rank correlation, 1 where either has one value only.

    >>> rank_correlation([1, 2, 3], [10, 30, 20])
    0.5
    """
    from scipy.stats import spearmanr  # loaded by those who ask for it: it takes a tenth of a second

    if len(set(one)) == 1 or len(set(other)) == 1:
        return 1.0
    return round(float(spearmanr(one, other).statistic), 12)
