"""[cluster.health] names what is lost; a scenario without it keeps its name."""

import pytest

from sim.errors import InputError, TopologyError, UnknownNameError
from sim.scenario import canonical_text, load_scenario
from sim.simulate import simulate_step_of


def losing(health: str):
    return load_scenario("llama3-405b", [f"cluster.health={health}"])


def test_a_scenario_that_loses_nothing_keeps_its_canonical_form() -> None:
    assert "health" not in canonical_text(load_scenario("llama3-405b"))
    assert "leaf-0-3" in canonical_text(losing('{lost = ["leaf-0-3"]}'))


@pytest.mark.parametrize(
    ("health", "message"),
    [
        ('{degraded = [{link = "a - b", factor = 1.5}]}', "factor"),
        ("{lost = [{rail = 1, plane = 2}]}", "expected exactly one of vertex, link"),
        ("{lost = [{rail = 1, count = 2}]}", "count belongs to link, class or nvswitch"),
        ('{loss = ["leaf-0-3"]}', "did you mean 'lost'"),
    ],
)
def test_what_makes_no_sense_is_refused(health: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        losing(health)


def test_a_step_honours_it() -> None:
    with pytest.raises(UnknownNameError, match=r"cluster\.health\.lost\.0: unknown vertex 'leaf-x'"):
        simulate_step_of(losing('{lost = ["leaf-x"]}'))
    with pytest.raises(TopologyError, match="job stops: node 0 has no path"):
        simulate_step_of(losing('{lost = ["nic-000000"]}'))
