"""[cluster.speed]: the accelerator's spread unless it is said, slow nodes of the job, nothing read in vain."""

from typing import Any

import pytest

from sim import catalog
from sim.errors import InputError
from sim.scenario import scenario_of
from sim.workload.stragglers import Speed
from tests.scenario.trees import WITH_MODEL, WITHOUT_MODEL, changed


def speed(given: dict[str, Any] | None) -> Speed:
    tree = WITH_MODEL if given is None else changed(WITH_MODEL, cluster__speed=given)
    return scenario_of(tree, "file.toml").machines.speed


def test_the_spread_is_that_of_the_accelerator_unless_it_is_said() -> None:
    usual = catalog.accelerator("h100-sxm").speed_spread
    assert usual > 0
    assert speed(None) == speed({}) == Speed(distribution="normal", spread=usual)
    assert speed({"distribution": "lognormal"}) == Speed(distribution="lognormal", spread=usual)
    assert speed({"spread": "3 %"}) == speed({"spread": 0.03}) == Speed(distribution="normal", spread=0.03)
    assert speed({"distribution": "none"}) == Speed(distribution="none", spread=0.0)


def test_slow_nodes_and_throttling_are_read() -> None:
    asked = speed(
        {
            "slow_nodes": [{"node": 3, "factor": 1.2}, {"node": 0, "factor": 2}],
            "throttle": {"fraction": 0.02, "factor": 1.15},
        }
    )
    assert asked.slow_nodes == ((3, 1.2), (0, 2.0))
    assert (asked.throttled, asked.throttle_factor) == (0.02, 1.15)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"slow_nodes": [{"node": 4, "factor": 1.2}]}, "slow_nodes.0.node: got 4, expected 0 to 3, a node of the job"),
        (
            {"slow_nodes": [{"node": 1, "factor": 1.2}, {"node": 1, "factor": 1.3}]},
            "slow_nodes.1.node: got 1 a second time, expected each node once",
        ),
        ({"slow_nodes": [{"node": -1, "factor": 1.2}]}, "slow_nodes.0.node: got -1, expected at least 0"),
        ({"slow_nodes": [{"node": 1, "factor": 0.9}]}, "slow_nodes.0.factor: got 0.9, expected at least 1"),
        ({"slow_nodes": [{"node": 1}]}, "slow_nodes.0.factor: is missing"),
        ({"slow_nodes": {"node": 1, "factor": 1.2}}, "cluster.speed.slow_nodes: got"),
        ({"throttle": {"fraction": 1.5, "factor": 1.2}}, "throttle.fraction: got 1.5, expected at most 1"),
        ({"throttle": {"fraction": 0.1}}, "throttle.factor: is missing"),
        ({"throttle": {"fraction": 0.1, "factor": 1000}}, "throttle.factor: got 1000, expected at most 100"),
        ({"distribution": "gamma"}, "unknown distribution 'gamma'. Known: lognormal, none, normal"),
        ({"distribution": "none", "spread": 0.01}, "cluster.speed: distribution 'none' has no spread"),
        ({"spread": 0.4}, "cluster.speed: spread 0.4 of GPUs of one kind; expected at most 0.3"),
        ({"spread": -0.1}, "cluster.speed.spread: '-0.1' must be finite and not negative"),
        ({"spred": 0.1}, "cluster.speed.spred: unknown key 'spred'; did you mean 'spread'?"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line_at_its_key(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        speed(given)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_study_without_a_model_reads_no_speed() -> None:
    with pytest.raises(InputError, match=r"cluster\.speed: needs a \[model\]"):
        scenario_of(changed(WITHOUT_MODEL, cluster__speed={"spread": 0.01}), "file.toml")
