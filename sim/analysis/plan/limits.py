"""The limits of a plan: how much of each is used, which are exceeded, and which bind."""

from dataclasses import dataclass

from sim.analysis.plan.records import Outcome, Question

BINDS = 0.95
"""A limit of which so much is used binds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit that was asked for, and how much of it a plan uses; in the unit of the limit."""

    name: str
    used: float
    limit: float

    @property
    def share(self) -> float:
        """Used over limit."""
        return self.used / self.limit

    @property
    def met(self) -> bool:
        """Whether the plan keeps within it."""
        return self.used <= self.limit * (1 + 1e-9)


def limits_of(question: Question, outcome: Outcome) -> tuple[Limit, ...]:
    """Return the limits of a question as a plan uses them: money, time, power, GPUs."""
    used = {
        "money": (outcome.cost_usd, question.budget_usd),
        "time": (outcome.wall_s, question.deadline_s),
        "power": (outcome.power_w, question.power_cap_w),
        "GPUs": (float(outcome.draft.gpus), None if question.gpus is None else float(question.gpus)),
    }
    return tuple(
        Limit(name=name, used=value, limit=limit) for name, (value, limit) in used.items() if limit is not None
    )


def is_met(question: Question, outcome: Outcome) -> bool:
    """Say whether a plan keeps within every limit."""
    return all(limit.met for limit in limits_of(question, outcome))


def usage(question: Question, outcome: Outcome) -> float:
    """Return the share of the scarcer of money and time that a plan uses; without a deadline, of the assumed one."""
    time = outcome.wall_s / question.until_s
    return time if question.budget_usd is None else max(time, outcome.cost_usd / question.budget_usd)


def gain_without_memory(outcome: Outcome) -> float:
    """Return how much faster a step could be at most if memory were no limit, as a fraction; 0 where it is none."""
    refused, best = outcome.draft.ranking.refused_by_memory, outcome.draft.best
    if refused is None or refused.per_sequence_s >= best.per_sequence_s:
        return 0.0
    return 1 - refused.per_sequence_s / best.per_sequence_s


def lost(outcome: Outcome) -> float:
    """Return the part of the GPU time held that failures, recovery and spares take: 1 - effective over step MFU."""
    effective = sum(run.effective_mfu for run in outcome.runs) / len(outcome.runs)
    return 1 - effective / outcome.mfu


def exposed(outcome: Outcome) -> float:
    """Return the part of the step in which GPUs wait for the network."""
    return sum(share for state, share in outcome.waterfall.items() if state.startswith("comm_"))
