"""Records of a plan: what is asked, what a plan trains on what, and what comes of it by simulation."""

from collections.abc import Mapping
from dataclasses import dataclass

from sim.analysis.plan.layouts.records import Job, Ranked, Ranking
from sim.catalog.records import Model
from sim.planning import Prepared
from sim.workload.scaling.records import Law, Setting

DEADLINE_S = 90 * 86400.0
"""When a plan is to be done where no deadline and no number of GPUs decides it (Llama 3 405B took 54 days and more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked; None: left open. base: the scenario whose failures, recovery, store and batch a plan takes.

    model: a catalog entry. nodes: which are compared. book: of prices; overrides: of the base. seeds: runs of the plan.
    most_layouts: estimated in each search at most.
    """

    base: str
    overrides: tuple[str, ...] = ()
    budget_usd: float | None = None
    deadline_s: float | None = None
    loss: float | None = None
    power_cap_w: float | None = None
    gpus: int | None = None
    model: Model | None = None
    tokens: float | None = None
    nodes: tuple[str, ...]
    book: str
    law: Law
    setting: Setting
    seeds: int = 3
    most_layouts: int = 16

    @property
    def until_s(self) -> float:
        """The deadline, or the one that is assumed."""
        return DEADLINE_S if self.deadline_s is None else self.deadline_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is trained: a model and its tokens; loss: by the law, None where it gives none."""

    model: Model
    tokens: float
    loss: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A plan by estimate: the work on so many GPUs in the fastest layout."""

    node: str
    gpus: int
    work: Work
    job: Job
    ranking: Ranking
    best: Ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one simulated run of a plan came to."""

    seed: int
    wall_s: float
    cost_usd: float
    gpu_hours: float
    effective_mfu: float
    interruptions: int
    useful_flop: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A plan by simulation: its runs, its step, and what it draws at most at the meter.

    prepared: the job with its step simulated, for further runs; cost: mean dollars by item.
    """

    draft: Draft
    prepared: Prepared
    tokens: float
    loss: float | None
    runs: tuple[Run, ...]
    step_s: float
    mfu: float
    waterfall: Mapping[str, float]
    peak_bytes: float
    power_w: float
    cost: Mapping[str, float]

    @property
    def wall_s(self) -> float:
        """Mean time until the tokens are trained."""
        return sum(run.wall_s for run in self.runs) / len(self.runs)

    @property
    def cost_usd(self) -> float:
        """Mean bill."""
        return sum(run.cost_usd for run in self.runs) / len(self.runs)
