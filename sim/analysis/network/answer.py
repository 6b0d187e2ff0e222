"""`validate --kind network`: the answer, from the sections of a file to rows, scores and what was left out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sim.analysis.network.collectives import curve_rows, deepep_rows, point_rows
from sim.analysis.network.rows import Compared, Skipped
from sim.analysis.network.simulators import astra_rows, ecmp_rows, flow_level_rows
from sim.analysis.scores import score
from sim.analysis.sections import read_sections
from sim.errors import InputError

Answer = dict[str, Any]

SECTIONS: Mapping[str, Callable[[Any], Iterable[Compared | Skipped]]] = {
    "nccl_allreduce_curves": curve_rows,
    "collective_points": point_rows,
    "deepep": deepep_rows,
    "flow_level_simulation": flow_level_rows,
    "astra_sim": astra_rows,
    "ecmp_collision_montecarlo": ecmp_rows,
}
"""The sections of a file that hold something to compare with; others are passed over."""


def read_rows(path: str | None) -> Answer:
    """Return the sections of a file, by default of the reference. Raises InputError for one that is none."""
    return read_sections(path, "network.json", SECTIONS)


def network_answer(sections: Mapping[str, Any]) -> Answer:
    """Return the JSON: scores at the top are of hardware rows that count; groups hold those and other simulators'.

    Raises InputError where a row lacks what its section needs, or none can be compared.
    """
    compared: list[Compared] = []
    skipped: list[Skipped] = []
    for name, rows_of in SECTIONS.items():
        try:
            for row in rows_of(sections[name]) if name in sections else ():
                if isinstance(row, Compared):
                    compared.append(row)
                else:
                    skipped.append(row)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise InputError(f"{name}: a row cannot be read: {type(error).__name__} {error}") from None
    rows = [{**asdict(row), "error": row.simulated / row.measured - 1} for row in compared]
    counted = [row for row in rows if row["scored"] and row["measured_by"] == "hardware"] or rows
    if not counted:
        raise InputError("measurements: no row can be compared")
    return {
        "kind": "network",
        **score([row["error"] for row in counted]),
        "max": max(abs(row["error"]) for row in counted),
        "groups": {name: _grouped(rows, name) for name in ("section", "group", "measured_by")},
        "claims": sections.get("accuracy_claims", []),
        "rows": rows,
        "skipped": [asdict(row) for row in skipped],
    }


def _grouped(rows: list[Answer], name: str) -> dict[str, Answer]:
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["scored"]:
            found.setdefault(row[name], []).append(row["error"])
    return {key: {**score(errors), "max": max(map(abs, errors))} for key, errors in found.items()}
