"""[recovery]: the stages between a failure and the next step."""

from typing import Annotated

from pydantic import BaseModel, Field

from sim.catalog.records import Node
from sim.errors import ScenarioError, unknown_name
from sim.reliability.records import RecoveryPlan
from sim.scenario.faults.failures import FailuresForm, causes_of
from sim.scenario.faults.repair import RepairForm
from sim.scenario.fields import Count, OneOf
from sim.scenario.laws import CLOSED, Duration, LawForm, law


class RecoveryForm(BaseModel):
    """[recovery]: the stages between a failure and the next step."""

    model_config = CLOSED
    mode: Annotated[str, OneOf(what="recovery mode", known=("requeue",), later=("in-job", "in-process", "elastic"))] = (
        "requeue"
    )
    on_failure: Annotated[str, OneOf(what="on_failure", known=("restart", "queue"))] = "restart"
    detect: Duration
    detect_by_cause: dict[str, Duration] = {}
    select_host: Annotated[
        Duration, Field(description="how long hosts are selected when the run starts, and after a stall")
    ] = LawForm.model_construct(kind="constant", mean=0.0)
    replace: Duration
    initialize: Duration
    warm_up: Duration = LawForm.model_construct(kind="constant", mean=0.0)
    rework: bool = True
    resume_when_idle: Annotated[
        Count | None,
        Field(
            description="nodes, the job's own included, that must be fit before a stalled job restarts; all, if fewer"
        ),
    ] = None


def recovery_of(
    recovery: RecoveryForm | None, failures: FailuresForm | None, repair: RepairForm | None, node: Node
) -> RecoveryPlan | None:
    """Return the stages of recovery, or None where nothing breaks. Raises ScenarioError when either lacks the other."""
    if failures is None or recovery is None:
        _refuse_one_alone(recovery, failures, repair)
        return None
    causes = [c.cause for c in causes_of(failures, node, 1)]
    for cause in recovery.detect_by_cause:
        if cause not in causes:
            raise unknown_name("cause", cause, causes, "recovery.detect_by_cause")
    return RecoveryPlan(
        on_failure=recovery.on_failure,
        detect=law(recovery.detect),
        # A scale of 0 leaves no causes, and what detects them is read by nothing.
        detect_by_cause={
            cause: law(duration) for cause, duration in sorted(recovery.detect_by_cause.items()) if failures.scale
        },
        select_host=law(recovery.select_host),
        replace=law(recovery.replace),
        initialize=law(recovery.initialize),
        warm_up=law(recovery.warm_up),
        rework=recovery.rework,
        resume_when_idle=recovery.resume_when_idle,
    )


def check_resume(recovery: RecoveryForm | None, nodes: int) -> None:
    """Raise ScenarioError where a stalled job would wait for fewer nodes than it needs."""
    idle = recovery.resume_when_idle if recovery else None
    if idle is not None and idle < nodes:
        raise ScenarioError(
            f"recovery.resume_when_idle: got {idle:,}; expected at least {nodes:,}, the nodes of the job"
        )


def _refuse_one_alone(recovery: RecoveryForm | None, failures: FailuresForm | None, repair: RepairForm | None) -> None:
    if failures is not None:
        raise ScenarioError("recovery: is missing; [failures] need to know how long a recovery takes")
    for name, table in (("recovery", recovery), ("repair", repair)):
        if table is not None:
            raise ScenarioError(f"{name}: nothing breaks without [failures]; expected both or neither")
