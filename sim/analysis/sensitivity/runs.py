"""Runs of a scenario with one layer turned, under the same seeds as the scenario as it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sim.analysis.generations.simulated import windowed
from sim.analysis.generations.usage import mixed
from sim.analysis.sensitivity.knobs import BY_NAME, Knob
from sim.errors import InputError, ScenarioError, SimulationError
from sim.ledger.bill.cost import price, total_usd
from sim.ledger.bill.usage import Usage
from sim.planning import Prepared
from sim.scenario import Scenario, load_scenario
from sim.simulate import prepare, simulate_prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a scenario comes from."""

    name: str
    overrides: tuple[str, ...] = ()
    allow_plugins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A scenario with a knob turned by a factor ("" and 1: as it is), and the seeds that it is run under."""

    source: Source
    knob: str
    factor: float
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run to all its tokens comes to: its bill, wall clock, and what it used.

    complete: whether it was simulated to its end; else what it used by the window or horizon is stretched by tokens.
    """

    cost_usd: float
    wall_s: float
    complete: bool
    usage: Usage


def scenario_of(source: Source) -> Scenario:
    """Return the scenario of a study. Raises ScenarioError for one without a model, a bill or tokens."""
    scenario = load_scenario(source.name, source.overrides)
    lines = [
        f"{name}: is missing; sensitivity needs it"
        for name, there in (
            ("model", scenario.training is not None),
            ("cost", scenario.billing is not None),
            ("training.tokens", scenario.training is None or scenario.tokens is not None),
        )
        if not there
    ]
    if lines:
        raise ScenarioError("\n".join(lines))
    return windowed(scenario)


@lru_cache(maxsize=2)
def base_of(source: Source) -> Prepared:
    """Return the scenario as it is, prepared; kept for a process' next task."""
    return prepare(scenario_of(source), allow_plugins=source.allow_plugins)


def outcomes_of(task: Task) -> list[Outcome] | str:
    """Return the runs of a task, one for each seed, or why there are none: a layout that no longer fits.

    Seeds draw failures and repairs, by name, so that every task meets the same (common random numbers); speeds of GPUs
    and hashed routes are those of the scenario's own seed.
    """
    try:
        prepared = turned(task)
    except InputError as error:
        return str(error).splitlines()[0].partition("; would fit")[0]
    return outcomes(prepared, task.seeds)


def turned(task: Task) -> Prepared:
    """Return the prepared job of a task; the bill of materials stays that of the scenario as it is."""
    base = base_of(task.source)
    if not task.knob:
        return base
    knob: Knob = BY_NAME[task.knob]
    scenario = knob.turn(base.scenario, task.factor)
    if not knob.stepping:
        return replace(base, scenario=scenario, held={})
    # Without a bill nothing asks the catalog for switches of a speed that none has.
    bare = prepare(replace(scenario, billing=None), allow_plugins=task.source.allow_plugins)
    return replace(bare, scenario=scenario, bill=base.bill)


def outcomes(prepared: Prepared, seeds: Sequence[int]) -> list[Outcome]:
    """Return the runs of a prepared job under seeds, each to all its tokens."""
    return [_outcome(prepared, seed) for seed in seeds]


def _outcome(prepared: Prepared, seed: int) -> Outcome:
    run = simulate_prepared(replace(prepared, scenario=replace(prepared.scenario, seed=seed)))
    usage, summary, asked = run.usage, run.summary, prepared.scenario.tokens
    assert usage is not None and asked is not None, "what is studied is billed, and has tokens"
    if not summary.tokens:
        raise SimulationError(
            f"run: retains nothing in {summary.wall_time_s / 86_400:.3g} d; expected one that gets on"
        )
    stretch = 1.0 if summary.complete else asked / summary.tokens
    whole = usage if summary.complete else mixed([(usage, 1.0)], stretch)
    return Outcome(
        cost_usd=bill_usd(prepared.scenario, whole),
        wall_s=summary.wall_time_s * stretch,
        complete=summary.complete,
        usage=whole,
    )


def bill_usd(scenario: Scenario, usage: Usage) -> float:
    """Return the bill of what a run used, at the scenario's prices and terms."""
    billing = scenario.billing
    assert billing is not None, "what is studied is billed"
    return float(total_usd(price(usage, billing.prices, billing.acquisition, billing.terms)))
