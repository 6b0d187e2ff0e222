"""Whose failure a log's is: nodes, components and causes of the log in a simulated cluster."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError, ScenarioError
from sim.reliability.failures.exposure import job_mtbf_s
from sim.reliability.records import FailureClass, Law
from sim.reliability.replay.classes import cause_names, found_parts, logged_classes
from sim.reliability.replay.entries import Entry, FailureLog
from sim.reliability.replay.records import Logged
from sim.reliability.replay.seats import Fleet

S = 1_000_000
FLEET = Fleet(nodes=4, spare_nodes=1, per_node={"gpu": 8, "nic": 4, "link": 4}, seed=1)


def entry(at_s: int, *nodes: str, component: str = "node", cause: str = "c", **more: Any) -> Entry:
    return Entry(at_us=at_s * S, component=component, cause=cause, nodes=nodes, where=f"line {at_s}", **more)


def log(*entries: Entry, end_s: int = 1_000, **more: Any) -> FailureLog:
    return FailureLog(entries=entries, end_us=end_s * S, **more)


def components(failures: tuple[FailureClass, ...]) -> list[int]:
    return [each.component for failure in failures for each in failure.logged or ()]


def test_names_are_nodes_in_the_order_in_which_they_first_fail() -> None:
    failures, seating = logged_classes(log(entry(1, "z"), entry(2, "a"), entry(3, "z"), entry(4, "m")), FLEET)
    assert components(failures) == [0, 1, 0, 2]
    assert (seating.rule, seating.nodes) == ("appearance", 3)


def test_numbers_are_the_nodes_themselves() -> None:
    failures, seating = logged_classes(log(entry(1, "3"), entry(2, "04")), FLEET)
    assert (components(failures), seating.rule) == ([3, 4], "index")
    assert components(logged_classes(log(entry(1, "3"), entry(2, "4")), FLEET, "appearance")[0]) == [0, 1]


def test_a_log_of_more_nodes_than_there_are_is_refused_unless_some_stand_for_several() -> None:
    many = log(*(entry(at, f"n{at}") for at in range(7)))
    with pytest.raises(ScenarioError, match=r"7 nodes fail in the log, and the scenario has 4 and 1 spare"):
        logged_classes(many, FLEET)
    assert components(logged_classes(many, FLEET, "modulo")[0]) == [0, 1, 2, 3, 4, 0, 1]
    with pytest.raises(ScenarioError, match=r"line 2: got node '12', expected a number from 0 to 4"):
        logged_classes(log(entry(2, "12")), FLEET)
    assert components(logged_classes(log(entry(2, "12")), FLEET, "modulo")[0]) == [2]


def test_a_component_is_the_one_that_is_said_or_a_drawn_one_of_its_node() -> None:
    said = [entry(at, "n", component="gpu", index=at) for at in range(8)]
    assert components(logged_classes(log(*said), FLEET)[0]) == list(range(8))
    drawn = components(logged_classes(log(*(entry(at, "m", component="gpu") for at in range(200))), FLEET)[0])
    assert set(drawn) == set(range(8))
    with pytest.raises(InputError, match=r"line 1: index: got 8, expected 0 to 7: a node has 8 gpu"):
        logged_classes(log(entry(1, "n", component="gpu", index=8)), FLEET)


def test_a_failure_without_a_node_hits_a_drawn_one_of_the_job() -> None:
    unnamed = log(*(entry(at) for at in range(200)))
    drawn = components(logged_classes(unnamed, FLEET)[0])
    assert set(drawn) == {0, 1, 2, 3}
    assert drawn == components(logged_classes(unnamed, FLEET)[0])
    other = Fleet(nodes=4, spare_nodes=1, per_node={}, seed=2)
    assert drawn != components(logged_classes(unnamed, other)[0])


def test_one_of_several_nodes_is_drawn_among_them() -> None:
    failures, seating = logged_classes(log(*(entry(at, "a", "b", "c") for at in range(100))), FLEET)
    assert set(components(failures)) == {0, 1, 2}
    assert seating.nodes == 3


def test_what_fails_in_a_node_takes_it_along_unless_it_is_said_not_to() -> None:
    kept = entry(3, "a", component="link", cause="flap", replace=False)
    failures, _ = logged_classes(log(entry(1, component="job", cause="bug"), entry(2, "a"), kept), FLEET)
    assert [(each.cause, each.component, each.per_node, each.replace) for each in failures] == [
        ("bug", "job", 1, False),
        ("c", "node", 1, True),
        ("flap", "link", 4, False),
    ]
    assert all(each.outage is None for each in failures)


def test_one_cause_of_several_sorts_becomes_several() -> None:
    several = log(
        entry(1, "a", component="gpu"),
        entry(2, "a"),
        entry(3, "a", component="link"),
        entry(4, "a", component="link", replace=False),
        entry(5, "a", component="link", replace=False, away_us=60 * S),
        entry(6, "a", cause="d"),
    )
    names = ["c (gpu)", "c (node)", "c (link, replaced)", "c (link, kept)", "c (link, out)", "d"]
    failures, _ = logged_classes(several, FLEET)
    assert [each.cause for each in failures] == names
    assert list(cause_names(several)) == names
    assert failures[4].outage == Law(mean_s=60.0)


def test_failures_after_the_run_are_left_out() -> None:
    failures, _ = logged_classes(log(entry(1, "a"), entry(2, "b"), entry(3, "c", cause="d")), FLEET, until_us=2 * S)
    assert [each.logged for each in failures] == [(Logged(S, 0),)]


def test_the_mean_time_between_failures_is_the_time_covered_by_their_number() -> None:
    entries = [entry(1, component="job", cause="bug"), entry(2, "a"), entry(3, "b", component="gpu", cause="d")]
    assert job_mtbf_s(logged_classes(log(*entries), FLEET)[0], 4) == pytest.approx(1_000 / 3)
    assert job_mtbf_s(logged_classes(log(*entries), FLEET, until_us=3 * S)[0], 4) == pytest.approx(3 / 2)
    assert job_mtbf_s(logged_classes(log(*entries), FLEET, until_us=9_000 * S)[0], 4) == pytest.approx(3_000)
    again = logged_classes(log(*entries), FLEET, until_us=9_000 * S, repeats=True)[0]
    assert job_mtbf_s(again, 4) == pytest.approx(1_000 / 3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (entry(1, "n", component="job"), r"line 1: got node 'n' and component job, which hits no node"),
        (entry(1, component="job", replace=True), r"line 1: got replace for a job"),
        (entry(1, component="job", away_us=S), r"line 1: got a duration for a job that takes no node out"),
        (entry(1, "n", component="gpu", replace=False, away_us=S), r"got a duration for a gpu that takes no node out"),
        (entry(1, "l", component="leaf"), r"line 1: got no duration; expected how long the leaf is out"),
        (entry(1, component="leaf", away_us=S), r"line 1: got no name of the leaf that failed"),
        (entry(1, "l", component="leaf", away_us=S, replace=True), r"line 1: got replace for a leaf"),
    ],
)
def test_a_failure_that_cannot_be_is_named_by_its_line(wrong: Entry, message: str) -> None:
    with pytest.raises(InputError, match=message):
        logged_classes(log(wrong), FLEET)


def test_parts_of_the_network_are_those_of_their_name_or_else_in_order() -> None:
    rows = [entry(1, "leaf-2", component="leaf", away_us=S), entry(2, "leaf-0", component="leaf", away_us=S)]
    (failure,), _ = logged_classes(log(*rows), FLEET)
    assert (failure.logged, failure.names) == ((Logged(S, 0, S), Logged(2 * S, 1, S)), ("leaf-2", "leaf-0"))
    for names, expected in ((("leaf-0", "leaf-1", "leaf-2"), [2, 0]), (("a", "b", "c"), [0, 1])):
        (wired,) = found_parts([failure], [replace(failure, names=names)])
        assert [each.component for each in wired.logged or ()] == expected
        assert wired.names == names
        assert job_mtbf_s([wired], 4) == pytest.approx(500)
    with pytest.raises(ScenarioError, match=r"'c' hits 2 of component leaf, and the network has 1"):
        found_parts([failure], [replace(failure, names=("leaf-0",))])


def test_of_a_larger_cluster_a_drawn_part_of_the_nodes_fails_as_often_as_it_did() -> None:
    fleet = Fleet(nodes=90, spare_nodes=10, per_node={}, seed=1)
    rows = [entry(at, f"n{at % 400}") for at in range(800)] + [
        entry(at, component="job", cause="bug") for at in range(9)
    ]
    failures, seating = logged_classes(log(*rows), fleet, "sample", log_nodes=400)
    lost, bugs = failures
    assert len(bugs.logged or ()) == 9
    # Every node failed twice: 100 of 400 are some 200 failures of 800, two a node.
    assert 160 <= len(lost.logged or ()) == 2 * seating.nodes <= 200
    assert seating.unsampled == 800 - 2 * seating.nodes
    assert seating.rule == "sample"
    # A failure without a name is kept as often.
    unnamed = logged_classes(log(*(entry(at) for at in range(800))), fleet, "sample", log_nodes=400)[0]
    assert 160 <= len(unnamed[0].logged or ()) <= 240


def test_a_sample_of_all_nodes_is_the_log() -> None:
    rows = [entry(at, f"n{at % 5}") for at in range(20)]
    assert logged_classes(log(*rows), FLEET, "sample", log_nodes=5)[0] == logged_classes(log(*rows), FLEET)[0]
    with pytest.raises(ScenarioError, match=r"log_nodes: got 4, expected at least the 5 nodes of the scenario"):
        logged_classes(log(*rows), FLEET, "sample", log_nodes=4)
    many = [entry(at, f"n{at}") for at in range(7)]
    with pytest.raises(ScenarioError, match=r"log_nodes: got 6, expected at least the 7 nodes that fail in it"):
        logged_classes(log(*many), FLEET, "sample", log_nodes=6)


def test_a_horizon_does_not_change_the_names_of_causes() -> None:
    several = log(entry(1, "a", component="gpu"), entry(9, "a"))
    assert [each.cause for each in logged_classes(several, FLEET, until_us=5 * S)[0]] == ["c (gpu)"]
    assert cause_names(several) == ("c (gpu)", "c (node)")


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    component = draw(st.sampled_from(["gpu", "node", "link", "job", "leaf"]))
    node = [] if component == "job" else draw(st.lists(st.sampled_from(["a", "b", "7", "0"]), max_size=2))
    return entry(
        draw(st.integers(0, 1_000)),
        *node,
        component=component,
        cause=draw(st.sampled_from("cd")),
        away_us=draw(st.sampled_from([-1, 0, S])),
        replace=draw(st.sampled_from([None, True, False])),
        index=draw(st.integers(-1, 9)),
    )


@given(st.lists(entries(), max_size=12), st.sampled_from([None, "appearance", "index", "modulo"]))
def test_any_log_is_refused_or_all_of_its_failures_are_there(rows: list[Entry], rule: str | None) -> None:
    ordered = sorted(rows, key=lambda each: each.at_us)
    try:
        failures, _ = logged_classes(log(*ordered), FLEET, rule)
    except InputError:
        return
    assert sorted(each.at_us for failure in failures for each in failure.logged or ()) == [
        each.at_us for each in ordered
    ]
    assert len({failure.cause for failure in failures}) == len(failures)
    for failure in failures:
        count = {"job": 1, "leaf": len(failure.names)}.get(failure.component, FLEET.total * failure.per_node)
        assert all(0 <= each.component < count for each in failure.logged or ())
