"""The answer to a plan's question: the best plan among kinds of nodes, and where it cannot be met, the nearest one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.analysis.plan.build import base_tree
from sim.analysis.plan.fixed import fewest_in_time, most_by_power
from sim.analysis.plan.layouts.records import Progress
from sim.analysis.plan.limits import is_met
from sim.analysis.plan.opened import filled, largest_work, of_tokens
from sim.analysis.plan.records import Outcome, Question, Work
from sim.analysis.plan.runs import again, simulated
from sim.analysis.plan.works import asked_work, is_open, open_work
from sim.errors import DoesNotFitError, InputError
from sim.workload.scaling.shapes import counted
from sim.workload.scaling.solve import training_flop


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """A plan that was asked for, or the least that misses its limits, and then the nearest that keeps them.

    compared: the plan on each kind of node, one run each.
    """

    question: Question
    plan: Outcome
    compared: tuple[Outcome, ...]
    nearest: Outcome | None = None

    @property
    def feasible(self) -> bool:
        """Whether the plan keeps within every limit."""
        return is_met(self.question, self.plan)


def solve(question: Question, progress: Progress = lambda fraction, what: None) -> Solved:
    """Return the plan that answers a question.

    Raises InputError for a question that nothing determines, DoesNotFitError where no layout fits any memory.
    """
    check_determined(question)
    tree = base_tree(question.base, question.overrides)
    if is_open(question):
        best, compared = _largest(question, tree, progress)
        return Solved(question=question, plan=filled(question, best, progress), compared=compared)
    work = asked_work(question)
    compared = _given(question, tree, work, progress)
    best = _best_given(question, compared)
    best = again(question, best, best.tokens, question.seeds, progress)
    nearest = None if is_met(question, best) else _nearest(question, tree, progress)
    return Solved(question=question, plan=best, compared=compared, nearest=nearest)


def check_determined(question: Question) -> None:
    """Raise InputError for what determines no plan, or too much of one."""
    if question.loss is not None and question.model is not None and question.tokens is not None:
        raise InputError("plan: got --loss, and --model with --tokens, which have a loss of their own; expected one")
    limited = question.budget_usd or question.gpus or question.power_cap_w
    if is_open(question) and not limited:
        raise InputError(
            "plan: nothing says how much is trained; expected --loss, --model with --tokens, or what limits it: "
            "--budget, --gpus or --power-cap, with --deadline"
        )


def _largest(question: Question, tree: Mapping[str, Any], progress: Progress) -> tuple[Outcome, tuple[Outcome, ...]]:
    of = open_work(question)
    found = [largest_work(question, tree, node, of, progress) for node in question.nodes]
    compared = tuple(each for each in found if each is not None)
    if not compared:
        raise _nothing_fits(question)
    return max(compared, key=lambda each: _worth(question, each)), compared


def _worth(question: Question, outcome: Outcome) -> tuple[float, float]:
    """Return what an open plan is judged by: a low loss, or much compute where the law gives none."""
    flop = training_flop(counted(outcome.draft.work.model), outcome.tokens)
    return (-outcome.loss if outcome.loss is not None else 0.0), flop


def _given(question: Question, tree: Mapping[str, Any], work: Work, progress: Progress) -> tuple[Outcome, ...]:
    found = []
    for node in question.nodes:
        most = most_by_power(question, tree, node, work)
        draft = fewest_in_time(question, tree, node, work, most, progress)
        if draft is not None:
            found.append(simulated(question, draft, work.tokens, 1, progress))
    if not found:
        raise _nothing_fits(question)
    return tuple(found)


def _best_given(question: Question, outcomes: Sequence[Outcome]) -> Outcome:
    """Return the cheapest plan that keeps within the limits, or else the cheapest of those that are done in time."""
    met = [each for each in outcomes if is_met(question, each)]
    if met:
        return min(met, key=lambda each: each.cost_usd)
    return min(outcomes, key=lambda each: (each.wall_s > question.until_s, each.cost_usd))


def _nearest(question: Question, tree: Mapping[str, Any], progress: Progress) -> Outcome | None:
    """Return as much of the work as the limits allow, None where they allow none."""
    open_question = of_tokens(question)
    if not (question.budget_usd or question.gpus or question.power_cap_w):
        return None
    best, _ = _largest(open_question, tree, progress)
    found = filled(open_question, best, progress)
    return found if is_met(question, found) else None


def _nothing_fits(question: Question) -> DoesNotFitError:
    on = f"{question.gpus:,} GPUs" if question.gpus else "any number of GPUs tried"
    return DoesNotFitError(
        f"plan: no layout fits the memory of {on} of {', '.join(question.nodes)}; expected more GPUs, a smaller model, "
        "or nodes with more memory"
    )
