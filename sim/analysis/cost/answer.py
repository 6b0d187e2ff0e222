"""`validate --kind cost`: the answer, from the records of a file to rows, scores and what was left out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sim.analysis.cost.articles import article_rows
from sim.analysis.cost.claims.table import contradictions
from sim.analysis.cost.records import Records
from sim.analysis.cost.rows import Entry, Found, Predicted, Skipped, has_amount, row_json, skipped
from sim.analysis.cost.rules.epoch import method_rows, method_table
from sim.analysis.cost.rules.reasons import reason_of
from sim.analysis.cost.rules.runs import implied_rows, run_rows
from sim.analysis.cost.rules.shares import cost_share_rows
from sim.analysis.cost.rules.sites import capex_rows, power_rows
from sim.analysis.cost.simulated import simulated_methods
from sim.analysis.scores import score

Answer = dict[str, Any]
Progress = Callable[[int, int], None]
"""Called with records done and records in all."""

Rule = Callable[[Entry, Records], Iterator[Found]]

RULES: Mapping[str, Rule] = {
    "epoch_method_result": method_rows,
    "published_run": run_rows,
    "power": power_rows,
    "cluster_capex": capex_rows,
    "cost_share": cost_share_rows,
}
"""What predicts the records of a category."""


def cost_answer(records: Records, *, articles: bool = True, progress: Progress = lambda done, count: None) -> Answer:
    """Return the JSON: scores at the top are of published amounts; ranges are judged, methods and arithmetic apart.

    A file without published amounts is scored by what else it holds. articles: whether statements and contradictions
    that no file holds are checked too, and a simulated run is put under every method. Raises InputError where a
    record cannot be read.
    """
    found: list[Found] = []
    for done, entry in enumerate(records.records, start=1):
        found += rows_of(entry, records)
        progress(done, len(records.records))
    found += article_rows() if articles else []
    rows = [row_json(row) for row in found if isinstance(row, Predicted)]
    errors = [row["error"] for row in rows if _counts(row)] or [
        row["error"] for row in rows if row["error"] is not None
    ]
    return {
        "kind": "cost",
        **(score(errors) if errors else dict.fromkeys(("mape", "median", "p90", "bias"), None) | {"count": 0}),
        "max": max(map(abs, errors), default=None),
        "groups": {name: _grouped(rows, name) for name in ("section", "group")},
        "judged": _judged(rows),
        "rows": rows,
        "methods": method_table(records),
        "simulated_run": simulated_methods() if articles else None,
        "contradictions": [asdict(claim) for claim in contradictions()] if articles else [],
        "skipped": [asdict(row) for row in (*found, *records.passed) if isinstance(row, Skipped)],
    }


def rows_of(entry: Entry, records: Records) -> Iterator[Found]:
    """Yield what a record leads to, or why it is skipped."""
    if not has_amount(entry):
        yield skipped(entry, reason_of(entry, "states no amount, or several"))
    elif entry["id"].startswith("implied_"):
        yield from implied_rows(entry, records)
    elif entry["category"] in RULES:
        yield from RULES[entry["category"]](entry, records)
    else:
        yield skipped(entry, reason_of(entry))


def _counts(row: Mapping[str, Any]) -> bool:
    """Return whether a row's error is one of the scores at the top: a published amount, no range."""
    return bool(row["scored"] and row["section"] == "published" and row["within"] is None)


def _grouped(rows: list[Answer], name: str) -> dict[str, Answer]:
    """Return the scores of all rows that have an error, by section, group or unit; of ranges, to their middle."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["scored"] and row["error"] is not None:
            found.setdefault(row[name], []).append(row["error"])
    return {key: {**score(errors), "max": max(map(abs, errors))} for key, errors in found.items()}


def _judged(rows: list[Answer]) -> Answer:
    ranges = [row["within"] for row in rows if row["scored"] and row["within"] is not None]
    return {"ranges": {"count": len(ranges), "met": sum(ranges)}}
