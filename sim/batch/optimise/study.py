"""A search for the best values of some keys, and what the winner comes to under seeds that it was not chosen by."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from sim.batch.metrics import METRICS
from sim.batch.optimise.knobs import Knob, overrides_of
from sim.batch.optimise.objective import Ask, Outcome, joined, loss, outcome_of
from sim.batch.optimise.search import Point, search
from sim.batch.optimise.store import Store, open_store
from sim.batch.pool import Pool, pool
from sim.errors import InputError, ScenarioError, unknown_name
from sim.scenario import load_scenario
from sim.simulate import run_id

REPLICAS = 4
"""Seeds of every point."""

CHECKED = 10
"""Fresh seeds for the winner, and as many for the scenario as it is."""

BUDGET = 200
"""Runs of a search and its check where nothing else is asked for."""

Progress = Callable[[float, str], None]
"""Called with the fraction done and what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimised:
    """All points in the order of the search, the winner among them, and both it and the scenario under fresh seeds.

    found: evaluations that were there already. converged: whether the search ended before its budget. winner: its
    place.
    """

    scenario: str
    metric: str
    knobs: tuple[Knob, ...]
    points: tuple[Point, ...]
    outcomes: tuple[Outcome, ...]
    winner: int
    fresh: Outcome
    base: Outcome
    budget: int
    replicas: int
    checked: int
    found: int
    converged: bool


def optimise(
    source: str,
    knobs: Sequence[Knob],
    metric: str,
    *,
    overrides: Sequence[str] = (),
    budget: int = BUDGET,
    replicas: int = REPLICAS,
    checked: int = CHECKED,
    directory: Path | None = None,
    workers: int | None = None,
    progress: Progress = lambda fraction, what: None,
    allow_plugins: bool = False,
) -> Optimised:
    """Return the point with the least mean of a metric (the greatest where higher is better) that a budget finds.

    Seeds are the scenario's own and those after it; the fresh ones follow them. Raises InputError for a metric that no
    run has, a scenario that does not load, or a budget that covers no search.
    """
    if metric not in METRICS:
        raise unknown_name("metric", metric, list(METRICS), "--minimise")
    scenario = load_scenario(source, overrides)
    most = (budget - 2 * checked) // replicas
    if most < 3:
        raise InputError(
            f"--budget: got {budget} runs; expected {3 * replicas + 2 * checked} at least: three points of {replicas}, "
            f"and {checked} each for the winner and the scenario as it is"
        )
    plan = {"scenario": run_id(scenario), "metric": metric, "replicas": replicas, "checked": checked}
    store = open_store(directory, plan)
    seeds = tuple(scenario.seed + index for index in range(replicas + checked))
    with pool(workers, max(2, replicas)) as processes:
        ask = Ask(source=source, overrides=(), metric=metric, seeds=(), allow_plugins=allow_plugins)
        runs = _Runs(processes, store, ask)
        asked = list[tuple[str, ...]]()

        def evaluate(points: Sequence[Point]) -> list[float]:
            settings = [(*overrides, *overrides_of(knobs, point)) for point in points]
            asked.extend(settings)
            progress(min(0.99, len(asked) / most), f"point {len(asked)} of {most} at most")
            return [loss(metric, each) for each in runs.outcomes(settings, seeds[:replicas])]

        trail = search(knobs, evaluate, most, scenario.seed)
        losses = list(trail.losses.values())
        winner = losses.index(min(losses))
        if losses[winner] == float("inf"):
            refusal = runs.outcomes(asked[:1], seeds[:replicas])[0].refused
            raise ScenarioError(f"--over: all {len(losses)} points are refused; the first: {refusal}")
        fresh, base = runs.outcomes([asked[winner], tuple(overrides)], seeds[replicas:], "fresh")
    return Optimised(
        scenario=source,
        metric=metric,
        knobs=tuple(knobs),
        points=tuple(trail.losses),
        outcomes=tuple(runs.outcomes(asked, seeds[:replicas])),
        winner=winner,
        fresh=fresh,
        base=base,
        budget=budget,
        replicas=replicas,
        checked=checked,
        found=store.found,
        converged=not trail.spent,
    )


class _Runs:
    """Points under some seeds, from the store or by simulation in the processes of a pool."""

    def __init__(self, processes: Pool, store: Store, ask: Ask) -> None:
        self._processes = processes
        self._store = store
        self._ask = ask

    def outcomes(self, points: Sequence[tuple[str, ...]], seeds: tuple[int, ...], what: str = "") -> list[Outcome]:
        """Return what points come to; what: tells the same point under other seeds apart in the store."""
        keys = [(*point, what) if what else point for point in points]
        new = [point for point, key in zip(points, keys, strict=True) if self._store.get(key) is None]
        for point, outcome in zip(new, self._simulated(new, seeds), strict=True):
            self._store.put((*point, what) if what else point, outcome)
        return [each for key in keys if (each := self._store.get(key)) is not None]

    def _simulated(self, points: Sequence[tuple[str, ...]], seeds: tuple[int, ...]) -> Iterator[Outcome]:
        """Yield new points as they are simulated, in order; a single one is shared among the processes by its seeds."""
        blocks = _halves(seeds) if len(points) == 1 else [seeds]
        asks = [replace(self._ask, overrides=point, seeds=block) for point in points for block in blocks]
        parts = iter(self._processes.map(outcome_of, asks))
        for _ in points:
            yield joined([next(parts) for _ in blocks])


def _halves(seeds: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return seeds in two blocks, which are as many processes as a small search keeps busy.

    >>> _halves((1, 2, 3)), _halves((1,))
    ([(1,), (2, 3)], [(1,)])
    """
    bounds = sorted({0, len(seeds) // 2, len(seeds)})
    return [seeds[first:last] for first, last in pairwise(bounds)]
