"""What `optimise --json` prints: every point, the winner under fresh seeds, and its gain on the scenario as it is."""

from typing import Any

from sim.batch.metrics import HIGHER_IS_BETTER
from sim.batch.optimise.knobs import written
from sim.batch.optimise.objective import Outcome
from sim.batch.optimise.search import Point
from sim.batch.optimise.study import Optimised
from sim.batch.statistics import Estimate, estimate, paired, tells_apart

Json = dict[str, Any]


def optimise_answer(found: Optimised) -> Json:
    """Return the answer of a search.

    `rows`: every point in the order of the search, over the seeds that it was judged by; of them the winner's mean is
    too good, as it was chosen for it. `best`: the winner over fresh seeds. `base`: the scenario as it is over those,
    and `difference` the winner less it, paired.
    """
    refused = [each.refused for each in found.outcomes if each.refused is not None]
    best, base = _measured(found.fresh), _measured(found.base)
    return {
        "scenario": found.scenario,
        "metric": found.metric,
        "higher_is_better": found.metric in HIGHER_IS_BETTER,
        "knobs": [
            {
                "key": each.key,
                "low": each.low,
                "high": each.high,
                "unit": each.unit,
                "int": each.integer,
                "log": each.log,
            }
            for each in found.knobs
        ],
        "budget": found.budget,
        "replicas": found.replicas,
        "points": len(found.points),
        "runs": len(found.points) * found.replicas + 2 * found.checked,
        "found_again": found.found,
        "converged": found.converged,
        "refused": {"points": len(refused), "first": refused[0] if refused else None},
        "best": {
            "value": _name(found, found.points[found.winner]),
            "set": _settings(found, found.points[found.winner]),
            "in_search": estimate(found.outcomes[found.winner].samples).mean,
            **best,
        },
        "base": base,
        "difference": _difference(found),
        "rows": [_row(found, point, outcome) for point, outcome in zip(found.points, found.outcomes, strict=True)],
    }


def _settings(found: Optimised, point: Point) -> dict[str, str]:
    return {knob.key: written(knob, value) for knob, value in zip(found.knobs, point, strict=True)}


def _name(found: Optimised, point: Point) -> str:
    return ", ".join(f"{key}={value}" for key, value in _settings(found, point).items())


def _row(found: Optimised, point: Point, outcome: Outcome) -> Json:
    return {
        "value": _name(found, point),
        "set": _settings(found, point),
        "metric": found.metric,
        **_measured(outcome),
        "refused": outcome.refused,
    }


def _measured(outcome: Outcome) -> Json:
    """Return a mean with its interval; none of a point that was refused."""
    if outcome.refused is not None:
        return {"mean": None, "ci_low": None, "ci_high": None, "replicas": 0}
    return _interval(estimate(outcome.samples))


def _interval(own: Estimate) -> Json:
    return {"mean": own.mean, "ci_low": own.low, "ci_high": own.high, "replicas": own.replicas}


def _difference(found: Optimised) -> Json | None:
    """Return the winner less the scenario as it is; None where either has no runs under fresh seeds."""
    if found.fresh.refused is not None or found.base.refused is not None:
        return None
    own = paired(found.fresh.samples, found.base.samples)
    return {**_interval(own), "differs": tells_apart(own)}
