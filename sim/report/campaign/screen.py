"""The screen of `campaign`: calendar, bill by what runs are for, and the development multiplier, in 80 columns."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sim.quantities import show, show_count, show_usd
from sim.report.money.bill import bill_rows
from sim.report.text import WIDTH, Marks, Result, pairs, percent, short, short_usd, signed, table, wrapped

GROUPS: Mapping[str, tuple[str, ...]] = {
    "hardware": ("server", "scale-up", "network", "storage", "head-node", "cdu"),
    "building": ("facility", "colocation"),
    "rent": ("rent", "support", "egress"),
    "power": ("energy", "cooling"),
    "upkeep": ("maintenance", "licence", "debugging", "write-off"),
    "people": ("staff",),
    "data": ("data",),
    "other": ("commitment", "credit"),
}
"""Items of a bill, in the columns of the screen; columns without an amount are left out."""

_CALENDAR = 44
"""Columns of the calendar."""


class Line(NamedTuple):
    """Runs that are shown together: those of one entry that came to the same."""

    name: str
    runs: tuple[Mapping[str, Any], ...]

    def total(self, key: str) -> float:
        """Return the sum of a number over the runs."""
        return float(sum(run[key] for run in self.runs))


def campaign_report(result: Result, marks: Marks) -> str:
    """Return the report of a campaign from its JSON."""
    blocks = [
        _title(result),
        pairs(_facts(result)),
        _multiplier(result),
        _runs(result),
        _calendar(result, marks),
        _bill(result),
        _states(result),
        _assets(result),
        _published(result),
        _notes(result),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def lines_of(result: Result) -> list[Line]:
    """Return the runs of a campaign, grouped by entry and by what they came to."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for run in result["runs"]:
        groups.setdefault((run["entry"], run["kind"]), []).append(run)
    return [Line(name if len(runs) == 1 else f"{name} x{len(runs)}", tuple(runs)) for (name, _), runs in groups.items()]


def _title(result: Result) -> list[str]:
    assets = ", ".join(
        f"{show_count(asset['gpus'])} {asset['accelerator']} ({asset['acquisition']})" for asset in result["assets"]
    )
    return wrapped(
        f"{result['name']}: {len(result['runs'])} runs on {assets}, {result['start']} to {result['end'][:10]}, seed "
        f"{result['seed']}"
    )


def _facts(result: Result) -> list[tuple[str, str]]:
    held = result["gpu_hours"] + result["idle_gpu_hours"] + result["others_gpu_hours"]
    energy = sum(asset["energy_kwh"] for asset in result["assets"])
    return [
        ("Calendar", show(result["wall_time_s"], "time")),
        ("Cost", show_usd(result["cost_usd"])),
        ("GPU-hours", f"{short(result['gpu_hours'])} of runs"),
        ("Idle", f"{percent(result['idle_gpu_hours'] / held if held else 0)} of {short(held)}"),
        ("Paid in cash", short_usd(result["cash_usd"])),
        ("Worth after it", short_usd(result["book_value_usd"])),
        ("Energy", show(energy * 3.6e6, "energy")),
        ("CO2e", f"{short(sum(asset['co2e_kg'] for asset in result['assets']) / 1000)} t"),
    ]


def _multiplier(result: Result) -> list[str]:
    found = result["multiplier"]
    if found["gpu_hours"] is None:
        return ["No run of kind final came to its end, so there is no development multiplier"]
    told = [f"{found['gpu_hours']:.2f} by GPU-hours of runs", f"{found['held']:.2f} with idle time"]
    told += [] if found["usd"] is None else [f"{found['usd']:.2f} by dollars"]
    told += [] if found["flop"] is None else [f"{found['flop']:.2f} by useful FLOP"]
    others = ", ".join(_multiple(each) for each in result["published_multipliers"])
    return wrapped(f"Everything over the final runs: {', '.join(told)}") + wrapped(f"Published: {others}")


def _multiple(each: Mapping[str, Any]) -> str:
    band = "" if each["low"] == each["high"] else f" ({each['low']:g} to {each['high']:g})"
    return f"{each['name']} {each['value']:g}{band}"


def _runs(result: Result) -> list[str]:
    rows = [["Run", "kind", "nodes", "begins", "ends", "GPU-hours", "cost"]]
    for line in lines_of(result):
        first, last = min(run["start"] for run in line.runs), max(run["end"] for run in line.runs)
        hours, cost = short(line.total("gpu_hours")), short_usd(line.total("cost_usd"))
        each = line.runs[0]
        rows.append([_cut(line, 17), each["kind"], f"{each['nodes']:,}", first[:10], last[:10], hours, cost])
    ended = Counter(run["ended"] for run in result["runs"] if run["ended"] not in ("complete", "given"))
    said = [f"{count} by {reason}" for reason, count in sorted(ended.items())]
    return [*table(rows, "<<>>>>>", gap=1), *(wrapped(f"Ended early: {', '.join(said)}") if said else [])]


def _cut(line: Line, width: int) -> str:
    """Return the name of runs in so many columns; how many they are is never cut off."""
    count = f" x{len(line.runs)}" if len(line.runs) > 1 else ""
    return line.name.removesuffix(count)[: width - len(count)] + count


def _calendar(result: Result, marks: Marks) -> list[str]:
    """Return a line an entry: when any of its runs holds nodes."""
    span_s = result["wall_time_s"]
    rows = [["", f"a column is {show(span_s / _CALENDAR, 'time', 2)}"]]
    rows += [[_cut(line, 30), _bar(line.runs, span_s, marks)] for line in lines_of(result)]
    return table(rows, "<<")


def _bar(runs: Iterable[Mapping[str, Any]], span_s: float, marks: Marks) -> str:
    """Return in which columns any of some runs holds nodes; what is shorter than a column still shows."""
    busy = set[int]()
    for run in runs:
        first = int(run["start_s"] / span_s * _CALENDAR)
        last = max(first + 1, round(run["end_s"] / span_s * _CALENDAR))
        busy |= set(range(min(first, _CALENDAR - 1), last))
    return "".join(marks.kept if column in busy else " " for column in range(_CALENDAR))


def _bill(result: Result) -> list[str]:
    """Return what each label cost, by groups of items."""
    sums = {
        label: {item: sum(row.values()) for item, row in items.items()} for label, items in result["micro_usd"].items()
    }
    cells = {
        label: {group: sum(items.get(item, 0) for item in members) for group, members in GROUPS.items()}
        for label, items in sums.items()
    }
    cells["total"] = {group: sum(row[group] for row in cells.values()) for group in GROUPS}
    while max(map(len, lines := _columns(cells))) > WIDTH:
        cells = _folded(cells)
    return lines


def _columns(cells: Mapping[str, Mapping[str, int]]) -> list[str]:
    shown = [group for group in GROUPS if any(row[group] for row in cells.values())]
    rows = [["What it cost", *shown, "total"]]
    for label, row in cells.items():
        rows.append([label[:18], *(_cell(row[group]) for group in shown), _cell(sum(row.values()))])
    return table(rows, "<" + ">" * (len(shown) + 1), gap=2 if len(shown) < 7 else 1)


def _folded(cells: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Return a bill whose smallest column is part of "other"."""
    total = cells["total"]
    least = min((group for group in GROUPS if group != "other" and total[group]), key=lambda group: abs(total[group]))
    return {name: {**row, "other": row["other"] + row[least], least: 0} for name, row in cells.items()}


def _states(result: Result) -> list[str]:
    """Return what each label that has GPUs cost, by what these did."""
    rows, head = [], list[str]()
    for label, items in result["micro_usd"].items():
        if label in ("people", "data", "terms"):
            continue
        columns = Counter[str]()
        for row in bill_rows(items).values():
            columns.update(row)
        head = list(columns)
        rows.append([label[:18], *(_cell(columns[name]) for name in head)])
    return table([["By what GPUs did", *head], *rows], "<" + ">" * len(head), gap=1)


def _cell(micro_usd: int) -> str:
    return short_usd(micro_usd / 1e6) if micro_usd else "-"


def _assets(result: Result) -> list[str]:
    """Return where the price of what is owned went, an asset a line."""
    lines = []
    for asset in result["assets"]:
        owned: Counter[str] = Counter()
        for parts in asset["price_by_use"].values():
            for name, usd in parts.items():
                owned["runs" if name not in ("idle", "others", "book value") else name] += usd
        if owned:
            told = ", ".join(f"{short_usd(owned[name])} {name}" for name in ("runs", "others", "idle", "book value"))
            lines += wrapped(f"{asset['name']}, {short_usd(sum(owned.values()))} bought: depreciated by {told}")
        if asset["unpriced"]:
            lines += wrapped(f"Not priced by {asset['prices']}, so not on the bill: {', '.join(asset['unpriced'])}")
    return lines


def _published(result: Result) -> list[str]:
    lines = []
    for each in result["published"]:
        name = "job GPU-hours" if each["figure"] == "job_gpu_hours" else "GPU-hours"
        lines += wrapped(
            f"Published: {' + '.join(each['runs'])}: {short(each['value'], 4)} {name}, simulated "
            f"{short(each['simulated'], 4)} ({signed(each['error'])}); {each['source']}"
        )
        for gap in each["gap"]:
            hours = "" if gap["gpu_hours"] is None else f": {short(gap['gpu_hours'])} GPU-hours"
            lines += wrapped(f"- also holds {gap['what']}{hours}")
    return lines


def _notes(result: Result) -> list[str]:
    given = [f"{name} ({source})" for name, source in result["sources"].items()]
    lines = wrapped(f"Given, not simulated: {', '.join(given)}") if given else []
    return [*lines, *(line for note in result["notes"] for line in wrapped(f"Note: {note}"))]
