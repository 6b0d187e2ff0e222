"""The screen of `optimise`: the best values, what they come to under fresh seeds, and the best points of the search."""

from collections.abc import Callable

from sim.report.amounts import amount_of
from sim.report.text import Result, table, wrapped

SHOWN = 8
"""Points of the search that are told, best first."""


def optimise_report(result: Result) -> str:
    """Return the report of a search from its JSON."""
    blocks = [_title(result), _best(result), _points(result), _notes(result)]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _title(result: Result) -> list[str]:
    what = "most" if result["higher_is_better"] else "least"
    keys = ", ".join(each["key"] for each in result["knobs"])
    return wrapped(
        f"{result['scenario']}: {what} {result['metric']} over {keys}: {result['points']} points of "
        f"{result['replicas']} runs, under the same seeds",
        "",
    )


def _best(result: Result) -> list[str]:
    best, amount = result["best"], amount_of(result["metric"])
    lines = [f"{key} = {value}" for key, value in best["set"].items()]
    if best["mean"] is None:
        return [*lines, "refused under fresh seeds"]
    lines += ["", *table([_line("best", best, amount), *_base(result, amount)], "<>>")]
    return lines


def _base(result: Result, amount: Callable[[float], str]) -> list[list[str]]:
    base, difference = result["base"], result["difference"]
    if difference is None:
        return []
    told = _line("difference", difference, amount)
    return [
        _line("as it is", base, amount),
        told if difference["differs"] else [*told[:2], f"{told[2]}, not told apart"],
    ]


def _line(name: str, own: Result, amount: Callable[[float], str]) -> list[str]:
    low, high = own["ci_low"], own["ci_high"]
    interval = "" if low is None else f"{_signed(low, amount)} to {_signed(high, amount)}"
    return [name, _signed(own["mean"], amount), interval]


def _signed(value: float, amount: Callable[[float], str]) -> str:
    return f"{'-' if value < 0 else ''}{amount(abs(value))}"


def _points(result: Result) -> list[str]:
    amount, sign = amount_of(result["metric"]), -1 if result["higher_is_better"] else 1
    rows = sorted((row for row in result["rows"] if row["mean"] is not None), key=lambda row: sign * float(row["mean"]))
    keys = [each["key"] for each in result["knobs"]]
    body = [[*(row["set"][key] for key in keys), amount(row["mean"])] for row in rows[:SHOWN]]
    head = [*(key.rpartition(".")[2] for key in keys), result["metric"]]
    return table([head, *body], ">" * len(head))


def _notes(result: Result) -> list[str]:
    refused, again = result["refused"], result["found_again"]
    lines = wrapped(
        f"{result['runs']} runs of a budget of {result['budget']}: "
        + ("the search converged." if result["converged"] else "it was spent; more may find better.")
        + " The best was judged again under fresh seeds: in the search its mean was "
        + f"{_signed(result['best']['in_search'], amount_of(result['metric']))}, chosen for being good."
    )
    if again:
        lines += wrapped(f"Found again from an earlier search: {again} evaluations.")
    if refused["points"]:
        lines += wrapped(f"Refused: {refused['points']} points; the first: {refused['first']}")
    return lines
