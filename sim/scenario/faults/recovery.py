"""[recovery]: the stages between a failure and the next step."""

from typing import Annotated

from pydantic import BaseModel, Field

from sim.catalog.records import Node
from sim.errors import ScenarioError, unknown_name
from sim.reliability.plan import MODES
from sim.reliability.records import RecoveryPlan
from sim.reliability.recovery.elastic import REGROWS
from sim.scenario.faults.elastic import elastic_of
from sim.scenario.faults.failures import FailuresForm, causes_of
from sim.scenario.faults.repair import RepairForm
from sim.scenario.faults.replay import logged_causes
from sim.scenario.faults.slow import StragglersForm, stragglers_of
from sim.scenario.faults.spares import SparesForm
from sim.scenario.fields import LONGEST_S, Count, Fraction, OneOf, Time
from sim.scenario.laws import CLOSED, Duration, LawForm, law

NONE = LawForm.model_construct(kind="constant", mean=0.0)
"""No time at all."""

TRIED = ("requeue", "replace", "initialize", "restore", "warm_up")
"""Stages that are tried until they pass."""


class RecoveryForm(BaseModel):
    """[recovery]: the stages between a failure and the next step."""

    model_config = CLOSED
    mode: Annotated[str, OneOf(what="recovery mode", known=MODES)] = "requeue"
    on_failure: Annotated[str, OneOf(what="on_failure", known=("restart", "queue"))] = "restart"
    detect: Duration
    detect_by_cause: dict[str, Duration] = {}
    diagnose: Duration = NONE
    blames_right: Annotated[Fraction, Field(description="how likely the diagnosis finds the node that failed")] = 1.0
    requeue: Annotated[Duration | None, Field(description="in the queue, at every restart; of mode requeue")] = None
    select_host: Annotated[
        Duration, Field(description="how long hosts are selected when the run starts, and after a stall")
    ] = NONE
    replace: Duration
    initialize: Duration
    warm_up: Duration = NONE
    initialize_per_node: Annotated[Time, Field(description="what every node of the job adds to initialize")] = 0.0
    rejoin: Annotated[Duration | None, Field(description="instead of initialize where no node is replaced")] = None
    replicas: Annotated[Count | None, Field(description="replicas that share the nodes of a job without a model")] = (
        None
    )
    min_replicas: Annotated[Count | None, Field(description="whole replicas without which an elastic job waits")] = None
    regrow: Annotated[
        str | None, OneOf(what="regrow", known=REGROWS), Field(description="when replicas join an elastic job again")
    ] = None
    success: Annotated[dict[str, Fraction], Field(description="by stage: how likely one attempt at it passes")] = {}
    rework: bool = True
    spares: SparesForm | None = None
    stragglers: StragglersForm | None = None
    resume_when_idle: Annotated[
        Count | None,
        Field(
            description="nodes, the job's own included, that must be fit before a stalled job restarts; all, if fewer"
        ),
    ] = None


def recovery_of(
    recovery: RecoveryForm | None,
    failures: FailuresForm | None,
    repair: RepairForm | None,
    node: Node,
    nodes: int,
    data: int | None = None,
) -> RecoveryPlan | None:
    """Return the stages of recovery of a job on `nodes` nodes, or None where nothing breaks.

    data: data-parallel replicas of a model, the most of any phase; None without one.

    Raises ScenarioError when either lacks the other, and for keys that the mode does not read.
    """
    if failures is None or recovery is None:
        _refuse_one_alone(recovery, failures, repair)
        return None
    causes = {*(c.cause for c in causes_of(failures, node, 1)), *logged_causes(failures)}
    for cause in recovery.detect_by_cause:
        if cause not in causes:
            raise unknown_name("cause", cause, causes, "recovery.detect_by_cause")
    _check_mode(recovery)
    _check_grown(recovery, nodes)
    return RecoveryPlan(
        mode=recovery.mode,
        on_failure=recovery.on_failure,
        detect=law(recovery.detect),
        # A scale of 0 leaves no causes, and what detects them is read by nothing.
        detect_by_cause={
            cause: law(duration) for cause, duration in sorted(recovery.detect_by_cause.items()) if failures.scale
        },
        diagnose=law(recovery.diagnose),
        blames_right=recovery.blames_right,
        requeue=law(recovery.requeue or NONE),
        select_host=law(recovery.select_host),
        replace=law(recovery.replace),
        initialize=law(recovery.initialize),
        initialize_more_us=round(recovery.initialize_per_node * nodes * 1e6),
        rejoin=None if recovery.rejoin is None else law(recovery.rejoin),
        success=dict(sorted(recovery.success.items())),
        warm_up=law(recovery.warm_up),
        rework=recovery.rework,
        stragglers=stragglers_of(recovery.stragglers),
        resume_when_idle=recovery.resume_when_idle,
        elastic=elastic_of(recovery.mode, recovery.replicas, recovery.min_replicas, recovery.regrow, nodes, data),
    )


def check_resume(recovery: RecoveryForm | None, nodes: int) -> None:
    """Raise ScenarioError where a stalled job would wait for fewer nodes than it needs."""
    idle = recovery.resume_when_idle if recovery else None
    if idle is not None and idle < nodes:
        raise ScenarioError(
            f"recovery.resume_when_idle: got {idle:,}; expected at least {nodes:,}, the nodes of the job"
        )


def _check_grown(recovery: RecoveryForm, nodes: int) -> None:
    if recovery.initialize_per_node * nodes > LONGEST_S:
        raise ScenarioError(
            f"recovery.initialize_per_node: got {recovery.initialize_per_node:.3g} s for each of {nodes:,} nodes; "
            "expected at most 100000 y in all"
        )


def _check_mode(recovery: RecoveryForm) -> None:
    if recovery.requeue is not None and recovery.mode != "requeue":
        raise ScenarioError(f"recovery.requeue: mode '{recovery.mode}' stays; expected none, or mode 'requeue'")
    if recovery.rejoin is not None and recovery.mode != "in-process":
        raise ScenarioError(
            f"recovery.rejoin: processes of mode '{recovery.mode}' start anew; expected none, or mode 'in-process'"
        )
    for stage, success in recovery.success.items():
        if stage not in TRIED:
            raise unknown_name("stage", stage, TRIED, "recovery.success")
        if success == 0:
            raise ScenarioError(f"recovery.success.{stage}: got 0, and the stage would never pass; expected more")


def _refuse_one_alone(recovery: RecoveryForm | None, failures: FailuresForm | None, repair: RepairForm | None) -> None:
    if failures is not None:
        raise ScenarioError("recovery: is missing; [failures] need to know how long a recovery takes")
    for name, table in (("recovery", recovery), ("repair", repair)):
        if table is not None:
            raise ScenarioError(f"{name}: nothing breaks without [failures]; expected both or neither")
