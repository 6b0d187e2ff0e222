"""A plan that cannot be run is refused with what is wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sim.errors import InputError, ScenarioError, UnknownNameError
from sim.reliability.examples import run_plan
from sim.reliability.plan import check_plan, planned_us
from sim.reliability.records import Law, RepairPlan, RepairStage, RunPlan

Change = Callable[[RunPlan], RunPlan]


def failing(**changes: object) -> Change:
    """A change of the first failure class."""
    return lambda plan: replace(plan, failures=(replace(plan.failures[0], **changes), *plan.failures[1:]))  # type: ignore[arg-type]


def never_repaired(plan: RunPlan) -> RunPlan:
    """Repair that cannot succeed."""
    stage = RepairStage(time=Law(mean_s=1.0), success=0.0)
    return replace(plan, repair=RepairPlan(crews=0, automatic=stage, manual=stage))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda p: replace(p, nodes=0), InputError, "nodes is 0"),
        (lambda p: replace(p, spare_nodes=-1), InputError, "spare_nodes is -1"),
        (lambda p: replace(p, phases=()), InputError, "phases"),
        (lambda p: replace(p, phases=(replace(p.phases[0], step_time_us=0),)), InputError, "step_time_us"),
        (lambda p: replace(p, failure_clock="calender"), UnknownNameError, "did you mean 'calendar'"),
        (lambda p: replace(p, recovery=replace(p.recovery, on_failure="wait")), UnknownNameError, "on_failure"),
        (
            lambda p: replace(p, recovery=replace(p.recovery, detect_by_cause={"gpus": Law()})),
            UnknownNameError,
            "'gpu'",
        ),
        (lambda p: replace(p, checkpoint=replace(p.checkpoint, durable_after_us=1)), InputError, "durable_after_us"),
        (lambda p: replace(p, phases=(replace(p.phases[0], steps=None),)), ScenarioError, "never end"),
        (lambda p: replace(p, failures=(p.failures[0], p.failures[0])), ScenarioError, "two failure classes"),
        (failing(component="gpus"), UnknownNameError, "did you mean 'gpu'"),
        (failing(component="job"), ScenarioError, "hits no node"),
        (failing(life=Law(kind="exponential", mean_s=0.0)), InputError, "mean life"),
        (never_repaired, ScenarioError, "never succeeds"),
    ],
)
def test_it_is_refused(change: Change, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        check_plan(change(run_plan()))


def test_a_plan_takes_its_work_and_its_checkpoints() -> None:
    assert planned_us(run_plan()) == 1_000_000_000 + 9 * 2_000_000
    assert planned_us(replace(run_plan(), horizon_us=5_000_000)) == 5_000_000
    assert planned_us(replace(run_plan(), work_us=100_000_000)) == 100_000_000
