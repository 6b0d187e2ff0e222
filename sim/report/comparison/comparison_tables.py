"""The tables of a comparison's networks: what each is made of, what it carries, and what a loss leaves of it."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from sim.quantities import show, show_count
from sim.report.text import WIDTH, Result, table, wrapped

LONGEST_NAME = 14
"""Characters of a variant's name in a table; longer ones are lettered and told below."""

LOSSES = ("NIC link", "cable", "leaf", "spine", "core")
"""What can be lost, a column each; a cable is one between switches."""

CUT_OFF = "job stops: "
"""How the reason begins where a GPU is out of reach."""


def labels_of(result: Result) -> dict[str, str]:
    """Return what each variant is called in the tables: its name, or a letter where one is too long."""
    names = [each["value"] for each in result["variants"]]
    if max(map(len, names)) <= LONGEST_NAME:
        return {name: name for name in names}
    return {name: _letter(index) for index, name in enumerate(names)}


def _letter(index: int) -> str:
    """Return A, B, ... Z, AA, AB, ...

    >>> _letter(0), _letter(27)
    ('A', 'AB')
    """
    more, last = divmod(index, len(ascii_uppercase))
    return ("" if more == 0 else _letter(more - 1)) + ascii_uppercase[last]


def metric_rows(result: Result, metric: str) -> list[Mapping[str, Any]]:
    """Return the rows of a metric, in the order of the variants."""
    return [row for row in result["rows"] if row["metric"] == metric]


def fitted(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table, with narrow gaps where it would be too wide."""
    align = "<" + ">" * (len(rows[0]) - 1)
    wide = table(rows, align)
    return wide if max(map(len, wide)) <= WIDTH else table(rows, align, gap=1)


def fabrics(result: Result) -> list[str]:
    """Return what each network is made of; nothing where all are the same."""
    labels = labels_of(result)
    if _alike(result, "fabric"):
        return []
    head = ["Network", "switches", "cables", "optics", "hops", "USD/GPU", "W/GPU", "bisection/GPU"]
    body = []
    for each in result["variants"]:
        fabric = each["fabric"]
        if fabric is not None:
            body.append(
                [
                    labels[each["value"]],
                    *(show_count(fabric[name]) for name in ("switches", "cables", "optics")),
                    str(fabric["diameter_hops"]),
                    f"{fabric['capex_usd'] / fabric['gpus']:,.0f}",
                    f"{fabric['power_w'] / fabric['gpus']:.0f}",
                    show(fabric["bisection_bytes_per_s"] / (fabric["gpus"] / 2), "bandwidth"),
                ]
            )
    return fitted([head, *body]) if body else []


def _alike(result: Result, name: str) -> bool:
    """Return whether all variants have the same: nothing to compare."""
    return all(each[name] == result["variants"][0][name] for each in result["variants"])


def bandwidths(result: Result) -> list[str]:
    """Return the bus bandwidth of the main step's groups by dimension; nothing where all are the same."""
    labels = labels_of(result)
    dimensions = list(dict.fromkeys(name for each in result["variants"] for name in each["busbw"]))
    if not dimensions or (_alike(result, "fabric") and _alike(result, "busbw")):
        return []
    body = [
        [labels[each["value"]], *(_rate(each["busbw"].get(dimension)) for dimension in dimensions)]
        for each in result["variants"]
    ]
    return fitted([["Bus bandwidth of the main step's groups", *dimensions], *body])


def _rate(value: float | None) -> str:
    return "-" if value is None else show(value, "bandwidth", unit="GB/s")


def losses(result: Result) -> list[str]:
    """Return what one loss leaves of the throughput; of the cables between switches the one that costs most."""
    labels = labels_of(result)
    if not any(each["after_loss"] for each in result["variants"]):
        return []
    left = [_left(each["after_loss"]) for each in result["variants"]]
    columns = [name for name in LOSSES if any(name in own for own in left)]
    body = [
        [labels[each["value"]], *(_remaining(own, name) for name in columns)]
        for each, own in zip(result["variants"], left, strict=True)
    ]
    return [*fitted([["Tokens/s left with one lost", *columns], *body]), *_reasons(result)]


def _reasons(result: Result) -> list[str]:
    """Return why a job stops where it is not that a GPU is cut off."""
    labels = labels_of(result)
    told = [
        (labels[each["value"]], loss)
        for each in result["variants"]
        for loss in each["after_loss"]
        if loss["remaining"] is None and not loss["reason"].startswith(CUT_OFF)
    ]
    return [line for name, loss in told for line in wrapped(f"{name}, {loss['lost']}: {loss['reason']}")]


def _left(losses: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return what is left by column of the table, 0 where the job stops."""
    left: dict[str, float] = {}
    for loss in losses:
        between = loss["lost"].endswith(" cable")
        name = "cable" if between else loss["lost"].replace("nic", "NIC")
        left[name] = min(loss["remaining"] or 0.0, left.get(name, float("inf")))
    return left


def _remaining(left: Mapping[str, float], name: str) -> str:
    if name not in left:
        return "-"
    return f"{100 * left[name]:.2f} %" if left[name] else "stops"
