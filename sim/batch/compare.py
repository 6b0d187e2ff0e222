"""The same job over variants of its scenario, under the same seeds: what each takes, costs, and is made of."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from sim.batch.fabrics import Fabric, fabric_of
from sim.batch.losses import throughput_after_losses
from sim.batch.metrics import HEADLINES, METRICS, main_step, sample
from sim.batch.plans.loading import loaded
from sim.batch.pool import Pool, pool
from sim.batch.repricing import Repricing, billings, repriced, repricings_of
from sim.batch.seeds import seeded
from sim.batch.selecting import Best, Selected, selected
from sim.batch.statistics import Estimate, estimate, paired
from sim.batch.statistics.simultaneous import each_covers
from sim.batch.statistics.two_stage import variance_ratio
from sim.batch.variants import Variant
from sim.cluster.resilience import AfterLoss
from sim.errors import InputError, ScenarioError, SimulationError
from sim.ledger.bill.cost import usd_by
from sim.scenario import load_scenario
from sim.simulate import Prepared, RunResult, prepare, simulate_prepared

MOST_VARIANTS = 1000
MOST_REPLICAS = 1000

Progress = Callable[[float, str], None]
"""Called with the fraction done and what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One variant: samples of every metric by seed, and for the first seed what the step and the bill consist of.

    step_states: GPU-time by state in seconds of a step of the main phase. costs: dollars by item. busbw: of the main
    phase's collectives, by dimension. losses: what one loss in the network leaves of the main phase's throughput.
    bills: micro-dollars by item, of every seed.
    """

    variant: Variant
    samples: Mapping[str, tuple[float, ...]]
    fabric: Fabric | None
    step_states: Mapping[str, float] = field(default_factory=dict)
    busbw: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    losses: tuple[AfterLoss, ...] = ()
    bills: tuple[Mapping[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All variants, in the order asked for; the first is what the others are compared with. study: its name, if one.

    replicas: of each at least; where the best was to be selected, those that took longer to tell apart have more.
    prices: labels of other prices; samples of `cost_usd@LABEL` are of the same runs at those.
    """

    scenario: str
    measured: tuple[Measured, ...]
    replicas: int
    study: str | None = None
    question: str | None = None
    selected: Selected | None = None
    prices: tuple[str, ...] = ()

    def estimates(self, metric: str) -> tuple[Estimate, ...]:
        """Return the estimate of a metric for every variant."""
        return tuple(estimate(each.samples[metric]) for each in self.measured)

    def differences(self, metric: str) -> tuple[Estimate, ...]:
        """Return every variant less the first, paired by seed; all intervals hold at once (Bonferroni)."""
        coverage = each_covers(max(1, len(self.measured) - 1))
        return tuple(paired(*pair, coverage) for pair in self._pairs(metric))

    def variance_ratios(self, metric: str) -> tuple[float | None, ...]:
        """Return by how much common random numbers shrink the variance of each difference; None where none is left."""
        return tuple(variance_ratio(*pair) for pair in self._pairs(metric))

    def _pairs(self, metric: str) -> Iterator[tuple[tuple[float, ...], tuple[float, ...]]]:
        first = self.measured[0].samples[metric]
        for each in self.measured:
            own = each.samples[metric]
            both = min(len(own), len(first))
            yield own[:both], first[:both]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics that every variant has."""
        return tuple(name for name in METRICS if all(name in each.samples for each in self.measured))

    @property
    def headline(self) -> str:
        """The metric that ranks the variants: dollars of a token retained, or else the first that tells any apart.

        Runs that a horizon ends are not ranked by what they cost alone: what retains least costs least.
        """
        unfit = ("cost_usd",) if self.one_end and self.varies("ettr") else ()
        known = [name for name in HEADLINES if name in self.metrics and name not in unfit]
        return next((name for name in known if self.varies(name)), known[0])

    @property
    def one_end(self) -> bool:
        """Whether all runs end at one instant, which a horizon makes them do."""
        return len({end for each in self.measured for end in each.samples["wall_time_s"]}) == 1

    def varies(self, metric: str) -> bool:
        """Return whether any variant's samples of a metric are not those of the first, where all have it."""
        return metric in self.metrics and any(own != first for own, first in self._pairs(metric))


def compare(
    source: str,
    variants: Sequence[Variant],
    *,
    overrides: Sequence[str] = (),
    replicas: int = 1,
    workers: int | None = None,
    best: Best | None = None,
    prices: Sequence[str] = (),
    progress: Progress = lambda fraction, what: None,
    allow_plugins: bool = False,
) -> Comparison:
    """Return every variant of a scenario, each simulated under the same seeds: the scenario's own and those after it.

    Losses in the network are simulated where variants differ in their machines or in what they train. best: what is to
    be selected; variants that may still be it are run again, `replicas` at a time.
    Raises InputError with a line for every variant that does not load or fit, before any run where loading tells.
    """
    if not 1 <= replicas <= MOST_REPLICAS:
        raise ScenarioError(f"--replicas: got {replicas:,}; expected 1 to {MOST_REPLICAS:,}")
    if best is not None and replicas < 2:
        raise ScenarioError(f"--replicas: got {replicas}; expected 2 at least to select the best, better 10")
    if len(variants) > MOST_VARIANTS:
        raise ScenarioError(f"--over: got {len(variants):,} variants; expected {MOST_VARIANTS:,} at most")
    others = repricings_of(prices)
    scenarios = loaded(source, variants, overrides)
    billings(source, [*overrides, *variants[0].overrides], others)
    losses = any((each.machines, each.training) != (scenarios[0].machines, scenarios[0].training) for each in scenarios)
    count = workers or os.cpu_count() or 1
    runs = [
        _Task(
            source=source,
            variant=variant,
            overrides=(*overrides, *variant.overrides),
            seeds=(scenario.seed,),
            losses=losses,
            others=others,
            allow_plugins=allow_plugins,
        )
        for variant, scenario in zip(variants, scenarios, strict=True)
    ]
    with pool(workers, len(variants) * len(_blocks(replicas, len(variants), count))) as processes:
        measured = _measured(processes, runs, range(replicas), count, progress)
        found = None if best is None else selected(best, [each.samples for each in measured], replicas)
        while best is not None and found is not None and found.undecided and _replicas(measured) < MOST_REPLICAS:
            done = _replicas(measured)
            later = range(done, min(done + replicas, MOST_REPLICAS))
            left = [replace(runs[index], losses=False) for index in found.left]
            more = _measured(processes, left, later, count, progress)
            for index, part in zip(found.left, more, strict=True):
                measured[index] = _joined([measured[index], part])
            found = selected(best, [each.samples for each in measured], replicas)
    return Comparison(
        scenario=source,
        measured=tuple(measured),
        replicas=replicas,
        selected=found,
        prices=tuple(each.label for each in others),
    )


def _replicas(measured: Sequence[Measured]) -> int:
    return max(len(each.samples["wall_time_s"]) for each in measured)


def _measured(
    processes: Pool, runs: Sequence["_Task"], numbers: range, workers: int, progress: Progress
) -> list[Measured]:
    """Return variants over some replications; what one loss leaves is asked of the first block only."""
    blocks = _blocks(len(numbers), len(runs), workers)
    tasks = [
        replace(run, seeds=tuple(run.seeds[0] + numbers[index] for index in block), losses=run.losses and not block[0])
        for run in runs
        for block in blocks
    ]
    parts: list[Measured] = []
    for done, part in enumerate(processes.map(_measure, tasks), start=1):
        progress(done / len(tasks), f"{part.variant.name}: runs {numbers.start + 1} to {numbers.stop}")
        parts.append(part)
    return [_joined(parts[first : first + len(blocks)]) for first in range(0, len(parts), len(blocks))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    source: str
    variant: Variant
    overrides: tuple[str, ...]
    seeds: tuple[int, ...]
    losses: bool
    others: tuple[Repricing, ...]
    allow_plugins: bool


def _blocks(replicas: int, variants: int, workers: int) -> list[range]:
    """Return replications in blocks: as few as keep every worker busy, since each wires its machine anew.

    >>> _blocks(10, 2, 4), _blocks(3, 10, 2)
    ([range(0, 5), range(5, 10)], [range(0, 3)])
    """
    count = min(replicas, max(1, -(-workers // variants)))
    bounds = [replicas * index // count for index in range(count + 1)]
    return [range(first, last) for first, last in pairwise(bounds)]


def _measure(task: _Task) -> Measured:
    scenario = load_scenario(task.source, task.overrides)
    samples: dict[str, list[float]] = {}
    bills: list[dict[str, int]] = []
    try:
        others = billings(task.source, task.overrides, task.others)
        prepared = prepare(replace(scenario, seed=task.seeds[0]), allow_plugins=task.allow_plugins)
        first = simulate_prepared(prepared)
        later = (simulate_prepared(seeded(prepared, task.source, task.overrides, seed)) for seed in task.seeds[1:])
        for result in (first, *later):
            again = {f"cost_usd@{label}": usd for label, usd in repriced(result, others).items()}
            for name, value in {**sample(result), **again}.items():
                samples.setdefault(name, []).append(value)
            bills.append(_bill(result))
        return replace(_answer(task, samples, prepared, first), bills=tuple(bills))
    except InputError as error:
        lines = [f"{task.variant.name}: {scenario.name}: {line}" for line in str(error).splitlines()]
        raise type(error)("\n".join(lines)) from None
    except SimulationError as error:
        raise SimulationError(f"{task.variant.name}: {error}") from None


def _bill(run: RunResult) -> dict[str, int]:
    """Return micro-dollars by item; nothing where nothing is billed."""
    totals = Counter[str]()
    for posting in () if run.costs is None else run.costs.postings:
        totals[posting.item] += posting.micro_usd
    return dict(totals)


def _answer(task: _Task, samples: Mapping[str, Sequence[float]], prepared: Prepared, run: RunResult) -> Measured:
    step = main_step(run)
    profile, costs = (step.profile, step.built.communication.costs) if step else (None, {})
    return Measured(
        variant=task.variant,
        # A metric that some runs lack, such as dollars a token where none was retained, is no sample.
        samples={name: tuple(values) for name, values in samples.items() if len(values) == len(samples["wall_time_s"])},
        fabric=fabric_of(prepared),
        # From integers, so that what is alike differs by nothing.
        step_states={} if profile is None else {s: ns * 1e-9 / profile.stages for s, ns in profile.state_ns.items()},
        busbw={name: cost.busbw_bytes_per_s for name, cost in costs.items()},
        costs={} if run.costs is None else {str(item): float(usd) for item, usd in usd_by(run.costs, "item").items()},
        losses=throughput_after_losses(run) if task.losses else (),
    )


def _joined(parts: Sequence[Measured]) -> Measured:
    """Return one variant from the blocks of its replications."""
    names = [name for name in parts[0].samples if all(name in part.samples for part in parts)]
    samples = {name: tuple(value for part in parts for value in part.samples[name]) for name in names}
    return replace(parts[0], samples=samples, bills=tuple(bill for part in parts for bill in part.bills))
