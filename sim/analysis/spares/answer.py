"""What `spares --json` prints: what each change gains in hours and dollars, with intervals."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.analysis.spares.study import SparesStudy
from sim.batch.statistics import tells_apart
from sim.batch.statistics.two_stage import two_stage

Json = dict[str, Any]
Floats = NDArray[np.float64]

AS_IT_IS = "as it is"


def spares_answer(study: SparesStudy) -> Json:
    """Return the answer of a study of changes.

    Rows of metric hours_gained say how many hours of wall time a change saves (a run that ends with its work), or how
    many hours of training it retains more (one that ends at its horizon); usd_gained what the retained training would
    have cost at the scenario's own price of an hour of it, less what it costs with the change. That holds the price of
    what the bill knows, such as a node; of all else it is the most that the change may cost. `over`: what the change is
    compared with.
    """
    ladder = [index for index, name in enumerate(study.changes) if "spare" in name]
    pairs = [(index, -1) for index in range(len(study.changes))]
    pairs += [(more, less) for less, more in pairwise(ladder)]
    billed = bool(np.isfinite(study.of("cost_usd", -1)).all())
    rows = [_row(study, "hours_gained", change, over) for change, over in pairs]
    rows += [_row(study, "usd_gained", change, over) for change, over in pairs if billed]
    metric = "usd_gained" if billed else "hours_gained"
    gains = [row for row in rows if row["metric"] == metric and row["over"] == AS_IT_IS]
    sure = [row for row in gains if row["differs"] and row["mean"] > 0]
    return {
        "scenario": study.scenario,
        "metric": metric,
        "ends_with": "work" if study.completes else "horizon",
        "mixed": not study.completes and bool(study.outcomes[:, :, 3].any()),
        "replicas": len(study.outcomes),
        "first_stage": study.first,
        "precision": study.precision,
        "precision_reached": study.reached,
        "gpus": study.gpus,
        "spare_nodes": study.spare_nodes,
        "baseline": _baseline(study, billed),
        "best": max(sure, key=lambda row: row["mean"])["value"] if sure else None,
        "rows": rows,
        "left_out": list(study.left_out),
    }


def _row(study: SparesStudy, metric: str, change: int, over: int) -> Json:
    gains = _hours(study, change, over) if metric == "hours_gained" else _dollars(study, change, over)
    found = two_stage(gains, study.first)
    return {
        "value": study.changes[change],
        "over": AS_IT_IS if over < 0 else study.changes[over],
        "metric": metric,
        "mean": found.mean,
        "ci_low": found.low,
        "ci_high": found.high,
        "replicas": found.replicas,
        "differs": tells_apart(found),
    }


def _hours(study: SparesStudy, change: int, over: int) -> Floats:
    if study.completes:
        return np.asarray((study.of("wall_s", over) - study.of("wall_s", change)) / 3600)
    return np.asarray((study.of("retained_s", change) - study.of("retained_s", over)) / 3600)


def _dollars(study: SparesStudy, change: int, over: int) -> Floats:
    """Return, by seed, cost_over x retained_change / retained_over - cost_change; fixed work: what is paid less."""
    share = study.of("retained_s", change) / np.maximum(study.of("retained_s", over), 1e-6)
    return np.asarray(study.of("cost_usd", over) * share - study.of("cost_usd", change))


def _baseline(study: SparesStudy, billed: bool) -> Json:
    fields = {"wall_s": 3600, "retained_s": 3600, **({"cost_usd": 1} if billed else {})}
    names = {"wall_s": "wall_hours", "retained_s": "retained_hours", "cost_usd": "cost_usd"}
    answer: Json = {}
    for field, unit in fields.items():
        found = two_stage(study.of(field, -1) / unit, study.first)
        answer[names[field]] = {"mean": found.mean, "ci_low": found.low, "ci_high": found.high}
    return answer
