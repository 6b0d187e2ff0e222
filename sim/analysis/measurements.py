"""Measured training steps: a CSV file, checked, as rows of text with what each says as numbers."""

import csv
import io
import math
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from sim.errors import InputError

REQUIRED = (
    *("id", "source", "model", "gpu", "n_gpus", "precision", "tp", "pp", "global_batch", "seq_len"),
    *("layers", "hidden", "heads", "kv_heads", "ffn_hidden"),
)
"""Columns that a file must have; a cell may be blank, which a rule fills or skips."""

OPTIONAL = (
    *("location", "notes", "network", "vocab", "experts", "topk", "vpp", "cp", "ep", "dp", "micro_batch", "schedule"),
    *("recompute", "sequence_parallel", "fsdp_zero", "gpus_per_node", "measure_type", "trust", "core", "sweep"),
    *("flop_convention", "calc_flops_per_token_full", "calc_flops_per_token_causal"),
    *("dense_or_moe", "step_time_s", "calc_step_time_s", "tokens_per_s_per_gpu", "calc_tokens_per_s_per_gpu"),
)
"""Columns that are read where they are there."""

_MISSPELT = 0.85
"""How alike a column's name is to one of ours that is not there, from which it is taken for a slip."""

_NONE_IS_ZERO = ("experts", "topk", "ep", "cp", "vpp")
"""Columns where 0 means that there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One row: its cells as text, blank where the file has none."""

    cells: dict[str, str]

    def text(self, column: str) -> str:
        """Return a cell, stripped."""
        return self.cells.get(column, "").strip()

    def number(self, column: str) -> float | None:
        """Return a cell as a number, None where it is blank. Raises InputError."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InputError(f"{self.text('id')}: {column}: got '{text}', expected a number or nothing")
        return value

    def count(self, column: str) -> int | None:
        """Return a cell as a whole number of at least one, None where it is blank, or 0 for none. Raises InputError."""
        value = self.number(column)
        if value is None or (value == 0 and column in _NONE_IS_ZERO):
            return None
        if value != int(value) or value < 1:
            raise InputError(f"{self.text('id')}: {column}: got '{self.text(column)}', expected a whole number from 1")
        return int(value)

    @property
    def step_time_s(self) -> float | None:
        """The measured step time: printed, or derived from what is. Raises InputError."""
        column = "step_time_s" if self.text("step_time_s") else "calc_step_time_s"
        value = self.number(column)
        if value is not None and value <= 0:
            raise InputError(f"{self.text('id')}: {column}: got '{self.text(column)}', expected seconds above 0")
        return value


def read_measurements(path: str | None) -> tuple[Measured, ...]:
    """Return the rows of a file, by default of the reference that ships with the project.

    Raises InputError for a file that cannot be read, has no rows, lacks a column, or names a row twice.
    """
    shown = path or "training_calibration.csv"
    rows = list(csv.reader(io.StringIO(_text(path, shown))))
    if not rows or len(rows) < 2:
        raise InputError(f"{shown}: has no rows; expected a header with {', '.join(REQUIRED)} and rows below it")
    header = [name.strip() for name in rows[0]]
    _check_header(header, shown)
    measured = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise InputError(f"{shown}: line {number}: got {len(row)} cells, expected {len(header)} as the header")
        measured.append(Measured(cells=dict(zip(header, row, strict=True))))
    _check_names(measured, shown)
    return tuple(measured)


def _text(path: str | None, shown: str) -> str:
    if path is None:
        return (files("experiments") / "reference" / shown).read_text(encoding="utf-8-sig")
    try:
        return Path(path).expanduser().read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"--measurements {path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"--measurements {path}: cannot be read: {reason}") from None


def _check_header(header: list[str], shown: str) -> None:
    for name in REQUIRED:
        if name not in header:
            near = get_close_matches(name, header, n=1, cutoff=_MISSPELT)
            hint = f"did you mean it by '{near[0]}'?" if near else f"it has {', '.join(header)[:200]}"
            raise InputError(f"{shown}: lacks the column '{name}'; {hint}")
    # Columns of other names are the user's own, unless one of ours is misspelt and would be missed without a word.
    absent = [name for name in OPTIONAL if name not in header]
    for name in header:
        near = get_close_matches(name, absent, n=1, cutoff=_MISSPELT)
        if near and name not in REQUIRED + OPTIONAL:
            raise InputError(f"{shown}: column '{name}' is not read; did you mean '{near[0]}'?")


def _check_names(rows: list[Measured], shown: str) -> None:
    seen: set[str] = set()
    for row in rows:
        name = row.text("id")
        if not name or name in seen:
            raise InputError(f"{shown}: id: got '{name}'{' twice' if name else ''}, expected one name a row")
        seen.add(name)
