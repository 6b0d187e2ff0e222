"""Ages, lemons and infant mortality of the form: what they become, and what is refused."""

from typing import Any

import pytest

from sim.errors import InputError
from sim.reliability.failures.exposure import job_mtbf_s
from sim.reliability.failures.hazards import infant_law
from sim.reliability.records import AgeBatch, Lemons
from sim.reliability.saving.interval import young_s
from sim.scenario import Scenario, canonical_text, scenario_of
from sim.simulate import run_plan
from tests.scenario.trees import WITHOUT_MODEL, changed

DAY = 86_400.0
JOB = {"component": "job", "name": "software", "kind": "exponential", "mean": "9 d"}
NODE = {"component": "node", "name": "board", "kind": "weibull", "mean": "264 d", "shape": 1.5}
GPU = {"component": "gpu", "name": "gpu", "kind": "exponential", "mean": "2000 d"}


def resolved(**failures: Any) -> Scenario:
    """512 nodes and 8 spares."""
    tree = changed(WITHOUT_MODEL, failures={"causes": [JOB, NODE, GPU], **failures})
    return scenario_of(tree, "file.toml")


def test_ages_reach_the_plan_of_the_run() -> None:
    scenario = resolved(ages=[{"nodes": 300, "age": "0 d"}, {"nodes": 220, "age": "400 d"}])
    expected = (AgeBatch(nodes=300, age_s=0.0), AgeBatch(nodes=220, age_s=400 * DAY))
    assert scenario.failures.ages == expected
    assert run_plan(scenario, (), None).ages == expected


def test_lemons_are_of_all_causes_of_nodes_or_of_those_named() -> None:
    lemons = Lemons(fraction=0.012, factor=10.0)
    asked = {"fraction": "1.2 %", "factor": 10}
    assert [c.lemons for c in resolved(lemons=asked).failures.classes] == [None, lemons, lemons]
    named = resolved(lemons={**asked, "causes": ["gpu"]}).failures.classes
    assert [c.lemons for c in named] == [None, None, lemons]


def test_infant_mortality_is_of_exponential_lives_and_lasts_as_long_as_it_says_whatever_the_scale() -> None:
    software, board, gpu = resolved(infant={"factor": 6, "until": "30 d"}, scale=2).failures.classes
    assert (software.life.kind, board.life.kind) == ("exponential", "weibull")
    assert gpu.life == infant_law(1000 * DAY, 6.0, 30 * DAY)


def test_an_interval_by_rule_knows_lemons() -> None:
    checkpoint = {"interval": {"kind": "young"}, "block": "2 s", "durable_after": "60 s", "restore": "10 s"}
    tree = changed(WITHOUT_MODEL, failures={"causes": [NODE], "lemons": {"fraction": 0.1, "factor": 11}})
    scenario = scenario_of(changed(tree, checkpoint=checkpoint), "file.toml")
    mtbf_s = 264 * DAY / 512 / 2
    assert job_mtbf_s(scenario.failures.classes, 512) == pytest.approx(mtbf_s)
    assert run_plan(scenario, (), None).checkpoint.interval_us == round(young_s(2.0, mtbf_s) * 1e6)


def test_scenarios_that_say_nothing_of_a_fleet_keep_their_names() -> None:
    text = canonical_text(resolved())
    assert all(word not in text for word in ("ages", "lemons", "table"))
    assert canonical_text(resolved(lemons={"fraction": 0.1, "factor": 2})) != text
    assert canonical_text(resolved(ages=[{"nodes": 520, "age": "1 d"}])) != text


def test_a_scale_of_zero_switches_ages_and_lemons_off() -> None:
    scenario = resolved(
        scale=0, lemons={"fraction": 0.1, "factor": 2}, ages=[{"nodes": 520, "age": "400 d"}], infant=None
    )
    assert canonical_text(scenario) == canonical_text(resolved(scale=0))


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        ({"ages": [{"nodes": 512, "age": "1 d"}]}, "ages of 512 nodes, expected those of all 520, spares included"),
        ({"ages": [{"nodes": 520, "age": "9 y"}]}, "lives of 'board' reach (mean 264 d); expected a younger batch"),
        ({"ages": [{"nodes": 520, "age": 400}]}, "failures.ages.0.age: '400' has no unit"),
        ({"ages": [{"nodes": 520}]}, "failures.ages.0.age: is missing; failures.ages.0 needs nodes, age"),
        ({"ages": [{"nodes": 520, "age": "1 d", "agge": "1 d"}]}, "unknown key 'agge'; did you mean 'age'?"),
        ({"lemons": {"fraction": 1.2, "factor": 2}}, "failures.lemons.fraction: got 1.2, expected at most 1"),
        ({"lemons": {"fraction": 0.1, "factor": 0.5}}, "failures.lemons.factor: got 0.5, expected at least 1"),
        (
            {"lemons": {"fraction": 0.1, "factor": 2, "causes": ["bord"]}},
            "failures.lemons.causes: unknown cause 'bord'; did you mean 'board'?",
        ),
        (
            {"lemons": {"fraction": 0.1, "factor": 2, "causes": ["software"]}},
            "failures.lemons.causes: 'software' hits a job, which no node holds",
        ),
        ({"lemons": {"fraction": 0.1, "factor": 2}, "causes": [JOB]}, "failures.lemons: got no cause of failure of"),
        (
            {"infant": {"factor": 2, "until": "9 d", "causes": ["board"]}},
            "failures.infant: the lives of 'board' are weibull; expected a cause with exponential ones",
        ),
        ({"infant": {"factor": 2, "until": "9 d"}, "causes": [JOB, NODE]}, "the lives of 'board' are weibull"),
    ],
)
def test_a_fleet_that_cannot_be_says_why(failures: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        resolved(**failures)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
