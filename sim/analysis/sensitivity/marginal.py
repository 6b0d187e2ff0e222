"""What a little more is worth to a run, in dollars and hours: a point of MFU, faster links, a minute of detection."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sim.analysis.generations.usage import mixed
from sim.analysis.sensitivity.runs import Outcome, Source, Task, base_of, bill_usd, outcomes, outcomes_of
from sim.analysis.spares.changes import changes_of
from sim.batch.pool import Pool
from sim.batch.statistics import Estimate, paired
from sim.scenario import Scenario

POINT = 0.01
"""A point of MFU."""

LINKS = 2.0
"""Times the bandwidth of the network."""

REUSED = (("detection -1 min", "detection x0.5"), ("initialize -1 min", "initialize x0.5"), ("store x2",))
"""Changes of `spares` that are worth something here too: of each, the first that the scenario has room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a change saves, in dollars and hours, with intervals over seeds."""

    name: str
    usd: Estimate
    hours: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A change of `spares` by its name, on a scenario, under seeds."""

    source: Source
    name: str
    seeds: tuple[int, ...]


def mfu_point(scenario: Scenario, base: Sequence[Outcome], mfu: float) -> Worth:
    """Return what a point more of MFU saves: all that is used shrinks to mfu / (mfu + 0.01).

    Assumption: a shorter run meets as many fewer failures, and nothing else changes; what is paid once stays.
    """
    factor = mfu / (mfu + POINT)
    less = [bill_usd(scenario, mixed([(run.usage, 1.0)], factor)) for run in base]
    usd = paired([run.cost_usd for run in base], less)
    hours = paired([run.wall_s / 3600 for run in base], [run.wall_s / 3600 * factor for run in base])
    return Worth(name="MFU +1 point", usd=usd, hours=hours)


def worths(
    processes: Pool, source: Source, scenario: Scenario, base: Sequence[Outcome], seeds: Sequence[int]
) -> Iterator[Worth]:
    """Yield what faster links and the changes of `spares` save, by paired simulation."""
    links = outcomes_of(Task(source=source, knob="network bandwidth", factor=LINKS, seeds=tuple(seeds)))
    if isinstance(links, list):
        yield _worth(f"network x{LINKS:g}", links, base)
    names = reused([change.name for change in changes_of(scenario)])
    tasks = [Changed(source=source, name=name, seeds=tuple(seeds)) for name in names]
    for name, runs in zip(names, processes.map(changed_outcomes, tasks), strict=True):
        yield _worth(name, runs, base)


def reused(known: Sequence[str]) -> list[str]:
    """Return which changes are made: a minute less where something takes longer, else half of it.

    >>> reused(["+1 spare", "store x2", "detection x0.5", "initialize -1 min", "initialize x0.5"])
    ['detection x0.5', 'initialize -1 min', 'store x2']
    """
    firsts = (next((name for name in names if name in known), "") for names in REUSED)
    return [name for name in firsts if name]


def _worth(name: str, runs: Sequence[Outcome], base: Sequence[Outcome]) -> Worth:
    usd = paired([run.cost_usd for run in base], [run.cost_usd for run in runs])
    hours = paired([run.wall_s / 3600 for run in base], [run.wall_s / 3600 for run in runs])
    return Worth(name=name, usd=usd, hours=hours)


def changed_outcomes(task: Changed) -> list[Outcome]:
    """Return the runs of a change of `spares` that needs no other machine."""
    base = base_of(task.source)
    change = next(each for each in changes_of(base.scenario) if each.name == task.name)
    return outcomes(replace(base, scenario=change.scenario, held={}), task.seeds)
