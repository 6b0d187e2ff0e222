"""The screen of `plan --layouts`: the ranking, estimate against simulation, and what became of all other layouts."""

from sim.quantities import show
from sim.report.plan.words import counts_words, layout_words, left_words
from sim.report.text import Result, percent, signed, table, wrapped


def layouts_report(answer: Result) -> str:
    """Return the report of a search among layouts from its JSON."""
    rows, search = answer["rows"], answer["search"]
    if not rows:
        return "\n".join(wrapped(f"{answer['scenario']}: no layout on {answer['gpus']:,} GPUs. {counts_words(search)}"))
    best = rows[0]
    lines = wrapped(
        f"Fastest of {search['considered']:,} layouts on {answer['gpus']:,} GPUs: {layout_words(best['layout'])}"
    )
    lines += ["", *_table(rows), ""]
    lines += wrapped(f"Found in {show(search['seconds'], 'time')} of {counts_words(search)}")
    lines += [line for words in left_words(search) for line in wrapped(words)]
    lines += _memory(answer)
    lines += wrapped("Estimates know no stragglers; what is simulated is ranked by the simulation.")
    return "\n".join(lines)


def _table(rows: list[Result]) -> list[str]:
    lines = [["", "layout", "estimate", "simulated", "MFU", "GB"]]
    for number, row in enumerate(rows, start=1):
        simulated = row["simulated_s"]
        lines.append(
            [
                str(number),
                _short(row["layout"]),
                f"{row['estimate_s']:.3f} s",
                "-" if simulated is None else f"{simulated:.3f} s {signed(simulated / row['estimate_s'] - 1)}",
                percent(row["mfu"]),
                "-" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 1e9:.1f}",
            ]
        )
    return table(lines, "><>>>>", gap=1)


def _short(layout: Result) -> str:
    """Return a layout in few letters: tensor/context/pipeline/data, experts, schedule, sharding, micro-batch."""
    experts = f" e{layout['expert']}" if layout["expert"] > 1 else ""
    chunks = f"x{layout['chunks']}" if layout["chunks"] > 1 else ""
    kind = {"interleaved": "il"}.get(layout["schedule"], layout["schedule"])
    degrees = "/".join(str(layout[key]) for key in ("tensor", "context", "pipeline", "data"))
    again = "" if layout["recompute"] == "none" else f" {layout['recompute'][:3]}"
    return f"{degrees}{experts} {kind}{chunks} {layout['sharding']} b{layout['micro_batch']}{again}"


def _memory(answer: Result) -> list[str]:
    refused, best = answer["without_memory_limit"], answer["rows"][0]
    if refused is None:
        return []
    rate = best["layout"]["global_batch"] / refused["layout"]["global_batch"]
    gain = 1 - refused["bound_s"] * rate / best["estimate_s"]
    if gain <= 0:
        return []
    return wrapped(f"Memory rules out {layout_words(refused['layout'])}, which could be up to {percent(gain)} faster.")
