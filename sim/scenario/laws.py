"""Durations of the form: a time with its unit, or a distribution by what its kind takes."""

from math import exp, gamma, log, sqrt
from typing import Annotated, Any

import numpy as np
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

from sim.errors import InputError
from sim.quantities import UNITS
from sim.reliability.failures.hazards import bathtub_law, piecewise_law
from sim.reliability.failures.laws import empirical_law, quantile
from sim.reliability.records import Law
from sim.scenario.fields import Name, OneOf, PositiveTime, Time, refuse
from sim.scenario.law_keys import LAW_KEYS, read_column, taken

CLOSED = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, protected_namespaces=())
"""What every table of the form shares: no other keys, no conversions, no infinities."""

LEAST_SHAPE, MOST_LOGNORMAL = 0.1, 10.0
"""Shapes beyond which mean and median lie further apart than any clock holds; the first of weibull and gamma."""


class LawForm(BaseModel):
    """A distribution of a duration or life; shape: Weibull or gamma k, lognormal sigma, half-width over mean (uniform).

    bathtub: the hazard falls from infant_factor times that of useful life to it at infant_until; from wear_out_from on
    it grows by as much again every wear_out_doubling. piecewise: relative hazards, between ages. empirical: values, or
    the column of a CSV file beside the scenario, whose cells are times with units, or numbers of `unit`.
    """

    model_config = CLOSED
    kind: Annotated[str, OneOf(what="law", known=tuple(LAW_KEYS))]
    mean: PositiveTime | None = None
    median: PositiveTime | None = None
    shape: float | None = Field(default=None, gt=0)
    infant_factor: float | None = Field(default=None, ge=1)
    infant_until: PositiveTime | None = None
    wear_out_from: PositiveTime | None = None
    wear_out_doubling: PositiveTime | None = None
    ages: list[PositiveTime] | None = None
    hazards: list[float] | None = None
    values: list[Time] | None = None
    file: Name | None = None
    column: Name | None = None
    unit: Annotated[str, OneOf(what="unit of time", known=tuple(UNITS["time"]))] | None = None

    @model_validator(mode="after")
    def _check_keys(self) -> "LawForm":
        given = {key for key in _GIVEN if getattr(self, key) is not None}
        if given not in LAW_KEYS[self.kind]:
            listed = " and ".join(sorted(given)) or "none of them"
            raise refuse(f"law '{self.kind}' takes {taken(self.kind)}; got {listed}")
        if self.kind == "lognormal" and self.mean and self.median and self.mean <= self.median:
            raise refuse("the mean of a lognormal law must lie above its median")
        if self.kind == "uniform" and self.shape and self.shape > 1:
            raise refuse(f"shape {self.shape} of a uniform law reaches below zero; expected at most 1")
        if self.kind in ("weibull", "gamma") and self.shape and self.shape < LEAST_SHAPE:
            raise refuse(f"shape {self.shape:g} of a {self.kind} law; expected at least {LEAST_SHAPE:g}")
        if self.kind == "lognormal" and self.shape and self.shape > MOST_LOGNORMAL:
            raise refuse(f"shape {self.shape:g} of a lognormal law; expected at most {MOST_LOGNORMAL:g}")
        try:
            law(self)
        except InputError as error:
            raise refuse(str(error)) from error
        return self


_GIVEN = frozenset().union(*(keys for options in LAW_KEYS.values() for keys in options))
"""Keys that belong to laws, of all that a form which extends one has."""


def law(form: LawForm) -> Law:
    """Return the law of a form, by its mean.

    mean = median / ln 2 (exponential), median Gamma(1 + 1/k) / (ln 2)^(1/k) (Weibull), median k / P^-1(k, 1/2) (gamma),
    median exp(sigma^2 / 2) (lognormal); sigma = sqrt(2 ln(mean / median)). Raises InputError for a file that does not
    hold what it should, and for ages and hazards that give no law.

    >>> law(LawForm(kind="exponential", mean="3 h")).mean_s
    10800.0
    >>> round(law(LawForm(kind="lognormal", median="3.7 min", mean="39 min")).shape, 2)
    2.17
    """
    if form.kind in _TABLES:
        return _TABLES[form.kind](form)
    shape = 1.0 if form.shape is None else form.shape
    if form.median is None:
        assert form.mean is not None
        return Law(kind=form.kind, mean_s=form.mean, shape=shape)
    if form.mean is not None:
        return Law(kind=form.kind, mean_s=form.mean, shape=sqrt(2 * log(form.mean / form.median)))
    return Law(kind=form.kind, mean_s=form.median * _mean_over_median(form.kind, shape), shape=shape)


def _bathtub(form: LawForm) -> Law:
    assert form.mean and form.infant_factor and form.infant_until and form.wear_out_from and form.wear_out_doubling
    return bathtub_law(form.mean, form.infant_factor, form.infant_until, form.wear_out_from, form.wear_out_doubling)


def _piecewise(form: LawForm) -> Law:
    assert form.mean and form.ages is not None and form.hazards is not None
    return piecewise_law(form.mean, form.ages, form.hazards)


def _empirical(form: LawForm) -> Law:
    if form.values is not None:
        return empirical_law(form.values)
    assert form.file is not None and form.column is not None
    return empirical_law(read_column(form.file, form.column, form.unit))


_TABLES = {"bathtub": _bathtub, "piecewise": _piecewise, "empirical": _empirical}


def _mean_over_median(kind: str, shape: float) -> float:
    if kind == "exponential":
        return 1 / log(2)
    if kind == "weibull":
        return gamma(1 + 1 / shape) / exp(log(log(2)) / shape)
    if kind == "gamma":
        return 1 / float(quantile(Law(kind=kind, mean_s=1.0, shape=shape), np.array(0.5)))
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
