"""Layouts that cannot divide a model or a batch are refused, with the nearest values that can."""

from collections.abc import Sequence
from dataclasses import replace

from sim.catalog.records import Accelerator, Model
from sim.errors import LayoutError, unknown_name
from sim.workload.chunks import Chunk, Places, deal_model
from sim.workload.layout import Batch, Layout
from sim.workload.pipelines import schedule_kind
from sim.workload.transformer import dense_layers


def check_tensor(model: Model, tensor: int) -> None:
    """Raise LayoutError for a degree of tensor parallelism that does not divide the model, with the nearest that do.

    More ranks than key-value heads hold copies of them, as in Megatron-LM, where the heads divide the ranks.

    >>> from sim.workload.examples import gpt
    >>> check_tensor(gpt(layers=1, hidden=32, heads=8), 3)
    Traceback (most recent call last):
    sim.errors.LayoutError: parallelism.tensor: 3 does not divide model.heads = 8; nearest that does: 2 or 4
    """
    wrong = _undivided(model, tensor)
    if wrong:
        fitting = [degree for degree in range(1, model.heads + 1) if not _undivided(model, degree)]
        raise LayoutError(f"parallelism.tensor: {tensor} {wrong}; nearest that does: {_around(fitting, tensor)}")


def _undivided(model: Model, tensor: int) -> str:
    """Return what a degree of tensor parallelism does not divide, in words, or nothing."""
    counts = {"heads": model.heads, "ffn_hidden": model.ffn_hidden if dense_layers(model) else 0}
    for name, count in counts.items():
        if count % tensor:
            return f"does not divide model.{name} = {count}"
    if model.kv_heads % tensor and tensor % model.kv_heads:
        return f"neither divides model.kv_heads = {model.kv_heads} nor is a multiple of it"
    return ""


def check_layout(model: Model, batch: Batch, layout: Layout, accelerator: Accelerator) -> None:
    """Raise LayoutError for a layout that cannot divide the model or the batch, naming the nearest that can."""
    check_tensor(model, layout.tensor)
    check_experts(model, batch, layout)
    check_shard(layout)
    check_batch(batch, layout)
    if batch.precision not in accelerator.peak_flops_per_s:
        raise unknown_name(
            f"precision of {accelerator.name}", batch.precision, accelerator.peak_flops_per_s, "training.precision"
        )
    check_sequence(model, batch, layout)
    check_stages(model, batch, layout)


def check_batch(batch: Batch, layout: Layout) -> None:
    """Raise LayoutError unless every replica gets the same whole number of microbatches.

    >>> check_batch(Batch(sequence_length=8, global_batch=16), Layout(data=3))
    Traceback (most recent call last):
    sim.errors.LayoutError: training.global_batch: 16 is no multiple of data x micro_batch = 3 x 1 = 3; \
nearest that is: 15 or 18
    """
    each, rest = divmod(batch.global_batch, layout.data)
    if not rest and each % batch.micro_batch:
        fitting = [size for size in range(1, min(each, 2 * batch.micro_batch) + 1) if each % size == 0]
        raise LayoutError(
            f"training.micro_batch: {batch.micro_batch} does not divide global_batch / data = {batch.global_batch} / "
            f"{layout.data} = {each}; nearest that does: {_around(fitting, batch.micro_batch)}"
        )
    if rest:
        whole = layout.data * batch.micro_batch
        raise LayoutError(
            f"training.global_batch: {batch.global_batch} is no multiple of data x micro_batch = {layout.data} x "
            f"{batch.micro_batch} = {whole}; nearest that is: {_multiples(batch.global_batch, whole)}"
        )


def check_sequence(model: Model, batch: Batch, layout: Layout) -> None:
    """Raise LayoutError for a sequence that is too long for the model or that its ranks cannot divide."""
    length = batch.sequence_length
    if model.max_position and length > model.max_position:
        raise LayoutError(
            f"training.sequence_length: got {length:,}; "
            f"expected at most the {model.max_position:,} positions of {model.name}"
        )
    # Each rank of a context group holds an early and a late piece of the sequence, so that causal attention is even.
    context = 2 * layout.context if layout.context > 1 else 1
    pieces = context * (layout.tensor if layout.sequence_parallel else 1)
    if length % pieces:
        raise LayoutError(
            f"training.sequence_length: {length} is no multiple of the {pieces} pieces that context = {layout.context} "
            f"and tensor = {layout.tensor} cut it into; nearest that is: {_multiples(length, pieces)}"
        )
    # An exchange of heads leaves each rank of a context group whole heads of all positions.
    heads = model.heads // layout.tensor
    if layout.context_exchange == "all-to-all" and heads % layout.context:
        fitting = [degree for degree in range(1, heads + 1) if heads % degree == 0]
        raise LayoutError(
            f"parallelism.context: {layout.context} does not divide the {heads} heads of a GPU, which "
            f"context_exchange 'all-to-all' exchanges; nearest that does: {_around(fitting, layout.context)}"
        )


def check_stages(model: Model, batch: Batch, layout: Layout) -> None:
    """Raise LayoutError for a schedule that the stages or microbatches do not fit, or with a chunk without any work.

    >>> from sim.workload.examples import gpt
    >>> from sim.workload.layout import Schedule
    >>> model, batch = gpt(layers=6, hidden=32, heads=8), Batch(sequence_length=8, global_batch=4)
    >>> check_stages(model, batch, Layout(pipeline=4, schedule=Schedule(kind="interleaved", chunks=3)))
    Traceback (most recent call last):
    sim.errors.LayoutError: parallelism.schedule.chunks: 4 stages x 3 chunks are more than the 6 layers with \
embedding and head fill; nearest that they fill: 2
    """
    chunks, stages = layout.schedule.chunks, layout.pipeline
    kind = schedule_kind(layout.schedule.kind, chunks)
    microbatches = batch.global_batch // (layout.data * batch.micro_batch)
    if microbatches < kind.least * stages:
        # As the assertions of github.com/deepseek-ai/DualPipe.
        raise LayoutError(
            f"parallelism.schedule.kind: {layout.schedule.kind} runs {kind.least} microbatches a stage at least, got "
            f"{microbatches} on {stages} stages; nearest that fits: training.global_batch = "
            f"{kind.least * stages * layout.data * batch.micro_batch:,}"
        )
    # Two directions pass the whole model each; embedding and head are work as a layer is.
    held, most = (1 if kind.copies == 2 else chunks), model.layers + 2
    if stages * held <= most:
        routes = kind.routes(stages, batch.global_batch // (layout.data * batch.micro_batch), chunks)
        if _fills(model, layout, (routes[0], routes[-1])):
            return _check_recompute(batch, deal_model(model, layout, (routes[0], routes[-1])))
    words = f"{stages} stages" + (f" x {held} chunks" if held > 1 else "")
    more = f"{words} are more than the {model.layers} layers with embedding and head fill; nearest that they fill: "
    # Whatever the schedule, two microbatches pass as many places as all.
    if kind.chunks == 0:
        fewer = range(min(chunks - 1, most // stages), 0, -1)
        nearest = next((n for n in fewer if _fills(model, layout, kind.routes(stages, 2, n), chunks=n)), 0)
        if nearest:
            raise LayoutError(f"parallelism.schedule.chunks: {more}{nearest}")
    lower = range(min(stages - 1, most // held), 0, -1)
    even = (n for n in lower if n % kind.copies == 0)
    nearest = next((n for n in even if _fills(model, layout, kind.routes(n, 2, chunks), stages=n)), 0)
    raise LayoutError(f"parallelism.pipeline: {more}{nearest or 'none with this schedule'}")


def _check_recompute(batch: Batch, dealt: Sequence[Sequence[Chunk]]) -> None:
    most = max(chunk.layers for stage in dealt for chunk in stage)
    if (batch.recompute_layers or 0) > most:
        raise LayoutError(
            f"training.recompute.layers: got {batch.recompute_layers:,} of each chunk, but none holds more than "
            f"{most}; nearest is {most}, or no layers for all"
        )


def _fills(model: Model, layout: Layout, routes: Sequence[Places], chunks: int = 0, stages: int = 0) -> bool:
    """Say whether every chunk of every stage has work, with other numbers of chunks or stages if they are said."""
    schedule = replace(layout.schedule, chunks=chunks or layout.schedule.chunks)
    try:
        deal_model(model, replace(layout, schedule=schedule, pipeline=stages or layout.pipeline), routes)
    except LayoutError:
        return False
    return True


def check_experts(model: Model, batch: Batch, layout: Layout) -> None:
    """Raise LayoutError for degrees of expert parallelism that do not divide the model or the ranks of a stage."""
    if not model.experts:
        if layout.expert > 1 or batch.expert_imbalance > 1:
            name = "parallelism.expert" if layout.expert > 1 else "training.expert_imbalance"
            raise LayoutError(f"{name}: {model.name} has no experts; expected 1")
        return
    if batch.expert_imbalance > layout.expert:
        raise LayoutError(
            f"training.expert_imbalance: got {batch.expert_imbalance:g}, but the busiest of expert = {layout.expert} "
            f"groups of GPUs gets every token at most; expected at most {layout.expert}"
        )
    if model.experts % layout.expert:
        raise LayoutError(
            f"parallelism.expert: {layout.expert} does not divide model.experts = {model.experts}; "
            f"nearest that does: {_nearest_divisor(model.experts, layout.expert)}"
        )
    if model.expert_ffn_hidden % layout.expert_tensor:
        raise LayoutError(
            f"parallelism.expert_tensor: {layout.expert_tensor} does not divide model.expert_ffn_hidden = "
            f"{model.expert_ffn_hidden}; nearest that does: "
            f"{_nearest_divisor(model.expert_ffn_hidden, layout.expert_tensor)}"
        )
    ranks, folded = layout.tensor * layout.context * layout.data, layout.expert * layout.expert_tensor
    if ranks % folded:
        raise LayoutError(
            f"parallelism.expert: {layout.expert} x expert_tensor {layout.expert_tensor} does not divide the tensor x "
            f"context x data = {ranks:,} ranks of a stage; nearest product that does: {_nearest_divisor(ranks, folded)}"
        )
    if (
        layout.tensor > 1
        and not layout.sequence_parallel
        and (layout.expert > 1 or layout.expert_tensor != layout.tensor)
    ):
        raise LayoutError(
            f"parallelism.expert: {layout.expert} with tensor {layout.tensor} needs sequence_parallel = true, so that "
            "each rank sends tokens of its own"
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


def _around(fitting: Sequence[int], wanted: int) -> str:
    """Return the nearest values that fit, below and above what was wanted.

    >>> _around([1, 2, 4, 8], 3), _around([1, 2, 4, 8], 64)
    ('2 or 4', '8')
    """
    nearest = [*[n for n in fitting if n < wanted][-1:], *[n for n in fitting if n > wanted][:1]]
    return " or ".join(map(str, nearest))


def _multiples(count: int, each: int) -> str:
    """Return the nearest multiples, below and above.

    >>> _multiples(16, 3), _multiples(2, 3)
    ('15 or 18', '3')
    """
    down = count // each * each
    return " or ".join(str(n) for n in (down, down + each) if n)
