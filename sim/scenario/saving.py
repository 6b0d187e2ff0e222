"""From a scenario to the checkpoints of its run: durations that were given, or that bytes and bandwidths give."""

import math
from collections.abc import Sequence
from dataclasses import replace

from sim.errors import ScenarioError
from sim.reliability.failures.exposure import job_mtbf_s
from sim.reliability.records import CheckpointPlan, FailureClass, Tier
from sim.reliability.replay.entries import MOST_S
from sim.reliability.saving.checkpoint import (
    CheckpointPath,
    CheckpointSize,
    TierSeconds,
    checkpoint_seconds,
    checkpoint_size,
    disk_seconds,
    gpu_seconds,
    host_seconds,
)
from sim.reliability.saving.interval import IntervalState, resolve_interval, two_level_interval
from sim.scenario.records import Checkpoint, Scenario, TierChoice
from sim.workload.transformer import total_parameters


def checkpoint_plan(
    scenario: Scenario,
    failures: Sequence[FailureClass],
    step_s: float,
    access_bytes_per_s: float | None = None,
    allow_plugins: bool = False,
) -> CheckpointPlan:
    """Return the checkpoints of a run: durations that were given stand, the others follow from bytes and bandwidths.

    step_s: of the main phase. access_bytes_per_s: what the store gets and gives over a front end, None where the
    compute fabric leads to it. Raises ScenarioError for an interval that follows from failures where none stops
    the job.
    """
    asked = scenario.checkpoint
    if asked is None:
        return CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0)
    store = _store_seconds(scenario, asked, access_bytes_per_s)
    faster = tuple(_tier(tier, scenario, access_bytes_per_s) for tier in asked.tiers if tier.kind != "remote")
    own = next((tier for tier in asked.tiers if tier.kind == "remote"), None)
    plan = CheckpointPlan(
        interval_us=0,
        block_us=_us(store.block_s),
        durable_after_us=_us(max(store.durable_after_s, store.block_s)),
        restore_us=_us(store.restore_s),
        max_in_flight=asked.policy.max_in_flight,
        every=1 if own is None else own.every,
        keep=0 if own is None else own.keep,
        adaptive=asked.policy.kind == "adaptive",
        faster=faster,
        synchronous=not asked.policy.asynchronous,
    )
    mtbf_s = job_mtbf_s(failures, scenario.machines.nodes)
    if math.isinf(mtbf_s) and asked.policy.kind not in ("fixed", "steps"):
        raise ScenarioError(
            f"checkpoint.interval.kind: '{asked.policy.kind}' needs failures that stop the job, and no outage of this "
            "network does; expected kind 'fixed', or another cause"
        )
    if asked.policy.kind == "two-level":
        lives_on = scenario.recovery is not None and scenario.recovery.in_process
        return _two_level(plan, failures, scenario.machines.nodes, lives_on=lives_on)
    first = faster[0] if faster else None
    state = IntervalState(
        block_s=store.block_s if first is None else first.block_us * 1e-6,
        mtbf_s=mtbf_s,
        step_s=step_s,
        durable_after_s=store.durable_after_s if first is None else first.durable_after_us * 1e-6,
        restore_s=store.restore_s if first is None else first.restore_us * 1e-6,
    )
    interval_s = resolve_interval(asked.policy, state, allow_plugins)
    if interval_s > MOST_S:
        raise ScenarioError(
            f"checkpoint.interval: kind '{asked.policy.kind}' got {interval_s:.3g} s between checkpoints; expected at "
            "most 100000 y"
        )
    return replace(plan, interval_us=_us(interval_s))


def _two_level(plan: CheckpointPlan, failures: Sequence[FailureClass], nodes: int, *, lives_on: bool) -> CheckpointPlan:
    """Return a plan whose interval and store's `every` follow from what the fastest tier survives.

    lives_on: whether processes that did not fail live on, and with them what they hold.
    """
    first = plan.faster[0]
    lost = [failure for failure in failures if (first.volatile and not lives_on) or _escapes(first, failure)]
    all_per_s, lost_per_s = 1 / job_mtbf_s(failures, nodes), 1 / job_mtbf_s(lost, nodes)
    interval_s, every = two_level_interval(
        first_block_s=first.block_us * 1e-6,
        more_block_s=max(0, plan.block_us - first.block_us) * 1e-6,
        durable_after_s=plan.durable_after_us * 1e-6,
        first_per_s=all_per_s - lost_per_s,
        second_per_s=lost_per_s,
    )
    return replace(plan, interval_us=_us(interval_s), every=every)


def _escapes(tier: Tier, failure: FailureClass) -> bool:
    """Say whether a failure takes more than a tier can lose: several nodes, or one of which it holds no copy."""
    if failure.holds:
        return True
    return tier.local and not tier.copies and (failure.replace or failure.outage is not None)


def _tier(asked: TierChoice, scenario: Scenario, access_bytes_per_s: float | None) -> Tier:
    """Return a tier that is not the store."""
    given = asked.block_s, asked.durable_after_s, asked.restore_s
    seconds = TierSeconds(*(each or 0.0 for each in given))
    if None in given:
        computed = _computed(asked, scenario, access_bytes_per_s)
        seconds = TierSeconds(*(c if g is None else g for g, c in zip(given, computed, strict=True)))
    durable_s = max(seconds.durable_after_s, seconds.block_s)
    return Tier(
        name=asked.kind,
        block_us=_us(seconds.block_s if _asynchronous(scenario) else durable_s),
        durable_after_us=_us(durable_s),
        restore_us=_us(seconds.restore_s),
        every=asked.every,
        max_in_flight=asked.max_in_flight,
        keep=asked.keep,
        volatile=asked.kind == "gpu",
        local=True,
        copies=asked.replicas,
        apart=asked.apart,
    )


def _computed(asked: TierChoice, scenario: Scenario, access_bytes_per_s: float | None) -> TierSeconds:
    size, path = _checkpoint_path(scenario, access_bytes_per_s)
    if asked.kind == "gpu":
        hbm_bytes_per_s = scenario.machines.accelerator.hbm_bandwidth_bytes_per_s
        return gpu_seconds(size, path, hbm_bytes_per_s, asked.replicas, asked.incremental)
    if asked.kind == "host-memory":
        return host_seconds(size, path, asked.replicas, asked.incremental)
    assert asked.bandwidth_bytes_per_s is not None, "a disk whose durations are not given has a bandwidth"
    return disk_seconds(
        size, path, asked.bandwidth_bytes_per_s, asked.replicas, asked.incremental, _asynchronous(scenario)
    )


def _asynchronous(scenario: Scenario) -> bool:
    """Return whether training goes on beside the writing of a checkpoint, to whichever tier."""
    return scenario.checkpoint is not None and scenario.checkpoint.policy.asynchronous


def _store_seconds(scenario: Scenario, asked: Checkpoint, access_bytes_per_s: float | None) -> TierSeconds:
    """Return block, durable and restore time: given, or of the last phase's layout on the scenario's store."""
    given = (asked.block_s, asked.durable_after_s, asked.restore_s)
    if asked.block_s is not None and asked.durable_after_s is not None and asked.restore_s is not None:
        return TierSeconds(asked.block_s, asked.durable_after_s, asked.restore_s)
    written = next((tier.incremental for tier in asked.tiers if tier.kind == "remote"), 1.0)
    path = _checkpoint_path(scenario, access_bytes_per_s)
    computed = checkpoint_seconds(*path, asked.policy.asynchronous, written)
    return TierSeconds(*(c if g is None else g for g, c in zip(given, computed, strict=True)))


def _checkpoint_path(scenario: Scenario, access_bytes_per_s: float | None) -> tuple[CheckpointSize, CheckpointPath]:
    """Return what a checkpoint weighs and what it passes through, with the last phase's layout.

    A front end takes the place of the compute NICs on the way to the store, and bounds what the store gets and gives.
    """
    training, machines, storage = scenario.training, scenario.machines, scenario.machines.storage
    if training is None:
        raise ScenarioError("checkpoint: block, durable_after and restore need a [model], or values")
    node, layout = machines.node, training.phases[-1].layout
    most = math.inf if access_bytes_per_s is None else access_bytes_per_s
    path = CheckpointPath(
        gpus=layout.gpus,
        gpus_per_node=node.accelerators,
        replicas=layout.data,
        device_host_bytes_per_s=node.host_to_device_bandwidth_bytes_per_s,
        serialise_bytes_per_s=training.software.serialise_bytes_per_s,
        node_bytes_per_s=node.nics * node.nic_bandwidth_bytes_per_s,
        store_write_bytes_per_s=most if storage is None else min(storage.write_bandwidth_bytes_per_s, most),
        store_read_bytes_per_s=most if storage is None else min(storage.read_bandwidth_bytes_per_s, most),
        file_operation_s=0.0 if storage is None else storage.file_operation_s,
        commit_s=0.0 if storage is None else storage.commit_s,
        front_end=access_bytes_per_s is not None,
    )
    return checkpoint_size(total_parameters(training.model)), path


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
