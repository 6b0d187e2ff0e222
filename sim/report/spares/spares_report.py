"""The screen of `spares`: what each change gains in time and dollars, and which is not told apart from nothing."""

from collections.abc import Mapping
from typing import Any

from sim.quantities import show, show_count
from sim.report.text import Result, short_usd, table, wrapped


def spares_report(result: Result) -> str:
    """Return the report of a study of changes from its JSON."""
    blocks = [_title(result), _verdict(result), _table(result), _marginal(result), _notes(result)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _title(result: Result) -> list[str]:
    count = result["spare_nodes"]
    return wrapped(
        f"{result['scenario']}: what is one more worth? {show_count(result['gpus'])} GPUs and {count} spare "
        f"{'node' if count == 1 else 'nodes'}, {result['replicas']} runs of each change, under the same seeds",
        "",
    )


def _verdict(result: Result) -> list[str]:
    level = result["baseline"]
    retained, wall = level["retained_hours"]["mean"], level["wall_hours"]["mean"]
    cost = f", for {short_usd(level['cost_usd']['mean'], 4)}" if "cost_usd" in level else ""
    lines = wrapped(f"As it is: {retained:,.1f} h of training retained in {wall:,.1f} h{cost}")
    if result["best"] is None:
        return [*lines, *wrapped("No change is worth anything that these runs tell apart from nothing.")]
    row = _rows(result, result["metric"], result["best"])
    return [*lines, *wrapped(f"Worth most: {result['best']}, {_amount(row)}")]


def _rows(result: Result, metric: str, value: str, over: str = "as it is") -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(
        row for row in result["rows"] if (row["metric"], row["value"], row["over"]) == (metric, value, over)
    )
    return found


def _table(result: Result) -> list[str]:
    names = [row["value"] for row in result["rows"] if row["metric"] == "hours_gained" and row["over"] == "as it is"]
    billed = any(row["metric"] == "usd_gained" for row in result["rows"])
    what = "time saved" if result["ends_with"] == "work" else "retained more"
    lines = [["Change", what, *(["worth"] if billed else []), ""]]
    for name in names:
        rows = [_rows(result, metric, name) for metric in ("hours_gained", *(["usd_gained"] if billed else []))]
        told = "" if any(row["differs"] for row in rows) else "indistinguishable"
        lines.append([name, *map(_amount, rows), told])
    return table(lines, "<" + ">" * (2 if billed else 1) + "<") if names else []


def _amount(row: Mapping[str, Any]) -> str:
    """Return a gain with half its interval; brackets where it is not told apart from nothing.

    >>> _amount({"metric": "hours_gained", "mean": 1.25, "ci_low": 1.0, "ci_high": 1.5, "differs": True})
    '1.25 h +- 15 min'
    """
    low, high = row["ci_low"], row["ci_high"]
    money = row["metric"] == "usd_gained"
    width = None if low is None else (high - low) / 2
    if row["mean"] == 0 and not width:
        return "nothing"
    shown = short_usd if money else _hours
    told = shown(row["mean"]) + ("" if width is None else f" +- {shown(width)}")
    return told if row["differs"] else f"({told})"


def _hours(hours: float) -> str:
    """Return hours in the unit that suits them; below a microsecond there is nothing to tell."""
    return show(round(3600 * hours, 6), "time")


def _marginal(result: Result) -> list[str]:
    """Return what the later of several spares add to the earlier."""
    rows = [row for row in result["rows"] if row["metric"] == result["metric"] and row["over"] != "as it is"]
    if not rows:
        return []
    parts = [f"{row['value']} over {row['over']}: {_amount(row)}" for row in rows]
    return wrapped(f"Further spares add: {'; '.join(parts)}")


def _notes(result: Result) -> list[str]:
    ends = {
        "work": "Every run ends with its work: a change saves wall time.",
        "horizon": "Runs end at their horizon: a change lets more training be retained by then.",
    }
    lines = wrapped(ends[result["ends_with"]] + " In brackets: indistinguishable from nothing.")
    if result["mixed"]:
        lines += wrapped("Some runs end with their work before the horizon: what they save is not counted.")
    if result["metric"] == "usd_gained":
        lines += wrapped(
            "Worth: what the retained training would have cost without the change, less what it costs with it. The "
            "bill knows the price of a node; of a faster store, detection or a crew it is the most that may be paid."
        )
    if not result["precision_reached"]:
        lines += wrapped(f"The precision is not reached by {result['replicas']} runs each: more --replicas would.")
    for reason in result["left_out"]:
        lines += wrapped(f"Not changed: {reason}.")
    return lines
