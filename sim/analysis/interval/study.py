"""The best checkpoint interval of a scenario: a sweep under common seeds, its optimum, and the regret of each rule."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from sim.analysis.interval.checks import check_asked
from sim.analysis.interval.grid import SLACK, Scale, cycle_us, further, log_grid, scale_of, whole_steps
from sim.analysis.interval.optimum import Optimum, find_optimum
from sim.analysis.interval.rules import ASKED, ASYNCHRONOUS, rules_of
from sim.analysis.interval.sampling import HIGHER_IS_BETTER, Task, sampled
from sim.batch.pool import Pool, pool
from sim.batch.seeds import Job, prepared_job
from sim.batch.statistics import estimate, tells_apart
from sim.batch.statistics.two_stage import FIRST, replications_for
from sim.reliability.records import RunPlan
from sim.scenario import load_scenario
from sim.simulate import planned, run_id

PRECISION = 0.002
"""Half-width of an interval that ends the replication: 0.2 points of ETTR, or 0.2 % of dollars."""

REPLICAS = 200
"""Most replications where nothing else is asked for."""

EXTENSIONS = 4
"""How many times a grid goes on where its best is at its end: a factor of 4 each."""

SURE = 0.999
"""Coverage at which a simulated interval beats the fitted optimum, so that the fit is dropped."""

Progress = Callable[[float, str], None]
"""Called with the fraction done and what is being done."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A metric of runs by seed (down) and interval (across, rising).

    hopeless: intervals under which a run makes no way to its end; they have no samples.
    """

    intervals_us: tuple[int, ...]
    samples: Floats
    hopeless: tuple[int, ...] = ()

    def of(self, interval_us: int) -> Floats:
        """Return the samples of one interval."""
        return np.asarray(self.samples[:, self.intervals_us.index(interval_us)])


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalStudy:
    """Everything about a sweep.

    rules: the interval of each in microseconds. best_us: the interval that regrets are against, chosen by the first
    stage: the fitted optimum in whole steps, simulated too; where no curve fits, the best that was simulated. first:
    replications of the first stage. reached: whether the precision was.
    """

    scenario: str
    metric: str
    plan: RunPlan
    scale: Scale
    rules: Mapping[str, int]
    curve: Curve
    optimum: Optimum | None
    best_us: int
    first: int
    precision: float
    reached: bool


def study_interval(
    source: str,
    *,
    overrides: Sequence[str] = (),
    metric: str = "ettr",
    every_s: Sequence[float] = (),
    precision: float = PRECISION,
    replicas: int = REPLICAS,
    workers: int | None = None,
    progress: Progress = lambda fraction, what: None,
    allow_plugins: bool = False,
) -> IntervalStudy:
    """Return the sweep of a scenario's checkpoint interval, every interval under the same seeds.

    Seeds are the scenario's own and those after it. A first stage covers a grid about the closed form's optimum, or
    `every_s`, with the interval of every rule, and the fitted optimum; a second brings the regret of every rule to the
    precision, or stops at `replicas` (Stein's two stages). Raises ScenarioError where an interval decides nothing: no
    checkpoints, no failures, no work to lose, or a metric that this scenario has not.
    """
    scenario = load_scenario(source, overrides)
    job = Job(
        key=run_id(scenario),
        scenario=scenario,
        source=source,
        overrides=tuple(overrides),
        allow_plugins=allow_plugins,
    )
    prepared = prepared_job(job)
    planning = planned(prepared)
    plan = planning.plan
    check_asked(metric, prepared, planning)
    scale, rules = scale_of(plan, SLACK if prepared.steps else 0.0), rules_of(prepared, plan)
    centre_us = next((rules[each] for each in (ASYNCHRONOUS, "optimal", ASKED) if each in rules), scale.shortest_us)
    grid = tuple(round(each * 1e6) for each in every_s) or log_grid(centre_us, scale)
    first = min(FIRST, replicas)
    with pool(workers, first) as processes:
        sweep = _Sweep(processes, job, metric, progress)
        curve = sweep.points({*grid, *rules.values()}, range(first))
        curve = curve if every_s else _extended(sweep, curve, scale)
        curve, best_us, fits = _with_optimum(sweep, curve, scale, scenario.seed, precision)
        needed = replications_for(_targets(curve, rules, best_us, metric), precision)
        curve = sweep.more(curve, range(first, min(needed, replicas)))
    return IntervalStudy(
        scenario=source,
        metric=metric,
        plan=plan,
        scale=scale,
        rules=rules,
        curve=curve,
        optimum=_optimum(curve, scale, metric, scenario.seed) if fits else None,
        best_us=best_us,
        first=first,
        precision=precision,
        reached=needed <= replicas,
    )


class _Sweep:
    """Runs of one job by seed and interval, in the processes of a pool."""

    def __init__(self, processes: Pool, job: Job, metric: str, progress: Progress) -> None:
        self.processes = processes
        self.job = job
        self.metric = metric
        self.progress = progress

    def points(self, intervals_us: Iterable[int], seeds: range) -> Curve:
        """Return the curve at some intervals."""
        ordered = tuple(sorted(intervals_us))
        first = self.job.scenario.seed
        tasks = [Task(job=self.job, metric=self.metric, seed=first + n, intervals_us=ordered) for n in seeds]
        rows = []
        for done, row in enumerate(self.processes.map(sampled, tasks), start=1):
            what = "1 interval" if len(ordered) == 1 else f"{len(ordered)} intervals"
            self.progress(done / len(tasks), f"{what}, seeds {seeds.start + 1} to {seeds.stop}")
            rows.append(row)
        return _hopeful(ordered, np.array(rows, np.float64).reshape(len(rows), len(ordered)), ())

    def beside(self, curve: Curve, intervals_us: Iterable[int]) -> Curve:
        """Return a curve with more intervals under its seeds."""
        new = {*intervals_us} - {*curve.intervals_us, *curve.hopeless}
        if not new:
            return curve
        more = self.points(new, range(len(curve.samples)))
        joined = (*curve.intervals_us, *more.intervals_us)
        order = sorted(range(len(joined)), key=joined.__getitem__)
        samples = np.concatenate([curve.samples, more.samples], axis=1)[:, order]
        hopeless = tuple(sorted({*curve.hopeless, *more.hopeless}))
        return Curve(intervals_us=tuple(joined[place] for place in order), samples=samples, hopeless=hopeless)

    def more(self, curve: Curve, seeds: range) -> Curve:
        """Return a curve with more seeds."""
        if not seeds:
            return curve
        more = self.points(curve.intervals_us, seeds)
        lasting = [each in more.intervals_us for each in curve.intervals_us]
        samples = np.concatenate([curve.samples[:, lasting], more.samples])
        hopeless = tuple(sorted({*curve.hopeless, *more.hopeless}))
        return Curve(intervals_us=more.intervals_us, samples=samples, hopeless=hopeless)


def _hopeful(intervals_us: tuple[int, ...], samples: Floats, hopeless: tuple[int, ...]) -> Curve:
    """Return a curve without intervals that some run never ended under."""
    ends = np.atleast_1d(np.isfinite(samples).all(axis=0))
    return Curve(
        intervals_us=tuple(each for each, fine in zip(intervals_us, ends, strict=True) if fine),
        samples=samples[:, ends],
        hopeless=(*hopeless, *(each for each, fine in zip(intervals_us, ends, strict=True) if not fine)),
    )


def _extended(sweep: _Sweep, curve: Curve, scale: Scale) -> Curve:
    """Return a curve whose best interval lies inside it, or at an end of the scale."""
    for _ in range(EXTENSIONS):
        place = _best_place(curve, sweep.metric)
        if 1 < place < len(curve.intervals_us) - 2:
            return curve
        longer = place > 1
        wider = sweep.beside(curve, further(curve.intervals_us, scale, longer=longer))
        if len(wider.intervals_us) == len(curve.intervals_us):
            return curve
        curve = wider
    return curve


def _best_place(curve: Curve, metric: str) -> int:
    means = curve.samples.mean(axis=0)
    return int(means.argmax() if HIGHER_IS_BETTER[metric] else means.argmin())


def _optimum(curve: Curve, scale: Scale, metric: str, seed: int) -> Optimum | None:
    cycles_s = [cycle_us(scale, each) * 1e-6 for each in curve.intervals_us]
    return find_optimum(cycles_s, curve.samples, higher_is_better=HIGHER_IS_BETTER[metric], seed=seed)


def _with_optimum(sweep: _Sweep, curve: Curve, scale: Scale, seed: int, precision: float) -> tuple[Curve, int, bool]:
    """Return a curve with its fitted optimum simulated, the interval that regrets are against, and whether it fits.

    It does not where a simulated interval is surely better than the fitted optimum, by a tenth of the precision.
    """
    metric = sweep.metric
    found = _optimum(curve, scale, metric, seed)
    if found is not None and isfinite(found.interval_s):
        (best_us,) = whole_steps([found.interval_s * 1e6], scale)
        curve = sweep.beside(curve, [best_us])
        if best_us in curve.intervals_us and not _beaten(curve, best_us, metric, precision / 10):
            return curve, best_us, True
    return curve, curve.intervals_us[_best_place(curve, metric)], False


def _beaten(curve: Curve, best_us: int, metric: str, by: float) -> bool:
    other = curve.intervals_us[_best_place(curve, metric)]
    unit = 1.0 if HIGHER_IS_BETTER[metric] else float(curve.of(best_us).mean())
    regret = estimate((regrets(curve, best_us, other, metric) / unit - by).tolist(), SURE)
    return regret.mean > 0 and tells_apart(regret)


def regrets(curve: Curve, interval_us: int, best_us: int, metric: str) -> Floats:
    """Return by seed how much worse an interval is than the best: positive is worse, whichever way the metric goes."""
    sign = 1 if HIGHER_IS_BETTER[metric] else -1
    return np.asarray(sign * (curve.of(best_us) - curve.of(interval_us)))


def _targets(curve: Curve, rules: Mapping[str, int], best_us: int, metric: str) -> Floats:
    """Return what must become precise: the regret of each rule; dollars as fractions of their mean at the optimum.

    The level is not: what all intervals share, such as waiting for nodes, decides none of them.
    """
    unit = 1.0 if HIGHER_IS_BETTER[metric] else float(curve.of(best_us).mean())
    of_rules = [regrets(curve, each, best_us, metric) for each in {*rules.values()} & {*curve.intervals_us}]
    return np.stack(of_rules, axis=1) / unit if of_rules else np.zeros((len(curve.samples), 1))
