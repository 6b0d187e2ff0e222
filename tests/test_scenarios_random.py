"""What holds of every scenario, whatever its keys of failures, saves, recovery and repair ask for together."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from sim.engine.run import simulate_run
from sim.errors import InputError
from sim.ledger.time.trace import OUTSIDE_STATES, RETIRED, Event, RunTrace, Stay
from sim.reliability.records import FailureClass
from sim.scenario import scenario_of
from sim.simulate import RunResult, planned, prepare, simulate
from tests.random_scenarios import LEAF_SPINE, Tree, ordering, trees

LOG = "experiments/logs/tiny-2d.csv"

Examples = Callable[[Callable[[Any], None]], None]


def checked(rule: Callable[[Tree], None], examples: int, *, drawn_anew: bool = True) -> None:
    """Check a rule of random scenarios."""
    healthy = [HealthCheck.too_slow, HealthCheck.data_too_large]
    limits = settings(
        max_examples=examples,
        deadline=None,
        derandomize=not drawn_anew,
        suppress_health_check=healthy,
        # Shrinking a scenario takes minutes, and hardly makes it simpler.
        phases=[Phase.generate],
        database=None,
    )
    limits(given(trees(LOG))(rule))()


def sized(few: int, many: int) -> pytest.MarkDecorator:
    """Mark a test that is run with few examples, and slowly with many."""
    return pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.slow)])


def ran(tree: Tree) -> RunResult | None:
    """Return the run of a scenario, None where it asks for what does not go together."""
    try:
        return simulate(scenario_of(tree, "random.toml"))
    except InputError:
        return None


def traced(tree: Tree, mode: str, *, explicit: bool) -> RunTrace:
    """Return the trace of a scenario by one of the engine's ways."""
    planning = planned(prepare(scenario_of(tree, "random.toml")))
    return simulate_run(planning.plan, mode, explicit=explicit, judge=planning.judge, pacer=planning.pacer)


@sized(50, 600)
def test_a_process_a_node_an_event_a_step_and_neither_give_the_same_trace(examples: int) -> None:
    def rule(tree: Tree) -> None:
        result = ran(tree)
        if result is not None:
            assert traced(tree, "eager", explicit=False) == result.trace
            assert traced(tree, "dormant", explicit=True) == result.trace

    checked(rule, examples)


@sized(50, 600)
def test_no_time_is_negative_and_none_is_spent_twice(examples: int) -> None:
    def rule(tree: Tree) -> None:
        # That states, stays and reversals sum up is checked of every run.
        result = ran(tree)
        if result is None:
            return
        ledger = result.ledger
        spans = ledger.start_us < ledger.end_us
        assert (ledger.start_us >= 0).all() and (ledger.end_us <= result.trace.end_us).all()
        assert (ledger.gpu_us[spans] > 0).all()
        assert min(result.summary.states.values()) >= 0
        assert 0 <= result.summary.goodput <= 1 and 0 <= result.summary.ettr <= 1

    checked(rule, examples)


@sized(50, 600)
def test_every_event_that_stops_the_job_is_in_the_ledger_and_every_move_of_a_node_has_its_event(examples: int) -> None:
    def rule(tree: Tree) -> None:
        result = ran(tree)
        if result is not None:
            _check_rows(result.trace)
            _check_moves(result.trace)
            _check_failed_nodes_leave(result)

    checked(rule, examples)


@sized(40, 400)
def test_all_of_that_holds_where_spares_are_ordered(examples: int) -> None:
    ordered, events = 0, Counter[str]()

    def rule(tree: Tree) -> None:
        nonlocal ordered
        asked = ordering(tree)
        result = asked and ran(asked)
        if not (asked and result):
            return
        ordered += 1
        events.update(event.kind for event in result.trace.events)
        assert traced(asked, "eager", explicit=False) == traced(asked, "dormant", explicit=True) == result.trace
        _check_rows(result.trace)
        _check_moves(result.trace)
        _check_failed_nodes_leave(result)

    checked(rule, examples, drawn_anew=examples > 40)
    assert ordered > examples // 5
    assert events["ordered"] >= events["arrived"] > 0
    assert events["retired"] >= events["delivered"] > 0


def test_links_of_a_node_that_is_exchanged_keep_their_lives() -> None:
    tree: Tree = {
        "name": "exchanged",
        "training": {"step_time": "10 s"},
        "cluster": {"node": "dgx-h100", "nodes": 3, "spare_nodes": 2, "topology": LEAF_SPINE},
        "failures": {
            "causes": [
                {"component": "link", "name": "link", "kind": "exponential", "mean": "60 h", "repair": "50 min"},
                {"component": "node", "name": "dead", "kind": "exponential", "mean": "12 h"},
            ]
        },
        "recovery": {"detect": "5 min", "replace": "1 min", "initialize": "1 min"},
        "repair": {
            "crews": 0,
            "automatic": {"time": "1 h", "success": 1.0},
            "manual": {"time": "1 h", "success": 0.5},
            "retire": {"visits": 1, "within": "12 h"},
            "replacement": "2 h",
        },
        "checkpoint": {"interval": {"kind": "fixed", "every": "10 min"}, "block": "5 s", "restore": "1 min"},
        "run": {"horizon": "48 h", "seed": 4},
    }
    tree["checkpoint"]["durable_after"] = "1 min"
    trace = traced(tree, "dormant", explicit=False)
    assert traced(tree, "eager", explicit=False) == trace
    first = {event.node: event.time_us for event in reversed(trace.events) if event.kind == "delivered"}
    later = [event for event in trace.events if event.cause == "link" and event.time_us > first.get(event.node, 10**18)]
    assert any(event.kind == "failure" and event.ordinal == 0 for event in later), "a first life outlasts the exchange"


def _check_rows(trace: RunTrace) -> None:
    """Rows name an event that had happened, with its cause; whatever stops the job owns some."""
    for row in (*trace.segments, *trace.reversals):
        if row.event >= 0:
            event = trace.events[row.event]
            assert event.cause == row.cause
            assert event.time_us <= row[0]
    owners = {row.event for row in (*trace.segments, *trace.reversals, *trace.stays)}
    for event in trace.events:
        if event.interrupted and event.event not in owners:
            assert _shared(trace, event), event


def _shared(trace: RunTrace, event: Event) -> bool:
    """Say whether an event ends the run with no work to lose, or is a planned stop that had no time of its own.

    Such a stop took place with another, before the job stepped again; or took no time; or waited in a queue of
    recoveries when the run ended.
    """
    if event.kind == "planned":
        after = [row for row in trace.segments if row.end_us > event.time_us]
        stops = (row.start_us for row in after if row.event >= 0 and trace.events[row.event].kind == "planned")
        restarts = (other for other in trace.events[event.event :] if other.kind == "restart")
        own = (other.time_us for other in restarts if other.cause == event.cause)
        until_us = min(next(stops, trace.end_us), next(own, trace.end_us))
        return not any(row.state == "step" and event.time_us < row.start_us < until_us for row in after)
    return any(other.kind == "aborted" and other.time_us == event.time_us for other in trace.events)


KIND_OF_MOVE = {
    "job": {"replaced"},
    "maintenance": {"planned"},
    "idle": {"failure", "found", "evicted", "planned"},
    "repair": {"failure", "found", "evicted", "maintained"},
    "retired": {"retired"},
    "spare": {"failure", "repaired", "maintained", "restored", "delivered", "displaced"},
}
"""What moves a node into a place; one that was cut off is spare at once where it is reached again, and the nodes of an
elastic job's replica are idle for whatever took one of them."""


def _check_moves(trace: RunTrace) -> None:
    for stay in trace.stays:
        if stay.event < 0:
            assert stay.start_us == 0
            continue
        event = trace.events[stay.event]
        assert event.time_us <= stay.start_us
        assert event.cause == stay.cause
        assert event.kind in KIND_OF_MOVE[stay.place], (stay, event)
        if event.kind in ("replaced", "repaired", "maintained", "delivered", "displaced", "evicted"):
            assert event.node == stay.node


def _check_failed_nodes_leave(result: RunResult) -> None:
    """A node of the job in which something broke is out of it when the job next restarts."""
    trace = result.trace
    classes = {failure.cause: failure for failure in result.plan.failures}
    restarts = [event for event in trace.events if event.kind == "restart"]
    stays: dict[int, list[Stay]] = {}
    for stay in sorted(trace.stays):
        stays.setdefault(stay.node, []).append(stay)
    for event in trace.events:
        if event.kind != "failure" or event.node < 0 or not _takes_away(classes[event.cause]):
            continue
        at = max(stay for stay in stays[event.node] if (stay.start_us, stay.event) < (event.time_us, event.event))
        after = next((each for each in restarts if each.event > event.event), None)
        if after is not None:
            assert at.place in (*OUTSIDE_STATES, RETIRED) or at.end_us <= after.time_us, event


def _takes_away(failure: FailureClass) -> bool:
    return failure.replace and failure.silent is None


def test_most_random_scenarios_run_and_all_that_can_happen_does() -> None:
    outcomes, kinds, states = Counter[bool](), Counter[str](), Counter[str]()

    def rule(tree: Tree) -> None:
        result = ran(tree)
        outcomes[result is not None] += 1
        if result is not None:
            kinds.update(event.kind for event in result.trace.events)
            states.update(segment.state for segment in result.trace.segments)
            states.update(reversal.state for reversal in result.trace.reversals)
            states.update(stay.place for stay in result.trace.stays)

    checked(rule, 200, drawn_anew=False)
    assert outcomes[True] > 0.6 * outcomes.total()
    assert kinds.keys() >= HAPPENS
    assert states.keys() >= STATES


HAPPENS = {
    *("failure", "shock", "found", "planned", "slowed", "healed", "detected", "replaced", "stall"),
    *("restart", "restored", "repaired", "maintained", "retired", "delivered", "displaced", "aborted"),
    *("complete", "horizon"),
}
STATES = {
    *("step", "checkpoint", "detect", "diagnose", "drain", "schedule", "replace", "initialize", "restore"),
    *("warm_up", "wait_for_node", "lost_work", "in_flight", "job", *OUTSIDE_STATES),
}
