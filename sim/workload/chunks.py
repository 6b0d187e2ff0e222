"""Chunks of a model: what each holds, and how layers are dealt to stages and to their chunks."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from sim.catalog.records import Model
from sim.errors import LayoutError
from sim.workload.layout import Layout
from sim.workload.transformer import dense_layers


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
