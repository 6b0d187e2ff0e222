"""Memory of one GPU by pipeline stage: what it holds, whether that fits, and what would."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sim.catalog.records import Model, SoftwareProfile
from sim.errors import DoesNotFitError, LayoutError
from sim.workload.layout import (
    Batch,
    Chunk,
    Layout,
    Schedule,
    check_shard,
    check_tensor,
    deal_layers,
    local_tokens,
    split_chunk,
)
from sim.workload.pipelines import Pipeline, PipelineKey, peak_in_flight, pipeline_of
from sim.workload.profile import StageMemory
from sim.workload.sharding import SHARDINGS, block_count, check_sharding, reduces, shards
from sim.workload.transformer import (
    ACTIVATION_BYTES,
    attention_width,
    head_parameters,
    layer_matmul_parameters,
    qkv_width,
)
from sim.workload.zero_bubble import PassTimes

PARAMETER_BYTES = 2.0
"""A 16-bit weight."""

OPTIMIZER_BYTES = 12.0
"""FP32 master weight and two FP32 Adam moments (ZeRO, arXiv 1910.02054)."""

RESERVED_BYTES = 2.5e9
"""CUDA context, NCCL buffers and allocator slack of one process (assumed)."""


def layer_activation_bytes(
    model: Model, batch: Batch, layout: Layout, *, flash: bool, discard_cheap: bool = False, dropout: bool = False
) -> float:
    """Return the bytes that one layer keeps for its backward pass, for one microbatch on one GPU.

    Counted tensor by tensor after Korthikanti et al. arXiv 2205.05198, section 4; for their GPT this gives
    s b h (10 + 24/t + 5 a s / (h t)), with sequence parallelism s b h / t (34 + 5 a s / h), 34 s b h / t when
    selective, and 2 s b h (over t with sequence parallelism) when full. discard_cheap: outputs of normalisation and
    activation are not kept.

    >>> from sim.workload.examples import gpt
    >>> model, batch = gpt(layers=1, hidden=64, heads=4), Batch(sequence_length=32, global_batch=1)
    >>> layer_activation_bytes(model, batch, Layout(), flash=True, dropout=True) / (32 * 64)
    34.0
    """
    tokens, h, t = local_tokens(batch, layout), model.hidden, layout.tensor
    if batch.recompute == "full":
        return ACTIVATION_BYTES * tokens * h / (t if layout.sequence_parallel else 1)
    kept = 2 if discard_cheap else 4
    outside = ACTIVATION_BYTES * kept * h + (2 * h if dropout else 0)
    products = (2 if model.gated_ffn else 1) + (0 if discard_cheap else 1)
    inside = ACTIVATION_BYTES * (qkv_width(model) + attention_width(model) + products * model.ffn_hidden)
    if batch.recompute == "none" and not flash:
        inside += (5 if dropout else 4) * model.heads * batch.sequence_length
    return tokens * (outside / (t if layout.sequence_parallel else 1) + inside / t)


def key_value_bytes(model: Model, batch: Batch, layout: Layout) -> float:
    """Return the bytes of a microbatch's keys and values on one GPU of the tensor group, whole sequence.

    >>> from sim.workload.examples import gpt
    >>> key_value_bytes(gpt(layers=1, hidden=64), Batch(sequence_length=32, global_batch=1), Layout(context=4))
    8192.0
    """
    width = 2 * model.kv_heads * model.head_dim / layout.tensor
    return ACTIVATION_BYTES * batch.micro_batch * batch.sequence_length * width


def chunk_parameters(model: Model, chunk: Chunk, tensor: int) -> float:
    """Return the weights of a chunk on one GPU: its layers, and embedding and head where it holds them."""
    layer = layer_matmul_parameters(model) / tensor + 2 * model.hidden
    tables = chunk.embedding + (chunk.head and not (model.tied_embeddings and chunk.embedding))
    final_norm = model.hidden if chunk.head else 0
    return chunk.layers * layer + tables * head_parameters(model) / tensor + final_norm


def microbatches(batch: Batch, layout: Layout) -> int:
    """Return the microbatches that each replica runs in a step."""
    return batch.global_batch // (layout.data * batch.micro_batch)


def weight_share(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile) -> float:
    """Return the part of a layer's activations that its weight gradients need: inputs of products and their gradients.

    A stack that splits them off holds this part from B to W. For the GPT of arXiv 2401.10241: 32 h of 34 h + 5 a s / h.
    Outputs that are discarded have to be made again for it, so that it may be everything.

    >>> from sim.workload.examples import gpt, plain_stack
    >>> batch = Batch(sequence_length=8, global_batch=1)
    >>> weight_share(gpt(layers=1, hidden=64, heads=4), batch, Layout(), plain_stack(flash=True))
    1.0
    """
    h, t = model.hidden, layout.tensor
    outside = (4 * h) / (t if layout.sequence_parallel else 1)
    products = 3 if model.gated_ffn else 2
    inside = (qkv_width(model) + attention_width(model) + products * model.ffn_hidden) / t
    held = ACTIVATION_BYTES * local_tokens(batch, layout) * (outside + inside)
    layer = layer_activation_bytes(
        model, batch, layout, flash=software.flash_attention, discard_cheap=software.discard_cheap
    )
    return min(1.0, held / layer)


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
    """Return the peak memory of one GPU of every stage."""
    key = pipeline_for(model, batch, layout, software, times)
    pipeline = pipeline_of(key)
    dealt = deal_layers(model.layers, layout.pipeline, layout.schedule.chunks, pipeline.routes)
    return tuple(
        _one_stage(stage, model, batch, layout, software, dealt[stage], pipeline, key.weight_share)
        for stage in range(layout.pipeline)
    )


def _one_stage(
    stage: int,
    model: Model,
    batch: Batch,
    layout: Layout,
    software: SoftwareProfile,
    chunks: Sequence[Chunk],
    pipeline: Pipeline,
    weight_share: float,
) -> StageMemory:
    order = pipeline.order[stage]
    by_chunk = [chunk_parameters(model, chunk, layout.tensor) for chunk in chunks]
    parameters, blocks = sum(by_chunk), _blocks_by_size(model, layout, chunks, by_chunk, software.data_overlap)
    layer = layer_activation_bytes(
        model, batch, layout, flash=software.flash_attention, discard_cheap=software.discard_cheap
    )
    weights = [layer * chunk.layers for chunk in chunks]
    activations = peak_in_flight(order, weights, weight_share if pipeline.split else None)
    return StageMemory(
        stage=stage,
        parameters=PARAMETER_BYTES * _held_parameters(layout, parameters, blocks),
        gradients=software.gradient_bytes * _held_gradients(layout, by_chunk, blocks),
        optimizer=parameters * OPTIMIZER_BYTES / shards(layout),
        activations=activations,
        buffers=_buffers(model, batch, layout, software, chunks),
    )


def _held_parameters(layout: Layout, parameters: float, blocks: Sequence[float]) -> float:
    """Return the weights that a GPU holds: all, or its shard and the gathered layers, in use and ahead."""
    if not SHARDINGS[layout.sharding].parameters or shards(layout) == 1:
        return parameters
    whole = sum(blocks[: layout.prefetch + 1]) if layout.reshard_after_forward else parameters
    return parameters / shards(layout) + whole


def _held_gradients(layout: Layout, chunks: Sequence[float], blocks: Sequence[float]) -> float:
    """Return the gradients that a GPU holds: all, or its shard and what is whole until it has been reduced.

    That is the largest chunk where consecutive microbatches add up, else the block in its backward and the one that is
    being reduced.
    """
    if not SHARDINGS[layout.sharding].gradients or shards(layout) == 1:
        return sum(chunks)
    return (max(chunks) if reduces(layout) == "turns" else sum(blocks[:2])) + sum(chunks) / shards(layout)


def _blocks_by_size(
    model: Model, layout: Layout, chunks: Sequence[Chunk], parameters: Sequence[float], overlap: bool
) -> list[float]:
    """Return the weights of each block of a stage, the largest first."""
    counts = [block_count(layout, chunk.layers, size, overlap) for chunk, size in zip(chunks, parameters, strict=True)]
    blocks = [block for chunk, count in zip(chunks, counts, strict=True) for block in split_chunk(chunk, count)]
    return sorted((chunk_parameters(model, block, layout.tensor) for block in blocks), reverse=True)


def _buffers(model: Model, batch: Batch, layout: Layout, software: SoftwareProfile, chunks: Sequence[Chunk]) -> float:
    """Return working memory: a layer's temporaries (gathered input, widest product, gradients) or the logits.

    A layer that is recomputed as a whole keeps everything while its backward runs.
    """
    tokens = local_tokens(batch, layout)
    widest = max(qkv_width(model), (2 if model.gated_ffn else 1) * model.ffn_hidden) / layout.tensor
    working = 2 * ACTIVATION_BYTES * tokens * (model.hidden + widest)
    if layout.context > 1:
        # Keys and values of the whole sequence, and their gradients.
        working += 2 * key_value_bytes(model, batch, layout)
    if batch.recompute == "full":
        whole = replace(batch, recompute="none")
        working += layer_activation_bytes(model, whole, layout, flash=software.flash_attention)
    # 16-bit logits, their FP32 copy and its gradient (Megatron's vocabulary-parallel cross entropy).
    logits = 10.0 * tokens * model.vocab / layout.tensor if any(chunk.head for chunk in chunks) else 0.0
    return RESERVED_BYTES + max(working, logits)


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
            if list(SHARDINGS).index(sharding) > list(SHARDINGS).index(layout.sharding):
                yield f'parallelism.sharding = "{sharding}"', batch, replace(layout, sharding=sharding)
    if batch.micro_batch > 1:
        half = batch.micro_batch // 2
        yield f"training.micro_batch = {half}", replace(batch, micro_batch=half), layout
    for recompute in ("selective", "full"):
        if batch.recompute != recompute and batch.recompute != "full":
            yield f'training.recompute = "{recompute}"', replace(batch, recompute=recompute), layout
    if layout.data % 2 == 0:
        for name in ("pipeline", "tensor"):
            degree = 2 * (layout.pipeline if name == "pipeline" else layout.tensor)
            wider = replace(layout, data=layout.data // 2, schedule=Schedule())
            wider = replace(wider, pipeline=degree) if name == "pipeline" else replace(wider, tensor=degree)
            yield f"parallelism.{name} = {degree} with data = {wider.data} and 1f1b", batch, wider
