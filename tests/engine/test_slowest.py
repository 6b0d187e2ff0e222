"""The slowest of some replicas is the slowest of all of them, however few are timed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.stages.replica import ReplicaTimer
from sim.engine.stages.slowest import LIKELY, RENTED, SlowestReplica
from sim.workload.blocks import Blocks
from sim.workload.operations import OpCost
from sim.workload.slowed import Row
from sim.workload.step_plan import StepPlan
from tests.engine.plans import uniform_plan
from tests.engine.test_replicas import plans


def rows_of(seed: int, stages: int, count: int) -> list[Row]:
    """Return rows of which one to all stages are slow, by a little or by much."""
    rng = np.random.default_rng(seed)
    rows = np.full((count, stages), rng.choice([1000, 1015]))
    for row in rows:
        slow = rng.choice(stages, rng.integers(0, stages + 1), replace=False)
        row[slow] += rng.choice([1, 10, 90, 700], slow.size)
    return [tuple(row) for row in rows.tolist()]


def a_plan(stages: int = 4, **options: Any) -> StepPlan:
    return uniform_plan("1f1b", stages=stages, microbatches=4, forward_ns=100_000, backward_ns=200_000, **options)


def longer(plan: StepPlan, times: int) -> StepPlan:
    """Return a plan all of whose times are so many times as long."""

    def costs(grid: tuple[tuple[OpCost, ...], ...]) -> tuple[tuple[OpCost, ...], ...]:
        return tuple(
            tuple(replace(one, state_ns={state: ns * times for state, ns in one.state_ns.items()}) for one in row)
            for row in grid
        )

    def collectives(blocks: Blocks) -> Blocks:
        gather, reduce = ([ns * times for ns in each] for each in (blocks.gather_ns, blocks.reduce_ns))
        return replace(blocks, gather_ns=tuple(gather), reduce_ns=tuple(reduce))

    return replace(
        plan,
        forward=costs(plan.forward),
        backward=costs(plan.backward),
        weight=costs(plan.weight),
        boundary_ns=tuple(ns * times for ns in plan.boundary_ns),
        blocks=tuple(tuple(map(collectives, row)) for row in plan.blocks),
        optimizer_ns=tuple(ns * times for ns in plan.optimizer_ns),
    )


def counted(replicas: SlowestReplica, monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """Return what will hold the rows that are timed one by one."""
    timed: list[Row] = []
    step_ns = replicas.timer.step_ns

    def noted(_: ReplicaTimer, row: Row) -> int:
        timed.append(row)
        return step_ns(row)

    monkeypatch.setattr(ReplicaTimer, "step_ns", noted)
    return timed


@settings(max_examples=120, deadline=None)
@given(plan=plans().map(lambda plan: longer(plan, 100_000)), seed=st.integers(0, 999))
def test_the_slowest_is_the_longest_of_all_of_them_and_no_less_than_what_the_step_takes(
    plan: StepPlan, seed: int
) -> None:
    replicas, timer = SlowestReplica(plan), ReplicaTimer(plan)
    for asked in range(1, 7):
        rows = rows_of(seed + asked, plan.stages, asked)
        longest_ns = max(map(timer.step_ns, rows))
        assert replicas.slowest_ns(rows) == longest_ns
        assert replicas.slowest_ns(rows, longest_ns + 1) == longest_ns + 1


@settings(max_examples=120, deadline=None)
@given(plan=plans().map(lambda plan: longer(plan, 100_000)), seed=st.integers(0, 999))
def test_no_replica_exceeds_its_bound_by_parts_of_it(plan: StepPlan, seed: int) -> None:
    replicas = SlowestReplica(plan)
    for row in rows_of(seed, plan.stages, 6):
        replicas.step_ns((min(row),) * plan.stages)
        step_ns = ReplicaTimer(plan).step_ns(row)
        assert step_ns <= replicas.bound_ns(row)
        for stage, factor in enumerate(row):
            replicas.step_ns(tuple(factor if each == stage else min(row) for each in range(plan.stages)))
        assert step_ns <= replicas.bound_ns(row)


@settings(max_examples=120, deadline=None)
@given(plan=plans().map(lambda plan: longer(plan, 100_000)), seed=st.integers(0, 999), swing=st.integers(1001, 1500))
def test_no_replica_exceeds_its_bound_by_the_one_whose_others_are_at_the_nominal_pace(
    plan: StepPlan, seed: int, swing: int
) -> None:
    replicas = SlowestReplica(plan)
    for row in rows_of(seed, plan.stages, 6):
        # One stage at least runs at the pace of the others.
        nominal = (1000, *row[1:])
        replicas.step_ns(nominal)
        swung = tuple(round(factor * swing / 1000) for factor in nominal)
        bound_ns = replicas.bound_ns(swung)
        assert replicas.step_ns(swung) <= bound_ns
        assert bound_ns < float("inf") or not replicas.bounded


def test_replicas_that_cannot_be_the_slowest_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    replicas = SlowestReplica(a_plan(reduce_ns=900, slowdown=1.1))
    timed = counted(replicas, monkeypatch)
    rows = [(1000, 1300, 1000, 1000), (1000, 1000, 1010, 1000), (1020, 1000, 1000, 1010)]
    replicas.slowest_ns(rows)
    assert timed == [(1000,) * 4, rows[0]]


def test_spans_of_stages_on_their_own_have_no_bound() -> None:
    replicas = SlowestReplica(a_plan(optimizer_sync="post-validation"))
    replicas.step_ns((1000,) * 4)
    assert replicas.bound_ns((1000, 1000, 1000, 1001)) == float("inf")


@pytest.mark.parametrize("others", [1000, 1015])
def test_what_is_likely_is_timed_at_once_when_much_like_it_was_timed_and_is_the_same(
    others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = a_plan(reduce_ns=900, slowdown=1.1)
    replicas, timer = SlowestReplica(plan), ReplicaTimer(plan)
    levels = [round(others * (100 + each) / 100) for each in range(1, LIKELY + 1)]
    rows = [(others, level, others, others) for level in levels]
    for row in rows[:RENTED]:
        replicas.step_ns(row)
    timed = counted(replicas, monkeypatch)
    assert [replicas.step_ns(row) for row in rows] == [timer.step_ns(row) for row in rows]
    assert timed == rows  # by the test itself
    assert len(replicas.known) == LIKELY * 4
    beyond = (others, round(others * (101 + LIKELY) / 100), others, others)
    assert replicas.step_ns(beyond) == timer.step_ns(beyond) and len(replicas.known) == LIKELY * 4 + 1
