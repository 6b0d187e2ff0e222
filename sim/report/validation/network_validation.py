"""The screen of `validate --kind network`: scores by source and machine, the worst rows, and what was left out."""

from collections import Counter

from sim.report.text import Result, cut, percent, signed, table, wrapped

WORST = 8


def network_validation(result: Result) -> str:
    """Return the report of a network validation from its JSON."""
    head = ["", "rows", "mean", "median", "max", "bias"]
    scores = [("Hardware, 1 MiB and more", result)]
    for name in ("section", "group"):
        scores += list(result["groups"][name].items())
    body = [
        [name, str(each["count"]), *(percent(each[key]) for key in ("mape", "median", "max")), signed(each["bias"])]
        for name, each in scores
    ]
    worst = sorted((row for row in result["rows"] if row["scored"]), key=lambda row: -abs(row["error"]))[:WORST]
    lines = [[cut(row["id"], 52), signed(row["error"]), row["algorithm"], row["protocol"]] for row in worst]
    blocks = [
        ["Predicted against published (simulated / measured - 1)", "", *table([head, *body], "<>>>>>")],
        table([["Furthest off", "error", "", ""], *lines], "<><<"),
    ]
    blocks += [
        wrapped(f"{claim['tool']} claims of itself: {claim['claim']}")
        for claim in result["claims"]
        if claim["tool"].startswith("ASTRA-sim")
    ]
    reasons = Counter(row["reason"] for row in result["skipped"])
    if reasons:
        blocks.append(
            ["Left out", *(line for why, n in reasons.items() for line in wrapped(f"{n} {why}", "    ", "  "))]
        )
    return "\n\n".join("\n".join(block) for block in blocks)
