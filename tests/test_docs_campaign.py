"""What the guide to campaigns says is so: its campaign runs, its commands print its lines, its tables are computed."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.campaign.campaign import simulate_campaign
from sim.campaign.forms.load import load_campaign
from sim.campaign.multiplier import multipliers
from sim.campaign.records import KINDS
from sim.cli import app

TEXT = (Path(__file__).parent.parent / "docs" / "campaign.md").read_text("utf-8")
BLOCKS = re.findall(r"^```toml campaign\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
COMMANDS = [block.splitlines() for block in re.findall(r"^```console\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)]


def test_the_blocks_together_are_a_campaign_that_runs(tmp_path: Path) -> None:
    assert len(BLOCKS) == 4
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(BLOCKS), encoding="utf-8")
    result = simulate_campaign(load_campaign(str(path)))
    assert {"ablation", "final", "evaluation", "others", "distillation"} <= {o.kind for o in result.outcomes}
    assert len([o for o in result.outcomes if o.entry.name == "ablation"]) == 4


@pytest.mark.parametrize("lines", COMMANDS, ids=[lines[0] for lines in COMMANDS])
def test_a_command_prints_the_lines_that_are_shown(lines: list[str]) -> None:
    program, *arguments = shlex.split(lines[0].removeprefix("$ "))
    assert program == "trainwright"
    printed = CliRunner().invoke(app, arguments).stdout.splitlines()
    assert [line for line in lines[1:] if line not in printed] == []


def test_every_kind_of_run_is_named() -> None:
    (listed,) = re.findall(r'^kind = "ablation"\s+# (.*)$', TEXT, re.MULTILINE)
    assert set(listed.split()) == {*KINDS} - {"failed"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["llama3-405b", "deepseek-v3"])
def test_the_multipliers_of_the_table_come_out(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", TEXT, re.MULTILINE)
    found = multipliers(simulate_campaign(load_campaign(name)))
    assert row == tuple(f"{each:.2f}" for each in (found.gpu_hours, found.held, found.usd))
