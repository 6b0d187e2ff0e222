"""The worth of each change: the same failures with and without it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.analysis.spares.changes import changes_of, left_out
from sim.analysis.spares.more import Change
from sim.batch.pool import Pool, pool
from sim.batch.seeds import Job, of_seed, prepared_job
from sim.batch.statistics.two_stage import FIRST, replications_for
from sim.engine.run import simulate_run
from sim.errors import InputError, ScenarioError
from sim.ledger.bill.cost import total_usd
from sim.ledger.time.ratios import retained_step_us
from sim.reliability.records import RunPlan
from sim.scenario import Scenario, load_scenario
from sim.simulate import Prepared, account, planned, prepare, run_id

PRECISION = 0.001
"""Half-width of a gain that ends the replication, as a fraction of the run: 1.3 h of 54 days."""

REPLICAS = 100
"""Most replications where nothing else is asked for."""

Progress = Callable[[float, str], None]
"""Called with the fraction done and what is being done."""

Floats = NDArray[np.float64]


class Outcome(NamedTuple):
    """What one run came to, in seconds and dollars (not a number without a bill)."""

    wall_s: float
    retained_s: float
    cost_usd: float
    complete: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One seed: a job and its changes, with the jobs of those whose machine is another."""

    job: Job
    changes: tuple[Change, ...]
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SparesStudy:
    """Outcomes by seed (down), the scenario as it is and each change (across), and what an Outcome holds (deep)."""

    scenario: str
    gpus: int
    spare_nodes: int
    changes: tuple[str, ...]
    left_out: tuple[str, ...]
    outcomes: Floats
    first: int
    precision: float
    reached: bool

    @property
    def completes(self) -> bool:
        """Whether every run ends with its work, so that time is what a change saves; else what more is retained."""
        return bool(self.outcomes[:, :, Outcome._fields.index("complete")].all())

    def of(self, field: str, change: int) -> Floats:
        """Return one field of the outcomes of a change by seed; -1: the scenario as it is."""
        return np.asarray(self.outcomes[:, change + 1, Outcome._fields.index(field)])


def study_spares(
    source: str,
    *,
    overrides: Sequence[str] = (),
    precision: float = PRECISION,
    replicas: int = REPLICAS,
    workers: int | None = None,
    progress: Progress = lambda fraction, what: None,
    allow_plugins: bool = False,
) -> SparesStudy:
    """Return what each change of a scenario comes to, under the same seeds: the scenario's own and those after it.

    Two stages (Stein): gains of time are as narrow as the precision, or there are `replicas` runs. Raises ScenarioError
    where nothing fails. A change that the machine has no room for is left out.
    """
    scenario = load_scenario(source, overrides)
    if not scenario.failures.classes:
        raise ScenarioError("failures: nothing fails, so that nothing is worth a spare; expected [failures]")
    job = _job(source, tuple(overrides), scenario, allow_plugins)
    timed = planned(prepared_job(job)).pacer is not None
    changes, crowded = _fitting(job, [each for each in changes_of(scenario) if each.faster == 1.0 or not timed])
    crowded += ["MFU: steps are timed as parts slow down or fail, one by one"] if timed else []
    first = min(FIRST, replicas)
    with pool(workers, first) as processes:
        outcomes = _outcomes(processes, job, changes, range(first), progress)
        needed = replications_for(_gains(outcomes), precision)
        later = range(first, min(needed, replicas))
        if later:
            outcomes = np.concatenate([outcomes, _outcomes(processes, job, changes, later, progress)])
    machines = scenario.machines
    return SparesStudy(
        scenario=source,
        gpus=machines.gpus,
        spare_nodes=machines.spare_nodes,
        changes=tuple(change.name for change in changes),
        left_out=(*left_out(scenario), *crowded),
        outcomes=outcomes,
        first=first,
        precision=precision,
        reached=needed <= replicas,
    )


def _job(source: str, overrides: tuple[str, ...], scenario: Scenario, allow_plugins: bool) -> Job:
    return Job(key=run_id(scenario), scenario=scenario, source=source, overrides=overrides, allow_plugins=allow_plugins)


def _fitting(job: Job, changes: Sequence[Change]) -> tuple[tuple[Change, ...], list[str]]:
    """Return the changes whose machine can be built, and why the others cannot."""
    fitting, reasons = [], []
    for change in changes:
        try:
            if change.rebuilt:
                prepare(change.scenario, allow_plugins=job.allow_plugins)
            fitting.append(change)
        except InputError as error:
            reasons.append(f"{change.name}: {str(error).splitlines()[0]}")
    return tuple(fitting), reasons


def _outcomes(processes: Pool, job: Job, changes: tuple[Change, ...], seeds: range, progress: Progress) -> Floats:
    tasks = [Task(job=job, changes=changes, seed=job.scenario.seed + number) for number in seeds]
    rows = []
    for done, row in enumerate(processes.map(outcomes_of, tasks), start=1):
        progress(done / len(tasks), f"{len(changes)} changes, seeds {seeds.start + 1} to {seeds.stop}")
        rows.append(row)
    return np.array(rows, np.float64)


def outcomes_of(task: Task) -> list[Outcome]:
    """Return what the runs of a seed come to: the job as it is, then each change.

    A change of times or crews runs the same prepared job; one that adds nodes has a machine of its own.
    """
    own = of_seed(task.job, prepared_job(task.job), task.seed)
    return [_outcome(own), *(_outcome(_changed(task, own, change), change.faster) for change in task.changes)]


def _changed(task: Task, own: Prepared, change: Change) -> Prepared:
    if not change.rebuilt:
        before, after = own.scenario, change.scenario
        machines = replace(before.machines, storage=after.machines.storage, spare_nodes=after.machines.spare_nodes)
        better = replace(
            before, machines=machines, recovery=after.recovery, repair=after.repair, failures=after.failures
        )
        return replace(own, scenario=better)
    overrides = (*task.job.overrides, *change.overrides)
    other = _job(task.job.source, overrides, change.scenario, task.job.allow_plugins)
    return of_seed(other, prepared_job(other), task.seed)


def _outcome(prepared: Prepared, faster: float = 1.0) -> Outcome:
    """Return what a run comes to; retained training counts by its steps, at the pace they have without a change."""
    planning = planned(prepared)
    plan = planning.plan if faster == 1.0 else quickened(planning.plan, faster)
    trace = simulate_run(plan, judge=planning.judge, pacer=planning.pacer)
    cost_usd = nan
    if prepared.bill:
        costs = account(prepared, plan, trace, planning.pacer).costs
        cost_usd = nan if costs is None else float(total_usd(costs))
    return Outcome(trace.end_us * 1e-6, faster * retained_step_us(trace) * 1e-6, cost_usd, float(trace.complete))


def quickened(plan: RunPlan, faster: float) -> RunPlan:
    """Return a plan whose steps take 1 / faster of their time, and whose work, if it is a time, as much less.

    >>> from sim.reliability.examples import run_plan
    >>> quickened(run_plan(), 1.25).phases[0].step_time_us
    8000000
    """
    phases = tuple(replace(each, step_time_us=max(1, round(each.step_time_us / faster))) for each in plan.phases)
    return replace(plan, phases=phases, work_us=None if plan.work_us is None else round(plan.work_us / faster))


def _gains(outcomes: Floats) -> Floats:
    """Return what must become precise: what each change gains of time, as a fraction of the run."""
    wall, retained, _, complete = np.moveaxis(outcomes, 2, 0)
    gains = wall[:, :1] - wall[:, 1:] if complete.all() else retained[:, 1:] - retained[:, :1]
    return np.asarray(gains / wall[:, 0].mean()) if gains.size else np.zeros((len(wall), 1))
