"""Measured rows for tests: two plain jobs on one node, and what is wrong with others."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from sim.analysis.measurements import OPTIONAL, REQUIRED, Measured

COLUMNS = (*REQUIRED, *OPTIONAL)

PLAIN = {
    "id": "one",
    "source": "NeMo 24.07 performance summary",
    "model": "Llama-3-8B",
    "gpu": "H100",
    "n_gpus": "8",
    "precision": "bf16",
    "tp": "1",
    "pp": "1",
    "global_batch": "16",
    "seq_len": "2048",
    "layers": "4",
    "hidden": "1024",
    "heads": "8",
    "kv_heads": "8",
    "ffn_hidden": "2816",
    "vocab": "32000",
    "micro_batch": "1",
    "recompute": "none",
    "fsdp_zero": "ZeRO-1",
    "network": "8 NICs = 50 GB/s/GPU",
    "step_time_s": "0.1",
    "sweep": "small",
}


def row(**changes: str) -> Measured:
    """Return the plain row with cells changed."""
    return Measured(cells=dict.fromkeys(COLUMNS, "") | PLAIN | changes)


def text(rows: Sequence[dict[str, str]], columns: Sequence[str] = COLUMNS) -> str:
    """Return a CSV of rows, each the plain one with cells changed."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for changes in rows:
        writer.writerow(dict.fromkeys(columns, "") | PLAIN | changes)
    return out.getvalue()


def written(tmp_path: Path, rows: Sequence[dict[str, str]], columns: Sequence[str] = COLUMNS) -> str:
    """Write rows to a file and return its name."""
    path = tmp_path / "measured.csv"
    path.write_text(text(rows, columns))
    return str(path)
