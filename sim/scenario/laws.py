"""Durations of the form: a time with its unit, or a distribution by mean, median and shape."""

from math import exp, gamma, log, sqrt
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from sim.reliability.records import Law
from sim.scenario.fields import OneOf, PositiveTime, Time, refuse

CLOSED = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, protected_namespaces=())
"""What every table of the form shares: no other keys, no conversions, no infinities."""

_LAW_KEYS = {
    "constant": ({"mean"}, {"median"}),
    "exponential": ({"mean"}, {"median"}),
    "weibull": ({"mean", "shape"}, {"median", "shape"}),
    "lognormal": ({"mean", "median"}, {"mean", "shape"}, {"median", "shape"}),
    "uniform": ({"mean", "shape"}, {"median", "shape"}),
}


LEAST_WEIBULL, MOST_LOGNORMAL = 0.1, 10.0
"""Shapes beyond which mean and median lie further apart than any clock holds."""


class LawForm(BaseModel):
    """A distribution of a duration; shape: Weibull k, lognormal sigma, half-width over the mean (uniform)."""

    model_config = CLOSED
    kind: Annotated[str, OneOf(what="law", known=tuple(_LAW_KEYS))]
    mean: PositiveTime | None = None
    median: PositiveTime | None = None
    shape: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _check_keys(self) -> "LawForm":
        given = {key for key in ("mean", "median", "shape") if getattr(self, key) is not None}
        wanted = _LAW_KEYS[self.kind]
        if given not in wanted:
            options = ", or ".join(" and ".join(sorted(keys)) for keys in wanted)
            raise refuse(f"law '{self.kind}' takes {options}; got {' and '.join(sorted(given)) or 'none of them'}")
        if self.kind == "lognormal" and self.mean and self.median and self.mean <= self.median:
            raise refuse("the mean of a lognormal law must lie above its median")
        if self.kind == "uniform" and self.shape and self.shape > 1:
            raise refuse(f"shape {self.shape} of a uniform law reaches below zero; expected at most 1")
        if self.kind == "weibull" and self.shape and self.shape < LEAST_WEIBULL:
            raise refuse(f"shape {self.shape:g} of a weibull law; expected at least {LEAST_WEIBULL:g}")
        if self.kind == "lognormal" and self.shape and self.shape > MOST_LOGNORMAL:
            raise refuse(f"shape {self.shape:g} of a lognormal law; expected at most {MOST_LOGNORMAL:g}")
        return self


def law(form: LawForm) -> Law:
    """Return the law of a form, by its mean.

    mean = median / ln 2 (exponential), median Gamma(1 + 1/k) / (ln 2)^(1/k) (Weibull), median exp(sigma^2 / 2)
    (lognormal); sigma = sqrt(2 ln(mean / median)).

    >>> law(LawForm(kind="exponential", mean="3 h"))
    Law(kind='exponential', mean_s=10800.0, shape=1.0)
    >>> round(law(LawForm(kind="lognormal", median="3.7 min", mean="39 min")).shape, 2)
    2.17
    """
    shape = 1.0 if form.shape is None else form.shape
    if form.median is None:
        assert form.mean is not None
        return Law(kind=form.kind, mean_s=form.mean, shape=shape)
    if form.mean is not None:
        return Law(kind=form.kind, mean_s=form.mean, shape=sqrt(2 * log(form.mean / form.median)))
    return Law(kind=form.kind, mean_s=form.median * _mean_over_median(form.kind, shape), shape=shape)


def _mean_over_median(kind: str, shape: float) -> float:
    if kind == "exponential":
        return 1 / log(2)
    if kind == "weibull":
        return gamma(1 + 1 / shape) / exp(log(log(2)) / shape)
    return exp(shape * shape / 2) if kind == "lognormal" else 1.0


_SECONDS: TypeAdapter[float] = TypeAdapter(Time)


class TextOrTable:
    """Reads plain text as a constant duration, zero included, and a table as a distribution."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(_read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [_SECONDS.json_schema(), handler(schema)]}


def _read(value: Any, table: core_schema.ValidatorFunctionWrapHandler) -> Any:
    if isinstance(value, dict | LawForm):
        return table(value)
    return LawForm.model_construct(kind="constant", mean=_SECONDS.validate_python(value))


Duration = Annotated[LawForm, TextOrTable()]
"""A duration with its unit, or a distribution."""
