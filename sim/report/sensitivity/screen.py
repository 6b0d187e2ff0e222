"""The screen of `sensitivity`: elasticities by layer, what a little more is worth, a tornado and Sobol's indices."""

from collections.abc import Mapping
from typing import Any

from sim.quantities import show_count
from sim.report.text import Marks, Result, short_usd, table, wrapped

BAR = 30
"""Characters of a tornado's widest bar."""


def sensitivity_report(result: Result, marks: Marks) -> str:
    """Return the report of a study from its JSON."""
    blocks = [
        _title(result),
        _elasticities(result),
        _marginal(result),
        _tornado(result, marks),
        _sobol(result),
        _notes(result),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _title(result: Result) -> list[str]:
    cost, days = result["cost_percentiles"], result["days_percentiles"]
    lines = wrapped(
        f"{result['scenario']} on {show_count(result['gpus'])} GPUs: what moves its cost? Layers turned by "
        f"+-{100 * result['step']:g} %, {result['replicas']} seeds each, the same for all",
        "",
    )
    lines += ["", f"Cost  5 %, 50 %, 95 %  {', '.join(short_usd(cost[name]) for name in ('p5', 'p50', 'p95'))}"]
    lines += [f"Days  5 %, 50 %, 95 %  {', '.join(f'{days[name]:.1f}' for name in ('p5', 'p50', 'p95'))}"]
    if result["finish"] is not None:
        lines += [f"Ends  5 %, 50 %, 95 %  {', '.join(result['finish'].values())}"]
    return lines


def _elasticities(result: Result) -> list[str]:
    rows = [["% of it for +1 % of", "layer", "cost", "", "time", ""]]
    for each in result["elasticities"]:
        if each["cost"] is None:
            rows.append([each["name"], each["layer"], "-", "", "-", ""])
            continue
        time = ["-", ""] if each["priced"] else _estimate(each["time"])
        rows.append([each["name"], each["layer"], *_estimate(each["cost"]), *time])
    lines = table(rows, "<<><><")
    for each in result["elasticities"]:
        lines += wrapped(f"{each['name']}: {each['why']}") if each["why"] else []
    return [*lines, f"Prices in dollars sum to {result['price_sum']:.4f}"]


def _estimate(found: Mapping[str, Any]) -> list[str]:
    """Return a mean and half its interval; brackets where it is not told apart from nothing.

    >>> _estimate({"mean": -0.5, "ci_low": -0.6, "ci_high": -0.4})
    ['-0.500', '+-0.100']
    """
    mean, low, high = found["mean"], found["ci_low"], found["ci_high"]
    if mean == 0 and (low is None or low == high):
        return ["0", ""]
    if low is None:
        return [f"{mean:+.3f}", ""]
    told = f"{mean:+.3f}"
    return [told if low > 0 or high < 0 else f"({told})", f"+-{(high - low) / 2:.3f}"]


def _marginal(result: Result) -> list[str]:
    rows = [["Worth", "USD", "", "hours", ""]]
    for each in result["marginal"]:
        usd, hours = each["usd"], each["hours"]
        rows.append([each["name"], short_usd(usd["mean"]), _half(usd, short_usd), f"{hours['mean']:.2f}", ""])
        rows[-1][4] = _half(hours, lambda value: f"{value:.2f}")
    return table(rows, "<><><")


def _half(found: Mapping[str, Any], show: Any) -> str:
    return "" if found["ci_low"] is None else f"+-{show((found['ci_high'] - found['ci_low']) / 2)}"


def _tornado(result: Result, marks: Marks) -> list[str]:
    """Return a bar an input, from its cost at the 5th to that at the 95th percentile of the input."""
    rows = result["tornado"]
    ends = [usd for row in rows for usd in row["cost_usd"]]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0
    lines = [["One input at its 5 and 95 %", "", "cost", ""]]
    for row in rows:
        left, right = sorted((usd - low) / span * BAR for usd in row["cost_usd"])
        first, last = round(left), max(round(right), round(left) + 1)
        bar = " " * first + marks.kept * (last - first)
        told = [f"{value:.3g}" for value in row["values"]]
        lines.append([f"{row['input']} {' to '.join(told)}", *(short_usd(usd) for usd in row["cost_usd"]), bar])
    return table(lines, "<>><")


def _sobol(result: Result) -> list[str]:
    rows = [["Part of the variance of ln cost", "first", "total", "90 %"]]
    for row in result["sobol"]:
        band = f"{row['total_low']:.2f} to {row['total_high']:.2f}"
        rows.append([row["input"], f"{row['first']:.2f}", f"{row['total']:.2f}", band])
    return table(rows, "<>>>")


def _notes(result: Result) -> list[str]:
    lines = wrapped(
        f"Tornado, percentiles and Sobol's indices ({result['sobol_evaluations']:,} evaluations) price runs at four "
        f"rates of failure and what lies between them; midway that is off by {100 * result['surrogate_error']:+.1f} %, "
        "chance included. In brackets: not told apart from nothing. Worth of a point of MFU: the run shrinks, what is "
        "paid once stays."
    )
    if result["waiting_seeds"]:
        lines += wrapped(
            f"Under {result['waiting_seeds']} of {result['replicas']} seeds the job waits for nodes: spares and crews "
            "run short, which is why intervals of failures and repairs are wide."
        )
    if result["windowed"]:
        lines += wrapped("Runs end after 3 million GPU-days, or at their horizon, and are stretched to their tokens.")
    return lines
