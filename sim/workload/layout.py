"""The parallel layout of a job: how its ranks divide a model and are numbered, and which layers each stage holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from sim.catalog.records import Accelerator, Model
from sim.errors import LayoutError, unknown_name
from sim.workload.pipelines import schedule_kind
from sim.workload.transformer import dense_layers, kv_head_width

CONTEXT_EXCHANGES = ("ring", "all-gather", "all-to-all")
"""How a context group shares attention: keys and values go around or are gathered, or heads for all positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A pipeline schedule: its kind, and the model chunks that each stage holds."""

    kind: str = "1f1b"
    chunks: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Degrees of parallelism; ranks are numbered tensor innermost, then context, pipeline and data.

    Rank = ((d x pipeline + p) x context + c) x tensor + t. Experts are divided among `expert` groups of `expert_tensor`
    GPUs each, folded into the tensor, context and data ranks of a stage in that order (arXiv 2504.14960).
    context_exchange: "ring" or "all-gather" of keys and values, "all-to-all" of heads, "" as the software does. order:
    dimensions of a rank's number, innermost first, () as the software does. prefetch, reshard_after_forward: of zero3
    and hsdp, layers gathered ahead and whether they are freed after a forward; shard: GPUs of a shard group, hsdp only.
    optimizer_sync: whether stages meet before the optimizer ("global-norm") or not ("post-validation").

    >>> Layout(tensor=8, pipeline=16, data=128).gpus
    16384
    """

    tensor: int = 1
    context: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1
    expert_tensor: int = 1
    context_exchange: str = ""
    order: tuple[str, ...] = ()
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

    @property
    def expert_data(self) -> int:
        """Copies of every routed expert."""
        return self.tensor * self.context * self.data // (self.expert * self.expert_tensor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One optimizer step's input and how it is computed. global_batch counts sequences.

    recompute: none, selective (recompute_modules, by default the attention core) or full (of each chunk's first
    recompute_layers layers, by default all). expert_imbalance: routed tokens of the busiest GPU over the mean.
    """

    sequence_length: int
    global_batch: int
    micro_batch: int = 1
    precision: str = "bf16"
    recompute: str = "none"
    recompute_modules: tuple[str, ...] = ()
    recompute_layers: int | None = None
    expert_imbalance: float = 1.0

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


def norm_tokens(tokens: int, layout: Layout) -> int:
    """Return the tokens that one GPU normalises: its shard of the sequence where that is divided."""
    return tokens // layout.tensor if layout.sequence_parallel else tokens


def routed_rows(model: Model, batch: Batch, layout: Layout) -> float:
    """Return the tokens that the busiest GPU's experts work on, each counted once for each of its experts there.

    Every GPU sends its own tokens to experts_per_token experts, and the ranks that share an expert all work on its
    tokens; without sequence parallelism the ranks of a tensor group hold the same tokens.

    >>> from sim.workload.examples import mixture
    >>> model = mixture(layers=1, hidden=8, experts=4, experts_per_token=2)
    >>> routed_rows(model, Batch(sequence_length=32, global_batch=4), Layout(data=4, expert=4))
    64.0
    """
    # Where all ranks of a tensor group share every expert, together they hold its tokens once.
    copies = layout.expert_tensor / layout.tensor
    return local_tokens(batch, layout) * copies * model.experts_per_token * batch.expert_imbalance


def local_kv_heads(model: Model, layout: Layout) -> int:
    """Return the key-value heads of one GPU; more ranks than heads hold copies of them."""
    return max(1, model.kv_heads // layout.tensor)


def local_kv_width(model: Model, layout: Layout) -> int:
    """Return the width of keys and values on one GPU."""
    return local_kv_heads(model, layout) * kv_head_width(model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What one model chunk of a stage holds; moe: how many of its layers are mixtures of experts.

    mtp: multi-token prediction modules, beside the head.
    """

    layers: int
    moe: int = 0
    embedding: bool = False
    head: bool = False
    mtp: int = 0

    @property
    def kinds(self) -> tuple[tuple[str, int], ...]:
        """Kinds of layers and how many of each, without those that are not there."""
        return tuple((kind, n) for kind, n in (("dense", self.layers - self.moe), ("moe", self.moe)) if n)


def split_chunk(chunk: Chunk, parts: int) -> tuple[Chunk, ...]:
    """Return a chunk in parts of consecutive layers, as even as whole layers allow; at most one part a layer.

    The embedding goes with the first part, the head and prediction modules with the last; dense layers come first.

    >>> [part.layers for part in split_chunk(Chunk(layers=5, head=True), 2)]
    [2, 3]
    """
    parts = max(1, min(parts, chunk.layers))
    edges, dense = [chunk.layers * i // parts for i in range(parts + 1)], chunk.layers - chunk.moe
    return tuple(
        replace(
            chunk,
            layers=end - start,
            moe=max(0, end - max(start, dense)),
            mtp=chunk.mtp if i == parts - 1 else 0,
            embedding=chunk.embedding and start == 0,
            head=chunk.head and i == parts - 1,
        )
        for i, (start, end) in enumerate(pairwise(edges))
    )


Places = tuple[tuple[int, int], ...]
"""(stage, chunk) places in the order in which a microbatch's forward passes them."""


def deal_layers(
    layers: int, stages: int, chunks: int, routes: Iterable[Places] = (), *, dense: int | None = None, mtp: int = 0
) -> tuple[tuple[Chunk, ...], ...]:
    """Return the chunks of every stage, by [stage][chunk]; layers follow the routes of the microbatches.

    routes: default once through all stages for each chunk. Every different route passes the whole model. Layers are
    dealt evenly where they divide; otherwise embedding and head count as one layer each, as Llama 3 does (arXiv
    2407.21783, section 3.3.2), as does a multi-token prediction module, and the slots are spread as evenly as whole
    layers allow. dense: how many layers at the start are dense, by default all. Raises LayoutError for a chunk without
    any work.

    >>> [c.layers for c in deal_layers(126, 16, 8)[0]], [c.layers for c in deal_layers(126, 16, 8)[15]]
    ([0, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 0])
    >>> [stage[0].layers for stage in deal_layers(61, 4, 1)]
    [15, 16, 15, 15]
    >>> [(c.layers, c.moe) for c in deal_layers(61, 4, 4, dense=3, mtp=1)[0]]
    [(3, 0), (4, 4), (4, 4), (4, 4)]
    """
    looped = tuple((v % stages, v // stages) for v in range(stages * chunks))
    dealt: dict[tuple[int, int], Chunk] = {}
    for route in dict.fromkeys(routes) or (looped,):
        dealt |= dict(zip(route, _deal(layers, route, layers if dense is None else dense, mtp), strict=True))
    return tuple(tuple(dealt[stage, chunk] for chunk in range(chunks)) for stage in range(stages))


def deal_model(model: Model, layout: Layout, routes: Iterable[Places]) -> tuple[tuple[Chunk, ...], ...]:
    """Return the chunks of every stage of a model, by [stage][chunk]."""
    return deal_layers(
        model.layers,
        layout.pipeline,
        layout.schedule.chunks,
        routes,
        dense=dense_layers(model),
        mtp=model.mtp_layers,
    )


def _deal(layers: int, route: Places, dense: int, mtp: int) -> list[Chunk]:
    places = len(route)
    even = layers % places == 0 and not mtp
    counts = _even(layers, places) if even or places == 1 else _with_slots(layers, route, 1 + mtp)
    ends = list(accumulate(counts))
    dealt = [
        Chunk(
            layers=count,
            moe=min(count, max(0, end - dense)),
            embedding=v == 0,
            head=v == places - 1,
            mtp=mtp if v == places - 1 else 0,
        )
        for v, (count, end) in enumerate(zip(counts, ends, strict=True))
    ]
    for (stage, number), chunk in zip(route, dealt, strict=True):
        if not (chunk.layers or chunk.embedding or chunk.head):
            raise LayoutError(
                f"parallelism: chunk {number} of stage {stage} holds no layer: {layers} layers in {places} chunks; "
                f"expected stages x chunks <= {layers + 2}"
            )
    return dealt


def _even(layers: int, virtual: int) -> list[int]:
    return [layers // virtual] * virtual


def _with_slots(layers: int, route: Places, last: int) -> list[int]:
    """Return layers by chunk, the embedding in the first and `last` slots of head and modules in the last.

    Stages get their slots first, which keeps them within one of each other, and deal them to their chunks.
    """
    slots, virtual = layers + 1 + last, len(route)
    stages = sorted({stage for stage, _ in route})
    dealt: dict[tuple[int, int], int] = {}
    for stage, total in zip(stages, _spread(slots, len(stages)), strict=True):
        places = [place for place in route if place[0] == stage]
        dealt |= dict(zip(places, _spread(total, len(places)), strict=True))
    counts = [dealt[place] for place in route]
    counts[0] -= 1
    counts[-1] -= last
    # Head and modules can be more than the last chunk's share: the others take over.
    for v in range(virtual - 1, 0, -1):
        counts[v - 1] += min(counts[v], 0)
        counts[v] = max(counts[v], 0)
    if min(counts) < 0:
        raise LayoutError(
            f"parallelism: {layers} layers with embedding and head cannot fill {virtual} chunks; "
            f"expected stages x chunks <= {slots}"
        )
    return counts


def _spread(total: int, parts: int) -> list[int]:
    """Return a number in parts within one of each other, the larger ones spread evenly."""
    return [after - before for before, after in pairwise(round(v * total / parts) for v in range(parts + 1))]


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
    >>> model, batch = gpt(layers=6, hidden=32, heads=8), Batch(sequence_length=8, global_batch=4)
    >>> check_stages(model, batch, Layout(pipeline=4, schedule=Schedule(kind="interleaved", chunks=3)))
    Traceback (most recent call last):
    sim.errors.LayoutError: parallelism.schedule.chunks: 4 stages x 3 chunks are more than the 6 layers with \
embedding and head fill; nearest that they fill: 2
    """
    chunks, stages = layout.schedule.chunks, layout.pipeline
    kind = schedule_kind(layout.schedule.kind, chunks)
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
