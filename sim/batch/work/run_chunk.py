"""Simulate the runs of a chunk and write its files; what a worker calls."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sim import MODEL_VERSION
from sim.batch.plans.identity import ids_of, with_seed
from sim.batch.store.chunks import RUNS, chunk_path, write_chunk
from sim.batch.store.claims import claimed
from sim.batch.work.known import cut_text, forget_prepared, known, prepared_variant
from sim.batch.work.limits import Limits, MemoryExceededError, TimeExceededError, Watch
from sim.batch.work.tables import Collected, chunk_tables, collect, identity_of
from sim.batch.work.task import Done, Part, Task
from sim.engine.collector import rare_collections
from sim.errors import InputError, SimulationError
from sim.simulate import RunResult, reseeded, simulate_prepared

PACKAGES = ("simpy", "networkx", "numpy", "scipy", "pyarrow")
"""Packages whose versions are recorded with the results."""

IDENTITY = ("run_id", "variant", "variant_name", "seed")


def run_chunk(task: Task) -> Done:
    """Return what came of a chunk, after its files are on disk.

    A run that fails, or takes more than its limits, leaves a row of the table `failed` instead; the others go on.
    Raises InputError where this worker has other models than the plan, OutputError or SimulationError where files
    cannot be written.
    """
    _check_models(task)
    directory = Path(task.directory)
    with rare_collections(), claimed(directory, task.chunk.index, task.chunk.runs) as finished:
        collected = simulate_parts(task, finished)
        if chunk_path(
            directory, RUNS, task.chunk.index
        ).exists():  # Another process was faster; its bytes are the same.
            written = 0
        else:
            tables = chunk_tables(collected, task.parts, task.columns)
            written = write_chunk(directory, task.chunk.index, tables, {**task.about, **_versions()})
    return Done(
        chunk=task.chunk.index,
        runs=len(collected.rows),
        failed=len(collected.failed),
        said=first_error(collected.failed),
        bytes=written,
    )


def first_error(failed: Sequence[dict[str, Any]]) -> str:
    """Return why the first of some runs failed, and which it is; nothing where none did.

    >>> first_error([{"variant_name": "1 h", "seed": 7, "error": "took more than 5 s"}])
    '1 h: seed 7: took more than 5 s'
    """
    return f"{failed[0]['variant_name']}: seed {failed[0]['seed']}: {failed[0]['error']}" if failed else ""


def simulate_parts(task: Task, finished: Callable[[], None] = lambda: None) -> Collected:
    """Return what the runs of a task give; finished: called after each."""
    collected, watch = Collected(), _watch(task.limits)
    for part in task.parts:
        run_ids = ids_of(part.scenario.name, cut_text(known(part)), part.seeds)
        for run_id, seed in zip(run_ids, part.seeds, strict=True):
            identity = identity_of(part, run_id, seed, task.columns)
            _one(collected, task, part, identity, watch)
            finished()
    return collected


def _one(into: Collected, task: Task, part: Part, identity: dict[str, Any], watch: Watch) -> None:
    """Simulate one run and add what came of it."""
    try:
        with watch.run():
            result = _result(part, identity["seed"], task.allow_plugins)
        collect(into, result, identity, task.detail)
    except InputError as error:
        _failed(into, identity, "input", str(error))
    except SimulationError as error:
        _failed(into, identity, "run", str(error))
    except TimeExceededError:
        _failed(into, identity, "time", f"took more than {task.limits.time_s:g} s")
    except (MemoryError, MemoryExceededError):
        forget_prepared()
        most = task.limits.memory_bytes
        _failed(into, identity, "memory", "out of memory" if most is None else f"held more than {most / 1e6:,.0f} MB")


def _result(part: Part, seed: int, allow_plugins: bool) -> RunResult:
    prepared = prepared_variant(known(part), allow_plugins)
    if seed != part.scenario.seed:
        prepared = reseeded(prepared, with_seed(prepared.scenario, seed, part.follows))
    return simulate_prepared(prepared)


def _failed(into: Collected, identity: dict[str, Any], reason: str, error: str) -> None:
    into.failed.append({**{name: identity[name] for name in IDENTITY}, "reason": reason, "error": error})


def _check_models(task: Task) -> None:
    asked = task.about["model_version"]
    if asked != MODEL_VERSION:
        raise InputError(f"a worker has models {MODEL_VERSION}; expected {asked}, those of the plan")


@lru_cache(maxsize=1)
def _watch(limits: Limits) -> Watch:
    watch = Watch(limits)
    watch.start()
    return watch


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    return {f"version_{name}": version(name) for name in PACKAGES}
