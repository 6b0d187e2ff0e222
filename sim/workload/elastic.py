"""The batch of a job that goes on with fewer data-parallel replicas: the same sequences, more microbatches for each."""

from dataclasses import replace
from typing import NamedTuple

from sim.workload.layout import Batch, Layout
from sim.workload.memory import microbatches


class Share(NamedTuple):
    """So many replicas that run so many microbatches each in a step."""

    replicas: int
    microbatches: int


def shares_of(batch: Batch, layout: Layout, alive: int) -> tuple[Share, ...]:
    """Return how `alive` replicas share the microbatches of a step, those that run one more first.

    The global batch stays, so that what is learnt stays as it was (as of Varuna, arXiv 2111.04007, and Oobleck, arXiv
    2309.08125): D m microbatches over a replicas are ceil(D m / a) for D m mod a of them, and one fewer for the others.

    >>> from sim.workload.layout import Layout
    >>> shares_of(Batch(sequence_length=8, global_batch=2048), Layout(data=128), 127)
    (Share(replicas=16, microbatches=17), Share(replicas=111, microbatches=16))
    >>> shares_of(Batch(sequence_length=8, global_batch=8), Layout(data=4), 2)
    (Share(replicas=2, microbatches=4),)
    """
    low, more = divmod(layout.data * microbatches(batch, layout), alive)
    shares = (Share(more, low + 1), Share(alive - more, low))
    return tuple(share for share in shares if share.replicas)


def shrunken(batch: Batch, layout: Layout, alive: int, each: int) -> tuple[Batch, Layout]:
    """Return batch and layout of a job of `alive` replicas that run `each` microbatches.

    >>> batch, layout = shrunken(Batch(sequence_length=8, global_batch=8), Layout(data=4), 2, 4)
    >>> batch.global_batch, layout.data
    (8, 2)
    """
    return replace(batch, global_batch=alive * each * batch.micro_batch), replace(layout, data=alive)
