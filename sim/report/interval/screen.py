"""The screen of `interval`: what is best, what each rule gives away, and the curve as text."""

from collections.abc import Mapping
from typing import Any

from sim.quantities import show, show_count
from sim.report.interval.amounts import NAMES, RULES, amount, difference, duration, half, on_curve, points
from sim.report.text import WIDTH, Result, short, table, wrapped

_PLOT = 34
"""Columns of the curve."""


def interval_report(result: Result) -> str:
    """Return the report of a sweep from its JSON."""
    blocks = [_title(result), _best(result), _rules(result), _curve(result), _given(result)]
    return "\n\n".join("\n".join(block) for block in blocks if block).replace("\N{NO-BREAK SPACE}", " ")


def _title(result: Result) -> list[str]:
    count, runs = len(result["rows"]), result["replicas"]
    return wrapped(
        f"{result['scenario']}: how often to checkpoint? {count} intervals by {NAMES[result['metric']]}, {runs} runs "
        "each, under the same seeds",
        "",
    )


def _best(result: Result) -> list[str]:
    found, best = result["optimum"], _row_of(result, result["best"])
    width = half(best["ci_low"], best["ci_high"])
    level = f"{NAMES[result['metric']]} {amount(result, best['mean'])}"
    level += "" if width is None else f" +- {difference(result, width)}"
    if found is None:
        return wrapped(f"Best interval: {duration(result['best'])} of those simulated; {level}", "  ")
    place = {"shortest": "at most ", "longest": "at least "}.get(found["at_end"], "")
    sure = f"95 % interval {duration(found['ci_low_s'])} to {duration(found['ci_high_s'])}"
    return wrapped(f"Best interval: {place}{duration(found['interval_s'])} ({sure}); {level}", "  ")


def _rules(result: Result) -> list[str]:
    """Return a line a rule, those with the same interval in one."""
    alike: dict[float, list[Mapping[str, Any]]] = {}
    for each in result["rules"]:
        alike.setdefault(each["value"], []).append(each)
    rows = [["Rule", "interval", "loses against the best", ""]]
    for value, rules in alike.items():
        names = ", ".join(RULES[each["rule"]] for each in rules)
        rows.append([names if len(names) < 34 else _short(names), duration(value), *_loss(result, rules[0])])
    return table(rows, "<>><") if len(rows) > 1 else []


def _short(names: str) -> str:
    return names.replace("exact (Lambert W)", "exact").replace("asynchronous optimum", "async.")


def _loss(result: Result, rule: Mapping[str, Any]) -> tuple[str, str]:
    width = half(rule["regret_low"], rule["regret_high"])
    if rule["value"] == result["best"] or (rule["regret"] == 0 and not width):
        return "nothing", "as the best"
    told = f"{_signed(result, rule['regret'])}{'' if width is None else f' +- {difference(result, width)}'}"
    if not rule["differs"]:
        return told, "indistinguishable"
    hours = rule["gpu_hours"]
    return told, "" if hours is None or hours <= 0 else f"{short(hours)} GPU-h"


def _signed(result: Result, value: float) -> str:
    told = difference(result, value).removesuffix(" points")
    return f"-{told}" if value < 0 else told


def _curve(result: Result) -> list[str]:
    """Return a line an interval: what it gives, and where that lies between the worst shown and the best."""
    shown = on_curve(result)
    means = [row["mean"] for row in shown]
    low, high = min(means), max(means)
    head = ["Interval", NAMES[result["metric"]] if len(NAMES[result["metric"]]) < 16 else "mean", "loses", ""]
    rows = [[*_cells(result, row), _dot(row["mean"], low, high)] for row in shown]
    scale = f"{amount(result, low)} .. {amount(result, high)}"
    lines = table([[*head[:3], scale], *rows], ">>><")
    return [line[:WIDTH] for line in lines]


def _cells(result: Result, row: Mapping[str, Any]) -> list[str]:
    mark = "best" if row["value"] == result["best"] else ""
    told = difference(result, row["regret"]).removesuffix(" points")
    loses = mark or (told if row["differs"] else f"({told})")
    return [duration(row["value"]), amount(result, row["mean"]), loses]


def _dot(value: float, low: float, high: float) -> str:
    place = round((value - low) / (high - low) * (_PLOT - 1)) if high > low else 0
    return f"|{' ' * place}*"


def _given(result: Result) -> list[str]:
    saving = result["checkpoint"]
    kind = "asynchronous" if saving["asynchronous"] else "synchronous"
    later = f", durable after {duration(saving['durable_after_s'])}" if saving["asynchronous"] else ""
    lines = wrapped(
        f"Given: {show_count(result['gpus'])} GPUs, a failure every {duration(result['mtbf_s'])} on average, "
        f"recovery {duration(result['recovery_s'])}; {kind} checkpoints that block {duration(saving['block_s'])}"
        f"{later}; steps of {show(result['step_time_s'], 'time')}, on which checkpoints fall."
    )
    if result["variance_ratio"] is not None:
        lines += wrapped(
            f"The same failures meet every interval: differences vary {_times(result['variance_ratio'])} times less "
            "than between independent runs (median). Losses in brackets are indistinguishable from 0."
        )
    lines += _checked(result)
    for note in result["notes"]:
        lines += wrapped(f"{note[0].upper()}{note[1:]}.")
    return lines


def _times(ratio: float) -> str:
    """Return a ratio in three digits.

    >>> _times(17_123.4), _times(2.512)
    ('17,100', '2.51')
    """
    rounded = float(f"{ratio:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


def _checked(result: Result) -> list[str]:
    """Return how far the closed form is from the simulation at the best interval, where there is one."""
    best = _row_of(result, result["best"])
    if best["closed_form"] is None:
        return []
    off = best["closed_form"] - best["mean"]
    return wrapped(
        f"The closed form says {amount(result, best['closed_form'])} there, {points(abs(off))} points "
        f"{'more' if off > 0 else 'less'}: it has no spare that is missing and no age."
    )


def _row_of(result: Result, value: float) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(row for row in result["rows"] if row["value"] == value)
    return found
