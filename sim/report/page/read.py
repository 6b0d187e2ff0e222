"""What the page of a run is made of: its answer, when it lost time, and, where it was billed, the bill taken apart."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.errors import OutputError
from sim.ledger.files.parquet import read_metadata, read_table
from sim.ledger.files.schema import SCHEMA_VERSION
from sim.report.money.explain_answer import explain_json, read_explained
from sim.report.page.days import Spans, spans
from sim.report.run.results import existing_run
from sim.report.text import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A stored run; explained: what `explain` says of its bill, None without one; about: its files' metadata."""

    answer: Result
    explained: Result | None
    spans: Spans
    scenario: dict[str, Any]
    about: dict[str, str]


def read_told(directory: Path) -> Told:
    """Return a stored run; raises OutputError where a directory holds none that is whole."""
    about = read_metadata(directory)
    if about.get("schema_version") != SCHEMA_VERSION:
        found = about.get("schema_version", "none")
        raise OutputError(
            f"{directory}: results of schema version {found}; expected {SCHEMA_VERSION}: simulate the run again"
        )
    answer = existing_run(directory, about["run_id"])
    if answer is None:
        raise OutputError(f"{directory}: the results are not whole; expected every table of {about['run_id']}")
    row = read_table(directory, "runs").to_pylist()[0]
    return Told(
        answer=answer,
        explained=None if answer["cost_usd"] is None else explain_json(read_explained(directory)),
        spans=spans(read_table(directory, "time_ledger"), read_table(directory, "events"), row["wall_us"]),
        scenario=json.loads(about["scenario"]),
        about=about,
    )
