"""Cost and end of a run under uncertain inputs: percentiles, one input at a time, and Sobol's indices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.analysis.generations.book import MOVED, moved_book
from sim.analysis.generations.draws import usage_of
from sim.analysis.generations.simulated import SCALES, SEEDS, Simulated, point_at
from sim.analysis.generations.spread import Floats, by_quantiles, log_normal, step_points, unit_samples
from sim.analysis.generations.table import bands
from sim.analysis.generations.usage import mixed
from sim.ledger.bill.cost import price, total_usd
from sim.planning import Prepared

SAMPLES = 256
"""Samples of cost and end where nothing else is asked for."""

SOBOL = 64
"""Base samples of Sobol's indices, a power of 2; each takes as many evaluations as there are inputs, and two more."""

US_PER_DAY = 86_400e6

PHYSICS = ("step time", "failures", "seed")
"""Inputs that move what is used; all others are prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A scenario by its runs, and the inputs that move its cost, in the order in which they are drawn.

    What stands between simulated runs is mixed of the two rates of failure beside, and stretched with the step's time.
    """

    simulated: Simulated
    inputs: tuple[str, ...]


def model_of(simulated: Simulated) -> Model:
    """Return the model of a scenario: inputs without anything to move are left out."""
    billing, failures = simulated.scenario.billing, simulated.scenario.failures
    assert billing is not None, "what is studied is billed"
    physics = [name for name in PHYSICS if name == "step time" or failures.classes]
    point = simulated.points[0]
    once = _bill(simulated, point.usage, {})
    prices = [name for name in MOVED if _bill(simulated, point.usage, {name: 1.5}) != once]
    pue = ["PUE"] if _bill(simulated, point.usage, {}, 2.0) != once else []
    return Model(simulated=simulated, inputs=(*physics, *prices, *pue))


def _bill(simulated: Simulated, usage: Any, factors: Mapping[str, float], pue: float | None = None) -> float:
    billing = simulated.scenario.billing
    assert billing is not None, "what is studied is billed"
    book = moved_book(billing.prices, factors, pue)
    return float(total_usd(price(usage, book, billing.acquisition, billing.terms)))


def values_at(model: Model, name: str, units: Floats) -> Floats:
    """Return an input's values by shares of its distribution: that of the step's time by `validate`, others by band."""
    if name == "step time":
        return by_quantiles(units, step_points(model.simulated.scenario))
    if name == "seed":
        return np.asarray(np.floor(np.clip(units, 0, 1 - 1e-12) * SEEDS))
    band = bands()[name]
    return log_normal(units, band.low, band.high)


def as_it_is(model: Model) -> dict[str, float]:
    """Return the values of all inputs in the scenario as it stands."""
    return {name: 0.0 if name == "seed" else 1.0 for name in model.inputs if name != "PUE"}


def evaluated(model: Model, values: Mapping[str, float]) -> tuple[float, float]:
    """Return cost in dollars and wall clock in days under values of the inputs; without PUE that of the book."""
    physics = {"step": values["step time"], "failures": values.get("failures", 1.0), "compute": 1.0}
    usage, _ = usage_of(model.simulated, {**physics, "seed": values.get("seed", 0.0)})
    factors = {name: value for name, value in values.items() if name in MOVED}
    return _bill(model.simulated, usage, factors, values.get("PUE")), usage.wall_us / US_PER_DAY


def samples_of(model: Model, count: int, seed: int) -> Floats:
    """Return cost and days of samples, count x 2, on a Latin hypercube over all inputs."""
    units = unit_samples(count, len(model.inputs), seed)
    columns = [values_at(model, name, units[:, place]) for place, name in enumerate(model.inputs)]
    rows = zip(*columns, strict=True)
    return np.array([evaluated(model, dict(zip(model.inputs, map(float, row), strict=True))) for row in rows])


def tornado(model: Model) -> list[dict[str, Any]]:
    """Return cost and days with one input at its 5th and 95th percentile and the others as they are, widest first."""
    base, rows = as_it_is(model), []
    for name in model.inputs:
        if name == "seed":
            continue
        ends = [float(value) for value in values_at(model, name, np.array([0.05, 0.95]))]
        found = [evaluated(model, {**base, name: value}) for value in ends]
        rows.append(
            {
                "input": name,
                "values": ends,
                "cost_usd": [usd for usd, _ in found],
                "days": [days for _, days in found],
            }
        )
    return sorted(rows, key=lambda row: -abs(row["cost_usd"][1] - row["cost_usd"][0]))


def sobol(model: Model, count: int, seed: int) -> list[dict[str, Any]]:
    """Return Sobol's first and total indices of the logarithm of cost, the largest total first.

    First: the part of the variance that an input explains alone; total: with all that it does beside others. By
    scipy.stats.sobol_indices (Saltelli et al., 2010), on the model, `count` x (inputs + 2) evaluations. Each has an
    interval by bootstrap of 90 %.
    """
    from scipy.stats import sobol_indices, uniform

    def logs(units: Any) -> Any:
        columns = [values_at(model, name, units[place]) for place, name in enumerate(model.inputs)]
        rows = [dict(zip(model.inputs, map(float, row), strict=True)) for row in zip(*columns, strict=True)]
        return np.log(np.array([[evaluated(model, row)[0] for row in rows]]))

    dists: Any = [uniform()] * len(model.inputs)
    result: Any = sobol_indices(func=logs, n=count, dists=dists, rng=np.random.default_rng(seed))
    spread = result.bootstrap(confidence_level=0.9, n_resamples=99).total_order.confidence_interval
    columns = (result.first_order, result.total_order, spread.low, spread.high)
    rows = [
        {"input": name, **dict(zip(INDICES, (float(np.ravel(each)[place]) for each in columns), strict=True))}
        for place, name in enumerate(model.inputs)
    ]
    return sorted(rows, key=lambda row: -float(row["total"]))


INDICES = ("first", "total", "total_low", "total_high")
"""What is told of an input's part of the variance."""


def surrogate_error(model: Model, prepared: Prepared) -> float:
    """Return cost by the model over that of runs of their own, less 1, where the model knows least.

    At a rate of failure midway between two that are simulated, as the mean over the seeds.
    """
    errors = []
    for number in range(SEEDS):
        point = point_at(prepared, MIDWAY, prepared.scenario.seed + number)
        direct = _bill(model.simulated, mixed([(point.usage, point.stretch)]), {})
        asked = {**as_it_is(model), "failures": MIDWAY, "seed": float(number)}
        errors.append(evaluated(model, asked)[0] / direct - 1)
    return float(np.mean(errors))


MIDWAY = (SCALES[-2] + SCALES[-1]) / 2
"""A rate of failure as far as can be from those that are simulated."""
