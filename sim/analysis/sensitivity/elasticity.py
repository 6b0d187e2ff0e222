"""Elasticities: by how many percent cost and wall clock move for each percent that a layer or a price does."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import log

from sim.analysis.sensitivity.knobs import BY_NAME, KNOBS, PRICES, PUE, Knob, turned_book
from sim.analysis.sensitivity.runs import Outcome, Source, Task, bill_usd, outcomes_of
from sim.batch.pool import Pool
from sim.batch.statistics import Estimate, estimate
from sim.errors import SimulationError
from sim.scenario import Scenario

STEP = 0.10
"""By how much a layer is turned, up and down, where nothing else is asked for."""

REPLICAS = 4
"""Seeds of every turn where nothing else is asked for."""

Progress = Callable[[float, str], None]
"""Called with the fraction done and what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elasticity:
    """d ln cost / d ln x and d ln wall clock / d ln x of a knob, with intervals over seeds; why: there is none."""

    layer: str
    name: str
    priced: bool
    cost: Estimate | None
    time: Estimate | None
    why: str = ""


def central(up: Sequence[float], down: Sequence[float], step: float) -> Estimate:
    """Return the central difference of logarithms, (ln y(1 + s) - ln y(1 - s)) / (ln(1 + s) - ln(1 - s)), over seeds.

    Both sides meet the same failures, so that what they share cancels. Exact for a power of x, to second order else.

    >>> central([1.1**-0.5], [0.9**-0.5], 0.1).mean
    -0.5
    """
    span = log(1 + step) - log(1 - step)
    return estimate([round((log(more) - log(less)) / span, 12) for more, less in zip(up, down, strict=True)])


def knobs_of(scenario: Scenario) -> list[Knob]:
    """Return the layers that a scenario has: no recovery or repair where nothing is recovered from or repaired."""
    missing = set()
    if scenario.recovery is None or not scenario.failures.classes:
        missing |= {"recovery time"}
    if scenario.repair is None or not scenario.failures.classes:
        missing |= {"repair time"}
    if not scenario.failures.classes:
        missing |= {"failure rate"}
    return [knob for knob in KNOBS if knob.name not in missing]


def physical(
    processes: Pool, source: Source, scenario: Scenario, seeds: Sequence[int], step: float, progress: Progress
) -> tuple[list[Outcome], list[Elasticity]]:
    """Return the runs of the scenario as it is, and the elasticity of every layer, by paired simulation."""
    knobs = knobs_of(scenario)
    turns = [(knob.name, factor) for knob in knobs for factor in (1 + step, 1 - step)]
    tasks = [Task(source=source, knob=name, factor=factor, seeds=tuple(seeds)) for name, factor in (("", 1.0), *turns)]
    found: list[list[Outcome] | str] = []
    for task, each in zip(tasks, processes.map(outcomes_of, tasks), strict=True):
        found.append(each)
        progress(len(found) / len(tasks), task.knob or "as it is")
    base, *others = found
    if isinstance(base, str):
        raise SimulationError(base)
    pairs = zip(others[::2], others[1::2], strict=True)
    return base, [_elasticity(knob, up, down, step) for knob, (up, down) in zip(knobs, pairs, strict=True)]


def _elasticity(knob: Knob, up: list[Outcome] | str, down: list[Outcome] | str, step: float) -> Elasticity:
    why = next((side for side in (down, up) if isinstance(side, str)), "")
    if isinstance(up, str) or isinstance(down, str):
        return Elasticity(layer=knob.layer, name=knob.name, priced=False, cost=None, time=None, why=why)
    cost = central([run.cost_usd for run in up], [run.cost_usd for run in down], step)
    time = central([run.wall_s for run in up], [run.wall_s for run in down], step)
    return Elasticity(layer=knob.layer, name=knob.name, priced=False, cost=cost, time=time)


def priced(scenario: Scenario, base: Sequence[Outcome], step: float) -> Iterator[Elasticity]:
    """Yield the elasticity of cost to each group of prices that moves the bill, and to PUE, by pricing runs again."""
    for name in (*PRICES, PUE):
        turn = _pue_step(scenario, step) if name == PUE else step
        more, less = ([_at(scenario, run, name, factor) for run in base] for factor in (1 + turn, 1 - turn))
        if more == less:
            continue
        nothing, cost = estimate([0.0] * len(base)), _share(more, less, base, turn)
        yield Elasticity(layer="price" if name != PUE else "power", name=name, priced=True, cost=cost, time=nothing)


def _pue_step(scenario: Scenario, step: float) -> float:
    """Return how far PUE is turned: no site is below 1."""
    billing = scenario.billing
    assert billing is not None, "what is studied is billed"
    return min(step, 1 - 1 / billing.prices.prices["energy/pue"].value)


def _share(more: Sequence[float], less: Sequence[float], base: Sequence[Outcome], step: float) -> Estimate:
    """Return the elasticity to a price, which a bill is linear in: its share of the bill, by the central difference."""
    sides = zip(more, less, base, strict=True)
    return estimate([(up - down) / (2 * step * run.cost_usd) for up, down, run in sides])


def _at(scenario: Scenario, run: Outcome, group: str, factor: float) -> float:
    billing = scenario.billing
    assert billing is not None, "what is studied is billed"
    book = turned_book(billing.prices, group, factor)
    return bill_usd(replace(scenario, billing=replace(billing, prices=book)), run.usage)


def elasticity_of_all_speeds(source: Source, seeds: Sequence[int], step: float = STEP) -> Elasticity:
    """Return the elasticity to a factor on every peak and bandwidth at once, by which the laws are checked."""
    up, down = (
        outcomes_of(Task(source=source, knob="all speeds", factor=factor, seeds=tuple(seeds)))
        for factor in (1 + step, 1 - step)
    )
    return _elasticity(BY_NAME["all speeds"], up, down, step)
