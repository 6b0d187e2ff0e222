"""The screen of `step`: how long a step takes, what holds it back, and whether it fits, in 80 columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.quantities import show, show_count
from sim.report.run.calibration import calibration_text
from sim.report.run.headline import CONVENTION, published_text
from sim.report.run.waterfall import waterfall_text
from sim.report.text import Marks, Result, pairs, percent, table, wrapped

GB = 1e9


def step_report(result: Result, marks: Marks) -> str:
    """Return the report of a step from its JSON.

    Beside the documented keys it reads name, model, accelerator, job_gpus, microbatches, mfu_full_attention,
    mfu_bf16_peak, flops_per_s_per_gpu, communication by dimension (a collective's cost), memory.stages (the parts of
    each), step_time_band, assumed, published and published_gap.
    """
    blocks = [
        [*_title(result), "", *pairs(_facts(result)), CONVENTION, *band_text(result)],
        waterfall_text("Where a step's GPU-time goes, from peak to useful FLOP", result["waterfall"], marks),
        calibration_text(result),
        communication_text(result),
        memory_text(result["memory"]),
        assumed_text(result["assumed"]),
        published_text(result),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _title(result: Result) -> list[str]:
    phase = "" if result.get("phase", "main") == "main" else f" (phase {result['phase']})"
    count = result["microbatches"]
    return wrapped(
        f"{result['name']}: one step of {result['model']}{phase} on {show_count(result['job_gpus'])} "
        f"{result['accelerator']}, {count} microbatch{'es' if count > 1 else ''}"
    )


def _facts(result: Result) -> list[tuple[str, str]]:
    # Published figures of 8 and 4 bits mostly stand over the peak of 16.
    low = result["mfu_bf16_peak"] != result["mfu"]
    return [
        ("Step time", show(result["step_time_s"], "time", 4)),
        ("Tokens/s a GPU", f"{result['tokens_per_s_per_gpu']:,.1f}"),
        ("MFU", percent(result["mfu"])),
        ("HFU", percent(result["hfu"])),
        ("MFU, full attn.", percent(result["mfu_full_attention"])),
        ("Model FLOP/s", f"{show(result['flops_per_s_per_gpu'], 'flop_rate')} a GPU"),
        ("Idle stages", percent(result["bubble_fraction"])),
        *([("MFU, bf16 peak", percent(result["mfu_bf16_peak"]))] if low else []),
    ]


def band_text(result: Result) -> list[str]:
    """Return how far a measured step may be off the simulated one, from errors out of sample."""
    band = result["step_time_band"]
    if band is None:
        return []
    low, high = (show(seconds, "time") for seconds in band["80"])
    of = {"same source": "anchored", "known stack": "known stack", "new stack": "stack without measured steps"}
    return wrapped(f"Band: {low} to {high} holds 80 % of measured steps ({band['kind']}, {of[band['familiarity']]})")


def communication_text(result: Result) -> list[str]:
    """Return each dimension's communication: what it exposes, what the step would gain without it, and one collective.

    The gain holds more than what is exposed: bubbles that a late message leaves on the stages behind it.
    """
    costs: Mapping[str, Mapping[str, Any]] = result["communication"]
    if not costs:
        return []
    head = ["Comm.", "exposed", "costs", "takes", "bound", "busbw", "by", "bound by"]
    body = [
        [
            dimension,
            percent(result["waterfall"][f"comm_{dimension}"]),
            percent(1 - result["without_s"][dimension] / result["without_s"]["none"]),
            show(cost["time_s"], "time"),
            show(cost["lower_bound_s"], "time"),
            show(cost["busbw_bytes_per_s"], "bandwidth", unit="GB/s"),
            cost["algorithm"],
            cost["bottleneck"],
        ]
        for dimension, cost in costs.items()
    ]
    return [*table([head, *body], "<>>>>><<"), *_packets(result)]


def _packets(result: Result) -> list[str]:
    """Return what packets would make of the step, which a fluid does not see."""
    if result.get("packets") is None:
        return []
    low, high = (show(seconds, "time", 4) for seconds in result["packets"]["step_time_s"])
    return wrapped(f"Packets meet incast and PFC: a step of {low} to {high} ({result['packets']['kind']})")


def memory_text(memory: Mapping[str, Any]) -> list[str]:
    """Return the parts of the heaviest stage's memory against the capacity of one GPU."""
    peak, capacity = memory["peak_bytes"], memory["capacity_bytes"]
    heaviest = max(memory["stages"], key=lambda stage: sum(_parts(stage).values()))
    parts = ", ".join(f"{name} {size / GB:.1f}" for name, size in _parts(heaviest).items())
    summary = (
        f"Memory: stage {heaviest['stage']} is the heaviest, {peak / GB:.1f} of {capacity / GB:.1f} GB "
        f"({percent(peak / capacity)}):"
    )
    return [summary, *wrapped(parts, "  ", "  ")]


def assumed_text(curves: Sequence[str]) -> list[str]:
    """Return the kernel curves that are assumed, in short; what each comes from stands in `step --json`.

    Fitted ones rest on measured kernels and are not named here, but for those of the user's own table.

    >>> assumed_text(["gemm.fp8: assumed: from b200 fp8: the same GPU", "hbm_efficiency: assumed: as H200"])
    ['Assumed: gemm.fp8 (from b200 fp8), hbm_efficiency.']
    >>> assumed_text(["tpu-v4: assumed: no measured step scores it: and so on"])
    ['Assumed: tpu-v4 (no measured step scores it).']
    >>> assumed_text(["gemm.bf16: fitted: refitted to 12 products of mine.csv", "attention.bf16: fitted: cuDNN"])
    ['Measured by you: gemm.bf16, refitted to 12 products of mine.csv.']
    """
    own = [curve.split(": ", 2) for curve in curves if ": fitted: refitted to " in curve]
    assumed = [curve.split(": ") for curve in curves if curve.split(": ")[1] == "assumed"]
    shown = [
        f"{parts[0]} ({parts[2]})"
        if len(parts) > 2 and parts[2].startswith(("from ", "no measured step"))
        else parts[0]
        for parts in assumed
    ]
    return [
        *(wrapped(f"Assumed: {', '.join(shown)}.") if shown else []),
        *(line for name, _, note in own for line in wrapped(f"Measured by you: {name}, {note}.")),
    ]


def _parts(stage: Mapping[str, Any]) -> dict[str, float]:
    return {name: stage[name] for name in ("parameters", "gradients", "optimizer", "activations", "buffers")}
