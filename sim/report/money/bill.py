"""The bill: what was bought against what the GPUs did, exact to the micro-dollar."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from math import isclose

from sim.errors import SimulationError
from sim.ledger.time.trace import JOB_STATES, OUTSIDE_STATES, RECLASSIFIED_STATES
from sim.report.money.lots import lots_text
from sim.report.text import WIDTH, Result, table, wrapped
from sim.workload.profile import STEP_STATES

COMPUTING = ("compute_ideal", "kernel_inefficiency", "recompute", "optimizer", "step")
"""States in which a GPU runs kernels of retained work."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "computing": COMPUTING,
    "comm+bubble": tuple(state for state in STEP_STATES if state not in COMPUTING),
    "not stepping": JOB_STATES,
    "lost work": RECLASSIFIED_STATES,
    "out of job": OUTSIDE_STATES,
}
"""What the GPUs did, in the five columns of the bill; together all states of a run."""

PFLOP_DAY = 8.64e19
"""FLOP of one PFLOP/s sustained for a day."""

Matrix = Mapping[str, Mapping[str, int]]
"""Micro-dollars by item and state: integers, because a float cannot hold a micro-dollar of 10 billion."""


def bill_rows(micro_usd: Matrix) -> dict[str, dict[str, int]]:
    """Return micro-dollars by item and column of COLUMNS.

    Raises SimulationError for a state that no column holds: nothing may fall off the bill.
    """
    column_of = {state: column for column, states in COLUMNS.items() for state in states}
    rows = {item: dict.fromkeys(COLUMNS, 0) for item in micro_usd}
    for item, by_state in micro_usd.items():
        for state, amount in by_state.items():
            if state not in column_of:
                raise SimulationError(f"bill: state '{state}' of item '{item}' has no column")
            rows[item][column_of[state]] += amount
    return rows


def bill_totals(result: Result) -> tuple[int, int]:
    """Return the bill in micro-dollars summed by item and by state.

    Raises SimulationError unless both are equal, and every item, state and the total are what the result says in USD.
    """
    by_item = {item: sum(row.values()) for item, row in result["micro_usd"].items()}
    by_state: Counter[str] = Counter()
    for row in result["micro_usd"].values():
        by_state.update(row)
    totals = sum(by_item.values()), by_state.total()
    _expect("items", totals[0], result["cost_usd"])
    _expect("states", totals[1], result["cost_usd"])
    for item, usd in result["cost"].items():
        _expect(f"item '{item}'", by_item.get(item, 0), usd)
    for state, usd in result["cost_by_state"].items():
        _expect(f"state '{state}'", by_state[state], usd)
    return totals


def _expect(what: str, micro_usd: int, usd: float) -> None:
    # To the resolution of a float, which is all that a number of dollars in JSON has.
    if not isclose(micro_usd, usd * 1e6, rel_tol=1e-15, abs_tol=0.1):
        raise SimulationError(f"bill: {what} sum to {exact_usd(micro_usd)}; expected {usd} USD")


def exact_usd(micro_usd: int) -> str:
    """Return micro-dollars in dollars, every digit shown.

    >>> exact_usd(1_234_567_000_001)
    '$1,234,567.000001'
    """
    return f"${Decimal(micro_usd).scaleb(-6):,}"


def bill_text(result: Result) -> list[str]:
    """Return the bill in lines of at most 80 columns: the table, its two totals, and what a unit of output cost."""
    by_item, by_state = bill_totals(result)
    rows = bill_rows(result["micro_usd"])
    columns = {column: sum(row[column] for row in rows.values()) for column in COLUMNS}
    factor, unit = _scale(by_item)
    body = [
        [name, *(_cell(amount / factor) for amount in (*row.values(), sum(row.values())))]
        for name, row in [*rows.items(), ("total", columns)]
    ]
    return [
        f"What it cost, in {unit}: item by what the GPUs did",
        *_fitting([["", *COLUMNS, "total"], *body]),
        f"by item {exact_usd(by_item)} = by state {exact_usd(by_state)}",
        *_unit_costs(result),
        *_aside(result),
    ]


def _aside(result: Result) -> list[str]:
    """Return what stands beside a bill: a lost GPU-hour three ways, what a pool pays, and what nobody invoices."""
    lines = []
    if result["lost_gpu_hour"]["accounting_usd"] is not None:
        charged, saved, delayed = (_price(usd) if usd else "$0" for usd in result["lost_gpu_hour"].values())
        lines += wrapped(f"A lost GPU-hour: {charged} charged, {saved} not spent without it, {delayed} by its delay")
    lines += lots_text(result)
    if result["pool_usd"]:
        lines += wrapped(f"A pool pays {_price(result['pool_usd'])}: idle time or commitments")
    for name, usd in result["shadow_usd"].items():
        lines += wrapped(f"Not invoiced: {_price(usd)} for {name}")
    return lines


def _fitting(rows: list[list[str]]) -> list[str]:
    """Return a table of seven columns, closer together where it would be wider than the screen."""
    lines = table(rows, "<>>>>>>")
    return lines if max(map(len, lines)) <= WIDTH else table(rows, "<>>>>>>", gap=1)


def _unit_costs(result: Result) -> list[str]:
    """Return what a GPU-hour cost, and a million tokens and a useful PFLOP-day where the run retained any."""
    costs = [(result["gpu_hours"], "GPU-hour held")]
    if result["tokens"]:
        costs.append((result["tokens"] / 1e6, "million tokens"))
    if result["useful_flop"]:
        costs.append((result["useful_flop"] / PFLOP_DAY, "useful PFLOP-day"))
    shown = [f"{_price(result['cost_usd'] / amount)} per {what}" for amount, what in costs if amount]
    return wrapped(", ".join(shown))


def _price(usd: float) -> str:
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.3g}"


def _scale(micro_usd: int) -> tuple[int, str]:
    """Return the unit of the table in micro-dollars: seven columns of a large bill in dollars would not fit."""
    for factor, unit in ((10**12, "million USD"), (10**9, "thousand USD")):
        if micro_usd >= 10_000 * factor:
            return factor, unit
    return 10**6, "USD"


def _cell(amount: float) -> str:
    """Return an amount in three digits or whole units: a small item of a large bill still shows."""
    if not amount:
        return "-"
    if abs(amount) < 0.005:
        return "<0.01"
    return f"{amount:,.{max(2 - len(str(int(abs(amount)))) + 1, 0)}f}"
