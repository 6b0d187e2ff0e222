"""[failures]: what breaks, and how often."""

from collections import Counter
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, Field

from sim import catalog
from sim.catalog.records import Node
from sim.cluster.domains import DOMAINS
from sim.errors import ScenarioError
from sim.reliability.failures.domain_checks import check_correlated
from sim.reliability.plan import COMPONENTS
from sim.reliability.records import SHARED_COMPONENTS, STORE, FailureClass, Law
from sim.scenario.faults.domains import CorrelatedForm, correlated_of
from sim.scenario.faults.effects import planned_of, silent_of
from sim.scenario.faults.fleet import AgeForm, InfantForm, LemonsForm, ages_of, with_infants, with_lemons
from sim.scenario.faults.log import LogForm
from sim.scenario.faults.parts import per_node
from sim.scenario.faults.slow import SlowKeys, check_slow_cause, is_slow, slowing_of
from sim.scenario.fields import LONGEST_S, Count, Fraction, Name, OneOf, Time
from sim.scenario.laws import CLOSED, Duration, LawForm, law
from sim.scenario.lookup import look_up
from sim.scenario.records import Failures


class CauseForm(LawForm, SlowKeys):
    """One cause of failure: what it hits and the law of that component's life.

    leaf, spine, core: switches by tier; cable: between switches; nic; link: from a port of a NIC to its switch; rack,
    power-domain, cooling-unit, site: with all of their nodes; storage: the store of checkpoints. per_node: of parts
    that the node's record does not count.
    """

    component: Annotated[str, OneOf(what="component", known=COMPONENTS)]
    name: Name
    replace: bool | None = None
    repair: Annotated[
        Duration | None,
        Field(
            description="of a part of the network, or a domain: how long it is out; the graph says what that stops. Of "
            "the store: how long no checkpoint can be written or read. Of what is slow: how long it is so"
        ),
    ] = None
    data_loss: Annotated[bool, Field(description="of storage: every checkpoint that it holds is gone")] = False
    per_node: Count | None = None
    correlated: CorrelatedForm | None = None
    found: Annotated[Duration | None, Field(description="it goes unnoticed for so long; all work since is bad")] = None
    recall: Annotated[Fraction | None, Field(description="the probability that it is noticed at all")] = None
    rewind: Annotated[Time | None, Field(description="so much work before it is lost too")] = None
    aborts: Annotated[bool, Field(description="the run ends when it is found")] = False
    planned: Annotated[
        Duration | None, Field(description="no failure: a stop once all work is saved; nodes it hits are away so long")
    ] = None


class FailuresForm(BaseModel):
    """[failures]; scale multiplies every rate: it divides lives, ages in their laws included.

    A log takes the place of preset and causes.
    """

    model_config = CLOSED
    preset: str | None = None
    causes: list[CauseForm] = []
    log: LogForm | None = None
    scale: float = Field(default=1.0, ge=0)
    clock: Annotated[str, OneOf(what="clock", known=("calendar", "operating"))] = "calendar"
    ages: list[AgeForm] = []
    lemons: LemonsForm | None = None
    infant: InfantForm | None = None


def failures_of(form: FailuresForm | None, node: Node, nic_ports: int = 1) -> Failures:
    """Return the causes of a preset and of the form, their lives divided by `scale`; none where scale is 0.

    Infant mortality comes after the scale, so that the age at which it ends is the one that is said.

    Which switches and cables there are is for the graph to say.
    """
    if form is None:
        return Failures(classes=(), clock="calendar")
    classes = causes_of(form, node, nic_ports)
    if not classes and form.log is None:
        raise ScenarioError("failures: got neither preset nor causes nor log; expected one of them, or no [failures]")
    twice = [cause for cause, count in Counter(c.cause for c in classes).items() if count > 1]
    if twice:
        raise ScenarioError(f"failures.causes: got {', '.join(twice)} more than once; expected each name once")
    if form.scale == 0 or not classes:
        return Failures(classes=(), clock=form.clock)
    scaled = tuple(replace(c, life=replace(c.life, mean_s=c.life.mean_s / form.scale)) for c in classes)
    scaled = with_lemons(with_infants(scaled, form.infant), form.lemons)
    rarest = max(scaled, key=lambda c: c.life.mean_s)
    if rarest.life.mean_s > LONGEST_S:
        raise ScenarioError(
            f"failures.scale: got {form.scale:g}, which makes '{rarest.cause}' rarer than once in 100000 y a "
            "component; expected 0, or more"
        )
    return Failures(classes=scaled, clock=form.clock, ages=ages_of(form.ages))


def domains_wanted(form: FailuresForm | None) -> set[str]:
    """Return the kinds of domains that causes name: what they hit, or what their components fail together in."""
    causes = form.causes if form else []
    return {cause.component for cause in causes} | {cause.correlated.domain for cause in causes if cause.correlated}


def check_outages(form: FailuresForm | None, *, wired: bool) -> None:
    """Raise ScenarioError for outages of a network that is not there."""
    causes = form.causes if form else []
    for cause in causes:
        of_network = cause.repair is not None and cause.component not in (*DOMAINS, STORE) and not is_slow(cause)
        if not wired and (of_network or cause.component in SHARED_COMPONENTS):
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
                per_node=per_node(cause.component, node, nic_ports, None, f"failures.preset: '{cause.name}'"),
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
    where = f"failures.causes: '{cause.name}'"
    check_slow_cause(cause, cause.component, where, replaces=cause.replace)
    slowing = slowing_of(cause, None if cause.repair is None else law(cause.repair))
    if slowing is None:
        _check_outage(cause)
    takes = cause.component != "job" and cause.repair is None and cause.planned is None and slowing is None
    resolved = FailureClass(
        cause=cause.name,
        component=cause.component,
        per_node=per_node(cause.component, node, nic_ports, cause.per_node, where),
        life=law(cause),
        replace=takes if cause.replace is None else cause.replace,
        outage=None if cause.repair is None or slowing else law(cause.repair),
        stops=slowing is None and cause.component != STORE,
        data_loss=cause.data_loss,
        slowing=slowing,
        correlated=correlated_of(cause.correlated),
        silent=silent_of(cause.found, cause.recall, cause.rewind, cause.aborts, where),
        planned=planned_of(cause.planned, cause.component, cause.replace, where),
    )
    if resolved.correlated is not None:
        check_correlated(resolved, resolved.correlated, where)
    return resolved


def _check_outage(cause: CauseForm) -> None:
    where = f"failures.causes: '{cause.name}'"
    if cause.data_loss and cause.component != STORE:
        raise ScenarioError(f"{where}: data_loss belongs to component '{STORE}'; a {cause.component} is no store")
    if cause.component in (STORE, *SHARED_COMPONENTS) and cause.repair is None:
        raise ScenarioError(f"{where}: got no repair; expected how long a {cause.component} is out, such as '4 h'")
    if cause.repair is None:
        return
    if cause.component not in (STORE, *SHARED_COMPONENTS, *DOMAINS, "nic", "link"):
        raise ScenarioError(
            f"{where}: repair belongs to parts of the network; a {cause.component} is repaired as [repair] says"
        )
    if cause.replace:
        raise ScenarioError(f"{where}: got both repair, which leaves nodes where they are, and replace; expected one")
