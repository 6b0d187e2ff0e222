"""Differences of cost split into step, failures, capital, energy and the rest: by seed, to the micro-dollar."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.batch.compare import Comparison, Measured
from sim.batch.statistics import Estimate, estimate, tells_apart
from sim.ledger.time.apportion import split
from sim.report.comparison.comparison_tables import fitted
from sim.report.text import Result, short_usd, wrapped

GROUPS: Mapping[str, tuple[str, ...]] = {
    "capex": ("server", "scale-up", "network", "storage", "head-node", "cdu", "facility", "colocation"),
    "energy": ("energy", "cooling"),
}
"""Items that are what was bought, by the hour, and what it drew; all others are `other`."""

PARTS = ("step", "failures", *GROUPS, "other")

SHOWN = 1e-4
"""Of the largest part of all: a part that is less in every difference has no column."""

ONCE = ("data",)
"""Items of a bill that do not grow with a run's length."""


def part_of(item: str) -> str:
    """Return the part that an item's own price or amount belongs to.

    >>> part_of("network"), part_of("cooling"), part_of("rent")
    ('capex', 'energy', 'other')
    """
    return next((part for part, items in GROUPS.items() if item in items), "other")


def split_usd(first: Mapping[str, int], other: Mapping[str, int], wall: float, step: float) -> dict[str, int]:
    """Return the difference of two bills in micro-dollars by part; the parts sum to it exactly.

    Model: all items but data grow with wall time. wall, step: wall time and retained step time of the other over those
    of the first. With C the sum of those items of the first: step (step - 1) C, failures (wall - step) C, in whole
    micro-dollars, which are taken from every item in proportion; what is left of an item is its own price or amount.

    >>> split_usd({"network": 100, "energy": 100}, {"network": 150, "energy": 110}, wall=1.1, step=1.05)
    {'step': 10, 'failures': 10, 'capex': 40, 'energy': 0, 'other': 0}
    """
    items = [item for item in first if item not in ONCE]
    whole = sum(first[item] for item in items)
    longer, stepping = round((wall - 1) * whole), round((step - 1) * whole)
    taken = dict(zip(items, split(longer, [first[item] for item in items]), strict=True)) if whole > 0 else {}
    parts = dict.fromkeys(PARTS, 0) | {"step": stepping, "failures": longer - stepping}
    for item in {**first, **other}:
        parts[part_of(item)] += other.get(item, 0) - first.get(item, 0) - taken.get(item, 0)
    return parts


def splits(comparison: Comparison, index: int) -> list[dict[str, int]]:
    """Return the split of a variant's difference from the first, seed by seed; nothing where nothing is billed."""
    first, other = comparison.measured[0], comparison.measured[index]
    if not all("ettr" in each.samples and all(each.bills) for each in (first, other)):
        return []
    seeds = range(min(len(first.bills), len(other.bills)))
    return [_of_seed(first, other, seed) for seed in seeds] if all(first.samples["ettr"]) else []


def _of_seed(first: Measured, other: Measured, seed: int) -> dict[str, int]:
    """Return one seed's split; what a run cost that retained other tokens is taken at the tokens of the first."""
    scale = _scale(first, other, seed)
    (wall, step), (wall_other, step_other) = (_times(each, seed) for each in (first, other))
    bill = {item: round(scale * micro) for item, micro in other.bills[seed].items()}
    return split_usd(first.bills[seed], bill, scale * wall_other / wall, scale * step_other / step)


def _scale(first: Measured, other: Measured, seed: int) -> float:
    name = "usd_per_trillion_tokens"
    if not (name in first.samples and name in other.samples):
        return 1.0
    tokens = [each.samples["cost_usd"][seed] / each.samples[name][seed] for each in (first, other)]
    return tokens[0] / tokens[1]


def _times(each: Measured, seed: int) -> tuple[float, float]:
    wall_s = each.samples["wall_time_s"][seed]
    return wall_s, wall_s * each.samples["ettr"][seed]


def split_json(comparison: Comparison, index: int) -> dict[str, Any]:
    """Return the mean of every part over seeds with its 95 % interval, and the sums over seeds in micro-dollars."""
    found = splits(comparison, index)
    if not found:
        return {}
    return {part: _part([each[part] for each in found]) for part in PARTS}


def _part(micro_usd: Sequence[int]) -> dict[str, Any]:
    own: Estimate = estimate([each / 1e6 for each in micro_usd])
    return {
        "mean": own.mean,
        "ci_low": own.low,
        "ci_high": own.high,
        "differs": tells_apart(own),
        "micro_usd": sum(micro_usd),
    }


def split_table(result: Result, labels: Mapping[str, str]) -> list[str]:
    """Return a row a variant: what each part of its difference from the first comes to, brackets where it may be 0."""
    rows = [each for each in result["why"] if each["split"]]
    largest = max((abs(part["mean"]) for each in rows for part in each["split"].values()), default=0.0)
    shown = [part for part in PARTS if any(abs(each["split"][part]["mean"]) > SHOWN * largest for each in rows)]
    if not shown:
        return []
    body = [
        [labels[each["value"]], _sum(each["split"]), *(_cell(each["split"][part]) for part in shown)] for each in rows
    ]
    first = labels[result["variants"][0]["value"]]
    return [
        *wrapped(f"Dollars against {first}, by cause (means over seeds; in brackets: 0 is not excluded)", ""),
        *fitted([["", "together", *shown], *body]),
    ]


def _sum(parts: Result) -> str:
    return _signed(sum(part["mean"] for part in parts.values()))


def _cell(part: Result) -> str:
    if not part["micro_usd"]:
        return "-"
    return _signed(part["mean"]) if part["differs"] else f"({_signed(part['mean'])})"


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{short_usd(abs(value))}"
