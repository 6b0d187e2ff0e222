"""Component shares as articles give them, with both marginals of a bill beside them.

Hardware, power, networking, cooling and labour are items: what was bought. Failed runs are a state: what the GPUs did
meanwhile, paid for with the same items. So the six overlap, and as published (60-70, 10-15, 10-20, 3-5, 5-10 and
10-20 %) they sum to 98 to 140 %. Each marginal by itself sums to 100 %.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sim.errors import InputError

Number = Decimal | float

COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "hardware": ("server", "scale-up", "storage", "head-node", "rent", "write-off"),
    "power": ("energy",),
    "networking": ("network",),
    "cooling": ("cooling", "cdu"),
    "labor": ("staff", "debugging"),
}
"""Items of a bill by the component that articles would count them in; others are in none of them."""

FAILED = (
    *("lost_work", "detect", "diagnose", "drain", "replace", "schedule", "initialize", "restore", "warm_up"),
    *("wait_for_node", "repair"),
)
"""States that a run without failures would not have; starting once is among them."""

PUBLISHED: Mapping[str, tuple[float, float]] = {
    "hardware": (0.60, 0.70),
    "power": (0.10, 0.15),
    "networking": (0.10, 0.20),
    "cooling": (0.03, 0.05),
    "labor": (0.05, 0.10),
    "failed_runs": (0.10, 0.20),
}
"""Shares as an article gives them (article 3, lines 46-51): to compare with, never an input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Both marginals of a bill, each of which sums to 1.

    by_component: items by component, and "other", in none of them: items that `other` names. failed_runs: the states
    that are failures, a cut across the same bill, by which the six shares sum to more than the components do.
    """

    by_component: Mapping[str, float]
    failed_runs: float
    by_state: Mapping[str, float]
    other: tuple[str, ...]


def component_shares(by_item: Mapping[str, Number], by_state: Mapping[str, Number]) -> Shares:
    """Return the shares of a bill by component, and by state. Raises InputError unless both marginals have one total.

    >>> shares = component_shares({"server": 60.0, "energy": 30.0, "data": 10.0}, {"compute": 80.0, "lost_work": 20.0})
    >>> shares.by_component["hardware"], shares.by_component["other"], shares.failed_runs
    (0.6, 0.1, 0.2)
    >>> shares.other
    ('data',)
    """
    total, states = float(sum(by_item.values())), float(sum(by_state.values()))
    if total <= 0 or abs(states / total - 1) > 1e-9:
        raise InputError(
            f"shares: items sum to {total:,.2f} USD and states to {states:,.2f}; expected one total above 0"
        )
    component_of = {item: name for name, items in COMPONENTS.items() for item in items}
    amounts = dict.fromkeys([*COMPONENTS, "other"], 0.0)
    for item, amount in by_item.items():
        amounts[component_of.get(item, "other")] += float(amount) / total
    return Shares(
        by_component=amounts,
        failed_runs=sum(float(by_state.get(state, 0)) for state in FAILED) / total,
        by_state={state: float(amount) / total for state, amount in by_state.items()},
        other=tuple(item for item in by_item if item not in component_of),
    )


def published_sum() -> tuple[float, float]:
    """Return what the published shares sum to, at least and at most.

    >>> [round(each, 2) for each in published_sum()]
    [0.98, 1.4]
    """
    return sum(low for low, _ in PUBLISHED.values()), sum(high for _, high in PUBLISHED.values())
