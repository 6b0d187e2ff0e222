"""The screen of `validate --kind cost`: what is published beside what is predicted, methods, contradictions."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sim.report.text import Result, percent, short, short_usd, signed, table, wrapped

TITLES = {
    "published": "Published amounts and ranges, by our models and prices",
    "methods": "Results of others' methods, by those methods from the facts of a run",
    "arithmetic": "Arithmetic: the same numbers, computed again",
}
_NAME = 41
_METHODS = {
    "capex+energy": "amortised",
    "cloud": "cloud",
    "acquisition": "acquisition",
    "usd_2_per_hour": "$2/h",
}


def cost_validation(result: Result) -> str:
    """Return the report of a cost validation from its JSON."""
    blocks = [_headline(result)]
    for section, title in TITLES.items():
        rows = [row for row in result["rows"] if row["section"] == section]
        blocks += [[title, "", *_lines(rows)]] if rows else []
    blocks += [_methods(result["methods"])] if result["methods"] else []
    blocks += [[*_simulated(result["simulated_run"])]] if result["simulated_run"] else []
    blocks += [[*_contradictions(result["contradictions"])]] if result["contradictions"] else []
    blocks += [_skipped(result["skipped"])] if result["skipped"] else []
    return "\n\n".join("\n".join(block) for block in blocks)


def _headline(result: Result) -> list[str]:
    parts = []
    if result["count"]:
        parts.append(
            f"{result['count']} amounts: mean absolute error {percent(result['mape'])}, median "
            f"{percent(result['median'])}, largest {percent(result['max'])}, bias {signed(result['bias'])}"
        )
    ranges = result["judged"]["ranges"]
    parts += [f"{ranges['met']} of {ranges['count']} ranges hold the prediction"] if ranges["count"] else []
    return wrapped(". ".join(parts) + "." if parts else "Nothing could be compared.", "")


def _lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each row, and what is to be said of it where that was not just said."""
    yield f"{'':{_NAME}}{'published':>17}{'predicted':>11}"
    said = ""
    for row in rows:
        name = wrapped(f"{row['id']}, {row['unit'].partition(' ')[0]}", "  ")
        if len(name[-1]) > _NAME - 1:
            name.append("")
        yield from name[:-1]
        yield f"{name[-1]:{_NAME}}{_known(row):>17}{_amount(row['simulated'], row['unit']):>11}{_verdict(row):>11}"
        if row["note"] and row["note"] != said:
            yield from wrapped(row["note"], "    ", "    ")
        said = row["note"]


def _known(row: Mapping[str, Any]) -> str:
    """Return what is published: an amount, a range or a bound."""
    low, high = (None if row[end] is None else _amount(row[end], row["unit"]) for end in ("low", "high"))
    if low is None and high is None:
        return _amount(row["measured"], row["unit"])
    if low is not None and high is not None:
        return f"{low}-{high}"
    return f"> {low}" if high is None else f"< {high}"


def _amount(value: float, unit: str) -> str:
    return short_usd(value) if unit.startswith("USD") else short(value)


def _verdict(row: Mapping[str, Any]) -> str:
    """Return how far off a row is, from its amount or the nearer end of its range; in brackets if not counted."""
    if row["within"]:
        text = "holds"
    else:
        error = row["error"] if row["within"] is None else row["beyond"]
        text = "-" if error is None else signed(error)
    return text if row["scored"] else f"({text})"


def _methods(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return each run under every method: they answer different questions, and none has people or failures in it."""
    head = ["", "M chip-hours", *_METHODS.values()]
    body = [
        [
            row["model"],
            f"{row['chip_hours'] / 1e6:.2f}",
            *("-" if row[name] is None else short_usd(row[name]) for name in _METHODS),
        ]
        for row in rows
    ]
    title = "The same runs under each method, in USD of 2023 (at $2: of the day)"
    return [title, "", *table([head, *body], "<" + ">" * (len(head) - 1))]


def _simulated(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield one simulated run under every method, each with its terms, and what its energy emits by grid."""
    yield f"{run['scenario']}, as simulated: its own bill {short_usd(run['bill_usd'])}"
    yield ""
    for view in run["methods"]:
        total = "-" if view["total"] is None else _amount(view["total"], view["unit"])
        unit = "" if view["unit"] in (None, "USD") else f" {view['unit']}"
        yield f"  {view['method']:{_NAME - 2}}{total:>17}{unit}"
        terms = ", ".join(f"{name} {_amount(amount, view['unit'])}" for name, amount in view["terms"].items())
        yield from wrapped(". ".join(filter(None, (terms, view["note"]))), "    ", "    ")
    carbon = run["carbon"]
    grids = ", ".join(f"{name} {kg / 1e6:.2f}" for name, kg in carbon["location_kg_by_grid"].items())
    yield ""
    meter, chips = short(carbon["facility_kwh"]), short(carbon["tdp_only_kwh"])
    energy = f"Energy: {meter} kWh at the meter, {chips} kWh of chips at TDP."
    yield from wrapped(f"{energy} Location-based, kt CO2e: {grids}.", "  ", "  ")
    made = short(carbon["embodied_kg"] / 1000)
    yield from wrapped(f"Making the GPUs: {made} t CO2e of the run's share, as of A100s.", "  ", "  ")
    items = ", ".join(f"{name} {percent(share)}" for name, share in run["shares_by_item"].items())
    yield from wrapped(f"By item: {items}. Across them, failures: {percent(run['failed_runs'])}.", "  ", "  ")


def _contradictions(claims: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "Where articles contradict each other, or arithmetic"
    for claim in claims:
        yield ""
        yield f"  {claim['topic']}"
        for word in ("says", "check", "holds"):
            yield from wrapped(f"{word + ':':7}{claim[word]}", " " * 11, "    ")


def _skipped(skipped: Sequence[Mapping[str, str]]) -> list[str]:
    """Return how many records were not predicted, by reason; --json names each."""
    lines = [f"Not predicted: {len(skipped)} (--json names each)"]
    for reason, count in Counter(each["reason"] for each in skipped).items():
        lines += wrapped(f"{count} {reason}", "    ", "  ")
    return lines
