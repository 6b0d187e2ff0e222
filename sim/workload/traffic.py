"""Traffic of a step: bytes per collective, per parallel group, and how long each takes on the cluster's network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.catalog.records import Model, SoftwareProfile
from sim.cluster.placement import Groups
from sim.cluster.records import CollectiveCost, GpuArray
from sim.workload.blocks import block_parameters
from sim.workload.chunks import Chunk
from sim.workload.data_traffic import DataTimes, NetworkModel, data_times
from sim.workload.layout import Batch, Layout, local_kv_width, local_tokens, norm_tokens, routed_rows
from sim.workload.memory import key_value_bytes
from sim.workload.transformer import ACTIVATION_BYTES, output_width, query_width


@dataclass(frozen=True, slots=True, kw_only=True)
class Communication:
    """Seconds of a step's communication: one tensor collective, one exchange of keys and values, a message by stage.

    dispatch_s and combine_s: one exchange of tokens with their experts, and back; expert_gather_s: of a GPU's routed
    tokens among those that share its experts. data: gathers and reductions by block. costs: the network's full answer
    by dimension, for the largest collective of each.
    """

    tensor_s: float
    context_s: float
    dispatch_s: float
    combine_s: float
    expert_gather_s: float
    boundary_s: tuple[float, ...]
    data: DataTimes
    costs: Mapping[str, CollectiveCost]


def tensor_bytes(model: Model, batch: Batch, layout: Layout) -> float:
    """Return the bytes of one tensor-parallel collective: the activations of a microbatch, 2 b s h over context.

    >>> from sim.workload.examples import gpt
    >>> tensor_bytes(gpt(layers=1, hidden=64), Batch(sequence_length=32, global_batch=1), Layout())
    4096.0
    """
    return ACTIVATION_BYTES * local_tokens(batch, layout) * model.hidden


def boundary_bytes(model: Model, batch: Batch, layout: Layout) -> float:
    """Return the bytes each GPU sends to the next stage: 2 b s h / t (scatter-gather, Narayanan et al. 2104.04473)."""
    return tensor_bytes(model, batch, layout) / layout.tensor


def communication(
    model: Model,
    batch: Batch,
    layout: Layout,
    software: SoftwareProfile,
    blocks: Sequence[Sequence[Sequence[Chunk]]],
    groups: Groups,
    network: NetworkModel,
) -> Communication:
    """Return the times of all communication of a step; a dimension of size one costs nothing.

    blocks: the parts of every chunk, by [stage][chunk][block].
    """
    costs: dict[str, CollectiveCost] = {}
    tensor_s = 0.0
    if layout.tensor > 1:
        kind = "all-gather" if layout.sequence_parallel else "all-reduce"
        costs["tensor"] = network.cost(kind, groups.tensor, tensor_bytes(model, batch, layout))
        tensor_s = costs["tensor"].time_s
    context_s = 0.0
    if layout.context > 1:
        costs["context"] = _context_cost(model, batch, layout, groups, network)
        context_s = costs["context"].time_s
    experts = _expert_costs(model, batch, layout, software, groups, network)
    if experts:
        costs["expert"] = max(experts.values(), key=lambda cost: cost.time_s)
    boundary_s: tuple[float, ...] = (0.0,) * layout.pipeline
    if layout.pipeline > 1:
        message = boundary_bytes(model, batch, layout)
        costs["pipeline"] = network.cost("p2p", groups.pipeline, message)
        boundary_s = _boundary_s(network.times("p2p", groups.pipeline, message), layout)
    parameters = [[block_parameters(model, chunk, layout) for chunk in stage] for stage in blocks]
    data = data_times(parameters, layout, software, groups, network)
    if data.cost is not None:
        costs["data"] = data.cost
    return Communication(
        tensor_s=tensor_s,
        context_s=context_s,
        dispatch_s=_time_s(experts, "dispatch"),
        combine_s=_time_s(experts, "combine"),
        expert_gather_s=_time_s(experts, "gather"),
        boundary_s=boundary_s,
        data=data,
        costs=costs,
    )


def _time_s(costs: Mapping[str, CollectiveCost], name: str) -> float:
    return costs[name].time_s if name in costs else 0.0


def _context_cost(model: Model, batch: Batch, layout: Layout, groups: Groups, network: NetworkModel) -> CollectiveCost:
    """Return the cost of one exchange in the context group: keys and values, or all heads for all positions and back.

    all-to-all: queries, keys and values go out, the output comes back (DeepSpeed Ulysses, arXiv 2309.14509).
    """
    if layout.context_exchange != "all-to-all":
        return network.cost("all-gather", groups.context, key_value_bytes(model, batch, layout))
    width = (query_width(model) + output_width(model)) / layout.tensor + local_kv_width(model, layout)
    return network.cost("all-to-all", groups.context, ACTIVATION_BYTES * local_tokens(batch, layout) * width)


def dispatch_bytes(model: Model, batch: Batch, layout: Layout, bytes_per_element: float) -> float:
    """Return the bytes of a GPU's tokens, a copy for each of their experts: what it sends if they are all elsewhere.

    The busiest GPU receives more where routing is uneven, and all wait for it.

    >>> from sim.workload.examples import mixture
    >>> model = mixture(layers=1, hidden=8, experts=4, experts_per_token=2)
    >>> dispatch_bytes(model, Batch(sequence_length=32, global_batch=4), Layout(data=4, expert=4), 2.0)
    1024.0
    """
    own = norm_tokens(local_tokens(batch, layout), layout)
    return bytes_per_element * own * model.experts_per_token * batch.expert_imbalance * model.hidden


def _expert_costs(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, groups: Groups, network: NetworkModel
) -> dict[str, CollectiveCost]:
    """Return the costs of exchanges with experts: dispatch, the way back in 16 bit, and among ranks that share them."""
    costs: dict[str, CollectiveCost] = {}
    if not model.experts:
        return costs
    alike = software.expert_exchange == "deduplicated"
    for name, element in (("dispatch", software.dispatch_bytes), ("combine", ACTIVATION_BYTES)):
        size = dispatch_bytes(model, batch, layout, element)
        if layout.expert > 1:
            costs[name] = network.exchange(groups.expert, size, model.experts_per_token, model.expert_nodes, alike)
    if layout.expert_tensor > 1:
        size = ACTIVATION_BYTES * routed_rows(model, batch, layout) * model.hidden
        costs["gather"] = network.cost("all-gather", groups.expert_tensor, size)
    return costs


def collective_channels(data_group: GpuArray, node_gpus: int) -> int:
    """Return the SMs that a data-parallel collective holds: 2 channels for each rank of a group in a node, at least 4.

    NCCL runs a thread block a channel (its defaults as recalled: assumed). 16 to 24 of 132 SMs lengthen kernels by
    14 to 22 %; measured inside a node: 18.9 % on average (arXiv 2507.03114).

    >>> collective_channels(np.array([0, 8, 16]), 8), collective_channels(np.arange(16), 8)
    (4, 16)
    """
    ranks = int(np.bincount(data_group // node_gpus).max())
    return max(4, 2 * ranks)


def _boundary_s(by_pair: NDArray[np.float64], layout: Layout) -> tuple[float, ...]:
    """Return the time of a message by stage: of the slowest tensor rank, in the mean over replicas.

    A boundary without a pair (the last stage's, unless stages hold several chunks) carries nothing.
    """
    times: list[float] = (
        by_pair.reshape(layout.data, -1, layout.context * layout.tensor).max(axis=2).mean(axis=0).tolist()
    )
    return tuple(times + [0.0] * (layout.pipeline - len(times)))
