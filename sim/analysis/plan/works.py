"""What is trained for a compute, a loss, a model or a number of tokens, by a scaling law."""

from collections.abc import Callable

from sim.analysis.plan.records import Question, Work
from sim.catalog.records import Model
from sim.workload.scaling.forms import FLOP_PER_WEIGHT, FORMS
from sim.workload.scaling.records import Setting
from sim.workload.scaling.shapes import counted, dense_model, experts_of
from sim.workload.scaling.solve import flop_for_loss, loss_of, parameters_for_loss, split_of, tokens_for_loss


def setting_of(question: Question, model: Model) -> Setting:
    """Return what the law is asked for with a model: of a mixture, its experts too, where the law knows any."""
    setting = question.setting
    experts = experts_of(model) if question.law.form == "joint-moe" else 1.0
    return Setting(efficiency=setting.efficiency, experts=experts, unique_tokens=setting.unique_tokens)


def work_of(question: Question, model: Model, tokens: float) -> Work:
    """Return a work with its loss, which only some laws give."""
    loss = None
    if FORMS[question.law.form].loss is not None:
        loss = loss_of(question.law, counted(model, question.law), tokens, setting_of(question, model))
    return Work(model=model, tokens=tokens, loss=loss)


def is_open(question: Question) -> bool:
    """Say whether the work is to be as large as limits allow: neither a loss nor both model and tokens are given."""
    return question.loss is None and (question.model is None or question.tokens is None)


def asked_work(question: Question) -> Work:
    """Return the work that a question determines. Raises InputError for a loss that cannot be reached."""
    model, tokens, loss, law = question.model, question.tokens, question.loss, question.law
    if model is not None and tokens is not None:
        return work_of(question, model, tokens)
    assert loss is not None, "an open work is solved for"
    if model is not None:
        return work_of(question, model, tokens_for_loss(law, counted(model, law), loss, setting_of(question, model)))
    if tokens is not None:
        parameters = parameters_for_loss(law, tokens, loss, question.setting)
        return work_of(question, dense_model(parameters, law), tokens)
    parameters, _ = split_of(law, flop_for_loss(law, loss, question.setting), question.setting)
    shaped = dense_model(parameters, law)
    return work_of(question, shaped, tokens_for_loss(law, counted(shaped, law), loss, question.setting))


def open_work(question: Question) -> Callable[[float], Work]:
    """Return the work for a compute of 6 N D FLOP, with whatever of both is given."""
    model, tokens, law = question.model, question.tokens, question.law

    def of(flop: float) -> Work:
        if model is not None:
            return work_of(question, model, flop / (FLOP_PER_WEIGHT * counted(model, law)))
        if tokens is not None:
            return work_of(question, dense_model(flop / (FLOP_PER_WEIGHT * tokens), law), tokens)
        parameters, best = split_of(law, flop, question.setting)
        shaped = dense_model(parameters, law)
        return work_of(question, shaped, best * parameters / counted(shaped, law))

    return of
