"""A search on a scenario: found again from its directory, judged on fresh seeds, honest about what was refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sim.batch.optimise.answer import optimise_answer
from sim.batch.optimise.knobs import knobs_of
from sim.batch.optimise.objective import Ask, outcome_of
from sim.batch.optimise.study import Optimised, optimise
from sim.cli import app
from sim.errors import OutputError, ScenarioError
from sim.report.comparison.optimise_report import optimise_report
from sim.scenario import load_scenario
from sim.simulate import simulate

# Without a model a run takes some milliseconds. One failure a day, and a checkpoint blocks for 2 min.
QUICK = """
name = "quick"

[training]
step_time = "10 s"

[cluster]
node = "dgx-h100"
nodes = 16
spare_nodes = 4

[[failures.causes]]
component = "job"
name = "crash"
kind = "exponential"
mean = "1 d"

[recovery]
detect = "5 min"
replace = "5 min"
initialize = "2 min"

[checkpoint]
interval = { kind = "fixed", every = "10 min" }
block = "2 min"
durable_after = "2 min"
restore = "2 min"

[run]
work = "60 d"
seed = 1
"""

EVERY = knobs_of(["checkpoint.interval.every=3min..12h"])


@pytest.fixture
def quick(tmp_path: Path) -> str:
    path = tmp_path / "quick.toml"
    path.write_text(QUICK, "utf-8")
    return str(path)


def found(quick: str, **asked: Any) -> Optimised:
    settings: dict[str, Any] = {"budget": 120, "replicas": 4, "checked": 10, "workers": 1} | asked
    return optimise(quick, EVERY, "wall_time_s", **settings)


def test_the_least_wall_time_is_where_youngs_rule_puts_it(quick: str) -> None:
    """sqrt(2 x 2 min x 1 d) = 76 min; the curve is flat there, so that the loss is compared: 0.3 % of wall time."""
    best = found(quick)
    answer = optimise_answer(best)
    young = outcome_of(
        Ask(
            source=quick,
            overrides=("checkpoint.interval.every=76 min",),
            metric="wall_time_s",
            seeds=tuple(range(5, 15)),
        )
    )
    assert answer["best"]["mean"] <= 1.003 * sum(young.samples) / 10
    assert answer["difference"]["differs"] and answer["difference"]["mean"] < 0
    assert answer["converged"]


def test_every_sample_is_that_of_a_plain_run_and_the_judging_seeds_are_fresh(quick: str) -> None:
    best = found(quick, budget=40)
    settings = optimise_answer(best)["best"]["set"]
    for seeds, samples in ((range(1, 5), best.outcomes[best.winner].samples), (range(5, 15), best.fresh.samples)):
        for seed, value in zip(seeds, samples, strict=True):
            asked = [*(f"{key}={text}" for key, text in settings.items()), f"run.seed={seed}"]
            assert value == simulate(load_scenario(quick, asked)).summary.wall_time_s


def test_a_search_goes_on_from_its_directory_and_ends_where_it_would_have(quick: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    whole = found(quick)
    first = found(quick, budget=40, directory=kept)
    assert first.found == 0
    stored = sorted(kept.glob("evaluation-*.json"))
    assert len(stored) == len(first.points) + 2
    stored[0].write_text('{"point": [', "utf-8")
    again = found(quick, directory=kept)
    assert (again.points, again.outcomes, again.winner) == (whole.points, whole.outcomes, whole.winner)
    assert len(first.points) - 1 <= again.found <= len(first.points) + 2
    once_more = found(quick, directory=kept)
    assert once_more.found == len(whole.points) + 2
    assert optimise_answer(once_more) | {"found_again": 0} == optimise_answer(whole)


def test_a_directory_of_another_search_is_refused(quick: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    found(quick, budget=40, directory=kept)
    with pytest.raises(OutputError, match="its replicas differs"):
        found(quick, budget=40, replicas=3, directory=kept)
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "file").touch()
    with pytest.raises(OutputError, match="holds no search"):
        found(quick, budget=40, directory=tmp_path / "else")


def test_points_that_a_scenario_refuses_are_counted_and_told(quick: str) -> None:
    nodes = knobs_of(["cluster.nodes=0..3:int"])
    best = optimise(quick, nodes, "wall_time_s", budget=40, workers=1)
    answer = optimise_answer(best)
    assert (answer["points"], answer["refused"]["points"]) == (4, 1)
    assert "cluster.nodes" in answer["refused"]["first"]
    assert "Refused: 1 points; the first:" in optimise_report(answer)
    with pytest.raises(ScenarioError, match=r"all 3 points are refused; the first: .*cluster\.nod"):
        optimise(quick, knobs_of(["cluster.nods=0..2:int"]), "wall_time_s", budget=40, workers=1)


def test_higher_is_better_where_it_is(quick: str) -> None:
    best = optimise(quick, EVERY, "ettr", budget=80, workers=1)
    means = [sum(each.samples) for each in best.outcomes]
    assert means[best.winner] == max(means)
    assert optimise_answer(best)["difference"]["mean"] > 0


def test_the_command_line_answers_and_keeps(quick: str, tmp_path: Path) -> None:
    arguments = ["optimise", quick, "--over", "checkpoint.interval.every=3min..12h", "--minimise", "wall_time_s"]
    options = ["--budget", "60", "--workers", "1", "--out", str(tmp_path / "kept")]
    result = CliRunner().invoke(app, [*arguments, *options, "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["runs"] <= answer["budget"] == 60
    assert {row["metric"] for row in answer["rows"]} == {"wall_time_s"}
    text = optimise_report(answer)
    assert max(map(len, text.splitlines())) <= 80
    assert "checkpoint.interval.every = " in text and "judged again under fresh seeds" in " ".join(text.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--over", "checkpoint.interval.evry=3min..12h"], "every"),
        (["--minimise", "wall_tme_s", "--over", "checkpoint.interval.every=3min..12h"], "did you mean 'wall_time_s'"),
        (["--budget", "20", "--over", "checkpoint.interval.every=3min..12h"], "expected 32 at least"),
        ([], "--over: is missing"),
    ],
)
def test_what_is_asked_wrongly_is_refused(quick: str, options: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["optimise", quick, "--workers", "1", "--minimise", "wall_time_s", *options])
    assert result.exit_code == 2
    assert said in result.stderr
