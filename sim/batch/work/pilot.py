"""What a batch will take, from two runs of its first variant."""

from dataclasses import dataclass, replace
from time import perf_counter

from sim.batch.store.chunks import LONG
from sim.batch.work.run_chunk import simulate_parts
from sim.batch.work.tables import chunk_tables
from sim.batch.work.task import Task
from sim.engine.collector import rare_collections
from sim.ledger.files.parquet import parquet_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """Seconds to prepare a variant and of one run; bytes of a chunk's files, and of each run in them.

    error: why there are no figures.
    """

    prepare_s: float = 0.0
    run_s: float = 0.0
    chunk_bytes: float = 0.0
    run_bytes: float = 0.0
    error: str = ""


def pilot(task: Task) -> Pilot:
    """Return what the first run of a task takes, and a second one: what is prepared once is told apart.

    Bytes are linear in runs: those of one run and of two give both parts.
    """
    part = task.parts[0]
    seeds = (part.seeds[0], part.seeds[0] + 1)
    with rare_collections():
        first_s, first_bytes, error = _measured(replace(task, parts=(replace(part, seeds=seeds[:1]),)))
        if error:
            return Pilot(error=error)
        both_s, both_bytes, error = _measured(replace(task, parts=(replace(part, seeds=seeds),)))
    run_bytes = max(0.0, both_bytes - first_bytes)
    run_s = both_s / 2
    return Pilot(
        prepare_s=max(0.0, first_s - run_s),
        run_s=run_s,
        chunk_bytes=first_bytes - run_bytes,
        run_bytes=run_bytes,
        error=error,
    )


def _measured(task: Task) -> tuple[float, int, str]:
    """Return seconds and bytes of a task, whose files are written to memory."""
    start_s = perf_counter()
    collected = simulate_parts(task)
    elapsed_s = perf_counter() - start_s
    tables = chunk_tables(collected, task.parts, task.columns)
    size_bytes = sum(len(parquet_bytes(table, task.about, LONG)) for table in tables.values())
    return elapsed_s, size_bytes, collected.failed[0]["error"] if collected.failed else ""
