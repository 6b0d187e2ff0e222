"""Steps whose length changes on the way: arithmetic and events agree, nothing is lost, and numbers by hand hold."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim.engine.clock import IntegerEnvironment, late, on_event
from sim.engine.jobs.explicit import Explicit
from sim.engine.jobs.saves import Saves
from sim.engine.jobs.stepping import Folded, Stepper
from sim.reliability.records import CheckpointPlan, PhasePlan
from sim.reliability.saving.legs import moved, repaced
from sim.reliability.saving.progress import Course, Share, Stretch, course, steps_of_spans
from sim.reliability.saving.saves import Span
from tests.engine.run_plans import TICK_US, checkpoints, phases

NEVER = 1 << 60


class Walked(NamedTuple):
    """What came of a span: its work, its newest durable checkpoint (-1: none), and counts."""

    work_us: int
    durable_us: int
    durable_at_us: int
    started: int
    durable: int
    stretches: tuple[Stretch, ...]


def one_phase(step_us: int = 10, steps: int | None = None) -> tuple[PhasePlan, ...]:
    return (PhasePlan(name="main", steps=steps, step_time_us=step_us, tokens_per_step=1),)


def checkpoint(interval_us: int = 0, block_us: int = 0, durable_us: int = 0) -> CheckpointPlan:
    return CheckpointPlan(
        interval_us=interval_us, block_us=block_us, durable_after_us=durable_us, restore_us=0, max_in_flight=0
    )


def run(
    stepper: str,
    plans: Sequence[PhasePlan],
    saves: CheckpointPlan,
    paces: Sequence[Sequence[int]],
    turns: Sequence[tuple[int, int]],
    stop_us: int,
    work_us: int = 0,
    end_us: int | None = None,
) -> tuple[Walked, tuple[Share, ...]]:
    """Step from instant 0 until stop_us or the end of the work; turns: (instant, condition)."""
    env, whole = IntegerEnvironment(), course(plans, saves, end_us)
    ways = [whole, *(repaced(plans, saves, whole, pace) for pace in paces)]
    walker: Stepper = (
        Explicit(env, whole, ways.__getitem__) if stepper == "explicit" else Folded(whole, NEVER, ways.__getitem__)
    )
    ended: list[int] = []
    ends = [walker.begin(work_us, 1, 0, lambda: ended.append(env.now))]
    for at_us, condition in turns:
        on_event(late(env, at_us), lambda _, condition=condition: ends.append(walker.turn(condition, env.now)))
    stopped: list[tuple[Span, int]] = []

    def stop(_: object) -> None:
        if not stopped:
            stopped.append(walker.stop(env.now))

    on_event(late(env, stop_us), stop)
    while not stopped:
        if ended or env.peek() > ends[-1]:
            stopped.append(walker.stop(ended[0] if ended else ends[-1]))
        else:
            env.step()
    span, durable = stopped[0]
    saves = Saves(whole, 1, [])
    saves.base = saves.base._replace(work_us=work_us, at_us=-1)
    saves.add(span)
    save = saves.newest()
    started = sum(batch.number for walk in span.walks for batch in walk.batches)
    return Walked(span.work_us, save.work_us, save.at_us, started, durable, span.stretches), saves.back_to(save)


@st.composite
def spans(draw: st.DrawFn) -> dict[str, object]:
    plans = draw(phases())
    paces = [[draw(st.integers(1, 20)) * TICK_US for _ in plans] for _ in range(2)]
    work_us, end_us = draw(st.integers(0, 5)) * TICK_US // 2, draw(st.none() | st.integers(5077, 200_077))
    assume(work_us < course(plans, checkpoint(), end_us).end_us)
    instants = sorted(draw(st.lists(st.integers(0, 150), max_size=6)))
    return {
        "plans": plans,
        "saves": draw(checkpoints()),
        "paces": paces,
        "turns": [(at * TICK_US, draw(st.integers(0, 2))) for at in instants],
        "stop_us": draw(st.integers(0, 300)) * TICK_US,
        "work_us": work_us,
        "end_us": end_us,
    }


@given(spans())
@settings(max_examples=160, deadline=None)
def test_arithmetic_and_events_agree_whenever_the_network_changes(span: dict[str, object]) -> None:
    assert run("folded", **span) == run("explicit", **span)  # type: ignore[arg-type]


@given(spans())
@settings(max_examples=80, deadline=None)
def test_every_microsecond_is_a_step_or_a_block_and_every_step_is_counted_once(span: dict[str, object]) -> None:
    progress, undone = run("folded", **span)  # type: ignore[arg-type]
    whole = course(span["plans"], span["saves"], span["end_us"])  # type: ignore[arg-type]
    spent = [stretch.end_us - stretch.start_us for stretch in progress.stretches]
    assert min(spent, default=1) > 0
    assert sum(spent) == (progress.stretches[-1].end_us if spent else 0)
    stepped = sum(spent) - sum(stretch.checkpoint_us for stretch in progress.stretches)
    assert sum(share.duration_us for share in undone) <= stepped
    lost = steps_of_spans(whole, [(progress.durable_us, progress.work_us)])
    assert lost == [sum(share.steps for share in undone if share.phase == phase) for phase in range(len(lost))]


def test_a_step_in_flight_ends_at_its_old_length() -> None:
    progress, undone = run("folded", one_phase(), checkpoint(), [[15]], [(12, 1)], 50)
    # Two steps of 10 s, then two of 15; without checkpoints all is undone.
    assert [(s.start_us, s.end_us, s.condition) for s in progress.stretches] == [(0, 20, 0), (20, 50, 1)]
    assert progress.work_us == 40
    assert [(share.duration_us, share.steps, share.condition) for share in undone] == [(20, 2, 0), (30, 2, 1)]


def test_a_repaired_network_gives_the_step_back_its_length() -> None:
    progress, _ = run("folded", one_phase(), checkpoint(), [[15]], [(10, 1), (26, 0)], 60)
    assert [(s.start_us, s.end_us, s.condition) for s in progress.stretches] == [(0, 10, 0), (10, 40, 1), (40, 60, 0)]
    assert progress.work_us == 50


def test_a_change_undone_before_the_next_step_changes_nothing() -> None:
    assert run("folded", one_phase(), checkpoint(), [[15]], [(11, 1), (19, 0)], 50) == run(
        "folded", one_phase(), checkpoint(), [[15]], [], 50
    )


@pytest.mark.parametrize("stepper", ["folded", "explicit"])
def test_a_change_at_the_instant_of_the_begin_leaves_the_part_of_a_step_as_it_was(stepper: str) -> None:
    # 619 of 1000 us are done; taken to steps of 1050 us and back they would be 618.
    env, whole = IntegerEnvironment(), course(one_phase(1000), checkpoint(), None)
    ways = [whole, repaced(one_phase(1000), checkpoint(), whole, [1050])]
    walker: Stepper = (
        Explicit(env, whole, ways.__getitem__) if stepper == "explicit" else Folded(whole, NEVER, ways.__getitem__)
    )
    walker.turn(1, 0)
    walker.begin(619, 1, 0, lambda: None)
    walker.turn(0, 0)
    env.run(until=382)
    assert walker.stop(382)[0].work_us == 619 + 382


def test_checkpoints_are_spaced_by_time_whatever_the_length_of_steps() -> None:
    progress, _ = run("folded", one_phase(), checkpoint(40, 3, 3), [[15]], [(20, 1)], 200)
    # 10 10 15 15 | 3 | 15 15 15 | 3 | ...
    assert [s.checkpoint_us for s in progress.stretches] == [0, 12]
    assert (progress.started, progress.durable_at_us) == (4, 50 + 3 * (3 + 45))


def test_a_flush_outlives_the_change_of_the_network() -> None:
    progress, undone = run("folded", one_phase(), checkpoint(20, 2, 15), [[15]], [(24, 1)], 36)
    # Begun at 20 with two steps done, durable at 35; the third step ends at 32, the fourth is cut.
    assert (progress.durable_us, progress.durable_at_us, progress.durable) == (20, 20, 1)
    assert [(share.duration_us, share.steps, share.condition) for share in undone] == [(10, 1, 0), (4, 0, 1)]


@given(phases(), st.integers(0, 400), st.integers(1, 30))
def test_a_position_keeps_its_step_in_every_course(plans: tuple[PhasePlan, ...], ticks: int, slow: int) -> None:
    whole: Course = course(plans, checkpoint(), None)
    other = repaced(plans, checkpoint(), whole, [slow * TICK_US] * len(plans))
    at_us = min(ticks * TICK_US // 2, whole.end_us)
    there_us = moved(at_us, whole, other)
    assert steps_of_spans(whole, [(0, at_us)]) == steps_of_spans(other, [(0, there_us)])
    if ticks % 2 == 0 and at_us in whole.starts_us:
        assert moved(there_us, other, whole) == at_us
