"""The screen of `price`: a bill at other prices beside the old one, in 80 columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.report.money.bill import bill_text
from sim.report.text import Result, short, signed, table, wrapped


def price_report(result: Result) -> str:
    """Return the report of one run that was priced again."""
    before = result["before"]
    blocks = [
        [
            f"{result['run_id']}: {_usd(result['cost_usd'])}, {_change(result['cost_usd'], before['cost_usd'])}",
            f"at the prices of {result['prices']} ({result['acquisition']});",
            f"{_usd(before['cost_usd'])} at those of {before['prices']} ({before['acquisition']})",
        ],
        _items(result["cost"], before["cost"]),
        bill_text(result),
        carbon_text(result["carbon"]),
        _methods(result["methods"]),
        _unpriced(result),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def prices_report(rows: Sequence[Mapping[str, Any]], shown: int = 20) -> str:
    """Return the report of many runs that were priced again: each while they are few, and the sum."""
    head = [["run", "before", "now", "change"]]
    body = [
        [row["run_id"], _usd(row["before_usd"]), _usd(row["cost_usd"]), _change(row["cost_usd"], row["before_usd"])]
        for row in rows[:shown]
    ]
    sums = [sum(row[key] for row in rows) for key in ("before_usd", "cost_usd")]
    more = [["...", "", "", ""]] if len(rows) > shown else []
    total = [f"{len(rows):,} runs", *map(_usd, sums), _change(sums[1], sums[0])]
    return "\n".join([f"At the prices of {rows[0]['prices']}", *table([*head, *body, *more, total], "<>>>")])


def carbon_text(carbon: Mapping[str, float | None]) -> list[str]:
    """Return what a run emitted, each way of counting it."""
    names = {
        "location_kg": "by place",
        "market_kg": "by contract",
        "embodied_kg": "making the servers",
        "tdp_only_kg": "as a model card counts, GPUs at TDP",
    }
    said = [f"{short(kg / 1000)} t {names[name]}" for name, kg in carbon.items() if kg is not None]
    return wrapped(f"CO2e: {', '.join(said)}")


def _methods(views: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what others' methods say of the run."""
    if not views:
        return ["As others count it: expected a day, --start DATE, as their prices are dated"]
    rows = [[view["method"], _amount(view["total"], view["unit"])] for view in views]
    reasons = dict.fromkeys(view["note"] for view in views if view["total"] is None)
    missing = [line for reason in reasons for line in wrapped(f"-: {reason}")]
    return ["As others count it", *table([["method", "amount"], *rows], "<>"), *missing]


def _amount(total: float | None, unit: str | None) -> str:
    if total is None:
        return "-"
    return f"{short(total)} {'USD' if unit == 'USD' else unit}"


def _unpriced(result: Result) -> list[str]:
    if not result["unpriced"]:
        return []
    return wrapped(f"Not priced by this book, so not on the bill: {', '.join(result['unpriced'])}")


def _items(now: Mapping[str, float], before: Mapping[str, float]) -> list[str]:
    names = dict.fromkeys([*now, *before])
    pairs = [(name, before.get(name, 0.0), now.get(name, 0.0)) for name in names]
    rows = [[name, _usd(old), _usd(new), _change(new, old)] for name, old, new in pairs]
    return table([["item", "before", "now", "change"], *rows], "<>>>")


def _usd(amount: float) -> str:
    return f"${amount:,.0f}"


def _change(now: float, before: float) -> str:
    return signed(now / before - 1) if before else "new" if now else "-"
