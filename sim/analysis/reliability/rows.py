"""Rows of a reliability validation: what is known beside what was simulated, inputs and outputs apart."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

from sim.analysis.reliability.runs import Sample

Entry = Mapping[str, Any]
"""What a file holds for one case."""

Z_LIMIT = 3.5
"""Standard errors beyond which a simulation contradicts what it should give: by chance one row in two thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """A known value and the simulated one, in one unit.

    section: oracles (closed forms), peers (another simulator's answers) or published. relation: "=", or how the known
    value bounds the simulated one (">", ">=", "<", "<="): a bound is met or not, and has no error. inputs: all that the
    simulation was given of the case; outputs: what came out, of which `simulated` is one. standard_error: of the
    simulated mean; z: how many of them, the known value's own included, lie between the two. scored: whether an error
    counts; note: why not, or what was assumed.
    """

    id: str
    section: str
    group: str
    unit: str
    measured: float
    simulated: float
    inputs: Mapping[str, object]
    outputs: Mapping[str, object]
    source: str
    relation: str = "="
    replicas: int = 1
    standard_error: float | None = None
    z: float | None = None
    scored: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A case, or a part of one, that is not predicted, and the reason."""

    id: str
    section: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A small table beside the rows: what a case looks like over its inputs.

    head, rows: names of the columns and their cells, as text; says: what follows. data: the same as numbers.
    """

    id: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    data: tuple[Mapping[str, object], ...]
    says: tuple[str, ...] = ()


Found = Predicted | Skipped | Table
"""What a case yields."""


def z_score(sample: Sample, known: float, known_error: float = 0.0) -> float:
    """Return how many standard errors a sample's mean lies above a known value.

    z = (mean - known) / sqrt(se^2 + se_known^2).

    >>> z_score(Sample(values=(1.0, 3.0)), 1.0)
    1.0
    """
    error = sqrt(sample.standard_error**2 + known_error**2)
    return (sample.mean - known) / error if error else 0.0


def met(row: Predicted) -> bool | None:
    """Return whether a bound holds, or a z-test passes; None where there is neither."""
    if row.relation != "=":
        return _BOUNDS[row.relation](row.simulated, row.measured)
    return None if row.z is None else abs(row.z) <= Z_LIMIT


_BOUNDS: Mapping[str, Callable[[float, float], bool]] = {
    ">": lambda simulated, known: simulated > known,
    ">=": lambda simulated, known: simulated >= known,
    "<": lambda simulated, known: simulated < known,
    "<=": lambda simulated, known: simulated <= known,
}


def row_json(row: Predicted) -> dict[str, Any]:
    """Return a row of the answer: the record, its error (none for a bound), and whether it is met."""
    error = row.simulated / row.measured - 1 if row.relation == "=" and row.measured else None
    return {**asdict(row), "error": error, "met": met(row)}
