"""The screen of `generations`: runs with their bands, every method beside what is published, and growth."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from sim.quantities import show_count
from sim.report.text import Result, short, short_usd, table, wrapped

UNITS = {"chip-hours": "h", "bill": "$", "rent of the day": "$"}
"""Marks of amounts by method; all others are dollars of 2023, the base of Epoch's methods."""


def generations_report(result: Result) -> str:
    """Return the report of the generations from their JSON."""
    blocks = [_title(result), _runs(result), _methods(result), _whys(result), _growth(result), _notes(result)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _title(result: Result) -> list[str]:
    count, scales = len(result["rows"]), ", ".join(f"{scale:g}" for scale in result["failure_scales"])
    return wrapped(
        f"{count} generations by simulation: each under {result['seeds']} seeds and {scales} times its failures, "
        f"priced {result['samples']:,} times with prices and physics drawn together; 5th, 50th, 95th percentile",
        "",
    )


def _runs(result: Result) -> list[str]:
    rows = [["Generation", "", "GPUs", "FLOP", "MFU", "good", "days", "bill", "5 to 95 %"]]
    for row in result["rows"]:
        bill = _method(row, "bill")
        rows.append(
            [
                row["name"] + ("*" if row["assumed"] else ""),
                row["date"][:4],
                show_count(row["gpus"]),
                f"{row['flop']:.1e}".replace("e+", "e"),
                f"{100 * row['step_mfu']:.0f} %",
                f"{100 * row['goodput']:.0f} %",
                _few(row["days"]["p50"]),
                short_usd(bill["p50"]),
                f"{short_usd(bill['p5'], 2)}-{short_usd(bill['p95'], 2)}",
            ]
        )
    return [*table(rows, "<<>>>>>>>", 1), *wrapped("* architecture, tokens or layout are assumed: never published")]


def _few(days: float) -> str:
    return f"{days:.1f}" if days < 10 else f"{days:.0f}"


def _method(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(each for each in row["methods"] if each["method"] == name)
    return found


def _methods(result: Result) -> list[str]:
    rows = [["Method", "p5", "p50", "p95", "published", ""]]
    for row in result["rows"]:
        told = [each for each in row["methods"] if each["p50"] is not None]
        rows.append([row["name"], "", "", "", "", ""])
        rows += [[f"  {each['method']}, {UNITS.get(each['method'], '$2023')}", *_amounts(each)] for each in told]
    return table(rows, "<>>>><")


def _amounts(method: Mapping[str, Any]) -> list[str]:
    show = short if method["unit"] == "GPU-hour" else _usd
    bands = [show(method[name]) for name in ("p5", "p50", "p95")]
    if not method.get("published"):
        return [*bands, "-", ""]
    low, high = method["published"]
    told = show(low) if low == high else f"{show(low)} to {show(high)}"
    return [*bands, told, "inside" if method["inside"] else "outside"]


def _usd(amount: float) -> str:
    """Return dollars in few digits, without cents.

    >>> _usd(438.2), _usd(40_586_593)
    ('$438', '$40.6 M')
    """
    return f"${amount:.0f}" if 0 <= amount < 999.5 else short_usd(amount)


def _whys(result: Result) -> list[str]:
    lines: list[str] = []
    for row in result["rows"]:
        reasons: dict[str, list[str]] = {}
        for each in row["methods"]:
            if each["why"]:
                reasons.setdefault(each["why"], []).append(each["method"])
        for why, names in reasons.items():
            lines += wrapped(f"{row['name']}, {', '.join(names)}: {why}")
    return lines and ["Outside, or not told", *lines]


def _growth(result: Result) -> list[str]:
    rows = [["Growth a year", "rows", "p5", "p50", "p95", "doubles in"]]
    for each in result["growth"]:
        amounts = [f"{each[name]:.2f}" for name in ("p5", "p50", "p95")]
        rows.append(
            [f"{each['what']}, {each['rows']}", str(each["count"]), *amounts, f"{each['doubling_months']:.1f} mo"]
        )
    return [*table(rows, "<>>>>>"), *_published(result)]


def _published(result: Result) -> Iterator[str]:
    told = [f"{_source(each['name'])} {each['low']:.1f} to {each['high']:.1f}" for each in result["published_growth"]]
    yield from wrapped(f"Published: {'; '.join(told)} (doubling times told as growth)")


def _source(name: str) -> str:
    """Return who says so: a record's name without what it is about.

    >>> _source("seed 001 growth/yr"), _source("Epoch repo 2025 regression, top-10")
    ('article 1', 'Epoch repo 2025 regression, top-10')
    """
    told = name.removesuffix(" growth/yr").removesuffix(" doubling months").replace(" growth/yr", "")
    return f"article {int(told.removeprefix('seed '))}" if told.startswith("seed ") else told


def _notes(result: Result) -> list[str]:
    years = [date.fromisoformat(row["date"]).year for row in result["rows"] if row["assumed"]]
    lines = wrapped(
        "Bill: item by item at the scenario's dated price book, people and data included; its dollars are those of "
        "its day. Amortised, cloud, acquisition, development: Epoch's methods on the simulated chip-hours. "
        "No factor is fitted to a row."
    )
    if years:
        lines += wrapped(
            "Compute of the assumed classes that were trained is uncertain by x0.33 to 3 (Epoch); runs to come are "
            "what their presets say."
        )
    return lines
