"""The same runs at other prices: which variant is cheapest there, and which pairs change places."""

from itertools import combinations
from typing import Any

from sim.batch.compare import Comparison
from sim.batch.statistics import Estimate, paired, tells_apart
from sim.batch.statistics.simultaneous import each_covers
from sim.report.text import Result, short_usd, wrapped

TOLD = 4
"""Pairs that change places which are named."""


def prices_json(comparison: Comparison) -> list[dict[str, Any]]:
    """Return for every other prices the costs and differences from the first, the cheapest, and what changes places.

    A pair has changed places where the same runs tell it apart at both prices, the other way round; intervals of all
    pairs hold at once.
    """
    return [_answer(comparison, label) for label in comparison.prices]


def _answer(comparison: Comparison, label: str) -> dict[str, Any]:
    metric = f"cost_usd@{label}"
    book, _, acquisition = label.rpartition("=")
    names = [each.variant.name for each in comparison.measured]
    means = [each.mean for each in comparison.estimates(metric)]
    rows = [
        {
            "value": name,
            "metric": "cost_usd",
            "mean": own.mean,
            "ci_low": own.low,
            "ci_high": own.high,
            "replicas": own.replicas,
            "difference": difference.mean,
            "difference_low": difference.low,
            "difference_high": difference.high,
            "differs": tells_apart(difference),
        }
        for name, own, difference in zip(
            names, comparison.estimates(metric), comparison.differences(metric), strict=True
        )
    ]
    return {
        "prices": book,
        "acquisition": acquisition,
        "rows": rows,
        "best": names[means.index(min(means))],
        "flips": [list(pair) for pair in flips(comparison, "cost_usd", metric)],
    }


def flips(comparison: Comparison, one: str, other: str) -> list[tuple[str, str]]:
    """Return the pairs of which the first is the cheaper by one metric, and the dearer by the other."""
    count = len(comparison.measured)
    coverage = each_covers(max(1, count * (count - 1) // 2))
    found = []
    for pair in combinations(range(count), 2):
        before, after = (_between(comparison, metric, *pair, coverage) for metric in (one, other))
        if tells_apart(before) and tells_apart(after) and before.mean * after.mean < 0:
            cheap, dear = pair if before.mean < 0 else pair[::-1]
            found.append((comparison.measured[cheap].variant.name, comparison.measured[dear].variant.name))
    return found


def _between(comparison: Comparison, metric: str, first: int, second: int, coverage: float) -> Estimate:
    one, other = (comparison.measured[index].samples[metric] for index in (first, second))
    both = min(len(one), len(other))
    return paired(one[:both], other[:both], coverage)


def told_prices(result: Result) -> list[str]:
    """Return what the other prices say."""
    return [line for each in result["prices"] for line in _told(result, each)]


def _told(result: Result, found: Result) -> list[str]:
    base = found["rows"][0]["mean"]
    best = next(row for row in found["rows"] if row["value"] == found["best"])
    apart = f" ({100 * best['difference'] / base:+.2f} %)" if best["differs"] else " (not told apart from the first)"
    against = "" if best is found["rows"][0] else apart
    flipped = found["flips"]
    named = "; ".join(f"{cheap} was cheaper than {dear}" for cheap, dear in flipped[:TOLD])
    more = f"; and {len(flipped) - TOLD} more" if len(flipped) > TOLD else ""
    pairs = "1 pair changes" if len(flipped) == 1 else f"{len(flipped)} pairs change"
    change = f"{pairs} places: {named}{more}" if flipped else "no pair changes places"
    return wrapped(
        f"The same runs at {found['prices']}, {found['acquisition']}: {short_usd(base, 4)} for "
        f"{found['rows'][0]['value']}; least: {found['best']}{against}; {change}."
    )
