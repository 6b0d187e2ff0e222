"""What statistics say of a comparison, in JSON and on the screen: the selection, tails, and what pairing was worth."""

from statistics import median
from typing import Any

from sim.batch.compare import Comparison
from sim.batch.statistics.quantiles import quantile
from sim.quantities import show
from sim.report.text import Result, listed, short_usd, table, wrapped

QUANTILES = ("wall_time_s", "cost_usd")
"""Metrics whose tail is asked for: a date to promise, a budget to ask for."""

NAMES = {"wall_time_s": "time", "cost_usd": "cost"}

LEVELS = (0.5, 0.9)

FEWEST = 10
"""Replications below which nothing is said of a tail."""


def typical_ratio(comparison: Comparison, metric: str) -> float | None:
    """Return by how much pairing shrinks the variance of the middle difference; None where there is none."""
    known = [ratio for ratio in comparison.variance_ratios(metric) if ratio is not None]
    return median(known) if known else None


def quantile_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return a row a variant, metric and level where replications are enough; an end that they do not give is None."""
    return [
        _quantile_row(each.variant.name, metric, level, each.samples[metric])
        for metric in QUANTILES
        if metric in comparison.metrics
        for each in comparison.measured
        for level in (LEVELS if len(each.samples[metric]) >= FEWEST else ())
    ]


def _quantile_row(name: str, metric: str, level: float, sample: tuple[float, ...]) -> dict[str, Any]:
    found = quantile(sample, level)
    return {
        "value": name,
        "metric": metric,
        "level": level,
        "quantile": found.mean,
        "ci_low": found.low,
        "ci_high": found.high,
        "replicas": found.replicas,
    }


def selected_json(comparison: Comparison) -> dict[str, Any] | None:
    """Return what was selected: `value` is None where the most replications did not decide."""
    found = comparison.selected
    if found is None:
        return None
    names = [each.variant.name for each in comparison.measured]
    return {
        "value": None if found.undecided else names[found.left[0]],
        "metric": found.best.metric,
        "within": found.within,
        "probability": found.best.probability,
        "first_stage": comparison.replicas,
        "runs": [len(each.samples[found.best.metric]) for each in comparison.measured],
        "gone_after": {names[index]: count for index, count in sorted(found.gone.items())},
        "undecided": [names[index] for index in found.left] if found.undecided else [],
    }


def tails(result: Result, labels: dict[str, str]) -> list[str]:
    """Return what half and nine tenths of the runs of each variant stay below; nothing where runs are too few."""
    shown = [metric for metric in QUANTILES if len({row["quantile"] for row in _of(result, metric)}) > 1]
    head = [f"{NAMES[metric]} P{100 * level:.0f}" for metric in shown for level in LEVELS]
    by_name = {name: [""] * len(head) for name in labels.values()}
    for column, (metric, level) in enumerate((metric, level) for metric in shown for level in LEVELS):
        for row in _of(result, metric, level):
            by_name[labels[row["value"]]][column] = _amount(metric, row["quantile"])
    body = [[name, *cells] for name, cells in by_name.items()]
    return table([["So many runs of 100 stay below", *head], *body], "<" + ">" * len(head)) if shown else []


def _of(result: Result, metric: str, level: float | None = None) -> list[dict[str, Any]]:
    return [row for row in result["quantiles"] if row["metric"] == metric and level in (None, row["level"])]


def _amount(metric: str, value: float) -> str:
    return short_usd(value, 4) if metric == "cost_usd" else show(value, "time")


def told_statistics(result: Result) -> list[str]:
    """Return how differences are judged, and what common seeds were worth."""
    lines = []
    if len(result["variants"]) > 2 and result["replicas"] > 1:
        count = len(result["variants"]) - 1
        every = "Both" if count == 2 else f"All {count}"
        lines += wrapped(f"{every} intervals of differences hold at once with 95 % (Bonferroni).")
    if result["variance_ratio"] is not None:
        lines += wrapped(f"Variance of a difference under common seeds: {_share(result['variance_ratio'])}.")
    return lines


def _share(ratio: float) -> str:
    """Return a variance as a part of what independent seeds would give.

    >>> _share(12.3), _share(1.04)
    ('1/12 of that under independent ones', 'no less than under independent ones')
    """
    if ratio < 1.05:
        return "no less than under independent ones"
    return f"1/{ratio:,.{0 if ratio >= 10 else 1}f} of that under independent ones"


def told_selection(result: Result) -> list[str]:
    """Return what was selected, by what procedure, and after how many runs."""
    found = result["selected"]
    if found is None:
        return []
    fewest, most = min(found["runs"]), max(found["runs"])
    runs = f"{fewest} runs each" if fewest == most else f"{fewest} to {most} runs each"
    within = f"within {_within(found)} with probability {100 * found['probability']:g} %"
    if found["value"] is None:
        names = listed(found["undecided"])
        return wrapped(f"Not selected by {most} runs (the best {found['metric']} {within}): {names}")
    return wrapped(f"Selected: {found['value']}, the best {found['metric']} {within}, after {runs} (Kim and Nelson)")


def _within(found: Result) -> str:
    return short_usd(found["within"]) if "usd" in found["metric"] else f"{found['within']:.3g}"
