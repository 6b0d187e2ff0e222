"""What a point comes to: a metric of the scenario's runs with these values, under the same seeds as any other point."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sim.batch.metrics import HIGHER_IS_BETTER, METRICS
from sim.batch.seeds import Job, of_seed, prepared_job
from sim.errors import InputError, SimulationError
from sim.scenario import load_scenario
from sim.simulate import run_id, simulate_prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Some seeds of a scenario under overrides, and the metric that is asked of each run."""

    source: str
    overrides: tuple[str, ...]
    metric: str
    seeds: tuple[int, ...]
    allow_plugins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The metric by seed; or why there is none: refused is the first line of what was said."""

    samples: tuple[float, ...] = ()
    refused: str | None = None


def outcome_of(ask: Ask) -> Outcome:
    """Return the metric of every seed's run. A scenario that does not load or fit, or makes no way, is refused.

    Runs are those of `run` for these values and seeds: lives are drawn by name and seed (common random numbers), so
    that a mean over fixed seeds is a function of the point alone (sample average approximation).
    """
    try:
        job = _job(ask.source, ask.overrides, ask.allow_plugins)
        prepared = prepared_job(job)
        found = [METRICS[ask.metric](simulate_prepared(of_seed(job, prepared, seed))) for seed in ask.seeds]
    except (InputError, SimulationError) as error:
        return Outcome(refused=str(error).splitlines()[0])
    if any(value is None for value in found):
        return Outcome(refused=f"{ask.metric}: a run here has none")
    return Outcome(samples=tuple(value for value in found if value is not None))


@lru_cache(maxsize=4)
def _job(source: str, overrides: tuple[str, ...], allow_plugins: bool) -> Job:
    scenario = load_scenario(source, overrides)
    return Job(key=run_id(scenario), scenario=scenario, source=source, overrides=overrides, allow_plugins=allow_plugins)


def joined(parts: Sequence[Outcome]) -> Outcome:
    """Return one outcome of the blocks of a point's seeds."""
    refused = next((part.refused for part in parts if part.refused is not None), None)
    if refused is not None:
        return Outcome(refused=refused)
    return Outcome(samples=tuple(value for part in parts for value in part.samples))


def loss(metric: str, outcome: Outcome) -> float:
    """Return what is minimised: the mean of the metric, less it where higher is better; infinite where refused.

    >>> loss("ettr", Outcome(samples=(0.8, 0.9))), loss("cost_usd", Outcome(refused="no room"))
    (-0.8500000000000001, inf)
    """
    if outcome.refused is not None:
        return float("inf")
    mean = sum(outcome.samples) / len(outcome.samples)
    return -mean if metric in HIGHER_IS_BETTER else mean
