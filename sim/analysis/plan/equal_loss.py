"""Plans of equal predicted loss: over-trained or optimal, mixture or dense, distilled or trained, on kinds of nodes.

Every row is a plan with the fewest GPUs that is done in time, simulated with failures and a bill.

Distillation: a token of which a teacher gives its outputs costs a forward pass of the teacher, a third of its training
(2 N of 6 N FLOP, arXiv 2001.08361), at the pace of its own simulated step. What such a token is worth over a plain one
is not known here; the row says what it has to be worth to pay: 1 + teacher's forward / student's training, a token.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sim.analysis.plan.build import base_tree
from sim.analysis.plan.fixed import fewest_in_time, most_by_power
from sim.analysis.plan.layouts.records import Progress
from sim.analysis.plan.records import Outcome, Question, Work
from sim.analysis.plan.runs import simulated
from sim.analysis.plan.works import asked_work, is_open, work_of
from sim.errors import InputError
from sim.workload.scaling.forms import FORMS
from sim.workload.scaling.load import law
from sim.workload.scaling.ranges import beyond
from sim.workload.scaling.records import Law, Setting
from sim.workload.scaling.shapes import counted, dense_model, mixture_model
from sim.workload.scaling.solve import flop_for_loss, loss_of, split_of, tokens_for_loss, training_flop

OVER_TRAINED = (2, 4)
"""The optimal parameters over those of over-trained models (Llama 3 8B on 15T tokens is beyond both)."""

EXPERTS = 8
"""Of the mixture, the middle of the law's range."""

MIXTURE_LAW = "joint-moe-2025"

FORWARD = 1 / 3
"""A forward pass over a forward and a backward."""

STEP_NATS = 0.01
"""The loss whose price is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One plan of the comparison: its name, the law and the loss that it shares with what it is compared with.

    next_usd: what the next hundredth of a nat would cost along the law's optimum, None off it. beyond: use of the law
    outside its fit.
    """

    name: str
    law: str
    loss: float
    outcome: Outcome
    next_usd: float | None
    beyond: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Distilled:
    """A student of the optimal model: what a token with its teacher's outputs costs, and has to be worth."""

    teacher: str
    student: str
    training_usd_per_token: float
    teacher_usd_per_token: float
    teacher_gpu_hours: float

    @property
    def break_even(self) -> float:
        """Plain tokens that a token with the teacher's outputs has to be worth."""
        return 1 + self.teacher_usd_per_token / self.training_usd_per_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All rows, those of one loss and law together, and the distilled student."""

    question: Question
    rows: tuple[Row, ...]
    distilled: Distilled | None


def compare_equal_loss(question: Question, progress: Progress = lambda fraction, what: None) -> Comparison:
    """Return plans of the loss that a question asks for, or that its model and tokens have.

    Raises InputError for a question without a loss, or a law that gives none.
    """
    if is_open(question):
        raise InputError("plan --compare: nothing says which loss; expected --loss, or --model with --tokens")
    if FORMS[question.law.form].loss is None:
        raise InputError(
            f"--law {question.law.name}: gives no loss, and --compare holds it equal; expected another law"
        )
    tree = base_tree(question.base, question.overrides)
    asked = asked_work(question)
    assert asked.loss is not None, "the law gives a loss"
    works = list(_works(question, asked.loss))
    rows = [row for each in works if (row := _row(question, tree, each, question.nodes[0], progress)) is not None]
    for node in question.nodes[1:]:
        rows += [row for each in works[:1] if (row := _row(question, tree, each, node, progress)) is not None]
    return Comparison(question=question, rows=tuple(rows), distilled=_distilled(rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    name: str
    work: Work
    law: Law
    setting: Setting
    flop: float | None


def _works(question: Question, loss: float) -> list[_Case]:
    """Return what is compared: the optimum, over-trained models of the same loss, and dense against a mixture."""
    of, setting = question.law, question.setting
    flop = flop_for_loss(of, loss, setting)
    parameters, _ = split_of(of, flop, setting)
    cases = [_case("optimal", question, of, setting, parameters, loss, flop)]
    for part in OVER_TRAINED:
        try:
            cases.append(_case(f"over-trained 1/{part}", question, of, setting, parameters / part, loss, None))
        except InputError:
            # A smaller model does not reach every loss, however long it is trained.
            continue
    return [*cases, *_mixture_cases(question, flop)]


def _mixture_cases(question: Question, flop: float) -> list[_Case]:
    """Return a dense model on as much compute as the optimum, and a mixture of the same loss, both by the joint law."""
    joint = law(MIXTURE_LAW)
    dense, mixed = (Setting(efficiency=question.setting.efficiency, experts=experts) for experts in (1, EXPERTS))
    parameters, tokens = split_of(joint, flop, dense)
    loss = loss_of(joint, parameters, tokens, dense)
    mixed_flop = flop_for_loss(joint, loss, mixed)
    active, _ = split_of(joint, mixed_flop, mixed)
    return [
        _case("dense, joint law", question, joint, dense, parameters, loss, flop),
        _case(f"{EXPERTS} experts, joint law", question, joint, mixed, active, loss, mixed_flop),
    ]


def _case(
    name: str, question: Question, of: Law, setting: Setting, parameters: float, loss: float, flop: float | None
) -> _Case:
    model = dense_model(parameters, of) if setting.experts == 1 else mixture_model(parameters, int(setting.experts), of)
    tokens = tokens_for_loss(of, counted(model, of), loss, setting)
    own = replace(question, law=of, setting=setting)
    return _Case(name=name, work=work_of(own, model, tokens), law=of, setting=setting, flop=flop)


def _row(question: Question, tree: Mapping[str, Any], case: _Case, node: str, progress: Progress) -> Row | None:
    """Return the simulated plan of a case on a kind of node, None where no layout fits."""
    own = replace(question, law=case.law, setting=case.setting)
    draft = fewest_in_time(own, tree, node, case.work, most_by_power(own, tree, node, case.work), progress)
    if draft is None or case.work.loss is None:
        return None
    outcome = simulated(own, draft, case.work.tokens, question.seeds, progress)
    return Row(
        name=case.name,
        law=case.law.name,
        loss=case.work.loss,
        outcome=outcome,
        next_usd=None if case.flop is None else _next_usd(case, case.flop, growing_usd(outcome)),
        beyond=beyond(case.law, counted(case.work.model, case.law), case.work.tokens, case.setting),
    )


def _next_usd(case: _Case, flop: float, cost_usd: float) -> float | None:
    """Return what a hundredth of a nat less would cost, at the row's dollars a FLOP; None where it is out of reach."""
    assert case.work.loss is not None, "rows have a loss"
    try:
        further = flop_for_loss(case.law, case.work.loss - STEP_NATS, case.setting)
    except InputError:
        return None
    return cost_usd * (further / flop - 1)


def _distilled(rows: list[Row]) -> Distilled | None:
    """Return the smallest over-trained model as a student of the optimal one, on the same kind of node."""
    teachers = [row for row in rows if row.name == "optimal"]
    students = [row for row in rows if row.name.startswith("over-trained")]
    if not teachers or not students:
        return None
    teacher, student = teachers[0].outcome, students[-1].outcome
    hours = sum(run.gpu_hours for run in teacher.runs) / len(teacher.runs)
    return Distilled(
        teacher=teacher.draft.work.model.name,
        student=student.draft.work.model.name,
        training_usd_per_token=growing_usd(student) / student.tokens,
        teacher_usd_per_token=FORWARD * growing_usd(teacher) / teacher.tokens,
        teacher_gpu_hours=FORWARD * hours / teacher.tokens * student.tokens,
    )


def growing_usd(outcome: Outcome) -> float:
    """Return the part of a bill that grows with compute: all but the data, which is a lump."""
    return outcome.cost_usd - outcome.cost.get("data", 0.0)


def flop_of(row: Row) -> float:
    """Return the 6 N D of a row, by the parameters that its law counts."""
    return training_flop(counted(row.outcome.draft.work.model, law(row.law)), row.outcome.tokens)
