"""Wrong input is answered in one line: which option or file, what it got, what was expected, the nearest name."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.cli import app

RUNNER = CliRunner()


HOPELESS = """
name = "mine"
extends = "tiny"
[failures]
scale = 15
[checkpoint]
interval = { kind = "fixed", every = "10 h" }
"""
"""Fails each hour on average, and saves every ten."""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("run hopeless.toml", "hopeless.toml: mine: run: not complete after 50 times its planned"),
        ("run hopeless.toml --set name=hopeless.toml", "hopeless.toml: run: not complete after 50 times its planned"),
        (
            "compare hopeless.toml --over cluster.spare_nodes=0,1 --replicas 1 --workers 1",
            "0: mine: run: not complete after 50 times its planned",
        ),
    ],
)
def test_a_run_that_is_given_up_says_of_which_scenario_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hopeless.toml").write_text(HOPELESS)
    result = RUNNER.invoke(app, arguments.split())
    assert result.exit_code == 1
    lines = [line for line in result.stderr.splitlines() if line.startswith("trainwright: ")]
    assert len(lines) == 1 and lines[0].startswith(f"trainwright: {said}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("interval tiny --replicas 0", "--replicas: got '0', expected at least 2"),
        ("interval tiny --precision abc", "--precision: got 'abc', expected a number"),
        ("batch smoke --out x --workers 1.5", "--workers: got '1.5', expected a whole number"),
        ("generations --samples 0", "--samples: got '0', expected at least 20"),
        ("catalog accelerator h100", "unknown accelerator 'h100'; did you mean 'h100-sxm'?"),
        ("run folder.toml", "folder.toml: is a directory; expected a scenario in TOML, or a preset's name"),
        ("compare folder.toml", "folder.toml: is a directory; expected a study in TOML, or the name of one"),
        ("explain nothing", "nothing: holds no readable results; expected the directory of one run, which `run` wrote"),
        ("report batch", "batch: holds a batch, of many runs; expected the directory of one run"),
        ("plan --budget 5", "a model of 34 M parameters is what was asked for, or what the limits lead to; expected"),
    ],
)
def test_a_line_says_what_it_got_and_what_was_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.toml").mkdir()
    Path("batch").mkdir()
    Path("batch/plan.json").write_text("{}")
    result = RUNNER.invoke(app, arguments.split())
    assert result.exit_code == 2
    lines = [line for line in result.stderr.splitlines() if line.startswith("trainwright: ")]
    assert len(lines) == 1 and said in lines[0]
