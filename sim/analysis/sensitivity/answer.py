"""What `sensitivity --json` prints: elasticities, worths, a tornado, Sobol's indices, and percentiles."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from sim.analysis.generations.simulated import simulated
from sim.analysis.sensitivity.elasticity import REPLICAS, STEP, Elasticity, Progress, physical, priced
from sim.analysis.sensitivity.marginal import Worth, mfu_point, worths
from sim.analysis.sensitivity.runs import Outcome, Source, base_of, scenario_of
from sim.analysis.sensitivity.uncertain import (
    SAMPLES,
    SOBOL,
    Model,
    as_it_is,
    evaluated,
    model_of,
    samples_of,
    sobol,
    surrogate_error,
    tornado,
)
from sim.batch.pool import pool
from sim.batch.statistics import Estimate
from sim.scenario import Scenario

Json = dict[str, Any]


def sensitivity_answer(
    name: str,
    *,
    overrides: Sequence[str] = (),
    samples: int = SAMPLES,
    replicas: int = REPLICAS,
    step: float = STEP,
    workers: int | None = None,
    progress: Progress = lambda fraction, what: None,
    allow_plugins: bool = False,
) -> Json:
    """Return the answer for a scenario, whose seeds are its own and those after it.

    Layers are turned by simulation under the same seeds, prices by pricing the same runs again. What is uncertain is
    drawn on runs at a few rates of failure, and priced. Raises InputError for a scenario without a model, a bill or
    tokens, SimulationError where a run comes to no end.
    """
    source = Source(name=name, overrides=tuple(overrides), allow_plugins=allow_plugins)
    scenario = scenario_of(source)
    seeds = [scenario.seed + number for number in range(replicas)]
    with pool(workers, 8) as processes:
        base, rows = physical(processes, source, scenario, seeds, step, lambda done, what: progress(0.7 * done, what))
        runs = simulated(name, source.overrides, allow_plugins)
        rows += priced(scenario, base, step)
        gains = [mfu_point(scenario, base, runs.step_mfu), *worths(processes, source, scenario, base, seeds)]
    progress(0.9, "samples")
    model = model_of(runs)
    return {
        "scenario": name,
        "gpus": scenario.machines.gpus,
        "step": step,
        "replicas": replicas,
        "samples": samples,
        **_base(base),
        "elasticities": [_row(each) for each in rows],
        "price_sum": sum(each.cost.mean for each in rows if each.cost is not None and each.layer == "price"),
        "marginal": [_worth(each) for each in gains],
        "as_it_is_usd": evaluated(model, as_it_is(model))[0],
        "tornado": tornado(model),
        "sobol": sobol(model, SOBOL, scenario.seed),
        "surrogate_error": surrogate_error(model, base_of(source)) if scenario.failures.classes else 0.0,
        "sobol_evaluations": SOBOL * (len(model.inputs) + 2),
        **_percentiles(model, scenario, samples),
    }


def _base(base: Sequence[Outcome]) -> Json:
    return {
        "cost_usd": float(np.mean([run.cost_usd for run in base])),
        "wall_days": float(np.mean([run.wall_s for run in base])) / 86_400,
        "windowed": not all(run.complete for run in base),
        "waiting_seeds": sum(_waited(run) > WAITED for run in base),
    }


WAITED = 0.01
"""Of all GPU-time: a job that waits longer for nodes is short of spares or crews."""


def _waited(run: Outcome) -> float:
    waited = sum(amount for key, amount in run.usage.time.items() if key.state == "wait_for_node")
    return waited / sum(run.usage.time.values())


def _estimate(found: Estimate | None) -> Json | None:
    return None if found is None else {"mean": found.mean, "ci_low": found.low, "ci_high": found.high}


def _row(found: Elasticity) -> Json:
    return {
        "layer": found.layer,
        "name": found.name,
        "priced": found.priced,
        "cost": _estimate(found.cost),
        "time": _estimate(found.time),
        "why": found.why,
    }


def _worth(found: Worth) -> Json:
    return {"name": found.name, "usd": _estimate(found.usd), "hours": _estimate(found.hours)}


def _percentiles(model: Model, scenario: Scenario, samples: int) -> Json:
    """Return the 5th, 50th and 95th percentile of cost and days, and the dates where the scenario has a first day."""
    drawn = samples_of(model, samples, scenario.seed)
    names = ("p5", "p50", "p95")
    cost, days = (
        dict(zip(names, map(float, np.percentile(drawn[:, axis], (5, 50, 95))), strict=True)) for axis in (0, 1)
    )
    start = scenario.start
    dates = None if start is None else {name: (start + timedelta(days=days[name])).isoformat() for name in names}
    return {"cost_percentiles": cost, "days_percentiles": days, "finish": dates, "inputs": list(model.inputs)}
