"""checkpoint.tiers: where checkpoints go besides the store, and how often each takes one."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from sim.errors import ScenarioError
from sim.scenario.fields import Bandwidth, Count, CountOrZero, OneOf, Time, refuse
from sim.scenario.laws import CLOSED
from sim.scenario.records import TierChoice

KINDS = ("gpu", "host-memory", "nvme", "remote")
"""Tiers from the fastest: the GPUs' own memory, the host's, the nodes' disks, the store."""

WHERE = "checkpoint.tiers"


class TierForm(BaseModel):
    """One tier; it takes each `every`-th checkpoint and keeps the newest `keep` (0: all).

    replicas: nodes that hold a copy of a node's part, `apart` places from each other; without any, what a node holds is
    lost with it. bandwidth: of a node's disks, which the catalog does not know. incremental: the share of the state
    that is written. block, durable_after and restore override what bandwidths give; the store's stand in [checkpoint].
    """

    model_config = CLOSED
    kind: Annotated[str, OneOf(what="tier", known=KINDS)]
    every: Count = 1
    keep: CountOrZero = 0
    replicas: CountOrZero = 0
    apart: Count = 1
    max_in_flight: CountOrZero | None = None
    incremental: Annotated[float, Field(gt=0, le=1)] = 1.0
    bandwidth: Bandwidth | None = None
    block: Time | None = None
    durable_after: Time | None = None
    restore: Time | None = None

    @model_validator(mode="after")
    def _check_read(self) -> "TierForm":
        given = (self.block, self.durable_after, self.restore)
        if self.kind == "remote":
            asked = ("replicas", self.replicas or None), ("bandwidth", self.bandwidth)
            durations = zip(("block", "durable_after", "restore"), given, strict=True)
            for name, value in (*asked, ("max_in_flight", self.max_in_flight), *durations):
                if value is not None:
                    elsewhere = "" if name in ("replicas", "bandwidth") else ", or the key of [checkpoint]"
                    raise refuse(f"{name} of the store is not read here; expected none{elsewhere}")
        elif self.bandwidth is not None and self.kind != "nvme":
            raise refuse(f"bandwidth of {self.kind} follows from the node; expected none, or kind 'nvme'")
        if self.apart != 1 and not self.replicas:
            raise refuse("apart says where copies are, and there are no replicas; expected replicas, or no apart")
        if self.block is not None and self.durable_after is not None and self.durable_after < self.block:
            raise refuse(f"durable_after {self.durable_after:g} s comes before block {self.block:g} s ends")
        return self


def check_copies(forms: Sequence[TierForm], nodes: int) -> None:
    """Raise ScenarioError for copies of a node's part that are on the node itself, or twice on another.

    >>> check_copies([TierForm(kind="host-memory", replicas=2, apart=4)], nodes=16)
    """
    for form in forms:
        places = {form.apart * (copy + 1) % nodes for copy in range(min(form.replicas, nodes))} - {0}
        if len(places) < form.replicas:
            raise ScenarioError(
                f"{WHERE}: {form.kind}: got replicas = {form.replicas:,} that are {form.apart:,} apart, and {nodes:,} "
                f"nodes hold {len(places):,} of them apart from the node itself; expected fewer, or another apart"
            )


def check_processes(forms: Sequence[TierForm], mode: str) -> None:
    """Raise ScenarioError for a tier in the GPUs' memory of a job whose processes all start anew after a failure.

    >>> check_processes([TierForm(kind="gpu"), TierForm(kind="remote")], "in-process")
    """
    if mode != "in-process" and any(form.kind == "gpu" for form in forms):
        raise ScenarioError(
            f"{WHERE}: gpu: dies with the processes, all of which mode '{mode}' starts anew; expected none, or "
            "recovery.mode = 'in-process'"
        )


def tiers_of(forms: Sequence[TierForm], *, modelled: bool, asynchronous: bool = True) -> tuple[TierChoice, ...]:
    """Return the tiers that are asked for, the store last; none where only it is.

    modelled: whether a model gives the bytes; asynchronous: whether they are written beside training. Raises
    ScenarioError for tiers without a store, two of a kind, none that takes every checkpoint, and durations that nothing
    gives.

    >>> [tier.kind for tier in tiers_of([TierForm(kind="remote", every=4), TierForm(kind="gpu")], modelled=True)]
    ['gpu', 'remote']
    """
    if not forms:
        return ()
    kinds = [form.kind for form in forms]
    if sorted(set(kinds)) != sorted(kinds):
        raise ScenarioError(f"{WHERE}: got {', '.join(kinds)}; expected each kind once")
    if "remote" not in kinds:
        raise ScenarioError(f"{WHERE}: got {', '.join(kinds)} and no 'remote'; expected the store that survives all")
    if all(form.every > 1 for form in forms):
        raise ScenarioError(f"{WHERE}: no tier takes every checkpoint; expected one with every = 1")
    for form in forms:
        _check_durations(form, modelled, asynchronous)
    return tuple(
        TierChoice(
            kind=form.kind,
            every=form.every,
            keep=form.keep,
            replicas=form.replicas,
            apart=form.apart,
            max_in_flight=1 if form.max_in_flight is None else form.max_in_flight,
            incremental=form.incremental,
            bandwidth_bytes_per_s=form.bandwidth,
            block_s=form.block,
            durable_after_s=form.durable_after if asynchronous else form.block,
            restore_s=form.restore,
        )
        for form in sorted(forms, key=lambda form: KINDS.index(form.kind))
    )


def _check_durations(form: TierForm, modelled: bool, asynchronous: bool) -> None:
    wanted = ("block", *(["durable_after"] if asynchronous else []), "restore")
    missing = [name for name in wanted if getattr(form, name) is None]
    if form.kind == "remote":
        return
    if not missing:
        _check_computed(form)
        return
    if not modelled:
        raise ScenarioError(f"{WHERE}: {form.kind}: got no {', '.join(missing)}, and no [model] to compute them")
    if form.kind == "nvme" and form.bandwidth is None:
        raise ScenarioError(f"{WHERE}: nvme: got no {', '.join(missing)}, and no bandwidth of a node's disks")


def _check_computed(form: TierForm) -> None:
    """Refuse what durations would be computed from where all of them are given."""
    for name, value in (("bandwidth", form.bandwidth), ("incremental", form.incremental < 1 or None)):
        if value is not None:
            raise ScenarioError(
                f"{WHERE}: {form.kind}: {name} is not read where its durations are given; expected none"
            )
