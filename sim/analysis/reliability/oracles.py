"""Closed forms of one job with one failure clock, through the run engine: segments, intervals, conventions.

Times in minutes, as in the sources. M: mean time between failures, R: recovery, C: what a checkpoint blocks, T: the
work between two, d: until it is durable.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import exp, sqrt

import numpy as np

from sim.analysis.reliability.rows import Predicted, z_score
from sim.analysis.reliability.runs import (
    MINUTE_S,
    Sample,
    failing,
    restart,
    retained_s,
    run_plan,
    sample,
    saving,
    share,
    wall_s,
)
from sim.reliability.records import RunPlan
from sim.reliability.saving.interval import (
    asynchronous_efficiency,
    job_s,
    optimal_s,
    segment_s,
    segment_sure_recovery_s,
)

Numbers = Mapping[str, float]

_STEP_MIN = 0.01
_SEGMENTS = 500


def minutes(
    given: Numbers, *, work: float | None = None, horizon: float | None = None, clock: str = "calendar"
) -> RunPlan:
    """Return the plan of a job of one node with a single clock, steps of a hundredth of a minute; given: M R T C d."""
    return run_plan(
        failures=(failing(given["M"] * MINUTE_S),),
        recovery=restart(given["R"] * MINUTE_S),
        checkpoint=saving(*(given.get(letter, 0.0) * MINUTE_S for letter in "TCd")),
        step_s=_STEP_MIN * MINUTE_S,
        gpus_per_node=1,
        failure_clock=clock,
        work_s=None if work is None else work * MINUTE_S,
        horizon_s=None if horizon is None else horizon * MINUTE_S,
    )


def oracle(
    name: str,
    known: float,
    found: Sample,
    inputs: Mapping[str, object],
    *,
    unit: str,
    formula: str,
    group: str = "one clock",
) -> Predicted:
    """Return the row of a closed form."""
    return Predicted(
        id=name,
        section="oracles",
        group=group,
        unit=unit,
        measured=known,
        simulated=found.mean,
        inputs=dict(inputs),
        outputs={"mean": found.mean},
        source=formula,
        replicas=len(found.values),
        standard_error=found.standard_error,
        z=z_score(found, known),
    )


def segment_rows() -> Iterator[Predicted]:
    """Yield the mean time from one checkpoint to the next, where recoveries can fail and where they cannot."""
    given = {"T": 60.0, "C": 2.0, "R": 10.0, "M": 180.0}
    forms: Mapping[str, tuple[str, Callable[..., float], str]] = {
        "a segment, failures also during recovery": ("calendar", segment_s, "E = e^(R/M) M (e^((T+C)/M) - 1)"),
        "a segment, failure-free recovery": ("operating", segment_sure_recovery_s, "E = (M+R)(e^((T+C)/M) - 1)"),
    }
    for name, (clock, form, formula) in forms.items():
        # One more step, so that the last segment has its checkpoint too.
        plan = minutes(given, work=60 * _SEGMENTS + _STEP_MIN, clock=clock)
        found = sample(plan, 12, lambda trace: (wall_s(trace) / MINUTE_S - _STEP_MIN) / _SEGMENTS)
        known = form(work_s=60, block_s=2, recovery_s=10, mtbf_s=180)
        yield oracle(name, known, found, {**given, "clock": clock, "segments": _SEGMENTS}, unit="min", formula=formula)


def job_rows() -> Iterator[Predicted]:
    """Yield the mean time of a whole job, and its pace at the exact optimum of the interval."""
    given = {"T": 60.0, "C": 2.0, "R": 10.0, "M": 180.0, "work": 1000.0}
    found = sample(minutes(given, work=1000), 400, lambda trace: wall_s(trace) / MINUTE_S)
    known = job_s(total_s=1000, work_s=60, block_s=2, recovery_s=10, mtbf_s=180)
    yield oracle("a job, the last segment without a checkpoint", known, found, given, unit="min", formula="sum of E")
    best = round(optimal_s(2.0, 180.0), 2)
    given = {"T": best, "C": 2.0, "R": 10.0, "M": 180.0, "work": 20_000.0}
    found = sample(minutes(given, work=20_000), 10, lambda trace: wall_s(trace) / MINUTE_S)
    known = job_s(total_s=20_000, work_s=best, block_s=2, recovery_s=10, mtbf_s=180)
    formula = "T* = M (1 + W0(-e^(-1-C/M)))"
    yield oracle("a job at the exact optimum of its interval", known, found, given, unit="min", formula=formula)


def asynchronous_rows() -> Iterator[Predicted]:
    """Yield the efficiency of checkpoints that count once they are durable."""
    given = {"T": 30.0, "C": 0.05, "d": 60.0, "R": 10.0, "M": 180.0}
    found = sample(minutes(given, horizon=40_000), 16, lambda trace: retained_s(trace) / wall_s(trace))
    known = asynchronous_efficiency(work_s=30, block_s=0.05, durable_after_s=60, recovery_s=10, mtbf_s=180)
    formula = "T e^(-d/M) / [(e^((T+c)/M) - 1) M e^(R/M)]"
    yield oracle("asynchronous checkpoints", known, found, given, unit="fraction", formula=formula)


def convention_rows() -> Iterator[Predicted]:
    """Yield what is left of the time under the three conventions for failures during recovery."""
    times = {"R": 10.0, "M": 18.0}
    conventions = {
        "recoveries that add": ("calendar", "queue", 1 - 10 / 18, "1 - R/M"),
        "recoveries that begin again": ("calendar", "restart", exp(-10 / 18), "e^(-R/M)"),
        "clocks that stop during recovery": ("operating", "restart", 18 / 28, "M/(M+R)"),
    }
    for name, (clock, on_failure, known, formula) in conventions.items():
        plan = minutes(times, horizon=12_000, clock=clock)
        plan = replace(plan, recovery=replace(plan.recovery, on_failure=on_failure, rework=False))
        given = {**times, "clock": clock, "on_failure": on_failure}
        yield oracle(name, known, sample(plan, 8, share("step")), given, unit="fraction", formula=formula)


def common_random_rows() -> Iterator[Predicted]:
    """Yield by how much common random numbers shrink the variance of a difference between two intervals."""
    given = {"T": 20.0, "other_T": 40.0, "C": 2.0, "R": 10.0, "M": 180.0, "work": 3000.0}
    one, other = (
        np.array(sample(minutes({**given, "T": every}, work=3000), 80, wall_s).values) for every in (20.0, 40.0)
    )
    ratio = float((one.var(ddof=1) + other.var(ddof=1)) / (other - one).var(ddof=1))
    yield Predicted(
        id="common random numbers: variance of a difference, unpaired over paired",
        section="oracles",
        group="one clock",
        unit="ratio",
        measured=3.0,
        relation=">=",
        simulated=ratio,
        inputs=given,
        outputs={"ratio": ratio, "of_standard_errors": sqrt(ratio)},
        source="oracle 13: 3 to 10 times",
        replicas=80,
    )
