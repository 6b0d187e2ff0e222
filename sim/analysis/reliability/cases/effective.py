"""Effective training time: what interruptions leave of a run, over checkpoint intervals and restart times."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sim.analysis.reliability.rows import Entry, Found, Predicted, Table
from sim.analysis.reliability.runs import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    Sample,
    ettr,
    failing,
    failures_of,
    restart,
    run_plan,
    sample,
    saving,
)
from sim.engine.run import simulate_run
from sim.reliability.records import FailureClass, RunPlan
from sim.scenario import load_scenario, preset_names
from sim.simulate import prepare
from sim.simulate import run_plan as plan_of

INTERVALS_MIN = (1, 5, 10, 15, 20, 30, 60)
RESTARTS_MIN = (2, 5, 8, 10, 15, 20, 30)
"""The grid that a published figure without interval and restart time is held against."""

BLOCK_S = 33.0
"""A checkpoint that blocks the job: 4 GB from each of 16,384 GPUs into 2 TB/s, Llama 3's largest and its store."""

REPLICAS = 2
"""Runs of a cell, under the same seeds in all."""

Cell = tuple[int, int]
"""Minutes of a restart and of an interval."""

_PRESET_REPLICAS = 12
_WEEKS_D = 28.0


def bound_of(text: object) -> tuple[str, float] | None:
    """Return a published bound, None for what is no bound.

    >>> bound_of(">0.90"), bound_of("<=15"), bound_of(0.9)
    (('>', 0.9), ('<=', 15.0), None)
    """
    found = re.fullmatch(r"([<>]=?)\s*([\d.]+)", text) if isinstance(text, str) else None
    return None if found is None else (found[1], float(found[2]))


def interruptions(case: Entry) -> tuple[FailureClass, ...]:
    """Return a clock for each published cause, of the job as a whole: exponential clocks of its parts are one.

    Where causes do not sum to the interruptions there is one clock for them all.
    """
    exposure_s, failures = case["duration_days"] * DAY_S, case["failures"]
    causes = next((each for key, each in failures.items() if isinstance(each, dict) and key.startswith("table")), {})
    if sum(causes.values()) != failures["unexpected"]:
        return (failing(exposure_s / failures["unexpected"]),)
    return tuple(failing(exposure_s / count, cause=cause) for cause, count in causes.items())


def effective_rows(case: Entry) -> Iterator[Found]:
    """Yield the effective time of a published arrival process: a grid of what is not published, and our own preset."""
    bound = bound_of(case["reported"]["effective_training_time"])
    assert bound is not None, "a case of this rule states a bound"
    _, threshold = bound
    cells = {(r, every): _cell(case, r, every, threshold) for r in RESTARTS_MIN for every in INTERVALS_MIN}
    yield _grid(case, cells, threshold)
    given = {
        "gpus": case["gpus"],
        "duration_days": case["duration_days"],
        "unexpected": case["failures"]["unexpected"],
        "causes": len(interruptions(case)),
    }
    least = RESTARTS_MIN[0], INTERVALS_MIN[0]
    free, _ = cells[least]
    yield Predicted(
        id=f"{case['id']}: effective time, the best of a grid",
        section="published",
        group=case["id"],
        unit="fraction",
        measured=threshold,
        relation=bound[0],
        simulated=free.mean,
        inputs={**given, "restart_min": least[0], "interval_min": least[1]},
        outputs={"ettr": free.mean},
        source=case["source"],
        replicas=REPLICAS,
        standard_error=free.standard_error,
        note="interval and restart are not published: the table says which would contradict the figure",
    )
    if case["id"] in preset_names():
        yield from _preset_rows(case, bound)


def _cell(case: Entry, restart_min: float, every_min: float, threshold: float) -> tuple[Sample, Sample]:
    """Return the ETTR with checkpoints that cost nothing, and with ones that block unless the first is too low."""
    free = sample(_plan(case, restart_min, every_min, 0.0), REPLICAS, ettr)
    if free.mean <= threshold:
        return free, free
    return free, sample(_plan(case, restart_min, every_min, BLOCK_S), REPLICAS, ettr)


def _plan(case: Entry, restart_min: float, every_min: float, block_s: float) -> RunPlan:
    return run_plan(
        failures=interruptions(case),
        recovery=restart(restart_min * MINUTE_S),
        checkpoint=saving(every_min * MINUTE_S, block_s),
        nodes=case["gpus"] // case.get("gpus_per_node", 8),
        horizon_s=case["duration_days"] * DAY_S,
    )


def _grid(case: Entry, cells: Mapping[Cell, tuple[Sample, Sample]], threshold: float) -> Table:
    """Return the table of a grid and what it says; a cell below the figure even at no cost contradicts it."""
    verdicts = {cell: _verdict(*pair, threshold) for cell, pair in cells.items()}
    loss_min = (1 - threshold) * case["duration_days"] * DAY_S / MINUTE_S / case["failures"]["unexpected"]
    says = [f"{threshold:g} leaves {loss_min:.1f} min for each interruption: restart and lost work together"]
    for restart_min in RESTARTS_MIN:
        free = [t for t in INTERVALS_MIN if verdicts[restart_min, t] != "contradicts"]
        blocking = [t for t in free if verdicts[restart_min, t] == "meets"]
        says.append(f"restart {restart_min} min: {_range(free, blocking)}")
    return Table(
        id=f"{case['id']}-grid",
        title=(
            f"{case['id']}: effective time with checkpoints that cost nothing, by restart and interval in minutes "
            f"(x: contradicts more than {threshold:g}; ?: no longer above it if a checkpoint blocks {BLOCK_S:g} s)"
        ),
        head=("restart", *(f"{t} min" for t in INTERVALS_MIN)),
        rows=tuple(
            (f"{r} min", *(f"{cells[r, t][0].mean:.3f}{_MARKS[verdicts[r, t]]}" for t in INTERVALS_MIN))
            for r in RESTARTS_MIN
        ),
        data=tuple(
            {
                "restart_min": r,
                "interval_min": t,
                "ettr": free.mean,
                "ettr_if_blocking": None if verdicts[r, t] == "contradicts" else blocking.mean,
                "verdict": verdicts[r, t],
            }
            for (r, t), (free, blocking) in cells.items()
        ),
        says=tuple(says),
    )


_MARKS = {"meets": "", "if cheap": "?", "contradicts": "x"}


def _verdict(free: Sample, blocking: Sample, threshold: float) -> str:
    if free.mean <= threshold:
        return "contradicts"
    return "if cheap" if blocking.mean <= threshold else "meets"


def _range(free: list[int], blocking: list[int]) -> str:
    """Return in words which intervals meet the figure.

    >>> _range([1, 5], [5]), _range([], [])
    ('met up to 5 min, with blocking checkpoints from 5 to 5 min', 'contradicts the figure at every interval')
    """
    if not free:
        return "contradicts the figure at every interval"
    costly = f"from {blocking[0]} to {blocking[-1]} min" if blocking else "at none"
    return f"met up to {free[-1]} min, with blocking checkpoints {costly}"


def _preset_rows(case: Entry, bound: tuple[str, float]) -> Iterator[Predicted]:
    """Yield effective time and interruptions of the preset of the same name: its step, nodes, spares and store."""
    prepared = prepare(load_scenario(case["id"]))
    plan = plan_of(prepared.scenario, prepared.steps, prepared.machine)
    traces = [simulate_run(replace(plan, seed=seed)) for seed in range(1, _PRESET_REPLICAS + 1)]
    times = Sample(values=tuple(map(ettr, traces)))
    counts = Sample(values=tuple(float(sum(event.interrupted for event in trace.events)) for trace in traces))
    given = {"preset": case["id"], "interval_min": plan.checkpoint.interval_us / 6e7}
    failures = sum(failures_of(trace) for trace in traces) / len(traces)
    outputs = {"ettr": times.mean, "interruptions": counts.mean, "failures": failures}
    about: dict[str, Any] = {
        "section": "published",
        "group": case["id"],
        "inputs": given,
        "outputs": outputs,
        "replicas": 6,
    }
    yield Predicted(
        id=f"{case['id']}: effective time of the preset",
        unit="fraction",
        relation=bound[0],
        measured=bound[1],
        simulated=times.mean,
        standard_error=times.standard_error,
        source=case["source"],
        note="its interval and the stages of its restart are assumed: see the preset",
        **about,
    )
    yield Predicted(
        id=f"{case['id']}: interruptions of the preset",
        unit="interruptions",
        measured=float(case["failures"]["unexpected"]),
        simulated=counts.mean,
        standard_error=counts.standard_error,
        source=case["source"],
        note="its rates are the published counts over all the time: those that fall into a recovery stop nothing",
        **about,
    )


def restart_rows(case: Entry) -> Iterator[Found]:
    """Yield the effective time of so many restarts, each with its detection and its catching up (MegaScale).

    "Several weeks" is taken as four, the restarts as evenly spread in law; catching up takes as long as the work since
    the newest checkpoint did, so that its bound is the interval.
    """
    bound = bound_of(case["reported"]["effective_training_time_rate"])
    restarts = bound_of(case["failures"]["restarts"])
    detect, catch_up = (bound_of(case["restart_time"][key]) for key in ("detect+diagnose_min", "catch_up_min"))
    assert bound and restarts and detect and catch_up, "a case of this rule states its bounds"
    begin_s = float((bound_of(case["restart_time"].get("init_s_10k_gpus")) or ("<", 0.0))[1])
    plan = run_plan(
        failures=(failing(_WEEKS_D * DAY_S / restarts[1]),),
        recovery=restart(detect[1] * MINUTE_S + begin_s),
        checkpoint=saving(catch_up[1] * MINUTE_S),
        horizon_s=_WEEKS_D * DAY_S,
    )
    found = sample(plan, 20, ettr)
    mtbf_h = _WEEKS_D * DAY_S / restarts[1] / HOUR_S
    yield Predicted(
        id=f"{case['id']}: effective time",
        section="published",
        group=case["id"],
        unit="fraction",
        relation=bound[0],
        measured=bound[1],
        simulated=found.mean,
        inputs={
            "restarts": restarts[1],
            "weeks": _WEEKS_D / 7,
            "detect_min": detect[1],
            "initialize_s": begin_s,
            "interval_min": catch_up[1],
        },
        outputs={"ettr": found.mean, "mtbf_h": mtbf_h},
        source=case["source"],
        replicas=20,
        standard_error=found.standard_error,
        note='assumed: "several weeks" are four; every bound is taken as if it were reached',
    )
