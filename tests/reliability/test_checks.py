"""Plans whose spares or repairs cannot be are refused, also without a form."""

from dataclasses import replace

import pytest

from sim.errors import InputError, ScenarioError, UnknownNameError
from sim.reliability.examples import run_plan
from sim.reliability.plan import check_plan
from sim.reliability.records import Law, Reorder, RepairStage, RepairStages, Retirement, RunPlan, SparePlan, SpareTier

TIER = SpareTier(nodes=1, replace=Law(mean_s=1.0))


def spared(spares: SparePlan) -> RunPlan:
    return replace(run_plan(), recovery=replace(run_plan().recovery, spares=spares))


def repaired(**changes: object) -> RunPlan:
    return replace(run_plan(), repair=replace(run_plan().repair, **changes))  # type: ignore[arg-type]


SCRAP = Retirement(visits=1, within_s=1.0, replacement=None)


def ordered(below: int = 0, order: int = 1, retire: Retirement | None = SCRAP, **changes: object) -> RunPlan:
    """A plan with orders of spares; changes: of its recovery."""
    plan = repaired(retire=retire, reorder=Reorder(below=below, order=order, lead=Law(mean_s=9.0)))
    return replace(plan, recovery=replace(plan.recovery, **changes))  # type: ignore[arg-type]


def test_plans_with_spares_and_repairs_that_fit_are_accepted() -> None:
    check_plan(spared(SparePlan(hot=TIER)))
    check_plan(replace(spared(SparePlan(per_domain=1, domain_nodes=2)), spare_nodes=2))
    check_plan(replace(spared(SparePlan(per_domain=1, domain_nodes=2)), spare_nodes=5))
    check_plan(
        repaired(unnoticed=0.1, relapse=Law(mean_s=9.0), retire=Retirement(visits=1, within_s=1, replacement=Law()))
    )
    check_plan(ordered())
    check_plan(ordered(resume_when_idle=5))


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (spared(SparePlan(hot=TIER, warm=TIER)), "2 are hot or warm, and there are 1"),
        (spared(SparePlan(hot=SpareTier(nodes=0, replace=Law()))), "hot: nodes is 0"),
        (spared(SparePlan(hot=SpareTier(nodes=1, replace=Law(mean_s=-1)))), "mean of a constant law is -1"),
        (spared(SparePlan(per_domain=1, domain_nodes=3)), "got 1 for domains of 3"),
        (spared(SparePlan(per_domain=1, domain_nodes=2)), "got 1 spare nodes; expected 1 for each of 2 domains"),
        (repaired(unnoticed=1.1), "silent is 1.1"),
        (repaired(unnoticed=0.1), "relapse is 0.0 s; expected more than 0"),
        (repaired(retire=Retirement(visits=0, within_s=1, replacement=Law())), "got 0 visits"),
        (repaired(retire=Retirement(visits=1, within_s=0, replacement=Law())), "within 0 s"),
        (repaired(retire=SCRAP), "retire: got neither replacement nor reorder"),
        (ordered(retire=None), "reorder: got no retire"),
        (ordered(retire=Retirement(visits=1, within_s=1, replacement=Law())), "got a replacement for each retired"),
        (repaired(retire=SCRAP, reorder=Reorder(below=0, order=1, lead=Law())), "lead is 0.0 s; expected more than 0"),
        (ordered(below=-1), "got below -1 and order 1"),
        (ordered(order=0), "got below 0 and order 0"),
        (ordered(order=2), "below \\+ order is 2; expected at most the 1 of cluster.spare_nodes"),
        (ordered(spares=SparePlan(per_domain=1, domain_nodes=4)), "each domain has a stock of its own"),
        (replace(ordered(resume_when_idle=7), spare_nodes=3), "expected at most 5, as nothing is ordered"),
    ],
)
def test_what_cannot_be_is_refused(plan: RunPlan, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        check_plan(plan)


def test_stages_of_a_cause_belong_to_one_that_there_is_and_succeed() -> None:
    never = RepairStage(time=Law(), success=0.0)
    once = RepairStage(time=Law(), success=1.0)
    with pytest.raises(UnknownNameError, match="did you mean 'gpu'"):
        check_plan(repaired(by_cause={"gpus": RepairStages(automatic=once, manual=once)}))
    with pytest.raises(ScenarioError, match=r"by_cause\.gpu: where the automatic stage fails"):
        check_plan(repaired(by_cause={"gpu": RepairStages(automatic=never, manual=never)}))
