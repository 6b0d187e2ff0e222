"""Who sits where: from ranks to GPUs, and the groups of each dimension of parallelism."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.cluster.records import Cluster, GpuArray
from sim.errors import LayoutError, unknown_name
from sim.streams import stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """GPUs of every communicating group: tensor (groups, tensor), context (groups, context), pipeline (pairs, 2), data.

    data (groups, data x context): replicas and context ranks hold the same weights. shard (groups, GPUs that divide a
    weight's state) and replicas (groups, shard groups): every data group cut in pieces, and the GPUs at the same place
    of the pieces; one piece unless they are asked for. expert (groups, expert): exchange tokens with each other's
    experts; expert_tensor: share the same experts; expert_data: hold copies of them.
    """

    tensor: GpuArray
    context: GpuArray
    pipeline: GpuArray
    data: GpuArray
    expert: GpuArray
    expert_tensor: GpuArray
    expert_data: GpuArray
    shard: GpuArray
    replicas: GpuArray


def packed(layout_gpus: int, cluster: Cluster) -> GpuArray:
    """Return the GPU of each rank, shape (layout_gpus,): rank r on GPU r.

    Ranks are numbered with tensor innermost, so that a tensor group fills consecutive GPUs of a node, and stages and
    replicas follow over consecutive nodes; the job takes the first nodes, spares are the last.
    Raises LayoutError if the cluster has fewer GPUs.
    """
    if layout_gpus > cluster.gpus:
        raise LayoutError(
            f"parallelism: the layout needs {layout_gpus:,} GPUs, the cluster has {cluster.gpus:,} "
            f"({cluster.nodes:,} nodes x {cluster.node.accelerators})"
        )
    return np.arange(layout_gpus, dtype=np.int64)


def spread(layout_gpus: int, cluster: Cluster) -> GpuArray:
    """Return the GPU of each rank where nodes that follow each other stand under different leaves, dealt in turn.

    Nodes are taken as wholes, as are scale-up domains of several nodes; what does not fill one stays last. Leaf: the
    switch at a node's first NIC. The job holds the same nodes as when packed. Raises LayoutError if the cluster has
    fewer GPUs.
    """
    units, rest = _units(layout_gpus, cluster)
    under: defaultdict[str, int] = defaultdict(int)
    turns = []
    for unit in units:
        leaf = _leaf(int(unit[0]), cluster)
        turns.append(under[leaf])
        under[leaf] += 1
    return np.concatenate([units[np.argsort(turns, kind="stable")].ravel(), rest])


def random(layout_gpus: int, cluster: Cluster, seed: int) -> GpuArray:
    """Return the GPU of each rank where the job's nodes stand in a random order: a scheduler that knows no topology.

    Nodes are taken as wholes, as are scale-up domains of several nodes; what does not fill one stays last. The job
    holds the same nodes as when packed. Raises LayoutError if the cluster has fewer GPUs.
    """
    units, rest = _units(layout_gpus, cluster)
    return np.concatenate([stream(seed, "placement").permutation(units).ravel(), rest])


PLACEMENTS = ("packed", "spread", "random")
"""Kinds of placement."""


def placed(kind: str, layout_gpus: int, cluster: Cluster, seed: int) -> GpuArray:
    """Return the GPU of each rank under a kind of placement; seed: of the random one.

    Raises UnknownNameError for another kind, LayoutError if the cluster has fewer GPUs.
    """
    if kind == "random":
        return random(layout_gpus, cluster, seed)
    kinds = {"packed": packed, "spread": spread}
    if kind not in kinds:
        raise unknown_name("placement", kind, PLACEMENTS, "cluster.placement.kind")
    return kinds[kind](layout_gpus, cluster)


def _units(layout_gpus: int, cluster: Cluster) -> tuple[GpuArray, GpuArray]:
    """Return the GPUs of the job by node, or by scale-up domain where that is larger, and those that fill none."""
    gpus, unit = packed(layout_gpus, cluster), max(cluster.node.accelerators, cluster.node.scale_up_domain)
    whole = layout_gpus - layout_gpus % unit
    return gpus[:whole].reshape(-1, unit), gpus[whole:]


def _leaf(gpu: int, cluster: Cluster) -> str:
    """Return the switch at the first NIC of a GPU's node."""
    endpoint = cluster.endpoints[gpu // cluster.node.accelerators * cluster.node.nics]
    return min(cluster.graph[endpoint])


ORDER = ("tensor", "context", "pipeline", "data")
"""Dimensions of a rank's number, innermost first, where nothing else is said: Llama 3 (arXiv 2407.21783, 3.3.2)."""


_MEGATRON = {"tp": "tensor", "cp": "context", "dp": "data", "pp": "pipeline"}
"""What Megatron-LM's --order calls them."""


def check_order(order: Sequence[str], where: str = "parallelism.order") -> None:
    """Raise LayoutError, with the nearest order, unless one names every dimension once; UnknownNameError for others.

    >>> check_order(("tensor", "data", "tensor", "pipeline"))
    Traceback (most recent call last):
    sim.errors.LayoutError: parallelism.order: tensor-data-tensor-pipeline lacks context and names tensor twice; \
expected each of tensor, context, pipeline, data once, innermost first; nearest is tensor-data-pipeline-context
    """
    for name in order:
        if name in ("expert", "ep"):
            raise LayoutError(
                f"{where}: got {name}, but experts fold into tensor, context and data; expected the others"
            )
        if name in _MEGATRON:
            full = "-".join(_MEGATRON.get(each, each) for each in order if each != "ep")
            raise LayoutError(f"{where}: unknown dimension '{name}'; did you mean '{_MEGATRON[name]}', as in {full}?")
        if name not in ORDER:
            raise unknown_name("dimension", name, ORDER, where)
    missing, twice = [name for name in ORDER if name not in order], [name for name in ORDER if order.count(name) > 1]
    wrong = [f"lacks {', '.join(missing)}"] if missing else []
    wrong += [f"names {', '.join(twice)} twice"] if twice else []
    if wrong:
        raise LayoutError(
            f"{where}: {'-'.join(order) or 'an empty order'} {' and '.join(wrong)}; expected each of "
            f"{', '.join(ORDER)} once, innermost first; nearest is {'-'.join([*dict.fromkeys(order), *missing])}"
        )


def in_order(placement: GpuArray, sizes: Mapping[str, int], order: Sequence[str] = ORDER) -> GpuArray:
    """Return the GPU of each rank of `ORDER`, when ranks are numbered in another order over the same GPUs.

    Megatron-LM numbers tensor, context, data, pipeline: replicas sit beside each other, stages far apart. Raises
    LayoutError unless the order names every dimension once.

    >>> sizes = {"tensor": 1, "context": 1, "pipeline": 2, "data": 2}
    >>> in_order(np.arange(4), sizes, ("tensor", "context", "data", "pipeline")).tolist()
    [0, 2, 1, 3]
    """
    check_order(order)
    outermost_first = list(reversed(order))
    grid = placement.reshape([sizes[name] for name in outermost_first])
    return grid.transpose([outermost_first.index(name) for name in reversed(ORDER)]).ravel()


def groups(
    tensor: int,
    pipeline: int,
    data: int,
    placement: GpuArray,
    wrap: bool = False,
    context: int = 1,
    expert: int = 1,
    expert_tensor: int = 1,
    shard: int = 0,
    mirrored: bool = False,
) -> Groups:
    """Return the groups of each dimension; placement maps rank ((d x pipeline + p) x context + c) x tensor + t to GPU.

    Tensor groups hold all t of one (d, p, c), context groups all c of one (d, p, t), data groups all d and c of one
    (p, t); pipeline pairs lead from (d, p, c, t) to (d, p + 1, c, t), in column order (0 sends forward to 1), and with
    wrap from the last stage to the first as well (interleaved schedules). Pieces of `shard` GPUs that follow each other
    in a data group are shard groups (0: the whole data group is one). mirrored: a stage and its mirror image hold the
    same weights (DualPipe), so that their data groups are one. Experts fold into the ranks of a stage, numbered tensor,
    context, data: expert_tensor innermost, then expert (MoE parallel folding, arXiv 2504.14960).
    Raises LayoutError if the placement has another number of ranks, or if shard groups do not divide a data group.

    >>> g = groups(2, 2, 2, np.arange(8))
    >>> g.tensor.tolist(), g.data.tolist()
    ([[0, 1], [2, 3], [4, 5], [6, 7]], [[0, 4], [1, 5], [2, 6], [3, 7]])
    >>> g.pipeline.tolist()
    [[0, 2], [1, 3], [4, 6], [5, 7]]
    >>> groups(2, 1, 4, np.arange(8), expert=4).expert.tolist()
    [[0, 1, 2, 3], [4, 5, 6, 7]]
    >>> g = groups(1, 1, 4, np.arange(4), shard=2)
    >>> g.shard.tolist(), g.replicas.tolist()
    ([[0, 1], [2, 3]], [[0, 2], [1, 3]])
    """
    if placement.shape != (tensor * context * pipeline * data,):
        raise LayoutError(
            f"parallelism: tensor {tensor} x context {context} x pipeline {pipeline} x data {data} = "
            f"{tensor * context * pipeline * data:,} ranks, but {placement.size:,} are placed"
        )
    if (tensor * context * data) % (expert * expert_tensor):
        raise LayoutError(
            f"parallelism: expert {expert} x expert_tensor {expert_tensor} does not divide tensor x context x data = "
            f"{tensor * context * data:,} ranks of a stage"
        )
    grid = placement.reshape(data, pipeline, context, tensor)
    folded = grid.swapaxes(0, 1).reshape(pipeline, -1, expert, expert_tensor)
    onward = np.roll(grid, -1, axis=1)
    senders = pipeline if wrap and pipeline > 1 else pipeline - 1
    pairs = np.stack([grid[:, :senders], onward[:, :senders]], axis=-1)
    by_stage = grid.transpose(1, 3, 0, 2)
    half = pipeline // 2
    if mirrored:
        by_stage = np.concatenate([by_stage[:half], by_stage[::-1][:half]], axis=2)
    same = by_stage.reshape(-1, by_stage.shape[2] * context)
    pieces = _pieces(same, shard or same.shape[1])
    copies = np.concatenate([folded[:half], folded[::-1][:half]], axis=1) if mirrored else folded
    return Groups(
        tensor=grid.reshape(-1, tensor),
        context=grid.transpose(0, 1, 3, 2).reshape(-1, context),
        pipeline=pairs.reshape(-1, 2),
        data=same,
        shard=pieces.reshape(-1, pieces.shape[2]),
        replicas=pieces.transpose(0, 2, 1).reshape(-1, pieces.shape[1]),
        expert=folded.swapaxes(2, 3).reshape(-1, expert),
        expert_tensor=folded.reshape(-1, expert_tensor),
        expert_data=copies.transpose(0, 2, 3, 1).reshape(-1, copies.shape[1]),
    )


def _pieces(same: GpuArray, shard: int) -> GpuArray:
    """Return data groups in pieces of `shard` GPUs, shape (groups, pieces, shard)."""
    if same.shape[1] % shard:
        raise LayoutError(
            f"parallelism.shard: got {shard}, expected a divisor of the {same.shape[1]} GPUs that hold the same weights"
        )
    return same.reshape(same.shape[0], -1, shard)
