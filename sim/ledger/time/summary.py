"""What a run amounts to: goodput, allocation, ETTR, MFU and the waterfall, from the trace and its time ledger."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from sim.ledger.time.ratios import trace_ettr
from sim.ledger.time.states import IN_JOB, STEPPING
from sim.ledger.time.time_ledger import Key, TimeLedger, by_state, net_gpu_us
from sim.ledger.time.trace import Event, RunTrace, plain_rows
from sim.workload.profile import STEP_STATES, StepProfile

US_PER_HOUR = 3_600_000_000

_TOLD = itemgetter(*map(Event._fields.index, ("kind", "cause", "interrupted")))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSummary:
    """One phase of training: retained and lost steps, and GPU-hours by state (of the job only)."""

    phase: int
    retained_steps: int
    lost_steps: int
    in_flight_steps: int
    step_mfu: float | None
    goodput: float
    states: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in numbers; the keys are those of `run --json`.

    goodput = retained step GPU-time / GPU-time in the job; allocation = GPU-time in the job / held;
    ettr = retained step time / wall time of the job, waiting included; step_mfu = compute_ideal / step states of
    retained steps; effective_mfu = compute_ideal of retained steps / all GPU-time held, which is
    step_mfu x goodput x allocation.
    interruptions: unplanned stops of the job, silent failures where they are found; planned_stops beside them.
    aborted: the cause that ended the run, None where its end was another.
    states: GPU-hours, zeros included; waterfall: fractions of the GPU-time held, summing to 1.
    Where the step time was given without a model, MFU and tokens are None and the state is "step".
    """

    wall_time_s: float
    complete: bool
    steps: int
    tokens: int | None
    step_mfu: float | None
    effective_mfu: float | None
    goodput: float
    allocation: float
    ettr: float
    gpu_hours: float
    job_gpu_hours: float
    failures: Mapping[str, int]
    interruptions: Mapping[str, int]
    planned_stops: Mapping[str, int]
    aborted: str | None
    states: Mapping[str, float]
    waterfall: Mapping[str, float]
    phases: tuple[PhaseSummary, ...]


def summarize(trace: RunTrace, ledger: TimeLedger, profiles: Sequence[StepProfile | None]) -> RunSummary:
    """Return the summary of a run; retained work is what the ledger holds after its reversals."""
    net = net_gpu_us(ledger)
    totals = by_state(net)
    modelled = all(profile is not None for profile in profiles)
    held, in_job = sum(totals.values()), _sum(totals, IN_JOB)
    retained = _sum(totals, STEPPING)
    told = list(map(_TOLD, plain_rows(trace.events)))
    events, last = Counter(told), told[-1:]
    return RunSummary(
        wall_time_s=trace.end_us * 1e-6,
        complete=trace.complete,
        steps=sum(trace.retained_steps),
        tokens=_tokens(trace.retained_steps, profiles),
        step_mfu=_ratio(totals["compute_ideal"], retained) if modelled else None,
        effective_mfu=_ratio(totals["compute_ideal"], held) if modelled else None,
        goodput=_ratio(retained, in_job),
        allocation=_ratio(in_job, held),
        ettr=trace_ettr(trace),
        gpu_hours=held / US_PER_HOUR,
        job_gpu_hours=in_job / US_PER_HOUR,
        failures=_counts(events, lambda kind, _: kind == "failure"),
        interruptions=_counts(events, lambda kind, interrupted: interrupted and kind != "planned"),
        planned_stops=_counts(events, lambda kind, interrupted: interrupted and kind == "planned"),
        aborted=next((cause for kind, cause, _ in last if kind == "aborted"), None),
        states=_listed({state: amount / US_PER_HOUR for state, amount in totals.items()}, profiles),
        waterfall=_listed({state: _ratio(amount, held) for state, amount in totals.items()}, profiles),
        phases=tuple(_phase(phase, trace, net, profile) for phase, profile in enumerate(profiles)),
    )


def _phase(phase: int, trace: RunTrace, net: Mapping[Key, int], profile: StepProfile | None) -> PhaseSummary:
    totals = by_state({key: amount for key, amount in net.items() if key.phase == phase})
    retained, in_job = _sum(totals, STEPPING), sum(totals.values())
    return PhaseSummary(
        phase=phase,
        retained_steps=trace.retained_steps[phase],
        lost_steps=trace.lost_steps[phase],
        in_flight_steps=trace.in_flight_steps[phase],
        step_mfu=None if profile is None else _ratio(totals["compute_ideal"], retained),
        goodput=_ratio(retained, in_job),
        states=_listed({state: totals[state] / US_PER_HOUR for state in IN_JOB}, [profile]),
    )


def _sum(totals: Mapping[str, int], states: Sequence[str]) -> int:
    return sum(totals[state] for state in states)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _listed(amounts: Mapping[str, float], profiles: Sequence[StepProfile | None]) -> dict[str, float]:
    """Leave out the states that cannot occur: "step" with a model, a step's inner states without one."""
    absent = {"step"} if all(profile is not None for profile in profiles) else set()
    absent |= set(STEP_STATES) if all(profile is None for profile in profiles) else set()
    return {state: amount for state, amount in amounts.items() if state not in absent}


def _tokens(steps: Sequence[int], profiles: Sequence[StepProfile | None]) -> int | None:
    total = 0
    for count, profile in zip(steps, profiles, strict=True):
        if profile is None:
            return None
        total += count * profile.tokens
    return total


def _counts(events: Mapping[tuple[str, str, bool], int], counts: Callable[[str, bool], bool]) -> dict[str, int]:
    """Return how many events there are of each cause; events: their number by what _TOLD picks."""
    causes: Counter[str] = Counter()
    for (kind, cause, interrupted), number in events.items():
        if counts(kind, interrupted):
            causes[cause] += number
    return dict(sorted(causes.items()))
