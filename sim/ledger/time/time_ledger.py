"""The time ledger: every GPU-microsecond of a run in exactly one state.

Rows are columns of one record. Totals are Python integers: 1,048,576 GPUs x 180 days overflow 64 bits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np

from sim.errors import SimulationError, unknown_name
from sim.ledger.time.apportion import Ints, apportion, exact_sums, split
from sim.ledger.time.columns import Rows, TraceColumns, columned, reversal_rows, segment_rows
from sim.ledger.time.states import CODES, OUTSIDE_PHASE, STATES
from sim.ledger.time.trace import Reversal, RunTrace, Segment
from sim.workload.profile import STEP_STATES, StepProfile

_MAX_ROW_GPU_US = 1 << 62

Timed = TypeVar("Timed", Segment, Reversal)


class Key(NamedTuple):
    """What time, energy and money are summed by."""

    state: str
    cause: str
    phase: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TimeLedger:
    """Columns of the ledger, one element a row; `gpus` (spares included) were held for `wall_us`, but retired ones.

    state and cause are codes into STATES and causes. gpu_us: GPU-microseconds. A row with start_us < end_us
    lies in that span; one with start_us = end_us is a reversal posted at that instant: negative on the
    states of a step, positive on lost_work or in_flight, zero in sum. net: what `net_gpu_us` returns.
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
    net: Mapping[Key, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "net", _net(self))


def time_ledger(
    trace: RunTrace | TraceColumns,
    profiles: Sequence[StepProfile | None],
    damaged: Sequence[Sequence[StepProfile | None]] = (),
) -> TimeLedger:
    """Return the time ledger of a trace; profiles[phase] says what a step holds, None that its time was given.

    damaged[condition - 1][phase] does so under each condition of a damaged network. A "step" segment is apportioned to
    its profile's states by largest remainder, exactly. Assumption: the steps of a segment are alike, so that a part of
    one is divided as a whole one is. Reversals are apportioned by the same profile. Raises SimulationError for an
    unknown state, phase or condition, or a profile whose states do not sum to its step.
    """
    columns = columned(trace)
    run, phases = columns.trace, len(profiles)
    if phases != len(run.processed_steps):
        raise SimulationError(
            f"step profiles: got {phases}; expected one for each of {len(run.processed_steps)} phases"
        )
    gpus = run.gpus_per_node
    segments, reversals = (_block(rows, gpus, phases) for rows in _fitting_rows(columns))
    held = [*profiles, *(profile for condition in damaged for profile in condition)]
    blocks = [
        *_by_step_state(segments, held, phases),
        _block(columns.outside, gpus, phases),
        *_by_step_state(_taken(reversals), held, phases),
        reversals,
    ]
    rows = np.concatenate(blocks, axis=1)
    rows[2] = np.where(rows[2] >= 0, rows[2] % phases, rows[2])
    some = rows[-1] != 0
    state, cause, phase, event, start_us, end_us, nodes, gpu_us = (
        rows if some.all() else np.compress(some, rows, axis=1)
    )
    return TimeLedger(
        gpus=gpus * (run.nodes + run.spare_nodes),
        wall_us=run.end_us,
        causes=tuple(columns.causes),
        state=state,
        cause=cause,
        phase=phase,
        event=event,
        start_us=start_us,
        end_us=end_us,
        nodes=nodes,
        gpu_us=gpu_us,
    )


def net_gpu_us(ledger: TimeLedger) -> Mapping[Key, int]:
    """Return the GPU-microseconds by (state, cause, phase), net of reversals, in the order of STATES, without zeros."""
    return ledger.net


def _net(ledger: TimeLedger) -> dict[Key, int]:
    phases = int(ledger.phase.max(initial=OUTSIDE_PHASE)) + 2
    causes = len(ledger.causes)
    group = (ledger.state * causes + ledger.cause) * phases + (ledger.phase + 1)
    some = np.flatnonzero(np.bincount(group, minlength=1))
    position = np.zeros(int(group.max(initial=0)) + 1, np.int64)
    position[some] = np.arange(len(some))
    totals = exact_sums(position[group], ledger.gpu_us, len(some))
    return {
        Key(STATES[index // (causes * phases)], ledger.causes[index // phases % causes], index % phases - 1): total
        for index, total in zip(some.tolist(), totals, strict=True)
        if total
    }


def by_state(net: Mapping[Key, int]) -> dict[str, int]:
    """Return the total of every state, zeros included."""
    totals = dict.fromkeys(STATES, 0)
    for key, amount in net.items():
        totals[key.state] += amount
    return totals


def _fitting_rows(columns: TraceColumns) -> tuple[Rows, Rows]:
    """Return the rows of segments and reversals whose GPU-time fits a row."""
    run, causes = columns.trace, dict(columns.causes)
    if run.end_us * run.nodes * run.gpus_per_node < _MAX_ROW_GPU_US:
        return columns.segments, columns.reversals
    segments = segment_rows(_fitting(run.segments, run.gpus_per_node), causes)
    return segments, reversal_rows(_fitting(run.reversals, run.gpus_per_node), causes)


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


def _block(rows: Rows, gpus_per_node: int, phases: int) -> Ints:
    """Return rows as (state, cause, phase, event, start, end, nodes, GPU-time).

    The phases of every condition of the network are numbered on, so that each has the profile of its own.
    """
    phase = rows.phase + phases * rows.condition
    gpu_us = rows.duration_us * rows.nodes * gpus_per_node
    return np.stack((rows.state, rows.cause, phase, rows.event, rows.start_us, rows.end_us, rows.nodes, gpu_us))


def _taken(posted: Ints) -> Ints:
    """Return what reversals take from the step, in the order in which they post it."""
    taken = posted.copy()
    taken[0], taken[1], taken[-1] = CODES["step"], 0, -posted[-1]
    return taken


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
