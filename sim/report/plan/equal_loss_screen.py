"""The screen of `plan --compare`: what the same loss costs by other ways."""

from sim.report.plan.words import billions
from sim.report.text import Result, percent, short, short_usd, table, wrapped


def equal_loss_report(answer: Result) -> str:
    """Return the report of a comparison at equal loss from its JSON."""
    rows = answer["rows"]
    lines = [line for law in dict.fromkeys(row["law"] for row in rows) for line in _verdict(rows, law)]
    lines += ["", *_table(rows), "", *_rates(rows), ""]
    lines += wrapped(
        "Cost is the whole bill, and so are $/1T tok and $/PFLOP-d (useful, 10^15 FLOP/s for a day); no data: without "
        "the lump for data; -0.01 nat: what the next hundredth less of loss would cost along the optimum."
    )
    lines += _distilled(answer["distilled"])
    lines += [line for words in _beyond(rows) for line in wrapped(words)]
    return "\n".join(lines + [line for words in answer["assumed"] for line in wrapped(f"Assumed: {words}")])


def _verdict(rows: list[Result], law: str) -> list[str]:
    """Return which way is cheapest among those that share a law and a loss."""
    own = [row for row in rows if row["law"] == law]
    best = min(own, key=lambda row: row["cost_usd"]["mean"])
    return wrapped(
        f"Loss {best['loss']:.3f} by {law} costs least: {best['name']} on {best['node']}, "
        f"{short_usd(best['cost_usd']['mean'])}"
    )


def _table(rows: list[Result]) -> list[str]:
    lines = [["way", "node", "GPUs", "model", "tokens", "days", "cost", "MFU"]]
    lines += [
        [
            row["name"],
            row["node"],
            f"{row['gpus']:,}",
            billions(row["parameters"]),
            billions(row["tokens"]),
            f"{row['days']['mean']:.0f}" if row["days"]["mean"] >= 10 else f"{row['days']['mean']:.2g}",
            short_usd(row["cost_usd"]["mean"]),
            percent(row["mfu"], 0),
        ]
        for row in rows
    ]
    return table(lines, "<<>>>>>>", gap=1)


def _rates(rows: list[Result]) -> list[str]:
    lines = [["way", "node", "$/1T tok", "$/PFLOP-d", "GPU-h", "no data", "-0.01 nat"]]
    for row in rows:
        further = row["usd_per_further_hundredth"]
        lines.append(
            [
                row["name"],
                row["node"],
                short_usd(row["usd_per_trillion_tokens"]),
                short_usd(row["usd_per_useful_pflop_day"]),
                short(row["gpu_hours"]),
                short_usd(row["cost_without_data_usd"]),
                "-" if further is None else short_usd(further),
            ]
        )
    return table(lines, "<<>>>>>", gap=1)


def _distilled(student: Result | None) -> list[str]:
    if student is None:
        return []
    return wrapped(
        f"Distilled: {student['student']} taught by {student['teacher']} pays where a token with the teacher's outputs "
        f"is worth more than {student['break_even']:.2f} plain ones (teacher "
        f"{short_usd(student['teacher_usd_per_trillion_tokens'])}, student "
        f"{short_usd(student['training_usd_per_trillion_tokens'])} per 1T tokens)."
    )


def _beyond(rows: list[Result]) -> list[str]:
    """Return which rows use their law outside its fit, one line a law."""
    first = {row["law"]: row for row in reversed(rows) if row["beyond"]}
    return [f"{row['name']}: {row['beyond']}" for row in reversed(first.values())]
