"""Runs of a scenario with one layer turned, under the same seeds as the scenario as it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sim.analysis.generations.simulated import windowed
from sim.analysis.sensitivity.knobs import BY_NAME, Knob
from sim.errors import InputError, ScenarioError
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
    """What a run came to: its bill, wall clock and tokens, whether it is complete, and what it used."""

    cost_usd: float
    wall_s: float
    tokens: int
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
        return str(error).splitlines()[0]
    return [_outcome(prepared, seed) for seed in task.seeds]


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


def _outcome(prepared: Prepared, seed: int) -> Outcome:
    run = simulate_prepared(replace(prepared, scenario=replace(prepared.scenario, seed=seed)))
    assert run.usage is not None and run.costs is not None, "what is billed has used something"
    return Outcome(
        cost_usd=float(total_usd(run.costs)),
        wall_s=run.summary.wall_time_s,
        tokens=run.summary.tokens or 0,
        complete=run.summary.complete,
        usage=run.usage,
    )


def bill_usd(scenario: Scenario, usage: Usage) -> float:
    """Return the bill of what a run used, at the scenario's prices and terms."""
    billing = scenario.billing
    assert billing is not None, "what is studied is billed"
    return float(total_usd(price(usage, billing.prices, billing.acquisition, billing.terms)))


def to_tokens(runs: Sequence[Outcome], base: Sequence[Outcome]) -> list[tuple[float, float]]:
    """Return cost and wall clock of runs, stretched to the tokens that the scenario as it is retains under each seed.

    A run that completes retains as many anyway, but for its last step.

    >>> from sim.analysis.generations.examples import small_usage
    >>> one = dict(complete=False, usage=small_usage())
    >>> slow, fast = (Outcome(cost_usd=10.0, wall_s=5.0, tokens=tokens, **one) for tokens in (50, 100))
    >>> to_tokens([slow], [fast])
    [(20.0, 10.0)]
    """
    pairs = zip(runs, base, strict=True)
    factors = [1.0 if run.complete and own.complete else own.tokens / run.tokens for run, own in pairs]
    return [(run.cost_usd * factor, run.wall_s * factor) for run, factor in zip(runs, factors, strict=True)]
