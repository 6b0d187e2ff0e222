"""How nodes of the fleet differ, in [failures]: ages, lemons, infant mortality."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, Field

from sim.errors import ScenarioError, unknown_name
from sim.reliability.failures.fleet import held_by_nodes
from sim.reliability.failures.hazards import infant_law
from sim.reliability.records import AgeBatch, FailureClass, Lemons
from sim.scenario.fields import Count, Fraction, Name, PositiveTime, Time
from sim.scenario.laws import CLOSED


class AgeForm(BaseModel):
    """The next so many nodes, spares after those of the job, and how old they and all in them are at the start."""

    model_config = CLOSED
    nodes: Count
    age: Time


class LemonsForm(BaseModel):
    """A fraction of nodes whose causes strike factor times as often; causes: which ones, by default all of nodes."""

    model_config = CLOSED
    fraction: Fraction
    factor: float = Field(ge=1)
    causes: list[Name] = []


class InfantForm(BaseModel):
    """Infant mortality of exponential lives: factor times the rate up to an age, also of what replaces others."""

    model_config = CLOSED
    factor: float = Field(ge=1)
    until: PositiveTime
    causes: list[Name] = []


def ages_of(ages: Sequence[AgeForm]) -> tuple[AgeBatch, ...]:
    """Return the batches of a fleet.

    >>> ages_of([AgeForm(nodes=8, age="1 d")])
    (AgeBatch(nodes=8, age_s=86400.0),)
    """
    return tuple(AgeBatch(nodes=each.nodes, age_s=each.age) for each in ages)


def with_lemons(classes: Sequence[FailureClass], form: LemonsForm | None) -> tuple[FailureClass, ...]:
    """Return causes that strike lemons more often. Raises ScenarioError, and UnknownNameError for a cause."""
    if form is None:
        return tuple(classes)
    lemons = Lemons(fraction=form.fraction, factor=form.factor)
    named = _named(classes, form.causes, "failures.lemons")
    return tuple(replace(each, lemons=lemons) if each.cause in named else each for each in classes)


def with_infants(classes: Sequence[FailureClass], form: InfantForm | None) -> tuple[FailureClass, ...]:
    """Return causes with infant mortality: lives whose rate was constant begin with a higher one.

    Raises ScenarioError for a cause whose law says by itself how its hazard changes, and UnknownNameError.
    """
    if form is None:
        return tuple(classes)
    where = "failures.infant"
    named = _named(classes, form.causes, where)
    shaped = [each for each in classes if each.cause in named and each.life.kind != "exponential"]
    if shaped and (form.causes or len(shaped) == len(named)):
        raise ScenarioError(
            f"{where}: the lives of '{shaped[0].cause}' are {shaped[0].life.kind}; expected a cause with exponential "
            "ones, or a bathtub or piecewise law"
        )
    named -= {each.cause for each in shaped}
    return tuple(
        replace(each, life=infant_law(each.life.mean_s, form.factor, form.until)) if each.cause in named else each
        for each in classes
    )


def _named(classes: Sequence[FailureClass], causes: Sequence[str], where: str) -> set[str]:
    """Return the causes of nodes that are named, by default all there are."""
    held = {each.cause for each in classes if held_by_nodes(each.component)}
    known = {each.cause: each.component for each in classes}
    for cause in causes:
        if cause not in known:
            raise unknown_name("cause", cause, known, f"{where}.causes")
        if cause not in held:
            raise ScenarioError(f"{where}.causes: '{cause}' hits a {known[cause]}, which no node holds")
    if not held:
        raise ScenarioError(f"{where}: got no cause of failure of nodes; expected one")
    return {*causes} or held
