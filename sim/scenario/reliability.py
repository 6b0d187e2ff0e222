"""From the form to what breaks, how the job recovers, and what it saves."""

from collections import Counter
from dataclasses import replace

from sim import catalog
from sim.catalog.records import Node
from sim.errors import ScenarioError, unknown_name
from sim.reliability.exposure import component_count
from sim.reliability.records import (
    SHARED_COMPONENTS,
    CheckpointPolicy,
    FailureClass,
    Law,
    RecoveryPlan,
    RepairPlan,
    RepairStage,
)
from sim.scenario.fields import LONGEST_S
from sim.scenario.form import CauseForm, CheckpointForm, FailuresForm, RepairForm, ScenarioForm
from sim.scenario.laws import law
from sim.scenario.machines import look_up
from sim.scenario.records import Checkpoint, Failures


def failures_of(form: FailuresForm | None, node: Node, nic_ports: int = 1) -> Failures:
    """Return the causes of a preset and of the form, their lives divided by `scale`; none where scale is 0.

    Which switches and cables there are is for the graph to say.
    """
    if form is None:
        return Failures(classes=(), clock="calendar")
    classes = _classes(form, node, nic_ports)
    if not classes:
        raise ScenarioError("failures: got neither preset nor causes; expected one of them, or no [failures]")
    twice = [cause for cause, count in Counter(c.cause for c in classes).items() if count > 1]
    if twice:
        raise ScenarioError(f"failures.causes: got {', '.join(twice)} more than once; expected each name once")
    if form.scale == 0:
        return Failures(classes=(), clock=form.clock)
    scaled = tuple(replace(c, life=replace(c.life, mean_s=c.life.mean_s / form.scale)) for c in classes)
    rarest = max(scaled, key=lambda c: c.life.mean_s)
    if rarest.life.mean_s > LONGEST_S:
        raise ScenarioError(
            f"failures.scale: got {form.scale:g}, which makes '{rarest.cause}' rarer than once in 100000 y a "
            "component; expected 0, or more"
        )
    return Failures(classes=scaled, clock=form.clock)


def check_rate(failures: Failures, nodes: int) -> None:
    """Raise ScenarioError where the job would fail more than once a second: no recovery would ever end."""
    rate = sum(component_count(c, nodes) / c.life.mean_s for c in failures.classes)
    if rate > 1:
        raise ScenarioError(
            f"failures: the job would fail every {1 / rate:.3g} s on average; expected at least 1 s, "
            "so longer lives or a smaller scale"
        )


def recovery_of(form: ScenarioForm, node: Node) -> RecoveryPlan | None:
    """Return the stages of recovery, or None where nothing breaks. Raises ScenarioError when either lacks the other."""
    if form.failures is None or form.recovery is None:
        _refuse_one_alone(form)
        return None
    recovery = form.recovery
    causes = [c.cause for c in _classes(form.failures, node, 1)]
    for cause in recovery.detect_by_cause:
        if cause not in causes:
            raise unknown_name("cause", cause, causes, "recovery.detect_by_cause")
    return RecoveryPlan(
        on_failure=recovery.on_failure,
        detect=law(recovery.detect),
        # A scale of 0 leaves no causes, and what detects them is read by nothing.
        detect_by_cause={
            cause: law(duration) for cause, duration in sorted(recovery.detect_by_cause.items()) if form.failures.scale
        },
        replace=law(recovery.replace),
        initialize=law(recovery.initialize),
        warm_up=law(recovery.warm_up),
        rework=recovery.rework,
    )


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


def checkpoint_of(form: ScenarioForm, failures: Failures) -> Checkpoint | None:
    """Return when checkpoints are taken, or None where none are asked for.

    Raises ScenarioError where nothing gives their durations: a model with a store, or block, durable_after, restore.
    """
    checkpoint = form.checkpoint
    if checkpoint is None:
        return None
    kind = checkpoint.interval.kind
    if kind != "fixed" and not failures.classes:
        raise ScenarioError(f"checkpoint.interval.kind: '{kind}' needs failures; got none, expected kind 'fixed'")
    _check_durations(checkpoint, computable=form.model is not None and form.cluster.storage is not None)
    return Checkpoint(
        policy=CheckpointPolicy(
            kind=kind,
            every_s=checkpoint.interval.every or 0.0,
            asynchronous=checkpoint.asynchronous,
            max_in_flight=checkpoint.max_in_flight,
        ),
        block_s=checkpoint.block,
        durable_after_s=checkpoint.durable_after if checkpoint.asynchronous else checkpoint.block,
        restore_s=checkpoint.restore,
    )


def check_outages(form: ScenarioForm) -> None:
    """Raise ScenarioError for outages of a network that is not there."""
    causes = form.failures.causes if form.failures else []
    for cause in causes:
        if form.cluster.topology is None and (cause.repair is not None or cause.component in SHARED_COMPONENTS):
            raise ScenarioError(
                f"failures.causes: '{cause.name}' is an outage of the network; expected a cluster.topology, "
                "whose graph says what it stops"
            )


def _classes(form: FailuresForm, node: Node, nic_ports: int) -> list[FailureClass]:
    preset = () if form.preset is None else look_up(catalog.failure_preset, form.preset, "failures.preset").causes
    return [
        *(
            FailureClass(
                cause=cause.name,
                component=cause.component,
                per_node=_per_node(cause.component, node, nic_ports),
                life=Law(kind=cause.kind, mean_s=cause.mean_s),
                replace=cause.replace,
            )
            for cause in preset
        ),
        *(_own_class(cause, node, nic_ports) for cause in form.causes),
    ]


def _own_class(cause: CauseForm, node: Node, nic_ports: int) -> FailureClass:
    if cause.component == "job" and cause.replace:
        raise ScenarioError(f"failures.causes: '{cause.name}' hits the job and no node; expected no replace")
    _check_outage(cause)
    takes = cause.component != "job" and cause.repair is None
    return FailureClass(
        cause=cause.name,
        component=cause.component,
        per_node=_per_node(cause.component, node, nic_ports),
        life=law(cause),
        replace=takes if cause.replace is None else cause.replace,
        outage=None if cause.repair is None else law(cause.repair),
    )


def _check_outage(cause: CauseForm) -> None:
    where = f"failures.causes: '{cause.name}'"
    if cause.component in SHARED_COMPONENTS and cause.repair is None:
        raise ScenarioError(f"{where}: got no repair; expected how long a {cause.component} is out, such as '4 h'")
    if cause.repair is None:
        return
    if cause.component not in (*SHARED_COMPONENTS, "nic", "link"):
        raise ScenarioError(
            f"{where}: repair belongs to parts of the network; a {cause.component} is repaired as [repair] says"
        )
    if cause.replace:
        raise ScenarioError(f"{where}: got both repair, which leaves nodes where they are, and replace; expected one")


def _per_node(component: str, node: Node, nic_ports: int) -> int:
    """Return the components of a sort in one node; a link is the host link of a port of a NIC."""
    counts = {"gpu": node.accelerators, "nic": node.nics // nic_ports, "link": node.nics}
    return counts.get(component, 1)


def _refuse_one_alone(form: ScenarioForm) -> None:
    if form.failures is not None:
        raise ScenarioError("recovery: is missing; [failures] need to know how long a recovery takes")
    for name, table in (("recovery", form.recovery), ("repair", form.repair)):
        if table is not None:
            raise ScenarioError(f"{name}: nothing breaks without [failures]; expected both or neither")


def _check_durations(form: CheckpointForm, computable: bool) -> None:
    wanted = ["block", "restore", *(["durable_after"] if form.asynchronous else [])]
    missing = [name for name in wanted if getattr(form, name) is None]
    if missing and not computable:
        raise ScenarioError(
            f"checkpoint: got no {', '.join(missing)}, and no [model] with cluster.storage to compute them; "
            "expected either"
        )
    if form.durable_after is not None and form.block is not None and form.durable_after < form.block:
        raise ScenarioError(
            f"checkpoint.durable_after: got {form.durable_after:g} s, expected at least block = {form.block:g} s"
        )
