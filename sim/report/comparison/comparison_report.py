"""The screen of `compare`: the variants beside each other, what they are made of, and what makes them differ."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from sim.batch.metrics import HIGHER_IS_BETTER
from sim.quantities import show
from sim.report.comparison.comparison_prices import told_prices
from sim.report.comparison.comparison_split import split_table
from sim.report.comparison.comparison_statistics import tails, told_selection, told_statistics
from sim.report.comparison.comparison_tables import bandwidths, fabrics, fitted, labels_of, losses, metric_rows
from sim.report.text import Result, listed, percent, short, short_usd, wrapped

PARTS = 3
"""Parts of a difference that are told."""

SHOWN = 1e-3
"""Of the largest part of a difference: smaller ones are not told."""

COLUMNS: Mapping[str, tuple[str, Any]] = {
    "step_time_s": ("step", lambda value: show(value, "time")),
    "exposed_communication": ("exposed", percent),
    "effective_mfu": ("MFU eff.", percent),
    "ettr": ("ETTR", percent),
    "tokens": ("tokens", lambda value: short(value, 4)),
    "wall_time_s": ("wall time", lambda value: show(value, "time")),
    "cost_usd": ("cost", lambda value: short_usd(value, 4)),
    "usd_per_trillion_tokens": ("USD/T tokens", lambda value: short_usd(value, 4)),
}
"""Metrics that have a column, with its head and how a value is shown."""


def comparison_report(result: Result) -> str:
    """Return the report of a comparison from its JSON."""
    blocks = [
        _title(result),
        _outcomes(result),
        fabrics(result),
        bandwidths(result),
        losses(result),
        split_table(result, labels_of(result)),
        _why(result),
        tails(result, labels_of(result)),
        told_statistics(result),
        [*_verdict(result), *told_selection(result), *told_prices(result)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block).replace("\N{NO-BREAK SPACE}", " ")


def _title(result: Result) -> list[str]:
    count = result["replicas"]
    least = "" if result["selected"] is None else "at least "
    runs = "one run each" if count == 1 else f"{least}{count} runs each, under the same seeds"
    what = f"{result['scenario']} over {', '.join(result['over'])}"
    asked = [] if result["question"] is None else [*wrapped(result["question"], ""), ""]
    return [*asked, *wrapped(f"{what}: {len(result['variants'])} variants, {runs}", "")]


def _outcomes(result: Result) -> list[str]:
    labels = labels_of(result)
    known = {row["metric"] for row in result["rows"]}
    shown = [metric for metric in COLUMNS if metric in known and metric not in _hidden(result, known)]
    head = ["", *(COLUMNS[metric][0] for metric in shown), "vs the first"]
    body = []
    for index, each in enumerate(result["variants"]):
        cells = [COLUMNS[metric][1](metric_rows(result, metric)[index]["mean"]) for metric in shown]
        best = "*" if each["value"] == result["best"] else " "
        body.append([f"{best} {labels[each['value']]}", *cells, _against(result, index)])
    told = [f"{label}: {name}" for name, label in labels.items() if name != label]
    return [
        *(line for text in told for line in wrapped(text, "   ")),
        *([""] if told else []),
        *_at_one_horizon(result),
        *fitted([head, *body]),
    ]


def _to_one_horizon(result: Result) -> bool:
    return bool(result.get("against") in ("tokens", "cost_usd"))


def _at_one_horizon(result: Result) -> list[str]:
    """Return what all runs share that end at one horizon, where that has no column; nothing of other comparisons."""
    if not _to_one_horizon(result):
        return []
    shared = [
        f"{COLUMNS[metric][0]} {_whole(shown)}" for metric, shown in _shared(result).items() if metric != "wall_time_s"
    ]
    alike = f"; all have {', '.join(shared)}" if shared else ""
    end = _whole(_shared(result)["wall_time_s"])
    return [*wrapped(f"All runs end at their horizon, after {end}{alike}.", ""), ""]


def _shared(result: Result) -> dict[str, str]:
    """Return what of a run and its step is shown alike for all variants."""
    cells = {
        metric: {COLUMNS[metric][1](row["mean"]) for row in metric_rows(result, metric)}
        for metric in ("step_time_s", "exposed_communication", "wall_time_s")
    }
    return {metric: shown.pop() for metric, shown in cells.items() if len(shown) == 1}


def _hidden(result: Result, known: Set[str]) -> tuple[str, ...]:
    """Return metrics that tell nothing: what runs to one horizon share, or dollars a token beside costs."""
    hidden = ["ettr"] if "effective_mfu" in known and result["headline"] != "ettr" else []
    if not _to_one_horizon(result):
        wall = [row["mean"] for row in metric_rows(result, "wall_time_s")]
        if "usd_per_trillion_tokens" in known and min(wall) == max(wall):
            return (*hidden, "tokens", "wall_time_s", "cost_usd")
        return (*hidden, "tokens", "usd_per_trillion_tokens")
    costs = ["cost_usd"] if "usd_per_trillion_tokens" in known else []
    return (*hidden, *costs, *_shared(result))


def _against(result: Result, index: int) -> str:
    """Return the paired difference of the headline from the first, as a fraction of it and half its interval."""
    rows = metric_rows(result, result["headline"])
    if index == 0:
        return "-"
    row, base = rows[index], rows[0]["mean"]
    if not row["differs"]:
        return "no difference" if row["difference"] == 0 else "not told apart"
    half = "" if row["difference_low"] is None else f" +-{_size((row['difference_high'] - row['difference']) / base)}"
    return f"{100 * row['difference'] / base:+.2f} %{half}"


def _size(fraction: float) -> str:
    return f"{100 * abs(fraction):.2f}"


def _why(result: Result) -> list[str]:
    """Return what each difference from the first consists of."""
    lines = []
    for each in result["why"]:
        if each["same_fabric"] and not each["usd"] and not each["step_s"]:
            lines += wrapped(f"{each['value']}: the same switches and cables, the same step: no saving")
            continue
        parts = []
        dollars = each["terms"] or each["usd"]
        if dollars and not each["split"]:
            parts.append(f"{_signed_usd(sum(dollars.values()))} = {_told(dollars, _signed_usd)}")
        if each["step_s"]:
            parts.append(f"step {_signed_s(sum(each['step_s'].values()))} = {_told(each['step_s'], _signed_s)}")
        if parts or not each["split"]:
            lines += wrapped(f"{each['value']}: {'; '.join(parts) or 'no difference'}")
    first = result["variants"][0]["value"]
    return [*wrapped(f"What makes the difference from {first} (first seed)", ""), *lines] if lines else []


def _told(parts: Mapping[str, float], text: Any) -> str:
    """Return the largest parts of a sum by name, and the rest in one; nothing below a thousandth of the largest.

    >>> _told({"network": -2e6, "server": 1e6, "staff": 2e5, "energy": 1e5}, _signed_usd)
    'network -$2.00\\xa0M, server +$1.00\\xa0M, staff +$200\\xa0k, others +$100\\xa0k'
    """
    largest = [*list(parts.items())[:PARTS], ("others", sum(list(parts.values())[PARTS:]))]
    least = SHOWN * max(abs(value) for value in parts.values())
    return ", ".join(f"{name} {text(value)}" for name, value in largest if abs(value) > least)


def _signed_usd(value: float) -> str:
    return _whole(f"{'-' if value < 0 else '+'}{short_usd(abs(value))}")


def _signed_s(value: float) -> str:
    return _whole(f"{'-' if value < 0 else '+'}{show(abs(value), 'time')}")


def _whole(text: str) -> str:
    """Return a number and its unit as one word, which no line break parts."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _verdict(result: Result) -> list[str]:
    headline = _headline(result)
    rows = metric_rows(result, result["headline"])
    if not any(row["difference"] for row in rows):
        return wrapped(f"Nothing differs in {headline}: the key decides nothing here.", "")
    if not any(row["differs"] for row in rows):
        return wrapped(f"Not told apart in {headline} by {result['replicas']} runs each; try more --replicas.", "")
    lines = [*_one_step(result), *_deciding(result), *wrapped(f"* {_most(result)} {headline}: {result['best']}", "")]
    if len(result["pareto"]) > 1:
        other = {"tokens": "tokens retained", "cost_usd": "cost"}.get(result.get("against", ""), "time")
        lines += wrapped(f"Not beaten in both {headline} and {other}: {listed(result['pareto'])}", "")
    return lines


def _most(result: Result) -> str:
    return "most" if result["headline"] in HIGHER_IS_BETTER else "least"


def _headline(result: Result) -> str:
    told = {"usd_per_trillion_tokens": "dollars a token", "cost_usd": "cost", "ettr": "ETTR"}
    return told.get(str(result["headline"]), str(result["headline"]).removesuffix("_s").replace("_", " "))


def _one_step(result: Result) -> list[str]:
    """Return which variants have one step, and whether dollars tell them apart: where machines differ."""
    lines: list[str] = []
    if not any(each["after_loss"] for each in result["variants"]):
        return lines
    for names in result["same_step"]:
        lines += wrapped(f"One step within 0.1 %: {listed(names)}", "")
        for same in (each for each in result["alike"] if set(each) <= set(names)):
            lines += wrapped(f"no difference in {_headline(result)} either: {listed(same)}{_tiers(result, same)}")
    return lines


def _tiers(result: Result, names: Sequence[str]) -> str:
    """Return what is said of variants that give the same and are built of the same."""
    fabrics = [each["fabric"] for each in result["variants"] if each["value"] in names]
    if None in fabrics or any(fabric["switches_by_tier"] != fabrics[0]["switches_by_tier"] for fabric in fabrics):
        return ""
    return ": the same tiers, no saving"


def _deciding(result: Result) -> list[str]:
    """Return which term is the largest of each difference that is one."""
    differs = {row["value"] for row in metric_rows(result, result["headline"]) if row["differs"]}
    told: dict[str, list[str]] = {}
    for each in result["why"]:
        if each["value"] in differs and each["dominant"] is not None:
            told.setdefault(each["dominant"], []).append(each["value"])
    head = f"What decides against {result['variants'][0]['value']}"
    parts = [f"{term} for {listed(names)}" for term, names in told.items()]
    if len(parts) > 1 and any(";" in part for part in parts):
        return [*wrapped(f"{head}:", ""), *(line for part in parts for line in wrapped(part, "    ", "  "))]
    return wrapped(f"{head}: {'; '.join(parts)}", "") if parts else []
