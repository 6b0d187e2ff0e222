"""What checkpoints cost: blocking (BLOOM), relative MFU (ByteRobust), overlap (VAST), durability (ByteCheckpoint)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sim.analysis.reliability.oracles import oracle
from sim.analysis.reliability.rows import Entry, Found, Predicted, Skipped
from sim.analysis.reliability.runs import HOUR_S, MINUTE_S, ettr, failing, restart, run_plan, sample, saving, share
from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.saving.interval import asynchronous_efficiency

_METHODS = ("Megatron", "Gemini-like", "ByteRobust")
_PARAMETERS = re.compile(r"median_duration_min_(\d+)B")


def _run(every_s: float, block_s: float, durable_after_s: float = 0.0, step_s: float = 1.0) -> RunTrace:
    """Return a run of some hundred checkpoints in which nothing fails."""
    return simulate_run(
        run_plan(
            failures=(),
            recovery=restart(0.0),
            checkpoint=saving(every_s, block_s, durable_after_s),
            step_s=step_s,
            horizon_s=300 * (every_s + block_s),
        )
    )


def _row(
    case: Entry, label: str, unit: str, known: float, found: float, given: Mapping[str, Any], **more: Any
) -> Found:
    return Predicted(
        id=f"{case['id']}: {label}",
        section="published",
        group=case["id"],
        unit=unit,
        measured=known,
        simulated=found,
        inputs=dict(given),
        source=case["source"],
        **{"outputs": {"value": found}, **more},
    )


def overhead_rows(case: Entry) -> Iterator[Found]:
    """Yield the share of the time that blocking checkpoints of a known duration and interval take (BLOOM)."""
    checkpoint = case["checkpoint"]
    given = {"block_s": checkpoint["seconds"], "interval_h": checkpoint["interval_h"]}
    found = share("checkpoint")(_run(checkpoint["interval_h"] * HOUR_S, float(checkpoint["seconds"])))
    yield _row(case, "overhead of checkpoints", "fraction", checkpoint["overhead"], found, given)


def every_step_rows(case: Entry) -> Iterator[Found]:
    """Yield the relative MFU of a checkpoint after every step, by method (ByteRobust, table 8).

    The first method's row says how long a step is, step = block f / (1 - f) with its relative MFU f; the others follow.
    """
    for label, entry in case["checkpoint"].items():
        blocks = entry.get("block_s") or [entry[f"{method}_block_s"] for method in _METHODS]
        first, *others = (percent / 100 for percent in entry["relative_MFU"])
        step_s = round(blocks[0] * first / (1 - first), 3)
        given = {"step_s": step_s, "first_block_s": blocks[0], "first_relative_mfu": first}
        for method, block_s, known in zip(_METHODS[1:], blocks[1:], others, strict=True):
            trace = _run(step_s, block_s, step_s=step_s)
            found = share("step")(trace)
            note = "the step follows from the first method's row"
            yield _row(case, f"{label}, {method}", "fraction", known, found, {**given, "block_s": block_s}, note=note)


def overlap_rows(case: Entry) -> Iterator[Found]:
    """Yield how long a flush takes, bytes a parameter over the range of bandwidths, and how long flushes overlap steps.

    Overlap: the share of the time in which a checkpoint is under way, which blocks nothing.
    """
    checkpoint = case["checkpoint"]
    key = next((key for key in checkpoint if _PARAMETERS.fullmatch(key)), None)
    if key is None:
        reason = "no median duration of a model of stated size"
        yield Skipped(id=case["id"], section="published", source=case["source"], reason=reason)
        return
    size = float(key.removeprefix("median_duration_min_").removesuffix("B")) * 1e9
    known_min, every_min = float(checkpoint[key]), float(checkpoint["interval_min"])
    slow, fast = checkpoint["global write GB/s"]
    given = {"parameters": size, "bytes_per_parameter": checkpoint["bytes_per_param"], "write_gb_per_s": [slow, fast]}
    least, most = (size * checkpoint["bytes_per_param"] / (rate * 1e9) / MINUTE_S for rate in (fast, slow))
    outputs = {"least_min": least, "most_min": most}
    note = "bytes over bandwidth: the published median must lie within the published range"
    more = {"outputs": outputs, "note": note}
    yield _row(case, "a flush at the least bandwidth", "min", known_min, most, given, relation=">=", **more)
    yield _row(case, "a flush at the most bandwidth", "min", known_min, least, given, relation="<=", **more)
    stated = [re.search(r"overlap ~([\d.]+)%", text) for text in case["outputs_to_predict"]]
    for known in (float(each[1]) for each in stated if each):
        trace = _run(every_min * MINUTE_S, 0.0, known_min * MINUTE_S)
        overlap = trace.checkpoints_durable * known_min * MINUTE_S / (trace.end_us * 1e-6)
        given = {"flush_min": known_min, "interval_min": every_min}
        yield _row(case, "overlap of flushes with steps", "fraction", known / 100, overlap, given)


def durable_rows(case: Entry) -> Iterator[Found]:
    """Yield the efficiency of asynchronous checkpoints of published blocking, flush and load times (ByteCheckpoint).

    The source states no outcome: the closed form stands for it, at an interval and a time between failures of our own.
    """
    for label, entry in case["checkpoint"].items():
        if not isinstance(entry, Mapping):
            continue
        block_s, durable_s, load_s = (float(entry[key]) for key in _DURABLE)
        plan = run_plan(
            failures=(failing(_MTBF_S),),
            recovery=restart(load_s),
            checkpoint=saving(_EVERY_S, block_s, durable_s - block_s),
            step_s=0.5,
            horizon_s=400 * _MTBF_S,
        )
        known = asynchronous_efficiency(
            work_s=_EVERY_S, block_s=block_s, durable_after_s=durable_s - block_s, recovery_s=load_s, mtbf_s=_MTBF_S
        )
        given = {"block_s": block_s, "save_s": durable_s, "load_s": load_s, "every_s": _EVERY_S, "mtbf_s": _MTBF_S}
        formula = "T e^(-d/M) / [(e^((T+c)/M) - 1) M e^(R/M)], d after the block"
        row = oracle(f"{case['id']}: {label}", known, sample(plan, 16, ettr), given, unit="fraction", formula=formula)
        yield replace(
            row, group=case["id"], note="interval and time between failures are ours: no outcome is published"
        )


_DURABLE = ("block_s", "save_s", "load_s")
_EVERY_S, _MTBF_S = 600.0, 3600.0
"""Checkpoints every ten minutes, and a failure an hour."""


def states_durations(case: Entry) -> bool:
    """Return whether a case states how long checkpoints block, are written and read."""
    entries = [entry for entry in (case.get("checkpoint") or {}).values() if isinstance(entry, Mapping)]
    return bool(entries) and all(set(_DURABLE) <= set(entry) for entry in entries)
