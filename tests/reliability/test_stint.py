"""Spans of one phase and one store: the same as `advance`, `newest_save` and `ended_us` say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.reliability.records import CheckpointPlan, PhasePlan
from sim.reliability.saving.progress import advance, course, ended_us
from sim.reliability.saving.saves import Span, Walk, durable_count, newest_save
from sim.reliability.saving.stint import Stints, beat_of, last_save, stepped_until_us, stints

lengths, moments = st.integers(0, 40), st.integers(0, 400)


@given(
    st.integers(1, 12),
    st.integers(1, 30),
    lengths,
    st.integers(0, 6),
    lengths,
    st.integers(0, 400),
    st.integers(1, 900),
)
def test_a_stint_is_a_span_of_one_phase_and_one_store(
    step_us: int, steps: int, interval_us: int, block_us: int, flush_us: int, from_us: int, length_us: int
) -> None:
    phase = PhasePlan(name="main", steps=steps, step_time_us=step_us, tokens_per_step=1)
    saves = CheckpointPlan(
        interval_us=interval_us, block_us=block_us, durable_after_us=block_us + flush_us, restore_us=0
    )
    way = course([phase], saves, None)
    beat, from_us, since_us = beat_of(way), from_us % way.end_us, 1000
    end_us = ended_us(way, from_us, since_us, from_us + way.spacing_us, 7)
    assert stepped_until_us(beat, from_us, since_us) == end_us

    stop_us = min(since_us + length_us, end_us)
    done = advance(way, from_us, since_us, stop_us, None, 7)
    span = Span(done.work_us, stop_us, done.stretches, (Walk(0, way, from_us, done.work_us, done.batches),))
    got = Stints(*(column.item() for column in stints(beat, *map(np.array, (from_us, since_us, stop_us)))))
    (stretch,) = done.stretches
    assert (got.work_us, got.end_us, got.blocked_us) == (done.work_us, stretch.end_us, stretch.checkpoint_us)
    assert (got.begun, got.durable) == (done.started, durable_count(span))
    newest = newest_save(span, 0, way.tiers[0], None, way)
    assert (newest is None) == (got.durable == 0)
    assert last_save(beat, from_us, since_us, stop_us) == (newest and (newest.work_us, newest.at_us))
