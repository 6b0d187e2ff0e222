"""The difference of two bills on the screen: effects, what they mean, and the numbers behind them."""

from collections.abc import Callable

from sim.report.money.bill import exact_usd
from sim.report.text import Result, percent, short, short_usd, table, wrapped

MEANING = {
    "price": "the same use at the other book's prices",
    "terms": "acquisition, contracts, absorption",
    "size": "useful FLOP",
    "architecture": "peak x MFU, $/GPU-hour at the same prices",
    "reliability": "goodput x allocation, and incidents",
    "scope": "data and credits: no GPU-hour drives them",
}

UNMODELLED = {
    "size": "retained GPU-hours (no model, no FLOP)",
    "architecture": "$/GPU-hour at the same prices (no MFU)",
}


def difference_text(found: Result) -> list[str]:
    """Return the difference in lines: the effects sum to it to the micro-dollar."""
    first, second = found["totals"]
    meaning = MEANING if found["modelled"] else MEANING | UNMODELLED
    body = [
        [effect, _signed(amount), percent(amount / first if first else None), meaning[effect]]
        for effect, amount in found["effects"].items()
    ]
    change = found["micro_usd"]
    body.append(
        [
            "together",
            _signed(change),
            percent(change / first if first else None),
            f"{'-' if change < 0 else ''}{exact_usd(abs(change))}",
        ]
    )
    one, other = found["runs"]
    return [
        f"Why the other run costs {short_usd(second / 1e6)} instead of {short_usd(first / 1e6)}",
        *table(body, "<>><"),
        *wrapped(_identity(modelled=found["modelled"])),
        *table([["", "this run", "the other"], *_behind(one, other)], "<>>"),
        *_items(found["by_item"]),
    ]


def _identity(*, modelled: bool) -> str:
    size = (
        "useful FLOP / (peak x MFU x goodput x allocation)"
        if modelled
        else "retained GPU-hours / (goodput x allocation)"
    )
    return f"$ = {size} x $ per GPU-hour, in no order of change"


def _signed(micro_usd: int) -> str:
    return f"{'+' if micro_usd > 0 else ''}{short_usd(micro_usd / 1e6)}"


def _behind(one: Result, other: Result) -> list[list[str]]:
    rows: dict[str, tuple[str, Callable[[float], str]]] = {
        "useful FLOP": ("useful_flop", "{:.4g}".format),
        "peak of a GPU, FLOP/s": ("peak_flop_per_s", short),
        "MFU of steps": ("step_mfu", percent),
        "goodput": ("goodput", percent),
        "allocation": ("allocation", percent),
        "GPU-hours held": ("gpu_hours", short),
    }
    return [
        [name, *("-" if run[key] is None else shown(run[key]) for run in (one, other))]
        for name, (key, shown) in rows.items()
        if one[key] is not None or other[key] is not None
    ]


def _items(by_item: Result) -> list[str]:
    largest = sorted(((item, amount) for item, amount in by_item.items() if amount), key=lambda each: -abs(each[1]))
    named = ", ".join(f"{item} {_signed(amount)}" for item, amount in largest[:8])
    return wrapped(f"by item: {named}") if named else []
