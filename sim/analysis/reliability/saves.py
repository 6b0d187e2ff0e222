"""Closed forms of what is saved and what is not: silent corruption, two levels of checkpoints, a store that fails.

Times in minutes.
"""

from collections.abc import Iterator
from dataclasses import replace

from sim.analysis.reliability.oracles import minutes, oracle
from sim.analysis.reliability.rows import Predicted
from sim.analysis.reliability.runs import MINUTE_S, failing, restart, retained_s, run_plan, sample, saving, wall_s
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import STORE, CheckpointPlan, FailureClass, Law, RunPlan, Silent, Tier
from sim.reliability.saving.availability import durable_share, use_s
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


def store_rows() -> Iterator[Predicted]:
    """Yield what a store that is out at times costs: checkpoints, and what waits for it."""
    given = {"M": 300.0, "R": 60.0}
    law = {"up_s": given["M"], "out_s": given["R"]}
    lost = saving(400 * MINUTE_S, 0.0, 90 * MINUTE_S)
    found = sample(
        _stored(given, lost, 60_000), 16, lambda trace: trace.checkpoints_durable / trace.checkpoints_started
    )
    known = durable_share(durable_after_s=90, **law)
    formula, inputs = "M/(M+R) e^(-d/M)", {**given, "T": 400.0, "d": 90.0}
    yield oracle(
        "checkpoints that a failing store gets", known, found, inputs, unit="fraction", formula=formula, group="saved"
    )
    waits = replace(saving(40 * MINUTE_S, 30 * MINUTE_S), synchronous=True)
    found = sample(
        _stored(given, waits, 60_000), 16, lambda trace: _spent_min(trace, "checkpoint") / trace.checkpoints_started
    )
    known = use_s(length_s=30, after_s=40, **law)
    formula, inputs = "P R + (e^(C/M) - 1)(M+R), P = R/(M+R) (1 - e^(-T(1/M+1/R)))", {**given, "T": 40.0, "C": 30.0}
    yield oracle(
        "a synchronous checkpoint, the store failing", known, found, inputs, unit="min", formula=formula, group="saved"
    )
    reads = replace(saving(0.0), restore_us=30 * _MINUTE_US)
    plan = _stored(given, reads, 200_000, failing(2_000 * MINUTE_S))
    found = sample(plan, 16, lambda trace: _spent_min(trace, "restore") / _restarts(trace))
    known = use_s(length_s=30, **law)
    formula, inputs = "R/(M+R) R + (e^(t/M) - 1)(M+R)", {**given, "t": 30.0}
    yield oracle("a restore, the store failing", known, found, inputs, unit="min", formula=formula, group="saved")


def _stored(given: dict[str, float], checkpoint: CheckpointPlan, horizon: float, *others: FailureClass) -> RunPlan:
    """Return a job whose store is up and out in turn."""
    store = replace(
        failing(given["M"] * MINUTE_S, cause="store", component=STORE),
        outage=Law(kind="exponential", mean_s=given["R"] * MINUTE_S),
    )
    return run_plan(
        failures=(*others, store),
        recovery=replace(restart(0.0), on_failure="queue"),
        checkpoint=checkpoint,
        step_s=0.6,
        gpus_per_node=1,
        horizon_s=horizon * MINUTE_S,
    )


def _spent_min(trace: RunTrace, state: str) -> float:
    return sum(row.duration_us for row in trace.segments if row.state == state) / _MINUTE_US


def _restarts(trace: RunTrace) -> int:
    return sum(event.kind == "restart" for event in trace.events)


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
