"""Spans of one phase and one store: the same as `advance` and `newest_save` say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.reliability.records import CheckpointPlan, PhasePlan
from sim.reliability.saving.progress import NEVER_US, advance, course, ended_us, phase_at
from sim.reliability.saving.saves import Span, Walk, durable_count, newest_save
from sim.reliability.saving.stint import Stints, beats_of, last_save, leaves_us, newest_of, stints

lengths = st.integers(0, 40)
phases = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 30)), min_size=1, max_size=3)


@given(phases, lengths, st.integers(0, 6), lengths, st.integers(0, 400), st.integers(1, 900))
def test_a_stint_is_a_span_of_one_phase_and_one_store(
    lasting: list[tuple[int, int]], interval_us: int, block_us: int, flush_us: int, from_us: int, length_us: int
) -> None:
    plans = [PhasePlan(name="main", steps=steps, step_time_us=step_us, tokens_per_step=1) for step_us, steps in lasting]
    saves = CheckpointPlan(
        interval_us=interval_us, block_us=block_us, durable_after_us=block_us + flush_us, restore_us=0
    )
    way = course(plans, saves, None)
    from_us, since_us = from_us % way.end_us, 1000
    phase = phase_at(way, from_us)
    stop_us = min(since_us + length_us, ended_us(way, from_us, since_us, from_us + way.spacing_us, 7))
    done = advance(way, from_us, since_us, stop_us, None, 7)
    span = Span(done.work_us, stop_us, done.stretches, (Walk(0, way, from_us, done.work_us, done.batches),))
    newest = newest_save(span, 0, way.tiers[0], None, way)
    said = newest_of(way, done.batches, way.tiers[0], stop_us)
    assert said == (newest and (newest.work_us, newest.at_us, newest.number))

    beats, leaving_us = beats_of(way), leaves_us(way, phase)
    assert (leaving_us == NEVER_US) == (way.ends_us[phase] == way.end_us)
    if stop_us - since_us > leaving_us - from_us:
        return
    numbers = map(np.array, ([phase], [from_us], [since_us], [stop_us]))
    got = Stints(*(column.item() for column in stints(beats, *numbers)))
    (stretch,) = done.stretches
    assert (got.work_us, got.end_us, got.blocked_us) == (done.work_us, stretch.end_us, stretch.checkpoint_us)
    assert (got.begun, got.durable) == (done.started, durable_count(span))
    assert (newest is None) == (got.durable == 0)
    assert last_save(beats[phase], from_us, since_us, stop_us) == (newest and (newest.work_us, newest.at_us))
