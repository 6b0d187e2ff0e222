"""Failures of fleets whose nodes keep their ages, new and old, beside the renewal equation."""

from collections.abc import Callable, Iterator

import numpy as np

from sim.analysis.reliability.oracles import oracle
from sim.analysis.reliability.rows import Predicted
from sim.analysis.reliability.runs import DAY_S, Sample, failures_of, restart, run_plan, sample
from sim.ledger.time.trace import RunTrace
from sim.reliability.failures.laws import cdf
from sim.reliability.records import FailureClass, Law, RunPlan

NODES, DAYS, LIFE_DAYS = 4096, 7.0, 100.0
"""The new fleet: nodes, how long it is watched, and their mean life."""

OLD_NODES, OLD_FROM_DAYS, OLD_TO_DAYS = 256, 400.0, 700.0
"""The old fleet, and when it is watched: after four mean lives, so that it fails at N / mean."""

_PARTS = 1000


def renewals(law: Law, time_s: float) -> float:
    """Return the expected failures of one component that is renewed by each, until a time since it was new.

    The renewal equation m(t) = F(t) + int m(t - x) dF(x), on a grid, with m taken as straight between its points.

    >>> round(renewals(Law(kind="exponential", mean_s=100.0), 7.0), 6)
    0.07
    """
    below = np.array([cdf(law, time_s * part / _PARTS) for part in range(_PARTS + 1)])
    steps = np.diff(below)
    found = np.zeros(_PARTS + 1)
    for i in range(1, _PARTS + 1):
        middle = (found[:i] + found[1 : i + 1])[::-1] / 2
        found[i] = (below[i] + middle @ steps[:i]) / (1 - steps[0] / 2)
    return float(found[-1])


def age_rows() -> Iterator[Predicted]:
    """Yield failures of a new fleet in a week, by law of life, and of an old one."""
    for name, law in (
        ("exponential", Law(kind="exponential", mean_s=LIFE_DAYS * DAY_S)),
        ("Weibull 1.5", Law(kind="weibull", mean_s=LIFE_DAYS * DAY_S, shape=1.5)),
        ("Weibull 0.7", Law(kind="weibull", mean_s=LIFE_DAYS * DAY_S, shape=0.7)),
        ("lognormal 1", Law(kind="lognormal", mean_s=LIFE_DAYS * DAY_S, shape=1.0)),
    ):
        known = NODES * renewals(law, DAYS * DAY_S)
        found = sample(_fleet(law, NODES, DAYS), 12, failures_of)
        given = {"nodes": NODES, "days": DAYS, "mean_life_days": LIFE_DAYS, "shape": law.shape}
        formula = "N m(t), m(t) = F(t) + int m(t - x) dF(x)"
        yield oracle(
            f"failures of a new fleet, {name}", known, found, given, unit="failures", formula=formula, group="ages"
        )
    law = Law(kind="weibull", mean_s=LIFE_DAYS * DAY_S, shape=0.7)
    weeks = (OLD_TO_DAYS - OLD_FROM_DAYS) / 7
    late = sample(_fleet(law, OLD_NODES, OLD_TO_DAYS), 12, _failures_after(OLD_FROM_DAYS))
    found = Sample(values=tuple(NODES / OLD_NODES * value / weeks for value in late.values))
    given = {"nodes": NODES, "days": DAYS, "mean_life_days": LIFE_DAYS, "shape": law.shape}
    known = NODES * DAYS / LIFE_DAYS
    yield oracle(
        "failures of an old fleet, Weibull 0.7",
        known,
        found,
        given,
        unit="failures",
        formula="N t / mean",
        group="ages",
    )


def _fleet(law: Law, nodes: int, days: float) -> RunPlan:
    """Return a fleet whose nodes are renewed on the spot by what fails, and never otherwise."""
    cause = FailureClass(cause="node", component="node", per_node=1, life=law, replace=False)
    return run_plan(
        failures=(cause,), recovery=restart(0.0, rework=False), nodes=nodes, step_s=60.0, horizon_s=days * DAY_S
    )


def _failures_after(days: float) -> Callable[[RunTrace], float]:
    start_us = days * DAY_S * 1e6
    return lambda trace: float(sum(event.kind == "failure" and event.time_us > start_us for event in trace.events))
