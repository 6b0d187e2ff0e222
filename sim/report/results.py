"""A run's results directory: its tables with everything that determines them, its answer, and its picture."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sim import MODEL_VERSION
from sim.errors import OutputError
from sim.ledger.parquet import is_complete, write_results
from sim.ledger.tables import Bill, tables
from sim.report.figures import waterfall_svg
from sim.scenario import canonical_text
from sim.simulate import RunResult

ANSWER = "run.json"
PICTURE = "waterfall.svg"
PACKAGES = ("simpy", "networkx", "numpy", "pyarrow")
"""Packages whose versions are recorded with the results."""


def write_run(result: RunResult, answer: dict[str, Any], directory: Path, force: bool) -> None:
    """Write a run's tables, its answer and its picture, all or nothing. Raises OutputError as write_results does."""
    bill = None
    if result.energy is not None and result.costs is not None and result.scenario.billing is not None:
        bill = Bill(energy=result.energy, costs=result.costs, book=result.scenario.billing.prices)
    cluster = result.machine.cluster if result.machine else None
    written = tables(result.run_id, result.trace, result.summary, result.ledger, bill, cluster)
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
    try:
        answer: dict[str, Any] = json.loads((directory / ANSWER).read_text())
    except (OSError, ValueError) as error:
        raise OutputError(f"{directory / ANSWER}: unreadable, though the tables are complete: {error}") from None
    return answer
