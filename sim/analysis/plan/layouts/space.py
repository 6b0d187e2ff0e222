"""Every layout of a job: degrees that divide its GPUs and its model, schedules, micro-batches, recomputation, sharding.

Left out, because no such layout can be the fastest: gpipe (the bubble of 1f1b, more memory), tensor groups beyond a
scale-up domain, interleaved chunks of unequal layers. Left out, because they are neither estimated nor bounded here:
zb-1p, zb-2p, zb-v, dualpipe, dualpipev.
"""

from collections import Counter
from collections.abc import Iterator

from sim.analysis.plan.layouts.records import Candidate, Job, Space
from sim.catalog.records import Model
from sim.errors import LayoutError
from sim.workload.layout import Batch, Layout
from sim.workload.layout_checks import check_experts, check_sequence, check_tensor

MOST_OPERATIONS = 1 << 20
"""Forwards and backwards of a replica's step, as in a scenario."""


def candidates(job: Job, space: Space, refused: Counter[str]) -> Iterator[Candidate]:
    """Yield every layout whose degrees divide the job; refused counts those whose batch or operations do not."""
    assert job.scenario.training is not None, "layouts are those of a model"
    model = job.scenario.training.model
    for degrees in _degrees(job, model, space):
        for kind, chunks in _schedules(model, degrees.pipeline, space):
            yield from _variants(degrees._replace(kind=kind, chunks=chunks), job.phase.batch, space, refused)


def divisors(count: int) -> list[int]:
    """Return the divisors of a number, in order.

    >>> divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    return [d for d in range(1, count + 1) if count % d == 0]


def _degrees(job: Job, model: Model, space: Space) -> Iterator[Candidate]:
    gpus, domain = job.scenario.machines.gpus, job.scenario.machines.node.scale_up_domain
    for tensor in (t for t in divisors(gpus) if t <= domain and _divides(model, t)):
        for context in _contexts(job.phase.batch, model, gpus // tensor, tensor, space):
            replicas = gpus // (tensor * context)
            for pipeline in (p for p in divisors(replicas) if p <= model.layers + 2):
                base = Candidate(
                    *(tensor, context, 1, tensor, pipeline, replicas // pipeline),
                    *("1f1b", 1, 1, "none", "ddp", job.phase.batch.global_batch),
                )
                yield from _experts(base, job.phase.batch, model)


def _divides(model: Model, tensor: int) -> bool:
    try:
        check_tensor(model, tensor)
    except LayoutError:
        return False
    return True


def _contexts(batch: Batch, model: Model, gpus: int, tensor: int, space: Space) -> Iterator[int]:
    for context in divisors(gpus):
        if batch.sequence_length // context < space.least_context_tokens and context > 1:
            return
        try:
            check_sequence(model, batch, Layout(tensor=tensor, context=context, sequence_parallel=tensor > 1))
        except LayoutError:
            continue
        yield context


def _experts(base: Candidate, batch: Batch, model: Model) -> Iterator[Candidate]:
    """Yield a base with every way to divide experts; a dense model has one."""
    if not model.experts:
        yield base
        return
    for expert in divisors(model.experts):
        for expert_tensor in sorted({1, base.tensor}):
            candidate = base._replace(expert=expert, expert_tensor=expert_tensor)
            layout = Layout(
                tensor=base.tensor,
                context=base.context,
                data=base.data,
                expert=expert,
                expert_tensor=expert_tensor,
                sequence_parallel=base.tensor > 1,
            )
            try:
                check_experts(model, batch, layout)
            except LayoutError:
                continue
            yield candidate


def _schedules(model: Model, pipeline: int, space: Space) -> Iterator[tuple[str, int]]:
    """Yield kinds and chunks; one stage has nothing to interleave and no bubble to fill."""
    yield "1f1b", 1
    if pipeline > 1:
        yield from ((kind, 1) for kind in space.split_kinds)
        yield from (("interleaved", chunks) for chunks in even_chunks(model.layers, pipeline))


def even_chunks(layers: int, pipeline: int) -> list[int]:
    """Return the numbers of chunks a stage, two or more, that hold as much each.

    Layers alone or with embedding and head as one layer each (arXiv 2407.21783, section 3.3.2) divide among them.

    >>> even_chunks(126, 16), even_chunks(126, 9), even_chunks(126, 12)
    ([2, 4, 8], [2, 7, 14], [])
    """
    return [
        v for v in range(2, (layers + 2) // pipeline + 1) if any(n % (pipeline * v) == 0 for n in (layers, layers + 2))
    ]


def _variants(base: Candidate, batch: Batch, space: Space, refused: Counter[str]) -> Iterator[Candidate]:
    each = len(space.recomputes) * len(space.shardings)
    for micro_batch in space.micro_batches:
        size = fitting_batch(batch.global_batch, base.data * micro_batch, space.tolerance)
        if size is None:
            refused["batch"] += each
            continue
        sized = base._replace(micro_batch=micro_batch, global_batch=size)
        if 2 * base.pipeline * base.chunks * sized.microbatches > MOST_OPERATIONS:
            refused["too many operations"] += each
            continue
        for recompute in space.recomputes:
            for sharding in space.shardings:
                yield sized._replace(recompute=recompute, sharding=sharding)


def fitting_batch(batch: int, each: int, tolerance: float) -> int | None:
    """Return the multiple of `each` that is nearest to a batch, or None beyond the tolerance.

    >>> fitting_batch(2048, 96, 0.05), fitting_batch(2048, 96, 0.0), fitting_batch(2048, 64, 0.0)
    (2016, None, 2048)
    """
    nearest = max(1, round(batch / each)) * each
    return nearest if abs(nearest - batch) <= tolerance * batch else None
