"""What a checkpoint weighs, how long it blocks the job, when it is durable, and how long reading it back takes."""

from dataclasses import dataclass
from typing import NamedTuple

from sim.errors import InputError

WEIGHT_BYTES_PER_PARAMETER = 2
"""bf16 weights."""

OPTIMIZER_BYTES_PER_PARAMETER = 12
"""fp32 master weights (4) and two Adam moments (8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSize:
    """The state of a job: weights, of which every replica needs a copy, and optimizer state, kept once."""

    weight_bytes: float
    optimizer_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPath:
    """What the state passes on its way between GPUs and the store; bandwidths of one GPU, one node, or the store.

    replicas: data-parallel copies of the weights. shared_read: the weights are read once and broadcast over
    the NICs; otherwise each replica reads its own copy. front_end: the store is reached over another network, which
    store_* allow for; the NICs of node_bytes_per_s carry that broadcast only.
    """

    gpus: int
    gpus_per_node: int
    replicas: int
    device_host_bytes_per_s: float
    serialise_bytes_per_s: float
    node_bytes_per_s: float
    store_write_bytes_per_s: float
    store_read_bytes_per_s: float
    file_operation_s: float
    commit_s: float
    shared_read: bool = True
    front_end: bool = False


def checkpoint_size(parameters: float) -> CheckpointSize:
    """Return the state of a model trained with Adam in mixed precision: 2 + 12 bytes a parameter.

    >>> size = checkpoint_size(405e9)
    >>> (size.weight_bytes + size.optimizer_bytes) / 1e12
    5.67
    """
    return CheckpointSize(
        weight_bytes=WEIGHT_BYTES_PER_PARAMETER * parameters,
        optimizer_bytes=OPTIMIZER_BYTES_PER_PARAMETER * parameters,
    )


def copy_s(size: CheckpointSize, path: CheckpointPath) -> float:
    """Return how long every GPU copies its shard of the state to its host: bytes / GPUs / bandwidth."""
    return _total(size) / path.gpus / path.device_host_bytes_per_s


def write_s(size: CheckpointSize, path: CheckpointPath) -> float:
    """Return the time from the beginning of a checkpoint until it is durable.

    Every GPU writes one shard of equal size; copying, serialising, sending and storing are pipelined, so that the
    slowest counts, the store's bandwidth being shared by all:
    max(S/(n d), S/(n s), S g/(n b), S/w) + file operation + commit, for S bytes, n GPUs, g a node; without b over a
    front end.
    """
    shard_bytes = _total(size) / path.gpus
    slowest_s = max(
        copy_s(size, path),
        shard_bytes / path.serialise_bytes_per_s,
        _own_nics_s(shard_bytes, path),
        _total(size) / path.store_write_bytes_per_s,
    )
    return slowest_s + path.file_operation_s + path.commit_s


def read_bytes(size: CheckpointSize, path: CheckpointPath) -> float:
    """Return what a restore reads from the store: optimizer state once, weights once or once a replica.

    For 405B parameters on 128 replicas: 5.67 TB, or 108.5 TB if each replica reads for itself.
    """
    copies = 1 if path.shared_read else path.replicas
    return size.optimizer_bytes + size.weight_bytes * copies


def read_s(size: CheckpointSize, path: CheckpointPath) -> float:
    """Return the time of a restore: all GPUs read at once, then weights that were read once are broadcast.

    max(Q/r, Q g/(n b), Q/(n d)) + file operation, for Q = read_bytes; the broadcast brings every GPU its part of the
    weights, W replicas/n bytes, over its node's NICs. Without b for Q over a front end.
    """
    gpu_bytes = read_bytes(size, path) / path.gpus
    node_bytes_per_s = path.node_bytes_per_s
    slowest_s = max(
        read_bytes(size, path) / path.store_read_bytes_per_s,
        _own_nics_s(gpu_bytes, path),
        gpu_bytes / path.device_host_bytes_per_s,
    )
    weights_of_node = size.weight_bytes * path.replicas / path.gpus * path.gpus_per_node
    broadcast_s = weights_of_node / node_bytes_per_s if path.shared_read and path.replicas > 1 else 0.0
    return slowest_s + path.file_operation_s + broadcast_s


class TierSeconds(NamedTuple):
    """How long a checkpoint blocks the job, when it is durable after it began, and how long a restore takes."""

    block_s: float
    durable_after_s: float
    restore_s: float


def checkpoint_seconds(
    size: CheckpointSize, path: CheckpointPath, asynchronous: bool, written: float = 1.0
) -> TierSeconds:
    """Return the durations of a checkpoint in the store.

    An asynchronous checkpoint blocks for the copy to the host and is flushed beside training; a synchronous one
    blocks until it is durable. written: the share of the state that is written. Raises InputError where path and size
    are not positive.
    """
    _check(size, path)
    part = _part(size, written)
    durable_s = write_s(part, path)
    return TierSeconds(copy_s(part, path) if asynchronous else durable_s, durable_s, read_s(size, path))


def gpu_seconds(
    size: CheckpointSize, path: CheckpointPath, hbm_bytes_per_s: float, replicas: int, written: float = 1.0
) -> TierSeconds:
    """Return the durations of a checkpoint in the GPUs' own memory: a shard is read and written, 2 S/(n h).

    Copies go to as many peers over the NICs; a restore copies back, and fetches what a peer holds.
    """
    part = _part(size, written)
    copied_s = 2 * _total(part) / path.gpus / hbm_bytes_per_s
    back_s = 2 * _total(size) / path.gpus / hbm_bytes_per_s
    return TierSeconds(
        copied_s, copied_s + _to_peers_s(part, path, replicas), back_s + _from_peer_s(size, path, replicas)
    )


def host_seconds(size: CheckpointSize, path: CheckpointPath, replicas: int, written: float = 1.0) -> TierSeconds:
    """Return the durations of a checkpoint in the hosts' memory: the copy from the GPUs, then copies to peers.

    Every node sends to `replicas` peers and receives as much at the same time: r S g/(n b). A restore copies back, and
    fetches what a peer holds.

    >>> path = CheckpointPath(gpus=16, gpus_per_node=8, replicas=2, device_host_bytes_per_s=50e9,
    ...                       serialise_bytes_per_s=1e9, node_bytes_per_s=400e9, store_write_bytes_per_s=1e9,
    ...                       store_read_bytes_per_s=1e9, file_operation_s=0.0, commit_s=0.0)
    >>> host_seconds(CheckpointSize(weight_bytes=160e9, optimizer_bytes=640e9), path, replicas=1)
    TierSeconds(block_s=1.0, durable_after_s=2.0, restore_s=2.0)
    """
    part = _part(size, written)
    copied_s, back_s = copy_s(part, path), copy_s(size, path)
    return TierSeconds(
        copied_s, copied_s + _to_peers_s(part, path, replicas), back_s + _from_peer_s(size, path, replicas)
    )


def disk_seconds(
    size: CheckpointSize,
    path: CheckpointPath,
    disk_bytes_per_s: float,
    replicas: int,
    written: float = 1.0,
    asynchronous: bool = True,
) -> TierSeconds:
    """Return the durations of a checkpoint on the nodes' disks, written (d bytes/s a node) while it is copied.

    max(copy, serialise, S g/(n d)), then copies to peers; asynchronous: only the copy blocks.
    """
    part = _part(size, written)
    node_bytes = _total(part) / path.gpus * path.gpus_per_node
    serialise_s = _total(part) / path.gpus / path.serialise_bytes_per_s
    durable_s = max(copy_s(part, path), serialise_s, node_bytes / disk_bytes_per_s) + _to_peers_s(part, path, replicas)
    read_s = max(copy_s(size, path), _total(size) / path.gpus * path.gpus_per_node / disk_bytes_per_s)
    block_s = copy_s(part, path) if asynchronous else durable_s
    return TierSeconds(block_s, durable_s, read_s + _from_peer_s(size, path, replicas))


def _part(size: CheckpointSize, written: float) -> CheckpointSize:
    """Return the share of a state that is written."""
    return CheckpointSize(weight_bytes=size.weight_bytes * written, optimizer_bytes=size.optimizer_bytes * written)


def _to_peers_s(size: CheckpointSize, path: CheckpointPath, replicas: int) -> float:
    return replicas * _total(size) / path.gpus * path.gpus_per_node / path.node_bytes_per_s


def _from_peer_s(size: CheckpointSize, path: CheckpointPath, replicas: int) -> float:
    return _to_peers_s(size, path, 1) if replicas else 0.0


def _own_nics_s(gpu_bytes: float, path: CheckpointPath) -> float:
    """Return how long a node's NICs of the compute fabric take for its GPUs' bytes; none pass them over a front end."""
    return 0.0 if path.front_end else gpu_bytes * path.gpus_per_node / path.node_bytes_per_s


def _total(size: CheckpointSize) -> float:
    return size.weight_bytes + size.optimizer_bytes


def _check(size: CheckpointSize, path: CheckpointPath) -> None:
    positive = {
        "checkpoint bytes": _total(size),
        "gpus": path.gpus,
        "gpus_per_node": path.gpus_per_node,
        "replicas": path.replicas,
        "device_host_bytes_per_s": path.device_host_bytes_per_s,
        "serialise_bytes_per_s": path.serialise_bytes_per_s,
        "node_bytes_per_s": path.node_bytes_per_s,
        "store_write_bytes_per_s": path.store_write_bytes_per_s,
        "store_read_bytes_per_s": path.store_read_bytes_per_s,
    }
    for name, value in positive.items():
        if not value > 0:
            raise InputError(f"checkpoint path: {name} is {value}; expected more than 0")
