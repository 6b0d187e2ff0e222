"""Closed forms of what is saved and what is not: silent corruption, two levels of checkpoints. Times in minutes."""

from collections.abc import Iterator
from dataclasses import replace

from sim.analysis.reliability.oracles import minutes, oracle
from sim.analysis.reliability.rows import Predicted
from sim.analysis.reliability.runs import MINUTE_S, failing, restart, retained_s, run_plan, sample, saving, wall_s
from sim.reliability.records import CheckpointPlan, Law, RunPlan, Silent, Tier
from sim.reliability.saving.interval import silent_efficiency, two_level_s

_MINUTE_US = 60_000_000
_PATTERNS = 150


def silent_rows() -> Iterator[Predicted]:
    """Yield the efficiency of a job whose corruption is found l after it strikes, with all that was saved since bad."""
    given = {"T": 30.0, "C": 2.0, "R": 10.0, "M": 180.0, "l": 45.0}
    plan = minutes(given, horizon=40_000)
    silent = Silent(found_after=Law(mean_s=given["l"] * MINUTE_S))
    plan = replace(plan, failures=(replace(plan.failures[0], silent=silent),))
    found = sample(plan, 16, lambda trace: retained_s(trace) / wall_s(trace))
    known = silent_efficiency(work_s=30, block_s=2, found_after_s=45, recovery_s=10, mtbf_s=180)
    formula = "T / [(e^((T+C)/M) - 1)(M+l+R)]"
    yield oracle("silent corruption", known, found, given, unit="fraction", formula=formula, group="saved")


def two_level_rows() -> Iterator[Predicted]:
    """Yield the time of a pattern of four segments: local checkpoints, and one in the store at its end."""
    given = {"T": 30.0, "m": 4.0, "C1": 1.0, "C2": 5.0, "R1": 2.0, "R2": 12.0, "M1": 300.0, "M2": 900.0}
    found = sample(_two_levels(given), 16, lambda trace: wall_s(trace) / MINUTE_S / _PATTERNS)
    known = two_level_s(
        work_s=[30.0] * 4,
        block_s=[1.0, 1.0, 1.0, 5.0],
        first_mtbf_s=300.0,
        second_mtbf_s=900.0,
        first_recovery_s=2.0,
        second_recovery_s=12.0,
    )
    formula = "E_i = (1-p_i)/l + (1-p_i)[l1/l (R1+E_i) + l2/l (R2+E_1)] + p_i E_(i+1)"
    yield oracle("two levels of checkpoints", known, found, given, unit="min", formula=formula, group="saved")


def _two_levels(given: dict[str, float]) -> RunPlan:
    """Return a job whose own failures leave local checkpoints alone, and whose node's do not."""
    us = {name: round(value * _MINUTE_US) for name, value in given.items()}
    local = Tier(
        name="host-memory",
        block_us=us["C1"],
        durable_after_us=us["C1"],
        restore_us=us["R1"],
        max_in_flight=0,
        local=True,
    )
    store = CheckpointPlan(
        interval_us=us["T"],
        block_us=us["C2"],
        durable_after_us=us["C2"],
        restore_us=us["R2"],
        max_in_flight=0,
        every=int(given["m"]),
        faster=(local,),
    )
    return run_plan(
        failures=(
            failing(given["M1"] * MINUTE_S, cause="process"),
            failing(given["M2"] * MINUTE_S, cause="node", component="node", replace=True),
        ),
        recovery=restart(0.0),
        checkpoint=store,
        step_s=0.6,
        spare_nodes=1,
        gpus_per_node=1,
        failure_clock="operating",
        # One more step, so that the last pattern has its checkpoint too.
        work_s=(given["T"] * given["m"] * _PATTERNS + 0.01) * MINUTE_S,
    )


SPIKE_EVERY_STEPS, SAVE_EVERY_STEPS, STEPS = 2_000, 100, 200_000
"""Steps between spikes and between checkpoints, and in all: none of the three is published."""


def spike_plan(rewind_steps: int) -> RunPlan:
    """Return a job of steps of a second whose loss spikes are seen at once, and rewind it by so many steps at least."""
    spike = replace(
        failing(float(SPIKE_EVERY_STEPS), cause="loss spike"),
        silent=Silent(found_after=Law(), rewind_s=float(rewind_steps)),
    )
    return run_plan(
        failures=(spike,),
        recovery=restart(0.0),
        checkpoint=saving(float(SAVE_EVERY_STEPS)),
        failure_clock="operating",
        horizon_s=float(STEPS),
    )
