"""The form of a study file: a base, what is set for all, variants, axes, replications, and hints for a batch."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from sim.batch.selecting import PROBABILITY
from sim.scenario.fields import PositiveTime, quantity, refuse
from sim.scenario.laws import CLOSED

MOST_POINTS = 65_536
MOST_REPLICATIONS = 1_000_000

_KINDS = ("values", "range", "zip", "latin_hypercube", "sobol")

End = int | float | str
"""An end of a range: a number, or a quantity with its unit."""


class VariantForm(BaseModel):
    """[[variants]]: a name and the dotted keys of the base that it sets."""

    model_config = CLOSED
    name: str = Field(min_length=1, max_length=60)
    set: dict[str, Any]


class RangeForm(BaseModel):
    """Two ends and how values lie between them; ends that are whole numbers give whole numbers."""

    model_config = CLOSED
    start: Annotated[End, Field(alias="from")]
    end: Annotated[End, Field(alias="to")]
    scale: Literal["linear", "log"] = "linear"


class SpacedForm(RangeForm):
    """A range and how many values it gives, both ends among them."""

    count: int = Field(ge=2, le=MOST_POINTS)


class SampleForm(BaseModel):
    """Points of a space whose dimensions are ranges of keys. seed: draws them."""

    model_config = CLOSED
    count: int = Field(ge=2, le=MOST_POINTS)
    seed: int = Field(default=1, ge=0)
    keys: dict[str, RangeForm] = Field(min_length=1)


class AxisForm(BaseModel):
    """[[axes]]: a key with values or a range of them, or several keys that go together or are sampled.

    when: dotted keys that are set before, and the values under which the axis is there at all.
    """

    model_config = CLOSED
    key: str | None = Field(default=None, min_length=1)
    values: list[Any] | None = None
    range: SpacedForm | None = None
    zip: dict[str, list[Any]] | None = None
    latin_hypercube: Annotated[SampleForm | None, Field(alias="latin-hypercube")] = None
    sobol: SampleForm | None = None
    when: dict[str, Any] = {}

    @model_validator(mode="after")
    def _check_one(self) -> "AxisForm":
        said = [name.replace("_", "-") for name in _KINDS if getattr(self, name) is not None]
        if len(said) != 1:
            raise refuse(
                f"got {' and '.join(said) or 'none'}; expected one of values, range, zip, latin-hypercube, sobol"
            )
        one_key = said[0] in ("values", "range")
        if one_key != (self.key is not None):
            raise refuse(f"{said[0]} {'is of one key: expected key' if one_key else 'names its keys: expected no key'}")
        return self


class UntilForm(BaseModel):
    """[until]: replications until the intervals of metrics are narrow, by Stein's two stages.

    half_width: by metric, a number in its own unit or a text such as "0.5 %" of the first stage's mean.
    """

    model_config = CLOSED
    half_width: dict[str, float | int | str] = Field(min_length=1)
    first: int = Field(default=20, ge=2, le=MOST_REPLICATIONS)
    most: int = Field(default=1000, ge=2, le=MOST_REPLICATIONS)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


class HintsForm(BaseModel):
    """[batch]: most runs of a chunk, what is kept of each, and what a run may take."""

    model_config = CLOSED
    chunk: int | None = Field(default=None, ge=1, le=100_000)
    detail: Literal["summary", "ledger", "events"] = "summary"
    time_limit: PositiveTime | None = None
    memory_limit: Annotated[float | None, Field(gt=0), quantity("size")] = None


class BestForm(BaseModel):
    """best = { metric, within, probability }: the variant that is to be selected; see `compare --select`."""

    model_config = CLOSED
    metric: str
    within: str | float
    probability: float = PROBABILITY


class StudyForm(BaseModel):
    """A study file. set: dotted keys of the base for all. Variants times axes are compared with the first of them.

    best, prices: what `compare` answers besides; until, metrics, batch: how `batch` replicates, sums up and runs.
    """

    model_config = CLOSED
    name: str = Field(min_length=1, max_length=60)
    question: str = Field(min_length=1)
    base: str = Field(min_length=1)
    replicas: int | None = Field(default=None, ge=1, le=MOST_REPLICATIONS)
    until: UntilForm | None = None
    best: BestForm | None = None
    prices: list[str] = []
    metrics: list[str] = []
    set: dict[str, Any] = {}
    variants: list[VariantForm] = []
    axes: list[AxisForm] = []
    batch: HintsForm = HintsForm()

    @model_validator(mode="after")
    def _check_replications(self) -> "StudyForm":
        if self.replicas is not None and self.until is not None:
            raise refuse("got replicas and until; expected one of them")
        return self
