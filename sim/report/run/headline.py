"""The first lines of a run: how long, how far, how well, what broke; and the published figures beside it."""

from collections.abc import Mapping
from math import exp, lgamma, log
from typing import Any

from sim.quantities import show, show_count, show_usd
from sim.report.run.orders import orders_text
from sim.report.run.replay import replay_text
from sim.report.text import Result, pairs, percent, short, signed, table, wrapped

CONVENTION = "MFU: 6N + causal attention over the dense peak of the training precision"


def poisson_band(mean: float, coverage: float = 0.95) -> tuple[int, int]:
    """Return the central band of a Poisson count that holds at least `coverage`.

    low is the smallest n with P(X <= n) > (1 - coverage) / 2, high the smallest with P(X <= n) >= 1 - that.

    >>> poisson_band(10.0), poisson_band(0.0)
    ((4, 17), (0, 0))
    """
    tail = (1 - coverage) / 2
    low, count, below = -1, 0, _poisson(0, mean)
    while True:
        if low < 0 and below > tail:
            low = count
        if below >= 1 - tail:
            return low, count
        count += 1
        below += _poisson(count, mean)


def _poisson(count: int, mean: float) -> float:
    if mean == 0:
        return float(count == 0)
    return exp(count * log(mean) - mean - lgamma(count + 1))


def headline(result: Result) -> list[str]:
    """Return the first lines of a run's report."""
    return [*_title(result), "", *pairs(_facts(result)), *_broken(result), *_convention(result)]


def _title(result: Result) -> list[str]:
    what = result["model"] or "given step time"
    spare = result["gpus"] - result["job_gpus"]
    gpus = f"{show_count(result['job_gpus'])} {result['accelerator']}"
    stopped = "aborted" if result["aborted"] else "stopped at the horizon"
    ending = "" if result["complete"] else f", {stopped}"
    return wrapped(f"{result['name']}: {what} on {gpus} and {show_count(spare)} spare, seed {result['seed']}{ending}")


def _facts(result: Result) -> list[tuple[str, str]]:
    tokens = "-" if result["tokens"] is None else short(result["tokens"])
    return [
        ("Wall time", show(result["wall_time_s"], "time")),
        ("Cost", "not asked for" if result["cost_usd"] is None else show_usd(result["cost_usd"])),
        ("Tokens retained", tokens),
        ("Steps", show_count(result["steps"])),
        ("Step MFU", percent(result["step_mfu"])),
        ("GPU-hours held", f"{short(result['gpu_hours'])} (job {short(result['job_gpu_hours'])})"),
        ("Goodput", percent(result["goodput"])),
        ("Allocation", percent(result["allocation"])),
        ("Effective MFU", percent(result["effective_mfu"])),
        ("ETTR", percent(result["ettr"])),
        ("Energy", "-" if result["energy_kwh"] is None else show(result["energy_kwh"] * 3.6e6, "energy")),
        ("CO2e", "-" if result["co2e_kg"] is None else tonnes(result["co2e_kg"])),
    ]


def tonnes(mass_kg: float) -> str:
    """Return a mass in tonnes.

    >>> tonnes(219.4), tonnes(16_729_000)
    ('0.219 t', '16,729 t')
    """
    return f"{mass_kg / 1000:,.0f} t" if mass_kg >= 100_000 else f"{mass_kg / 1000:.3g} t"


def _broken(result: Result) -> list[str]:
    """Return failures and interruptions, counted apart, with what was to be expected or the log that they are of."""
    failures, interruptions = sum(result["failures"].values()), sum(result["interruptions"].values())
    return [
        *pairs([("Failures", show_count(failures)), ("Interruptions", show_count(interruptions))]),
        *(replay_text(result) or wrapped(_expected(result["interruptions_expected"], evictions_aside(result)))),
        *orders_text(result),
        *(wrapped(f"Stopped as planned: {_most_often(result['planned_stops'])}") if result["planned_stops"] else []),
        *(wrapped(f"Aborted: {result['aborted']}; all of its work is lost") if result["aborted"] else []),
        *(wrapped(f"Most often: {_most_often(result['interruptions'])}") if interruptions else []),
        *_damaged(result),
        *_slow(result),
        *_elastic(result),
    ]


def evictions_aside(result: Result) -> str:
    """Return what to say of expected interruptions, which evictions are not among, where there were any.

    >>> evictions_aside({"stragglers": {"evicted": 0, "false_alarms": 2}}), evictions_aside({"stragglers": None})
    (', evictions aside', '')
    """
    slow = result.get("stragglers")
    return ", evictions aside" if slow is not None and slow["evicted"] + slow["false_alarms"] else ""


def _expected(mean: float | None, aside: str) -> str:
    """Return what interruptions were to be expected; None: their number is no Poisson count."""
    if mean is None:
        return "Lives with a memory, or lemons: no band of interruptions to be expected"
    low, high = poisson_band(mean)
    return (
        f"{show_count(mean)} interruptions expected while the job was up{aside}, "
        f"95 % band {show_count(low)} to {show_count(high)}"
    )


def _damaged(result: Result) -> list[str]:
    """Return how long the job stepped on a damaged network, where the network can fail."""
    network = result.get("network")
    if network is None:
        return []
    share = network["damaged_s"] / result["wall_time_s"] if result["wall_time_s"] else 0.0
    return wrapped(
        f"Stepped on a damaged network for {show(network['damaged_s'], 'time')} ({percent(share)}): "
        f"{short(network['slowdown_gpu_hours'])} GPU-hours of longer steps"
    )


def _elastic(result: Result) -> list[str]:
    """Return how long an elastic job stepped with fewer replicas, and what its steps would be at the pace of all."""
    elastic = result.get("elastic")
    if elastic is None:
        return []
    share = elastic["shrunken_s"] / result["wall_time_s"] if result["wall_time_s"] else 0.0
    return wrapped(
        f"Stepped with fewer replicas for {show(elastic['shrunken_s'], 'time')} ({percent(share)}): "
        f"{show_count(elastic['least_replicas'])} of {show_count(elastic['replicas'])} at the least, "
        f"{show_count(elastic['min_replicas'])} needed; shrunk {show_count(elastic['shrunk'])}x, regrown "
        f"{show_count(elastic['regrown'])}x; ETTR at the pace of all {percent(elastic['full_pace_ettr'])}"
    )


def _slow(result: Result) -> list[str]:
    """Return what slow nodes and the day cost, and how many nodes were found slow, where either can slow the job."""
    slow, day = result.get("stragglers"), result.get("diurnal")
    lines = []
    if slow is not None:
        lines += wrapped(
            f"Stepped with slow nodes for {show(slow['seconds'], 'time')}: {short(slow['gpu_hours'])} GPU-hours of "
            f"longer steps; {show_count(slow['detected'])} found, {show_count(slow['evicted'])} evicted, "
            f"{show_count(slow['false_alarms'])} false alarms"
        )
    if day is not None:
        lines += wrapped(f"The heat of the day: {short(day['gpu_hours'])} GPU-hours of longer steps")
    return lines


def _most_often(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    return ", ".join(f"{cause} {show_count(count)}" for cause, count in ranked)


def _convention(result: Result) -> list[str]:
    return [CONVENTION] if result["step_mfu"] is not None else ["The step time was given, not simulated: no MFU"]


def phases_text(result: Result) -> list[str]:
    """Return the phases of training beside each other; one phase says nothing that the headline does not."""
    if len(result["phases"]) < 2:
        return []
    head = ["Phase", "steps", "lost", "step time", "step MFU", "goodput", "GPU-hours"]
    body = [
        [
            phase["name"],
            show_count(phase["steps"]),
            show_count(phase["lost_steps"]),
            show(phase["step_time_s"], "time"),
            percent(phase["step_mfu"]),
            percent(phase["goodput"]),
            short(phase["job_gpu_hours"]),
        ]
        for phase in result["phases"]
    ]
    return table([head, *body], "<>>>>>>")


def published_rows(result: Result) -> list[dict[str, Any]]:
    """Return each published figure beside the simulated one: name, measured, simulated, error, unit, source.

    A figure's name is a key of the result; counts by cause are summed. error = simulated / measured - 1; both are
    None where the run has no such figure.
    """
    rows = []
    for name, figure in result["published"].items():
        simulated = _simulated(result.get(name))
        error = None if simulated is None or not figure["value"] else simulated / figure["value"] - 1
        rows.append(
            {
                "name": name,
                "measured": figure["value"],
                "simulated": simulated,
                "error": error,
                "unit": figure["unit"],
                "source": figure["source"],
            }
        )
    return rows


def _simulated(value: Any) -> float | None:
    return float(sum(value.values())) if isinstance(value, Mapping) else value


def published_text(result: Result) -> list[str]:
    """Return published against simulated with signed errors, the sources, and what only the published figures hold."""
    rows = published_rows(result)
    if not rows:
        return []
    head = ["Published", "measured", "simulated", "error"]
    body = [[row["name"], figure_text(row["measured"], row["unit"]), *_compared(row)] for row in rows]
    sources = [f"{row['name']}: {row['source']}" for row in rows]
    gap = [line for item in result["published_gap"] for line in wrapped(f"- {item}")]
    return [
        *table([head, *body], "<>>>"),
        *wrapped(f"Sources: {'; '.join(sources)}"),
        *(["The published figures also hold:", *gap] if gap else []),
    ]


def _compared(row: Mapping[str, Any]) -> tuple[str, str]:
    if row["simulated"] is None:
        return "-", "-"
    return figure_text(row["simulated"], row["unit"]), "-" if row["error"] is None else signed(row["error"])


def figure_text(value: float, unit: str) -> str:
    """Return a published or simulated figure as it is shown; unit: "fraction" becomes percent."""
    return percent(value) if unit == "fraction" else f"{short(value, 4)} {unit}".rstrip()
