"""A row of measurements that takes a moment to simulate, and files of such."""

import csv
from pathlib import Path

from sim.analysis.measurements import Measured

CELLS = {
    "id": "one",
    "source": "Somebody (2024)",
    "model": "Small",
    "layers": "4",
    "hidden": "1024",
    "heads": "8",
    "kv_heads": "8",
    "ffn_hidden": "2816",
    "vocab": "32000",
    "seq_len": "1024",
    "experts": "0",
    "topk": "0",
    "gpu": "H100",
    "n_gpus": "8",
    "gpus_per_node": "8",
    "precision": "bf16",
    "tp": "2",
    "pp": "1",
    "vpp": "1",
    "cp": "1",
    "ep": "",
    "dp": "4",
    "micro_batch": "1",
    "global_batch": "8",
    "schedule": "none",
    "recompute": "none",
    "sequence_parallel": "yes",
    "fsdp_zero": "ZeRO-1",
    "network": "8x400Gb/s = 50 GB/s/GPU",
    "notes": "",
    "step_time_s": "0.1",
    "calc_step_time_s": "",
    "flop_convention": "",
    "calc_flops_per_token_full": "",
    "calc_flops_per_token_causal": "",
    "measure_type": "step_benchmark",
    "core": "extended",
    "sweep": "s",
}
"""Every cell is stated, so that no rule has to fill one."""


def row(**cells: str) -> Measured:
    return Measured(cells={**CELLS, **cells})


def write_rows(path: Path, *changes: dict[str, str], drop: str = "") -> Path:
    """Write a file of the row with changes, less a column."""
    columns = [name for name in CELLS if name != drop]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**CELLS, **change} for change in changes)
    return path
