"""What a batch will take, from two runs of its first variant."""

from dataclasses import dataclass, replace
from time import perf_counter

from sim.batch.store.chunks import LONG
from sim.batch.work.run_chunk import first_error, simulate_parts
from sim.batch.work.tables import Collected, chunk_tables
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
    with rare_collections():
        first, first_s = _timed(replace(task, parts=(replace(part, seeds=(part.seeds[0],)),)))
        if first.failed:
            return Pilot(error=first_error(first.failed))
        second, run_s = _timed(replace(task, parts=(replace(part, seeds=(part.seeds[0] + 1,)),)))
        if second.failed:
            return Pilot(error=first_error(second.failed))
        one, both = _bytes(task, first), _bytes(task, _together(first, second))
    run_bytes = max(0, both - one)
    return Pilot(prepare_s=max(0.0, first_s - run_s), run_s=run_s, chunk_bytes=one - run_bytes, run_bytes=run_bytes)


def _timed(task: Task) -> tuple[Collected, float]:
    start_s = perf_counter()
    return simulate_parts(task), perf_counter() - start_s


def _together(one: Collected, other: Collected) -> Collected:
    others = {name: [*tables, *other.others[name]] for name, tables in one.others.items()}
    return Collected(rows=[*one.rows, *other.rows], others=others)


def _bytes(task: Task, collected: Collected) -> int:
    """Return the size of the files of some runs of the first variant, written to memory."""
    tables = chunk_tables(collected, task.parts[:1], task.columns)
    return sum(len(parquet_bytes(table, task.about, LONG)) for table in tables.values())
