"""Amounts and layouts of plans in words."""

from sim.quantities import show
from sim.report.text import Result, short, short_usd


def amount(value: float, unit: str) -> str:
    """Return an amount in its unit.

    >>> amount(2e6, "USD"), amount(864000, "s"), amount(3e7, "W"), amount(1024, "GPUs")
    ('$2.00 M', '10 d', '30 MW', '1,024 GPUs')
    """
    if unit == "USD":
        return short_usd(value)
    if unit == "GPUs":
        return f"{value:,.0f} GPUs"
    return show(value, "time" if unit == "s" else "power")


def lasting(days: float) -> str:
    """Return how long a plan takes: in days, or in less where it takes less than one.

    >>> lasting(89.96), lasting(0.21)
    ('90.0 d', '5.04 h')
    """
    return f"{days:.1f} d" if days >= 1 else show(days * 86400, "time")


def layout_words(layout: Result) -> str:
    """Return a layout in one line.

    >>> layout_words({"tensor": 8, "context": 1, "pipeline": 4, "data": 2, "expert": 1, "schedule": "1f1b",
    ...     "chunks": 1, "sharding": "zero1", "micro_batch": 1, "recompute": "none"})
    'TP 8 PP 4 DP 2, 1f1b, zero1, micro-batch 1'
    """
    names = {"tensor": "TP", "context": "CP", "pipeline": "PP", "data": "DP", "expert": "EP"}
    degrees = [f"{short_name} {layout[key]}" for key, short_name in names.items() if layout[key] > 1]
    chunks = f" x{layout['chunks']}" if layout["chunks"] > 1 else ""
    again = "" if layout["recompute"] == "none" else f", recompute {layout['recompute']}"
    return (
        f"{' '.join(degrees) or 'one GPU'}, {layout['schedule']}{chunks}, {layout['sharding']}, "
        f"micro-batch {layout['micro_batch']}{again}"
    )


def model_words(plan: Result) -> str:
    """Return a plan's model with its size, and what a token meets of it where that is much less.

    >>> model_words({"model": "x", "parameters": 70.6e9, "active_parameters": 69.5e9})
    'x (70.6 B parameters)'
    """
    size = billions(plan["parameters"])
    active = plan["active_parameters"]
    more = f", {billions(active)} active" if active < 0.8 * plan["parameters"] else ""
    return f"{plan['model']} ({size} parameters{more})"


def billions(count: float) -> str:
    """Return a number of parameters or tokens: B is a billion, T a trillion.

    >>> billions(405.85e9), billions(1.56e13)
    ('406 B', '15.6 T')
    """
    return short(count).replace("G", "B")


def counts_words(search: Result) -> str:
    """Return what became of the layouts that were considered.

    >>> counts_words({"considered": 12, "counts": {"memory": 9, "estimated": 3}})
    '12 layouts: memory 9, estimated 3'
    """
    parts = ", ".join(f"{name} {count:,}" for name, count in search["counts"].items() if count)
    return f"{search['considered']:,} layouts: {parts}"


def left_words(search: Result) -> list[str]:
    """Return what an unfinished search may have missed, or nothing."""
    if search["complete"]:
        return []
    return [f"The search was cut short: a layout not looked at may be up to {100 * search['left']:.1f} % faster."]
