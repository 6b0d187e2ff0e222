"""The screen of `validate`: how good predictions are, in 80 columns."""

from collections import Counter
from collections.abc import Mapping

from sim.report.text import Result, cut, percent, signed, table, wrapped

SHOWN = (("gpu", "GPU"), ("scale", "Scale"), ("software", "Software"))
"""Groupings that the screen shows; the page has all."""


def validation_report(result: Result) -> str:
    """Return the report of a validation from its JSON."""
    blocks = [
        _headline(result),
        out_of_sample_text(result),
        _kinds(result),
        *(_grouping(result["groups"][name], title) for name, title in SHOWN),
        _order(result),
        _worst(result),
        _skipped(result),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _headline(result: Result) -> list[str]:
    every = result["all"]
    return wrapped(
        f"{result['count']} measured steps against simulated ones: mean absolute error {percent(result['mape'])}, "
        f"median {percent(result['median'])}, 90th percentile {percent(result['p90'])}, bias {signed(result['bias'])}. "
        f"With {every['count'] - result['count']} rows that are shown apart: {percent(every['mape'])}, bias "
        f"{signed(every['bias'])}.",
        "",
    )


def out_of_sample_text(result: Result) -> list[str]:
    """Return how good predictions are of rows whose source, or sweep, the fitted levels have not seen."""
    found = result["out_of_sample"]
    if not found:
        return []
    of = {"by_source": "source", "by_sweep": "sweep"}
    said = [
        f"without their {of[fold]} "
        + ", ".join(f"{percent(one['mape'])} ({kind}, bias {signed(one['bias'])})" for kind, one in kinds.items())
        for fold, kinds in found.items()
    ]
    rows = sum(scores["count"] for scores in found["by_source"].values())
    return wrapped(f"{rows} of these rows set the fitted levels. Predicted {'; '.join(said)}.", "")


def _kinds(result: Result) -> list[str]:
    head = ["Kind", "rows", "mean abs.", "median", "90 %", "bias", "anchored"]
    body = [
        [*_cells(kind, scores), percent(result["anchored"].get(kind))] for kind, scores in result["by_kind"].items()
    ]
    return table([head, *body], "<>>>>>>")


def _grouping(groups: Mapping[str, Mapping[str, float]], title: str) -> list[str]:
    head = [title, "rows", "mean abs.", "median", "90 %", "bias"]
    return table([head, *(_cells(cut(name, 28), scores) for name, scores in groups.items())], "<>>>>>")


def _cells(name: str, scores: Mapping[str, float]) -> list[str]:
    return [
        name,
        f"{scores['count']}",
        percent(scores["mape"]),
        percent(scores["median"]),
        percent(scores["p90"]),
        signed(scores["bias"]),
    ]


def _order(result: Result) -> list[str]:
    order, slope = result["order"], result["slope_per_doubling"]
    lines = []
    if order["pairs"]:
        lines.append(
            f"Layouts of one job: {order['pairs_in_order']} of {order['pairs']} pairs that differ by more than 5 % are "
            f"ranked right ({percent(order['share'])}); the one ranked first is at most "
            f"{percent(order['first_over_best'])} slower than the best."
        )
    if slope is not None:
        lines.append(f"Within sweeps the error changes by {signed(slope)} with each doubling of GPUs.")
    return [line for text in lines for line in wrapped(text, "")]


def _worst(result: Result) -> list[str]:
    kept = [row for row in result["rows"] if not row["excluded"]]
    worst = sorted(kept, key=lambda row: -abs(row["error"]))[:6]
    head = ["Farthest off", "measured", "error"]
    return table(
        [head, *([cut(row["id"], 52), f"{row['measured']:.3g} s", signed(row["error"])] for row in worst)], "<>>"
    )


def _skipped(result: Result) -> list[str]:
    reasons = Counter(_family(row["reason"]) for row in result["skipped"])
    if not reasons:
        return []
    lines = [f"Not simulated: {sum(reasons.values())}"]
    for reason, count in reasons.most_common(6):
        lines += wrapped(f"{count} {reason}", "    ", "  ")
    return lines


def _family(reason: str) -> str:
    return reason.split(":")[0] if not reason.startswith("refused") else ":".join(reason.split(":")[:2])
