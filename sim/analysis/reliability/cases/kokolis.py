"""Kokolis et al. (HPCA 2025): mean time to failure and effective time of two clusters, and their formula.

E[ETTR] = (1 - N r (u0 + dt/2)) / (1 + w/dt): N nodes that fail at a rate r, restarts of u0, checkpoints every dt that
block w. First order: it holds where N r (u0 + dt/2) is far below 1.
"""

import re
from collections.abc import Iterator

from sim.analysis.reliability.rows import Entry, Found, Predicted, Table
from sim.analysis.reliability.runs import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    Sample,
    ettr,
    failing,
    failures_of,
    restart,
    run_plan,
    sample,
    saving,
)
from sim.reliability.saving.interval import optimal_s, segment_s

GPUS_PER_NODE = 8
"""Of DGX A100, which both clusters are made of."""

FAILURES = 500
"""Failures of each run, by which it is as long as it must be."""

REPLICAS = 4
_TOLERANCE = 0.01


def formula(nodes: float, rate_per_day: float, restart_min: float, every_min: float, block_min: float) -> float:
    """Return the formula's effective time, which may fall below 0.

    >>> round(formula(2048, 6.5e-3, 5, 5, 0), 3), round(formula(16_384, 6.5e-3, 5, 60, 5), 2)
    (0.931, -1.47)
    """
    lost = nodes * rate_per_day / 1440 * (restart_min + every_min / 2)
    return (1 - lost) / (1 + block_min / every_min)


def simulated(nodes: float, rate_per_day: float, restart_min: float, every_min: float, block_min: float) -> Sample:
    """Return the effective time in simulation; a restart that fails begins again."""
    mtbf_s = DAY_S / (nodes * rate_per_day)
    plan = run_plan(
        failures=(failing(mtbf_s),),
        recovery=restart(restart_min * MINUTE_S),
        checkpoint=saving(every_min * MINUTE_S, block_min * MINUTE_S),
        step_s=0.5,
        horizon_s=FAILURES * mtbf_s,
    )
    return sample(plan, REPLICAS, ettr)


def cluster_rows(case: Entry) -> Iterator[Found]:
    """Yield what a cluster's rate of failures leads to: projected times to failure and the effective times reported."""
    rate = case["failures"]["rate_per_1000_node_days"] / 1000
    for label, hours in (case.get("mtbf_hours") or {}).items():
        yield _time_to_failure(case, label, hours, rate)
    for label, value in case["reported"].items():
        if found := re.fullmatch(r"ETTR with ([\d.]+) min interval, non-blocking writes", label):
            yield from _stated(case, rate, float(found[1]), float(value))
        elif re.fullmatch(r"ETTR \d+-\d+ GPU runs at 1h interval", label):
            yield from _hourly(case, rate, label, str(value))
        elif found := re.fullmatch(r"ETTR ([\d.]+) at ([\d,]+) GPUs needs", label):
            yield _needed(case, rate, float(found[1]), int(found[2].replace(",", "")), str(value))
        elif found := re.fullmatch(r"ETTR>=([\d.]+) at ([\d,]+) GPUs needs", label):
            yield from _either(case, float(found[1]), int(found[2].replace(",", "")), str(value))


def _time_to_failure(case: Entry, label: str, hours: float, rate: float) -> Predicted:
    """Return the time between failures of a job of so many GPUs, with a clock in every node."""
    gpus = int(label.split("-")[0])
    nodes = gpus // GPUS_PER_NODE
    horizon_s = 8 * FAILURES * DAY_S / (nodes * rate)
    plan = run_plan(
        failures=(failing(DAY_S / rate, component="node"),),
        recovery=restart(0.0, rework=False),
        nodes=nodes,
        step_s=60.0,
        horizon_s=horizon_s,
    )
    found = sample(plan, 1, lambda trace: horizon_s / HOUR_S / failures_of(trace))
    projected = "projected" in label
    return Predicted(
        id=f"{case['id']}: MTTF, {label}",
        section="published",
        group="Kokolis",
        unit="h",
        measured=hours,
        simulated=found.mean,
        inputs={"rate_per_1000_node_days": 1000 * rate, "nodes": nodes},
        outputs={"mttf_h": found.mean},
        source=case["source"],
        standard_error=found.mean / (8 * FAILURES) ** 0.5,
        scored=projected,
        note="" if projected else "measured by another definition of failure than the rate: the source contradicts it",
    )


def _row(
    case: Entry,
    label: str,
    relation: str,
    known: float,
    given: dict[str, float],
    *,
    scored: bool = True,
    note: str = "",
) -> Predicted:
    """Return a row of effective time; given: what the formula takes too."""
    found, first_order = simulated(**given), formula(**given)
    return Predicted(
        id=f"{case['id']}: {label}",
        section="published",
        group="Kokolis",
        unit="fraction",
        relation=relation,
        measured=known,
        simulated=found.mean,
        inputs=given,
        outputs={"ettr": found.mean, "formula": first_order},
        source=case["source"],
        replicas=REPLICAS,
        standard_error=found.standard_error,
        scored=scored,
        note=note,
    )


def _given(nodes: float, rate: float, restart_min: float, every_min: float, block_min: float) -> dict[str, float]:
    return {
        "nodes": nodes,
        "rate_per_day": rate,
        "restart_min": restart_min,
        "every_min": every_min,
        "block_min": block_min,
    }


def _stated(case: Entry, rate: float, every_min: float, known: float) -> Iterator[Predicted]:
    """Yield the whole cluster's effective time, with the shortest and the longest restart that the source states."""
    nodes = case["gpus"] // GPUS_PER_NODE
    least, most = case["restart_time"]["u0_min"]
    label = f"ETTR, {every_min:g} min interval"
    yield _row(case, label, "=", known, _given(nodes, rate, least, every_min, 0.0))
    note = f"the same with the longest restart that is stated; the row above takes the shortest, {least} min"
    given = _given(nodes, rate, most, every_min, 0.0)
    yield _row(case, f"{label}, restart {most} min", "=", known, given, scored=False, note=note)


def _hourly(case: Entry, rate: float, label: str, stated: str) -> Iterator[Predicted]:
    """Yield the effective time of the largest jobs of a range at the reported interval, writes that block or not."""
    gpus = int(re.findall(r"\d+", label)[1])
    checkpoint, least = case["checkpoint"], case["restart_time"]["u0_min"][0]
    for block_min, how in ((0.0, "writes do not block"), (float(checkpoint["write_min"]), "writes block")):
        given = _given(gpus / GPUS_PER_NODE, rate, least, float(checkpoint["interval_min"]), block_min)
        note = "" if block_min == 0 else "not met, and not claimed of writes that block: the source does not say which"
        known = float(stated.strip(">= "))
        yield _row(case, f"ETTR, {gpus:,} GPUs hourly, {how}", ">", known, given, scored=block_min == 0, note=note)


def _needed(case: Entry, rate: float, known: float, gpus: int, needs: str) -> Predicted:
    """Return the effective time of a job of so many GPUs under what the source says that it needs: ~2 min each."""
    minutes = float(re.findall(r"([\d.]+) min", needs)[0])
    given = _given(gpus / GPUS_PER_NODE, rate, minutes, minutes, 0.0)
    return _row(case, f"ETTR, {gpus:,} GPUs, {minutes:g} min each", ">=", known, given)


def _either(case: Entry, known: float, gpus: int, needs: str) -> Iterator[Predicted]:
    """Yield the effective time under either remedy, a lower rate or a faster write, at the exact best interval."""
    rate, write_s = re.search(r"~([\d.]+)", needs), re.search(r"([\d.]+) s\b", needs)
    nodes, least = gpus / GPUS_PER_NODE, case["restart_time"]["u0_min"][0]
    own, block_min = case["failures"]["rate_per_1000_node_days"] / 1000, float(case["checkpoint"]["write_min"])
    remedies = []
    if rate:
        remedies.append((f"a rate of {rate[1]}", float(rate[1]) / 1000, block_min))
    if write_s:
        remedies.append((f"writes of {write_s[1]} s", own, float(write_s[1]) / 60))
    for label, per_day, block in remedies:
        every_min = optimal_s(block * MINUTE_S, DAY_S / (nodes * per_day)) / MINUTE_S
        given = _given(nodes, per_day, least, round(every_min, 2), block)
        note = "~1 and O(10 s) are orders of magnitude, so that 0.9 is one too" if known else ""
        yield _row(case, f"ETTR, {gpus:,} GPUs, {label}", "=", known, given, note=note)


def formula_table(case: Entry) -> Iterator[Found]:
    """Yield the formula beside the exact renewal and the simulation, over sizes of a job, and where it breaks.

    Renewal: dt over the expected time of a segment whose recovery may fail too.
    """
    rows = [_compared(nodes, 60.0) for nodes in (128, 256, 512, 1024, 2048, 4096, 16_384)]
    broken = next((row["nodes"] for row in rows if abs(row["formula"] - row["simulated"]) > _TOLERANCE), None)
    best_min = optimal_s(_BLOCK_MIN * MINUTE_S, DAY_S / (16_384 * _RATE)) / MINUTE_S
    rows.append(_compared(16_384, round(best_min, 2)))
    says = f"the formula is off by more than a point from {broken} nodes on" if broken else "the formula holds"
    yield Table(
        id=case["id"],
        title=(
            f"Kokolis' formula: {1000 * _RATE:g} failures in 1000 node-days, restarts of {_RESTART_MIN:g} min, "
            f"checkpoints that block {_BLOCK_MIN:g} min"
        ),
        head=("nodes", "every, min", "formula", "exact renewal", "simulated"),
        rows=tuple(
            (f"{row['nodes']}", f"{row['every_min']:g}", *(f"{row[name]:.3f}" for name in _WAYS)) for row in rows
        ),
        data=tuple(rows),
        says=(says,),
    )


_WAYS = ("formula", "renewal", "simulated")

_RATE, _RESTART_MIN, _BLOCK_MIN = 6.5e-3, 5.0, 5.0
"""RSC-1's, as the paper's own projections take them."""


def _compared(nodes: int, every_min: float) -> dict[str, float]:
    given = _given(nodes, _RATE, _RESTART_MIN, every_min, _BLOCK_MIN)
    found = {"formula": formula(**given), "renewal": _renewal(**given), "simulated": simulated(**given).mean}
    return {"nodes": nodes, "every_min": every_min, **found}


def _renewal(*, nodes: float, rate_per_day: float, restart_min: float, every_min: float, block_min: float) -> float:
    mtbf = 1440 / (nodes * rate_per_day)
    return every_min / segment_s(work_s=every_min, block_s=block_min, recovery_s=restart_min, mtbf_s=mtbf)
