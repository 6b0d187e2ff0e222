"""A run's results directory: its tables with everything that determines them, its answer, and its picture."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sim import MODEL_VERSION
from sim.batch.work.bills import bill_of, wired_cluster
from sim.errors import OutputError
from sim.ledger.files.parquet import is_complete, write_results
from sim.ledger.files.tables import tables
from sim.report.run.figures import waterfall_svg
from sim.scenario import canonical_text
from sim.simulate import RunResult

ANSWER = "run.json"
PICTURE = "waterfall.svg"
PACKAGES = ("simpy", "networkx", "numpy", "pyarrow")
"""Packages whose versions are recorded with the results."""


def write_run(result: RunResult, answer: dict[str, Any], directory: Path, force: bool) -> None:
    """Write a run's tables, its answer and its picture, all or nothing. Raises OutputError as write_results does."""
    written = tables(result.run_id, result.trace, result.summary, result.ledger, bill_of(result), wired_cluster(result))
    metadata = {
        "run_id": result.run_id,
        "scenario": canonical_text(result.scenario),
        "model_version": MODEL_VERSION,
        **{f"version_{name}": version(name) for name in PACKAGES},
    }
    files = {ANSWER: (json.dumps(answer, indent=1) + "\n").encode(), PICTURE: waterfall_svg(answer).encode()}
    write_results(directory, written, metadata, force, files)


def existing_run(directory: Path, run_id: str) -> dict[str, Any] | None:
    """Return the answer of a complete run of this id in a directory, or None."""
    if not is_complete(directory, run_id):
        return None
    path = directory / ANSWER
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}; use --force to write it again") from None
    except ValueError as error:
        raise OutputError(f"{path}: is not JSON: {error}; use --force to write it again") from None
    if not isinstance(answer, dict) or answer.get("run_id") != run_id:
        raise OutputError(f"{path}: is not the answer of {run_id}; use --force to write it again")
    return answer
