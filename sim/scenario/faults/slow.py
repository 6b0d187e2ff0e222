"""Causes that slow without stopping, and [recovery.stragglers], which looks for them."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

from sim.errors import ScenarioError
from sim.reliability.failures.slow import POLICIES, SLOW_COMPONENTS, SLOW_STATES
from sim.reliability.records import Law, Slowing, StragglerPlan
from sim.scenario.fields import OneOf, PositiveTime, refuse
from sim.scenario.laws import CLOSED, Duration, law
from sim.scenario.speed import SlowFactor

_SHAPED = ("weibull", "lognormal", "uniform")


class FactorForm(BaseModel):
    """A distribution of a factor: kind and shape are those of what it exceeds 1 by, mean is that of the factor."""

    model_config = CLOSED
    kind: Annotated[str, OneOf(what="law", known=("constant", "exponential", *_SHAPED))]
    mean: Annotated[float, Field(gt=1, le=100)]
    shape: Annotated[float, Field(gt=0, le=10)] | None = None

    @model_validator(mode="after")
    def _check_shape(self) -> "FactorForm":
        if (self.kind in _SHAPED) != (self.shape is not None):
            raise refuse(f"law '{self.kind}' of a factor takes mean{' and shape' if self.kind in _SHAPED else ''}")
        if self.kind == "uniform" and self.shape is not None and self.shape > 1:
            raise refuse(f"shape {self.shape:g} of a uniform law reaches below a factor of 1; expected at most 1")
        return self


class _NumberOrTable:
    """Reads a number as a constant factor, and a table as a distribution."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(_read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "number", "exclusiveMinimum": 1, "maximum": 100}, handler(schema)]}


def _read(value: Any, table: core_schema.ValidatorFunctionWrapHandler) -> Any:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain and not isinstance(value, dict | FactorForm):
        raise refuse(f"got {value!r}, expected a number above 1, such as 1.2, or a distribution of one")
    return table({"kind": "constant", "mean": float(value)} if plain else value)


class SlowKeys(BaseModel):
    """Keys of a cause that slows: by how much kernels take longer, or what a NIC or a link keeps of its bandwidth."""

    model_config = CLOSED
    slow: Annotated[
        FactorForm | None,
        _NumberOrTable(),
        Field(description="factor on the time of kernels: a number such as 1.2, or a distribution; repair heals it"),
    ] = None
    bandwidth: Annotated[
        float | None,
        Field(gt=0, lt=1, description="fraction that a nic or link keeps; the graph decides what that costs"),
    ] = None
    state: Annotated[str, OneOf(what="state", known=SLOW_STATES)] | None = None


class StragglersForm(BaseModel):
    """[recovery.stragglers]: how slow nodes are found, and what becomes of them.

    threshold: the least factor on the step that one of them alone must cause; delay: from when it is slow in the job to
    when it is found; false_alarms: mean time between two evictions of a healthy node while the job steps.
    """

    model_config = CLOSED
    threshold: SlowFactor
    delay: Duration
    policy: Annotated[str, OneOf(what="policy", known=POLICIES)] = "evict"
    false_alarms: PositiveTime | None = None

    @model_validator(mode="after")
    def _check_alarms(self) -> "StragglersForm":
        if self.policy == "wait" and self.false_alarms is not None:
            raise refuse("policy 'wait' evicts nobody; expected no false_alarms, or policy 'evict'")
        return self


def is_slow(cause: SlowKeys) -> bool:
    """Say whether a cause slows instead of stopping."""
    return cause.slow is not None or cause.bandwidth is not None


def slowing_of(cause: SlowKeys, heals: Law | None) -> Slowing | None:
    """Return what a cause slows by, None where it stops what it hits.

    >>> slowing_of(SlowKeys(slow=1.25), None)
    Slowing(longer=Law(kind='constant', mean_s=0.25, shape=1.0, table=()), bandwidth=1.0, state='straggler', heals=None)
    """
    if not is_slow(cause):
        return None
    factor = cause.slow
    return Slowing(
        longer=Law() if factor is None else Law(kind=factor.kind, mean_s=factor.mean - 1, shape=factor.shape or 1.0),
        bandwidth=1.0 if cause.bandwidth is None else cause.bandwidth,
        state=cause.state or "straggler",
        heals=heals,
    )


def stragglers_of(form: StragglersForm | None) -> StragglerPlan | None:
    """Return how slow nodes are found, None where nobody looks for them."""
    if form is None:
        return None
    return StragglerPlan(
        threshold=form.threshold, delay=law(form.delay), policy=form.policy, false_alarm_s=form.false_alarms
    )


def check_slow_cause(cause: SlowKeys, component: str, where: str, *, replaces: bool | None) -> None:
    """Raise ScenarioError for keys of a slow cause that do not go together; replaces: what it says of `replace`."""
    if not is_slow(cause):
        if cause.state is not None:
            raise ScenarioError(f"{where}: state belongs to a cause that slows; expected slow, or no state")
        return
    if component not in SLOW_COMPONENTS:
        raise ScenarioError(f"{where}: a {component} cannot be slow; expected one of: {', '.join(SLOW_COMPONENTS)}")
    if replaces is not None:
        raise ScenarioError(f"{where}: is slow and stops nothing, [recovery.stragglers] evicts; expected no replace")
    if cause.bandwidth is None:
        return
    if component not in ("nic", "link"):
        raise ScenarioError(f"{where}: got bandwidth of a {component}; expected slow, or a nic or link")
    if cause.slow is not None or cause.state is not None:
        raise ScenarioError(f"{where}: got bandwidth, whose cost the graph decides, and slow or state; expected one")
