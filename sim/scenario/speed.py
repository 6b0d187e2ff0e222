"""[cluster.speed]: how GPUs of one kind differ."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from sim.reliability.records import Swing
from sim.scenario.fields import CountOrZero, Fraction, OneOf, refuse
from sim.scenario.laws import CLOSED
from sim.workload.stragglers import DISTRIBUTIONS

SPREADING = tuple(name for name in DISTRIBUTIONS if name != "none")

MOST_SPREAD = 0.3
"""Of GPUs of one kind: beyond, a normal distribution would be cut where a GPU is twice as fast as its kind."""

_HOUR = re.compile("([01][0-9]|2[0-3]):([0-5][0-9])")

SlowFactor = Annotated[float, Field(ge=1, le=100)]
"""How many times as long kernels take."""


class SlowNodeForm(BaseModel):
    """A node of the job, from 0, and how many times as long the kernels of its GPUs take."""

    model_config = CLOSED
    node: CountOrZero
    factor: SlowFactor


class ThrottleForm(BaseModel):
    """The fraction of GPUs that run at a lower clock because they are hot, and their factor on the time of kernels."""

    model_config = CLOSED
    fraction: Fraction
    factor: SlowFactor


def _time_of_day(value: Any) -> Any:
    """Read HH:MM as microseconds since midnight."""
    found = _HOUR.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise refuse(f"got {value!r}, expected a time of the day in quotes, such as '12:00'")
    return (int(found[1]) * 60 + int(found[2])) * 60_000_000


TimeOfDay = Annotated[
    int,
    BeforeValidator(_time_of_day),
    WithJsonSchema({"type": "string", "pattern": _HOUR.pattern, "examples": ["12:00"]}),
]
"""A time of the day, in microseconds since midnight."""


class DiurnalForm(BaseModel):
    """A swing of the day, from one time until another: how many times as long kernels take on all GPUs.

    Runs begin at 00:00. Llama 3 published 1-2 % (arXiv 2407.21783, section 3.3.4: hotter in the middle of the day).
    """

    model_config = CLOSED
    from_: Annotated[TimeOfDay, Field(alias="from")]
    to: TimeOfDay
    factor: SlowFactor

    @model_validator(mode="after")
    def _check_times(self) -> "DiurnalForm":
        if self.from_ == self.to:
            raise refuse("from and to are the same time of the day; expected two")
        return self


class SpeedForm(BaseModel):
    """How GPUs of a kind differ; spread: standard deviation over the mean, by default the accelerator's."""

    model_config = CLOSED
    distribution: Annotated[str, OneOf(what="distribution", known=DISTRIBUTIONS)] = "normal"
    spread: Fraction | None = None
    slow_nodes: list[SlowNodeForm] = []
    throttle: ThrottleForm | None = None
    diurnal: DiurnalForm | None = None

    @model_validator(mode="after")
    def _check_spread(self) -> "SpeedForm":
        if self.spread is not None and self.distribution == "none":
            raise refuse(f"distribution 'none' has no spread; expected no spread, or one of: {', '.join(SPREADING)}")
        if self.spread is not None and self.spread > MOST_SPREAD:
            raise refuse(f"spread {self.spread:g} of GPUs of one kind; expected at most {MOST_SPREAD:g}")
        return self


def swing_of(form: DiurnalForm | None) -> Swing | None:
    """Return the swing of the day, None where there is none.

    >>> swing_of(DiurnalForm.model_validate({"from": "12:00", "to": "18:30", "factor": 1.015})).to_us / 3.6e9
    18.5
    """
    return None if form is None else Swing(from_us=form.from_, to_us=form.to, factor=form.factor)
