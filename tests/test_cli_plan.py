"""`plan` on the command line, and its guide."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sim.cli import app
from sim.report.text import WIDTH
from sim.workload.scaling.load import law_names

GUIDE = (Path(__file__).parent.parent / "docs" / "plan.md").read_text("utf-8")
SMALL = (
    *("--set", "cluster.nodes=2", "--set", "model.preset=llama3-8b", "--set", "training.phases=[]"),
    *("--set", "training.global_batch=32", "--set", "parallelism={}", "--set", "training.micro_batch=1"),
)


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def ranking() -> dict[str, Any]:
    result = call("plan", "llama3-405b", "--layouts", "--best", "3", *SMALL, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_layouts_are_ranked_by_what_is_known_of_their_steps(ranking: dict[str, Any]) -> None:
    steps = [row["simulated_s"] for row in ranking["rows"]]
    assert len(steps) == 3
    assert steps == sorted(steps)
    assert all(row["bound_s"] <= row["estimate_s"] for row in ranking["rows"])
    assert sum(ranking["search"]["counts"].values()) == ranking["search"]["considered"]
    assert all(
        row["layout"]["tensor"] * row["layout"]["context"] * row["layout"]["pipeline"] * row["layout"]["data"] == 16
        for row in ranking["rows"]
    )


def test_the_ranking_fits_the_screen() -> None:
    result = call("plan", "llama3-405b", "--layouts", "--best", "3", *SMALL)
    assert result.stdout.startswith("Fastest of ")
    assert max(map(len, result.stdout.splitlines())) <= WIDTH


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--deadline", "30 d"), "nothing says how much is trained"),
        (("--budget", "1e9", "--node", "dgx-h10"), "did you mean 'dgx-h100'?"),
        (("--budget", "1e9", "--law", "chinchila-2024"), "did you mean 'chinchilla-2024'?"),
        (("--loss", "1.0"), "none is enough for a loss of 1"),
        (("--compare", "--budget", "1e9"), "nothing says which loss"),
        (("llama3-405", "--budget", "1e9"), "unknown preset 'llama3-405'"),
    ],
)
def test_a_wrong_question_is_one_line_and_exit_code_2(arguments: tuple[str, ...], expected: str) -> None:
    result = call("plan", *arguments)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_guide_names_every_law_and_no_option_that_is_not_there() -> None:
    assert all(f"`{name}`" in GUIDE for name in law_names())
    known = set(re.findall(r"--[a-z-]+", call("plan", "--help").stdout))
    assert set(re.findall(r"--[a-z][a-z-]*", GUIDE)) <= known
