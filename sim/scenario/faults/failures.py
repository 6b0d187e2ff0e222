"""[failures]: what breaks, and how often."""

from collections import Counter
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, Field

from sim import catalog
from sim.catalog.records import Node
from sim.errors import ScenarioError
from sim.reliability.exposure import component_count
from sim.reliability.plan import COMPONENTS
from sim.reliability.records import SHARED_COMPONENTS, FailureClass, Law
from sim.scenario.faults.slow import SlowKeys, check_slow_cause, is_slow, slowing_of
from sim.scenario.fields import LONGEST_S, Name, OneOf
from sim.scenario.laws import CLOSED, Duration, LawForm, law
from sim.scenario.lookup import look_up
from sim.scenario.records import Failures


class CauseForm(LawForm, SlowKeys):
    """One cause of failure: what it hits and the law of that component's life.

    leaf, spine, core: switches by tier; cable: between switches; nic; link: from a port of a NIC to its switch.
    """

    component: Annotated[str, OneOf(what="component", known=COMPONENTS)]
    name: Name
    replace: bool | None = None
    repair: Annotated[
        Duration | None,
        Field(description="of a part of the network: how long it is out; of what is slow: how long it is so"),
    ] = None


class FailuresForm(BaseModel):
    """[failures]; scale multiplies every rate."""

    model_config = CLOSED
    preset: str | None = None
    causes: list[CauseForm] = []
    scale: float = Field(default=1.0, ge=0)
    clock: Annotated[str, OneOf(what="clock", known=("calendar", "operating"))] = "calendar"


def failures_of(form: FailuresForm | None, node: Node, nic_ports: int = 1) -> Failures:
    """Return the causes of a preset and of the form, their lives divided by `scale`; none where scale is 0.

    Which switches and cables there are is for the graph to say.
    """
    if form is None:
        return Failures(classes=(), clock="calendar")
    classes = causes_of(form, node, nic_ports)
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


def check_outages(form: FailuresForm | None, *, wired: bool) -> None:
    """Raise ScenarioError for outages of a network that is not there."""
    causes = form.causes if form else []
    for cause in causes:
        if not wired and not is_slow(cause) and (cause.repair is not None or cause.component in SHARED_COMPONENTS):
            raise ScenarioError(
                f"failures.causes: '{cause.name}' is an outage of the network; expected a cluster.topology, "
                "whose graph says what it stops"
            )


def causes_of(form: FailuresForm, node: Node, nic_ports: int) -> list[FailureClass]:
    """Return the causes of a preset and those of the form, before they are scaled."""
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
    check_slow_cause(cause, cause.component, f"failures.causes: '{cause.name}'", replaces=cause.replace)
    slowing = slowing_of(cause, None if cause.repair is None else law(cause.repair))
    if slowing is None:
        _check_outage(cause)
    takes = cause.component != "job" and cause.repair is None and slowing is None
    return FailureClass(
        cause=cause.name,
        component=cause.component,
        per_node=_per_node(cause.component, node, nic_ports),
        life=law(cause),
        replace=takes if cause.replace is None else cause.replace,
        outage=None if cause.repair is None or slowing else law(cause.repair),
        stops=slowing is None,
        slowing=slowing,
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
