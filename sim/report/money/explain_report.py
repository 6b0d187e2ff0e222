"""What `explain` shows on a screen of 80 columns: the headline, failures, evidence, cash, and another run."""

from collections.abc import Mapping, Sequence

from sim.ledger.explain.failures import DIRECT
from sim.quantities import show
from sim.report.money.bill import bill_text
from sim.report.money.explain_difference import difference_text
from sim.report.text import Marks, Result, percent, short, short_usd, table, wrapped

RUNGS = {
    "computing": "headline compute: cluster, computing",
    "comm+bubble": "+ communication, bubbles, waits in steps",
    "not stepping": "+ in the job, not stepping",
    "lost work": "+ steps lost, or not durable at the end",
    "out of job": "+ spare, in repair, maintained, idle",
    "people": "+ people, debugging",
    "data": "+ data",
    "promises and credits": "- credits",
}

_CAUSES = 8

_MONTHS = 18

_BAR = 14


def explain_report(answer: Result, marks: Marks, *, cash: bool = False) -> str:
    """Return the screen; cash: with the monthly table."""
    blocks = [_head(answer), _headline(answer, marks), bill_text(_bill(answer)), _failures(answer)]
    blocks.append(_evidence(answer, marks))
    if cash:
        blocks.append(cash_text(answer))
    if answer["difference"]:
        blocks.append(difference_text(answer["difference"]))
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _bill(answer: Result) -> Result:
    """Return what the table of a bill needs; it checks its sums against the total."""
    return {**answer, "cost": {}, "cost_by_state": {}}


def _usd(micro_usd: int) -> str:
    return short_usd(micro_usd / 10**6)


def _share(part: int, whole: int) -> str:
    return percent(part / whole if whole else None)


def _head(answer: Result) -> list[str]:
    total = answer["total_micro_usd"]
    held = f"{answer['gpus']:,} GPUs for {show(answer['days'] * 86400, 'time')}"
    what = f"{held}, {answer['acquisition']}, prices of {answer['book']}"
    lines = [f"{answer['run_id']}: {_usd(total)}", what]
    over, failed = answer["headline"]["all_in_over_compute"], answer["failures"]["lost_micro_usd"]
    assumed, whole = answer["evidence"]["by_kind"]["assumed"], answer["evidence"]["whole_micro_usd"]
    said = [f"{over:.2f} x headline compute"] if over else []
    said.append(f"failures took {_share(failed, whole)}")
    said.append(f"{_share(assumed, whole)} rests on an assumed price")
    if answer["pool_micro_usd"]:
        said.append(f"a pool pays {_usd(answer['pool_micro_usd'])} besides")
    return [*lines, *wrapped(", ".join(said))]


def _bars(rows: Sequence[tuple[str, int]], whole: int, marks: Marks) -> list[list[str]]:
    most = max((abs(amount) for _, amount in rows), default=0) or 1
    return [
        [name, _usd(amount), _share(amount, whole), marks.kept * round(_BAR * abs(amount) / most)]
        for name, amount in rows
    ]


def _headline(answer: Result, marks: Marks) -> list[str]:
    rungs, total = answer["headline"]["rungs"], answer["total_micro_usd"]
    rows = [(RUNGS[name], amount) for name, amount in rungs.items() if amount or name == "computing"]
    body = [*_bars(rows, total, marks), ["= all-in: the whole bill", _usd(total), _share(total, total), ""]]
    return ["From headline compute to all-in", *table(body, "<>><")]


def _failures(answer: Result) -> list[str]:
    found = answer["failures"]
    causes, total = found["causes"], answer["evidence"]["whole_micro_usd"]
    if not causes:
        return ["Failures: none, and no stop had a cause"]
    shown = [_cause_row(each["cause"], [each]) for each in causes[:_CAUSES]]
    if len(causes) > _CAUSES:
        shown.append(_cause_row(f"{len(causes) - _CAUSES} others", causes[_CAUSES:]))
    head = ["", "failed", "stops", "GPU-hours", "direct", "rework", "upkeep", "other", "total"]
    lost = found["lost_micro_usd"]
    besides = _usd(found["total_micro_usd"] - lost)
    return [
        f"What failures and stops cost, by cause: {_usd(lost)}, {_share(lost, total)} of all",
        *table([head, *shown, _cause_row("all", causes)], "<>>>>>>>>", gap=1),
        *wrapped("direct: " + ", ".join(f"{part} {_usd(_sum(causes, part))}" for part in DIRECT)),
        *wrapped(f"other: {besides} bears a cause and is no loss: repaired nodes on the shelf, planned stops"),
        *_dearest(found),
    ]


def _sum(causes: Sequence[Result], part: str) -> int:
    return sum(each["micro_usd"][part] for each in causes)


def _cause_row(name: str, causes: Sequence[Result]) -> list[str]:
    hours = sum(sum(each["gpu_hours"].values()) for each in causes)
    direct = sum(_sum(causes, part) for part in DIRECT)
    counts = [str(sum(each[count] for each in causes)) for count in ("failures", "interruptions")]
    parts = [_usd(_sum(causes, part)) for part in ("rework", "upkeep", "other")]
    total = _usd(sum(each["total_micro_usd"] for each in causes))
    return [_cut(name, 18), *counts, short(hours), _usd(direct), *parts, total]


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 1]}."


def _dearest(found: Result) -> list[str]:
    lines: list[str] = []
    for event in found["dearest"][:3]:
        when = "" if event["day"] is None else f" on day {event['day']:.1f}"
        lines.append(
            f"  {_usd(event['micro_usd']):>9}  {_cut(event['cause'], 34)}{when}: {short(event['gpu_hours'])} GPU-hours"
        )
    if lines:
        lines.insert(
            0, f"The dearest single ones (the mean of {found['events']}: {_usd(found['mean_event_micro_usd'])})"
        )
    said = f'"A single failure can waste millions": {found["one_failure_wastes_millions"]}'
    if found["hours_a_million"]:
        said += f" (that is the whole bill of {show(found['hours_a_million'] * 3600, 'time')})"
    return [*lines, *wrapped(said)]


def _evidence(answer: Result, marks: Marks) -> list[str]:
    found = answer["evidence"]
    whole = found["whole_micro_usd"]
    rows = [(kind, amount) for kind, amount in found["by_kind"].items() if amount]
    weak = [each for each in found["resting"] if each["kind"] == "assumed"][:6]
    named = ", ".join(f"{each['key']} {_usd(each['micro_usd'])}" for each in weak)
    lines = ["What it rests on: a line is as weak as its weakest price", *table(_bars(rows, whole, marks), "<>><")]
    if named:
        lines += wrapped(f"assumed, the largest: {named}")
    if answer["unpriced"]:
        lines += wrapped(f"not in the book, so not on the bill: {', '.join(answer['unpriced'])}")
    return lines


CASH: Mapping[str, tuple[str, ...]] = {
    "hardware": ("server", "scale-up", "network", "storage", "head-node", "cdu"),
    "facility": ("facility", "colocation"),
    "rent": ("rent", "support", "egress"),
    "energy": ("energy", "cooling"),
    "people": ("staff", "debugging"),
    "other": ("maintenance", "licence", "write-off", "data", "commitment", "credit"),
}
"""Items of a bill in the columns of the monthly table; storage that is rented stands with hardware."""


def cash_text(answer: Result) -> list[str]:
    """Return the monthly table, and how cash and accrual meet."""
    cash = answer["cash"]
    months: Mapping[str, Mapping[str, int]] = cash["months"]
    columns = {
        name: items for name, items in CASH.items() if any(row.get(item) for row in months.values() for item in items)
    }
    body = [_month_row(month, row, columns) for month, row in months.items()]
    if len(body) > _MONTHS:
        half = _MONTHS // 2
        body = [*body[:half], ["...", *("" for _ in columns), ""], *body[-half:]]
    return [
        "What is paid when (cash; a pool's share included)",
        *table([["", *columns, "total"], *body], "<" + ">" * (len(columns) + 1)),
        *wrapped(
            f"cash {_usd(cash['cash_micro_usd'])} - book value still owned {_usd(cash['book_value_micro_usd'])} + cost "
            f"of capital {_usd(cash['capital_micro_usd'])} = accrual {_usd(cash['accrual_micro_usd'])}"
        ),
    ]


def _month_row(month: str, row: Mapping[str, int], columns: Mapping[str, Sequence[str]]) -> list[str]:
    amounts = [sum(row.get(item, 0) for item in items) for items in columns.values()]
    return [month, *(_usd(amount) if amount else "-" for amount in (*amounts, sum(row.values())))]
