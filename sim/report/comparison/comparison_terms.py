"""What makes variants differ: by state of the step, by item of the bill, by cause; and which of them do not."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.batch.compare import Comparison, Measured

NEGLIGIBLE = 1e-3
"""Relative difference below which two step times or prices are one."""

ONCE = ("data",)
"""Items of a bill that do not grow with a run's length."""


def why(comparison: Comparison, index: int) -> dict[str, Any]:
    """Return what a variant's difference from the first consists of, largest part first, for the first seed.

    step_s: seconds of the main step by state; usd: dollars by item, at the first variant's tokens where a run that
    stops at a horizon retained others; terms: the same dollars by cause; see `_terms`. All sum to that seed's
    difference. dominant: the largest term.
    """
    first, other = comparison.measured[0], comparison.measured[index]
    scale = 1.0
    if "usd_per_trillion_tokens" in comparison.metrics:
        tokens = [each.samples["cost_usd"][0] / each.samples["usd_per_trillion_tokens"][0] for each in (first, other)]
        scale = tokens[0] / tokens[1]
    terms = _terms(first, other, scale)
    return {
        "value": other.variant.name,
        "step_s": _parts(first.step_states, other.step_states, 1.0, 1.0),
        "usd": _parts(first.costs, other.costs, 1.0, scale),
        "terms": terms,
        "dominant": next(iter(terms), None),
        "same_fabric": first.fabric is not None and first.fabric == other.fabric,
    }


def _terms(first: Measured, other: Measured, scale: float) -> dict[str, float]:
    """Return dollars of a difference by cause.

    Model: all items but data, which a run pays once, grow with wall time. With retained step time s and wall time w of
    the other over that of the first, for the same tokens, and C the sum of those items of the first: step (s - 1) C,
    failures (w - s) C, and what is left of every item, C2_i - w C1_i, is its own price or amount. Nothing where nothing
    is billed.
    """
    if not (first.costs and other.costs and "ettr" in first.samples and "ettr" in other.samples):
        return {}
    (wall, step), (wall_other, step_other) = (_times(each) for each in (first, other))
    if not step:
        return {}
    longer, stepping = scale * wall_other / wall, scale * step_other / step
    (lasting, once), (lasting_other, once_other) = (_split(each.costs) for each in (first, other))
    whole = sum(lasting.values())
    own = _parts(lasting, lasting_other, longer, scale) | _parts(once, once_other, 1.0, scale)
    return _ranked({"step": (stepping - 1) * whole, "failures": (longer - stepping) * whole, **own})


def _split(costs: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the items that grow with wall time, and those that are paid once."""
    once = {item: usd for item, usd in costs.items() if item in ONCE}
    return {item: usd for item, usd in costs.items() if item not in ONCE}, once


def _times(each: Measured) -> tuple[float, float]:
    wall_s = each.samples["wall_time_s"][0]
    return wall_s, wall_s * each.samples["ettr"][0]


def _parts(
    first: Mapping[str, float], other: Mapping[str, float], scale_first: float, scale: float
) -> dict[str, float]:
    return _ranked(
        {name: scale * other.get(name, 0.0) - scale_first * first.get(name, 0.0) for name in {**first, **other}}
    )


def _ranked(parts: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in sorted(parts.items(), key=lambda pair: -abs(pair[1])) if value}


def alike(comparison: Comparison, metrics: Sequence[str]) -> list[list[str]]:
    """Return sets of variants that differ by less than a thousandth of the least of the set in the mean of all metrics.

    Each set has two members at least; a metric that not all variants have tells nothing apart.
    """
    known = [metric for metric in metrics if metric in comparison.metrics]
    sets = [list(range(len(comparison.measured)))] if known else []
    for metric in known:
        means = [each.mean for each in comparison.estimates(metric)]
        sets = [part for members in sets for part in _near(members, means)]
    return [[comparison.measured[index].variant.name for index in sorted(part)] for part in sets if len(part) > 1]


def _near(members: Sequence[int], means: Sequence[float]) -> list[list[int]]:
    """Return the members in sets whose means are one.

    >>> _near([0, 1, 2], [1.0, 2.0, 1.0005])
    [[0, 2], [1]]
    """
    parts: list[list[int]] = []
    for index in sorted(members, key=lambda index: means[index]):
        if parts and means[index] - means[parts[-1][0]] <= NEGLIGIBLE * abs(means[parts[-1][0]]):
            parts[-1].append(index)
        else:
            parts.append([index])
    return parts
