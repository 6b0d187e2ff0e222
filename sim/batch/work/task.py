"""The task of a worker: everything that the runs of one chunk need, so that nothing else is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim import MODEL_VERSION
from sim.batch.plans.chunks import Chunk
from sim.batch.work.limits import Limits
from sim.scenario import Scenario

if TYPE_CHECKING:
    from sim.batch.plans.plan import Detail, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some seeds of one variant; values: of the swept columns. digest: of the scenario apart from its seed."""

    variant: int
    name: str
    overrides: tuple[str, ...]
    scenario: Scenario
    digest: str
    follows: bool
    seeds: tuple[int, ...]
    values: tuple[str | int | float | bool | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One chunk. columns: names and types of the swept keys. about: what its files say of where they come from."""

    directory: str
    chunk: Chunk
    parts: tuple[Part, ...]
    columns: tuple[tuple[str, str], ...]
    detail: "Detail"
    limits: Limits
    about: Mapping[str, str]
    allow_plugins: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a chunk; failed: how many of its runs have no results; said: the first reason."""

    chunk: int
    runs: int
    failed: int
    said: str
    bytes: int


def task_of(plan: "Plan", identity: str, chunk: Chunk, directory: str, limits: Limits) -> Task:
    """Return the task of a chunk of a plan, whose identity its files record."""
    return Task(
        directory=directory,
        chunk=chunk,
        parts=tuple(_part(plan, block.variant, block.first, block.count) for block in chunk.blocks),
        columns=tuple((column.name, column.kind) for column in plan.columns),
        detail=plan.detail,
        limits=limits,
        about={"plan": identity, "study": plan.study, "chunk": str(chunk.index), "model_version": MODEL_VERSION},
        allow_plugins=plan.allow_plugins,
    )


def _part(plan: "Plan", variant: int, first: int, count: int) -> Part:
    planned = plan.variants[variant]
    seed = planned.scenario.seed + first
    return Part(
        variant=variant,
        name=planned.name,
        overrides=planned.overrides,
        scenario=planned.scenario,
        digest=planned.digest,
        follows=planned.follows,
        seeds=tuple(range(seed, seed + count)),
        values=tuple(column.values[variant] for column in plan.columns),
    )
