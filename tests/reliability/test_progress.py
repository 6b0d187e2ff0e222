"""Steps and checkpoints between two interruptions, by hand."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.reliability.records import CheckpointPlan, PhasePlan, Tier
from sim.reliability.saving.progress import (
    Batch,
    Course,
    Stretch,
    advance,
    begun_before,
    begun_us,
    course,
    ended_us,
    shares,
    steps_of_spans,
)
from sim.reliability.saving.saves import Span, Walk, durable_count, newest_save


def one_phase(*, steps: int | None = 100, step: int = 10, work: int | None = None, **checkpoint: int) -> Course:
    """A course of one phase; checkpoints every 30, blocking 3, durable after 8, unless told otherwise."""
    plan = {"interval_us": 30, "block_us": 3, "durable_after_us": 8, "restore_us": 0} | checkpoint
    return course(
        [PhasePlan(name="p", steps=steps, step_time_us=step, tokens_per_step=1)], CheckpointPlan(**plan), work
    )


def stopped(way: Course, stop: int) -> Span:
    """A span that begins at 0 and stops."""
    progress = advance(way, 0, 0, stop)
    walk = Walk(0, way, 0, progress.work_us, progress.batches)
    return Span(progress.work_us, stop, progress.stretches, (walk,))


def test_a_checkpoint_begins_at_the_first_step_boundary_after_the_interval() -> None:
    way = one_phase(interval_us=25)
    assert advance(way, 0, 0, 30).started == 0
    assert advance(way, 0, 0, 31).started == 1


def test_a_checkpoint_counts_only_once_durable() -> None:
    before, after = (stopped(one_phase(), stop) for stop in (37, 38))
    assert (durable_count(before), durable_count(after)) == (0, 1)
    assert newest_save(before, 0, before.walks[0].course.tiers[0], None, before.walks[0].course) is None
    save = newest_save(after, 0, after.walks[0].course.tiers[0], None, after.walks[0].course)
    assert save is not None
    assert (save.work_us, save.at_us, save.taken_us) == (30, 30, 33)
    # The block took 3 of the 38.
    assert after.work_us == 35


def test_work_stands_still_while_a_checkpoint_blocks() -> None:
    way = one_phase()
    assert [advance(way, 0, 0, stop).work_us for stop in (30, 31, 33, 34)] == [30, 30, 30, 31]


def test_one_flush_in_flight_spaces_checkpoints_by_the_flush() -> None:
    way = one_phase(durable_after_us=100)
    # 97 after the block ends the flush is over; the next boundary of a step of 10 is 100.
    assert advance(way, 0, 0, 30 + 3 + 67).started == 0
    assert [advance(way, 0, 0, stop).started for stop in (100, 101, 203, 204)] == [0, 1, 1, 2]


def test_two_flushes_in_flight_halve_the_spacing() -> None:
    assert one_phase(durable_after_us=100, max_in_flight=2).spacing_us == 47
    assert one_phase(durable_after_us=100, max_in_flight=0).spacing_us == 30


@given(
    phases=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 20)), min_size=1, max_size=4),
    numbers=st.tuples(*[st.integers(0, 60)] * 4),
    every=st.integers(1, 3),
    cuts=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    late=st.integers(-40, 40),
)
def test_the_end_of_the_work_needs_no_walk(
    phases: list[tuple[int, int]],
    numbers: tuple[int, int, int, int],
    every: int,
    cuts: tuple[float, float],
    late: int,
) -> None:
    plans = [PhasePlan(name="p", steps=steps, step_time_us=step, tokens_per_step=1) for steps, step in phases]
    interval, block, more, start = numbers
    fast = Tier(name="fast", block_us=block, durable_after_us=block, restore_us=0)
    checkpoint = CheckpointPlan(
        interval_us=interval,
        block_us=block + 4,
        durable_after_us=block + 4 + more,
        restore_us=0,
        every=every,
        faster=(fast,),
    )
    total = sum(steps * step for steps, step in phases)
    way = course(plans, checkpoint, max(1, round(total * cuts[0])))
    work = min(round(way.end_us * cuts[1]), way.end_us - 1)
    due = work + max(0, way.spacing_us + late)
    walked = advance(way, work, start, None, due, 5)
    assert ended_us(way, work, start, due, 5) == walked.stretches[-1].end_us


def test_no_checkpoint_is_taken_where_the_work_ends() -> None:
    way = one_phase(steps=6)
    end = advance(way, 0, 0)
    assert (end.started, end.work_us, end.stretches[-1].end_us) == (1, 60, 63)


def test_a_checkpoint_at_the_end_of_a_phase_belongs_to_it() -> None:
    phases = [PhasePlan(name=name, steps=3, step_time_us=10, tokens_per_step=1) for name in "ab"]
    way = course(phases, CheckpointPlan(interval_us=30, block_us=3, durable_after_us=8, restore_us=0), None)
    assert advance(way, 0, 0).stretches == (Stretch(0, 0, 33, 3), Stretch(1, 33, 63, 0))


def test_the_interval_carries_over_from_phase_to_phase() -> None:
    phases = [PhasePlan(name=f"{step}", steps=2, step_time_us=step, tokens_per_step=1) for step in (10, 7)]
    way = course(phases, CheckpointPlan(interval_us=25, block_us=3, durable_after_us=3, restore_us=0), None)
    assert [advance(way, 0, 0, stop).started for stop in (27, 28)] == [0, 1]


def test_work_may_end_within_a_step() -> None:
    way = one_phase(steps=None, work=47, interval_us=0)
    assert advance(way, 0, 5).stretches == (Stretch(0, 5, 52, 0),)
    assert [share.steps for share in shares(way, 0, 47)] == [4]


@given(start=st.integers(0, 500), length=st.integers(0, 2000), step=st.integers(1, 40), every=st.integers(0, 200))
def test_time_is_work_plus_checkpoints(start: int, length: int, step: int, every: int) -> None:
    way = one_phase(step=step, interval_us=every)
    progress = advance(way, 0, start, start + length)
    blocked = sum(stretch.checkpoint_us for stretch in progress.stretches)
    end = progress.stretches[-1].end_us if progress.stretches else start
    assert end - start == progress.work_us + blocked
    assert end == start + length or progress.work_us == way.end_us
    assert blocked <= 3 * progress.started


@given(cuts=st.lists(st.integers(0, 5000), min_size=2, max_size=6))
def test_steps_of_parts_are_steps_of_the_whole(cuts: list[int]) -> None:
    phases = [PhasePlan(name=f"{step}", steps=90, step_time_us=step, tokens_per_step=1) for step in (10, 7, 13)]
    way = course(phases, CheckpointPlan(interval_us=0, block_us=0, durable_after_us=0, restore_us=0), 2600)
    points = sorted(min(cut, 2600) for cut in cuts)
    spans = list(itertools.pairwise(points))
    whole = [0, 0, 0]
    for share in shares(way, points[0], points[-1]):
        whole[share.phase] += share.steps
    assert steps_of_spans(way, spans) == whole


@pytest.mark.parametrize("stop", [0, 1, 30, 33, 38, 63, 1000, 1096])
def test_a_span_may_stop_anywhere(stop: int) -> None:
    progress = advance(one_phase(), 0, 0, stop)
    assert sum(s.end_us - s.start_us for s in progress.stretches) == min(stop, 1000 + 33 * 3)


@given(
    blocks=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    batch=st.builds(
        Batch,
        begin_us=st.integers(0, 100),
        first=st.integers(1, 12),
        number=st.integers(1, 15),
        work_us=st.just(0),
        cycle_us=st.integers(1, 25),
    ),
    at=st.integers(0, 14),
    later=st.integers(-1, 1),
)
def test_checkpoints_before_a_time_are_those_that_begin_before_it(
    blocks: list[int], batch: Batch, at: int, later: int
) -> None:
    way = replace(one_phase(), blocks_us=(0, *itertools.accumulate(blocks)))
    begins = [begun_us(way, batch, position) for position in range(batch.number)]
    time_us = begins[min(at, batch.number - 1)] + later
    assert begun_before(way, batch, time_us) == sum(begin < time_us for begin in begins)
