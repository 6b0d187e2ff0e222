"""How often to checkpoint: expected times in closed form, and the interval policies.

Failures are a Poisson process of mean time between failures M (mtbf_s); T is the work between two checkpoints, C what a
checkpoint blocks, R the recovery, D downtime before it that cannot fail. Unless said, a failure during recovery
restarts the recovery.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp, expm1, inf, isfinite, sqrt
from numbers import Real

from sim.errors import InputError
from sim.plugins import resolve
from sim.reliability.records import CheckpointPolicy


def segment_s(*, work_s: float, block_s: float, recovery_s: float, mtbf_s: float, downtime_s: float = 0.0) -> float:
    """Return the expected time from one checkpoint to the next, failures also during recovery.

    E = e^(R/M) (M + D) (e^((T+C)/M) - 1).

    >>> round(segment_s(work_s=60, block_s=2, recovery_s=10, mtbf_s=180), 4)
    78.2455
    """
    return exp(recovery_s / mtbf_s) * (mtbf_s + downtime_s) * expm1((work_s + block_s) / mtbf_s)


def segment_sure_recovery_s(
    *, work_s: float, block_s: float, recovery_s: float, mtbf_s: float, downtime_s: float = 0.0
) -> float:
    """Return the expected time from one checkpoint to the next where recoveries do not fail.

    E = (M + R + D) (e^((T+C)/M) - 1).

    >>> round(segment_sure_recovery_s(work_s=60, block_s=2, recovery_s=10, mtbf_s=180), 3)
    78.129
    """
    return (mtbf_s + recovery_s + downtime_s) * expm1((work_s + block_s) / mtbf_s)


def job_s(*, total_s: float, work_s: float, block_s: float, recovery_s: float, mtbf_s: float) -> float:
    """Return the expected time of `total_s` of work: its segments, the last without a checkpoint.

    >>> round(job_s(total_s=1000, work_s=60, block_s=2, recovery_s=10, mtbf_s=180), 2)
    1299.28
    """
    whole = ceil(total_s / work_s) - 1
    segment = segment_s(work_s=work_s, block_s=block_s, recovery_s=recovery_s, mtbf_s=mtbf_s)
    rest_s = total_s - whole * work_s
    return whole * segment + segment_s(work_s=rest_s, block_s=0.0, recovery_s=recovery_s, mtbf_s=mtbf_s)


def asynchronous_efficiency(
    *, work_s: float, block_s: float, durable_after_s: float, recovery_s: float, mtbf_s: float
) -> float:
    """Return retained work over time where checkpoints block c, are durable d after that, and flushes overlap.

    T e^(-d/M) / [(e^((T+c)/M) - 1) M e^(R/M)].

    >>> round(asynchronous_efficiency(work_s=30, block_s=0.05, durable_after_s=60, recovery_s=10, mtbf_s=180), 6)
    0.621769
    """
    segment = segment_s(work_s=work_s, block_s=block_s, recovery_s=recovery_s, mtbf_s=mtbf_s)
    return work_s * exp(-durable_after_s / mtbf_s) / segment


def silent_efficiency(
    *, work_s: float, block_s: float, found_after_s: float, recovery_s: float, mtbf_s: float
) -> float:
    """Return retained work over time where failures are silent, found after l, and all work since is bad.

    T / [(e^((T+C)/M) - 1)(M + l + R)]; ceil(l/(T+C)) + 1 checkpoints have to be kept.

    >>> round(silent_efficiency(work_s=30, block_s=2, found_after_s=45, recovery_s=10, mtbf_s=180), 4)
    0.6561
    """
    return work_s / (expm1((work_s + block_s) / mtbf_s) * (mtbf_s + found_after_s + recovery_s))


def two_level_s(
    *,
    work_s: Sequence[float],
    block_s: Sequence[float],
    first_mtbf_s: float,
    second_mtbf_s: float,
    first_recovery_s: float,
    second_recovery_s: float,
) -> float:
    """Return the expected time of a pattern of segments, each with its local checkpoint, the last with a global one.

    Failures of the first level fall back to the last local checkpoint, those of the second to the pattern's start:
    E_i = (1-p_i)/l + (1-p_i)[l1/l (R1 + E_i) + l2/l (R2 + E_1)] + p_i E_(i+1), p_i = e^(-l (T_i + C_i)), l = l1 + l2.
    Recoveries do not fail. E_i = a_i + b_i E_1 from the last segment back; then E_1 = a_1 / (1 - b_1).

    >>> one = two_level_s(work_s=[60.0], block_s=[2.0], first_mtbf_s=180.0, second_mtbf_s=1e15,
    ...                   first_recovery_s=10.0, second_recovery_s=0.0)
    >>> round(one, 3) == round(segment_sure_recovery_s(work_s=60, block_s=2, recovery_s=10, mtbf_s=180), 3)
    True
    """
    first, second = 1 / first_mtbf_s, 1 / second_mtbf_s
    rate = first + second
    fixed = slope = 0.0
    for work, block in zip(reversed(work_s), reversed(block_s), strict=True):
        fails = -expm1(-rate * (work + block))
        stays = 1 - fails * first / rate
        down = first / rate * first_recovery_s + second / rate * second_recovery_s
        fixed = (fails / rate + fails * down + (1 - fails) * fixed) / stays
        slope = (fails * second / rate + (1 - fails) * slope) / stays
    return fixed / (1 - slope)


def young_s(block_s: float, mtbf_s: float) -> float:
    """Return Young's interval, sqrt(2 C M) (CACM 17, 1974).

    >>> young_s(2.0, 400.0)
    40.0
    """
    return sqrt(2 * block_s * mtbf_s)


def daly_s(block_s: float, mtbf_s: float) -> float:
    """Return Daly's higher-order interval (FGCS 22, 2006), M where C >= 2M.

    sqrt(2CM) [1 + sqrt(C/2M)/3 + (C/2M)/9] - C.

    >>> round(daly_s(5.0, 24 * 60.0), 2)
    116.69
    """
    if block_s >= 2 * mtbf_s:
        return mtbf_s
    ratio = block_s / (2 * mtbf_s)
    return young_s(block_s, mtbf_s) * (1 + sqrt(ratio) / 3 + ratio / 9) - block_s


def optimal_s(block_s: float, mtbf_s: float) -> float:
    """Return the interval of the least expected time, whatever the recovery: M (1 + W0(-e^(-1-C/M))).

    W0 is the principal branch of Lambert's function. It makes the derivative of segment_s / T vanish.

    >>> round(optimal_s(2.0, 180.0), 3)
    25.516
    """
    from scipy.special import lambertw  # loaded by those who ask for it: it takes a tenth of a second

    return float(mtbf_s * (1 + lambertw(-exp(-1 - block_s / mtbf_s)).real))


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalState:
    """What an interval policy may go by: the means of a checkpoint, of the job's failures and of its steps."""

    block_s: float
    mtbf_s: float
    step_s: float
    durable_after_s: float
    restore_s: float


Policy = Callable[[IntervalState], float]

RULES: Mapping[str, Policy] = {
    "young": lambda state: young_s(state.block_s, state.mtbf_s),
    "daly": lambda state: daly_s(state.block_s, state.mtbf_s),
    "optimal": lambda state: optimal_s(state.block_s, state.mtbf_s),
}
"""Rules that say an interval in seconds from a checkpoint's block and the job's mean time between failures."""


def resolve_interval(policy: CheckpointPolicy, state: IntervalState, allow_plugins: bool = False) -> float:
    """Return the interval in seconds that a policy asks for; 0 (no checkpoints) where a rule meets no failures.

    A plugin is a function of an IntervalState that returns seconds. Raises UnknownNameError for an unknown kind;
    InputError for an interval that is not positive, for a rule where a checkpoint costs nothing, so that the shorter
    the better, and for a plugin that is not allowed, fails, or returns no number.

    >>> state = IntervalState(block_s=2.0, mtbf_s=400.0, step_s=5.0, durable_after_s=9.0, restore_s=9.0)
    >>> resolve_interval(CheckpointPolicy(kind="young"), state)
    40.0
    >>> resolve_interval(CheckpointPolicy(kind="steps", steps=100), state)
    500.0
    """
    if policy.kind in ("fixed", "adaptive"):
        return check_interval(policy.every_s)
    if policy.kind == "steps":
        return check_interval(policy.steps * state.step_s)
    if policy.kind not in RULES:
        # For the names in its message only: these kinds have no rule of one interval.
        others = ("fixed", "steps", "adaptive", "two-level")
        known: dict[str, Policy] = {**RULES, **dict.fromkeys(others, RULES["young"])}
        rule = resolve("interval policy", policy.kind, known, allow_plugins, "checkpoint.interval.kind")
        return check_interval(_said(policy.kind, rule, state))
    if not isfinite(state.mtbf_s):
        return 0.0
    if state.block_s <= 0:
        raise InputError(
            f"checkpoint interval: {policy.kind} needs a checkpoint that blocks the job; it blocks {state.block_s} s"
        )
    return RULES[policy.kind](state)


def check_interval(interval_s: float) -> float:
    """Return an interval, or raise InputError where it is not positive."""
    if not 0 < interval_s < inf:
        raise InputError(f"checkpoint interval: {interval_s} s; expected a positive duration")
    return interval_s


def _said(kind: str, rule: Policy, state: IntervalState) -> float:
    """Return what a function of the user's own says, or raise InputError where it fails or says no number."""
    try:
        said: object = rule(state)
    except Exception as error:
        # What a function of someone else raises may be anything.
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(f"checkpoint.interval.kind: interval policy '{kind}' failed ({reason})") from error
    if isinstance(said, bool) or not isinstance(said, Real):
        raise InputError(
            f"checkpoint.interval.kind: interval policy '{kind}' returned {said!r}; expected a number of seconds"
        )
    return float(said)


def adaptive_s(*, first_s: float, block_s: float, up_s: float, failures: int) -> float:
    """Return Young's interval for the mean time between failures that a job has met so far.

    M = (up + M0) / (failures + 1): the first interval stands for M0 = T0^2 / 2C, as one failure seen.

    >>> adaptive_s(first_s=200.0, block_s=2.0, up_s=0.0, failures=0)
    200.0
    >>> round(adaptive_s(first_s=200.0, block_s=2.0, up_s=30_000.0, failures=9), 3)
    126.491
    """
    believed_s = first_s * first_s / (2 * block_s)
    return young_s(block_s, (up_s + believed_s) / (failures + 1))


def two_level_interval(
    *, first_block_s: float, more_block_s: float, durable_after_s: float, first_per_s: float, second_per_s: float
) -> tuple[float, int]:
    """Return interval and `every` of the store for a fast tier (blocks C1) below a store (blocks C2 more).

    First order, as Young's: the overhead (C1 + C2/k)/T + l1 T/2 + l2 k T/2 is least at k = sqrt(C2 l1 / (C1 l2)) and
    T = sqrt(2 (C1 + C2/k) / (l1 + k l2)). l1, l2: failures a second that the fast tier survives, or does not. The store
    is not asked for more than it can make durable in time. Raises InputError where the fast tier blocks for no time or
    there are no failures.

    >>> two_level_interval(first_block_s=1, more_block_s=16, durable_after_s=20, first_per_s=2e-4, second_per_s=2e-4)
    (100.0, 4)
    """
    if first_block_s <= 0 or first_per_s + second_per_s <= 0:
        raise InputError(
            f"checkpoint interval: two-level needs a fast tier that blocks the job, and failures; got {first_block_s} s"
            f" and {first_per_s + second_per_s} a second"
        )
    best = sqrt(more_block_s * first_per_s / (first_block_s * second_per_s)) if second_per_s else inf
    if not isfinite(best):
        raise InputError("checkpoint interval: two-level needs failures that only the store survives; got none")
    every = max(1, round(best))
    while True:
        interval_s = sqrt(2 * (first_block_s + more_block_s / every) / (first_per_s + every * second_per_s))
        if every * interval_s >= durable_after_s:
            return interval_s, every
        every += 1
