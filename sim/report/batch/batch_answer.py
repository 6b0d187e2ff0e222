"""What a batch, or a results directory, says of itself: plain values for programs and for the screen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.batch.statistics import Estimate, estimate
from sim.batch.statistics.two_stage import two_stage
from sim.batch.store.chunks import RUNS, done_chunks
from sim.batch.store.plan_file import parsed_plan, stored_plan
from sim.batch.store.query import tables_of
from sim.batch.store.samples import samples
from sim.batch.store.status import Status, status_of
from sim.errors import OutputError

SHOWN = ("cost_usd", "wall_time_s", "ettr", "goodput")
"""Metrics that are summed up where a study names none."""


def status_json(status: Status) -> dict[str, Any]:
    """Return how far a batch is, as plain values."""
    working = [
        {"chunk": each.chunk, "host": each.host, "pid": each.pid, "runs": each.runs, "finished": each.finished}
        for each in sorted(status.claimed.values(), key=lambda each: each.chunk)
    ]
    names = ("study", "question", "model_version", "detail", "variants", "replicas", "second", "chunks", "runs")
    more = ("chunks_done", "runs_done", "failed", "runs_quarantined", "damaged", "complete")
    return {
        **{name: getattr(status, name) for name in (*names, *more)},
        "runs_in_flight": sum(each["finished"] for each in working),
        "quarantined": [{"chunk": chunk, "reason": reason} for chunk, reason in status.quarantined.items()],
        "working": working,
    }


def results_json(directory: Path) -> dict[str, Any]:
    """Return what a results directory holds: how far it is, its tables, and what came out by variant.

    Raises InputError for a directory that holds no results.
    """
    tables = {name: _size(files) for name, files in tables_of(directory).items()}
    if stored_plan(directory) is None:
        about = {key.decode(): value.decode() for key, value in _metadata(directory / f"{RUNS}.parquet").items()}
        kept = ("run_id", "model_version", "schema_version")
        return {"kind": "run", "tables": tables, **{key: about.get(key) for key in kept}}
    status = status_of(directory)
    return {"kind": "batch", "status": status_json(status), "tables": tables, "rows": _rows(directory, status)}


def _rows(directory: Path, status: Status) -> list[dict[str, Any]]:
    """Return a row for every variant and metric that has one: its mean over seeds, and its interval."""
    done = done_chunks(directory)
    if not done:
        return []
    plan = parsed_plan(directory)
    found = samples(directory, done, status.metrics or SHOWN, status.variants)
    rows = []
    for index, variant in enumerate(plan["variants"]):
        for metric, by_variant in found.items():
            values = by_variant[index][np.isfinite(by_variant[index])]
            if values.size:
                rows.append({"variant": variant["name"], "metric": metric, **_interval(values, plan)})
    return rows


def _interval(values: Any, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return Student's interval, or Stein's where the width of the first stage decided how many there are."""
    until = plan["until"]
    found: Estimate = estimate(values) if until is None else two_stage(values, plan["replicas"], until["confidence"])
    return {"mean": found.mean, "ci_low": found.low, "ci_high": found.high, "replicas": found.replicas}


def _size(files: Sequence[Path]) -> dict[str, int]:
    try:
        rows = sum(pq.read_metadata(path).num_rows for path in files)
        return {"files": len(files), "rows": rows, "bytes": sum(path.stat().st_size for path in files)}
    except (OSError, pa.ArrowException) as error:
        raise OutputError(f"{files[0].parent}: cannot be read: {str(error).splitlines()[0]}") from None


def _metadata(path: Path) -> Mapping[bytes, bytes]:
    return pq.read_schema(path).metadata or {}
