"""The parallel layout of a job: how its ranks divide a model and are numbered, and which layers each stage holds."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from sim.catalog.records import Accelerator, Model
from sim.errors import LayoutError, unknown_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A pipeline schedule: its kind, and the model chunks that each stage holds."""

    kind: str = "1f1b"
    chunks: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Degrees of parallelism; ranks are numbered tensor innermost, then context, pipeline and data.

    Rank = ((d x pipeline + p) x context + c) x tensor + t. prefetch, reshard_after_forward: of zero3 and hsdp, layers
    gathered ahead and whether they are freed after a forward; shard: GPUs of a shard group, hsdp only. optimizer_sync:
    whether stages meet before the optimizer ("global-norm") or not ("post-validation").

    >>> Layout(tensor=8, pipeline=16, data=128).gpus
    16384
    """

    tensor: int = 1
    context: int = 1
    pipeline: int = 1
    data: int = 1
    schedule: Schedule = Schedule()
    sharding: str = "ddp"
    prefetch: int = 1
    reshard_after_forward: bool = True
    shard: int = 0
    optimizer_sync: str = "global-norm"
    sequence_parallel: bool = False

    @property
    def gpus(self) -> int:
        """GPUs of the job."""
        return self.tensor * self.context * self.pipeline * self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One optimizer step's input and how it is computed. global_batch counts sequences."""

    sequence_length: int
    global_batch: int
    micro_batch: int = 1
    precision: str = "bf16"
    recompute: str = "none"

    @property
    def tokens(self) -> int:
        """Tokens per optimizer step."""
        return self.sequence_length * self.global_batch


def local_tokens(batch: Batch, layout: Layout) -> int:
    """Return the tokens of a microbatch that one GPU works on: a context-parallel group divides the sequence.

    >>> local_tokens(Batch(sequence_length=8192, global_batch=4, micro_batch=2), Layout(context=4))
    4096
    """
    return batch.micro_batch * batch.sequence_length // layout.context


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What one model chunk of a stage holds."""

    layers: int
    embedding: bool = False
    head: bool = False


def split_chunk(chunk: Chunk, parts: int) -> tuple[Chunk, ...]:
    """Return a chunk in parts of consecutive layers, as even as whole layers allow; at most one part a layer.

    The embedding goes with the first part, the head with the last.

    >>> [part.layers for part in split_chunk(Chunk(layers=5, head=True), 2)]
    [2, 3]
    """
    parts = max(1, min(parts, chunk.layers))
    edges = [chunk.layers * i // parts for i in range(parts + 1)]
    return tuple(
        replace(
            chunk,
            layers=end - start,
            embedding=chunk.embedding and start == 0,
            head=chunk.head and i == parts - 1,
        )
        for i, (start, end) in enumerate(pairwise(edges))
    )


Places = tuple[tuple[int, int], ...]
"""(stage, chunk) places in the order in which a microbatch's forward passes them."""


def deal_layers(layers: int, stages: int, chunks: int, routes: Iterable[Places] = ()) -> tuple[tuple[Chunk, ...], ...]:
    """Return the chunks of every stage, by [stage][chunk]; layers follow the routes of the microbatches.

    routes: default once through all stages for each chunk. Every different route passes the whole model. Layers are
    dealt evenly where they divide; otherwise embedding and head count as one layer each, as Llama 3 does (arXiv
    2407.21783, section 3.3.2), and the slots are spread as evenly as whole layers allow. Raises LayoutError for a chunk
    without any work.

    >>> [c.layers for c in deal_layers(126, 16, 8)[0]], [c.layers for c in deal_layers(126, 16, 8)[15]]
    ([0, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 0])
    >>> [stage[0].layers for stage in deal_layers(61, 4, 1)]
    [15, 16, 15, 15]
    """
    looped = tuple((v % stages, v // stages) for v in range(stages * chunks))
    dealt: dict[tuple[int, int], Chunk] = {}
    for route in dict.fromkeys(routes) or (looped,):
        dealt |= dict(zip(route, _deal(layers, route), strict=True))
    return tuple(tuple(dealt[stage, chunk] for chunk in range(chunks)) for stage in range(stages))


def _deal(layers: int, route: Places) -> list[Chunk]:
    places = len(route)
    counts = _even(layers, places) if layers % places == 0 else _with_slots(layers, places)
    dealt = [Chunk(layers=count, embedding=v == 0, head=v == places - 1) for v, count in enumerate(counts)]
    for (stage, number), chunk in zip(route, dealt, strict=True):
        if not (chunk.layers or chunk.embedding or chunk.head):
            raise LayoutError(
                f"parallelism: chunk {number} of stage {stage} holds no layer: {layers} layers in {places} chunks; "
                f"expected stages x chunks <= {layers + 2}"
            )
    return dealt


def _even(layers: int, virtual: int) -> list[int]:
    return [layers // virtual] * virtual


def _with_slots(layers: int, virtual: int) -> list[int]:
    slots = layers + 2
    edges = [round(v * slots / virtual) for v in range(virtual + 1)]
    counts = [edges[v + 1] - edges[v] for v in range(virtual)]
    counts[0] -= 1
    counts[-1] -= 1
    if min(counts) < 0:
        raise LayoutError(
            f"parallelism: {layers} layers with embedding and head cannot fill {virtual} chunks; "
            f"expected stages x chunks <= {slots}"
        )
    return counts


def check_tensor(model: Model, tensor: int) -> None:
    """Raise LayoutError for a degree of tensor parallelism that does not divide the model."""
    for name, count in (("heads", model.heads), ("kv_heads", model.kv_heads), ("ffn_hidden", model.ffn_hidden)):
        if count % tensor:
            raise LayoutError(
                f"parallelism.tensor: {tensor} does not divide model.{name} = {count}; "
                f"nearest that does: {_nearest_divisor(count, tensor)}"
            )


def check_layout(model: Model, batch: Batch, layout: Layout, accelerator: Accelerator) -> None:
    """Raise LayoutError for a layout that cannot divide the model or the batch, naming the nearest that can."""
    check_tensor(model, layout.tensor)
    check_shard(layout)
    replica_batch = layout.data * batch.micro_batch
    if batch.global_batch % replica_batch:
        down = max(batch.global_batch // replica_batch, 1) * replica_batch
        raise LayoutError(
            f"training.global_batch: {batch.global_batch} is no multiple of data x micro_batch = {layout.data} x "
            f"{batch.micro_batch} = {replica_batch}; nearest that is: {down} or {down + replica_batch}"
        )
    if model.max_position and batch.sequence_length > model.max_position:
        raise LayoutError(
            f"training.sequence_length: got {batch.sequence_length:,}; "
            f"expected at most the {model.max_position:,} positions of {model.name}"
        )
    if batch.precision not in accelerator.peak_flops_per_s:
        raise unknown_name(
            f"precision of {accelerator.name}", batch.precision, accelerator.peak_flops_per_s, "training.precision"
        )
    # Each rank of a context group holds an early and a late piece of the sequence, so that causal attention is even.
    pieces = (2 * layout.context if layout.context > 1 else 1) * (layout.tensor if layout.sequence_parallel else 1)
    if batch.sequence_length % pieces:
        raise LayoutError(
            f"parallelism: context = {layout.context} and tensor = {layout.tensor} cut a sequence into {pieces}; "
            f"training.sequence_length = {batch.sequence_length} is no multiple of that"
        )


def check_shard(layout: Layout) -> None:
    """Raise LayoutError for shard groups of hsdp that do not divide the GPUs that hold the same weights."""
    weights = layout.data * layout.context
    if layout.sharding == "hsdp" and (layout.shard < 1 or weights % layout.shard):
        raise LayoutError(
            f"parallelism.shard: {layout.shard} does not divide data x context = {layout.data} x {layout.context} = "
            f"{weights}; nearest that does: {_nearest_divisor(weights, max(layout.shard, 1))}"
        )


def _nearest_divisor(count: int, wanted: int) -> int:
    divisors = [d for d in range(1, min(count, 4 * wanted) + 1) if count % d == 0]
    return min(divisors, key=lambda d: (abs(d - wanted), d))
