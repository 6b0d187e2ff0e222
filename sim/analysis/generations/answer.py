"""What `generations --json` prints: every generation under every method with its band, beside what is published."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sim.analysis.cost.records import reference
from sim.analysis.generations.draws import draws_of
from sim.analysis.generations.growth import DAYS_PER_YEAR, compute_optimal, doubling_months, fitted, growth_of
from sim.analysis.generations.methods import Sampled, sampled
from sim.analysis.generations.simulated import SCALES, SEEDS, Simulated, simulated
from sim.analysis.generations.spread import SAMPLES, Floats
from sim.analysis.generations.table import METHODS, Figure, Generation, bands, generations
from sim.batch.pool import pool
from sim.scenario import load_scenario

Json = dict[str, Any]

LEAST = 3
"""Rows that a fit of growth takes."""

Progress = Callable[[float, str], None]
"""Called with the fraction done and what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A generation, how many samples of it are drawn, and by which seed."""

    generation: Generation
    samples: int
    seed: int


def generations_answer(
    *,
    samples: int = SAMPLES,
    workers: int | None = None,
    progress: Progress = lambda fraction, what: None,
    chosen: Sequence[Generation] | None = None,
) -> Json:
    """Return the answer: rows by generation, each with its methods, and fits of growth over them.

    Each generation is simulated under a few seeds and rates of failure, in processes of their own, and those runs are
    priced `samples` times with every uncertain input drawn anew. No factor is fitted to any of them.
    """
    asked = generations() if chosen is None else tuple(chosen)
    tasks = [Task(generation=each, samples=samples, seed=index) for index, each in enumerate(asked)]
    # Those with most GPUs take longest: begun first, they do not leave a process alone at the end.
    order = sorted(range(len(tasks)), key=lambda index: -load_scenario(asked[index].preset).machines.gpus)
    found: dict[int, tuple[Json, Sampled]] = {}
    with pool(workers, len(tasks)) as processes:
        for done, each in enumerate(processes.map(row_of, [tasks[index] for index in order]), start=1):
            found[order[done - 1]] = each
            progress(done / len(tasks), str(each[0]["name"]))
    rows, drawn = zip(*(found[index] for index in range(len(tasks))), strict=True)
    return {
        "samples": samples,
        "seeds": SEEDS,
        "failure_scales": list(SCALES),
        "rows": list(rows),
        "growth": list(_growth(asked, drawn)),
        "published_growth": list(_published_growth()),
        "inputs": [asdict(band) for band in bands().values()],
    }


def row_of(task: Task) -> tuple[Json, Sampled]:
    """Return the row of a generation, and its samples: simulated, drawn and priced."""
    run = simulated(task.generation.preset)
    drawn = sampled(task.generation, run, draws_of(task.generation, run, task.samples, task.seed))
    return _row(task.generation, run, drawn), drawn


def _row(generation: Generation, run: Simulated, drawn: Sampled) -> Json:
    scenario, middle = run.scenario, run.points[SCALES.index(1.0) * SEEDS]
    assert scenario.training is not None and scenario.billing is not None, "a generation is billed and trains a model"
    return {
        "name": generation.name,
        "preset": generation.preset,
        "date": generation.published.isoformat(),
        "assumed": generation.assumed,
        "gpus": scenario.machines.gpus,
        "accelerator": scenario.machines.accelerator.name,
        "tokens": scenario.tokens,
        "flop": run.flop,
        "flop_band": _band(drawn.flop),
        "compute_optimal_tokens": compute_optimal(run.flop)[1],
        "step_mfu": run.step_mfu,
        "goodput": middle.goodput,
        "prices": scenario.billing.prices.name,
        "acquisition": scenario.billing.acquisition,
        "days": _band(drawn.days),
        "gpu_hours": _band(drawn.hours),
        "usd_per_gpu_hour": float(np.median(drawn.amounts["bill"] / drawn.hours)),
        "methods": [
            _method(name, generation, run, drawn) for name in METHODS if name in drawn.amounts or name in drawn.reasons
        ],
    }


def _band(values: Floats) -> Json:
    """Return the 5th, 50th and 95th percentile.

    >>> _band(np.arange(101.0))
    {'p5': 5.0, 'p50': 50.0, 'p95': 95.0}
    """
    return dict(zip(("p5", "p50", "p95"), map(float, np.percentile(values, (5, 50, 95))), strict=True))


def _method(name: str, generation: Generation, run: Simulated, drawn: Sampled) -> Json:
    figure = next((each for each in generation.figures if each.method == name), None)
    unit = "GPU-hour" if name == "chip-hours" else "USD2023" if name in METHODS[2:6] else "USD"
    if name in drawn.reasons:
        return {"method": name, "unit": unit, **dict.fromkeys(("p5", "p50", "p95")), "why": drawn.reasons[name]}
    band = _band(drawn.amounts[name])
    if figure is None:
        return {"method": name, "unit": unit, **band, "published": None, "inside": None, "why": ""}
    inside = band["p5"] <= figure.high and figure.low <= band["p95"]
    return {
        "method": name,
        "unit": unit,
        **band,
        "published": [figure.low, figure.high],
        "source": figure.source,
        "inside": inside,
        "error": band["p50"] / (figure.low * figure.high) ** 0.5 - 1,
        "why": "" if inside else _why(name, figure, generation, run, drawn),
    }


def _why(name: str, figure: Figure, generation: Generation, run: Simulated, drawn: Sampled) -> str:
    """Return what a published figure outside its band implies, of which the simulation says otherwise."""
    hours = next((each.low for each in generation.figures if each.method == "chip-hours"), None)
    simulated = float(np.median(drawn.job_hours))
    if hours is None:
        return f"published {figure.low:,.0f} to {figure.high:,.0f}"
    implied, own = (run.flop / (each * 3600 * run.peak_flops_per_s) for each in (hours, simulated))
    if name == "chip-hours":
        return f"published hours imply that {100 * implied:.0f} % of peak was useful; simulated {100 * own:.0f} %"
    return f"made with {hours / simulated:.2f} times the simulated hours; the rest is its price of an hour"


def _years(generation: Generation) -> float:
    return generation.published.toordinal() / DAYS_PER_YEAR


def _growth(asked: Sequence[Generation], drawn: Sequence[Sampled]) -> Iterator[Json]:
    """Yield fits of the bill, of Epoch's amortised cost and of compute: over all rows that have it, and past ones."""
    kinds: Mapping[str, list[Floats | None]] = {
        "bill": [each.amounts["bill"] for each in drawn],
        "amortised": [each.amounts.get("amortised") for each in drawn],
        "compute": [each.flop for each in drawn],
    }
    groups: Mapping[str, Callable[[Generation], bool]] = {
        "all": lambda generation: True,
        "frontier to 2024": lambda generation: generation.frontier and generation.published.year <= 2024,
        "frontier": lambda generation: generation.frontier,
    }
    for what, amounts in kinds.items():
        for group, belongs in groups.items():
            pairs = [
                (generation, values)
                for generation, values in zip(asked, amounts, strict=True)
                if values is not None and belongs(generation)
            ]
            if len(pairs) >= LEAST and not (what == "amortised" and group == "frontier"):
                yield {"what": what, "rows": group, **_fit(pairs)}


def _fit(pairs: Sequence[tuple[Generation, Floats]]) -> Json:
    found = fitted([_years(generation) for generation, _ in pairs], np.stack([values for _, values in pairs], axis=1))
    ends = [pairs[0][0].published.isoformat(), pairs[-1][0].published.isoformat()]
    return {"count": len(pairs), **asdict(found), "ends": ends, "doubling_months": doubling_months(found.p50)}


def _published_growth() -> Iterator[Json]:
    """Yield what is published of growth a year; doubling times are told as growth."""
    for entry in reference().values():
        if entry["category"] != "growth":
            continue
        low, high = float(entry["low"]), float(entry["high"])
        if entry["unit"] == "months":
            low, high = growth_of(high), growth_of(low)
        yield {"name": entry["name"], "low": low, "high": high, "source": entry["source"], "unit": entry["unit"]}
