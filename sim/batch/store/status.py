"""What a directory says of its batch: read without locks, also while others write."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sim.batch.plans.chunks import Chunk, chunks_of
from sim.batch.store.chunks import DAMAGED, FAILED, done_chunks
from sim.batch.store.claims import Claim, claims
from sim.batch.store.plan_file import parsed_plan, stored_second
from sim.batch.store.quarantine import FOLDER, quarantined

NO_TABLES = (DAMAGED, FOLDER, "compact")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How far a batch is. Runs that are done include the failed ones; claimed: chunks that somebody works on.

    second: whether the second stage of replications is planned, None where there is none.
    """

    study: str
    question: str
    model_version: str
    detail: str
    metrics: tuple[str, ...]
    variants: int
    replicas: int
    second: bool | None
    chunks: int
    runs: int
    chunks_done: int
    runs_done: int
    failed: int
    quarantined: Mapping[int, str]
    runs_quarantined: int
    claimed: Mapping[int, Claim]
    damaged: int

    @property
    def complete(self) -> bool:
        """Whether every run is done, and no stage is to come."""
        return self.runs_done == self.runs and self.second is not False


def status_of(directory: Path) -> Status:
    """Return how far the batch of a directory is. Raises InputError where there is none."""
    plan, second = parsed_plan(directory), stored_second(directory)
    variants, first = len(plan["variants"]), plan["replicas"]
    replicas = first if second is None else second["replicas"]
    chunks = stages(variants, first, replicas, plan["chunk"])
    by_index = {chunk.index: chunk for chunk in chunks}
    done = [by_index[index] for index in done_chunks(directory) if index in by_index]
    out = quarantined(directory)
    names = {chunk.index for chunk in done}
    return Status(
        study=plan["study"],
        question=plan["question"],
        model_version=plan["model_version"],
        detail=plan["detail"],
        metrics=tuple(plan["metrics"]),
        variants=variants,
        replicas=replicas,
        second=None if plan["until"] is None else second is not None,
        chunks=len(chunks),
        runs=sum(chunk.runs for chunk in chunks),
        chunks_done=len(done),
        runs_done=sum(chunk.runs for chunk in done),
        failed=failed_runs(directory),
        quarantined=out,
        runs_quarantined=sum(by_index[index].runs for index in out if index in by_index),
        claimed={index: claim for index, claim in claims(directory).items() if index not in names},
        damaged=len(list((directory / DAMAGED).glob("runs-*"))) if (directory / DAMAGED).is_dir() else 0,
    )


def stages(variants: int, first: int, replicas: int, size: int) -> tuple[Chunk, ...]:
    """Return the chunks of both stages.

    >>> [chunk.runs for chunk in stages(2, 3, 5, size=4)]
    [3, 3, 4]
    """
    chunks = chunks_of(variants, 0, first, size)
    more = replicas - first
    return (*chunks, *(chunks_of(variants, first, more, size, len(chunks)) if more > 0 else ()))


def failed_runs(directory: Path) -> int:
    """Return how many runs have a row in the table of those that failed."""
    folder = directory / FAILED
    paths = folder.glob("chunk-*.parquet") if folder.is_dir() else ()
    done = done_chunks(directory)
    return sum(_rows(path) for path in paths if int(path.stem[6:]) in done)


def table_names(directory: Path) -> list[str]:
    """Return the tables of a batch: its folders of chunks."""
    return sorted(
        path.name
        for path in directory.iterdir()
        if path.is_dir() and path.name not in NO_TABLES and not path.name.startswith(".")
    )


def _rows(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return 0
