"""Keys of laws that are made of more than a mean and a shape: hazards by age, and durations that were observed."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.errors import InputError, unknown_name
from sim.quantities import parse
from sim.scenario.fields import LONGEST_S, SHORTEST_S

MOST_OBSERVED = 100_000
"""Durations of an empirical law: its content names the run, and a scenario is read at once."""

LAW_KEYS: Mapping[str, tuple[frozenset[str], ...]] = {
    kind: tuple(frozenset(option.split()) for option in options)
    for kind, options in {
        "constant": ("mean", "median"),
        "exponential": ("mean", "median"),
        "weibull": ("mean shape", "median shape"),
        "lognormal": ("mean median", "mean shape", "median shape"),
        "gamma": ("mean shape", "median shape"),
        "uniform": ("mean shape", "median shape"),
        "bathtub": ("mean infant_factor infant_until wear_out_from wear_out_doubling",),
        "piecewise": ("mean ages hazards",),
        "empirical": ("values", "file column", "file column unit"),
    }.items()
}
"""What each law may be given by."""


def taken(kind: str) -> str:
    """Say what a law takes.

    >>> taken("weibull")
    'mean and shape, or median and shape'
    """
    return ", or ".join(" and ".join(sorted(keys)) for keys in LAW_KEYS[kind])


def read_column(file: str, column: str, unit: str | None) -> list[float]:
    """Return the durations of a column of a CSV file, in seconds; each states its unit where the column has none.

    Raises InputError for a file that cannot be read, UnknownNameError for a column that is not in its header, and
    InputError for a cell that is no duration, by its line.
    """
    path = Path(file).expanduser()
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            if column not in (rows.fieldnames or ()):
                raise unknown_name("column", column, rows.fieldnames or ("none",), file)
            found = [_seconds(row[column], unit, f"{file}: line {rows.line_num}") for row in rows]
    except FileNotFoundError:
        raise InputError(f"{file}: no such file; expected a CSV file with a column '{column}'") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{file}: cannot be read: {reason}") from error
    if len(found) > MOST_OBSERVED:
        raise InputError(f"{file}: got {len(found):,} durations, expected at most {MOST_OBSERVED:,}")
    return found


def _seconds(cell: Any, unit: str | None, where: str) -> float:
    text = str(cell or "").strip()
    try:
        seconds = parse(text if unit is None else f"{text} {unit}", "time")
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if not (seconds == 0 or SHORTEST_S <= seconds <= LONGEST_S):
        raise InputError(f"{where}: got '{text}', expected 0, or 1 us to 100000 y")
    return seconds
