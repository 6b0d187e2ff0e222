"""[repair]: what becomes of nodes that left the job."""

from pydantic import BaseModel

from sim.errors import ScenarioError
from sim.reliability.records import RepairPlan, RepairStage
from sim.scenario.fields import CountOrZero, Fraction
from sim.scenario.laws import CLOSED, Duration, law
from sim.scenario.records import Failures


class RepairStageForm(BaseModel):
    """One stage of repair."""

    model_config = CLOSED
    time: Duration
    success: Fraction


class RepairForm(BaseModel):
    """[repair]; crews: manual repairs at a time, 0 for as many as needed."""

    model_config = CLOSED
    crews: CountOrZero
    automatic: RepairStageForm
    manual: RepairStageForm


def repair_of(form: RepairForm | None, failures: Failures) -> RepairPlan | None:
    """Return the stages of repair; needed as soon as a cause takes a node away."""
    if form is None:
        takers = [c.cause for c in failures.classes if c.replace]
        if takers:
            raise ScenarioError(f"repair: is missing; cause '{takers[0]}' takes a node away")
        return None
    if form.automatic.success == 0 and form.manual.success == 0:
        raise ScenarioError("repair: no stage ever succeeds; expected a success above 0 in automatic or manual")
    return RepairPlan(
        crews=form.crews,
        automatic=RepairStage(time=law(form.automatic.time), success=form.automatic.success),
        manual=RepairStage(time=law(form.manual.time), success=form.manual.success),
    )
