"""A scenario with ages, lemons and laws of its own, from the form to the answer."""

from typing import Any

import pytest

from sim.report.run.answers import run_json
from sim.scenario import scenario_of
from sim.simulate import RunResult, simulate
from tests.scenario.trees import WITHOUT_MODEL, changed

NODE = {"component": "node", "name": "board", "kind": "exponential", "mean": "264 d"}
WORN = {"component": "gpu", "name": "hbm", "kind": "weibull", "mean": "4000 d", "shape": 3}


def run(**failures: Any) -> RunResult:
    tree = changed(WITHOUT_MODEL, failures={"causes": [NODE], **failures}, run={"horizon": "20 d"})
    return simulate(scenario_of(tree, "file.toml"))


def failures(result: RunResult) -> list[tuple[int, int, int]]:
    return [(e.time_us, e.component_index, e.ordinal) for e in result.trace.events if e.kind == "failure"]


def test_only_a_poisson_count_of_interruptions_has_an_expectation() -> None:
    plain = run_json(run())
    assert plain["interruptions_expected"] == pytest.approx(512 / 264 * plain["job_up_s"] / 86_400)
    assert run_json(run(lemons={"fraction": 0.02, "factor": 10}))["interruptions_expected"] is None
    assert run_json(run(causes=[NODE, WORN]))["interruptions_expected"] is None


def test_lives_without_memory_give_the_same_run_whatever_the_ages() -> None:
    old = run(ages=[{"nodes": 100, "age": "0 d"}, {"nodes": 420, "age": "900 d"}])
    assert failures(old) == failures(run())
    assert old.run_id != run().run_id


def test_what_wears_out_fails_in_the_old_batch() -> None:
    result = run(causes=[WORN], ages=[{"nodes": 260, "age": "0 d"}, {"nodes": 260, "age": "4000 d"}])
    nodes = [component // 8 for _, component, _ in failures(result)]
    assert len(nodes) > 10
    assert min(nodes) >= 260
