"""What `compare --json` prints: a row a variant and metric, what each fabric is made of, and what makes them differ."""

from dataclasses import asdict
from typing import Any

from sim.batch.compare import Comparison, Measured
from sim.batch.metrics import HIGHER_IS_BETTER
from sim.batch.statistics import tells_apart
from sim.batch.statistics.simultaneous import each_covers
from sim.report.comparison.comparison_prices import prices_json
from sim.report.comparison.comparison_split import split_json
from sim.report.comparison.comparison_statistics import quantile_rows, selected_json, typical_ratio
from sim.report.comparison.comparison_terms import alike, why


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """Return the answer of a comparison: rows in the order of the variants, differences against the first, paired."""
    names = [each.variant.name for each in comparison.measured]
    headline = comparison.headline
    return {
        "scenario": comparison.scenario,
        "study": comparison.study,
        "question": comparison.question,
        "over": list(dict.fromkeys(key for each in comparison.measured for key in each.variant.values)),
        "replicas": comparison.replicas,
        "headline": headline,
        "selected": selected_json(comparison),
        "best": _best(comparison, headline),
        "best_by": {metric: _best(comparison, metric) for metric in comparison.metrics},
        "against": against(comparison),
        "pareto": pareto(comparison, headline),
        "variants": [_variant_json(each) for each in comparison.measured],
        "rows": [row for metric in comparison.metrics for row in _rows(comparison, metric)] + _loss_rows(comparison),
        "difference_coverage": each_covers(max(1, len(names) - 1)),
        "variance_ratio": typical_ratio(comparison, headline),
        "quantiles": quantile_rows(comparison),
        "why": [why(comparison, index) | {"split": split_json(comparison, index)} for index in range(1, len(names))],
        "prices": prices_json(comparison),
        "same_step": alike(comparison, ["step_time_s"]),
        "alike": alike(comparison, ["step_time_s", headline]),
    }


def _variant_json(each: Measured) -> dict[str, Any]:
    return {
        "value": each.variant.name,
        "values": dict(each.variant.values),
        "fabric": None if each.fabric is None else asdict(each.fabric),
        "busbw": dict(each.busbw),
        "step_s": dict(each.step_states),
        "cost": dict(each.costs),
        "after_loss": [asdict(loss) for loss in each.losses],
    }


def _rows(comparison: Comparison, metric: str) -> list[dict[str, Any]]:
    return [
        {
            "value": each.variant.name,
            "metric": metric,
            "mean": own.mean,
            "ci_low": own.low,
            "ci_high": own.high,
            "replicas": own.replicas,
            "difference": difference.mean,
            "difference_low": difference.low,
            "difference_high": difference.high,
            "differs": tells_apart(difference),
            "variance_ratio": ratio,
        }
        for each, own, difference, ratio in zip(
            comparison.measured,
            comparison.estimates(metric),
            comparison.differences(metric),
            comparison.variance_ratios(metric),
            strict=True,
        )
    ]


def _loss_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return a row for each loss and variant that can suffer it: tokens/s left for the first seed, 0 if the job stops.

    A difference is against the first variant, where that has such a part to lose.
    """
    left = [{each.lost: each.remaining or 0.0 for each in variant.losses} for variant in comparison.measured]
    return [
        _loss_row(variant.variant.name, lost, own[lost], left[0].get(lost))
        for lost in dict.fromkeys(name for own in left for name in own)
        for variant, own in zip(comparison.measured, left, strict=True)
        if lost in own
    ]


def _loss_row(name: str, lost: str, remaining: float, first: float | None) -> dict[str, Any]:
    difference = None if first is None else remaining - first
    return {
        "value": name,
        "metric": f"throughput_after_{lost.replace(' ', '_').replace('-', '_')}",
        "mean": remaining,
        "ci_low": None,
        "ci_high": None,
        "replicas": 1,
        "difference": difference,
        "difference_low": None,
        "difference_high": None,
        "differs": bool(difference),
        "variance_ratio": None,
    }


def _best(comparison: Comparison, metric: str) -> str:
    """Return the variant with the best mean, or the one that was selected by this metric."""
    found = comparison.selected
    if found is not None and found.best.metric == metric and not found.undecided:
        return comparison.measured[found.left[0]].variant.name
    means = _losses(comparison, metric)
    return comparison.measured[means.index(min(means))].variant.name


def against(comparison: Comparison) -> str:
    """Return what the headline is set against: the time of a step, or of the run where all have one step, or none.

    Where all runs end at one instant, which a horizon makes them do, it is what they had retained by then; or what they
    cost, where they are ranked by what they retained.
    """
    headline = comparison.headline
    one_step = any(len(names) == len(comparison.measured) for names in alike(comparison, ["step_time_s"]))
    if "step_time_s" in comparison.metrics and not one_step and headline != "step_time_s":
        return "step_time_s"
    other = ("tokens",) if headline == "usd_per_trillion_tokens" else ("cost_usd", "tokens")
    return next((name for name in other if comparison.one_end and comparison.varies(name)), "wall_time_s")


def pareto(comparison: Comparison, headline: str) -> list[str]:
    """Return the variants that no other beats in both the headline and what it is set against."""
    both = [_losses(comparison, metric) for metric in (headline, against(comparison))]
    points = list(zip(*both, strict=True))
    return [
        each.variant.name
        for each, point in zip(comparison.measured, points, strict=True)
        if not any(p != point and p[0] <= point[0] and p[1] <= point[1] for p in points)
    ]


def _losses(comparison: Comparison, metric: str) -> list[float]:
    """Return the mean of every variant, less being better."""
    sign = -1 if metric in HIGHER_IS_BETTER else 1
    return [sign * each.mean for each in comparison.estimates(metric)]
