"""scipy's search for the least mean over fixed seeds, within a budget of runs.

Sample average approximation (Kleywegt, Shapiro and Homem-de-Mello, SIAM J. Optimization 12, 2002): with the same seeds
everywhere the mean is a function without noise, which deterministic methods minimise. One whole-number knob that the
budget covers is tried at every value; one other by Brent's bounded method; several by differential evolution.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.batch.optimise.knobs import Knob, value_of

Point = tuple[float, ...]
"""The value of each knob."""

Evaluate = Callable[[Sequence[Point]], Sequence[float]]
"""Returns what is minimised at each point; infinite where a scenario is refused."""

XATOL = 0.005
"""Of a knob's scale: where Brent's method ends."""

POPULATION = 6
"""Points of a generation for each knob."""

TOLERANCE = 1e-3
"""Spread of a generation, of its mean, at which differential evolution ends."""


@dataclass(slots=True, kw_only=True)
class Trail:
    """Points in the order in which they were first asked for, and what each came to; most: how many are allowed."""

    evaluate: Evaluate
    most: int
    losses: dict[Point, float] = field(default_factory=dict)
    spent: bool = False

    def at(self, points: Iterable[Point]) -> list[float]:
        """Return what points come to; those that the budget does not cover are infinite, and it is spent."""
        asked = list(points)
        new = [point for point in dict.fromkeys(asked) if point not in self.losses]
        covered = new[: self.most - len(self.losses)]
        self.spent = self.spent or len(covered) < len(new)
        if covered:
            self.losses.update(zip(covered, self.evaluate(covered), strict=True))
        return [self.losses.get(point, float("inf")) for point in asked]


class _Spent(Exception):  # noqa: N818 - not an error: how a method that asks for one point more is ended
    pass


def search(knobs: Sequence[Knob], evaluate: Evaluate, most: int, seed: int) -> Trail:
    """Return the trail of a search for the least among `most` points; seed: of differential evolution's draws.

    The path does not depend on `most`: a larger one goes on where a smaller one ended.
    """
    trail = Trail(evaluate=evaluate, most=most)
    (first, *others) = knobs
    if others:
        _evolved(knobs, trail, seed)
    elif first.count is not None and first.count <= most:
        trail.at((first.low + index,) for index in range(first.count))
    else:
        _bounded(first, trail)
    return trail


def _bounded(knob: Knob, trail: Trail) -> None:
    from scipy.optimize import minimize_scalar

    def at(place: float) -> float:
        (found,) = trail.at([(value_of(knob, float(place)),)])
        if trail.spent:
            raise _Spent
        return found

    try:
        minimize_scalar(at, bounds=(0.0, 1.0), method="bounded", options={"xatol": XATOL})
    except _Spent:
        return


def _evolved(knobs: Sequence[Knob], trail: Trail, seed: int) -> None:
    from scipy.optimize import Bounds, OptimizeResult, differential_evolution

    whole = [knob.integer and not knob.log for knob in knobs]
    low = [knob.low if each else 0.0 for knob, each in zip(knobs, whole, strict=True)]
    high = [knob.high if each else 1.0 for knob, each in zip(knobs, whole, strict=True)]

    def point(places: NDArray[np.float64]) -> Point:
        pairs = zip(knobs, whole, places, strict=True)
        return tuple(float(round(place)) if each else value_of(knob, float(place)) for knob, each, place in pairs)

    def generation(_: Any, members: Iterable[NDArray[np.float64]]) -> list[float]:
        return trail.at(map(point, members))

    def at(places: NDArray[np.float64]) -> float:
        return trail.at([point(places)])[0]

    def told(intermediate_result: OptimizeResult) -> None:
        if trail.spent:
            raise StopIteration

    differential_evolution(
        at,
        Bounds(np.asarray(low), np.asarray(high)),
        integrality=whole,
        popsize=POPULATION,
        init="latinhypercube",
        tol=TOLERANCE,
        maxiter=trail.most,
        polish=False,
        updating="deferred",
        workers=generation,
        rng=np.random.default_rng(seed),
        callback=told,
    )
