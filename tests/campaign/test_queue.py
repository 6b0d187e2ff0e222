"""Who runs when: by hand, and what every calendar must keep."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.campaign.queue import Slot, Task, idle_node_us, levels, schedule
from sim.campaign.records import POLICIES
from sim.errors import SimulationError, UnknownNameError


def task(name: str, nodes: int, duration_us: int, **more: object) -> Task:
    return Task(name=name, asset="a", nodes=nodes, duration_us=duration_us, **more)  # type: ignore[arg-type]


def starts(slots: tuple[Slot, ...]) -> dict[str, int]:
    return {slot.task.name: slot.start_us for slot in slots}


def test_runs_stand_side_by_side_while_nodes_are_free() -> None:
    tasks = [task("x", 2, 10), task("y", 2, 4), task("z", 2, 3)]
    assert starts(schedule(tasks, {"a": 4})) == {"x": 0, "y": 0, "z": 4}


def test_the_first_that_does_not_fit_holds_back_all_behind_it() -> None:
    tasks = [task("x", 3, 10), task("wide", 4, 1), task("narrow", 1, 1)]
    assert starts(schedule(tasks, {"a": 4})) == {"x": 0, "wide": 10, "narrow": 11}
    assert starts(schedule(tasks, {"a": 4}, "first-fit")) == {"x": 0, "wide": 10, "narrow": 0}


def test_what_is_not_ready_holds_nobody_back() -> None:
    tasks = [task("late", 4, 1, not_before_us=7), task("after", 4, 1, after=("x",)), task("x", 1, 3)]
    assert starts(schedule(tasks, {"a": 4})) == {"x": 0, "after": 3, "late": 7}


def test_assets_have_queues_of_their_own() -> None:
    other = Task(name="other", asset="b", nodes=1, duration_us=1)
    assert starts(schedule([task("x", 1, 9), task("y", 1, 1), other], {"a": 1, "b": 1})) == {"x": 0, "y": 9, "other": 0}


def test_a_run_of_no_time_ends_as_it_begins() -> None:
    assert starts(schedule([task("x", 1, 0), task("y", 1, 2, after=("x",))], {"a": 1})) == {"x": 0, "y": 0}


def test_a_run_that_waits_for_what_never_ends_is_said() -> None:
    with pytest.raises(SimulationError, match="'x' never begins: it asks for 5 nodes"):
        schedule([task("x", 5, 1)], {"a": 4})


def test_another_policy_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'in-order'"):
        schedule([], {}, "inorder")


tasks_of = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 20), st.integers(0, 30), st.sets(st.integers(0, 11))), max_size=12
)


@settings(max_examples=50)
@given(rows=tasks_of, policy=st.sampled_from(POLICIES))
def test_every_calendar_keeps_nodes_days_and_order(rows: list[tuple[int, int, int, set[int]]], policy: str) -> None:
    tasks = [
        task(str(i), nodes, us, not_before_us=day, after=tuple(str(j) for j in sorted(after) if j < i))
        for i, (nodes, us, day, after) in enumerate(rows)
    ]
    slots = schedule(tasks, {"a": 5}, policy)
    begun, ended = starts(slots), {slot.task.name: slot.end_us for slot in slots}
    assert sorted(begun) == sorted(each.name for each in tasks)
    last = max(ended.values(), default=0)
    assert all(level.nodes <= 5 for level in levels(slots, 0, last))
    for each in tasks:
        assert begun[each.name] >= max([each.not_before_us, *(ended[name] for name in each.after)])
    used = sum(each.nodes * each.duration_us for each in tasks)
    assert idle_node_us(slots, 5, 0, last) == 5 * last - used


@settings(max_examples=50)
@given(rows=tasks_of)
def test_without_days_and_order_some_run_is_always_on(rows: list[tuple[int, int, int, set[int]]]) -> None:
    tasks = [task(str(i), nodes, us) for i, (nodes, us, _, _) in enumerate(rows)]
    slots = schedule(tasks, {"a": 5})
    last = max((slot.end_us for slot in slots), default=0)
    assert all(level.nodes > 0 for level in levels(slots, 0, last) if level.start_us < level.end_us)
