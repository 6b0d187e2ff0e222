"""A study as a batch: planned, run by workers, resumable at any moment."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.batch.drive.driver import Driver, Tell
from sim.batch.drive.lanes import Lanes
from sim.batch.drive.signals import Stop
from sim.batch.plans.chunks import Chunk, shard_of
from sim.batch.plans.plan import Plan, plan_id, plan_text
from sim.batch.plans.second import second_chunks, wanted_replicas
from sim.batch.store.chunks import RUNS, chunk_path, damage, discard, done_chunks, failed_chunks, set_aside, sweep
from sim.batch.store.durable import unwritable
from sim.batch.store.plan_file import PLAN, SECOND, begin, stored_plan, stored_second, write_first
from sim.batch.store.quarantine import forgive, quarantined
from sim.batch.store.samples import samples
from sim.batch.store.status import Status, status_of
from sim.batch.work.limits import NO_LIMITS, Limits, check_limits
from sim.batch.work.pilot import Pilot, pilot
from sim.batch.work.task import Task, task_of
from sim.errors import OutputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a batch runs, which changes none of its results.

    shard: this process' part of the chunks, and how many parts there are. retry: chunks with failed runs, and those in
    quarantine, are simulated again. lanes: makes the workers for so many tasks.
    """

    lanes: Callable[[int], Lanes]
    limits: Limits = NO_LIMITS
    shard: tuple[int, int] = (1, 1)
    retry: bool = False


def run_batch(plan: Plan, directory: Path, settings: Settings, tell: Tell, stop: Stop = lambda: None) -> Status:
    """Run what of a plan its directory lacks, and return how far it is then.

    Chunks that are done are verified first; what is damaged is set aside and simulated again. Raises OutputError for a
    directory of something else, or that cannot be written; SimulationError for a full disk; StoppedError after a
    signal.
    """
    check_limits(settings.limits)
    try:
        return _run_stages(plan, directory, settings, tell, stop)
    except OSError as error:
        raise unwritable(directory, error) from None


def _run_stages(plan: Plan, directory: Path, settings: Settings, tell: Tell, stop: Stop) -> Status:
    begin(directory, plan)
    identity = plan_id(plan_text(plan))
    _run_stage(plan, identity, plan.chunks, directory, settings, tell, stop)
    if plan.until is not None:
        replicas = _second(plan, identity, directory, tell)
        if replicas is not None:
            _run_stage(plan, identity, second_chunks(plan, replicas), directory, settings, tell, stop)
    return status_of(directory)


def replace_batch(directory: Path) -> None:
    """Remove the batch of a directory, its plan last. Raises OutputError for a directory that holds anything else."""
    if not directory.exists():
        return
    if stored_plan(directory) is None:
        raise OutputError(f"{directory}: holds no batch, so --force does not replace it; choose another --out")
    try:
        for path in sorted(directory.iterdir(), key=lambda path: path.name == PLAN):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    except OSError as error:
        raise unwritable(directory, error) from None


def pending(plan: Plan, directory: Path | None, shard: tuple[int, int]) -> list[Chunk]:
    """Return the chunks of a shard of the first stage that a directory lacks, all of them where it is None."""
    done = done_chunks(directory) if directory is not None else set()
    return [chunk for chunk in shard_of(plan.chunks, *shard) if chunk.index not in done]


def estimated(plan: Plan, chunks: Sequence[Chunk], found: Pilot, workers: int) -> dict[str, Any]:
    """Return what chunks will take: every variant's preparation in each of them, and its runs."""
    runs, parts = sum(chunk.runs for chunk in chunks), sum(len(chunk.blocks) for chunk in chunks)
    once = min(parts, len(plan.variants) * workers)
    figures = {
        "run_s": found.run_s,
        "prepare_s": found.prepare_s,
        "time_s": (runs * found.run_s + once * found.prepare_s) / max(1, min(workers, len(chunks))),
        "bytes": len(chunks) * found.chunk_bytes + runs * found.run_bytes,
    }
    return {**figures, "error": ""} if not found.error else {**dict.fromkeys(figures), "error": found.error}


def planned(plan: Plan, chunks: Sequence[Chunk]) -> dict[str, Any]:
    """Return what is planned, and what of it is still to be done."""
    return {
        "event": "plan",
        "study": plan.study,
        "variants": len(plan.variants),
        "replicas": plan.replicas,
        "most_replicas": plan.until.most if plan.until else plan.replicas,
        "runs": len(plan.variants) * plan.replicas,
        "chunks": len(plan.chunks),
        "detail": plan.detail,
        "chunks_left": len(chunks),
        "runs_left": sum(chunk.runs for chunk in chunks),
    }


def _run_stage(
    plan: Plan,
    identity: str,
    chunks: tuple[Chunk, ...],
    directory: Path,
    settings: Settings,
    tell: Tell,
    stop: Stop,
) -> None:
    mine = shard_of(chunks, *settings.shard)
    left = _left(mine, identity, directory, settings.retry, tell)
    tell(planned(plan, left))
    tasks = [task_of(plan, identity, chunk, str(directory), settings.limits) for chunk in left]
    if not tasks:
        return
    lanes = settings.lanes(len(tasks))
    closed = False
    try:
        tell({"event": "estimate", **estimated(plan, left, _pilot(lanes, tasks[0]), lanes.capacity)})
        Driver(directory, tasks, lanes, tell, stop).drive()
        closed = True
        sweep(directory, {chunk.index for chunk in mine})
    finally:
        lanes.close(now=not closed)


def _pilot(lanes: Lanes, task: Task) -> Pilot:
    try:
        return lanes.submit(pilot, task).result()
    except Exception as error:
        if not lanes.died(error):
            raise
        return Pilot(error="the first run killed its worker")


def _left(mine: Sequence[Chunk], identity: str, directory: Path, retry: bool, tell: Tell) -> list[Chunk]:
    """Return the chunks that are to be simulated: those that are not done, or whose files are damaged."""
    done, out = done_chunks(directory), quarantined(directory)
    again = failed_chunks(directory) if retry else set()
    left = []
    sweep(directory, done)
    for chunk in mine:
        if chunk.index in again:
            discard(directory, chunk.index)
        elif chunk.index in done:
            reason = damage(directory, chunk, identity)
            if reason is None:
                continue
            set_aside(directory, chunk.index)
            tell({"event": "damaged", "chunk": chunk.index, "reason": reason})
        elif chunk.index in out:
            if not retry:
                tell({"event": "quarantined", "chunk": chunk.index, "reason": out[chunk.index], "before": True})
                continue
            forgive(directory, chunk.index)
        left.append(chunk)
    return left


def _second(plan: Plan, identity: str, directory: Path, tell: Tell) -> int | None:
    """Return how many replications the second stage brings every variant to; None while the first is not done.

    Any process that finds the first stage done plans the same second one, from the same files.
    """
    known = stored_second(directory)
    if known is None:
        waiting = [chunk.index for chunk in plan.chunks if not chunk_path(directory, RUNS, chunk.index).exists()]
        if waiting:
            tell({"event": "waiting", "chunks": len(waiting)})
            return None
        assert plan.until is not None, "a second stage follows a precision"
        indices = [chunk.index for chunk in plan.chunks]
        found = samples(directory, indices, list(plan.until.half_width), len(plan.variants))
        told: Mapping[str, Any] = {"plan": identity, "replicas": wanted_replicas(plan, found)}
        write_first(directory / SECOND, json.dumps(told, indent=1, sort_keys=True) + "\n")
        known = stored_second(directory)
    assert known is not None, "it has just been written"
    if known["plan"] != identity:
        raise OutputError(f"{directory / SECOND}: is of plan {known['plan']}, not {identity}; remove it to plan anew")
    replicas = int(known["replicas"])
    tell({"event": "second", "replicas": replicas})
    return replicas
