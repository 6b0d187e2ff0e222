"""The time ledger: every GPU-microsecond of a run in exactly one state.

Rows are columns of one record. Totals are Python integers: 1,048,576 GPUs x 180 days overflow 64 bits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from sim.errors import SimulationError, unknown_name
from sim.ledger.apportion import Ints, apportion, exact_sums, split
from sim.ledger.trace import JOB_STATES, OUTSIDE_STATES, RECLASSIFIED_STATES, Reversal, RunTrace, Segment, Stay
from sim.workload.profile import STEP_STATES, StepProfile

STATES = (*STEP_STATES, "step", *JOB_STATES, *OUTSIDE_STATES, *RECLASSIFIED_STATES)
"""All states of a row. "step" is the step as a whole, where its time was given and no model says what is in it."""

STEPPING = (*STEP_STATES, "step")
"""States inside a step."""

OUTSIDE_PHASE = -1
"""Phase of a row outside the job."""

CODES = {state: code for code, state in enumerate(STATES)}
"""The number that stands for a state in a row."""

_MAX_ROW_GPU_US = 1 << 62

Timed = TypeVar("Timed", Segment, Reversal)


class Key(NamedTuple):
    """What time, energy and money are summed by."""

    state: str
    cause: str
    phase: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TimeLedger:
    """Columns of the ledger, one element a row; `gpus` (spares included) were held for `wall_us`.

    state and cause are codes into STATES and causes. gpu_us: GPU-microseconds. A row with start_us < end_us
    lies in that span; one with start_us = end_us is a reversal posted at that instant: negative on the
    states of a step, positive on lost_work or in_flight, zero in sum.
    """

    gpus: int
    wall_us: int
    causes: tuple[str, ...]
    state: Ints
    cause: Ints
    phase: Ints
    event: Ints
    start_us: Ints
    end_us: Ints
    nodes: Ints
    gpu_us: Ints


def time_ledger(
    trace: RunTrace, profiles: Sequence[StepProfile | None], damaged: Sequence[Sequence[StepProfile | None]] = ()
) -> TimeLedger:
    """Return the time ledger of a trace; profiles[phase] says what a step holds, None that its time was given.

    damaged[condition - 1][phase] does so under each condition of a damaged network. A "step" segment is apportioned to
    its profile's states by largest remainder, exactly. Assumption: the steps of a segment are alike, so that a part of
    one is divided as a whole one is. Reversals are apportioned by the same profile. Raises SimulationError for an
    unknown state, phase or condition, or a profile whose states do not sum to its step.
    """
    if len(profiles) != len(trace.processed_steps):
        phases = len(trace.processed_steps)
        raise SimulationError(f"step profiles: got {len(profiles)}; expected one for each of {phases} phases")
    causes = {"": 0}
    gpus = trace.gpus_per_node
    fits = trace.end_us * trace.nodes * gpus < _MAX_ROW_GPU_US
    segments = _segment_rows(trace.segments if fits else _fitting(trace.segments, gpus), gpus, causes, len(profiles))
    reversals = trace.reversals if fits else _fitting(trace.reversals, gpus)
    taken, posted = _reversal_rows(reversals, gpus, causes, len(profiles))
    stays = _stay_rows([stay for stay in trace.stays if stay.place != "job"], gpus, causes)
    held = [*profiles, *(profile for condition in damaged for profile in condition)]
    phases = len(profiles)
    blocks = [*_by_step_state(segments, held, phases), stays, *_by_step_state(taken, held, phases), posted]
    rows = np.concatenate(blocks, axis=1)
    in_phase = rows[2] >= 0
    rows[2, in_phase] %= phases
    state, cause, phase, event, start_us, end_us, nodes, gpu_us = rows[:, rows[-1] != 0]
    return TimeLedger(
        gpus=gpus * (trace.nodes + trace.spare_nodes),
        wall_us=trace.end_us,
        causes=tuple(causes),
        state=state,
        cause=cause,
        phase=phase,
        event=event,
        start_us=start_us,
        end_us=end_us,
        nodes=nodes,
        gpu_us=gpu_us,
    )


def net_gpu_us(ledger: TimeLedger) -> dict[Key, int]:
    """Return the GPU-microseconds by (state, cause, phase), net of reversals, in the order of STATES, without zeros."""
    phases = int(ledger.phase.max(initial=OUTSIDE_PHASE)) + 2
    causes = len(ledger.causes)
    group = (ledger.state * causes + ledger.cause) * phases + (ledger.phase + 1)
    totals = exact_sums(group, ledger.gpu_us, len(STATES) * causes * phases)
    return {
        Key(STATES[index // (causes * phases)], ledger.causes[index // phases % causes], index % phases - 1): total
        for index, total in enumerate(totals)
        if total
    }


def by_state(net: Mapping[Key, int]) -> dict[str, int]:
    """Return the total of every state, zeros included."""
    totals = dict.fromkeys(STATES, 0)
    for key, amount in net.items():
        totals[key.state] += amount
    return totals


def _fitting(entries: Sequence[Timed], gpus_per_node: int) -> list[Timed]:
    """Cut an entry whose GPU-time would not fit a row (half a year of a million GPUs) into ones that do."""
    fitting: list[Timed] = []
    for entry in entries:
        pieces = entry.duration_us * entry.nodes * gpus_per_node // _MAX_ROW_GPU_US + 1
        fitting.extend([entry] if pieces <= 1 else _cut(entry, pieces))
    return fitting


def _cut(entry: Timed, pieces: int) -> Iterator[Timed]:
    """Cut evenly; whole steps stay with the first piece of a reversal."""
    durations = split(entry.duration_us, [1] * pieces)
    if isinstance(entry, Reversal):
        for index, duration_us in enumerate(durations):
            yield entry._replace(duration_us=duration_us, steps=0 if index else entry.steps)
        return
    start_us = entry.start_us
    for span_us, duration_us in zip(split(entry.end_us - entry.start_us, [1] * pieces), durations, strict=True):
        yield entry._replace(start_us=start_us, end_us=start_us + span_us, duration_us=duration_us)
        start_us += span_us


def _segment_rows(segments: Sequence[Segment], gpus_per_node: int, causes: dict[str, int], phases: int) -> Ints:
    if not segments:
        return np.zeros((8, 0), np.int64)
    of = dict(zip(Segment._fields, zip(*segments, strict=True), strict=True))
    gpu_us = np.array(of["duration_us"], np.int64) * np.array(of["nodes"], np.int64) * gpus_per_node
    return _conditioned(_rows(of, of["state"], causes, gpu_us), of, phases)


def _reversal_rows(
    reversals: Sequence[Reversal], gpus_per_node: int, causes: dict[str, int], phases: int
) -> tuple[Ints, Ints]:
    """Return what reversals take from the step (negative) and what they post (positive), in the same order."""
    if not reversals:
        return np.zeros((8, 0), np.int64), np.zeros((8, 0), np.int64)
    of = dict(zip(Reversal._fields, zip(*reversals, strict=True), strict=True))
    of |= {"start_us": of["time_us"], "end_us": of["time_us"]}
    gpu_us = np.array(of["duration_us"], np.int64) * np.array(of["nodes"], np.int64) * gpus_per_node
    posted = _conditioned(_rows(of, of["state"], causes, gpu_us), of, phases)
    taken = posted.copy()
    taken[0], taken[1], taken[-1] = CODES["step"], causes[""], -gpu_us
    return taken, posted


def _stay_rows(stays: Sequence[Stay], gpus_per_node: int, causes: dict[str, int]) -> Ints:
    if not stays:
        return np.zeros((8, 0), np.int64)
    of = dict(zip(Stay._fields, zip(*stays, strict=True), strict=True))
    of |= {"phase": (OUTSIDE_PHASE,) * len(stays), "nodes": (1,) * len(stays)}
    gpu_us = (np.array(of["end_us"], np.int64) - np.array(of["start_us"], np.int64)) * gpus_per_node
    return _rows(of, of["place"], causes, gpu_us)


def _rows(of: Mapping[str, Sequence[Any]], states: Sequence[str], causes: dict[str, int], gpu_us: Ints) -> Ints:
    try:
        codes = [CODES[state] for state in states]
    except KeyError as error:
        raise SimulationError(str(unknown_name("state", error.args[0], STATES, "trace"))) from None
    for cause in dict.fromkeys(of["cause"]):
        causes.setdefault(cause, len(causes))
    rows = np.empty((8, len(codes)), np.int64)
    rows[0], rows[1], rows[7] = codes, [causes[cause] for cause in of["cause"]], gpu_us
    for index, name in enumerate(("phase", "event", "start_us", "end_us", "nodes"), start=2):
        rows[index] = of[name]
    return rows


def _conditioned(rows: Ints, of: Mapping[str, Sequence[Any]], phases: int) -> Ints:
    """Number the phases of every condition of the network on, so that each has the profile of its own."""
    rows[2] += phases * np.array(of["condition"], np.int64)
    return rows


def _by_step_state(rows: Ints, profiles: Sequence[StepProfile | None], phases: int) -> Iterator[Ints]:
    """Replace each row of a whole step by rows of the states its profile holds."""
    stepping = rows[0] == CODES["step"]
    yield rows[:, ~stepping]
    for phase in np.unique(rows[2, stepping]).tolist():
        whole = rows[:, stepping & (rows[2] == phase)]
        yield _apportioned(whole, phase, profiles, phases)


def _apportioned(whole: Ints, numbered: int, profiles: Sequence[StepProfile | None], phases: int) -> Ints:
    condition, phase = divmod(numbered, phases)
    if not 0 <= numbered < len(profiles):
        raise SimulationError(
            f"trace: a step of phase {numbered}; expected 0 to {phases - 1}, for each of {len(profiles) // phases} "
            "conditions of the network"
        )
    profile = profiles[numbered]
    if profile is None:
        return whole
    _check_profile(profile, phase if condition == 0 else numbered)
    states = [state for state in STEP_STATES if profile.state_ns.get(state)]
    rows = np.repeat(whole, len(states), axis=1)
    rows[0] = np.tile([CODES[state] for state in states], whole.shape[1])
    rows[-1] = apportion(whole[-1], [profile.state_ns[state] for state in states]).ravel()
    return rows


def _check_profile(profile: StepProfile, phase: int) -> None:
    for state in profile.state_ns:
        if state not in STEP_STATES:
            raise SimulationError(str(unknown_name("step state", state, STEP_STATES, f"step profile of phase {phase}")))
    held, whole = sum(profile.state_ns.values()), profile.stages * profile.step_time_ns
    if held != whole:
        raise SimulationError(f"step profile of phase {phase}: got states of {held} ns; expected stages x step {whole}")
