"""The form of a campaign: every key of its TOML, its type and its default; what needs a second table comes after."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, model_validator

from sim.campaign.records import KINDS, OTHERS, POLICIES
from sim.scenario.billing import Money
from sim.scenario.fields import Count, CountOrZero, FileName, IsoDate, Name, NodeCount, OneOf, PositiveTime, refuse
from sim.scenario.laws import CLOSED

MOST_RUNS = 5_000
"""Runs of a campaign, attempts included."""

SIMULATED_ONLY = ("set", "faults", "attempts")
"""Keys of a run that say something of its scenario."""

WAYS = ("scenario", "gpu_hours", "lasts", "teacher")
"""Keys of which a run has exactly one: what it does."""


class AssetForm(BaseModel):
    """[[assets]]: the [cluster] and the [cost] of a scenario, with keys of both set anew, held between two days."""

    model_config = CLOSED
    name: FileName
    scenario: Name
    set: dict[str, Any] = {}
    from_: Annotated[IsoDate | None, Field(alias="from")] = None
    until: IsoDate | None = None


class TeacherForm(BaseModel):
    """Inference of a teacher: tokens that it generates or scores, at an MFU that is stated with its source."""

    model_config = CLOSED
    model: Name
    tokens: Count
    mfu: Annotated[float, Field(gt=0, le=1)]
    precision: Name = "bf16"
    source: Name


class RunForm(BaseModel):
    """[[runs]]: what it is for, on which nodes, after what, and a scenario, GPU-hours, a duration or a teacher."""

    model_config = CLOSED
    name: FileName
    kind: Annotated[str, OneOf(what="kind of run", known=KINDS)]
    label: Name | None = None
    asset: Name | None = None
    count: Annotated[int, Field(ge=1, le=MOST_RUNS)] = 1
    nodes: NodeCount | None = None
    after: list[Name] = []
    start: IsoDate | None = None
    scenario: Name | None = None
    set: dict[str, Any] = {}
    faults: list[dict[str, Any]] = []
    attempts: Annotated[int, Field(ge=1, le=100)] = 1
    gpu_hours: Annotated[float, Field(gt=0, le=1e12)] | None = None
    lasts: PositiveTime | None = None
    teacher: TeacherForm | None = None
    source: Name | None = None

    @model_validator(mode="after")
    def _check_way(self) -> "RunForm":
        ways = [way for way in WAYS if getattr(self, way) is not None]
        if len(ways) != 1:
            raise refuse(f"got {' and '.join(ways) or 'none'} of {', '.join(WAYS)}; expected one: what the run does")
        if self.scenario is None:
            self._check_given(ways[0])
        elif self.source is not None:
            raise refuse("source: nothing reads it beside a scenario, which says where its own numbers come from")
        if self.kind == "failed":
            raise refuse("kind: got 'failed', which a run becomes when a fault ends it; expected what it is for")
        if self.kind == OTHERS and self.scenario is not None:
            raise refuse("kind: others are not simulated; expected lasts or gpu_hours, or another kind")
        return self

    def _check_given(self, way: str) -> None:
        for key in SIMULATED_ONLY:
            if key in self.model_fields_set:
                raise refuse(f"{key}: nothing reads it beside {way}; expected a scenario")
        if self.nodes is None:
            raise refuse(f"nodes: is missing; {way} needs the nodes that the work runs on")
        if way != "teacher" and self.source is None:
            raise refuse(f"source: is missing; {way} is no simulation: say who states it, or 'assumed'")
        if way == "teacher" and self.source is not None:
            raise refuse("source: got one beside teacher; expected it in teacher, as its MFU's")


class TeamForm(BaseModel):
    """[[teams]]: full-time equivalents from a day (inclusive) to another (exclusive)."""

    model_config = CLOSED
    name: Name
    fte: Annotated[float, Field(gt=0, le=1e6)]
    from_: Annotated[IsoDate, Field(alias="from")]
    to: IsoDate

    @model_validator(mode="after")
    def _check_days(self) -> "TeamForm":
        if self.from_ >= self.to:
            raise refuse(f"got {self.from_} to {self.to}; expected a later end")
        return self


class DataForm(BaseModel):
    """[[data]]: a lump."""

    model_config = CLOSED
    name: Name
    cost: Money
    source: Name


class GapForm(BaseModel):
    """Something that a published figure holds and the runs do not."""

    model_config = CLOSED
    what: Name
    gpu_hours: float | None = None


class PublishedForm(BaseModel):
    """[[published]]: GPU-hours of runs together."""

    model_config = CLOSED
    figure: Annotated[str, OneOf(what="figure", known=("gpu_hours", "job_gpu_hours"))] = "job_gpu_hours"
    runs: Annotated[list[Name], Field(min_length=1)]
    value: Annotated[float, Field(gt=0)]
    source: Name
    gap: list[GapForm] = []


class CampaignForm(BaseModel):
    """A campaign."""

    model_config = CLOSED
    name: FileName
    start: IsoDate
    seed: CountOrZero = 1
    queue: Annotated[str, OneOf(what="queue", known=POLICIES)] = POLICIES[0]
    assets: Annotated[list[AssetForm], Field(min_length=1)]
    runs: Annotated[list[RunForm], Field(min_length=1)]
    teams: list[TeamForm] = []
    data: list[DataForm] = []
    published: list[PublishedForm] = []
    notes: list[Name] = []
