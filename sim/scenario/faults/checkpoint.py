"""[checkpoint]: what a job saves, when, and what that takes where bandwidths do not say."""

from typing import Annotated

from pydantic import BaseModel, model_validator

from sim.errors import ScenarioError
from sim.reliability.records import CheckpointPolicy
from sim.scenario.faults.tiers import TierForm, tiers_of
from sim.scenario.fields import Count, CountOrZero, OneOf, PositiveTime, Time, refuse
from sim.scenario.laws import CLOSED
from sim.scenario.records import Checkpoint, Failures

INTERVALS = ("fixed", "steps", "young", "daly", "optimal", "two-level", "adaptive")
"""When checkpoints are taken, besides a function of the user's own."""


class IntervalForm(BaseModel):
    """When checkpoints are taken: every so often, or by a rule."""

    model_config = CLOSED
    kind: Annotated[str, OneOf(what="interval", known=INTERVALS, plugins=True)]
    every: PositiveTime | None = None
    steps: Count | None = None

    @model_validator(mode="after")
    def _check_every(self) -> "IntervalForm":
        timed = self.kind in ("fixed", "adaptive")
        if timed != (self.every is not None):
            raise refuse(
                f"kind '{self.kind}' needs every, such as '10 min'"
                if self.every is None
                else f"kind '{self.kind}' computes the interval; expected no every, or kind 'fixed'"
            )
        if (self.kind == "steps") != (self.steps is not None):
            raise refuse(
                "kind 'steps' needs steps, such as 100"
                if self.steps is None
                else f"kind '{self.kind}' counts no steps; expected none, or kind 'steps'"
            )
        return self


class CheckpointForm(BaseModel):
    """[checkpoint]; block, durable_after and restore override what bandwidths give."""

    model_config = CLOSED
    interval: IntervalForm
    asynchronous: bool = True
    max_in_flight: CountOrZero = 1
    tiers: list[TierForm] = []
    block: Time | None = None
    durable_after: Time | None = None
    restore: Time | None = None

    @model_validator(mode="after")
    def _check_synchronous(self) -> "CheckpointForm":
        if not self.asynchronous and (self.durable_after is not None or self.max_in_flight != 1):
            raise refuse(
                "a synchronous checkpoint is durable when its block ends; expected no durable_after and max_in_flight "
                "1, or asynchronous = true"
            )
        for tier in () if self.asynchronous else self.tiers:
            if tier.durable_after is not None or tier.max_in_flight not in (None, 1):
                raise refuse(
                    f"tiers: {tier.kind}: a synchronous checkpoint is durable when its block ends; expected no "
                    "durable_after and no max_in_flight, or asynchronous = true"
                )
        return self


def checkpoint_of(
    checkpoint: CheckpointForm | None, failures: Failures, *, computable: bool, modelled: bool
) -> Checkpoint | None:
    """Return when checkpoints are taken, or None where none are asked for.

    computable: whether a model and a store give the durations that are not stated; modelled: a model those of tiers
    other than the store. Raises ScenarioError where nothing gives them.
    """
    if checkpoint is None:
        return None
    kind = checkpoint.interval.kind
    if kind not in ("fixed", "steps") and not failures.classes:
        raise ScenarioError(f"checkpoint.interval.kind: '{kind}' needs failures; got none, expected kind 'fixed'")
    tiers = tiers_of(checkpoint.tiers, modelled=modelled, asynchronous=checkpoint.asynchronous)
    if kind == "two-level" and len(tiers) < 2:
        raise ScenarioError("checkpoint.interval.kind: 'two-level' needs two checkpoint.tiers; got fewer")
    if kind == "two-level" and any(tier.every > 1 for tier in tiers):
        raise ScenarioError("checkpoint.tiers: 'two-level' says how often the store takes one; expected no every")
    _check_durations(checkpoint, computable=computable)
    _check_incremental(checkpoint)
    return Checkpoint(
        policy=CheckpointPolicy(
            kind=kind,
            every_s=checkpoint.interval.every or 0.0,
            steps=checkpoint.interval.steps or 0,
            asynchronous=checkpoint.asynchronous,
            max_in_flight=checkpoint.max_in_flight,
        ),
        block_s=checkpoint.block,
        durable_after_s=checkpoint.durable_after if checkpoint.asynchronous else checkpoint.block,
        restore_s=checkpoint.restore,
        tiers=tiers,
    )


def _check_incremental(form: CheckpointForm) -> None:
    written = [form.block, *([form.durable_after] if form.asynchronous else [])]
    if None not in written and any(tier.kind == "remote" and tier.incremental < 1 for tier in form.tiers):
        raise ScenarioError(
            "checkpoint.tiers: remote: incremental is not read where checkpoint.block and durable_after are given; "
            "expected no incremental"
        )


def _check_durations(form: CheckpointForm, computable: bool) -> None:
    wanted = ["block", "restore", *(["durable_after"] if form.asynchronous else [])]
    missing = [name for name in wanted if getattr(form, name) is None]
    if missing and not computable:
        raise ScenarioError(
            f"checkpoint: got no {', '.join(missing)}, and no [model] with cluster.storage to compute them; "
            "expected either"
        )
    if form.durable_after is not None and form.block is not None and form.durable_after < form.block:
        raise ScenarioError(
            f"checkpoint.durable_after: got {form.durable_after:g} s, expected at least block = {form.block:g} s"
        )
