"""[cluster.speed]: how GPUs of one kind differ."""

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from sim.scenario.fields import CountOrZero, Fraction, OneOf, refuse
from sim.scenario.laws import CLOSED
from sim.workload.stragglers import DISTRIBUTIONS

SPREADING = tuple(name for name in DISTRIBUTIONS if name != "none")

MOST_SPREAD = 0.3
"""Of GPUs of one kind: beyond, a normal distribution would be cut where a GPU is twice as fast as its kind."""

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


class SpeedForm(BaseModel):
    """How GPUs of a kind differ; spread: standard deviation over the mean, by default the accelerator's."""

    model_config = CLOSED
    distribution: Annotated[str, OneOf(what="distribution", known=DISTRIBUTIONS)] = "normal"
    spread: Fraction | None = None
    slow_nodes: list[SlowNodeForm] = []
    throttle: ThrottleForm | None = None

    @model_validator(mode="after")
    def _check_spread(self) -> "SpeedForm":
        if self.spread is not None and self.distribution == "none":
            raise refuse(f"distribution 'none' has no spread; expected no spread, or one of: {', '.join(SPREADING)}")
        if self.spread is not None and self.spread > MOST_SPREAD:
            raise refuse(f"spread {self.spread:g} of GPUs of one kind; expected at most {MOST_SPREAD:g}")
        return self
