"""`validate --kind reliability`: the answer, from the cases of a file to rows, scores and what was left out."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from functools import partial
from typing import Any

from sim.analysis.reliability.ages import age_rows
from sim.analysis.reliability.cases.rules import case_rows
from sim.analysis.reliability.fleets import stall_rows
from sim.analysis.reliability.optimum import regret_rows
from sim.analysis.reliability.oracles import (
    asynchronous_rows,
    common_random_rows,
    convention_rows,
    job_rows,
    segment_rows,
)
from sim.analysis.reliability.peers import peer_rows
from sim.analysis.reliability.rows import Found, Predicted, Skipped, Table, row_json
from sim.analysis.reliability.saves import silent_rows, store_rows, two_level_rows
from sim.analysis.reliability.shrinking import elastic_rows
from sim.analysis.scores import score
from sim.analysis.sections import read_sections
from sim.batch.pool import executor_of
from sim.errors import InputError, SimulationError

Answer = dict[str, Any]
Progress = Callable[[int, int], None]
"""Called with tasks done and tasks in all."""

Task = Callable[[], Iterator[Found]]

ORACLES: tuple[Task, ...] = (
    *(regret_rows, stall_rows, segment_rows, job_rows, asynchronous_rows, convention_rows),
    *(common_random_rows, age_rows, silent_rows, two_level_rows, store_rows, elastic_rows),
)
"""Closed forms, the longest first; no file holds them."""

SECTIONS = ("cases", "peer_scenarios")

# Fewer tasks than this are done before other processes have loaded what they need.
_FEW = 4


def read_cases(path: str | None) -> Answer:
    """Return the sections of a file, by default of the reference. Raises InputError for one that is none."""
    return read_sections(path, "reliability.json", SECTIONS)


def reliability_answer(
    sections: Mapping[str, Any],
    *,
    oracles: bool = True,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Return the JSON: scores at the top are of published values; bounds are judged, closed forms and peers tested.

    oracles: whether closed forms, which no file holds, are simulated too.
    Raises InputError where a case lacks what its rule needs, SimulationError where a worker dies.
    """
    found: list[Found] = []
    tasks = [*tasks_of(sections), *(ORACLES if oracles else ())]
    for done, some in enumerate(_run(tasks, workers), start=1):
        found += some
        if progress:
            progress(done, len(tasks))
    rows = [row_json(row) for row in found if isinstance(row, Predicted)]
    skipped = [asdict(each) for each in found if isinstance(each, Skipped)]
    counted = [row for row in rows if row["scored"] and row["section"] == "published" and row["error"] is not None]
    errors = [row["error"] for row in counted]
    return {
        "kind": "reliability",
        **(score(errors) if errors else {"count": 0}),
        "max": max(map(abs, errors), default=None),
        "groups": {name: _grouped(rows, name) for name in ("section", "group")},
        "judged": _judged(rows),
        "rows": rows,
        "tables": [asdict(each) for each in found if isinstance(each, Table)],
        "skipped": skipped,
    }


def tasks_of(sections: Mapping[str, Any]) -> list[Task]:
    """Return what is to be simulated of a file: each published case and each peer scenario."""
    cases, peers = sections.get("cases", []), sections.get("peer_scenarios", {})
    if not isinstance(cases, list) or not isinstance(peers, dict):
        raise InputError("measurements: expected cases to be a list, and peer_scenarios a table")
    named = {name: each for name, each in peers.items() if isinstance(each, dict) and name != "common"}
    return [
        *(partial(case_rows, case) for case in cases),
        *(partial(peer_rows, name, each) for name, each in named.items()),
    ]


def _run(tasks: Sequence[Task], workers: int | None) -> Iterator[list[Found]]:
    """Yield what each task finds, in their order, on so many processes."""
    count = workers or os.cpu_count() or 1
    if count == 1 or len(tasks) < _FEW:
        yield from map(_found, tasks)
        return
    try:
        with executor_of(count) as pool:
            yield from pool.map(_found, tasks)
    except BrokenProcessPool:
        raise SimulationError("validate: a worker process died; run it again, with --workers 1") from None


def _found(task: Task) -> list[Found]:
    try:
        return list(task())
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, AssertionError, ZeroDivisionError) as error:
        name = task.args[0] if isinstance(task, partial) else getattr(task, "__name__", "oracle")
        name = name.get("id", "a case without an id") if isinstance(name, Mapping) else name
        raise InputError(f"{name}: cannot be read: {type(error).__name__} {error}") from None


def _grouped(rows: Sequence[Answer], name: str) -> dict[str, Answer]:
    """Return the scores of rows that have an error, by section or group."""
    by_group: dict[str, list[float]] = {}
    for row in rows:
        if row["scored"] and row["error"] is not None:
            by_group.setdefault(row[name], []).append(row["error"])
    return {key: {**score(errors), "max": max(map(abs, errors))} for key, errors in by_group.items()}


def _judged(rows: Sequence[Answer]) -> dict[str, Answer]:
    """Return how many bounds and z-tests there are, and how many are met."""
    judged: dict[str, Answer] = {}
    for kind in ("bounds", "z_tests"):
        of_kind = [row for row in rows if (row["relation"] != "=") == (kind == "bounds")]
        mets = [row["met"] for row in of_kind if row["scored"] and row["met"] is not None]
        judged[kind] = {"count": len(mets), "met": sum(mets)}
    return judged
