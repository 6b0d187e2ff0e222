"""From a scenario to the checkpoint of its run: durations that were given, and those that bytes and bandwidths give."""

import math
from collections.abc import Sequence

from sim.errors import ScenarioError
from sim.reliability.checkpoint import CheckpointPath, CheckpointSize, checkpoint_seconds, checkpoint_size
from sim.reliability.exposure import job_mtbf_s
from sim.reliability.interval import resolve_interval
from sim.reliability.records import CheckpointPlan, FailureClass
from sim.scenario.records import Checkpoint, Scenario
from sim.workload.transformer import total_parameters


def checkpoint_plan(
    scenario: Scenario, failures: Sequence[FailureClass], access_bytes_per_s: float | None = None
) -> CheckpointPlan:
    """Return the checkpoint of a run: durations that were given stand, the others follow from bytes and bandwidths.

    access_bytes_per_s: what the store gets and gives over a front end, None where the compute fabric leads to it.
    Raises ScenarioError for an interval that follows from failures where none stops the job.
    """
    asked = scenario.checkpoint
    if asked is None:
        return CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0)
    block_s, durable_s, restore_s = _checkpoint_seconds(scenario, asked, access_bytes_per_s)
    mtbf_s = job_mtbf_s(failures, scenario.machines.nodes)
    if math.isinf(mtbf_s) and asked.policy.kind != "fixed":
        raise ScenarioError(
            f"checkpoint.interval.kind: '{asked.policy.kind}' needs failures that stop the job, and no outage of this "
            "network does; expected kind 'fixed', or another cause"
        )
    return CheckpointPlan(
        interval_us=round(resolve_interval(asked.policy, block_s, mtbf_s) * 1e6),
        block_us=round(block_s * 1e6),
        durable_after_us=round(max(durable_s, block_s) * 1e6),
        restore_us=round(restore_s * 1e6),
        max_in_flight=asked.policy.max_in_flight,
    )


def _checkpoint_seconds(
    scenario: Scenario, asked: Checkpoint, access_bytes_per_s: float | None
) -> tuple[float, float, float]:
    """Return block, durable and restore time: given, or of the last phase's layout on the scenario's store."""
    given = (asked.block_s, asked.durable_after_s, asked.restore_s)
    if asked.block_s is not None and asked.durable_after_s is not None and asked.restore_s is not None:
        return asked.block_s, asked.durable_after_s, asked.restore_s
    computed = checkpoint_seconds(*_checkpoint_path(scenario, access_bytes_per_s), asked.policy.asynchronous)
    block_s, durable_s, restore_s = (c if g is None else g for g, c in zip(given, computed, strict=True))
    return block_s, durable_s, restore_s


def _checkpoint_path(scenario: Scenario, access_bytes_per_s: float | None) -> tuple[CheckpointSize, CheckpointPath]:
    """Return what a checkpoint weighs and what it passes through, with the last phase's layout.

    A front end takes the place of the compute NICs on the way to the store, and bounds what the store gets and gives.
    """
    training, machines, storage = scenario.training, scenario.machines, scenario.machines.storage
    if training is None or storage is None:
        raise ScenarioError(
            "checkpoint: block, durable_after and restore need a [model] and cluster.storage, or values"
        )
    node, layout = machines.node, training.phases[-1].layout
    most = math.inf if access_bytes_per_s is None else access_bytes_per_s
    path = CheckpointPath(
        gpus=layout.gpus,
        gpus_per_node=node.accelerators,
        replicas=layout.data,
        device_host_bytes_per_s=node.host_to_device_bandwidth_bytes_per_s,
        serialise_bytes_per_s=training.software.serialise_bytes_per_s,
        node_bytes_per_s=node.nics * node.nic_bandwidth_bytes_per_s,
        store_write_bytes_per_s=min(storage.write_bandwidth_bytes_per_s, most),
        store_read_bytes_per_s=min(storage.read_bandwidth_bytes_per_s, most),
        file_operation_s=storage.file_operation_s,
        commit_s=storage.commit_s,
        front_end=access_bytes_per_s is not None,
    )
    return checkpoint_size(total_parameters(training.model)), path
