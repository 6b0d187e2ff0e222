"""A batch and a results directory on the screen: the plan, how far it is, its tables, and what came out."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.quantities import show, show_count
from sim.report.amounts import FRACTIONS, amount_of
from sim.report.text import table, wrapped

MOST_ROWS = 60
"""Rows of variants that are shown; JSON and SQL give all."""


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """Return what is planned, and what of it is left."""
    more = f" to {plan['most_replicas']:,}" if plan["most_replicas"] != plan["replicas"] else ""
    chunks = f"{_many(plan['chunks'], 'chunk')}, detail {plan['detail']}"
    lines = [
        f"{plan['study']}: {_many(plan['runs'], 'run')}: {_many(plan['variants'], 'variant')} x "
        f"{plan['replicas']:,}{more} seeds in {chunks}"
    ]
    if plan["runs_left"] != plan["runs"]:
        lines.append(f"to do: {_many(plan['runs_left'], 'run')} in {_many(plan['chunks_left'], 'chunk')}")
    return lines


def estimate_line(told: Mapping[str, Any]) -> str:
    """Return what the runs that are left will take."""
    if told["error"]:
        return f"estimate: none: {told['error']}"
    return (
        f"estimate: {show(told['run_s'], 'time')} a run, about {show(told['time_s'], 'time', 2)} in all, "
        f"{show(told['bytes'], 'size', 2)} on disk"
    )


def progress_line(done: int, total: int, told: Mapping[str, Any]) -> str:
    """Return how far a batch is, on one line."""
    eta = "" if told["eta_s"] is None else f", {show(told['eta_s'], 'time', 2)} left"
    return f"{done:,} of {_many(total, 'run')}, {told['runs_per_s']:.3g} runs/s{eta}, {told['failed']:,} failed"


def event_line(told: Mapping[str, Any]) -> str | None:
    """Return what has happened, where somebody should know of it."""
    match told["event"]:
        case "chunk" if told["failed"]:
            return f"chunk {told['chunk']}: {_many(told['failed'], 'run')} failed: {told['error'].splitlines()[0]}"
        case "resubmitted":
            return f"chunk {told['chunk']}: its worker was killed; handed out again"
        case "quarantined":
            before = "is in quarantine" if told.get("before") else f"in quarantine ({told['variants']})"
            return f"chunk {told['chunk']}: {before}: {told['reason']}"
        case "damaged":
            return f"chunk {told['chunk']}: damaged, set aside and simulated again: {told['reason']}"
        case "waiting":
            return f"the second stage waits for {_many(told['chunks'], 'chunk')} of the first; run this again then"
        case "second":
            return f"second stage: {told['replicas']:,} seeds of every variant"
        case _:
            return None


def status_lines(status: Mapping[str, Any]) -> list[str]:
    """Return how far a batch is."""
    lines = [
        f"{status['study']}: {status['runs_done']:,} of {_many(status['runs'], 'run')} done in "
        f"{status['chunks_done']:,} of {_many(status['chunks'], 'chunk')}, {status['failed']:,} failed"
    ]
    lines += [
        f"chunk {each['chunk']}: {each['finished']:,} of {_many(each['runs'], 'run')} by process {each['pid']} "
        f"on {each['host']}"
        for each in status["working"]
    ]
    lines += [f"chunk {each['chunk']}: in quarantine: {each['reason']}" for each in status["quarantined"]]
    if status["damaged"]:
        lines.append(f"set aside as damaged: {_many(status['damaged'], 'chunk')}")
    if status["second"] is False:
        lines.append("the second stage of replications is not planned yet")
    return lines


def results_report(answer: Mapping[str, Any]) -> str:
    """Return what a results directory holds."""
    blocks = [_tables(answer["tables"])]
    if answer["kind"] == "run":
        return "\n".join([f"run {answer['run_id']}, models {answer['model_version']}", "", *blocks[0]])
    head = [*wrapped(answer["status"]["question"] or "", ""), *status_lines(answer["status"])]
    return "\n".join([*head, "", *blocks[0], *_outcome(answer["rows"])])


def table_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a table: numbers to the right.

    >>> print(table_text([{"name": "a", "runs": 12}, {"name": "bc", "runs": 3}]))
    name  runs
    a       12
    bc       3
    """
    if not rows:
        return "no rows"
    cells = [[str(name) for name in rows[0]], *([_cell(value) for value in row.values()] for row in rows)]
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in rows[0].values()]
    return "\n".join(table(cells, "".join(">" if number else "<" for number in numbers)))


def _tables(tables: Mapping[str, Mapping[str, int]]) -> list[str]:
    rows = [
        {"table": name, "files": told["files"], "rows": told["rows"], "size": show(told["bytes"], "size")}
        for name, told in tables.items()
    ]
    return table_text(rows).splitlines() if rows else ["no table yet"]


def _outcome(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for every variant and metric."""
    if not rows:
        return []
    shown = [
        [str(row["variant"]), row["metric"], amount_of(row["metric"])(row["mean"]), _half(row), str(row["replicas"])]
        for row in rows[:MOST_ROWS]
    ]
    left = len(rows) - len(shown)
    lines = table([["variant", "metric", "mean", "95 %", "runs"], *shown], "<<>>>")
    return ["", *lines, *([f"and {left:,} more: --json shows all"] if left else [])]


def _half(row: Mapping[str, Any]) -> str:
    """Return half the interval of a mean, in the metric's unit; nothing where there is one run."""
    if row["ci_high"] is None:
        return ""
    half = row["ci_high"] - row["mean"]
    if not half:
        return "all alike"
    return f"+-{100 * half:.1f} points" if row["metric"] in FRACTIONS else f"+-{amount_of(row['metric'])(half)}"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)


def _many(count: int, what: str) -> str:
    return f"{show_count(count)} {what}{'' if count == 1 else 's'}"
