"""Sharding of a data-parallel group's state: what each GPU holds and what a step moves.

| kind  | holds whole                      | gathers parameters               | reduces gradients            |
|-------|----------------------------------|----------------------------------|------------------------------|
| ddp   | parameters, gradients, optimizer | never                            | all-reduce, once a step      |
| zero1 | parameters, gradients            | once a step, after the optimizer | reduce-scatter, once a step  |
| zero2 | parameters                       | once a step, after the optimizer | reduce-scatter, see below    |
| zero3 | nothing                          | a layer's forward and backward   | reduce-scatter, a microbatch |
| hsdp  | nothing                          | as zero3, within a shard group   | as zero3, then an all-reduce |

What is not held whole is held in shards, and whole only while in use (ZeRO, arXiv 1910.02054).

zero2: a gradient kept in shards has to be reduced before what is whole is given up. A stage of one chunk reduces after
every microbatch; one of several chunks when its backwards turn to another chunk, so that consecutive microbatches add
up first and no more than a chunk is whole. Llama 3 trains so (arXiv 2407.21783, section 3.3.2, as understood: after
every microbatch its 405B step would take twice the published time). It moves as much as zero1 or more, and holds less.

zero3: as PyTorch FSDP runs it, layer by layer; without reshard_after_forward a layer stays gathered from its first
forward to the end of the step. hsdp: shard groups of `parallelism.shard` GPUs hold the model once each, and all-reduce
their shards of the gradients after each reduce-scatter (FSDP's default when gradients accumulate).
"""

from dataclasses import dataclass

from sim.errors import LayoutError
from sim.workload.layout import Layout
from sim.workload.pipelines import SCHEDULES, Kind

BUCKET_PARAMETERS = 40e6
"""The least parameters of a bucket (Megatron-LM, --ddp-bucket-size: the larger of 40M and 1M a data-parallel rank)."""

MOST_BLOCKS = 12
"""Blocks of a chunk at most: what is exposed of the last bucket is then a twelfth or less of the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharding:
    """What a kind of sharding divides among the GPUs of a shard group."""

    optimizer: bool = False
    gradients: bool = False
    parameters: bool = False


SHARDINGS = {
    "ddp": Sharding(),
    "zero1": Sharding(optimizer=True),
    "zero2": Sharding(optimizer=True, gradients=True),
    "zero3": Sharding(optimizer=True, gradients=True, parameters=True),
    "hsdp": Sharding(optimizer=True, gradients=True, parameters=True),
}
"""Kinds of sharding by name."""


def shards(layout: Layout) -> int:
    """Return the GPUs that divide the state of a weight: data x context, for hsdp those of a shard group.

    Where the stages hold the model twice (DualPipe), both copies divide it.

    >>> shards(Layout(data=4, context=2, sharding="zero1")), shards(Layout(data=16, sharding="hsdp", shard=8))
    (8, 8)
    """
    if not SHARDINGS[layout.sharding].optimizer:
        return 1
    return layout.shard if layout.sharding == "hsdp" else layout.data * layout.context * _kind(layout).copies


def expert_shards(layout: Layout) -> int:
    """Return the GPUs that divide the state of a routed expert's weight: those that hold copies of it.

    >>> expert_shards(Layout(data=8, expert=4, sharding="zero1")), expert_shards(Layout(data=8, expert=4))
    (2, 1)
    """
    return layout.expert_data * _kind(layout).copies if SHARDINGS[layout.sharding].optimizer else 1


def check_sharding(layout: Layout) -> None:
    """Raise LayoutError for pairs of passes where each pass gathers its layers, and for experts in hsdp."""
    if layout.sharding == "hsdp" and layout.expert > 1:
        raise LayoutError("parallelism.sharding: hsdp with expert parallelism is not modelled; expected zero3 or zero1")
    if SHARDINGS[layout.sharding].parameters and _kind(layout).groups is not None:
        raise LayoutError(
            f"parallelism.sharding: {layout.sharding} gathers the layers of one pass at a time, but "
            f"{layout.schedule.kind} runs two passes as one; expected zero1 or zero2, or another schedule"
        )


def _kind(layout: Layout) -> Kind:
    return SCHEDULES[layout.schedule.kind]


def regathers(layout: Layout) -> bool:
    """Say whether every forward and backward gathers its parameters."""
    return SHARDINGS[layout.sharding].parameters and layout.reshard_after_forward


def reduces(layout: Layout) -> str:
    """Return when a stage reduces gradients: with the last microbatch, each one, or as it turns to another chunk.

    >>> reduces(Layout(sharding="zero1")), reduces(Layout(sharding="zero2")), reduces(Layout(sharding="zero3"))
    ('last', 'each', 'each')
    """
    if not SHARDINGS[layout.sharding].gradients:
        return "last"
    return "turns" if layout.sharding == "zero2" and layout.schedule.chunks > 1 else "each"


def block_count(layout: Layout, layers: int, parameters: float, overlap: bool) -> int:
    """Return the blocks of a chunk of so many layers and weights of one GPU.

    Its layers where parameters are sharded; otherwise one without overlap, else buckets of 40M parameters or more, 12
    at most.

    >>> block_count(Layout(), 96, 1e9, overlap=True), block_count(Layout(), 4, 90e6, overlap=True)
    (12, 2)
    """
    if SHARDINGS[layout.sharding].parameters:
        return max(1, layers)
    return max(1, min(int(parameters / BUCKET_PARAMETERS), MOST_BLOCKS, layers)) if overlap else 1
