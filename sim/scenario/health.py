"""[cluster.health]: what of the network is lost or slow from the first step on."""

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from sim.cluster.health import Fault, Health
from sim.scenario.fields import Count, CountOrZero, Name, refuse
from sim.scenario.laws import CLOSED

_KINDS = ("vertex", "link", "class", "rail", "plane", "nvswitch")


class FaultForm(BaseModel):
    """One of vertex, link ("A - B"), class, rail, plane, nvswitch (of a node); count: cables, members, NVSwitches."""

    model_config = {**CLOSED, "populate_by_name": True}
    vertex: Name | None = None
    link: Name | None = None
    class_: Annotated[Name | None, Field(alias="class")] = None
    rail: CountOrZero | None = None
    plane: CountOrZero | None = None
    nvswitch: CountOrZero | None = None
    count: Count | None = None

    @model_validator(mode="after")
    def _check_one(self) -> "FaultForm":
        said = named(self)
        if len(said) != 1:
            raise refuse(f"got {', '.join(said) or 'none'}; expected exactly one of {', '.join(_KINDS)}")
        if self.count is not None and not {*said} & {"link", "class", "nvswitch"}:
            raise refuse(f"count belongs to link, class or nvswitch; expected none beside {next(iter(said))}")
        return self


class DegradedForm(FaultForm):
    """The same at a factor of its bandwidth, above 0 and below 1."""

    factor: Annotated[float, Field(gt=0, lt=1)]


class HealthForm(BaseModel):
    """[cluster.health]: lost and degraded parts; a text names a vertex ("leaf-0-3") or a link ("leaf-0-3 - spine-0-1").

    seed: draws members of a class, by default that of the run.
    """

    model_config = CLOSED
    lost: Annotated[
        list[Name | FaultForm],
        Field(description="vertices and links by name, or tables such as { class = 'leaf-spine', count = 2 }"),
    ] = []
    degraded: Annotated[
        list[DegradedForm],
        Field(description="tables such as { link = 'leaf-0-3 - spine-0-0', factor = 0.5 }"),
    ] = []
    seed: CountOrZero | None = None


def named(form: FaultForm) -> dict[str, str]:
    """Return what a fault names, by the kind of it."""
    pairs = [(kind, getattr(form, "class_" if kind == "class" else kind)) for kind in _KINDS]
    return {kind: str(value) for kind, value in pairs if value is not None}


def health_of(form: HealthForm | None, seed: int) -> Health | None:
    """Return the health of a scenario's cluster; None where nothing is wrong.

    >>> health = health_of(HealthForm(lost=["leaf-0-3", "spine-0-1 - leaf-0-0"]), 1)
    >>> [(fault.what, fault.name) for fault in health.faults]
    [('vertex', 'leaf-0-3'), ('link', 'spine-0-1 - leaf-0-0')]
    """
    if form is None or not (form.lost or form.degraded):
        return None
    lost = [_fault(each, 0.0, f"cluster.health.lost.{i}") for i, each in enumerate(form.lost)]
    slow = [_fault(each, each.factor, f"cluster.health.degraded.{i}") for i, each in enumerate(form.degraded)]
    return Health(faults=(*lost, *slow), seed=seed if form.seed is None else form.seed)


def _fault(form: str | FaultForm, factor: float, where: str) -> Fault:
    if isinstance(form, str):
        return Fault(what="link" if " - " in form else "vertex", name=form, factor=factor, where=where)
    ((what, name),) = named(form).items()
    return Fault(what=what, name=name, factor=factor, count=form.count, where=where)
