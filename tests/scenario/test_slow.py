"""Causes that slow, who looks for them, and the swing of the day: and what does not go together."""

from typing import Any

import pytest

from sim.errors import InputError
from sim.reliability.records import Law, Slowing, StragglerPlan, Swing
from sim.scenario import Scenario, canonical_text, scenario_of
from tests.scenario.trees import WITH_MODEL, WITHOUT_MODEL, changed

THERMAL = {"component": "gpu", "name": "thermal", "kind": "exponential", "mean": "2 y", "slow": 1.25}
NIC = {"component": "nic", "name": "lame NIC", "kind": "exponential", "mean": "9 y", "bandwidth": 0.5}
FINDER = {"threshold": 1.05, "delay": "30 min"}
MODELLED = changed(
    WITH_MODEL, recovery={"detect": "2 min", "replace": "1 min", "initialize": "1 min"}, repair=WITHOUT_MODEL["repair"]
)


def resolved(*causes: dict[str, Any], tree: dict[str, Any] = WITHOUT_MODEL, **changes: Any) -> Scenario:
    return scenario_of(changed(tree, failures={"causes": list(causes)}, **changes), "file.toml")


def test_a_slow_cause_stops_nothing_and_heals_after_its_repair() -> None:
    (found,) = resolved({**THERMAL, "repair": "4 h"}).failures.classes
    assert (found.stops, found.replace, found.outage, found.per_node) == (False, False, None, 8)
    assert found.slowing == Slowing(longer=Law(mean_s=0.25), heals=Law(mean_s=14_400.0))
    (lasting,) = resolved(THERMAL).failures.classes
    assert lasting.slowing == Slowing(longer=Law(mean_s=0.25))


def test_a_factor_may_be_a_distribution_of_what_it_exceeds_one_by() -> None:
    factor = {"kind": "lognormal", "mean": 1.5, "shape": 0.7}
    (found,) = resolved({**THERMAL, "slow": factor}).failures.classes
    assert found.slowing is not None
    assert found.slowing.longer == Law(kind="lognormal", mean_s=0.5, shape=0.7)


def test_with_a_model_a_cause_says_its_state_and_a_nic_what_it_keeps() -> None:
    thermal, nic = resolved({**THERMAL, "state": "throttle"}, NIC, tree=MODELLED).failures.classes
    assert thermal.slowing is not None and thermal.slowing.state == "throttle"
    assert nic.slowing == Slowing(bandwidth=0.5)


def test_who_looks_for_stragglers_is_read() -> None:
    asked = resolved(THERMAL, recovery__stragglers={**FINDER, "false_alarms": "5 d"})
    assert asked.recovery is not None
    assert asked.recovery.stragglers == StragglerPlan(threshold=1.05, delay=Law(mean_s=1800.0), false_alarm_s=432_000.0)


def test_the_day_swings_with_and_without_a_model() -> None:
    noon = {"from": "12:00", "to": "18:30", "factor": 1.015}
    swing = Swing(from_us=43_200_000_000, to_us=66_600_000_000, factor=1.015)
    for tree in (WITH_MODEL, WITHOUT_MODEL):
        assert scenario_of(changed(tree, cluster__speed={"diurnal": noon}), "file.toml").machines.swing == swing


def test_a_scenario_without_slow_causes_keeps_the_name_of_its_runs() -> None:
    text = canonical_text(scenario_of(WITHOUT_MODEL, "file.toml"))
    assert not any(word in text for word in ("slowing", "stragglers", "swing"))


@pytest.mark.parametrize(
    ("cause", "changes", "expected"),
    [
        ({**THERMAL, "slow": 0.9}, {}, "failures.causes.0.slow"),
        ({**THERMAL, "slow": 1}, {}, "failures.causes.0.slow"),
        ({**THERMAL, "slow": {"kind": "uniform", "mean": 1.2}}, {}, "law 'uniform' of a factor takes mean and shape"),
        ({**THERMAL, "slow": {"kind": "exponentail", "mean": 1.2}}, {}, "did you mean 'exponential'"),
        ({**THERMAL, "component": "job"}, {}, "a job cannot be slow; expected one of: gpu, node, nic, link"),
        ({**THERMAL, "replace": True}, {}, "is slow and stops nothing"),
        ({**THERMAL, "bandwidth": 0.5}, {}, "got bandwidth of a gpu; expected slow, or a nic or link"),
        ({**THERMAL, "state": "throttle"}, {}, "state needs a [model]"),
        (NIC, {}, "bandwidth needs a [model], whose step says what the network carries; expected slow"),
        ({**NIC, "bandwidth": 1}, {}, "failures.causes.0.bandwidth"),
        ({**NIC, "slow": 1.2}, {}, "got bandwidth, whose cost the graph decides, and slow or state"),
        (
            {"component": "node", "name": "crash", "kind": "exponential", "mean": "9 y", "state": "throttle"},
            {},
            "state belongs to a cause that slows",
        ),
        (THERMAL, {"recovery__stragglers": {**FINDER, "policy": "shoot"}}, "policy 'shoot'"),
        (THERMAL, {"recovery__stragglers": {**FINDER, "threshold": 0.5}}, "recovery.stragglers.threshold"),
        (
            THERMAL,
            {"recovery__stragglers": {**FINDER, "policy": "wait", "false_alarms": "5 d"}},
            "policy 'wait' evicts nobody",
        ),
        (THERMAL, {"recovery__stragglers": FINDER, "repair": None}, "repair: is missing; recovery.stragglers takes"),
        (THERMAL, {"recovery__detect_by_cause": {"thermal": "5 min"}}, "'thermal' slows and stops nothing"),
        (
            {"component": "node", "name": "crash", "kind": "exponential", "mean": "9 y"},
            {"recovery__stragglers": FINDER},
            "recovery.stragglers: no cause slows",
        ),
        (
            {**THERMAL, "name": "false alarm"},
            {"recovery__stragglers": {**FINDER, "false_alarms": "5 d"}},
            "'false alarm' is what recovery.stragglers calls its own",
        ),
        (THERMAL, {"cluster__speed": {"diurnal": {"from": "12:00", "to": "24:00", "factor": 1.01}}}, "time of the day"),
        (
            THERMAL,
            {"cluster__speed": {"diurnal": {"from": "12:00", "to": "12:00", "factor": 1.01}}},
            "are the same time",
        ),
        (
            THERMAL,
            {"cluster__speed": {"spread": 0.02, "diurnal": {"from": "12:00", "to": "13:00", "factor": 1.01}}},
            "cluster.speed.spread: needs a [model]",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(cause: dict[str, Any], changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        resolved(cause, **changes)
    assert expected in str(caught.value)


def test_slow_kernels_of_a_nic_are_refused_where_a_model_says_what_it_carries() -> None:
    lame = {**NIC, "slow": 1.2}
    del lame["bandwidth"]
    assert resolved(lame).failures.classes[0].slowing is not None
    with pytest.raises(InputError, match="expected bandwidth, whose cost the graph decides"):
        resolved(lame, tree=MODELLED)
