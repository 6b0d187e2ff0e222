"""[repair]: what becomes of nodes that left the job."""

from pydantic import BaseModel, model_validator

from sim.errors import ScenarioError, unknown_name
from sim.reliability.records import Law, Reorder, RepairPlan, RepairStage, RepairStages, Retirement
from sim.scenario.fields import Count, CountOrZero, Fraction, PositiveTime, refuse
from sim.scenario.laws import CLOSED, Duration, law
from sim.scenario.records import Failures


class RepairStageForm(BaseModel):
    """One stage of repair."""

    model_config = CLOSED
    time: Duration
    success: Fraction


class CauseRepairForm(BaseModel):
    """What is different where one cause is repaired."""

    model_config = CLOSED
    automatic: RepairStageForm | None = None
    manual: RepairStageForm | None = None

    @model_validator(mode="after")
    def _check_given(self) -> "CauseRepairForm":
        if self.automatic is None and self.manual is None:
            raise refuse("got neither automatic nor manual; expected a stage that differs")
        return self


class RetireForm(BaseModel):
    """After how many visits to repair within which time a node is exchanged for a new one."""

    model_config = CLOSED
    visits: Count
    within: PositiveTime


class ReorderForm(BaseModel):
    """Spares that are bought: `order` new ones as soon as the inventory position is at or under `below`.

    The position is what is there (in the job, on the shelf, in repair) or on order, beyond what the job needs. lead:
    from an order to its arrival.
    """

    model_config = CLOSED
    below: CountOrZero
    order: Count
    lead: Duration


class RepairForm(BaseModel):
    """[repair]; crews: manual repairs at a time, 0 for as many as needed.

    silent: the part of repairs that seem to succeed and do not; what broke fails again after relapse at the latest, in
    time that the node ages. retire: nodes that come to repair too often are given up: each is replaced by a new one,
    which takes replacement, or new ones are ordered when stock is low (reorder).
    """

    model_config = CLOSED
    crews: CountOrZero
    automatic: RepairStageForm
    manual: RepairStageForm
    by_cause: dict[str, CauseRepairForm] = {}
    silent: Fraction = 0.0
    relapse: Duration | None = None
    retire: RetireForm | None = None
    replacement: Duration | None = None
    reorder: ReorderForm | None = None

    @model_validator(mode="after")
    def _check_together(self) -> "RepairForm":
        if (self.silent > 0) != (self.relapse is not None):
            raise refuse("silent and relapse belong together: how often a repair fails unnoticed, and for how long")
        if self.relapse is not None and law(self.relapse).mean_s <= 0:
            raise refuse("relapse is 0 s; expected more, or no silent")
        if self.reorder is not None:
            _check_orders(self)
        elif (self.retire is None) != (self.replacement is None):
            raise refuse("retire and replacement belong together: when a node goes, and until a new one is there")
        return self


def _check_orders(form: RepairForm) -> None:
    if form.retire is None:
        raise refuse("reorder needs retire: only nodes that are given up lower the stock for good")
    if form.replacement is not None:
        raise refuse("got both replacement and reorder; expected one: a new node for each retired one, or orders")


def repair_of(form: RepairForm | None, failures: Failures) -> RepairPlan | None:
    """Return the stages of repair; needed as soon as a cause takes a node away."""
    if form is None:
        takers = [c.cause for c in failures.classes if c.replace]
        if takers:
            raise ScenarioError(f"repair: is missing; cause '{takers[0]}' takes a node away")
        return None
    general = RepairStages(automatic=_stage(form.automatic), manual=_stage(form.manual))
    _check_succeeds(general, "repair")
    return RepairPlan(
        crews=form.crews,
        automatic=general.automatic,
        manual=general.manual,
        by_cause=_by_cause(form, general, failures),
        unnoticed=form.silent,
        relapse=law(form.relapse) if form.relapse else Law(),
        retire=_retirement(form),
        reorder=_reorder(form),
    )


def _by_cause(form: RepairForm, general: RepairStages, failures: Failures) -> dict[str, RepairStages]:
    # A scale of 0 leaves no causes, and how they are repaired is read by nothing.
    takers = [c.cause for c in failures.classes if c.replace]
    stages = {}
    for cause, own in sorted(form.by_cause.items()) if failures.classes else ():
        if cause not in takers:
            raise unknown_name("cause that takes a node away", cause, takers, "repair.by_cause")
        stages[cause] = RepairStages(
            automatic=_stage(own.automatic) if own.automatic else general.automatic,
            manual=_stage(own.manual) if own.manual else general.manual,
        )
        _check_succeeds(stages[cause], f"repair.by_cause.{cause}")
    return stages


def _check_succeeds(stages: RepairStages, where: str) -> None:
    if stages.automatic.success == 0 and stages.manual.success == 0:
        raise ScenarioError(f"{where}: no stage ever succeeds; expected a success above 0 in automatic or manual")


def _stage(form: RepairStageForm) -> RepairStage:
    return RepairStage(time=law(form.time), success=form.success)


def _retirement(form: RepairForm) -> Retirement | None:
    if form.retire is None:
        return None
    replacement = None if form.replacement is None else law(form.replacement)
    return Retirement(visits=form.retire.visits, within_s=form.retire.within, replacement=replacement)


def _reorder(form: RepairForm) -> Reorder | None:
    asked = form.reorder
    return None if asked is None else Reorder(below=asked.below, order=asked.order, lead=law(asked.lead))
