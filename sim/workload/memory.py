"""Memory of one GPU by pipeline stage: what it holds, whether that fits, and what would."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from sim.catalog.records import Model, SoftwareProfile
from sim.errors import DoesNotFitError, LayoutError
from sim.workload import activations
from sim.workload.activations import boundary_activation_bytes, layer_activation_bytes
from sim.workload.chunks import Chunk, deal_model, split_chunk
from sim.workload.layout import Batch, Layout, Schedule, local_kv_width, local_tokens, routed_rows
from sim.workload.layout_checks import check_batch, check_experts, check_shard, check_tensor
from sim.workload.pipelines import Pipeline, PipelineKey, peak_in_flight, pipeline_of
from sim.workload.profile import StageMemory
from sim.workload.recompute import recomputed_layers
from sim.workload.sharding import SHARDINGS, block_count, check_sharding, expert_shards, reduces, shards
from sim.workload.transformer import (
    ACTIVATION_BYTES,
    expert_parameters,
    head_parameters,
    kv_head_width,
    last_kind,
    latent_parameters,
    norm_parameters,
    query_width,
    router_parameters,
    shared_parameters,
)
from sim.workload.zero_bubble import PassTimes

PARAMETER_BYTES = 2.0
"""A 16-bit weight."""

OPTIMIZER_BYTES = 12.0
"""FP32 master weight and two FP32 Adam moments (ZeRO, arXiv 1910.02054)."""

RESERVED_BYTES = 2.5e9
"""CUDA context, NCCL buffers and allocator slack of one process (assumed)."""


def key_value_bytes(model: Model, batch: Batch, layout: Layout) -> float:
    """Return the bytes of a microbatch's keys and values on one GPU of the tensor group, whole sequence.

    >>> from sim.workload.examples import gpt
    >>> key_value_bytes(gpt(layers=1, hidden=64), Batch(sequence_length=32, global_batch=1), Layout(context=4))
    8192.0
    """
    return ACTIVATION_BYTES * batch.micro_batch * batch.sequence_length * local_kv_width(model, layout)


class Parameters(NamedTuple):
    """Weights on one GPU: outside routed experts, and of its routed experts, which fewer replicas hold."""

    shared: float
    experts: float

    @property
    def total(self) -> float:
        """Both."""
        return self.shared + self.experts


def chunk_parameters(model: Model, chunk: Chunk, layout: Layout) -> Parameters:
    """Return the weights of a chunk on one GPU: its layers, and embedding and head where it holds them.

    A multi-token prediction module at the end of a pipeline holds a copy of the embedding, unless its stage has that.
    """
    tensor = layout.tensor
    modules = chunk.mtp * (2 * model.hidden**2 / tensor + 3 * model.hidden)
    tables = chunk.embedding + (chunk.head and not (model.tied_embeddings and chunk.embedding))
    tables += bool(chunk.mtp and not chunk.embedding)
    shared = tables * head_parameters(model) / tensor + (model.hidden if chunk.head else 0) + modules
    experts = 0.0
    for kind, layers in (*chunk.kinds, (last_kind(model), chunk.mtp)):
        shared += layers * _layer_shared(model, kind, layout)
        if kind == "moe":
            experts += layers * model.experts * expert_parameters(model) / (layout.expert * layout.expert_tensor)
    return Parameters(shared, experts)


def _layer_shared(model: Model, kind: str, layout: Layout) -> float:
    """Return one layer's weights outside routed experts on one GPU; each holds norms, router and latents whole.

    Where tensor-parallel ranks outnumber key-value heads, several hold a copy of each.
    """
    whole = norm_parameters(model) + (router_parameters(model) if kind == "moe" else 0)
    whole += latent_parameters(model) if model.attention == "mla" else 0
    divided = shared_parameters(model, kind) + norm_parameters(model) - whole
    copied = 0.0
    if model.attention != "mla":
        copied = model.hidden * (local_kv_width(model, layout) - model.kv_heads * kv_head_width(model) / layout.tensor)
    return whole + divided / layout.tensor + copied


def microbatches(batch: Batch, layout: Layout) -> int:
    """Return the microbatches that each replica runs in a step."""
    return batch.global_batch // (layout.data * batch.micro_batch)


def weight_share(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile) -> float:
    """Return the part of a layer's activations that its weight gradients need, of the kind that most layers are.

    >>> from sim.workload.examples import gpt, plain_stack
    >>> batch = Batch(sequence_length=8, global_batch=1)
    >>> weight_share(gpt(layers=1, hidden=64, heads=4), batch, Layout(), plain_stack(flash=True))
    1.0
    """
    return activations.weight_share(
        model,
        batch,
        layout,
        flash=software.flash_attention,
        discard_cheap=software.discard_cheap,
        kind=last_kind(model),
    )


def pipeline_for(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, times: PassTimes | None = None
) -> PipelineKey:
    """Return what determines the pipeline of a layout; times for orders that follow from durations."""
    schedule = layout.schedule
    share = weight_share(model, batch, layout, software)
    return PipelineKey(
        schedule.kind, layout.pipeline, microbatches(batch, layout), schedule.chunks, times, round(share, 6)
    )


def stage_memory(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, times: PassTimes | None = None
) -> tuple[StageMemory, ...]:
    """Return the peak memory of one GPU of every stage; stages that hold the same chunks differ in their order only."""
    key = pipeline_for(model, batch, layout, software, times)
    pipeline = pipeline_of(key)
    dealt = deal_model(model, layout, pipeline.routes)
    held = {chunks: _held(model, batch, layout, software, chunks) for chunks in set(dealt)}
    return tuple(_one_stage(stage, held[dealt[stage]], pipeline, key.weight_share) for stage in range(layout.pipeline))


class _Held(NamedTuple):
    """What a GPU of a stage holds, in bytes; microbatch: by chunk, what one keeps for its backward."""

    parameters: float
    gradients: float
    optimizer: float
    buffers: float
    microbatch: tuple[float, ...]


def _held(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, chunks: Sequence[Chunk]) -> _Held:
    held = [chunk_parameters(model, chunk, layout) for chunk in chunks]
    blocks = _blocks_by_size(model, layout, chunks, held, software.data_overlap)
    activation = {chunk: chunk_activation_bytes(model, batch, layout, software, chunk) for chunk in set(chunks)}
    return _Held(
        parameters=PARAMETER_BYTES * _held_parameters(layout, held, blocks),
        gradients=software.gradient_bytes * _held_gradients(layout, held, blocks),
        optimizer=OPTIMIZER_BYTES * sharded(layout, held),
        buffers=buffer_bytes(model, batch, layout, software, chunks),
        microbatch=tuple(activation[chunk] for chunk in chunks),
    )


def _one_stage(stage: int, held: _Held, pipeline: Pipeline, weight_share: float) -> StageMemory:
    share = weight_share if pipeline.split else None
    return StageMemory(
        stage=stage,
        parameters=held.parameters,
        gradients=held.gradients,
        optimizer=held.optimizer,
        activations=peak_in_flight(pipeline.order[stage], held.microbatch, share),
        buffers=held.buffers,
    )


def chunk_activation_bytes(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, chunk: Chunk
) -> float:
    """Return what a chunk keeps of one microbatch: of layers that run their whole forward again only the input."""
    again = recomputed_layers(batch, chunk.layers)
    # What a layer keeps that is not among those.
    kept = replace(batch, recompute="none") if batch.recompute == "full" else batch
    by_kind = [(_layer_bytes(model, kept, layout, software, kind), n) for kind, n in chunk.kinds]
    modules = chunk.mtp * _layer_bytes(model, kept, layout, software, last_kind(model)) if chunk.mtp else 0.0
    return (
        again * boundary_activation_bytes(model, batch, layout)
        + sum(size * n for size, n in after(by_kind, again))
        + modules
    )


def after(by_kind: Sequence[tuple[float, int]], first: int) -> Iterator[tuple[float, int]]:
    """Yield (size, layers) without the first so many layers.

    >>> list(after([(1.0, 2), (5.0, 3)], 3))
    [(1.0, 0), (5.0, 2)]
    """
    for size, layers in by_kind:
        skipped = min(first, layers)
        first -= skipped
        yield size, layers - skipped


def _layer_bytes(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, kind: str) -> float:
    return layer_activation_bytes(
        model, batch, layout, flash=software.flash_attention, discard_cheap=software.discard_cheap, kind=kind
    )


def sharded(layout: Layout, held: Sequence[Parameters]) -> float:
    """Return the weights that one GPU's shards are of: those that all replicas hold, and experts, by their copies."""
    return sum(part.shared / shards(layout) + part.experts / expert_shards(layout) for part in held)


def _held_parameters(layout: Layout, held: Sequence[Parameters], blocks: Sequence[float]) -> float:
    """Return the weights that a GPU holds: all, or its shard and the gathered layers, in use and ahead."""
    parameters = sum(part.total for part in held)
    if not SHARDINGS[layout.sharding].parameters or shards(layout) == 1:
        return parameters
    whole = sum(blocks[: layout.prefetch + 1]) if layout.reshard_after_forward else parameters
    return sharded(layout, held) + whole


def _held_gradients(layout: Layout, held: Sequence[Parameters], blocks: Sequence[float]) -> float:
    """Return the gradients that a GPU holds: all, or its shard and what is whole until it has been reduced.

    That is the largest chunk where consecutive microbatches add up, else the block in its backward and the one that is
    being reduced.
    """
    if not SHARDINGS[layout.sharding].gradients or shards(layout) == 1:
        return sum(part.total for part in held)
    whole = max(part.total for part in held) if reduces(layout) == "turns" else sum(blocks[:2])
    return whole + sharded(layout, held)


def _blocks_by_size(
    model: Model, layout: Layout, chunks: Sequence[Chunk], held: Sequence[Parameters], overlap: bool
) -> list[float]:
    """Return the weights of each block of a stage, the largest first."""
    counts = [block_count(layout, chunk.layers, part.total, overlap) for chunk, part in zip(chunks, held, strict=True)]
    blocks = [block for chunk, count in zip(chunks, counts, strict=True) for block in split_chunk(chunk, count)]
    return sorted((chunk_parameters(model, block, layout).total for block in blocks), reverse=True)


def buffer_bytes(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, chunks: Sequence[Chunk]
) -> float:
    """Return working memory: a layer's temporaries (gathered input, widest product, gradients) or the logits.

    A layer that is recomputed as a whole keeps everything while its backward runs.
    """
    tokens = local_tokens(batch, layout)
    projected = query_width(model) / layout.tensor + local_kv_width(model, layout)
    widest = max(projected, (2 if model.gated_ffn else 1) * model.ffn_hidden / layout.tensor)
    working = 2 * ACTIVATION_BYTES * tokens * (model.hidden + widest)
    if any(chunk.moe for chunk in chunks):
        # Tokens on their way to their experts and back, and their gradients.
        working = max(working, 4 * ACTIVATION_BYTES * routed_rows(model, batch, layout) * model.hidden)
    if layout.context > 1:
        # Keys and values of the whole sequence, and their gradients.
        working += 2 * key_value_bytes(model, batch, layout)
    if batch.recompute == "full":
        whole = replace(batch, recompute="none")
        kinds = {kind for chunk in chunks for kind, _ in chunk.kinds}
        flash = software.flash_attention
        working += max(
            (layer_activation_bytes(model, whole, layout, flash=flash, kind=kind) for kind in kinds), default=0.0
        )
    return RESERVED_BYTES + max(working, _logits_bytes(model, batch, layout, software, chunks))


def _logits_bytes(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, chunks: Sequence[Chunk]
) -> float:
    """Return 16-bit logits, their FP32 copy and its gradient (Megatron's vocabulary-parallel cross entropy).

    Fused, the loss keeps its own FP32 numbers by row, and a gradient beside the logits.
    """
    if not any(chunk.head for chunk in chunks):
        return 0.0
    return (6.0 if software.loss_fused else 10.0) * local_tokens(batch, layout) * model.vocab / layout.tensor


PARTS = ("parameters", "gradients", "optimizer", "activations", "buffers")


def check_memory(
    memory: Sequence[StageMemory],
    model: Model,
    batch: Batch,
    layout: Layout,
    software: SoftwareProfile,
    capacity_bytes: float,
) -> None:
    """Raise DoesNotFitError if a stage exceeds the capacity: by how much, which, its parts, and what would fit."""
    worst = max(memory, key=lambda stage: stage.total)
    if worst.total <= capacity_bytes:
        return
    parts = sorted(((getattr(worst, name), name) for name in PARTS), reverse=True)
    shown = ", ".join(f"{name} {size / 1e9:.1f} GB" for size, name in parts)
    fitting = what_would_fit(model, batch, layout, software, capacity_bytes)
    raise DoesNotFitError(
        f"parallelism: the model does not fit: stage {worst.stage} needs {worst.total / 1e9:.1f} GB of "
        f"{capacity_bytes / 1e9:.1f} GB, {(worst.total - capacity_bytes) / 1e9:.1f} GB too much ({shown}); "
        f"would fit: {'; '.join(fitting) if fitting else 'no single change of recompute, sharding, batch or layout'}"
    )


def what_would_fit(
    model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, capacity_bytes: float
) -> list[str]:
    """Return the single changes under which every stage fits, in words, the cheapest in time first."""
    fitting = []
    for words, other_batch, other_layout in _changes(batch, layout):
        try:
            check_tensor(model, other_layout.tensor)
            check_experts(model, other_batch, other_layout)
            check_batch(other_batch, other_layout)
            check_shard(other_layout)
            check_sharding(other_layout)
            memory = stage_memory(model, other_batch, other_layout, software)
        except LayoutError:
            continue
        peak = max(stage.total for stage in memory)
        if peak <= capacity_bytes:
            fitting.append(f"{words} ({peak / 1e9:.1f} GB)")
    return fitting


def _changes(batch: Batch, layout: Layout) -> Iterator[tuple[str, Batch, Layout]]:
    if layout.data * layout.context > 1:
        for sharding in ("zero1", "zero2", "zero3"):
            later = list(SHARDINGS).index(sharding) > list(SHARDINGS).index(layout.sharding)
            if later or (layout.sharding == "hsdp" and sharding == "zero3"):
                yield f'parallelism.sharding = "{sharding}"', batch, replace(layout, sharding=sharding)
    for smaller in range(batch.micro_batch - 1, 0, -1):
        if batch.micro_batch % smaller == 0:
            yield f"training.micro_batch = {smaller}", replace(batch, micro_batch=smaller), layout
    for recompute in ("selective", "full"):
        partial = batch.recompute == "full" and batch.recompute_layers is not None and recompute == "full"
        if partial or batch.recompute not in (recompute, "full"):
            whole = replace(batch, recompute=recompute, recompute_modules=(), recompute_layers=None)
            yield f'training.recompute = "{recompute}"', whole, layout
    if layout.expert > 1:
        yield f"parallelism.expert = {2 * layout.expert}", batch, replace(layout, expert=2 * layout.expert)
    context = 2
    while layout.data % context == 0:
        wider = replace(layout, context=layout.context * context, data=layout.data // context)
        yield f"parallelism.context = {wider.context} with data = {wider.data}", batch, wider
        context *= 2
    if layout.data % 2 == 0:
        for name in ("pipeline", "tensor"):
            degree = 2 * (layout.pipeline if name == "pipeline" else layout.tensor)
            wider = replace(layout, data=layout.data // 2, schedule=Schedule())
            wider = replace(wider, pipeline=degree) if name == "pipeline" else replace(wider, tensor=degree)
            yield f"parallelism.{name} = {degree} with data = {wider.data} and 1f1b", batch, wider
