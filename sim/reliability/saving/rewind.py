"""How far back a loss spike is rewound: so much work, whatever recoveries and checkpoints lie in between."""

from collections.abc import Iterator, Sequence

from sim.reliability.saving.progress import begun_before, begun_us, block_us
from sim.reliability.saving.saves import Span


def rewound_us(spans: Sequence[Span], onset_us: int, rewind_us: int) -> int:
    """Return when a job had done all its work up to an onset but the last `rewind_us` of it; 0 where it did less.

    spans: those that led to where it is. What is counted is stepping, not what checkpoints block, nor recoveries.
    """
    left_us = rewind_us
    for span in reversed(spans):
        end_us = min(_stepped_until_us(span), onset_us)
        for begin_us, done_us in _blocks(span, end_us):
            if end_us - done_us >= left_us:
                return end_us - left_us
            left_us -= end_us - done_us
            end_us = begin_us
        start_us = span.stretches[0].start_us
        if end_us - start_us >= left_us:
            return end_us - left_us
        left_us -= max(0, end_us - start_us)
    return 0


def _stepped_until_us(span: Span) -> int:
    """Return when the work of a span ended: at a checkpoint, where the job went back to that or was stopped in it."""
    walk = span.walks[-1]
    if walk.batches:
        batch = walk.batches[-1]
        last = batch.number - 1
        if batch.work_us + last * batch.cycle_us >= walk.to_us:
            return begun_us(walk.course, batch, last)
    return span.stretches[-1].end_us


def _blocks(span: Span, until_us: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of the checkpoints of a span until a time, the newest first."""
    for walk in reversed(span.walks):
        for batch in reversed(walk.batches):
            for place in range(begun_before(walk.course, batch, until_us) - 1, -1, -1):
                begin_us = begun_us(walk.course, batch, place)
                yield begin_us, min(begin_us + block_us(walk.course, batch.first + place), until_us)
